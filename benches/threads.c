/* What it costs that any thread may call: nanoseconds a message of 64 bytes with the locks and
 * without them, and with several threads that send on one connection, beside hand-written C that
 * fills a batch under a mutex.
 *
 * With one thread, the connection is over a Unix socket pair, and the time is that of the calls
 * which find what they want inside, or leave it there: it is filled and emptied between them. With
 * several threads, it is over functions that drop what they are given, and over a Unix socket pair
 * that a thread of its own empties. All run in alternating rounds; each figure is a median with its
 * range. What was taken is counted, and is as much as was sent.
 *
 *     threads [ROUNDS]
 */
#define _GNU_SOURCE
#include "fdwire.h"
#include "rounds.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  KIB = 1024, BATCH = 256 * KIB, SIZE = 64, FRAME = 4 + SIZE, VECTOR = 256, FEW = 16, FILL = 1025,
  THREADS_MAX = 8
};

static __attribute__((noreturn)) void die(const char *what) {
  fprintf(stderr, "threads: %s\n", what);
  exit(1);
}

/* The other side of the connection. */

static uint8_t frames[FILL * FRAME];
static uint64_t taken;

static int64_t drop(void *ctx, const fdwire_slice *slices, size_t count) {
  int64_t all = 0;
  (void)ctx;
  for (size_t i = 0; i < count; i++)
    all += (int64_t)slices[i].len;
  taken += (uint64_t)all;
  return all;
}

static void *empty(void *arg) {
  static char room[BATCH];
  ssize_t n;
  while ((n = read(*(int *)arg, room, sizeof room)) > 0)
    taken += (uint64_t)n;
  return NULL;
}

/* The works: n messages by one thread. */

static fdwire_conn *conn;
static uint8_t body[SIZE];

static void took(int result, int expected) {
  if (result != expected)
    die(fdwire_error_name(result));
}

static void accepted(int result) {
  if (result < 0)
    die(fdwire_error_name(result));
}

static void look(const uint8_t *bytes, size_t len) {
  if (len != SIZE || bytes[0] != 'x')
    die("a message is not what was sent");
}

static void receive_one(long n) {
  fdwire_msg msg;
  for (; n > 0; n--) {
    took(fdwire_conn_recv(conn, &msg, -1), 1);
    look(msg.body, msg.body_len);
  }
}

static void receive_many(long n) {
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    took(fdwire_conn_recv_many(conn, msgs, n < VECTOR ? (size_t)n : VECTOR, &count, -1), 1);
    for (size_t i = 0; i < count; i++)
      look(msgs[i].body, msgs[i].body_len);
  }
}

static void receive_into(long n) {
  uint8_t room[SIZE];
  size_t len;
  for (; n > 0; n--) {
    took(fdwire_conn_recv_into(conn, room, sizeof room, &len, -1), 1);
    look(room, len);
  }
}

static void fill(fdwire_msg *msgs, size_t count) {
  memset(msgs, 0, count * sizeof *msgs);
  for (size_t i = 0; i < count; i++) {
    msgs[i].body = body;
    msgs[i].body_len = SIZE;
  }
}

/* Queued so many a call, and flushed when a batch waits. */
static void queue(long n, size_t vector) {
  fdwire_msg msgs[VECTOR];
  size_t waiting = 0;
  for (size_t count; n > 0; n -= (long)count) {
    count = (size_t)n < vector ? (size_t)n : vector;
    fill(msgs, count);
    took(fdwire_conn_queue(conn, msgs, count), FDWIRE_PENDING);
    waiting += count * FRAME;
    if (waiting >= BATCH) {
      accepted(fdwire_conn_flush(conn, -1));
      waiting = 0;
    }
  }
}

static void queue_one(long n) {
  queue(n, 1);
}

static void queue_many(long n) {
  queue(n, VECTOR);
}

static void send_one(long n) {
  for (; n > 0; n--)
    accepted(fdwire_conn_send(conn, body, SIZE, -1));
}

static void send_few(long n) {
  fdwire_msg msgs[FEW];
  for (size_t count; n > 0; n -= (long)count) {
    count = n < FEW ? (size_t)n : FEW;
    fill(msgs, count);
    accepted(fdwire_conn_send_many(conn, msgs, count, -1));
  }
}

/* Hand-written C for send_one. */

static struct {
  pthread_mutex_t lock;
  uint8_t bytes[BATCH];
  size_t used;
  int fd; /* -1: dropped */
} batch = {PTHREAD_MUTEX_INITIALIZER, {0}, 0, -1};

static void write_batch(void) {
  size_t done = 0;
  if (batch.fd < 0)
    taken += batch.used;
  for (ssize_t n; batch.fd >= 0 && done < batch.used; done += (size_t)n)
    if ((n = write(batch.fd, batch.bytes + done, batch.used - done)) <= 0)
      die("write");
  batch.used = 0;
}

static void c_send(long n) {
  for (; n > 0; n--) {
    pthread_mutex_lock(&batch.lock);
    if (BATCH - batch.used < FRAME)
      write_batch();
    fdwire_put_u32be(batch.bytes + batch.used, SIZE);
    memcpy(batch.bytes + batch.used + 4, body, SIZE);
    batch.used += FRAME;
    pthread_mutex_unlock(&batch.lock);
  }
}

/* A run: some threads do the same work on one connection. */

static pthread_barrier_t start;

struct share {
  pthread_t thread;
  void (*work)(long n);
  long n;
};

static void *do_share(void *arg) {
  struct share *share = arg;
  pthread_barrier_wait(&start);
  share->work(share->n);
  return NULL;
}

static double together(void (*work)(long n), int threads, long each) {
  struct share shares[THREADS_MAX];
  pthread_barrier_init(&start, NULL, (unsigned)threads + 1);
  for (int i = 0; i < threads; i++) {
    shares[i].work = work;
    shares[i].n = each;
    if (pthread_create(&shares[i].thread, NULL, do_share, &shares[i]) != 0)
      die("no thread");
  }
  double begin = now();
  pthread_barrier_wait(&start);
  for (int i = 0; i < threads; i++)
    pthread_join(shares[i].thread, NULL);
  double time = now() - begin;
  pthread_barrier_destroy(&start);
  return time;
}

/* Nanoseconds a message. The last bytes are flushed within that time. */
static double run(void (*work)(long n), int threads, int over_socket, long n) {
  int fds[2] = {-1, -1};
  pthread_t emptier;
  taken = 0;
  if (over_socket && (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
                      pthread_create(&emptier, NULL, empty, &fds[1]) != 0))
    die("no socket pair");
  int made = over_socket ? fdwire_conn_new(-1, fds[0], NULL, &conn)
                         : fdwire_conn_new_over(NULL, drop, NULL, NULL, NULL, &conn);
  if (made != 0 || fdwire_conn_set(conn, FDWIRE_BATCH, BATCH) != 0)
    die("no connection");
  batch.fd = fds[0];
  double time = together(work, threads, n / threads), begin = now();
  write_batch();
  accepted(fdwire_conn_flush(conn, -1));
  time += now() - begin;
  if (over_socket) {
    shutdown(fds[0], SHUT_WR);
    pthread_join(emptier, NULL);
    close(fds[0]);
    close(fds[1]);
  }
  fdwire_conn_free(conn);
  if (taken != (uint64_t)(n / threads * threads) * FRAME)
    die("not all bytes were moved");
  return time * 1e9 / (double)n;
}

/* By one thread: of FILL messages the first comes by a system call, or all of them go by one, and
   the time is that of the others. */

static double fill_and_receive(void (*work)(long n), int peer) {
  if (write(peer, frames, sizeof frames) != (ssize_t)sizeof frames)
    die("write");
  receive_one(1);
  double begin = now();
  work(FILL - 1);
  return now() - begin;
}

static double send_and_empty(void (*work)(long n), int peer) {
  static char room[BATCH];
  size_t left = (FILL - 1) * FRAME;
  double begin = now(), time;
  work(FILL - 1);
  time = now() - begin;
  accepted(fdwire_conn_flush(conn, -1));
  for (ssize_t n; left > 0; left -= (size_t)n)
    if ((n = read(peer, room, left < sizeof room ? left : sizeof room)) <= 0)
      die("read");
  return time;
}

static double alone(void (*work)(long n), int one_thread, long fills) {
  int fds[2], receives = work == receive_one || work == receive_many || work == receive_into;
  double time = 0;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || fdwire_conn_new(fds[0], fds[0], NULL, &conn) != 0 ||
      fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread ? FDWIRE_BOTH : 0) != 0 ||
      fdwire_conn_set(conn, FDWIRE_BATCH, BATCH) != 0)
    die("no connection");
  for (long i = 0; i < fills; i++)
    time += (receives ? fill_and_receive : send_and_empty)(work, fds[1]);
  fdwire_conn_free(conn);
  close(fds[0]);
  close(fds[1]);
  return time * 1e9 / (double)fills / (FILL - 1);
}

/* The tables. */

static void with_and_without(int rounds) {
  static const struct {
    const char *name;
    void (*work)(long n);
  } works[] = {{"recv", receive_one},
               {"recv_many, 256 a call", receive_many},
               {"recv_into", receive_into},
               {"queue, one a call", queue_one},
               {"queue, 256 a call", queue_many},
               {"send, in batches", send_one}};
  printf("| one thread, over a socket | with locks | FDWIRE_ONE_THREAD | the locks "
         "|\n|---|---|---|---|\n");
  for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
    double with[ROUNDS_MAX], without[ROUNDS_MAX], price[ROUNDS_MAX];
    for (int round = 0; round < rounds; round++) {
      for (int turn = 0; turn < 2; turn++) {
        int one_thread = (turn + round) % 2;
        (one_thread ? without : with)[round] = alone(works[i].work, one_thread, 1000);
      }
      price[round] = with[round] - without[round];
    }
    printf("| %-26s ", works[i].name);
    show(with, rounds, 1);
    show(without, rounds, 1);
    show(price, rounds, 1);
    printf("|\n");
  }
}

static void several(int rounds) {
  static void (*const works[3])(long n) = {c_send, send_one, send_few};
  printf("\n| threads that send | C, dropped | send, dropped | send_many of 16, dropped "
         "| C, socket | send, socket | send_many of 16, socket |\n|---|---|---|---|---|---|---|\n");
  for (int threads = 1; threads <= THREADS_MAX; threads *= 2) {
    double times[6][ROUNDS_MAX];
    for (int round = 0; round < rounds; round++)
      for (int turn = 0; turn < 6; turn++) {
        int i = (turn + round) % 6;
        times[i][round] = run(works[i % 3], threads, i / 3, 800000);
      }
    printf("| %d ", threads);
    for (int i = 0; i < 6; i++)
      show(times[i], rounds, 1);
    printf("|\n");
  }
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 9;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "1 to %d rounds\n", ROUNDS_MAX);
    return 2;
  }
  alarm(600);
  memset(body, 'x', sizeof body);
  for (size_t i = 0; i < sizeof frames; i += FRAME) {
    fdwire_put_u32be(frames + i, SIZE);
    memset(frames + i + 4, 'x', SIZE);
  }
  printf("Nanoseconds a message of %d bytes: median and range of %d alternating rounds. The C is "
         "compiled by %s.\n\n",
         SIZE, rounds, __VERSION__);
  with_and_without(rounds);
  several(rounds);
  return 0;
}
