/* A connection of an event loop that polls: FDWIRE_POLLED spares the read that would only find that
   nothing is there. What comes is received all the same, and so is the end. How many reads there
   were, the connection's own statistics say. */
#include "samples.h"

#include <poll.h>

static const char hello[] = "\0\0\0\5hello";
enum { HELLO = sizeof hello - 1, PATIENCE = 20000 };

static fdwire_conn *polled(int in_fd, int out_fd) {
  fdwire_conn *conn = conn_of(in_fd, out_fd, NULL);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_POLLED, 1), 0);
  return conn;
}

static void come(int fd, int times) {
  for (int i = 0; i < times; i++)
    NEED(write(fd, hello, HELLO) == HELLO);
}

static void check_reads(fdwire_conn *conn, uint64_t reads, int line) {
  fdwire_stats stats = stats_of(conn);
  if (stats.reads != reads || stats.memory != 0) {
    printf("line %d: %llu reads, not %llu; memory %llu\n", line, (unsigned long long)stats.reads,
           (unsigned long long)reads, (unsigned long long)stats.memory);
    check_failures++;
  }
}
#define CHECK_READS(conn, reads) check_reads(conn, reads, __LINE__)

static void got_hello(const struct got *got) {
  CHECK(got->len == 5 && memcmp(got->body, "hello", 5) == 0);
}

/* One read for all that is there, none to hear that it was all, and the buffer is given back. */
static void what_is_there_takes_one_read(void) {
  EACH_WAY(way)
  for (size_t i = 0; i < RECEIVES; i++) {
    int fds[2];
    struct got got;
    got.open = 0;
    open_way(way, fds);
    fdwire_conn *conn = polled(fds[0], -1);
    for (uint64_t reads = 1; reads < 4; reads++) {
      come(fds[1], 3);
      for (int n = 0; n < 3; n++) {
        CHECK_IS(receives[i](conn, &got, 0), 1);
        got_hello(&got);
      }
      CHECK_IS(receives[i](conn, &got, 0), -EAGAIN);
      CHECK_READS(conn, reads);
    }
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

/* Whoever does not say so is never told that nothing is there without a look. */
static void without_it_each_receive_looks(void) {
  int fds[2];
  fdwire_msg msg;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = polled(fds[0], -1);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_POLLED, 0), 0);
  for (int n = 0; n < 3; n++) {
    come(fds[1], 1);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 0), 1);
  }
  CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
  CHECK_READS(conn, 4);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* What came since is told by the call after the one that did not look, and by one that may wait. */
static void it_looks_again(void) {
  EACH_WAY(way)
  for (int timeout = -1; timeout <= PATIENCE; timeout += timeout < 0 ? 1 : PATIENCE) {
    int fds[2];
    fdwire_msg msg;
    open_way(way, fds);
    fdwire_conn *conn = polled(fds[0], -1);
    come(fds[1], 1);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 0), 1);
    come(fds[1], 1);
    if (timeout == 0)
      CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
    CHECK_IS(fdwire_conn_recv(conn, &msg, timeout), 1);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

/* An event loop: messages in pieces of all sizes, and then the end. It polls once for each piece,
   and does not read more often than it polls. */
static void a_loop_gets_all_and_the_end(void) {
  enum { MESSAGES = 40 };
  EACH_WAY(way)
  for (size_t piece = 1; piece <= 2 * HELLO; piece++)
    for (int shut = 0; shut < 2; shut++) {
      int fds[2], got = 0, result = -EAGAIN;
      uint64_t polls = 0;
      char all[MESSAGES * HELLO];
      fdwire_msg msg;
      struct pollfd poll_in = {-1, POLLIN, 0};
      for (int i = 0; i < MESSAGES; i++)
        memcpy(all + i * HELLO, hello, HELLO);
      open_way(way, fds);
      poll_in.fd = fds[0];
      fdwire_conn *conn = polled(fds[0], -1);
      for (size_t at = 0; result == -EAGAIN; at += piece) {
        size_t left = at < sizeof all ? sizeof all - at : 0;
        if (left > 0)
          NEED(write(fds[1], all + at, left < piece ? left : piece) > 0);
        if (left <= piece && fds[1] >= 0) { /* the end comes with the last bytes */
          if (!shut || way == PIPE || fdwire_shutdown(fds[1], FDWIRE_SHUT_WR) != 0) {
            close(fds[1]);
            fds[1] = -1;
          }
        }
        NEED(poll(&poll_in, 1, PATIENCE) == 1);
        polls++;
        while ((result = fdwire_conn_recv(conn, &msg, 0)) == 1)
          got++;
      }
      CHECK_IS(result, 0);
      CHECK_IS(got, MESSAGES);
      CHECK(stats_of(conn).reads <= polls);
      fdwire_conn_free(conn);
      close(fds[0]);
      if (fds[1] >= 0)
        close(fds[1]);
    }
}

/* What waits to be sent goes out before the receive gives up, look or no look. */
static void what_waits_to_be_sent_goes_first(void) {
  int fds[2];
  char frame[HELLO];
  fdwire_msg msg;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = polled(fds[0], fds[0]);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, 1 << 16), 0);
  come(fds[1], 1);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 0), 1);
  CHECK_IS(fdwire_conn_send(conn, msg.body, msg.body_len, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
  CHECK_READS(conn, 1);
  CHECK_IS(recv(fds[1], frame, HELLO, MSG_DONTWAIT), HELLO);
  CHECK(memcmp(frame, hello, HELLO) == 0);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* A read that fills all the room may have left something: it looks. */
static void a_read_that_fills_the_room_is_not_all(void) {
  enum { BODY = 8192, FRAMES = 16 };
  int fds[2], got = 0;
  char frame[4 + BODY];
  fdwire_msg msg;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = polled(fds[0], -1);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_READ_SIZE, 4096), 0);
  memset(frame, 'x', sizeof frame);
  fdwire_put_u32be(frame, BODY);
  for (int i = 0; i < FRAMES; i++)
    NEED(write(fds[1], frame, sizeof frame) == sizeof frame);
  while (fdwire_conn_recv(conn, &msg, 0) == 1)
    got++;
  CHECK_IS(got, FRAMES);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* What functions of the program's own read is no socket: that it was little says nothing. */

struct source {
  int there, reads;
};

static int64_t comes(void *ctx, void *buf, size_t len) {
  struct source *source = (struct source *)ctx;
  source->reads++;
  if (!source->there)
    return -EAGAIN;
  NEED(len >= HELLO);
  source->there = 0;
  memcpy(buf, hello, HELLO);
  return HELLO;
}

static void over_functions_each_receive_looks(void) {
  struct source source = {1, 0};
  fdwire_conn *conn = NULL;
  fdwire_msg msg;
  NEED(fdwire_conn_new_over(comes, NULL, NULL, &source, NULL, &conn) == 0);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_POLLED, 1), 0);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 0), 1);
  CHECK_IS(source.reads, 1);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
  CHECK_IS(source.reads, 2);
  fdwire_conn_free(conn);
}

int main(void) {
  check_begin();
  RUN(what_is_there_takes_one_read);
  RUN(without_it_each_receive_looks);
  RUN(it_looks_again);
  RUN(a_loop_gets_all_and_the_end);
  RUN(what_waits_to_be_sent_goes_first);
  RUN(a_read_that_fills_the_room_is_not_all);
  RUN(over_functions_each_receive_looks);
  return check_end();
}
