/* slapd, LDAP version 3: https://www.rfc-editor.org/rfc/rfc4511
 *
 * A message is a SEQUENCE in BER; its body is a number and an operation, in BER again. */
#include "peer.h"

enum { BIND = 0x61, SEARCH = 0x63, ENTRY = 0x64, DONE = 0x65, SUCCESS = 0, NO_SUCH_OBJECT = 32 };

/* What every answer has: result is that of an operation which is done. */
struct answer {
  int id, operation, result;
};

static size_t read_length(fdwire_reader *r) {
  size_t len = fdwire_read_u8(r), bytes = len & 0x7f;
  if (len < 0x80)
    return len;
  expect(bytes <= 4, "a length of up to 4 bytes");
  for (len = 0; bytes > 0; bytes--)
    len = len << 8 | fdwire_read_u8(r);
  return len;
}

static struct answer parse(fdwire_msg msg) {
  struct answer answer = {0, 0, -1};
  fdwire_reader r;
  fdwire_reader_init(&r, msg.body, msg.body_len, FDWIRE_BIG);
  expect(fdwire_read_u16(&r) == 0x0201, "an INTEGER of one byte");
  answer.id = fdwire_read_u8(&r);
  answer.operation = fdwire_read_u8(&r);
  expect(read_length(&r) == fdwire_reader_left(&r), "the operation is all of the rest");
  if (answer.operation != ENTRY && fdwire_read_u16(&r) == 0x0a01) /* an ENUMERATED */
    answer.result = fdwire_read_u8(&r);
  must("parse", r.status);
  return answer;
}

/* A search for one object, wanting its operational attributes: all lengths are below 128. */
static fdwire_msg search(unsigned char *out, size_t cap, int id, const char *base) {
  static const char rest[] = "\x0a\1\0\x0a\1\0\2\1\0\2\1\0\1\1\0\x87\x0bobjectClass\x30\3\4\1+";
  size_t base_len = strlen(base);
  fdwire_writer w;
  fdwire_writer_init(&w, out, cap, FDWIRE_BIG);
  fdwire_write_u16(&w, 0x0201);
  fdwire_write_u8(&w, (uint8_t)id);
  fdwire_write_u8(&w, SEARCH);
  fdwire_write_u8(&w, (uint8_t)(2 + base_len + sizeof rest - 1));
  fdwire_write_u8(&w, 4); /* an OCTET STRING */
  fdwire_write_u8(&w, (uint8_t)base_len);
  fdwire_write_bytes(&w, base, base_len);
  fdwire_write_bytes(&w, rest, sizeof rest - 1);
  must("search", w.status);
  return message(NULL, 0, out, w.pos);
}

/* Three searches at once: the server's threads may answer them in any order. */
static void searches(fdwire_conn *conn) {
  static const char *const bases[] = {"", "cn=Subschema", "dc=none"};
  unsigned char requests[3][100];
  fdwire_msg msgs[3];
  int entries[3] = {0, 0, 0}, results[3] = {-1, -1, -1};
  for (int i = 0; i < 3; i++)
    msgs[i] = search(requests[i], sizeof requests[i], 2 + i, bases[i]);
  send_all(conn, msgs, 3);
  for (int done = 0; done < 3;) {
    fdwire_msg msg = receive(conn);
    struct answer answer = parse(msg);
    expect(answer.id >= 2 && answer.id <= 4, "an answer to one of them");
    if (answer.operation == DONE) {
      results[answer.id - 2] = answer.result;
      done++;
      continue;
    }
    expect(answer.operation == ENTRY, "an entry");
    entries[answer.id - 2]++;
    if (answer.id == 2)
      expect(find(msg, "supportedLDAPVersion") != NULL, "what the server can do");
    else
      expect(msg.body_len > 10000 && find(msg, "organizationalUnit") != NULL, "the schema");
  }
  expect(entries[0] == 1 && entries[1] == 1 && entries[2] == 0, "two objects are found");
  expect(results[0] == SUCCESS && results[1] == SUCCESS, "and that is all");
  expect(results[2] == NO_SUCH_OBJECT, "the third is not there");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "ldap");
  send_body(conn, "\2\1\1\x60\7\2\1\3\4\0\x80\0", 12); /* a bind as nobody */
  struct answer bound = parse(receive(conn));
  expect(bound.id == 1 && bound.operation == BIND && bound.result == SUCCESS, "bound");
  searches(conn);
  send_body(conn, "\2\1\5\x42\0", 5); /* unbind */
  expect_end(conn);
  return 0;
}
