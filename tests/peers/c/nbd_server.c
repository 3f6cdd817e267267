/* nbd-server: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 *
 * The format changes as it goes: a greeting of one size, options and their answers, then requests
 * and replies. A reply to a read does not say how long its data are: whoever asked knows. */
#include "peer.h"

#include <errno.h>

enum { SIZE = 1 << 20, ACK = 1, SERVER = 2, INFO = 3 };
enum { LIST = 3, GO = 7, READ = 0, DISCONNECT = 2 };

static void greet(fdwire_conn *conn) {
  set_fixed(conn, FDWIRE_IN, 18);
  set_fixed(conn, FDWIRE_OUT, 4);
  fdwire_msg greeting = receive(conn);
  expect(begins(greeting, "NBDMAGICIHAVEOPT"), "a greeting in the new style");
  expect((fdwire_get_u16be(greeting.body + 16) & 1) == 1, "the fixed one");
  send_body(conn, "\0\0\0\3", 4);
  set_format(conn, FDWIRE_IN, "nbd-option-reply");
  set_format(conn, FDWIRE_OUT, "nbd-option");
}

static fdwire_msg option(uint8_t *head, uint32_t number, const void *data, size_t len) {
  memcpy(head, "IHAVEOPT", 8);
  fdwire_put_u32be(head + 8, number);
  fdwire_put_u32be(head + 12, 0);
  return message(head, 16, data, len);
}

static uint32_t kind(fdwire_msg reply) { return fdwire_get_u32be(reply.head + 12); }

/* Three options at once: to list the exports, one that nobody knows, and to go on with x. */
static void options(fdwire_conn *conn) {
  uint8_t heads[3][16];
  const fdwire_msg requests[] = {option(heads[0], LIST, NULL, 0), option(heads[1], 12345, "zz", 2),
                                 option(heads[2], GO, "\0\0\0\1x\0\0", 7)};
  send_all(conn, requests, 3);
  fdwire_msg reply = receive(conn);
  expect(kind(reply) == SERVER && memcmp(reply.body, "\0\0\0\1x", 5) == 0, "the export x");
  expect(kind(receive(conn)) == ACK, "no other");
  expect(kind(receive(conn)) == 0x80000001, "an error");
  for (reply = receive(conn); kind(reply) == INFO; reply = receive(conn))
    if (fdwire_get_u16be(reply.body) == 0)
      expect(fdwire_get_u64be(reply.body + 2) == SIZE, "its size");
  expect(kind(reply) == ACK, "here we go");
  set_format(conn, FDWIRE_IN, "nbd-reply");
  set_format(conn, FDWIRE_OUT, "nbd-request");
}

static void request(fdwire_conn *conn, int type, uint64_t cookie, uint64_t from, uint32_t len) {
  uint8_t head[28];
  fdwire_writer w;
  fdwire_writer_init(&w, head, sizeof head, FDWIRE_BIG);
  fdwire_write_u32(&w, 0x25609513);
  fdwire_write_u32(&w, (uint32_t)type);
  fdwire_write_u64(&w, cookie);
  fdwire_write_u64(&w, from);
  fdwire_write_u32(&w, len);
  must("request", w.status);
  fdwire_msg msg = message(head, sizeof head, NULL, 0);
  send_all(conn, &msg, 1);
}

/* What was asked for, by its cookie. */
static const struct {
  uint64_t from;
  uint32_t len;
} reads[] = {{256, SIZE - 256}, {7, 3}, {SIZE, 512}};

/* The next reply and its data: they may come in any order. Bytes 0 to 255, over and over, are in
 * the image. */
static uint64_t receive_reply(fdwire_conn *conn) {
  fdwire_msg reply = receive(conn);
  uint32_t error = fdwire_get_u32be(reply.head + 4);
  uint64_t cookie = fdwire_get_u64be(reply.head + 8);
  expect(cookie < sizeof reads / sizeof *reads, "a reply to one of our requests");
  uint64_t from = reads[cookie].from;
  expect(error == (from < SIZE ? 0 : EINVAL), "an error behind the end of the image alone");
  if (error == 0) {
    set_fixed(conn, FDWIRE_IN, reads[cookie].len);
    reply = receive(conn);
    for (size_t i = 0; i < reply.body_len; i++)
      expect(reply.body[i] == (uint8_t)(from + i), "what is in the image there");
    set_format(conn, FDWIRE_IN, "nbd-reply");
  }
  return cookie;
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "nbd-option");
  greet(conn);
  options(conn);
  for (uint64_t i = 0; i < 3; i++)
    request(conn, READ, i, reads[i].from, reads[i].len);
  unsigned answered = 0;
  for (int i = 0; i < 3; i++)
    answered |= 1u << receive_reply(conn);
  expect(answered == 7, "an answer to each");
  request(conn, DISCONNECT, 3, 0, 0);
  expect_end(conn);
  return 0;
}
