/* BIRD, BGP-4: https://www.rfc-editor.org/rfc/rfc4271
 *
 * A message is a marker of 16 bytes, a length that counts all of it, a type, and the rest. */
#include "peer.h"

enum { OPEN = 1, UPDATE = 2, NOTIFICATION = 3, KEEPALIVE = 4, UNKNOWN = 9, PREFIXES = 256 };

static void send_type(fdwire_conn *conn, int type, const void *body, size_t len) {
  unsigned char head[19];
  memset(head, 0xff, 16);
  fdwire_put_u16be(head + 16, 0); /* the length, for fdwire to fill in */
  head[18] = (unsigned char)type;
  fdwire_msg msg = message(head, sizeof head, body, len);
  send_all(conn, &msg, 1);
}

static int type_of(fdwire_msg msg) { return msg.head[18]; }

/* The prefixes 10.0.x.0/24 that an update announces, behind withdrawn routes and attributes. */
static size_t note_prefixes(fdwire_msg msg, char *seen) {
  fdwire_reader r;
  size_t count = 0;
  fdwire_reader_init(&r, msg.body, msg.body_len, FDWIRE_BIG);
  expect(fdwire_read_u16(&r) == 0, "nothing is withdrawn");
  fdwire_read_bytes(&r, fdwire_read_u16(&r));
  while (fdwire_reader_left(&r) > 0) {
    expect(fdwire_read_u8(&r) == 24 && fdwire_read_u16(&r) == 10 << 8, "a prefix");
    seen[fdwire_read_u8(&r)] = 1;
    count++;
  }
  must("update", r.status);
  return count;
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "bgp");
  char seen[PREFIXES] = {0};
  size_t announced = 0;
  /* version 4, AS 65002, hold time 180 s, identifier 10.0.0.2, no parameters */
  send_type(conn, OPEN, "\4\xfd\xea\0\xb4\x0a\0\0\2\0", 10);
  fdwire_msg msg = receive(conn);
  expect(type_of(msg) == OPEN && fdwire_get_u16be(msg.body + 1) == 65001, "OPEN of AS 65001");
  expect(type_of(receive(conn)) == KEEPALIVE, "it accepts us");
  send_type(conn, KEEPALIVE, NULL, 0);
  while (announced < PREFIXES) {
    msg = receive(conn);
    if (type_of(msg) == UPDATE)
      announced += note_prefixes(msg, seen);
    else
      expect(type_of(msg) == KEEPALIVE, "nothing but updates and signs of life");
  }
  for (size_t i = 0; i < PREFIXES; i++)
    expect(seen[i], "each of the prefixes");
  send_type(conn, UNKNOWN, NULL, 0);
  do
    msg = receive(conn);
  while (type_of(msg) != NOTIFICATION);
  expect(msg.body_len == 3 && memcmp(msg.body, "\1\3\x09", 3) == 0, "1.3: bad type, which was 9");
  expect_end(conn);
  return 0;
}
