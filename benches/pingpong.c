/* Messages of 64 bytes to and fro, one at a time: what a round trip takes, beside hand-written C
 * that makes one send and one recv a message.
 *
 * Two processes, over TCP loopback and over a Unix socket pair, each on a core of its own and both
 * on one. How fast an idle core is waked changes from one moment to the next, so all contestants
 * take turns every few round trips, each on a connection of its own. A round is two new processes
 * and some thousand round trips of each contestant, of which the median and the 99th percentile are
 * taken. Each figure is a median of these with its range, each ratio the median of the ratios of
 * medians within a round.
 *
 *     pingpong [ROUNDS]
 *     pingpong WAY CORES CONTESTANT BLOCKS   one of them, for perf: pingpong tcp 2 conn 99
 */
#define _GNU_SOURCE
#include "fdwire.h"
#include "rounds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  SIZE = 64, FRAME = 4 + SIZE, ROOM = 256 * 1024, SPIN_US = 50,
  BLOCKS = 50, /* of round trips, in a round */
  WARM_UP = 10, TRIPS = 40 /* in a block */
};

static __attribute__((noreturn)) void die(const char *what) {
  fprintf(stderr, "pingpong: %s\n", what);
  _exit(1);
}

static __attribute__((noreturn)) void die_of(const char *what) {
  fprintf(stderr, "pingpong: %s: %s\n", what, strerror(errno));
  _exit(1);
}

/* One end of a stream, and what its contestant keeps there. */
struct end {
  int fd;
  uint8_t *room; /* hand-written C: what was read */
  size_t from, to;
  int event;
  fdwire_conn *conn;
};

/* Hand-written C: the frame is put together on the stack, and read with whatever else is there. */

static void c_open(struct end *end) {
  end->room = malloc(ROOM);
  if (end->room == NULL)
    die("no memory");
  memset(end->room, 1, ROOM);
}

static void c_poll_open(struct end *end) {
  c_open(end);
  end->event = eventfd(0, EFD_NONBLOCK);
  if (end->event < 0)
    die_of("eventfd");
}

static void c_send(struct end *end, const uint8_t *body) {
  uint8_t frame[FRAME];
  uint32_t head = htonl(SIZE);
  memcpy(frame, &head, 4);
  memcpy(frame + 4, body, SIZE);
  for (size_t at = 0; at < FRAME;) {
    ssize_t n = send(end->fd, frame + at, FRAME - at, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR)
      die_of("send");
    at += n > 0 ? (size_t)n : 0;
  }
}

/* A message that is inside. */
static const uint8_t *c_next(struct end *end) {
  uint32_t head;
  if (end->to - end->from < 4)
    return NULL;
  memcpy(&head, end->room + end->from, 4);
  size_t len = ntohl(head);
  if (len != SIZE)
    die("a message has another length");
  if (end->to - end->from < 4 + len)
    return NULL;
  end->from += 4 + len;
  return end->room + end->from - len;
}

/* Whether bytes came; if none are there now, false. */
static int c_read(struct end *end, int flags) {
  if (end->from > 0) {
    memmove(end->room, end->room + end->from, end->to - end->from);
    end->to -= end->from;
    end->from = 0;
  }
  ssize_t n = recv(end->fd, end->room + end->to, ROOM - end->to, flags);
  if (n == 0)
    die("the stream ended early");
  if (n < 0 && errno != EINTR && errno != EAGAIN)
    die_of("recv");
  end->to += n > 0 ? (size_t)n : 0;
  return n > 0;
}

static const uint8_t *c_receive(struct end *end) {
  const uint8_t *body;
  while ((body = c_next(end)) == NULL)
    c_read(end, 0);
  return body;
}

/* The same, but it waits for an event too, by which another thread can end the wait. */
static const uint8_t *c_poll_receive(struct end *end) {
  const uint8_t *body;
  while ((body = c_next(end)) == NULL) {
    struct pollfd fds[2] = {{end->fd, POLLIN, 0}, {end->event, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR)
      die_of("poll");
    c_read(end, MSG_DONTWAIT);
  }
  return body;
}

/* The same as the first, but it tries for a while before it waits. */
static const uint8_t *c_spin_receive(struct end *end) {
  const uint8_t *body = c_next(end);
  double until = body == NULL ? now() + SPIN_US * 1e-6 : 0;
  while (body == NULL) {
    int flags = now() < until ? MSG_DONTWAIT : 0;
    if (!c_read(end, flags))
      sched_yield();
    body = c_next(end);
  }
  return body;
}

/* fdwire. */

static void conn_open(struct end *end, int one_thread, int spin) {
  if (fdwire_conn_new(end->fd, end->fd, NULL, &end->conn) != 0 ||
      fdwire_conn_set(end->conn, FDWIRE_ONE_THREAD, one_thread ? FDWIRE_BOTH : 0) != 0 ||
      fdwire_conn_set(end->conn, FDWIRE_SPIN, spin) != 0)
    die("no connection");
}

static void locked(struct end *end) { conn_open(end, 0, 0); }
static void unlocked(struct end *end) { conn_open(end, 1, 0); }
static void locked_spin(struct end *end) { conn_open(end, 0, SPIN_US); }
static void unlocked_spin(struct end *end) { conn_open(end, 1, SPIN_US); }

static void conn_send(struct end *end, const uint8_t *body) {
  if (fdwire_conn_send(end->conn, body, SIZE, -1) != 0)
    die("fdwire_conn_send");
}

static const uint8_t *conn_receive(struct end *end) {
  fdwire_msg msg;
  if (fdwire_conn_recv(end->conn, &msg, -1) != 1 || msg.body_len != SIZE)
    die("fdwire_conn_recv");
  return msg.body;
}

enum { C, C_POLL, C_SPIN, CONN, CONN_1, SPIN, SPIN_1, CONTESTANTS };
static const struct contestant {
  const char *name, *what;
  void (*open)(struct end *end);
  void (*send)(struct end *end, const uint8_t *body);
  const uint8_t *(*receive)(struct end *end);
} contestants[CONTESTANTS] = {
    [C] = {"c", "C: one send and one recv", c_open, c_send, c_receive},
    [C_POLL] = {"c-poll", "C that another thread can end: a poll before the recv", c_poll_open,
                c_send, c_poll_receive},
    [C_SPIN] = {"c-spin", "C that spins for 50 us before it waits", c_open, c_send, c_spin_receive},
    [CONN] = {"conn", "fdwire_conn_send and _recv", locked, conn_send, conn_receive},
    [CONN_1] = {"conn-1", "the same with FDWIRE_ONE_THREAD", unlocked, conn_send, conn_receive},
    [SPIN] = {"spin", "fdwire with FDWIRE_SPIN 50", locked_spin, conn_send, conn_receive},
    [SPIN_1] = {"spin-1", "the same with FDWIRE_ONE_THREAD", unlocked_spin, conn_send,
                conn_receive},
};

/* A run. */

static const char *const ways[2] = {"unix", "tcp"};
static char congestion[32] = "cubic";

/* A machine's default may pace loopback: both ends get one that does not. */
static void set_congestion(int fd) {
  socklen_t len = sizeof congestion;
  if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion)) < 0)
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  memset(congestion, 0, sizeof congestion);
  if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, &len) < 0)
    die_of("TCP_CONGESTION");
}

static void open_pair(int tcp, int fds[2]) {
  char address[FDWIRE_ADDRESS_MAX];
  if (!tcp) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
      die_of("socketpair");
    return;
  }
  int listener = fdwire_listen("127.0.0.1:0", 1);
  if (listener < 0 || fdwire_local_address(listener, address, sizeof address) < 0 ||
      (fds[0] = fdwire_connect(address, 5000)) < 0 || (fds[1] = fdwire_accept(listener, 5000)) < 0)
    die("no TCP connection");
  close(listener);
  set_congestion(fds[0]);
  set_congestion(fds[1]);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0)
    die_of("sched_setaffinity");
}

/* Microseconds of processor time. */
static double cpu_time(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* What a contestant did in a round. */
struct tally {
  double *times; /* microseconds a round trip */
  long count;
  double cpu, *their_cpu; /* of this side, and of the other, which is in shared memory */
};

static void echo(const struct contestant *c, struct end *end, struct tally *tally) {
  double cpu = cpu_time();
  for (int i = 0; i < WARM_UP + TRIPS; i++) {
    uint8_t body[SIZE];
    memcpy(body, c->receive(end), SIZE);
    c->send(end, body);
  }
  *tally->their_cpu += cpu_time() - cpu;
}

static void ping(const struct contestant *c, struct end *end, struct tally *tally) {
  static uint32_t number;
  uint8_t body[SIZE];
  double cpu = cpu_time();
  memset(body, 'x', sizeof body);
  for (int i = 0; i < WARM_UP + TRIPS; i++) {
    fdwire_put_u32be(body, ++number);
    double start = now();
    c->send(end, body);
    const uint8_t *answer = c->receive(end);
    double time = now() - start;
    if (memcmp(answer, body, SIZE) != 0)
      die("an answer is not what was sent");
    if (i >= WARM_UP)
      tally->times[tally->count++] = time * 1e6;
  }
  tally->cpu += cpu_time() - cpu;
}

/* Microseconds a round trip; of processor time, both sides together. */
struct outcome {
  double median, late, cpu;
};

static struct outcome outcome_of(struct tally *tally, int blocks) {
  qsort(tally->times, (size_t)tally->count, sizeof *tally->times, ascending);
  struct outcome outcome = {tally->times[tally->count / 2], tally->times[tally->count * 99 / 100],
                            (tally->cpu + *tally->their_cpu) / (WARM_UP + TRIPS) / blocks};
  return outcome;
}

/* The contestants from first to last take turns; who is the first to, changes with each. */
static void run(int tcp, int cores, int first, int last, int blocks, struct outcome *outcomes) {
  struct end ends[CONTESTANTS];
  struct tally tallies[CONTESTANTS];
  int fds[CONTESTANTS][2], status, count = last - first + 1;
  double *theirs = mmap(NULL, sizeof(double[CONTESTANTS]), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (theirs == MAP_FAILED)
    die_of("mmap");
  memset(ends, 0, sizeof ends);
  memset(tallies, 0, sizeof tallies);
  for (int i = first; i <= last; i++) {
    open_pair(tcp, fds[i]);
    tallies[i].their_cpu = &theirs[i];
    tallies[i].times = calloc((size_t)blocks, sizeof(double[TRIPS]));
    if (tallies[i].times == NULL)
      die("no memory");
  }
  pid_t child = fork();
  if (child < 0)
    die_of("fork");
  pin(child == 0 ? cores - 1 : 0);
  for (int i = first; i <= last; i++) {
    ends[i].fd = fds[i][child == 0];
    close(fds[i][child != 0]);
    contestants[i].open(&ends[i]);
  }
  for (int block = 0; block < blocks; block++)
    for (int turn = 0; turn < count; turn++) {
      int i = first + (turn + block) % count;
      (child == 0 ? echo : ping)(&contestants[i], &ends[i], &tallies[i]);
    }
  if (child == 0)
    _exit(0);
  if (waitpid(child, &status, 0) != child || status != 0)
    die("the other side has failed");
  for (int i = first; i <= last; i++) {
    outcomes[i] = outcome_of(&tallies[i], blocks);
    fdwire_conn_free(ends[i].conn);
    free(ends[i].room);
    free(tallies[i].times);
    close(ends[i].fd);
    if (i == C_POLL)
      close(ends[i].event);
  }
  munmap(theirs, sizeof(double[CONTESTANTS]));
}

/* The table. */

static void measure(int tcp, int cores, int rounds) {
  static struct outcome outcomes[ROUNDS_MAX][CONTESTANTS];
  double values[ROUNDS_MAX];
  for (int round = 0; round < rounds; round++)
    run(tcp, cores, 0, CONTESTANTS - 1, BLOCKS, outcomes[round]);
  for (int i = 0; i < CONTESTANTS; i++) {
    printf("| %s, %d core%s, %s ", ways[tcp], cores, cores > 1 ? "s" : "", contestants[i].name);
    for (int round = 0; round < rounds; round++)
      values[round] = outcomes[round][i].median;
    show(values, rounds, 1);
    for (int round = 0; round < rounds; round++)
      values[round] = outcomes[round][i].median / outcomes[round][C].median;
    show(values, rounds, 3);
    for (int round = 0; round < rounds; round++)
      values[round] = outcomes[round][i].late;
    show(values, rounds, 1);
    for (int round = 0; round < rounds; round++)
      values[round] = outcomes[round][i].cpu;
    show(values, rounds, 1);
    printf("|\n");
    fflush(stdout);
  }
}

static int run_one(const char *way, int cores, const char *name, int blocks) {
  struct outcome outcomes[CONTESTANTS];
  for (int tcp = 0; tcp < 2; tcp++)
    for (int i = 0; i < CONTESTANTS; i++)
      if (strcmp(way, ways[tcp]) == 0 && strcmp(name, contestants[i].name) == 0 && cores >= 1 &&
          blocks > 0) {
        run(tcp, cores, i, i, blocks, outcomes);
        printf("%.2f us a round trip, 99 of 100 within %.2f us, %.2f us of processor time\n",
               outcomes[i].median, outcomes[i].late, outcomes[i].cpu);
        return 0;
      }
  fprintf(stderr, "no such way, cores, contestant or blocks\n");
  return 2;
}

int main(int argc, char **argv) {
  alarm(600);
  if (argc == 5)
    return run_one(argv[1], atoi(argv[2]), argv[3], atoi(argv[4]));
  int rounds = argc > 1 ? atoi(argv[1]) : 9;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "1 to %d rounds\n", ROUNDS_MAX);
    return 2;
  }
  for (int i = 0; i < CONTESTANTS; i++)
    printf("%-7s %s\n", contestants[i].name, contestants[i].what);
  printf("\nMicroseconds a round trip of %d bytes, in turns of %d, %d turns a round: median and "
         "range of %d rounds.\nThe C is compiled by %s.\n\n"
         "| | median | beside c | 99 of 100 within | processor time, both sides |\n"
         "|---|---|---|---|---|\n",
         SIZE, TRIPS, BLOCKS, rounds, __VERSION__);
  int cores_most = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 : 1;
  for (int tcp = 1; tcp >= 0; tcp--)
    for (int cores = cores_most; cores >= 1; cores--)
      measure(tcp, cores, rounds);
  printf("\nTCP over loopback with %s.\n", congestion);
  return 0;
}
