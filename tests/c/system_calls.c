/* How many system calls it takes, and which: a look that is not needed, or a call that is bound to
   fail, changes no answer. Calls that keep no state ask first what kind of descriptor it is. */
#include "faulty.h"

static int fds[2];

static void pair(void) { NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0); }

static void end_pair(void) {
  close(fds[0]);
  close(fds[1]);
}

static void gives(const void *bytes, size_t len) {
  NEED(write(fds[1], bytes, len) == (ssize_t)len);
}

/* What a call of the library did, as "recv, poll, recv". */
static const char *calls_made(void) {
  static char text[1000];
  size_t len = 0;
  text[0] = '\0';
  for (long i = 0; i < run.calls && len < sizeof text - 40; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? ", " : "",
                            call_names[run.trace[i]]);
  return text;
}

#define CALLS_ARE(expected)                                                               \
  do {                                                                                    \
    if (strcmp(calls_made(), expected) != 0) {                                            \
      printf("%s:%d: the calls are %s, not %s\n", __FILE__, __LINE__, calls_made(),       \
             expected);                                                                   \
      check_failures++;                                                                   \
    }                                                                                     \
  } while (0)

static void begin(int (*peer)(void)) { run_begins(NEVER, NULL, 1000, peer); }

static const char hello[] = "\0\0\0\5hello";

static int rest_comes(void) {
  static int came;
  came = !came;
  if (came)
    gives(hello + 6, 3);
  return came;
}

static void receiving_looks_only_where_there_may_be_too_little_room(void) {
  fdwire_format *format = format_of("u32be max=100");
  char room[200];
  size_t len;
  pair();
  gives(hello, 9);
  begin(NULL);
  CHECK_IS(IN(fdwire_recv(fds[0], format, room, 100, &len, 1000)), 1);
  CALLS_ARE("getsockopt, recv, recv");
  gives(hello, 9);
  begin(NULL);
  CHECK_IS(IN(fdwire_recv(fds[0], format, room, 99, &len, 1000)), 1);
  CALLS_ARE("getsockopt, a look, recv");
  gives(hello, 9);
  begin(NULL);
  CHECK_IS(IN(fdwire_recv(fds[0], format, room, 100, &len, 0)), 1);
  CALLS_ARE("getsockopt, a look, poll, ioctl, recv");
  end_pair();
  fdwire_format_free(format);
}

/* After a part there is nothing more at once, so it is waited for before it is asked for. */
static void the_rest_is_waited_for_at_once(void) {
  char room[9];
  size_t done = 0;
  pair();
  gives(hello, 6);
  begin(rest_comes);
  CHECK_IS(IN(fdwire_read_exact(fds[0], room, 9, &done, 1000)), 1);
  CALLS_ARE("getsockopt, recv, poll, recv");
  CHECK(done == 9 && memcmp(room, hello, 9) == 0);
  end_pair();
}

static void sending_takes_one(void) {
  char room[9];
  pair();
  begin(NULL);
  CHECK_IS(IN(fdwire_send(fds[0], NULL, "hello", 5, 1000)), 0);
  CALLS_ARE("getsockopt, send");
  NEED(read(fds[1], room, 9) == 9);
  CHECK(memcmp(room, hello, 9) == 0);
  end_pair();
}

static void a_connection_moves_many_at_once(void) {
  fdwire_msg msgs[3], sent = {NULL, (const uint8_t *)"hello", 0, 5, 0};
  size_t count;
  fdwire_conn *conn;
  pair();
  NEED(fdwire_conn_new(fds[0], fds[0], NULL, &conn) == 0);
  for (int i = 0; i < 3; i++)
    gives(hello, 9);
  begin(NULL);
  CHECK_IS(IN(fdwire_conn_recv_many(conn, msgs, 3, &count, 1000)), 1);
  CHECK_IS(count, 3);
  CALLS_ARE("recv");
  begin(NULL);
  for (int i = 0; i < 3; i++)
    CHECK_IS(IN(fdwire_conn_queue(conn, &sent, 1)), FDWIRE_PENDING);
  CALLS_ARE("");
  CHECK_IS(IN(fdwire_conn_flush(conn, 1000)), 0);
  CALLS_ARE("send");
  fdwire_conn_free(conn);
  end_pair();
}

/* Where a pipe would block, and the call is not to, it is asked whether it is ready. A send of a
   connection's only thread may, where it waits without end. */
static void pipes_are_asked_where_they_would_block(void) {
  static const struct {
    int nonblocking, one_thread, timeout_ms;
    const char *receiving, *sending;
  } cases[] = {
      {0, 0, -1, "fcntl, poll, read", "fcntl, poll, pwritev2"},
      {0, 1, 0, "fcntl, poll, read", "fcntl, poll, pwritev2"},
      {0, 1, -1, "fcntl, poll, read", "pwritev2"},
      {1, 0, 0, "fcntl, read", "fcntl, pwritev2"},
      {1, 1, -1, "fcntl, read", "pwritev2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_msg msg;
    fdwire_conn *in, *out;
    NEED(pipe(fds) == 0);
    for (int j = 0; cases[i].nonblocking && j < 2; j++)
      NEED(fcntl(fds[j], F_SETFL, O_NONBLOCK) == 0);
    NEED(fdwire_conn_new(fds[0], -1, NULL, &in) == 0 && fdwire_conn_new(-1, fds[1], NULL, &out) == 0);
    for (int j = 0; j < 2; j++)
      CHECK_IS(fdwire_conn_set(j ? in : out, FDWIRE_ONE_THREAD, cases[i].one_thread ? FDWIRE_BOTH : 0), 0);
    begin(NULL);
    CHECK_IS(IN(fdwire_conn_send(out, "hello", 5, cases[i].timeout_ms)), 0);
    CALLS_ARE(cases[i].sending);
    begin(NULL);
    CHECK_IS(IN(fdwire_conn_recv(in, &msg, cases[i].timeout_ms)), 1);
    CALLS_ARE(cases[i].receiving);
    fdwire_conn_free(in);
    fdwire_conn_free(out);
    end_pair();
  }
}

int main(void) {
  check_begin();
  RUN(receiving_looks_only_where_there_may_be_too_little_room);
  RUN(the_rest_is_waited_for_at_once);
  RUN(sending_takes_one);
  RUN(a_connection_moves_many_at_once);
  RUN(pipes_are_asked_where_they_would_block);
  return check_end();
}
