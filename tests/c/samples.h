/* A message of each kind of format, the calls that receive one, and a connection that is fed.
   C99, and C++. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "stream.h"

#define TEN "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

struct sample {
  const char *text, *body, *head;
  size_t head_len;
};

static const struct sample samples[] = {
    {"u32be", "hello, wire", NULL, 0},
    {"u32be", "", NULL, 0},
    {"u16be counts=frame", "hello", NULL, 0},
    {"u32be at=1 counts=field", "hello", "Q....", 5},
    {"varint", LONG, NULL, 0},
    {"ber", "hello", NULL, 0},
    {"netstring", "hello", NULL, 0},
    {"hex digits=4 counts=field bodiless=0..3", "hello", NULL, 0},
    {"u16le pad=8 tail='!'", "hello", NULL, 0},
    {"u64be at=3 head=16", "hello", "abc........defgh", 16},
    {"fixed size=9", "nine byte", NULL, 0},
    {"select u8 { 1: u16be at=1 pad=4; else: crlf }", "hello", "\1..", 3},
    {"select u8 { 1: u16be at=1 pad=4; else: crlf }", "hello", "", 0},
    {"line", "hello", NULL, 0},
    {"crlf", "he\rllo\n", NULL, 0},
    {"nul", "", NULL, 0},
    {"delimited start='$' by='#' trail=2", "hello", NULL, 0},
    {"delimited by='||','|;'", "he|llo", NULL, 0},
    {"headers length='Content-Length'", "{}", NULL, 0},
    {"headers length='L' by='\\n' missing=empty", "", NULL, 0},
};
#define EACH_SAMPLE(s) \
  for (const struct sample *s = samples; s < samples + sizeof samples / sizeof *samples; s++)

/* No head at all is what lets a format make one; "" is a head of a choice that has none. */
static inline fdwire_msg msg_of(const struct sample *sample) {
  fdwire_msg msg = {NULL, (const uint8_t *)sample->body, 0, strlen(sample->body), 0};
  if (sample->head_len > 0) {
    msg.head = (const uint8_t *)sample->head;
    msg.head_len = sample->head_len;
  }
  return msg;
}

#define FRAME_MAX 500

/* The frame of a sample on the wire. */
static inline size_t frame_of(const struct sample *sample, uint8_t *frame) {
  fdwire_format *format = format_of(sample->text);
  fdwire_msg msg = msg_of(sample);
  size_t len = 0;
  if (sample->head != NULL && sample->head_len == 0) /* a format makes another one by itself */
    len = (size_t)snprintf((char *)frame, FRAME_MAX, "%s\r\n", sample->body);
  else
    NEED(fdwire_encode(format, &msg, frame, FRAME_MAX, &len) == 0);
  fdwire_format_free(format);
  return len;
}

/* A frame of a format, and a sample of what is in it. */
struct framed {
  const struct sample *sample;
  fdwire_format *format;
  uint8_t frame[FRAME_MAX];
  size_t len;
};

static inline struct framed framed_of(const struct sample *sample) {
  struct framed framed;
  framed.sample = sample;
  framed.format = format_of(sample->text);
  framed.len = frame_of(sample, framed.frame);
  return framed;
}

/* What a receive gave, and where it stands if it is in parts. */
struct got {
  uint8_t body[FRAME_MAX];
  size_t len;
  int open;
};

typedef int (*receive)(fdwire_conn *conn, struct got *got, int timeout_ms);

static inline int keep(struct got *got, const fdwire_msg *msg) {
  CHECK(msg->body_len <= FRAME_MAX);
  memcpy(got->body, msg->body, least(msg->body_len, FRAME_MAX));
  got->len = msg->body_len;
  return 1;
}

static inline int by_recv(fdwire_conn *conn, struct got *got, int timeout_ms) {
  fdwire_msg msg;
  int result = fdwire_conn_recv(conn, &msg, timeout_ms);
  return result == 1 ? keep(got, &msg) : result;
}

static inline int by_recv_many(fdwire_conn *conn, struct got *got, int timeout_ms) {
  fdwire_msg msgs[2];
  size_t count = 0;
  int result = fdwire_conn_recv_many(conn, msgs, 1, &count, timeout_ms);
  CHECK(result != 1 || count == 1);
  return result == 1 ? keep(got, &msgs[0]) : result;
}

static inline int by_recv_into(fdwire_conn *conn, struct got *got, int timeout_ms) {
  memset(got->body, 0xee, sizeof got->body);
  return fdwire_conn_recv_into(conn, got->body, sizeof got->body, &got->len, timeout_ms);
}

static inline int by_parts(fdwire_conn *conn, struct got *got, int timeout_ms) {
  uint64_t body_len = 0;
  fdwire_msg head;
  if (!got->open) {
    int result = fdwire_conn_recv_begin(conn, &head, &body_len, timeout_ms);
    if (result != 1)
      return result;
    got->open = 1;
    got->len = 0;
  }
  for (;;) {
    size_t now = 0;
    size_t room = FRAME_MAX - got->len;
    int result = fdwire_conn_recv_part(conn, got->body + got->len, room, &now, timeout_ms);
    got->open = result != 0;
    if (result != 1)
      return result == 0 ? 1 : result;
    got->len += now;
  }
}

static const receive receives[] = {by_recv, by_recv_many, by_recv_into, by_parts};
#define RECEIVES (sizeof receives / sizeof *receives)

static inline void check_body(const struct sample *sample, const struct got *got) {
  CHECK_IS(got->len, strlen(sample->body));
  CHECK(memcmp(got->body, sample->body, least(got->len, strlen(sample->body))) == 0);
}

/* A connection with nothing in it yet, and what comes to it. */
struct feed {
  struct tube in;
  struct end end;
  fdwire_conn *conn;
};

static inline void feed_with(struct feed *feed, const fdwire_format *format) {
  memset(feed, 0, sizeof *feed);
  tube_open(&feed->in, 400000);
  feed->end.in = &feed->in;
  feed->conn = conn_over(&feed->end, format);
}

static inline void feed_open(struct feed *feed, const char *text) {
  fdwire_format *format = format_of(text);
  feed_with(feed, format);
  fdwire_format_free(format);
}

static inline void feed_close(struct feed *feed) {
  fdwire_conn_free(feed->conn);
  free(feed->in.bytes);
}

#endif
