/* A decoder fed in pieces of 1 byte to 64 KiB, with messages of 64 bytes to 1 MiB: what a byte
 * costs. A search that began anew with each piece would show here. */
#define _GNU_SOURCE
#include "scale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that a run decodes, at least. */
static const size_t RUN = MIB;

static const struct kind {
  const char *name, *format;
  const char *fill; /* what the body is full of */
} kinds[] = {
    {"u32be", "u32be", "x"},
    {"varint", "varint", "x"},
    {"netstring", "netstring", "x"},
    {"line", "line", "x"},
    {"crlf", "crlf", "x"},
    {"crlf, full of CR", "crlf", "\r"},
    {"8 delimiters", "delimited by='\\r\\n','\\n','--end','ENDE','FIN','stop','%%','~~'", "x"},
    {"8 delimiters, full of beginnings",
     "delimited by='\\r\\n','\\n','--end','ENDE','FIN','stop','%%','~~'", "--en\rFI%s~EN"},
    {"headers", "headers length='Content-Length'", "x"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };
static const size_t sizes[] = {64, KIB, 16 * KIB, MIB};
static const size_t cuts[] = {1, 7, 64, 4096, 65536};
enum { SIZES = sizeof sizes / sizeof *sizes, CUTS = sizeof cuts / sizeof *cuts };

/* The frame of a body of so many bytes. */
static uint8_t *make_frame(const struct kind *kind, const fdwire_format *format, size_t size,
                           size_t *len) {
  uint8_t *body = room_for(size), *frame = room_for(size + 64);
  for (size_t i = 0; i < size; i++)
    body[i] = (uint8_t)kind->fill[i % strlen(kind->fill)];
  body[size - 1] = 'x'; /* no part of what ends it */
  fdwire_msg msg = {NULL, body, 0, size, 0};
  need(fdwire_encode(format, &msg, frame, size + 64, len), 0, "fdwire_encode");
  free(body);
  return frame;
}

static void feed(fdwire_decoder *decoder, const uint8_t *frame, size_t len, size_t cut,
                 size_t size) {
  size_t messages = 0;
  fdwire_msg msg;
  for (size_t at = 0; at < len; at += cut) {
    int result;
    need(fdwire_decoder_feed(decoder, frame + at, len - at < cut ? len - at : cut), 0, "feeding");
    while ((result = fdwire_decoder_next(decoder, &msg)) == 1) {
      need((long long)msg.body_len, (long long)size, "a body's length");
      messages++;
    }
    need(result, 0, "decoding");
  }
  need((long long)messages, 1, "messages in a frame");
}

/* With a decoder that has decoded such a message before, so that its buffer is there. */
static void run(const struct point *point, double *values) {
  const struct kind *kind = point->what;
  fdwire_format *format = format_of(kind->format);
  fdwire_decoder *decoder;
  size_t len, frames = RUN / point->size + 1;
  uint8_t *frame = make_frame(kind, format, point->size, &len);
  need(fdwire_decoder_new(format, &decoder), 0, "fdwire_decoder_new");
  feed(decoder, frame, len, 65536, point->size);
  double start = now();
  for (size_t i = 0; i < frames; i++)
    feed(decoder, frame, len, point->more, point->size);
  values[0] = (now() - start) * 1e9 / (double)frames / (double)len;
  fdwire_decoder_free(decoder);
  fdwire_format_free(format);
  free(frame);
}

void pieces(void) {
  static const char *const metrics[] = {"ns a byte", NULL};
  static struct point points[KINDS * CUTS * SIZES];
  static char names[KINDS * CUTS][80];
  size_t count = 0;
  for (size_t kind = 0; kind < KINDS; kind++)
    for (size_t cut = 0; cut < CUTS; cut++) {
      char *name = names[kind * CUTS + cut];
      const struct point *base = &points[count + 1];
      snprintf(name, sizeof *names, "%s, pieces of %zu", kinds[kind].name, cuts[cut]);
      for (size_t i = 0; i < SIZES; i++) {
        points[count] = (struct point){name,         "",       metrics, run, base, &kinds[kind],
                                       sizes[i], cuts[cut]};
        snprintf(points[count++].x, sizeof points->x, "%zu", sizes[i]);
      }
    }
  measure(points, count);
}
