/* A binary record written and read with cursors: the same bytes on every machine, and one check at the end. */
#include "example.h"

#include <string.h>

struct reading {
  uint16_t sensor;
  uint64_t time;
  double value;
  const char *unit; /* in the buffer that it was read from */
  size_t unit_len;
};

/* sensor (2), time (varint), value (8), unit (length of 1, then its bytes) */
static int encode(const struct reading *reading, void *buf, size_t cap, size_t *len) {
  fdwire_writer w;
  fdwire_writer_init(&w, buf, cap, FDWIRE_BIG);
  fdwire_write_u16(&w, reading->sensor);
  fdwire_write_varint(&w, reading->time);
  fdwire_write_f64(&w, reading->value);
  fdwire_write_u8(&w, (uint8_t)reading->unit_len);
  fdwire_write_bytes(&w, reading->unit, reading->unit_len);
  *len = w.pos;
  return w.status;
}

static int decode(struct reading *reading, const void *buf, size_t len) {
  fdwire_reader r;
  fdwire_reader_init(&r, buf, len, FDWIRE_BIG);
  reading->sensor = fdwire_read_u16(&r);
  reading->time = fdwire_read_varint(&r);
  reading->value = fdwire_read_f64(&r);
  reading->unit_len = fdwire_read_u8(&r);
  reading->unit = (const char *)fdwire_read_bytes(&r, reading->unit_len);
  return r.status;
}

int main(void) {
  struct reading out = {513, 1700000000, 21.5, "Celsius", 7}, in;
  unsigned char buf[64];
  size_t len = 0;
  check("encode", encode(&out, buf, sizeof buf, &len));
  printf("%zu bytes:", len);
  for (size_t i = 0; i < len; i++)
    printf(" %02x", buf[i]);
  check("decode", decode(&in, buf, len));
  printf("\nsensor %u at %llu: %g %.*s\n", in.sensor, (unsigned long long)in.time, in.value, (int)in.unit_len, in.unit);

  int cut = decode(&in, buf, len - 1); /* a byte is missing: no field needed a check of its own */
  printf("without its last byte: %s\n", fdwire_error_name(cut));
  return cut == FDWIRE_E_TRUNCATED && memcmp(buf, "\2\1\200\342\317\252\6\100\65\200", 10) == 0 ? 0 : 1;
}
