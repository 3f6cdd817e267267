/* Kernel TLS: what is no data among the records is none of the stream's. Runs with the shim ktls, which stands for the kernel. */
#include "check.h"

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23 };

static int to, from;
static fdwire_conn *conn;

static void record(int type, const char *bytes, size_t len) {
  char wire[100] = {(char)type, 0, (char)len};
  memcpy(wire + 3, bytes, len);
  CHECK_IS(write(to, wire, 3 + len), (long long)(3 + len));
}

static void begin(void) {
  int fds[2];
  tcp_pair(fds);
  from = fds[0];
  to = fds[1];
  NEED(fdwire_conn_new(from, from, NULL, &conn) == 0);
}

static void end(void) {
  fdwire_conn_free(conn);
  close(to);
  close(from);
}

static void receives(const char *body) {
  fdwire_msg msg;
  CHECK_IS(fdwire_conn_recv(conn, &msg, 5000), 1);
  CHECK(msg.body_len == strlen(body) && memcmp(msg.body, body, msg.body_len) == 0);
}

static void tickets_are_passed_over(void) {
  fdwire_msg msg;
  begin();
  record(HANDSHAKE, "\4\0\0\1t", 5);
  record(DATA, "\0\0\0\5hel", 7);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
  record(HANDSHAKE, "\4\0\0\1t", 5);
  record(DATA, "lo\0\0\0\3bye", 9);
  receives("hello");
  receives("bye");
  CHECK_IS(fdwire_conn_recv(conn, &msg, 10), -ETIMEDOUT);
  end();
}

static void a_goodbye_is_the_end(void) {
  fdwire_msg msg;
  begin();
  record(DATA, "\0\0\0\3bye", 7);
  record(ALERT, "\1\0", 2);
  receives("bye");
  CHECK_IS(fdwire_conn_recv(conn, &msg, 5000), 0);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 5000), 0);
  end();
  begin();
  record(DATA, "\0\0\0\3b", 5);
  record(ALERT, "\1\0", 2);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 5000), FDWIRE_E_TRUNCATED);
  end();
}

static void what_only_tls_can_answer_is_an_error(void) {
  const struct { int type; const char *bytes; } cases[] = {{HANDSHAKE, "\30\0\0\1\1"}, {ALERT, "\2\50"}, {99, "??"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_msg msg;
    char why[200];
    begin();
    record(DATA, "\0\0\0\5hello", 9);
    record(cases[i].type, cases[i].bytes, 2);
    record(DATA, "\0\0\0\5never", 9);
    receives("hello");
    CHECK_IS(fdwire_conn_recv(conn, &msg, 5000), -EPROTO);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 5000), -EPROTO);
    CHECK(fdwire_conn_explain(conn, why, sizeof why) > 0 && strstr(why, "receiving failed") != NULL);
    end();
  }
}

int main(void) {
  check_begin();
  NEED(getenv("FDWIRE_TEST_KTLS") != NULL); /* the shim is there */
  RUN(tickets_are_passed_over);
  RUN(a_goodbye_is_the_end);
  RUN(what_only_tls_can_answer_is_an_error);
  return check_end();
}
