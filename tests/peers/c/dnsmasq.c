/* dnsmasq, DNS over TCP: https://www.rfc-editor.org/rfc/rfc7766
 *
 * A message is a length of two bytes and what else goes in a datagram. */
#include "peer.h"

enum { A = 1, TXT = 16, NAME_ERROR = 3, QUERIES = 3, STRINGS = 9, STRING = 200 };

/* A name is labels, each behind its length, and an empty one. */
static fdwire_msg query(unsigned char *out, size_t cap, int id, const char *name, int type) {
  static const unsigned char flags[] = {1, 0, 0, 1, 0, 0, 0, 0, 0, 0}; /* one question */
  fdwire_writer w;
  fdwire_writer_init(&w, out, cap, FDWIRE_BIG);
  fdwire_write_u16(&w, (uint16_t)id);
  fdwire_write_bytes(&w, flags, sizeof flags);
  while (*name != '\0') {
    size_t len = strcspn(name, ".");
    fdwire_write_u8(&w, (uint8_t)len);
    fdwire_write_bytes(&w, name, len);
    name += len + (name[len] == '.');
  }
  fdwire_write_u8(&w, 0);
  fdwire_write_u16(&w, (uint16_t)type);
  fdwire_write_u16(&w, 1); /* of the Internet */
  must("query", w.status);
  return message(NULL, 0, out, w.pos);
}

/* Goes to the data of the first answer, behind the question, and gives its length. */
static size_t find_answer(fdwire_reader *r, fdwire_msg msg, int id, int type) {
  fdwire_reader_init(r, msg.body, msg.body_len, FDWIRE_BIG);
  expect(fdwire_read_u16(r) == id, "the answers in the order of the questions");
  expect((fdwire_read_u16(r) & 0x800f) == 0x8000, "an answer, and no error");
  expect(fdwire_read_u32(r) == 0x10001, "one question and one answer");
  fdwire_read_u32(r);
  for (size_t len = fdwire_read_u8(r); len > 0; len = fdwire_read_u8(r))
    fdwire_read_bytes(r, len);
  fdwire_read_u32(r);
  expect(fdwire_read_u16(r) >> 14 == 3, "the name is the one in the question");
  expect(fdwire_read_u16(r) == type, "the type");
  fdwire_read_u16(r);
  fdwire_read_u32(r); /* for how long it holds */
  return fdwire_read_u16(r);
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "dns");
  unsigned char buffers[QUERIES][64];
  const fdwire_msg queries[QUERIES] = {query(buffers[0], 64, 1, "host.test", A),
                                       query(buffers[1], 64, 2, "text.test", TXT),
                                       query(buffers[2], 64, 3, "none.test", A)};
  fdwire_reader r;
  send_all(conn, queries, QUERIES);

  expect(find_answer(&r, receive(conn), 1, A) == 4, "an address");
  expect(fdwire_read_u32(&r) == 0xc0000207 && r.status == 0, "192.0.2.7");

  expect(find_answer(&r, receive(conn), 2, TXT) == STRINGS * (1 + STRING), "a long text");
  for (int i = 0; i < STRINGS; i++) {
    expect(fdwire_read_u8(&r) == STRING, "one of its strings");
    const uint8_t *text = fdwire_read_bytes(&r, STRING);
    for (int at = 0; text != NULL && at < STRING; at++)
      expect(text[at] == 'y', "its letters");
  }
  must("text", r.status);

  fdwire_msg none = receive(conn);
  expect(fdwire_get_u16be(none.body) == 3, "the third answer");
  expect((none.body[3] & 15) == NAME_ERROR, "there is no such name");
  leave(conn);
  return 0;
}
