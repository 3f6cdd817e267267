/* Redis, RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/
 *
 * A message is a line, or a bulk string behind its length. An array is a line that says how many
 * messages it has. */
#include "peer.h"

enum { VALUE = 1 << 20, ITEMS = 1000 };

/* The head of a bulk string tells it from a line; fdwire fills in the length. */
static fdwire_msg bulk(const void *bytes, size_t len) { return message("$0\r\n", 4, bytes, len); }

static fdwire_msg word(const char *text) { return bulk(text, strlen(text)); }

/* A command is an array of bulk strings. Queued, so that many go together. */
static void command(fdwire_conn *conn, const fdwire_msg *words, size_t count) {
  char line[16];
  snprintf(line, sizeof line, "*%zu", count);
  fdwire_msg array = message(NULL, 0, line, strlen(line));
  must("queue", fdwire_conn_queue(conn, &array, 1));
  must("queue", fdwire_conn_queue(conn, words, count));
}

static void values(fdwire_conn *conn) {
  static char value[VALUE];
  for (size_t i = 0; i < VALUE; i++)
    value[i] = "any byte\r\n"[i % 10];
  const fdwire_msg set[] = {word("SET"), word("key"), bulk(value, VALUE)};
  const fdwire_msg get[] = {word("GET"), word("key")};
  const fdwire_msg none[] = {word("GET"), word("no such key")};
  const fdwire_msg add[] = {word("INCR"), word("key")};
  command(conn, set, 3);
  command(conn, get, 2);
  command(conn, none, 2);
  command(conn, add, 2);
  expect(is(receive(conn), "+OK"), "SET"); /* a receive that waits sends first what is queued */
  fdwire_msg got = receive(conn);
  expect(got.body_len == VALUE && memcmp(got.body, value, VALUE) == 0, "GET gives it back");
  got = receive(conn);
  expect(got.head_len == 5 && memcmp(got.head, "$-1\r\n", 5) == 0, "nothing is no empty string");
  expect(begins(receive(conn), "-ERR value is not an integer"), "an error answer");
}

static void list(fdwire_conn *conn) {
  const fdwire_msg range[] = {word("LRANGE"), word("list"), word("0"), word("-1")};
  fdwire_msg got[64];
  size_t count = 0, items = 0;
  for (int i = 0; i < ITEMS; i++) {
    char number[16];
    snprintf(number, sizeof number, "%d", i);
    const fdwire_msg push[] = {word("RPUSH"), word("list"), word(number)};
    command(conn, push, 3);
  }
  command(conn, range, 4);
  for (int i = 1; i <= ITEMS; i++) {
    char length[16];
    snprintf(length, sizeof length, ":%d", i);
    expect(is(receive(conn), length), "RPUSH says how many there are");
  }
  expect(is(receive(conn), "*1000"), "LRANGE");
  while (items < ITEMS) {
    expect(must("receive", fdwire_conn_recv_many(conn, got, 64, &count, SOON)) == 1, "more items");
    for (size_t i = 0; i < count; i++, items++)
      expect((size_t)atoi((const char *)got[i].body) == items, "the items in their order");
  }
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "redis");
  send_text(conn, "PING");
  expect(is(receive(conn), "+PONG"), "PING, as a line");
  values(conn);
  list(conn);
  send_text(conn, "QUIT");
  expect(is(receive(conn), "+OK"), "QUIT");
  expect_end(conn);
  return 0;
}
