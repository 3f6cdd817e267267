/* PHP's FastCGI server: https://fastcgi-archives.github.io/FastCGI_Specification.html
 *
 * A record has a head of 8 bytes, with the lengths of its content and of the padding behind it.
 *
 *     php_fpm ADDRESS SCRIPT      the script says how much it was sent, and 400,000 times z */
#include "peer.h"

enum { BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, STDERR = 7 };
enum { POSTED = 100000, ANSWER = 400000, RECORD = 65535, PADDED = 8 };

/* The head of a record. What pads it to whole words is fdwire's to send. */
static fdwire_msg record(uint8_t *head, int type, const void *content, size_t len) {
  memset(head, 0, 8);
  head[0] = 1;
  head[1] = (uint8_t)type;
  head[3] = 1; /* the number of the request */
  head[6] = (uint8_t)((PADDED - len % PADDED) % PADDED);
  return message(head, 8, content, len);
}

static void param(fdwire_writer *w, const char *name, const char *value) {
  expect(strlen(name) < 128 && strlen(value) < 128, "lengths of one byte");
  fdwire_write_u8(w, (uint8_t)strlen(name));
  fdwire_write_u8(w, (uint8_t)strlen(value));
  fdwire_write_bytes(w, name, strlen(name));
  fdwire_write_bytes(w, value, strlen(value));
}

static void request(fdwire_conn *conn, const char *script, int keep, size_t posted) {
  static char body[POSTED];
  uint8_t heads[6][8], params[400], begin[8] = {0, 1, (uint8_t)keep};
  char length[20];
  fdwire_writer w;
  memset(body, 'q', posted);
  snprintf(length, sizeof length, "%zu", posted);
  fdwire_writer_init(&w, params, sizeof params, FDWIRE_BIG);
  param(&w, "SCRIPT_FILENAME", script);
  param(&w, "REQUEST_METHOD", "POST");
  param(&w, "CONTENT_TYPE", "text/plain");
  param(&w, "CONTENT_LENGTH", length);
  must("params", w.status);
  size_t first = posted;
  if (first > RECORD)
    first = RECORD;
  const fdwire_msg records[] = {
      record(heads[0], BEGIN, begin, sizeof begin), record(heads[1], PARAMS, params, w.pos),
      record(heads[2], PARAMS, NULL, 0),            record(heads[3], STDIN, body, first),
      record(heads[4], STDIN, body + first, posted - first), record(heads[5], STDIN, NULL, 0)};
  send_all(conn, records, posted > first ? 6 : 5); /* the empty one is the end of a stream */
}

/* What comes until the end of the request, of its output and of its errors. */
struct answer {
  char out[ANSWER + 1000], err[1000];
  size_t out_len, err_len, padded;
};

static void append(char *to, size_t *len, size_t cap, fdwire_msg msg) {
  expect(msg.body_len < cap - *len, "not more than there may be");
  if (msg.body_len > 0)
    memcpy(to + *len, msg.body, msg.body_len);
  *len += msg.body_len;
  to[*len] = '\0';
}

static struct answer *answer(fdwire_conn *conn) {
  static struct answer answer;
  answer.out_len = answer.err_len = answer.padded = 0;
  for (;;) {
    fdwire_msg msg = receive(conn);
    expect(fdwire_get_u16be(msg.head + 2) == 1, "to this request");
    answer.padded += msg.tail_len > 0;
    if (msg.head[1] == STDOUT)
      append(answer.out, &answer.out_len, sizeof answer.out, msg);
    else if (msg.head[1] == STDERR)
      append(answer.err, &answer.err_len, sizeof answer.err, msg);
    else {
      expect(msg.head[1] == END && msg.body[4] == 0, "the request is complete");
      return &answer;
    }
  }
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "fastcgi");
  expect(argc == 3, "two arguments: an address, and the path of the script");
  request(conn, argv[2], 1, POSTED);
  struct answer *got = answer(conn);
  const char *body = strstr(got->out, "\r\n\r\n");
  expect(body != NULL && strncmp(body + 4, "100000 z", 8) == 0, "all that was posted arrived");
  expect(strlen(body + 4) == 7 + ANSWER && strspn(body + 11, "z") == ANSWER, "a long answer");
  expect(got->padded > 0, "it pads its records, too");
  request(conn, "/no/such/script.php", 0, 10);
  got = answer(conn);
  expect(strncmp(got->out, "Status: 404", 11) == 0, "404");
  expect(strstr(got->err, "Primary script unknown") != NULL, "and why");
  expect_end(conn);
  return 0;
}
