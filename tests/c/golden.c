/* What goes over the wire, in hex: every kind of format, every preset, numbers, arrays and records.
   The same bytes leave every machine, so this output is kept and compared, on machines of either
   order. What is in the machine's own order is printed last, behind a line that names that. */
#include "kinds.h"

#include <ctype.h>

#define BIGGEST 4096

/* Many times the same byte is 78*600. */
static void print_hex(const void *bytes, size_t len) {
  const uint8_t *at = (const uint8_t *)bytes, *end = at + len;
  while (at < end) {
    const uint8_t *other = at + 1;
    while (other < end && *other == *at)
      other++;
    if (other - at > 8) {
      printf("%02x*%zu ", *at, (size_t)(other - at));
      at = other;
    } else {
      printf("%02x", *at++);
    }
  }
}

static void print_field(const char *name, const void *bytes, size_t len) {
  printf("%s ", name);
  print_hex(bytes, len);
  printf("\n");
}

/* ---- Messages ---- */

static fdwire_msg msg_of(const void *head, size_t head_len, const char *body) {
  fdwire_msg msg = {(const uint8_t *)head, (const uint8_t *)body, head_len, strlen(body), 0};
  return msg;
}

static size_t read_all(int fd, uint8_t *bytes, size_t cap) {
  size_t len = 0;
  ssize_t n;
  while ((n = read(fd, bytes + len, cap - len)) > 0)
    len += (size_t)n;
  NEED(n == 0);
  return len;
}

/* What a connection sends is what comes out of the other end, to the last byte. */
static size_t sent_by_a_connection(const fdwire_format *format, const fdwire_msg *msg,
                                   uint8_t *wire) {
  int fds[2];
  fdwire_conn *conn = NULL;
  open_way(UNIX_SOCKET, fds);
  NEED(fdwire_conn_new(-1, fds[1], format, &conn) == 0);
  CHECK_IS(fdwire_conn_send_many(conn, msg, 1, 1000), 0);
  fdwire_conn_free(conn);
  close(fds[1]);
  size_t len = read_all(fds[0], wire, BIGGEST);
  close(fds[0]);
  return len;
}

static size_t sent_at_once(const fdwire_format *format, const fdwire_msg *msg, uint8_t *wire) {
  int fds[2];
  open_way(UNIX_SOCKET, fds);
  CHECK_IS(fdwire_send(fds[1], format, msg->body, msg->body_len, 1000), 0);
  close(fds[1]);
  size_t len = read_all(fds[0], wire, BIGGEST);
  close(fds[0]);
  return len;
}

/* The frame as its receiver sees it: head | body | tail. */
static void print_frame(const fdwire_format *format, const uint8_t *wire, size_t len) {
  fdwire_decoder *decoder = NULL;
  fdwire_msg msg;
  NEED(fdwire_decoder_new(format, &decoder) == 0);
  CHECK_IS(fdwire_decoder_feed(decoder, wire, len), 0);
  int result = fdwire_decoder_next(decoder, &msg);
  if (result == 0) { /* one that the end of the stream ends */
    fdwire_decoder_finish(decoder);
    result = fdwire_decoder_next(decoder, &msg);
  }
  if (result == 1) {
    print_hex(msg.head, msg.head_len);
    printf(" | ");
    print_hex(msg.body, msg.body_len);
    printf(" | ");
    print_hex(msg.body + msg.body_len, msg.tail_len);
    if (len > msg.head_len + msg.body_len + msg.tail_len)
      printf(" and more");
  } else {
    print_hex(wire, len);
    printf(": received as %s", fdwire_error_name(result));
  }
  printf("\n");
  fdwire_decoder_free(decoder);
}

static void print_message(const char *text, const fdwire_msg *msg) {
  static uint8_t wire[BIGGEST], other[BIGGEST];
  fdwire_format *format = format_of(text);
  size_t len = 0;
  int result = fdwire_encode(format, msg, wire, sizeof wire, &len);
  printf("%s: ", text);
  if (result < 0) {
    printf("%zu bytes are %s\n", msg->body_len, fdwire_error_name(result));
  } else {
    CHECK_IS(sent_by_a_connection(format, msg, other), len);
    CHECK(memcmp(other, wire, len) == 0);
    if (msg->head == NULL) {
      CHECK_IS(sent_at_once(format, msg, other), len);
      CHECK(memcmp(other, wire, len) == 0);
    }
    print_frame(format, wire, len);
  }
  fdwire_format_free(format);
}

/* Whether a format's text has a number in the machine's own order, like u32ne. */
static int is_native(const char *text) {
  for (const char *at = strstr(text, "ne"); at != NULL; at = strstr(at + 1, "ne"))
    if (at > text && isdigit((unsigned char)at[-1]))
      return 1;
  return 0;
}

static void print_kinds(int native) {
  EACH_KIND(kind) {
    fdwire_msg msg = msg_of(NULL, 0, kind->body);
    if (is_native(kind->text) == native)
      print_message(kind->text, &msg);
  }
  for (size_t i = 0; i < HEADED && !native; i++) {
    const struct kind *kind = &headed[i].kind;
    fdwire_msg msg = msg_of(headed[i].given, given_len(kind), kind->body);
    print_message(kind->text, &msg);
  }
}

static void print_presets(int native) {
  static char page[600];
  const char *const bodies[] = {"", "hello", "{\"id\":1}", "\1\2\3\4\5\6\7\10", page};
  const char *name;
  memset(page, 'x', sizeof page - 1);
  for (size_t i = 0; (name = fdwire_preset_name(i)) != NULL; i++) {
    if (is_native(fdwire_preset_text(i)) != native)
      continue;
    for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
      fdwire_msg msg = msg_of(NULL, 0, bodies[b]);
      print_message(name, &msg);
    }
  }
}

/* ---- Numbers, arrays and records ---- */

#define PRINT_SCALAR(kind, value)            \
  do {                                       \
    uint8_t bytes[8] = {0};                  \
    fdwire_put_##kind(bytes, value);         \
    print_field(#kind, bytes, sizeof bytes); \
  } while (0)

static void print_scalars(void) {
  PRINT_SCALAR(u16be, 0x8102);
  PRINT_SCALAR(u16le, 0x8102);
  PRINT_SCALAR(u24be, 0x810203);
  PRINT_SCALAR(u24le, 0x810203);
  PRINT_SCALAR(u32be, 0x81020304);
  PRINT_SCALAR(u32le, 0x81020304);
  PRINT_SCALAR(u64be, UINT64_C(0x8102030405060708));
  PRINT_SCALAR(u64le, UINT64_C(0x8102030405060708));
  PRINT_SCALAR(f32be, -1.5f);
  PRINT_SCALAR(f32le, -1.5f);
  PRINT_SCALAR(f64be, 1e100);
  PRINT_SCALAR(f64le, 1e100);
  uint16_t h16 = fdwire_hton16(0x8102);
  uint32_t h32 = fdwire_hton32(0x81020304);
  uint64_t h64 = fdwire_hton64(UINT64_C(0x8102030405060708));
  print_field("hton16", &h16, sizeof h16);
  print_field("hton32", &h32, sizeof h32);
  print_field("hton64", &h64, sizeof h64);
}

/* As many as are copied in blocks, and some that are left over. */
#define NUMBERS 37

#define PRINT_ARRAY(order, bits)                                          \
  do {                                                                    \
    uint##bits##_t host[NUMBERS], wire[NUMBERS];                          \
    for (size_t i = 0; i < NUMBERS; i++)                                  \
      host[i] = (uint##bits##_t)(UINT64_C(0x0123456789abcdef) * (i + 1)); \
    fdwire_copy_##order##bits(wire, host, NUMBERS);                       \
    print_field(#order #bits, wire, sizeof wire);                         \
  } while (0)

static void print_arrays(void) {
  PRINT_ARRAY(be, 16);
  PRINT_ARRAY(be, 32);
  PRINT_ARRAY(be, 64);
  PRINT_ARRAY(le, 16);
  PRINT_ARRAY(le, 32);
  PRINT_ARRAY(le, 64);
}

static void print_record(const char *name, int order) {
  uint8_t bytes[100];
  fdwire_writer w;
  CHECK_IS(fdwire_writer_init(&w, bytes, sizeof bytes, order), 0);
  fdwire_write_u8(&w, 0x81);
  fdwire_write_u16(&w, 0x8102);
  fdwire_write_u24(&w, 0x810203);
  fdwire_write_u32(&w, 0x81020304);
  fdwire_write_u64(&w, UINT64_C(0x8102030405060708));
  fdwire_write_f32(&w, -1.5f);
  fdwire_write_f64(&w, 1e100);
  fdwire_write_varint(&w, 300);
  fdwire_write_decimal(&w, 65535);
  fdwire_write_bytes(&w, "end", 3);
  CHECK_IS(w.status, 0);
  print_field(name, bytes, w.pos);
}

int main(void) {
  check_begin();
  print_kinds(0);
  print_presets(0);
  print_scalars();
  print_arrays();
  print_record("big record", FDWIRE_BIG);
  print_record("little record", FDWIRE_LITTLE);
  printf("in the machine's order:\n");
  print_kinds(1);
  print_presets(1);
  return check_end();
}
