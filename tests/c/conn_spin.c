/* A receive that tries for a while before it waits: whatever ends a wait ends that too, what comes
   meanwhile is received without one, and it lasts no longer than it may. Whether there was a wait
   is seen by what the first one makes: a descriptor that wakes it. */
#include "samples.h"

enum { LONG_SPIN = 1000000, US = 1000 }; /* microseconds, the most that there can be; in a ms */

static const char hello[] = "\0\0\0\5hello";
enum { HELLO = sizeof hello - 1 };

static void spins(fdwire_conn *conn, int64_t microseconds) {
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_SPIN, microseconds), 0);
}

static fdwire_conn *spinning(int in_fd, int out_fd, int64_t microseconds, int one_thread) {
  fdwire_conn *conn = conn_of(in_fd, out_fd, NULL);
  spins(conn, microseconds);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread ? FDWIRE_BOTH : 0), 0);
  return conn;
}

/* With locks and without, over everything that can be received from. */
#define EACH_CASE(way, one_thread) \
  EACH_WAY(way) for (int one_thread = 0; one_thread < 2; one_thread++)

static long long cpu_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void got_hello(const struct got *got) {
  CHECK(got->len == 5 && memcmp(got->body, "hello", 5) == 0);
}

static void the_option_has_a_range(void) {
  static const int64_t bad[] = {-1, LONG_SPIN + 1, INT64_C(1) << 32, INT64_MAX, INT64_MIN};
  int fds[2];
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  spins(conn, LONG_SPIN);
  spins(conn, 0);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_SPIN, bad[i]), -EINVAL);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* Which is shorter than it. And without a time-out there is one try. */
static void a_deadline_ends_it(void) {
  EACH_CASE(way, one_thread)
  for (size_t i = 0; i < RECEIVES; i++) {
    int fds[2];
    struct got got;
    got.open = 0;
    open_way(way, fds);
    fdwire_conn *conn = spinning(fds[0], -1, LONG_SPIN, one_thread);
    uint64_t before, reads = 0;
    int tries = 0;
    do { /* until it has the processor for a while */
      before = reads;
      long long start = now_ms();
      CHECK_IS(receives[i](conn, &got, 50), -ETIMEDOUT);
      CHECK_TOOK(start, 50, 800);
      reads = stats_of(conn).reads;
    } while (reads - before <= 1 && ++tries < 20);
    CHECK(reads - before > 1);
    CHECK_IS(receives[i](conn, &got, 0), -EAGAIN);
    CHECK_IS(stats_of(conn).reads, reads + 1);
    CHECK_IS(stats_of(conn).memory, 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

static void what_comes_meanwhile_needs_no_wait(void) {
  EACH_CASE(way, one_thread)
  for (size_t i = 0; i < RECEIVES; i++)
    for (int timeout = -1; timeout <= 60000; timeout += 60001) {
      int fds[2], open_fds;
      struct got got;
      struct writer_peer peer;
      got.open = 0;
      open_way(way, fds);
      open_fds = check_open_fds();
      fdwire_conn *conn = spinning(fds[0], -1, LONG_SPIN, one_thread);
      peer_writes(&peer, fds[1], hello, HELLO, HELLO / 2, 3, 0); /* in two pieces */
      CHECK_IS(receives[i](conn, &got, timeout), 1);
      got_hello(&got);
      CHECK_IS(check_open_fds(), open_fds);
      peer_done(&peer);
      fdwire_conn_free(conn);
      close_way(fds);
    }
}

/* Then it waits, and that takes no time of a core. */
static void it_waits_afterwards(void) {
  EACH_CASE(way, one_thread)
  for (int dripping = 0; dripping < 2; dripping++) {
    int fds[2];
    fdwire_msg msg;
    struct writer_peer peer;
    open_way(way, fds);
    fdwire_conn *conn = spinning(fds[0], -1, US, one_thread);
    long long start = now_ms(), cpu = cpu_ms();
    if (!dripping) {
      CHECK_IS(fdwire_conn_recv(conn, &msg, 300), -ETIMEDOUT);
      CHECK_TOOK(start, 300, 2000);
      CHECK(cpu_ms() - cpu < 100);
    }
    start = now_ms();
    cpu = cpu_ms();
    memset(&peer, 0, sizeof peer);
    peer.fd = fds[1];
    peer.bytes = hello;
    peer.len = HELLO;
    peer.piece = dripping ? 1 : HELLO;
    peer.pause_ms = 20;
    peer.first_pause_ms = dripping ? 20 : 200;
    NEED(pthread_create(&peer.thread, NULL, writer_peer_run, &peer) == 0);
    CHECK_IS(fdwire_conn_recv(conn, &msg, -1), 1);
    CHECK_TOOK(start, dripping ? 9 * 20 : 200, 5000);
    CHECK(cpu_ms() - cpu < 100);
    peer_done(&peer);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

/* Functions: what they say of a stream that is slow. */

struct slow {
  int until;        /* reads in vain before something comes */
  int error;        /* what these say */
  int reads, waits; /* calls */
};

static int64_t slow_read(void *ctx, void *buf, size_t len) {
  struct slow *slow = (struct slow *)ctx;
  if (slow->reads++ < slow->until)
    return slow->error;
  CHECK(len >= HELLO);
  memcpy(buf, hello, HELLO);
  return HELLO;
}

static int slow_wait(void *ctx, int events, int timeout_ms) {
  struct slow *slow = (struct slow *)ctx;
  CHECK_IS(events, POLLIN);
  slow->waits++;
  sleep_ms(timeout_ms < 0 || timeout_ms > 5 ? 5 : timeout_ms);
  return 0;
}

static void over_functions(void) {
  for (size_t i = 0; i < RECEIVES; i++) {
    struct slow slow = {50, -EAGAIN, 0, 0};
    struct got got;
    fdwire_conn *conn = NULL;
    got.open = 0;
    NEED(fdwire_conn_new_over(slow_read, NULL, slow_wait, &slow, NULL, &conn) == 0);
    spins(conn, LONG_SPIN);
    CHECK_IS(receives[i](conn, &got, -1), 1);
    got_hello(&got);
    CHECK(slow.reads == 51 && slow.waits == 0);
    spins(conn, 0);
    slow.until = slow.reads + 3;
    CHECK_IS(receives[i](conn, &got, -1), 1);
    CHECK(slow.waits > 0);
    fdwire_conn_free(conn);
  }
}

/* Where there is no way to wait, nothing does; and an error is one at once. */
static void over_functions_that_cannot_wait(void) {
  struct slow slow = {1000, -EAGAIN, 0, 0};
  fdwire_msg msg;
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new_over(slow_read, NULL, NULL, &slow, NULL, &conn) == 0);
  spins(conn, LONG_SPIN);
  CHECK_IS(fdwire_conn_recv(conn, &msg, -1), -EAGAIN);
  CHECK_IS(slow.reads, 1);
  fdwire_conn_free(conn);
  slow.error = -ECONNRESET;
  NEED(fdwire_conn_new_over(slow_read, NULL, slow_wait, &slow, NULL, &conn) == 0);
  spins(conn, LONG_SPIN);
  CHECK_IS(fdwire_conn_recv(conn, &msg, -1), -ECONNRESET);
  CHECK_IS(slow.reads, 2);
  fdwire_conn_free(conn);
}

/* Sending meanwhile */

static void *answer(void *arg) {
  int fd = *(int *)arg;
  char request[HELLO];
  size_t done = 0;
  CHECK_IS(fdwire_read_exact(fd, request, sizeof request, &done, 60000), 1);
  CHECK(memcmp(request, hello, HELLO) == 0);
  done = 0;
  CHECK_IS(fdwire_write_all(fd, hello, HELLO, &done, 60000), 0);
  return NULL;
}

static void what_waits_to_be_sent_goes_first(void) {
  EACH_SOCKET(way)
  for (int one_thread = 0; one_thread < 2; one_thread++) {
    int fds[2], open_fds;
    fdwire_msg msg;
    pthread_t peer;
    open_way(way, fds);
    open_fds = check_open_fds();
    fdwire_conn *conn = spinning(fds[0], fds[0], LONG_SPIN, one_thread);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, 1 << 20), 0);
    NEED(pthread_create(&peer, NULL, answer, &fds[1]) == 0);
    CHECK_IS(fdwire_conn_send(conn, "hello", 5, -1), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 60000), 1);
    CHECK_IS(fdwire_conn_pending(conn), 0);
    CHECK_IS(check_open_fds(), open_fds);
    NEED(pthread_join(peer, NULL) == 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

enum { MUCH = 4 << 20 };

/* Takes all that is sent, which the kernel cannot hold, and then answers. */
static void *take_much(void *arg) {
  int fd = *(int *)arg;
  uint8_t *bytes = (uint8_t *)bytes_of(4 + MUCH);
  size_t done = 0;
  CHECK_IS(fdwire_read_exact(fd, bytes, 4 + MUCH, &done, 60000), 1);
  done = 0;
  CHECK_IS(fdwire_write_all(fd, hello, HELLO, &done, 60000), 0);
  free(bytes);
  return NULL;
}

static void what_waits_to_be_sent_goes_on(void) {
  uint8_t *body = pattern(MUCH, 1);
  EACH_SOCKET(way) {
    int fds[2];
    fdwire_msg msg;
    pthread_t peer;
    open_way(way, fds);
    fdwire_conn *conn = spinning(fds[0], fds[0], LONG_SPIN, 0);
    CHECK_IS(fdwire_conn_send(conn, body, MUCH, 0), FDWIRE_PENDING);
    NEED(pthread_create(&peer, NULL, take_much, &fds[1]) == 0);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 60000), 1);
    CHECK_IS(fdwire_conn_pending(conn), 0);
    NEED(pthread_join(peer, NULL) == 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
  free(body);
}

/* A thread of its own sends: a receive keeps out of its way. */
static void what_another_thread_sends_is_left_to_it(void) {
  int fds[2];
  fdwire_msg msg;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = spinning(fds[0], fds[0], LONG_SPIN, 0);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, FDWIRE_BOTH | FDWIRE_APART), 0);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, 1 << 20), 0);
  CHECK_IS(fdwire_conn_send(conn, "hello", 5, -1), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 5), -ETIMEDOUT);
  CHECK_IS(fdwire_conn_pending(conn), HELLO);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* Other threads */

struct receiver {
  fdwire_conn *conn;
  size_t call;
  int timeout_ms, result;
  long long took;
  pthread_t thread;
};

static void *receive_one(void *arg) {
  struct receiver *receiver = (struct receiver *)arg;
  struct got got;
  long long start = now_ms();
  got.open = 0;
  receiver->result = receives[receiver->call](receiver->conn, &got, receiver->timeout_ms);
  receiver->took = now_ms() - start;
  return NULL;
}

static void start_receiver(struct receiver *receiver, fdwire_conn *conn, size_t call,
                           int timeout_ms) {
  memset(receiver, 0, sizeof *receiver);
  receiver->conn = conn;
  receiver->call = call;
  receiver->timeout_ms = timeout_ms;
  NEED(pthread_create(&receiver->thread, NULL, receive_one, receiver) == 0);
}

static void ended_with(struct receiver *receiver, int result) {
  NEED(pthread_join(receiver->thread, NULL) == 0);
  CHECK_IS(receiver->result, result);
  CHECK(receiver->took < 900); /* less than it would have spun */
}

static void cancel_ends_it(void) {
  EACH_CASE(way, one_thread)
  for (size_t i = 0; i < RECEIVES; i++) {
    int fds[2], open_fds;
    struct receiver receiver;
    open_way(way, fds);
    open_fds = check_open_fds();
    fdwire_conn *conn = spinning(fds[0], -1, LONG_SPIN, one_thread);
    start_receiver(&receiver, conn, i, i % 2 ? -1 : 60000);
    sleep_ms(5);
    CHECK_IS(fdwire_conn_cancel(conn), 0);
    ended_with(&receiver, -ECANCELED);
    CHECK_IS(check_open_fds(), open_fds);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

static void shutdown_ends_it(void) {
  EACH_CASE(way, one_thread)
  for (size_t i = 0; i < RECEIVES; i++) {
    int fds[2];
    struct receiver receiver;
    open_way(way, fds);
    fdwire_conn *conn = spinning(fds[0], -1, LONG_SPIN, one_thread);
    start_receiver(&receiver, conn, i, i % 2 ? -1 : 60000);
    sleep_ms(5);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RD, 0), 0);
    ended_with(&receiver, 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

static void the_end_of_the_stream_ends_it(void) {
  EACH_CASE(way, one_thread) {
    int fds[2];
    struct receiver receiver;
    open_way(way, fds);
    fdwire_conn *conn = spinning(fds[0], -1, LONG_SPIN, one_thread);
    start_receiver(&receiver, conn, 0, -1);
    sleep_ms(5);
    close(fds[1]);
    ended_with(&receiver, 0);
    fdwire_conn_free(conn);
    close(fds[0]);
  }
}

/* Several receive, and others look on: who spins lets them in. */

enum { SHARERS = 3 };

struct sharer {
  fdwire_conn *conn;
  size_t messages, looks;
  pthread_t thread;
};

static void *take_some(void *arg) {
  struct sharer *sharer = (struct sharer *)arg;
  char body[5];
  size_t len;
  int result;
  while ((result = fdwire_conn_recv_into(sharer->conn, body, sizeof body, &len, -1)) == 1) {
    CHECK(len == 5 && memcmp(body, "hello", 5) == 0);
    sharer->messages++;
  }
  CHECK_IS(result, 0);
  return NULL;
}

static void *look_on(void *arg) {
  struct sharer *sharer = (struct sharer *)arg;
  for (; sharer->looks < 100; sharer->looks++) {
    CHECK_IS(stats_of(sharer->conn).messages_out, 0);
    CHECK(fdwire_conn_explain(sharer->conn, NULL, 0) > 0);
    CHECK(fdwire_conn_events(sharer->conn) >= 0);
  }
  return NULL;
}

static void several_threads_get_their_turns(void) {
  EACH_WAY(way) {
    int fds[2];
    struct sharer sharers[SHARERS + 1];
    size_t sent = scaled(300), messages = 0;
    open_way(way, fds);
    fdwire_conn *conn = spinning(fds[0], -1, 300 * US, 0);
    for (int i = 0; i <= SHARERS; i++) {
      memset(&sharers[i], 0, sizeof sharers[i]);
      sharers[i].conn = conn;
      NEED(pthread_create(&sharers[i].thread, NULL, i < SHARERS ? take_some : look_on,
                          &sharers[i]) == 0);
    }
    for (size_t i = 0; i < sent; i++) {
      NEED(write(fds[1], hello, HELLO) == HELLO);
      if (i % 10 == 0)
        sleep_ms(1);
    }
    NEED(pthread_join(sharers[SHARERS].thread, NULL) == 0);
    close(fds[1]);
    for (int i = 0; i < SHARERS; i++) {
      NEED(pthread_join(sharers[i].thread, NULL) == 0);
      messages += sharers[i].messages;
    }
    CHECK_IS(messages, sent);
    fdwire_conn_free(conn);
    close(fds[0]);
  }
}

int main(void) {
  check_begin();
  RUN(the_option_has_a_range);
  RUN(a_deadline_ends_it);
  RUN(what_comes_meanwhile_needs_no_wait);
  RUN(it_waits_afterwards);
  RUN(over_functions);
  RUN(over_functions_that_cannot_wait);
  RUN(what_waits_to_be_sent_goes_first);
  RUN(what_waits_to_be_sent_goes_on);
  RUN(what_another_thread_sends_is_left_to_it);
  RUN(cancel_ends_it);
  RUN(shutdown_ends_it);
  RUN(the_end_of_the_stream_ends_it);
  RUN(several_threads_get_their_turns);
  return check_end();
}
