/* memcached, the text protocol: https://github.com/memcached/memcached/blob/master/doc/protocol.txt
 *
 * A message is a line; behind some lines stands a block of data, as long as the line says. */
#include "peer.h"

enum { VALUE = 500000, KEYS = 100 };

/* We send bytes as they are, a line and its block: "eof" puts nothing around a body. */
static void set(fdwire_conn *conn, const char *key, const void *value, size_t len) {
  char line[60];
  snprintf(line, sizeof line, "set %s 0 0 %zu\r\n", key, len);
  const fdwire_msg msgs[] = {message(NULL, 0, line, strlen(line)),
                             message(NULL, 0, value, len), message(NULL, 0, "\r\n", 2)};
  send_all(conn, msgs, 3);
  expect(is(receive(conn), "STORED"), "it is stored");
}

/* The block behind a line like "VALUE key 0 1234", with what ends it; lent. */
static fdwire_msg block(fdwire_conn *conn, const char *key) {
  fdwire_msg line = receive(conn);
  fdwire_reader r;
  expect(begins(line, "VALUE ") && find(line, key) != NULL, "a value of this key");
  size_t before = 6 + strlen(key) + 3;
  expect(line.body_len > before, "its length");
  fdwire_reader_init(&r, line.body + before, line.body_len - before, FDWIRE_BIG);
  size_t len = (size_t)fdwire_read_decimal(&r);
  must("length", r.status);
  set_fixed(conn, FDWIRE_IN, len + 2);
  fdwire_msg data = receive(conn);
  set_format(conn, FDWIRE_IN, "memcached");
  expect(memcmp(data.body + len, "\r\n", 2) == 0, "what ends the block");
  data.body_len = len;
  return data;
}

static void large_value(fdwire_conn *conn) {
  static char value[VALUE];
  for (size_t i = 0; i < VALUE; i++)
    value[i] = "END\r\nVALUE "[i % 11];
  set(conn, "large", value, VALUE);
  send_text(conn, "get large\r\n");
  fdwire_msg got = block(conn, "large");
  expect(got.body_len == VALUE && memcmp(got.body, value, VALUE) == 0, "as it was stored");
  expect(is(receive(conn), "END"), "the end of the values");
}

static void many_values(fdwire_conn *conn) {
  char request[20 + 4 * KEYS] = "get", key[16];
  for (int i = 0; i < KEYS; i++) {
    snprintf(key, sizeof key, "k%02d", i);
    set(conn, key, key, strlen(key));
    strcat(strcat(request, " "), key);
  }
  send_text(conn, strcat(request, "\r\n"));
  for (int i = 0; i < KEYS; i++) {
    snprintf(key, sizeof key, "k%02d", i);
    expect(is(block(conn, key), key), "each value");
  }
  expect(is(receive(conn), "END"), "the end of the values");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "memcached");
  set_format(conn, FDWIRE_OUT, "eof");
  large_value(conn);
  many_values(conn);
  send_text(conn, "get nothing\r\nincr k00 1\r\nbogus\r\n");
  expect(is(receive(conn), "END"), "no value");
  expect(begins(receive(conn), "CLIENT_ERROR cannot increment"), "no number");
  expect(is(receive(conn), "ERROR"), "no command");
  send_text(conn, "quit\r\n");
  expect_end(conn);
  return 0;
}
