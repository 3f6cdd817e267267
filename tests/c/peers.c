/* Peers that misbehave for real: killed or reset at every byte of a frame, while somebody waits for
   them, and peers that never read. What drips is in deadlines.c and conn_timeouts.c. */
#include "samples.h"

static const uint8_t two[] = "\0\0\0\3one\0\0\0\6second";
#define FIRST 7 /* bytes of the first frame */
#define ALL (sizeof two - 1)

/* A peer in a process of its own, with nothing in common but the other end. */
static pid_t peer_process(int fds[2], size_t sends) {
  fflush(stdout);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    close(fds[0]);
    if (sends == 0 || write(fds[1], two, sends) == (ssize_t)sends)
      for (;;)
        pause();
    _exit(1);
  }
  close(fds[1]);
  return child;
}

static void kills(pid_t child) {
  CHECK_IS(kill(child, SIGKILL), 0);
  NEED(waitpid(child, NULL, 0) == child);
}

static int by_one_call(int fd, int timeout_ms) {
  char body[16];
  size_t len = 0;
  return fdwire_recv(fd, NULL, body, sizeof body, &len, timeout_ms);
}

/* ---- Receiving ---- */

static int end_at(size_t cut) { return cut == FIRST || cut == ALL ? 0 : FDWIRE_E_TRUNCATED; }

static void killed_before_one_call(void) {
  EACH_WAY(way)
    for (size_t cut = FIRST; cut <= ALL; cut++) {
      int fds[2];
      open_way(way, fds);
      pid_t child = peer_process(fds, cut);
      CHECK_IS(by_one_call(fds[0], 5000), 1);
      kills(child);
      if (cut == ALL)
        CHECK_IS(by_one_call(fds[0], 5000), 1);
      CHECK_IS(by_one_call(fds[0], -1), end_at(cut));
      close(fds[0]);
    }
}

static void killed_before_a_connection(void) {
  for (size_t call = 0; call < RECEIVES; call++)
    for (size_t cut = FIRST; cut <= ALL; cut++) {
      int fds[2];
      struct got got = {{0}, 0, 0};
      open_way((int)(cut % WAYS), fds);
      pid_t child = peer_process(fds, cut);
      fdwire_conn *conn = conn_of(fds[0], -1, NULL);
      CHECK_IS(receives[call](conn, &got, 5000), 1);
      kills(child);
      if (cut == ALL)
        CHECK_IS(receives[call](conn, &got, 5000), 1);
      for (int again = 0; again < 2; again++)
        CHECK_IS(receives[call](conn, &got, -1), end_at(cut));
      fdwire_conn_free(conn);
      close(fds[0]);
    }
}

/* Breaks off after a while: resets a TCP connection, or is killed. */
struct breaker {
  int fd;
  pid_t child;
  pthread_t thread;
};

static void *breaks_off(void *arg) {
  struct breaker *breaker = (struct breaker *)arg;
  struct linger reset = {1, 0};
  sleep_ms(20);
  if (breaker->child > 0) {
    kill(breaker->child, SIGKILL);
    return NULL;
  }
  setsockopt(breaker->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close(breaker->fd);
  return NULL;
}

static void breaks_later(struct breaker *breaker, int fd, pid_t child) {
  breaker->fd = fd;
  breaker->child = child;
  NEED(pthread_create(&breaker->thread, NULL, breaks_off, breaker) == 0);
}

static void broke_off(struct breaker *breaker) {
  NEED(pthread_join(breaker->thread, NULL) == 0);
  if (breaker->child > 0)
    NEED(waitpid(breaker->child, NULL, 0) == breaker->child);
}

/* A receive that waits inside a frame is told at once, and from then on. */
static void reset_while_receiving(void) {
  for (size_t cut = FIRST; cut < ALL; cut++)
    for (size_t call = 0; call <= RECEIVES; call++) {
      int fds[2], timeout = call % 2 ? -1 : 5000;
      struct breaker breaker;
      struct got got = {{0}, 0, 0};
      tcp_pair(fds);
      NEED(write(fds[1], two + FIRST, cut - FIRST) == (ssize_t)(cut - FIRST));
      breaks_later(&breaker, fds[1], 0);
      long long start = now_ms();
      if (call == RECEIVES)
        CHECK_IS(by_one_call(fds[0], timeout), -ECONNRESET);
      else {
        fdwire_conn *conn = conn_of(fds[0], -1, NULL);
        CHECK_IS(receives[call](conn, &got, timeout), -ECONNRESET);
        CHECK_IS(receives[call](conn, &got, timeout), -ECONNRESET);
        fdwire_conn_free(conn);
      }
      CHECK(now_ms() - start < 3000);
      broke_off(&breaker);
      close(fds[0]);
    }
}

/* ---- Sending ---- */

static uint8_t body[3 << 20]; /* more than there is room for on the way */

static int is_gone(int code) { return code == -EPIPE || code == -ECONNRESET; }

/* A send that waits for a peer that never reads is told at once when that is killed, without a
   signal. */
static void killed_while_sending(void) {
  EACH_WAY(way)
    for (int whole = 0; whole < 2; whole++) {
      int fds[2], ours, result;
      struct breaker breaker;
      open_way(way, fds);
      ours = fds[1];
      int turned[2] = {fds[1], fds[0]};
      breaks_later(&breaker, -1, peer_process(turned, 0));
      long long start = now_ms();
      if (whole)
        result = fdwire_send(ours, NULL, body, sizeof body, way == PIPE ? 5000 : -1);
      else {
        fdwire_conn *conn = conn_of(-1, ours, NULL);
        result = fdwire_conn_send(conn, body, sizeof body, -1);
        CHECK_IS(fdwire_conn_send(conn, "x", 1, -1), result);
        CHECK_IS(fdwire_conn_flush(conn, 0), result);
        fdwire_conn_free(conn);
      }
      CHECK(is_gone(result));
      CHECK(now_ms() - start < 3000);
      broke_off(&breaker);
      close(ours);
    }
}

/* Of so much, most stays here whatever room TCP still finds: see tcp_pair. */
enum { LIMIT = 2 << 20, PART = 9000 };

typedef int (*send_call)(fdwire_conn *conn, int timeout_ms);

static int by_send(fdwire_conn *conn, int timeout_ms) {
  return fdwire_conn_send(conn, body, PART, timeout_ms);
}

static int by_send_many(fdwire_conn *conn, int timeout_ms) {
  fdwire_msg msg = {NULL, body, 0, PART, 0};
  return fdwire_conn_send_many(conn, &msg, 1, timeout_ms);
}

static int by_send_packed(fdwire_conn *conn, int timeout_ms) {
  size_t len = PART;
  return fdwire_conn_send_packed(conn, body, &len, 1, timeout_ms);
}

static const send_call sends[] = {by_send, by_send_many, by_send_packed};

/* Sends until nothing more is accepted; how many were. */
static int fills(fdwire_conn *conn, send_call send) {
  int accepted = 0, result;
  while ((result = send(conn, 0)) >= 0 && accepted < 1000)
    accepted++;
  CHECK_IS(result, -ENOBUFS);
  return accepted;
}

/* Counts the messages that come until the end. */
static void *counts(void *arg) {
  int fd = *(int *)arg;
  static uint8_t got[PART];
  size_t len = 0, count = 0;
  while (fdwire_recv(fd, NULL, got, sizeof got, &len, 10000) == 1 && len == PART &&
         memcmp(got, body, PART) == 0)
    count++;
  *(int *)arg = (int)count;
  return NULL;
}

/* Messages are accepted up to the limit and no further, in time; what was accepted is not lost when the
   peer reads at last. */
static void never_reads(int way, send_call send) {
  int fds[2], counted;
  pthread_t thread;
  open_way(way, fds);
  fdwire_conn *conn = conn_of(-1, fds[1], NULL);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, LIMIT), 0);
  int accepted = 0, result;
  long long start;
  do { /* TCP may find more room */
    accepted += fills(conn, send);
    start = now_ms();
    result = send(conn, 30);
    accepted += result >= 0;
  } while (result >= 0);
  CHECK_IS(result, -ENOBUFS);
  uint64_t pending = fdwire_conn_pending(conn);
  CHECK(pending <= LIMIT && pending > LIMIT - PART - 4);
  CHECK_IS(fdwire_conn_flush(conn, 0), -EAGAIN);
  CHECK_IS(fdwire_conn_flush(conn, 30), -ETIMEDOUT);
  CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 30), -ETIMEDOUT);
  CHECK_TOOK(start, 90, 2000);
  CHECK(fdwire_conn_pending(conn) <= pending);
  CHECK(way == TCP_SOCKET || fdwire_conn_pending(conn) == pending);
  CHECK(stats_of(conn).memory <= 2 * LIMIT);
  counted = fds[0];
  NEED(pthread_create(&thread, NULL, counts, &counted) == 0);
  CHECK_IS(fdwire_conn_flush(conn, 10000), 0);
  fdwire_conn_free(conn);
  close(fds[1]);
  NEED(pthread_join(thread, NULL) == 0);
  CHECK_IS(counted, accepted);
  close(fds[0]);
}

static void a_peer_that_never_reads(void) {
  EACH_WAY(way)
    for (size_t call = 0; call < sizeof sends / sizeof *sends; call++)
      never_reads(way, sends[call]);
}

/* And until the end: what never reached the kernel is counted, and all else has arrived. */
static void never_reads_until_the_end(void) {
  EACH_WAY(way) {
    int fds[2];
    static uint8_t got[PART];
    size_t arrived = 0;
    uint64_t unsent = 0;
    open_way(way, fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, LIMIT), 0);
    size_t accepted = (size_t)fills(conn, by_send) * (PART + 4);
    uint64_t pending = fdwire_conn_pending(conn);
    long long start = now_ms();
    CHECK_IS(fdwire_conn_finish(conn, &unsent, 50), -ETIMEDOUT);
    CHECK_TOOK(start, 50, 2000);
    CHECK(unsent > 0 && unsent <= pending);
    CHECK(way == TCP_SOCKET || unsent == pending);
    fdwire_conn_free(conn);
    close(fds[1]);
    for (ssize_t n; (n = read(fds[0], got, sizeof got)) > 0;)
      arrived += (size_t)n;
    CHECK_IS(arrived + unsent, accepted);
    close(fds[0]);
  }
}

/* One call on its own has its deadline, too. */
static void one_call_to_nobody(void) {
  EACH_WAY(way) {
    int fds[2];
    size_t done = 0;
    open_way(way, fds);
    long long start = now_ms();
    CHECK_IS(fdwire_send(fds[1], NULL, body, sizeof body, 50), -ETIMEDOUT);
    CHECK_TOOK(start, 50, 2000);
    start = now_ms();
    CHECK_IS(fdwire_write_all(fds[1], body, sizeof body, &done, 50), -ETIMEDOUT);
    CHECK_TOOK(start, 50, 2000);
    close_way(fds);
  }
}

/* ---- Peers that answer no more ---- */

/* More is on its way than the peer takes, and the system is to wait half a second for an answer. */
static void unanswered(int fds[2]) {
  int patience_ms = 500;
  open_way(TCP_SOCKET, fds);
  CHECK_IS(setsockopt(fds[0], IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms), 0);
  while (send(fds[0], body, sizeof body, MSG_DONTWAIT) > 0)
    continue;
}

/* recv(2) says ETIMEDOUT then, and after that that all has ended well. */
static void one_that_the_system_gives_up(void) {
  int one[2], other[2];
  unanswered(one);
  unanswered(other);
  fdwire_conn *conn = conn_of(other[0], other[0], NULL);
  fdwire_msg msg;
  CHECK_IS(by_one_call(one[0], -1), -ECONNRESET);
  for (int again = 0; again < 2; again++)
    CHECK_IS(fdwire_conn_recv(conn, &msg, 5000), -ECONNRESET);
  CHECK(is_gone(fdwire_conn_send(conn, "x", 1, 5000)));
  fdwire_conn_free(conn);
  close_way(one);
  close_way(other);
}

int main(void) {
  check_begin();
  memset(body, 'b', sizeof body);
  RUN(killed_before_one_call);
  RUN(killed_before_a_connection);
  RUN(reset_while_receiving);
  RUN(killed_while_sending);
  RUN(a_peer_that_never_reads);
  RUN(never_reads_until_the_end);
  RUN(one_call_to_nobody);
  RUN(one_that_the_system_gives_up);
  return check_end();
}
