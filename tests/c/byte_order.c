/* Numbers, arrays and cursors between the machine and the wire. */
#include "check.h"

#include <arpa/inet.h>

static void network_order(void) {
  CHECK_IS(fdwire_hton16(0x0102), htons(0x0102));
  CHECK_IS(fdwire_hton32(0x01020304), htonl(0x01020304));
  CHECK_IS(fdwire_ntoh16(fdwire_hton16(0xfffe)), 0xfffe);
  CHECK_IS(fdwire_ntoh32(fdwire_hton32(0xfffefdfc)), 0xfffefdfc);
  CHECK(fdwire_ntoh64(fdwire_hton64(UINT64_C(0x0102030405060708))) == UINT64_C(0x0102030405060708));
  unsigned char bytes[8], golden[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  uint64_t wire = fdwire_hton64(UINT64_C(0x0102030405060708));
  memcpy(bytes, &wire, 8);
  CHECK(memcmp(bytes, golden, 8) == 0);
}

/* Each scalar writes just these bytes, at an odd address, and reads them back. */
#define SCALAR(kind, type, value, ...)                       \
  do {                                                       \
    unsigned char golden[] = {__VA_ARGS__};                  \
    unsigned char buf[16];                                   \
    memset(buf, 0xaa, sizeof buf);                           \
    type v = value;                                          \
    fdwire_put_##kind(buf + 1, v);                           \
    CHECK(memcmp(buf + 1, golden, sizeof golden) == 0);      \
    CHECK(buf[0] == 0xaa && buf[1 + sizeof golden] == 0xaa); \
    CHECK(fdwire_get_##kind(buf + 1) == v);                  \
  } while (0)

static void scalars(void) {
  SCALAR(u16be, uint16_t, 0x8102, 0x81, 2);
  SCALAR(u16le, uint16_t, 0x8102, 2, 0x81);
  SCALAR(u24be, uint32_t, 0x810203, 0x81, 2, 3);
  SCALAR(u24le, uint32_t, 0x810203, 3, 2, 0x81);
  SCALAR(u32be, uint32_t, 0x81020304, 0x81, 2, 3, 4);
  SCALAR(u32le, uint32_t, 0x81020304, 4, 3, 2, 0x81);
  SCALAR(u64be, uint64_t, UINT64_C(0x8102030405060708), 0x81, 2, 3, 4, 5, 6, 7, 8);
  SCALAR(u64le, uint64_t, UINT64_C(0x8102030405060708), 8, 7, 6, 5, 4, 3, 2, 0x81);
  SCALAR(f32be, float, -1.5f, 0xbf, 0xc0, 0, 0);
  SCALAR(f32le, float, -1.5f, 0, 0, 0xc0, 0xbf);
  SCALAR(f64be, double, -1.5, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0);
  SCALAR(f64le, double, -1.5, 0, 0, 0, 0, 0, 0, 0xf8, 0xbf);

  unsigned char three[3];
  fdwire_put_u24be(three, 0xff010203); /* the top byte has no place */
  CHECK(memcmp(three, "\1\2\3", 3) == 0);
}

static void arrays(void) {
  uint32_t host[3] = {0x01020304, 0x05060708, 0x090a0b0c}, back[3];
  unsigned char wire[13];
  fdwire_copy_be32(wire + 1, host, 3);
  CHECK(memcmp(wire + 1, "\1\2\3\4\5\6\7\10\11\12\13\14", 12) == 0);
  fdwire_copy_be32(back, wire + 1, 3);
  CHECK(memcmp(back, host, sizeof host) == 0);
  fdwire_copy_le32(wire, host, 3);
  CHECK(memcmp(wire, "\4\3\2\1\10\7\6\5\14\13\12\11", 12) == 0);
  fdwire_copy_le32(back, wire, 3);
  CHECK(memcmp(back, host, sizeof host) == 0);

  uint16_t shorts[2] = {0x0102, 0x0304}, shorts_back[2];
  fdwire_copy_be16(wire, shorts, 2);
  CHECK(memcmp(wire, "\1\2\3\4", 4) == 0);
  fdwire_copy_le16(wire + 5, shorts, 2);
  CHECK(memcmp(wire + 5, "\2\1\4\3", 4) == 0);
  fdwire_copy_le16(shorts_back, wire + 5, 2);
  CHECK(memcmp(shorts_back, shorts, 4) == 0);

  uint64_t longs[1] = {UINT64_C(0x0102030405060708)};
  fdwire_copy_be64(wire, longs, 1);
  CHECK(memcmp(wire, "\1\2\3\4\5\6\7\10", 8) == 0);
  fdwire_copy_le64(wire, longs, 1);
  CHECK(memcmp(wire, "\10\7\6\5\4\3\2\1", 8) == 0);

  fdwire_copy_be32(host, host, 3); /* in place, and back */
  CHECK(memcmp(host, "\1\2\3\4", 4) == 0);
  fdwire_copy_be32(host, host, 3);
  CHECK(memcmp(back, host, sizeof host) == 0);

  unsigned char overlap[8] = {1, 2, 3, 4, 0, 0, 9, 9};
  fdwire_copy_be16(overlap + 2, overlap, 2);
  fdwire_copy_be16(overlap + 2, overlap + 2, 2);
  CHECK(memcmp(overlap, "\1\2\1\2\3\4\11\11", 8) == 0);
}

/* What a copy of `count` numbers of `width` bytes makes of `room`, a number at a time. */
static void turn(unsigned char *room, size_t to, size_t from, size_t count, size_t width) {
  unsigned char copied[512];
  memcpy(copied, room + from, count * width);
  for (size_t i = 0; i < count * width; i++)
    room[to + i] = copied[i - i % width + (width - 1 - i % width)];
}

/* Longer than any register, at any alignment, apart from one another and over one another. */
static void arrays_of_any_length_and_place(void) {
  static const struct {
    size_t width;
    void (*copy)(void *dst, const void *src, size_t count);
  } copies[] = {{2, fdwire_copy_be16}, {4, fdwire_copy_be32}, {8, fdwire_copy_be64},
                {2, fdwire_copy_le16}, {4, fdwire_copy_le32}, {8, fdwire_copy_le64}};
  const uint16_t one = 1;
  const int is_little = *(const unsigned char *)&one;
  for (size_t i = 0; i < sizeof copies / sizeof *copies; i++)
    for (size_t to = 0; to < 40; to++)
      for (size_t count = 0; count <= 160 / copies[i].width; count++) {
        const size_t from = to < 20 ? 10 : 250, width = copies[i].width;
        unsigned char room[512], expected[512];
        for (size_t k = 0; k < sizeof room; k++)
          room[k] = (unsigned char)(k * 7);
        memcpy(expected, room, sizeof room);
        if ((i < 3) == is_little)
          turn(expected, to, from, count, width);
        else
          memmove(expected + to, expected + from, count * width);
        copies[i].copy(room + to, room + from, count);
        CHECK(memcmp(room, expected, sizeof room) == 0);
      }
}

static void cursors_make_golden_bytes(void) {
  static const unsigned char golden[] = {7,    1,    2,    1, 2, 3, 1,    2,    3,   4,   1, 2, 3, 4, 5,    6,    7,
                                         8,    0xbf, 0xc0, 0, 0, 0xbf, 0xf8, 0, 0, 0, 0, 0, 0, 0xac, 0x02, '4', '2',
                                         ';', 'x', 0, 'y'};
  unsigned char buf[sizeof golden];
  fdwire_writer w;
  CHECK_IS(fdwire_writer_init(&w, buf, sizeof buf, FDWIRE_BIG), 0);
  fdwire_write_u8(&w, 7);
  fdwire_write_u16(&w, 0x0102);
  fdwire_write_u24(&w, 0x010203);
  fdwire_write_u32(&w, 0x01020304);
  fdwire_write_u64(&w, UINT64_C(0x0102030405060708));
  fdwire_write_f32(&w, -1.5f);
  fdwire_write_f64(&w, -1.5);
  fdwire_write_varint(&w, 300);
  fdwire_write_decimal(&w, 42);
  fdwire_write_bytes(&w, ";x\0y", 4);
  CHECK_IS(w.status, 0);
  CHECK_IS(w.pos, sizeof golden);
  CHECK(memcmp(buf, golden, sizeof golden) == 0);

  fdwire_reader r;
  CHECK_IS(fdwire_reader_init(&r, buf, w.pos, FDWIRE_BIG), 0);
  CHECK_IS(fdwire_read_u8(&r), 7);
  CHECK_IS(fdwire_read_u16(&r), 0x0102);
  CHECK_IS(fdwire_read_u24(&r), 0x010203);
  CHECK_IS(fdwire_read_u32(&r), 0x01020304);
  CHECK(fdwire_read_u64(&r) == UINT64_C(0x0102030405060708));
  CHECK(fdwire_read_f32(&r) == -1.5f);
  CHECK(fdwire_read_f64(&r) == -1.5);
  CHECK_IS(fdwire_read_varint(&r), 300);
  CHECK_IS(fdwire_read_decimal(&r), 42);
  CHECK_IS(fdwire_reader_left(&r), 4);
  const uint8_t *rest = fdwire_read_bytes(&r, 4);
  CHECK(rest == buf + sizeof buf - 4 && memcmp(rest, ";x\0y", 4) == 0);
  CHECK_IS(r.status, 0);
  CHECK_IS(fdwire_reader_left(&r), 0);
}

static void cursors_go_little_too(void) {
  unsigned char buf[14];
  fdwire_writer w;
  fdwire_writer_init(&w, buf, sizeof buf, FDWIRE_LITTLE);
  fdwire_write_u16(&w, 0x0102);
  fdwire_write_u32(&w, 0x01020304);
  fdwire_write_f64(&w, 1.0);
  CHECK(w.status == 0 && memcmp(buf, "\2\1\4\3\2\1\0\0\0\0\0\0\360\77", 14) == 0);
  fdwire_reader r;
  fdwire_reader_init(&r, buf, sizeof buf, FDWIRE_LITTLE);
  CHECK_IS(fdwire_read_u16(&r), 0x0102);
  CHECK_IS(fdwire_read_u32(&r), 0x01020304);
  CHECK(fdwire_read_f64(&r) == 1.0 && r.status == 0);
}

static void one_check_at_the_end(void) {
  fdwire_reader r;
  fdwire_reader_init(&r, "\1\2\3", 3, FDWIRE_BIG);
  CHECK_IS(fdwire_read_u16(&r), 0x0102);
  CHECK_IS(fdwire_read_u32(&r), 0);
  CHECK_IS(r.status, FDWIRE_E_TRUNCATED);
  CHECK_IS(fdwire_read_u8(&r), 0); /* one byte is there, but a step failed before */
  CHECK(fdwire_read_bytes(&r, 0) == NULL);
  CHECK_IS(fdwire_reader_left(&r), 0);
  CHECK_IS(r.pos, 2);

  fdwire_reader_init(&r, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 10, FDWIRE_BIG);
  CHECK(fdwire_read_varint(&r) == 0 && r.status == FDWIRE_E_MALFORMED);
  fdwire_reader_init(&r, "\x80", 1, FDWIRE_BIG);
  CHECK(fdwire_read_varint(&r) == 0 && r.status == FDWIRE_E_TRUNCATED);
  fdwire_reader_init(&r, "99999999999999999999", 20, FDWIRE_BIG);
  CHECK(fdwire_read_decimal(&r) == 0 && r.status == FDWIRE_E_MALFORMED);

  unsigned char buf[3] = {9, 9, 9};
  fdwire_writer w;
  fdwire_writer_init(&w, buf, 3, FDWIRE_BIG);
  fdwire_write_bytes(&w, "ab", 2);
  fdwire_write_u16(&w, 1);
  CHECK_IS(w.status, -ENOBUFS);
  fdwire_write_u8(&w, 1);
  CHECK(w.pos == 2 && buf[2] == 9);
  fdwire_writer_init(&w, buf, 3, FDWIRE_BIG);
  fdwire_write_u24(&w, 1u << 24);
  CHECK_IS(w.status, FDWIRE_E_MALFORMED);
}

int main(void) {
  check_begin();
  RUN(network_order);
  RUN(scalars);
  RUN(arrays);
  RUN(arrays_of_any_length_and_place);
  RUN(cursors_make_golden_bytes);
  RUN(cursors_go_little_too);
  RUN(one_check_at_the_end);
  return check_end();
}
