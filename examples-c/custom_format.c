/* A format told by a function of the program's own: Cap'n Proto messages of up to 512 segments. (A text has to name
 * each number of segments; that of the preset "capnproto" ends at 8.) https://capnproto.org/encoding.html
 *
 * A frame begins with a table, all of it little-endian: the number of segments less one, the size of each in words of
 * 8 bytes, and 4 bytes more where the table would not be whole words otherwise. Then come the segments. */
#include "example.h"

#include <string.h>
#include <sys/socket.h>

enum { WORD = 8, SEGMENTS_MAX = 512, BODY_MAX = 1 << 20, MESSAGES = 10, FRAME_MAX = 100 };

/* The bytes are the peer's and may be hostile: none is looked at before it has come, and no count is used before it is
 * known to be small. The sum cannot overflow: it is at most 512 times 2^35 bytes. BODY_MAX is fdwire's to check. */
static int64_t probe(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  (void)ctx;
  *at_least = WORD; /* the smallest table: nobody needs to ask before so much is there */
  if (len < 4)
    return 0;
  uint32_t last = fdwire_get_u32le(bytes);
  if (last >= SEGMENTS_MAX)
    return -1;
  size_t segments = last + 1, table = (4 + 4 * segments + WORD - 1) / WORD * WORD;
  *at_least = table;
  if (len < table)
    return 0;
  int64_t words = 0;
  for (size_t i = 0; i < segments; i++)
    words += fdwire_get_u32le(bytes + 4 + 4 * i);
  *head_len = table;
  return (int64_t)table + words * WORD;
}

struct frame {
  uint8_t bytes[FRAME_MAX];
  size_t len, head_len;
};

/* A struct with one number in it: a pointer to it, and the number. With more segments than one, the last holds these,
 * the first points there ("far"), and those between are empty. */
static struct frame build(uint64_t number, uint32_t segments) {
  static const uint8_t struct_pointer[WORD] = {0, 0, 0, 0, 1, 0, 0, 0};
  struct frame frame;
  fdwire_writer w;
  fdwire_writer_init(&w, frame.bytes, sizeof frame.bytes, FDWIRE_LITTLE);
  fdwire_write_u32(&w, segments - 1);
  for (uint32_t i = 0; i < segments; i++)
    fdwire_write_u32(&w, i == segments - 1 ? 2 : i == 0 ? 1 : 0);
  if (segments % 2 == 0)
    fdwire_write_u32(&w, 0);
  frame.head_len = w.pos;
  if (segments > 1)
    fdwire_write_u64(&w, 2 | (uint64_t)(segments - 1) << 32);
  fdwire_write_bytes(&w, struct_pointer, WORD);
  fdwire_write_u64(&w, number);
  frame.len = w.pos;
  check("build", w.status);
  return frame;
}

static void expect(int holds, const char *what) {
  if (!holds) {
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
  }
}

/* Over a socket: sent is the whole frame, and the function is asked whether it is one; received is the body, which is
 * the segments. */
static void over_a_socket(const fdwire_format *format, const struct frame *sent) {
  int fds[2];
  uint8_t body[FRAME_MAX];
  size_t len = 0;
  expect(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "a socket pair");
  for (int i = 0; i < MESSAGES; i++)
    check("send", fdwire_send(fds[0], format, sent[i].bytes, sent[i].len, 5000));
  int cut = fdwire_send(fds[0], format, sent[0].bytes, sent[0].len - 1, 5000);
  expect(cut == FDWIRE_E_MALFORMED, "what is not a whole frame is not sent");
  fdwire_close(fds[0]);

  for (int i = 0; i < MESSAGES; i++) {
    expect(check("receive", fdwire_recv(fds[1], format, body, sizeof body, &len, 5000)) == 1, "a message");
    expect(len == sent[i].len - sent[i].head_len, "its length");
    expect(memcmp(body, sent[i].bytes + sent[i].head_len, len) == 0, "its bytes");
    printf("received %zu bytes of segments: %llu\n", len, (unsigned long long)fdwire_get_u64le(body + len - WORD));
  }
  expect(fdwire_recv(fds[1], format, body, sizeof body, &len, 5000) == 0, "the end of the stream");
  fdwire_close(fds[1]);
}

/* Through a decoder, which shows the table as well, in pieces of a few bytes; then a peer that is not to be trusted. */
static void through_a_decoder(const fdwire_format *format, const struct frame *sent) {
  static const uint8_t hostile[] = {0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff};
  fdwire_decoder *decoder;
  fdwire_msg msg;
  char why[400];
  check("decoder", fdwire_decoder_new(format, &decoder));
  for (int i = 0; i < MESSAGES; i++) {
    int result = 0;
    for (size_t at = 0, piece; at < sent[i].len; at += piece) {
      expect(result == 0, "no message before its last byte");
      piece = sent[i].len - at < 3 ? sent[i].len - at : 3;
      check("feed", fdwire_decoder_feed(decoder, sent[i].bytes + at, piece));
      result = check("next", fdwire_decoder_next(decoder, &msg));
    }
    expect(result == 1 && msg.head_len == sent[i].head_len, "a message with its table");
    expect(memcmp(msg.head, sent[i].bytes, msg.head_len + msg.body_len) == 0, "its bytes");
    printf("decoded a table of %zu bytes, %u segments\n", msg.head_len, fdwire_get_u32le(msg.head) + 1);
  }
  check("feed", fdwire_decoder_feed(decoder, hostile, sizeof hostile));
  expect(fdwire_decoder_next(decoder, &msg) == FDWIRE_E_MALFORMED, "2^31 segments are refused");
  fdwire_decoder_explain(decoder, why, sizeof why);
  printf("%s\n", why);
  fdwire_decoder_free(decoder);
}

int main(void) {
  fdwire_format *format;
  struct frame sent[MESSAGES];
  check("format", fdwire_format_new_custom(probe, NULL, BODY_MAX, &format));
  for (uint32_t i = 0; i < MESSAGES; i++)
    sent[i] = build(1000000007ull * i, i + 1);
  over_a_socket(format, sent);
  through_a_decoder(format, sent);
  fdwire_format_free(format);
  return 0;
}
