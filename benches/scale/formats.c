/* Formats of rising complexity: what a message of 64 bytes costs to decode and to encode, beside
 * the default format. No system call is made: bytes come from memory and go there. */
#define _GNU_SOURCE
#include "scale.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 64, BATCH = 64, KINDS_OF_HEAD = 256, PIECE = 64 * KIB, STREAM = 256 * KIB };

/* A format; its messages have bodies of `size` bytes and, if they differ by their first bytes, so
   many heads, of so many bytes. */
struct kind {
  const char *name;
  char *text; /* NULL: a function of the program's own */
  size_t heads, head_len, size;
  int is_nested; /* a second byte decides as well */
};

static struct kind kinds[] = {
    {"u32be", "u32be", 0, 0, SIZE, 0},
    {"fixed", "fixed size=64", 0, 0, SIZE, 0},
    {"u32be at=1 counts=field", "u32be at=1 counts=field", 0, 0, SIZE, 0},
    {"u16be head=4 mask", "u16be head=4 mask=0x7fff", 0, 0, SIZE, 0},
    {"u16be pad", "u16be pad=4", 0, 0, SIZE, 0},
    {"u16be plus", "u16be at=1 head=3 plus=u8@0*4", 0, 0, SIZE, 0},
    {"u16be magic tail", "u16be at=2 magic='ab'@0 tail='!'", 0, 0, SIZE, 0},
    {"varint", "varint", 0, 0, SIZE, 0},
    {"ber", "ber magic='0'", 0, 0, SIZE, 0},
    {"decimal", "decimal until=' '", 0, 0, SIZE, 0},
    {"hex digits=4", "hex digits=4", 0, 0, SIZE, 0},
    {"netstring", "netstring", 0, 0, SIZE, 0},
    {"nul", "nul", 0, 0, SIZE, 0},
    {"line", "line", 0, 0, SIZE, 0},
    {"crlf", "crlf", 0, 0, SIZE, 0},
    {"delimited, 1 of 4 bytes", "delimited by='--//'", 0, 0, SIZE, 0},
    {"delimited, 8", "delimited by='\\r\\n','\\n','--//','END','FIN','stop','%%','~~'", 0, 0, SIZE,
     0},
    {"headers", "headers length='Content-Length'", 0, 0, SIZE, 0},
    {"select of 2", NULL, 2, 3, SIZE, 0},
    {"select of 16", NULL, 16, 3, SIZE, 0},
    {"select of 200", NULL, 200, 3, SIZE, 0},
    {"select of 16 in a select of 16", NULL, 256, 4, SIZE, 1},
    {"custom", NULL, 0, 0, SIZE, 0},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* u32be, told by a function of the program's own. */
static int64_t probe(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len,
                     size_t *at_least) {
  (void)ctx;
  if (len < 4) {
    *at_least = 4;
    return 0;
  }
  *head_len = 4;
  return 4 + (int64_t)fdwire_get_u32be(bytes);
}

/* The text of a select whose cases differ in nothing but their numbers. */
static char *select_text(const struct kind *kind) {
  char *text = room_for(64 * KIB), *at = text;
  size_t outer = kind->is_nested ? 16 : kind->heads;
  at += sprintf(at, "select u8 {");
  for (size_t i = 0; i < outer; i++) {
    at += sprintf(at, " %zu: ", i);
    if (kind->is_nested) {
      at += sprintf(at, "select u8 at=1 {");
      for (size_t j = 0; j < 16; j++)
        at += sprintf(at, " %zu: u16be at=2;", j);
      at[-1] = '}';
    } else {
      at += sprintf(at, "u16be at=1");
    }
    *at++ = ';';
  }
  strcpy(at - 1, " }");
  return text;
}

static fdwire_format *make_format(struct kind *kind) {
  fdwire_format *format;
  if (kind->text == NULL && kind->heads > 0)
    kind->text = select_text(kind);
  if (kind->text != NULL)
    return format_of(kind->text);
  need(fdwire_format_new_custom(probe, NULL, MIB, &format), 0, "fdwire_format_new_custom");
  return format;
}

/* What all ways work with: messages of a kind, one after the other, again and again. */
static struct work {
  const struct kind *kind;
  fdwire_format *format;
  fdwire_msg msgs[KINDS_OF_HEAD];
  uint8_t heads[KINDS_OF_HEAD][4];
  uint8_t body[SIZE];
  uint8_t stream[STREAM + KIB];
  size_t len, messages; /* of the stream */
  size_t at, passes;    /* where in it reading is, and how often it is read again */
} work;

static void make_messages(void) {
  const struct kind *kind = work.kind;
  memset(work.body, 'x', SIZE);
  for (size_t i = 0; i < KINDS_OF_HEAD; i++) {
    size_t head = kind->heads > 0 ? i * 7 % kind->heads : 0;
    memset(work.heads[i], 0, sizeof *work.heads);
    work.heads[i][0] = (uint8_t)(kind->is_nested ? head / 16 : head);
    work.heads[i][1] = (uint8_t)(kind->is_nested ? head % 16 : 0);
    work.msgs[i] = (fdwire_msg){NULL, work.body, 0, kind->size, 0};
    if (kind->head_len > 0) {
      work.msgs[i].head = work.heads[i];
      work.msgs[i].head_len = kind->head_len;
    }
    if (kind->text == NULL) { /* head and body as they are on the wire */
      fdwire_put_u32be(work.heads[i], (uint32_t)kind->size);
      work.msgs[i].head = work.heads[i];
      work.msgs[i].head_len = 4;
    }
  }
}

static void make_stream(void) {
  work.len = work.messages = 0;
  while (work.len < STREAM) {
    size_t len;
    need(fdwire_encode(work.format, &work.msgs[work.messages % KINDS_OF_HEAD],
                       work.stream + work.len, sizeof work.stream - work.len, &len),
         0, "fdwire_encode");
    work.len += len;
    work.messages++;
  }
}

/* As read(2): the next bytes of the stream, and none when it was read so often. */
static size_t read_piece(void *room, size_t cap) {
  if (work.at == work.len) {
    work.at = 0;
    work.passes--;
  }
  if (work.passes == 0)
    return 0;
  size_t len = work.len - work.at;
  len = len < PIECE ? len : PIECE;
  len = len < cap ? len : cap;
  memcpy(room, work.stream + work.at, len);
  work.at += len;
  return len;
}

static void check(const fdwire_msg *msgs, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (msgs[i].body[work.kind->size - 1] != 'x' || msgs[i].body_len < work.kind->size)
      die("what was decoded is not what was encoded");
}

static size_t decode(int one) {
  fdwire_decoder *decoder;
  fdwire_msg msgs[BATCH];
  size_t messages = 0, count = 1, cap, n;
  void *room;
  int result;
  need(fdwire_decoder_new(work.format, &decoder), 0, "fdwire_decoder_new");
  do {
    need(fdwire_decoder_space(decoder, &room, &cap), 0, "fdwire_decoder_space");
    n = read_piece(room, cap);
    need(fdwire_decoder_commit(decoder, n), 0, "fdwire_decoder_commit");
    while ((result = one ? fdwire_decoder_next(decoder, msgs)
                         : fdwire_decoder_next_many(decoder, msgs, BATCH, &count)) == 1) {
      check(msgs, count);
      messages += count;
    }
    need(result, 0, "decoding");
  } while (n > 0);
  need(fdwire_decoder_finish(decoder), 0, "fdwire_decoder_finish");
  fdwire_decoder_free(decoder);
  return messages;
}

static size_t decode_many(void) {
  return decode(0);
}

static size_t decode_one(void) {
  return decode(1);
}

static int64_t give(void *ctx, void *buf, size_t len) {
  (void)ctx;
  return (int64_t)read_piece(buf, len);
}

static int64_t take(void *ctx, const fdwire_slice *slices, size_t count) {
  size_t *taken = ctx, len = 0;
  for (size_t i = 0; i < count; i++)
    len += slices[i].len;
  *taken += len;
  return (int64_t)len;
}

static size_t receive_many(void) {
  fdwire_conn *conn;
  fdwire_msg msgs[BATCH];
  size_t messages = 0, count;
  int result;
  need(fdwire_conn_new_over(give, NULL, NULL, NULL, work.format, &conn), 0, "fdwire_conn_new_over");
  while ((result = fdwire_conn_recv_many(conn, msgs, BATCH, &count, 0)) == 1) {
    check(msgs, count);
    messages += count;
  }
  need(result, 0, "receiving");
  fdwire_conn_free(conn);
  return messages;
}

static size_t encode_one(void) {
  uint8_t frame[4 * SIZE];
  size_t len, messages = work.messages * work.passes;
  for (size_t i = 0; i < messages; i++)
    need(fdwire_encode(work.format, &work.msgs[i % KINDS_OF_HEAD], frame, sizeof frame, &len), 0,
         "fdwire_encode");
  return messages;
}

static size_t send_many(void) {
  fdwire_conn *conn;
  size_t taken = 0, messages = 0, wanted = work.messages * work.passes;
  need(fdwire_conn_new_over(NULL, take, NULL, &taken, work.format, &conn), 0,
       "fdwire_conn_new_over");
  while (messages < wanted) {
    size_t count = wanted - messages < BATCH ? wanted - messages : BATCH;
    const fdwire_msg *msgs = &work.msgs[messages % KINDS_OF_HEAD];
    need(fdwire_conn_send_many(conn, msgs, count, 0), 0, "fdwire_conn_send_many");
    messages += count;
  }
  need((long long)taken, (long long)(work.len * work.passes), "bytes sent");
  fdwire_conn_free(conn);
  return messages;
}

static const struct way {
  const char *name;
  size_t (*run)(void); /* how many messages */
} ways[] = {
    {"decoder, 64 a call", decode_many}, {"decoder, one a call", decode_one},
    {"recv_many, 64 a call", receive_many}, {"encode, one a call", encode_one},
    {"send_many, 64 a call", send_many},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void run(const struct point *point, double *values) {
  const struct way *way = point->what;
  if (work.kind != &kinds[point->size]) {
    fdwire_format_free(work.format);
    work.kind = &kinds[point->size];
    work.format = make_format(&kinds[point->size]);
    make_messages();
    make_stream();
  }
  work.at = 0;
  work.passes = is_short ? 4 : 16;
  size_t wanted = work.messages * work.passes;
  double start = now();
  size_t messages = way->run();
  values[0] = (now() - start) * 1e9 / (double)messages;
  need((long long)messages, (long long)wanted, "messages");
}

void formats(void) {
  static const char *const metrics[] = {"ns", NULL};
  static struct point points[KINDS * WAYS];
  size_t count = 0;
  keep_buffers();
  for (size_t kind = 0; kind < KINDS; kind++)
    for (size_t way = 0; way < WAYS; way++) {
      points[count] = (struct point){ways[way].name, "", metrics, run, &points[way], &ways[way],
                                     kind, 0};
      snprintf(points[count++].x, sizeof points->x, "%s", kinds[kind].name);
    }
  measure(points, count);
}
