/* PostgreSQL, protocol 3.0: https://www.postgresql.org/docs/current/protocol.html
 *
 * The first messages of a client have no type; all others have a byte before the length. The answer
 * to SSLRequest is a single byte. */
#include "peer.h"

enum { ROWS = 10000, WIDE = 1000000 };

static char type_of(fdwire_msg msg) { return (char)msg.head[0]; }

static void query(fdwire_conn *conn, const char *sql) {
  fdwire_msg msg = message("Q\0\0\0\0", 5, sql, strlen(sql) + 1);
  send_all(conn, &msg, 1);
}

/* The next message that is no notice; an error where none was asked for is the end. */
static fdwire_msg next_of_type(fdwire_conn *conn, char type) {
  fdwire_msg msg = receive(conn);
  while (type_of(msg) == 'N' || type_of(msg) == 'S')
    msg = receive(conn);
  if (type_of(msg) != type) {
    fprintf(stderr, "%c came for %c: %.*s\n", type_of(msg), type, (int)msg.body_len, msg.body);
    exit(1);
  }
  return msg;
}

static void start(fdwire_conn *conn) {
  static const char parameters[] = "user\0postgres\0database\0postgres\0";
  fdwire_msg ask_for_ssl = message("\0\0\0\x08\x04\xd2\x16\x2f", 8, NULL, 0);
  set_fixed(conn, FDWIRE_IN, 1);
  send_all(conn, &ask_for_ssl, 1);
  expect(is(receive(conn), "N"), "this server has no TLS");
  set_format(conn, FDWIRE_IN, "postgres");
  send_body(conn, parameters, sizeof parameters);
  set_format(conn, FDWIRE_OUT, "postgres");
  expect(fdwire_get_u32be(next_of_type(conn, 'R').body) == 0, "logged in");
  next_of_type(conn, 'K');
  next_of_type(conn, 'Z');
}

/* A value in a row: the number of columns stands before it, and the length of each. */
static void wide_row(fdwire_conn *conn) {
  query(conn, "select repeat('x', 1000000)");
  next_of_type(conn, 'T');
  fdwire_msg row = next_of_type(conn, 'D');
  expect(row.body_len == 6 + WIDE && fdwire_get_u32be(row.body + 2) == WIDE, "its length");
  expect(is_all(row, 6, WIDE, 'x'), "its bytes");
  expect(begins(next_of_type(conn, 'C'), "SELECT 1"), "one row");
  next_of_type(conn, 'Z');
}

static void many_rows(fdwire_conn *conn) {
  fdwire_msg msgs[256];
  size_t count = 0, rows = 0;
  char type = 0;
  query(conn, "select i from generate_series(0, 9999) i");
  next_of_type(conn, 'T');
  while (type != 'Z') {
    expect(must("rows", fdwire_conn_recv_many(conn, msgs, 256, &count, SOON)) == 1, "more rows");
    for (size_t i = 0; i < count; i++) {
      type = type_of(msgs[i]);
      if (type == 'D')
        expect((size_t)strtoul((const char *)msgs[i].body + 6, NULL, 10) == rows++, "in order");
    }
  }
  expect(rows == ROWS, "all rows");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "postgres-startup");
  start(conn);
  wide_row(conn);
  many_rows(conn);
  query(conn, "select nope");
  expect(find(next_of_type(conn, 'E'), "C42703") != NULL, "an error with its SQLSTATE");
  next_of_type(conn, 'Z');
  fdwire_msg terminate = message("X\0\0\0\0", 5, NULL, 0);
  send_all(conn, &terminate, 1);
  expect_end(conn);
  return 0;
}
