/* Streaming messages through connections, beside hand-written C for the same job.
 *
 * Two processes on two cores, over TCP loopback and over a Unix socket pair. A message is 4 bytes
 * of length, big-endian, and a body; every receiver adds up the lengths and the first and the last
 * byte of each, and the sum is compared with what was sent. The bytes of the bodies
 * lie in the sender's cache. All run in alternating rounds of one run; each figure is a median with
 * its range, each ratio the median of the ratios of rates within a round.
 *
 * The C is written in several ways, of which the fastest in each row is what the others are held
 * against: see `contestants`.
 *
 *     connection [short] [ROUNDS]              the whole table; short: little time for each
 *     connection WAY SIZE CONTESTANT SECONDS   one of them, for perf: connection tcp 64 many 10
 */
#define _GNU_SOURCE
#include "fdwire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  KIB = 1024, MIB = 1024 * KIB, BATCH = 256 * KIB, COPIED = 2 * KIB, PARTS = 1024, VECTOR = 256,
  ROUNDS_MAX = 99
};

static __attribute__((noreturn)) void die(const char *what) {
  fprintf(stderr, "connection: %s\n", what);
  _exit(1);
}

static __attribute__((noreturn)) void die_of(const char *what) {
  fprintf(stderr, "connection: %s: %s\n", what, strerror(errno));
  _exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Memory whose pages are there already. */
static void *room_for(size_t len) {
  void *room = malloc(len);
  if (room == NULL)
    die("no memory");
  memset(room, 1, len);
  return room;
}

/* One end of a stream, and what its contestant keeps there. */
struct end {
  int fd;
  size_t size; /* bytes in a body */

  /* The sender's: bodies that differ, next to one another, sent over and over. */
  const uint8_t *bodies;
  size_t slots, slot;

  /* The receiver's: what came. */
  uint64_t sum;

  /* Hand-written C. */
  uint8_t *room; /* a batch, or what was read */
  size_t cap, from, to;
  uint8_t *body; /* where a large one is read to */

  /* fdwire. */
  fdwire_conn *conn;
};

static inline const uint8_t *next_body(struct end *end) {
  const uint8_t *body = end->bodies + end->slot * end->size;
  if (++end->slot == end->slots)
    end->slot = 0;
  return body;
}

/* A length that is compared with the one that all have would be taken for it by the compiler, and a
   loop would find the next message without having read how long this one is. */
static inline void take(struct end *end, const uint8_t *body, size_t len) {
  if (len > 0)
    end->sum += (uint64_t)len << 16 | (uint64_t)body[0] << 8 | body[len - 1];
}

/* Hand-written C: bytes. */

static void write_all(int fd, const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  while (len > 0) {
    ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR)
      die_of("send");
    if (n > 0) {
      at += n;
      len -= (size_t)n;
    }
  }
}

static void write_parts(int fd, struct iovec *parts, size_t count) {
  while (count > 0) {
    struct msghdr all;
    memset(&all, 0, sizeof all);
    all.msg_iov = parts;
    all.msg_iovlen = count;
    ssize_t n = sendmsg(fd, &all, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR)
      die_of("sendmsg");
    size_t left = n > 0 ? (size_t)n : 0;
    for (; count > 0 && left >= parts->iov_len; count--)
      left -= parts++->iov_len;
    if (count > 0) {
      parts->iov_base = (uint8_t *)parts->iov_base + left;
      parts->iov_len -= left;
    }
  }
}

static size_t read_some(int fd, void *room, size_t cap) {
  for (;;) {
    ssize_t n = recv(fd, room, cap, 0);
    if (n > 0)
      return (size_t)n;
    if (n == 0)
      die("the stream ended early");
    if (errno != EINTR)
      die_of("recv");
  }
}

static size_t read_two(int fd, void *first, size_t first_len, void *second, size_t second_len) {
  struct iovec parts[2] = {{first, first_len}, {second, second_len}};
  for (;;) {
    ssize_t n = readv(fd, parts, 2);
    if (n > 0)
      return (size_t)n;
    if (n == 0)
      die("the stream ended early");
    if (errno != EINTR)
      die_of("readv");
  }
}

static inline void put_head(uint8_t *at, size_t len) {
  uint32_t head = htonl((uint32_t)len);
  memcpy(at, &head, 4);
}

static inline size_t get_head(const uint8_t *at) {
  uint32_t head;
  memcpy(&head, at, 4);
  return ntohl(head);
}

/* As many bytes, with nothing to find in them. */

static void bytes_send(struct end *end, long n) {
  size_t left = (size_t)n * (4 + end->size);
  for (size_t piece; left > 0; left -= piece) {
    piece = left < BATCH ? left : BATCH;
    write_all(end->fd, end->room, piece);
  }
}

static void bytes_receive(struct end *end, long n) {
  size_t left = (size_t)n * (4 + end->size), got;
  for (; left > 0; left -= got)
    got = read_some(end->fd, end->room, left < BATCH ? left : BATCH);
}

/* The loop that everybody writes first: a call for the head, and one for the body. */

static void loop_send(struct end *end, long n) {
  for (; n > 0; n--) {
    uint8_t head[4];
    put_head(head, end->size);
    write_all(end->fd, head, 4);
    write_all(end->fd, next_body(end), end->size);
  }
}

static void read_all(int fd, uint8_t *at, size_t len) {
  for (size_t got; len > 0; len -= got, at += got)
    got = read_some(fd, at, len);
}

static void loop_receive(struct end *end, long n) {
  for (; n > 0; n--) {
    uint8_t head[4];
    read_all(end->fd, head, 4);
    size_t len = get_head(head);
    if (len > end->size)
      die("a message is too long");
    read_all(end->fd, end->body, len);
    take(end, end->body, len);
  }
}

/* Batches into which bodies are copied. */
static void copy_send(struct end *end, long n) {
  uint8_t *at = end->room, *full = end->room + BATCH;
  size_t size = end->size;
  for (; n > 0; n--) {
    const uint8_t *body = next_body(end);
    if ((size_t)(full - at) < 4 + size) {
      write_all(end->fd, end->room, (size_t)(at - end->room));
      at = end->room;
    }
    put_head(at, size);
    memcpy(at + 4, body, size);
    at += 4 + size;
  }
  write_all(end->fd, end->room, (size_t)(at - end->room));
}

/* Batches that refer to the bodies where they are. */
static void gather_send(struct end *end, long n) {
  struct iovec parts[PARTS];
  size_t count = 0, waiting = 0;
  for (; n > 0; n--) {
    uint8_t *head = end->room + 2 * count; /* two parts a message, 4 bytes a head */
    put_head(head, end->size);
    parts[count].iov_base = head;
    parts[count++].iov_len = 4;
    parts[count].iov_base = (void *)next_body(end);
    parts[count++].iov_len = end->size;
    waiting += 4 + end->size;
    if (waiting >= BATCH || count == PARTS || n == 1) {
      write_parts(end->fd, parts, count);
      count = waiting = 0;
    }
  }
}

/* Reads all there is, and finds the messages where it was read to. */
static void in_place_receive(struct end *end, long n) {
  uint8_t *room = end->room;
  size_t from = end->from, to = end->to, cap = end->cap;
  for (;;) {
    size_t need = 4;
    for (; n > 0 && to - from >= 4; n--) {
      size_t len = get_head(room + from);
      if (len > end->size)
        die("a message is too long");
      if (to - from - 4 < len) {
        need = 4 + len;
        break;
      }
      take(end, room + from + 4, len);
      from += 4 + len;
    }
    if (n == 0)
      break;
    if (from > 0 && (from == to || cap - from < need || cap - to < BATCH / 2)) {
      memmove(room, room + from, to - from);
      to -= from;
      from = 0;
    }
    to += read_some(end->fd, room + to, cap - to);
  }
  end->from = from;
  end->to = to;
}

/* Reads large bodies straight to where they end up, and what comes behind them to the buffer. */
static void straight_receive(struct end *end, long n) {
  uint8_t *room = end->room;
  for (; n > 0; n--) {
    while (end->to - end->from < 4) {
      memmove(room, room + end->from, end->to - end->from);
      end->to -= end->from;
      end->from = 0;
      end->to += read_some(end->fd, room + end->to, BATCH - end->to);
    }
    size_t len = get_head(room + end->from), here = end->to - end->from - 4;
    if (len > end->size)
      die("a message is too long");
    size_t got = here < len ? here : len;
    memcpy(end->body, room + end->from + 4, got);
    end->from += 4 + got;
    if (got < len) {
      while (got < len)
        got += read_two(end->fd, end->body + got, len - got, room, BATCH);
      end->from = 0;
      end->to = got - len;
    }
    take(end, end->body, len);
  }
}

static void by_hand(struct end *end) {
  end->cap = end->size > BATCH / 2 ? end->size + 4 + BATCH : BATCH;
  end->room = room_for(end->cap);
  end->body = room_for(end->size);
}

/* fdwire. */

static void open_conn(struct end *end, int one_thread, int batch) {
  if (fdwire_conn_new(end->fd, end->fd, NULL, &end->conn) != 0 ||
      fdwire_conn_set(end->conn, FDWIRE_ONE_THREAD, one_thread ? FDWIRE_BOTH : 0) != 0 ||
      fdwire_conn_set(end->conn, FDWIRE_BATCH, batch) != 0)
    die("no connection");
}

static void locked(struct end *end) {
  open_conn(end, 0, BATCH);
}

static void unlocked(struct end *end) {
  open_conn(end, 1, BATCH);
}

static void at_once(struct end *end) {
  open_conn(end, 0, 0);
}

static void with_body(struct end *end) {
  open_conn(end, 0, BATCH);
  end->body = room_for(end->size);
}

static void sent(int result) {
  if (result < 0)
    die(fdwire_error_name(result));
}

static size_t next_vector(struct end *end, fdwire_msg *msgs, long n) {
  size_t count = n < VECTOR ? (size_t)n : VECTOR;
  for (size_t i = 0; i < count; i++) {
    msgs[i].head = NULL;
    msgs[i].body = next_body(end);
    msgs[i].head_len = 0;
    msgs[i].body_len = end->size;
  }
  return count;
}

static void many_send(struct end *end, long n) {
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    count = next_vector(end, msgs, n);
    sent(fdwire_conn_send_many(end->conn, msgs, count, -1));
  }
  sent(fdwire_conn_flush(end->conn, -1));
}

/* Queued in vectors, and flushed as soon as a batch waits. */
static void queue_send(struct end *end, long n) {
  long most = BATCH / (long)end->size;
  size_t waiting = 0;
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    count = next_vector(end, msgs, most < 1 ? 1 : n < most ? n : most);
    sent(fdwire_conn_queue(end->conn, msgs, count));
    waiting += count * (4 + end->size);
    if (waiting >= BATCH) {
      sent(fdwire_conn_flush(end->conn, -1));
      waiting = 0;
    }
  }
  sent(fdwire_conn_flush(end->conn, -1));
}

static void many_receive(struct end *end, long n) {
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    if (fdwire_conn_recv_many(end->conn, msgs, n < VECTOR ? (size_t)n : VECTOR, &count, -1) != 1)
      die("fdwire_conn_recv_many");
    for (size_t i = 0; i < count; i++)
      take(end, msgs[i].body, msgs[i].body_len);
  }
}

static void one_send(struct end *end, long n) {
  for (; n > 0; n--)
    sent(fdwire_conn_send(end->conn, next_body(end), end->size, -1));
  sent(fdwire_conn_flush(end->conn, -1));
}

static void one_receive(struct end *end, long n) {
  fdwire_msg msg;
  for (; n > 0; n--) {
    if (fdwire_conn_recv(end->conn, &msg, -1) != 1)
      die("fdwire_conn_recv");
    take(end, msg.body, msg.body_len);
  }
}

static void into_receive(struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    if (fdwire_conn_recv_into(end->conn, end->body, end->size, &len, -1) != 1)
      die("fdwire_conn_recv_into");
    take(end, end->body, len);
  }
}

enum {
  COPY, GATHER, STRAIGHT, BYTES, LOOP, MANY, MANY_1, NOW, QUEUE, ONE, ONE_1, INTO, CONTESTANTS,
  HAND_WRITTEN = BYTES
};
static const struct contestant {
  const char *name, *what;
  void (*open)(struct end *end);
  void (*send)(struct end *end, long n); /* n messages, all of them to the kernel */
  void (*receive)(struct end *end, long n);
  size_t least, most; /* sizes for which it differs from another */
} contestants[CONTESTANTS] = {
    [COPY] = {"copy", "C: batches of 256 KiB, bodies copied; messages found in place", by_hand,
              copy_send, in_place_receive, 0, 64 * KIB},
    [GATHER] = {"gather", "C: the same, bodies gathered by one sendmsg", by_hand, gather_send,
                in_place_receive, COPIED + 1, SIZE_MAX},
    [STRAIGHT] = {"straight", "C: gathered; large bodies read straight to their place", by_hand,
                  gather_send, straight_receive, BATCH / 4, SIZE_MAX},
    [BYTES] = {"bytes", "the same bytes written and read in pieces of 256 KiB", by_hand, bytes_send,
               bytes_receive, 0, SIZE_MAX},
    [LOOP] = {"loop", "C: a call for each head and each body", by_hand, loop_send, loop_receive, 0,
              SIZE_MAX},
    [MANY] = {"many", "fdwire: 256 messages a call, FDWIRE_BATCH 256 KiB", locked, many_send,
              many_receive, 0, SIZE_MAX},
    [MANY_1] = {"many-1", "the same with FDWIRE_ONE_THREAD", unlocked, many_send, many_receive, 0,
                SIZE_MAX},
    [NOW] = {"now", "fdwire: 256 messages a call, each call sent at once", at_once, many_send,
             many_receive, 0, BATCH / VECTOR - 4},
    [QUEUE] = {"queue", "fdwire: queued in vectors, flushed at 256 KiB", at_once, queue_send,
               many_receive, 0, SIZE_MAX},
    [ONE] = {"one", "fdwire: one message a call, FDWIRE_BATCH 256 KiB", locked, one_send,
             one_receive, 0, SIZE_MAX},
    [ONE_1] = {"one-1", "the same with FDWIRE_ONE_THREAD", unlocked, one_send, one_receive, 0,
               SIZE_MAX},
    [INTO] = {"into", "fdwire: received into the caller's memory", with_body, one_send,
              into_receive, 16 * KIB, SIZE_MAX},
};

static int takes_part(int i, size_t size) {
  return size >= contestants[i].least && size <= contestants[i].most;
}

/* A run. */

static char congestion[32] = "cubic";

/* A machine's default may pace loopback, so that all would be as slow: both ends get one that
   does not. */
static void set_congestion(int fd) {
  socklen_t len = sizeof congestion;
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion)) < 0)
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  memset(congestion, 0, sizeof congestion);
  if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &len) < 0)
    die_of("TCP_CONGESTION");
}

static void tcp_pair(int fds[2]) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || fds[0] < 0)
    die_of("socket");
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  set_congestion(listener);
  set_congestion(fds[0]);
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0)
    die_of("listen");
  if (connect(fds[0], (struct sockaddr *)&address, size) < 0 ||
      (fds[1] = accept(listener, NULL, NULL)) < 0)
    die_of("connect");
  for (int i = 0; i < 2; i++)
    setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  close(listener);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set); /* where there is one core only, so be it */
}

static double cpu_time(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* What an end says of a run. */
struct report {
  double done, cpu;
  uint64_t calls, sum;
};

struct outcome {
  double taken, rate;
  double cpu;           /* seconds a message, of the end that took more */
  double writes, reads; /* system calls a message, of fdwire */
};

static struct report *theirs; /* the receiver's, in shared memory */

static uint64_t calls_of(const struct end *end, int reads) {
  fdwire_stats stats;
  memset(&stats, 0, sizeof stats);
  if (end->conn != NULL && fdwire_conn_stats(end->conn, &stats, sizeof stats) != 0)
    die("fdwire_conn_stats");
  return reads ? stats.reads : stats.writes;
}

static void receiver(const struct contestant *c, struct end *end, int said, long warm_up, long n) {
  pin(1);
  c->open(end);
  c->receive(end, warm_up);
  double cpu = cpu_time();
  uint64_t calls = calls_of(end, 1);
  if (write(said, "w", 1) != 1)
    die_of("write");
  c->receive(end, n);
  theirs->done = now();
  theirs->cpu = cpu_time() - cpu;
  theirs->calls = calls_of(end, 1) - calls;
  theirs->sum = end->sum;
  if (write(said, "d", 1) != 1)
    die_of("write");
  _exit(0);
}

static void hear(int said, char what) {
  char byte = 0;
  ssize_t n;
  while ((n = read(said, &byte, 1)) < 0 && errno == EINTR)
    ;
  if (n != 1 || byte != what)
    die("the receiver has failed");
}

static struct report sender(const struct contestant *c, struct end *end, int said, long warm_up,
                            long n) {
  struct report ours;
  pin(0);
  c->open(end);
  c->send(end, warm_up);
  hear(said, 'w');
  double cpu = cpu_time();
  uint64_t calls = calls_of(end, 0);
  double start = now();
  c->send(end, n);
  ours.cpu = cpu_time() - cpu;
  ours.calls = calls_of(end, 0) - calls;
  hear(said, 'd');
  ours.done = theirs->done - start;
  return ours;
}

static void release(struct end *end) {
  fdwire_conn_free(end->conn);
  free(end->room);
  free(end->body);
  close(end->fd);
}

/* Few enough bodies to stay in the first cache, each with a first and a last byte of its own. */
static void make_bodies(size_t size, struct end *end) {
  memset(end, 0, sizeof *end);
  end->size = size;
  end->slots = size < 64 * KIB ? 64 * KIB / size : 1;
  if (end->slots > VECTOR)
    end->slots = VECTOR;
  uint8_t *bodies = room_for(end->slots * size);
  for (size_t i = 0; i < end->slots; i++) {
    bodies[i * size] = (uint8_t)i;
    bodies[i * size + size - 1] = (uint8_t)~i;
  }
  end->bodies = bodies;
}

static uint64_t sum_of(const struct end *sender, long n) {
  struct end end = *sender;
  end.slot = 0;
  end.sum = 0;
  for (; n > 0; n--)
    take(&end, next_body(&end), end.size);
  return end.sum;
}

static struct outcome run(const struct contestant *c, int tcp, const struct end *bodies, long n) {
  int fds[2], said[2], status = 1;
  long warm_up = n / 10 + 2;
  struct end end = *bodies;
  if (tcp)
    tcp_pair(fds);
  else if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
    die_of("socketpair");
  if (pipe(said) < 0)
    die_of("pipe");
  pid_t child = fork();
  if (child < 0)
    die_of("fork");
  end.fd = fds[child == 0];
  close(fds[child != 0]);
  close(said[child != 0]);
  if (child == 0)
    receiver(c, &end, said[1], warm_up, n);
  struct report ours = sender(c, &end, said[0], warm_up, n);
  if (waitpid(child, &status, 0) != child || status != 0)
    die("the receiver has failed");
  if (c->receive != bytes_receive && theirs->sum != sum_of(bodies, warm_up + n))
    die("what was received is not what was sent");
  close(said[0]);
  release(&end);
  double messages = (double)n;
  struct outcome outcome = {ours.done, messages / ours.done,
                            (ours.cpu > theirs->cpu ? ours.cpu : theirs->cpu) / messages,
                            (double)ours.calls / messages, (double)theirs->calls / messages};
  return outcome;
}

/* How many messages take so many seconds. */
static long calibrate(const struct contestant *c, int tcp, const struct end *bodies,
                      double seconds) {
  long n = 4 * (long)MIB / (long)bodies->size;
  if (c->send == loop_send && n > 2000)
    n = 2000;
  if (n < 4)
    n = 4;
  for (;;) {
    double taken = run(c, tcp, bodies, n).taken;
    if (taken >= seconds / 4)
      return (long)((double)n * seconds / taken) + 1;
    n = (long)((double)n * (taken < seconds / 32 ? 8 : seconds / 2 / taken)) + 1;
  }
}

/* The tables. */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int rounds) {
  qsort(values, (size_t)rounds, sizeof *values, ascending);
  return values[rounds / 2];
}

static void show(double *values, int rounds) {
  double middle = median(values, rounds);
  const char *format = middle < 0.1 ? "| %.3f (%.3f-%.3f) " : "| %.2f (%.2f-%.2f) ";
  printf(format, middle, values[0], values[rounds - 1]);
}

static const struct {
  const char *name;
  size_t size;
} sizes[] = {{"16", 16},        {"64", 64},        {"256", 256}, {"1K", KIB},      {"4K", 4 * KIB},
             {"16K", 16 * KIB}, {"64K", 64 * KIB}, {"1M", MIB},  {"16M", 16 * MIB}};
enum { SIZES = sizeof sizes / sizeof *sizes };
static const char *const ways[2] = {"unix", "tcp"};

static struct outcome outcomes[2][SIZES][CONTESTANTS][ROUNDS_MAX];

/* The way to write the C that is the fastest in most rounds. */
static int best_by_hand(int tcp, int size, int rounds) {
  int best = -1;
  double most = 0, rates[ROUNDS_MAX];
  for (int i = 0; i < HAND_WRITTEN; i++)
    if (takes_part(i, sizes[size].size)) {
      for (int round = 0; round < rounds; round++)
        rates[round] = outcomes[tcp][size][i][round].rate;
      if (median(rates, rounds) > most) {
        most = median(rates, rounds);
        best = i;
      }
    }
  return best;
}

/* Rounds alternate, and so does who goes first in them. */
static void measure(int tcp, int size, int rounds, double seconds) {
  struct end bodies;
  long counts[CONTESTANTS];
  make_bodies(sizes[size].size, &bodies);
  for (int i = 0; i < CONTESTANTS; i++)
    if (takes_part(i, bodies.size))
      counts[i] = calibrate(&contestants[i], tcp, &bodies, seconds);
  for (int round = 0; round < rounds; round++)
    for (int turn = 0; turn < CONTESTANTS; turn++) {
      int i = (turn + round) % CONTESTANTS;
      if (takes_part(i, bodies.size))
        outcomes[tcp][size][i][round] = run(&contestants[i], tcp, &bodies, counts[i]);
    }
  free((void *)bodies.bodies);
}

static void rate_row(int tcp, int size, int rounds) {
  int best = best_by_hand(tcp, size, rounds);
  double values[ROUNDS_MAX];
  for (int round = 0; round < rounds; round++)
    values[round] = outcomes[tcp][size][best][round].rate;
  double rate = median(values, rounds);
  printf("| %s-%s | %.*f (%.*f-%.*f), %s ", ways[tcp], sizes[size].name, rate < 1000, rate,
         rate < 1000, values[0], rate < 1000, values[rounds - 1], contestants[best].name);
  for (int i = HAND_WRITTEN; i < CONTESTANTS; i++) {
    for (int round = 0; round < rounds; round++)
      values[round] = outcomes[tcp][size][i][round].rate / outcomes[tcp][size][best][round].rate;
    if (takes_part(i, sizes[size].size))
      show(values, rounds);
    else
      printf("| ");
  }
  printf("|\n");
  fflush(stdout);
}

/* Processor time of the slower end, which is steadier than the clock on a machine with other
   work to do. */
static void cpu_row(int tcp, int size, int rounds) {
  int best = best_by_hand(tcp, size, rounds);
  double values[ROUNDS_MAX];
  for (int round = 0; round < rounds; round++)
    values[round] = outcomes[tcp][size][best][round].cpu;
  printf("| %s-%s | %.1f ", ways[tcp], sizes[size].name, median(values, rounds) * 1e9);
  for (int i = HAND_WRITTEN; i < CONTESTANTS; i++) {
    for (int round = 0; round < rounds; round++)
      values[round] = outcomes[tcp][size][best][round].cpu / outcomes[tcp][size][i][round].cpu;
    if (takes_part(i, sizes[size].size))
      show(values, rounds);
    else
      printf("| ");
  }
  printf("|\n");
}

static void calls_row(int tcp, int size, int rounds) {
  printf("| %s-%s ", ways[tcp], sizes[size].name);
  for (int i = MANY; i < CONTESTANTS; i++) {
    double writes[ROUNDS_MAX], reads[ROUNDS_MAX];
    for (int round = 0; round < rounds; round++) {
      writes[round] = outcomes[tcp][size][i][round].writes;
      reads[round] = outcomes[tcp][size][i][round].reads;
    }
    if (takes_part(i, sizes[size].size))
      printf("| %.4g + %.4g ", median(writes, rounds), median(reads, rounds));
    else
      printf("| ");
  }
  printf("|\n");
}

static void heading(const char *first, int from) {
  printf("| size %s", first);
  for (int i = from; i < CONTESTANTS; i++)
    printf("| %s ", contestants[i].name);
  printf("|\n|---");
  for (int i = from - (*first != 0); i < CONTESTANTS; i++)
    printf("|---");
  printf("|\n");
}

static void table(int rounds, double seconds) {
  for (int i = 0; i < CONTESTANTS; i++)
    printf("%-9s %s\n", contestants[i].name, contestants[i].what);
  printf("\nThe rate of the best C, in messages a second, and the rates of the others beside it: "
         "median and range of the\n"
         "ratios within %d alternating rounds. The C is compiled by %s.\n\n",
         rounds, __VERSION__);
  heading("| best C ", HAND_WRITTEN);
  for (int tcp = 1; tcp >= 0; tcp--)
    for (int size = 0; size < SIZES; size++) {
      measure(tcp, size, rounds, seconds);
      rate_row(tcp, size, rounds);
    }
  printf("\nProcessor time of the end that takes more: ns a message of the best C, and by how much "
         "the others take less.\n\n");
  heading("| best C ", HAND_WRITTEN);
  for (int tcp = 1; tcp >= 0; tcp--)
    for (int size = 0; size < SIZES; size++)
      cpu_row(tcp, size, rounds);
  printf("\nSystem calls a message: the sender's + the receiver's.\n\n");
  heading("", MANY);
  for (int tcp = 1; tcp >= 0; tcp--)
    for (int size = 0; size < SIZES; size++)
      calls_row(tcp, size, rounds);
  printf("\nTCP over loopback with %s.\n", congestion);
}

static int run_one(const char *way, size_t size, const char *name, double seconds) {
  struct end bodies;
  for (int tcp = 0; tcp < 2; tcp++)
    for (int i = 0; i < CONTESTANTS; i++)
      if (strcmp(way, ways[tcp]) == 0 && strcmp(name, contestants[i].name) == 0 && size > 0 &&
          takes_part(i, size)) {
        make_bodies(size, &bodies);
        long n = calibrate(&contestants[i], tcp, &bodies, seconds < 0.2 ? seconds : 0.2);
        alarm((unsigned)seconds * 10 + 60);
        struct outcome o = run(&contestants[i], tcp, &bodies,
                               (long)((double)n * (seconds < 0.2 ? 1 : seconds / 0.2)));
        printf("%.0f messages a second, %.1f ns of processor time a message, %.4g + %.4g system "
               "calls a message\n",
               o.rate, o.cpu * 1e9, o.writes, o.reads);
        free((void *)bodies.bodies);
        return 0;
      }
  fprintf(stderr, "no such way, size or contestant\n");
  return 2;
}

int main(int argc, char **argv) {
  theirs = mmap(NULL, sizeof *theirs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (theirs == MAP_FAILED)
    die_of("mmap");
  alarm(1800);
  if (argc == 5)
    return run_one(argv[1], strtoul(argv[2], NULL, 0), argv[3], atof(argv[4]));
  int is_short = argc > 1 && strcmp(argv[1], "short") == 0;
  int rounds = argc > 1 + is_short ? atoi(argv[1 + is_short]) : 9;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "1 to %d rounds\n", ROUNDS_MAX);
    return 2;
  }
  table(rounds, is_short ? 0.02 : 0.12);
  return 0;
}
