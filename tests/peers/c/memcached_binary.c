/* memcached, the binary protocol:
 * https://github.com/memcached/memcached/wiki/BinaryProtocolRevamped
 *
 * A message is a head of 24 bytes and a body: extras, key and value, whose lengths the head has. */
#include "peer.h"

enum { HEAD = 24, VALUE = 500000, KEYS = 1000 };
enum { GET = 0, SET = 1, QUIT = 7, NOOP = 10, GETKQ = 13, SETQ = 17 };
enum { REQUEST = 0x80, RESPONSE = 0x81, NOT_FOUND = 1 };

/* The length of all of the body is left to fdwire. */
static void write_head(uint8_t *head, int opcode, size_t key_len, size_t extras_len, uint32_t id) {
  fdwire_writer w;
  fdwire_writer_init(&w, head, HEAD, FDWIRE_BIG);
  fdwire_write_u8(&w, REQUEST);
  fdwire_write_u8(&w, (uint8_t)opcode);
  fdwire_write_u16(&w, (uint16_t)key_len);
  fdwire_write_u8(&w, (uint8_t)extras_len);
  fdwire_write_u24(&w, 0);
  fdwire_write_u32(&w, 0);
  fdwire_write_u32(&w, id);
  fdwire_write_u64(&w, 0);
  must("head", w.status);
}

static void request(fdwire_conn *conn, int opcode, const char *key, uint32_t id) {
  uint8_t head[HEAD];
  write_head(head, opcode, strlen(key), 0, id);
  fdwire_msg msg = message(head, HEAD, key, strlen(key));
  send_all(conn, &msg, 1);
}

/* Queued, to go with what is sent next. */
static void set(fdwire_conn *conn, int opcode, const char *key, const void *value, size_t len) {
  static uint8_t body[8 + 20 + VALUE]; /* flags and time of expiry, the key, the value */
  uint8_t head[HEAD];
  size_t key_len = strlen(key);
  write_head(head, opcode, key_len, 8, 0);
  memset(body, 0, 8);
  memcpy(body + 8, key, key_len);
  memcpy(body + 8 + key_len, value, len);
  fdwire_msg msg = message(head, HEAD, body, 8 + key_len + len);
  must("queue", fdwire_conn_queue(conn, &msg, 1));
}

static unsigned status(fdwire_msg msg) { return fdwire_get_u16be(msg.head + 6); }

/* The next answer, which is to this request. */
static fdwire_msg answer(fdwire_conn *conn, int opcode, uint32_t id) {
  fdwire_msg msg = receive(conn);
  expect(msg.head[0] == RESPONSE && msg.head[1] == opcode, "an answer to it");
  expect(fdwire_get_u32be(msg.head + 12) == id, "by its number");
  return msg;
}

static void large_value(fdwire_conn *conn) {
  static char value[VALUE];
  memset(value, 'v', VALUE);
  set(conn, SET, "large", value, VALUE);
  expect(status(answer(conn, SET, 0)) == 0, "it is stored");
  request(conn, GET, "large", 1);
  fdwire_msg got = answer(conn, GET, 1);
  expect(got.body_len == 4 + VALUE && is_all(got, 4, VALUE, 'v'), "as it was stored");
  request(conn, GET, "none", 2);
  got = answer(conn, GET, 2);
  expect(status(got) == NOT_FOUND && is(got, "Not found"), "an error");
}

/* A thousand values stored without a word; then asked for, with a request behind them that is
 * answered in any case. */
static void quiet(fdwire_conn *conn) {
  fdwire_msg got[64];
  size_t count = 0, values = 0;
  char key[16];
  int done = 0;
  for (int i = 0; i < KEYS; i++) {
    snprintf(key, sizeof key, "k%03d", i);
    set(conn, SETQ, key, key, 4);
  }
  for (int i = 0; i < KEYS; i++) {
    snprintf(key, sizeof key, "k%03d", i);
    request(conn, GETKQ, key, (uint32_t)i);
  }
  request(conn, NOOP, "", KEYS);
  while (!done) {
    expect(must("receive", fdwire_conn_recv_many(conn, got, 64, &count, SOON)) == 1, "more");
    for (size_t i = 0; i < count; i++) {
      done = got[i].head[1] == NOOP;
      if (!done)
        expect(fdwire_get_u32be(got[i].head + 12) == values++, "each value in its turn");
    }
  }
  expect(values == KEYS, "all of them");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "memcached-binary");
  large_value(conn);
  quiet(conn);
  request(conn, QUIT, "", 9);
  answer(conn, QUIT, 9);
  expect_end(conn);
  return 0;
}
