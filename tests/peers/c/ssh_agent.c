/* ssh-agent: https://datatracker.ietf.org/doc/draft-ietf-sshm-ssh-agent/
 *
 * A message is a length and a body, of which the first byte is the kind. Strings have lengths, too.
 * The agent holds one Ed25519 key. */
#include "peer.h"

enum { FAILURE = 5, SUCCESS = 6, LIST = 11, KEYS = 12, SIGN = 13, SIGNATURE = 14, DATA = 200000 };

struct string {
  const uint8_t *at;
  size_t len;
};

static struct string read_string(fdwire_reader *r) {
  struct string string = {NULL, fdwire_read_u32(r)};
  string.at = fdwire_read_bytes(r, string.len);
  return string;
}

static void write_string(fdwire_writer *w, const void *bytes, size_t len) {
  fdwire_write_u32(w, (uint32_t)len);
  fdwire_write_bytes(w, bytes, len);
}

static int kind(fdwire_msg msg) { return msg.body_len > 0 ? msg.body[0] : -1; }

/* How many keys there are, and the first one, for which blob has room for *len bytes. */
static uint32_t list_keys(fdwire_conn *conn, uint8_t *blob, size_t *len) {
  fdwire_reader r;
  send_body(conn, "\x0b", 1);
  fdwire_msg answer = receive(conn);
  expect(kind(answer) == KEYS, "the keys");
  fdwire_reader_init(&r, answer.body + 1, answer.body_len - 1, FDWIRE_BIG);
  uint32_t count = fdwire_read_u32(&r);
  if (count > 0) {
    struct string key = read_string(&r);
    must("keys", r.status);
    expect(key.len <= *len, "a short key");
    memcpy(blob, key.at, key.len);
    *len = key.len;
  }
  return count;
}

static void ask_to_sign(fdwire_conn *conn, const uint8_t *blob, size_t len) {
  static uint8_t data[DATA], request[DATA + 200];
  fdwire_writer w;
  memset(data, 'd', DATA);
  fdwire_writer_init(&w, request, sizeof request, FDWIRE_BIG);
  fdwire_write_u8(&w, SIGN);
  write_string(&w, blob, len);
  write_string(&w, data, DATA);
  fdwire_write_u32(&w, 0); /* no flags */
  must("request", w.status);
  send_body(conn, request, w.pos);
}

/* The signature is a string that holds the kind of key, and 64 bytes. */
static void sign(fdwire_conn *conn, const uint8_t *blob, size_t len) {
  fdwire_reader outer, inner;
  ask_to_sign(conn, blob, len);
  fdwire_msg answer = receive(conn);
  expect(kind(answer) == SIGNATURE, "a signature");
  fdwire_reader_init(&outer, answer.body + 1, answer.body_len - 1, FDWIRE_BIG);
  struct string signature = read_string(&outer);
  fdwire_reader_init(&inner, signature.at, signature.len, FDWIRE_BIG);
  struct string type = read_string(&inner), bytes = read_string(&inner);
  must("signature", inner.status);
  expect(type.len == 11 && memcmp(type.at, "ssh-ed25519", 11) == 0, "of an Ed25519 key");
  expect(bytes.len == 64 && fdwire_reader_left(&inner) == 0, "64 bytes of it");
}

/* While it is locked it has no keys, and signs nothing. Three requests at once, answered in their
 * order. */
static void lock(fdwire_conn *conn, const uint8_t *blob, size_t len) {
  send_body(conn, "\x16\0\0\0\6secret", 11);
  expect(kind(receive(conn)) == SUCCESS, "locked");
  ask_to_sign(conn, blob, len);
  expect(kind(receive(conn)) == FAILURE, "it does not sign");
  const fdwire_msg requests[] = {message(NULL, 0, "\x0b", 1),
                                 message(NULL, 0, "\x17\0\0\0\5wrong", 10),
                                 message(NULL, 0, "\x17\0\0\0\6secret", 11)};
  send_all(conn, requests, 3);
  fdwire_msg keys = receive(conn);
  expect(kind(keys) == KEYS && fdwire_get_u32be(keys.body + 1) == 0, "it shows no keys");
  expect(kind(receive(conn)) == FAILURE, "another word does not open it");
  expect(kind(receive(conn)) == SUCCESS, "unlocked");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "ssh-agent");
  uint8_t blob[100];
  size_t len = sizeof blob;
  expect(list_keys(conn, blob, &len) == 1, "one key");
  sign(conn, blob, len);
  lock(conn, blob, len);
  send_body(conn, "\xff", 1);
  expect(kind(receive(conn)) == FAILURE, "what it does not know fails");
  expect(list_keys(conn, blob, &len) == 1, "the key is there again");
  leave(conn);
  return 0;
}
