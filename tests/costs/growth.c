/* How cost grows with what comes. Each case is done with n, then 2n, then 4n bytes or messages, in
   calls of `measured`, which a profiler knows by its name; a line is printed for each.

       growth shapes      the formats, one a line
       growth GROUP       runs the cases of decode, skip, receive, send, or text */
#include "../c/stream.h"
#include "counted.h" /* copies are counted alike on every processor */

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum { KIB = 1024, DOUBLINGS = 2, VECTOR = 64, SMALL = 6 };

/* A format, and what makes a frame of it as dear as can be. */
struct shape {
  const char *text;
  const char *head; /* NULL: the format makes one */
  size_t head_len;
  const char *filler; /* of bodies: best the beginning of what is searched for */
  size_t most;        /* the longest body, if not any; of one size, that */
  enum { GROWS, SHORT, SIZED, BARE, SPLIT } manner;
};
#define SHAPE(text, filler) {text, NULL, 0, filler, 0, GROWS}
#define CHOICE(text, head, filler) {text, head, sizeof(head) - 1, filler, 0, GROWS}

static const char nested[] =
    "select u8 { 1: select u8 at=1 { 1: select u8 at=2 { 1: u32be at=3; "
    "else: delimited start='\\x01\\x01\\x02' by='\\r\\n\\r\\n' }; else: crlf }; else: line }";

/* A format of the program's own: as u32be. */
static const char custom[] = "custom";

static int64_t custom_probe(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len,
                            size_t *at_least) {
  (void)ctx;
  *head_len = *at_least = 4;
  return len < 4 ? 0 : 4 + (int64_t)fdwire_get_u32be(bytes);
}

static const struct shape shapes[] = {
    {"u8", NULL, 0, "x", 255, SHORT},
    SHAPE("u16be", "x"),
    SHAPE("u16le counts=frame", "x"),
    SHAPE("u24be at=1 counts=field", "x"),
    SHAPE("u32be", "x"),
    SHAPE("u32ne at=3 head=12 magic='ab'@0", "x"),
    SHAPE("u64le pad=8 tail='!'", "x"),
    SHAPE("i32be", "x"),
    SHAPE("u16be at=4 head=8 counts=body tail=u8@6", "x"),
    SHAPE("u24be at=5 head=12 plus=u8@4*4 counts=body pad=4", "x"),
    SHAPE("u16be bodiless=0..3,9 counts=frame", "x"),
    SHAPE("varint", "x"),
    SHAPE("varintbe", "x"),
    SHAPE("ber", "x"),
    SHAPE("decimal until=':'", "1"),
    SHAPE("decimal digits=8 fill=' '", " "),
    SHAPE("hex until='\\r\\n' tail='\\r\\n'", "\r"),
    SHAPE("netstring", ":"),
    {"fixed size=6", NULL, 0, "x", SMALL, SIZED},
    SHAPE("line", "\rx"),
    SHAPE("crlf", "\r"),
    SHAPE("nul", "x"),
    SHAPE("delimited by='aaab'", "a"),
    SHAPE("delimited by='\\r\\n\\r\\n','\\r\\r\\n\\n'", "\r\n\rx"),
    SHAPE("delimited by='abcab','xyz'", "abcaxy"),
    SHAPE("delimited by='f4','ab','abc','abcd','b0','c1','d2','e3'", "a"),
    SHAPE("delimited by='ax','bx','cx','dx','ex','fx','gx','hx'", "abcdefgh"),
    SHAPE("delimited start='$' by='#' trail=2", "$"),
    {"delimited by='\\n' over=split eof=allow", NULL, 0, "\r", 0, SPLIT},
    SHAPE("delimited by='\\r\\n','\\r' eof=allow", "x"),
    SHAPE("headers length='Content-Length'", "\r"),
    SHAPE("headers length='L' by='\\n' missing=empty", "\n"),
    {"eof", NULL, 0, "x", 0, BARE}, /* which cannot be sent */
    CHOICE("select u8 { 0..9, 12: u16be at=2; 'x': line; else: fixed size=8 }", "\1...", "x"),
    CHOICE("select u8 { 'x': line; else: u8 }", "", "x"),
    CHOICE(nested, "\1\1\1....", "x"),
    CHOICE(nested, "\1\1\2", "\rx"),
    SHAPE("redis", "x"),
    SHAPE("postgres", "x"),
    SHAPE("mqtt", "x"),
    SHAPE(custom, "x"),
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* What a case works on. */
struct work {
  const struct shape *shape;
  fdwire_format *format, *wire; /* the second makes the frames */
  uint8_t *bytes; /* frames, one behind another */
  size_t len, frames, n;
  fdwire_decoder *decoder;
  fdwire_conn *conn;
  size_t at, piece; /* where the source stands, and how much it gives at a time */
  int dry;          /* the source has nothing this time */
  int every_other;  /* it has nothing every other time */
  uint64_t calls;   /* of the source, the sink or the system */
  char *text;
  int fds[2];
};

static uint8_t *filler_of(const char *filler, size_t len) {
  uint8_t *body = bytes_of(len);
  for (size_t i = 0, period = strlen(filler); i < len; i++)
    body[i] = (uint8_t)filler[i + 1 == len ? period - 1 : i % period];
  return body;
}

/* ---- Frames ---- */

static size_t body_len_of(const struct work *work, size_t len) {
  const struct shape *shape = work->shape;
  return shape->manner == SIZED || (shape->manner == SHORT && len > shape->most) ? shape->most : len;
}

/* A choice without a head: a line that begins with what it is chosen by. */
static int has_no_head(const struct shape *shape) {
  return shape->head != NULL && shape->head_len == 0;
}

/* So many frames with bodies of this length, one behind another. */
static void make_frames(struct work *work, size_t frames, size_t body_len) {
  const struct shape *shape = work->shape;
  body_len = body_len_of(work, body_len);
  uint8_t *body = filler_of(shape->filler, body_len), *frame = bytes_of(body_len + 256);
  fdwire_msg msg = {(const uint8_t *)shape->head, body, shape->head_len, body_len, 0};
  size_t len = body_len;
  if (shape->manner == BARE || has_no_head(shape)) {
    memcpy(frame, body, body_len);
    if (shape->manner == BARE)
      frames = 1;
    else
      frame[len++] = '\n';
  } else {
    NEED(fdwire_encode(work->wire, &msg, frame, body_len + 256, &len) == 0);
  }
  work->frames = frames;
  work->len = frames * len;
  work->bytes = bytes_of(work->len);
  for (size_t i = 0; i < frames; i++)
    memcpy(work->bytes + i * len, frame, len);
  free(body);
  free(frame);
}

static void one_frame(struct work *work) { make_frames(work, 1, work->n); }
static void many_frames(struct work *work) { make_frames(work, work->n / 8, SMALL); }
static void empty_frames(struct work *work) { make_frames(work, work->n / 8, 0); }

/* A head of many short lines. */
static void many_lines(struct work *work) {
  static const char line[] = "Abc: d\r\n", end[] = "Content-Length: 0\r\n\r\n";
  size_t lines = work->n / (sizeof line - 1);
  work->bytes = bytes_of(lines * (sizeof line - 1) + sizeof end);
  for (size_t i = 0; i < lines; i++, work->len += sizeof line - 1)
    memcpy(work->bytes + work->len, line, sizeof line - 1);
  memcpy(work->bytes + work->len, end, sizeof end - 1);
  work->len += sizeof end - 1;
  work->frames = 1;
}

/* One line that is as long as the head may be. */
static void long_line(struct work *work) {
  static const char end[] = "\r\nContent-Length: 0\r\n\r\n";
  work->bytes = bytes_of(work->n + sizeof end);
  memset(work->bytes, '\r', work->n);
  memcpy(work->bytes + work->n, end, sizeof end - 1);
  work->len = work->n + sizeof end - 1;
  work->frames = 1;
}

/* ---- Decoders ---- */

static size_t drain(struct work *work) {
  fdwire_msg msg;
  size_t frames = 0;
  int result;
  while ((result = fdwire_decoder_next(work->decoder, &msg)) == 1)
    frames++;
  NEED(result == 0);
  return frames;
}

static void feed(struct work *work, size_t at, size_t len) {
  NEED(fdwire_decoder_feed(work->decoder, work->bytes + at, len) == 0);
}

/* All have come, once the stream has ended. */
static void ends_with(struct work *work, size_t frames) {
  NEED(fdwire_decoder_finish(work->decoder) >= 0);
  frames += drain(work);
  NEED(frames >= work->frames);
}

static void whole(struct work *work) {
  feed(work, 0, work->len);
  ends_with(work, drain(work));
}

static void whole_by_vectors(struct work *work) {
  fdwire_msg msgs[VECTOR];
  size_t frames = 0, count = 0;
  feed(work, 0, work->len);
  while (fdwire_decoder_next_many(work->decoder, msgs, VECTOR, &count) == 1)
    frames += count;
  ends_with(work, frames);
}

static void by_bytes(struct work *work) {
  size_t frames = 0;
  for (size_t at = 0; at < work->len; at++) {
    feed(work, at, 1);
    frames += drain(work);
  }
  ends_with(work, frames);
}

static void by_bytes_read(struct work *work) {
  size_t frames = 0, cap = 0;
  void *room = NULL;
  for (size_t at = 0; at < work->len; at++) {
    NEED(fdwire_decoder_space(work->decoder, &room, &cap) == 0);
    *(uint8_t *)room = work->bytes[at];
    NEED(fdwire_decoder_commit(work->decoder, 1) == 0);
    frames += drain(work);
  }
  ends_with(work, frames);
}

/* Asks what is needed before each byte, and for a message only when it is there. */
static void asking(struct work *work) {
  size_t frames = 0;
  for (size_t at = 0; at < work->len; at++) {
    if (fdwire_decoder_needed(work->decoder) == 0)
      frames += drain(work);
    feed(work, at, 1);
  }
  ends_with(work, frames + drain(work));
}

static void explaining(struct work *work) {
  char text[200];
  size_t frames = 0;
  for (size_t at = 0; at < work->len; at++) {
    feed(work, at, 1);
    frames += drain(work);
    NEED(fdwire_decoder_explain(work->decoder, text, sizeof text) > 0);
  }
  ends_with(work, frames);
}

/* What is too long is passed over as it comes. */
static void skipping(struct work *work) {
  fdwire_msg msg;
  int skips = 0;
  for (size_t at = 0; at < work->len; at++) {
    feed(work, at, 1);
    int result = fdwire_decoder_next(work->decoder, &msg);
    if (result == FDWIRE_E_TOO_LONG) {
      NEED(fdwire_decoder_skip(work->decoder) == 0);
      skips++;
    } else {
      NEED(result >= 0);
    }
  }
  NEED(skips > 0);
}

/* ---- Connections ---- */

/* Bytes of the stream, a piece at a time; none every other time, if that is asked for. */
static int64_t source_gives(void *ctx, void *buf, size_t len) {
  struct work *work = ctx;
  size_t piece = least(least(len, work->piece), work->len - work->at);
  work->calls++;
  work->dry = work->every_other && !work->dry;
  if (work->dry || piece == 0)
    return -EAGAIN;
  memcpy(buf, work->bytes + work->at, piece);
  work->at += piece;
  return (int64_t)piece;
}

static int64_t sink_takes_a_piece(void *ctx, const fdwire_slice *slices, size_t count) {
  struct work *work = ctx;
  int64_t took = 0;
  work->calls++;
  for (size_t i = 0; i < count && took == 0; i++)
    took = (int64_t)least(slices[i].len, work->piece);
  return took > 0 ? took : -EAGAIN;
}

static int64_t sink_takes_all(void *ctx, const fdwire_slice *slices, size_t count) {
  struct work *work = ctx;
  int64_t took = 0;
  work->calls++;
  for (size_t i = 0; i < count; i++)
    took += (int64_t)slices[i].len;
  return took;
}

static int64_t sink_is_full(void *ctx, const fdwire_slice *slices, size_t count) {
  (void)slices, (void)count;
  ((struct work *)ctx)->calls++;
  return -EAGAIN;
}

static void connect_over(struct work *work, fdwire_writev_fn writes) {
  NEED(fdwire_conn_new_over(source_gives, writes, NULL, work, work->format, &work->conn) == 0);
}

/* How a connection is asked for what is there: the messages that one call gives. */
typedef int (*taking)(struct work *work, uint8_t *room, size_t cap, size_t *count);

static int take_one(struct work *work, uint8_t *room, size_t cap, size_t *count) {
  fdwire_msg msg;
  (void)room, (void)cap;
  *count = 1;
  return fdwire_conn_recv(work->conn, &msg, 0);
}

static int take_many(struct work *work, uint8_t *room, size_t cap, size_t *count) {
  fdwire_msg msgs[VECTOR];
  (void)room, (void)cap;
  return fdwire_conn_recv_many(work->conn, msgs, VECTOR, count, 0);
}

static int take_into(struct work *work, uint8_t *room, size_t cap, size_t *count) {
  size_t len;
  *count = 1;
  return fdwire_conn_recv_into(work->conn, room, cap, &len, 0);
}

static int take_packed(struct work *work, uint8_t *room, size_t cap, size_t *count) {
  size_t lens[VECTOR];
  return fdwire_conn_recv_packed(work->conn, room, cap, lens, VECTOR, count, 0);
}

static int take_in_parts(struct work *work, uint8_t *room, size_t cap, size_t *count) {
  fdwire_msg head;
  uint64_t body_len;
  size_t got;
  *count = 0;
  int result = fdwire_conn_recv_begin(work->conn, &head, &body_len, 0);
  if (result != 1 && result != -EBUSY)
    return result;
  while ((result = fdwire_conn_recv_part(work->conn, room, cap, &got, 0)) == 1) {
  }
  *count = result == 0;
  return result == 0 ? 1 : result;
}

static void receive_all(struct work *work, taking take) {
  size_t cap = work->len + 1, frames = 0;
  uint8_t *room = bytes_of(cap);
  while (frames < work->frames) {
    size_t count = 0;
    int result = take(work, room, cap, &count);
    NEED(result == 1 || (result == -EAGAIN && (work->at < work->len || work->every_other)));
    frames += result == 1 ? count : 0;
  }
  NEED(work->at == work->len);
  free(room);
}

static void recv_pieces(struct work *work) { receive_all(work, take_one); }
static void recv_many_pieces(struct work *work) { receive_all(work, take_many); }
static void recv_into_pieces(struct work *work) { receive_all(work, take_into); }
static void recv_packed_pieces(struct work *work) { receive_all(work, take_packed); }
static void recv_parts_pieces(struct work *work) { receive_all(work, take_in_parts); }

/* ---- Sending ---- */

static void queue_one(struct work *work) {
  fdwire_msg msg = {NULL, (const uint8_t *)"abcdef", 0, SMALL, 0};
  NEED(fdwire_conn_queue(work->conn, &msg, 1) == FDWIRE_PENDING);
}

static void queue_and_flush(struct work *work) {
  for (size_t i = 0; i < work->n; i++)
    queue_one(work);
  int result;
  while ((result = fdwire_conn_flush(work->conn, 0)) == -EAGAIN) {
  }
  NEED(result == 0 && fdwire_conn_pending(work->conn) == 0);
}

/* The peer takes nothing, and each send tries it anew. */
static void send_into_full(struct work *work) {
  for (size_t i = 0; i < work->n; i++)
    NEED(fdwire_conn_send(work->conn, "abcdef", SMALL, 0) == FDWIRE_PENDING);
}

/* The same with bodies that are referred to as long as the call lasts. */
static void send_large_into_full(struct work *work) {
  static const uint8_t body[3 * KIB];
  for (size_t i = 0; i < work->n; i++)
    NEED(fdwire_conn_send(work->conn, body, sizeof body, 0) == FDWIRE_PENDING);
}

static void send_vectors(struct work *work) {
  fdwire_msg msgs[VECTOR];
  for (size_t i = 0; i < VECTOR; i++)
    msgs[i] = (fdwire_msg){NULL, (const uint8_t *)"abcdef", 0, SMALL, 0};
  for (size_t i = 0; i < work->n; i += VECTOR)
    NEED(fdwire_conn_send_many(work->conn, msgs, VECTOR, -1) >= 0);
}

static void encode_one(struct work *work) {
  size_t body_len = body_len_of(work, work->n), len = 0;
  fdwire_msg msg = {NULL, work->bytes, 0, body_len, 0};
  uint8_t *out = bytes_of(body_len + 256);
  NEED(fdwire_encode(work->wire, &msg, out, body_len + 256, &len) == 0);
  free(out);
}

/* ---- Calls without a state, over descriptors ---- */

/* Calls of the system, which are put before those of the C library. */
static uint64_t system_calls;

ssize_t recv(int fd, void *buf, size_t len, int flags) {
  system_calls++;
  return recvfrom(fd, buf, len, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags) {
  system_calls++;
  return syscall(SYS_recvmsg, fd, msg, flags);
}

ssize_t readv(int fd, const struct iovec *ranges, int count) {
  system_calls++;
  return syscall(SYS_readv, fd, ranges, count);
}

static void recv_one(struct work *work, int timeout_ms) {
  uint8_t *room = bytes_of(work->len);
  size_t len;
  system_calls = 0;
  NEED(fdwire_recv(work->fds[0], work->format, room, work->len, &len, timeout_ms) == 1);
  work->calls = system_calls;
  free(room);
}

static void recv_from_pipe(struct work *work) {
  NEED(write(work->fds[1], work->bytes, work->len) == (ssize_t)work->len);
  recv_one(work, 1000);
}

/* Whoever waits gets one more byte. */
static struct work *dripping;

static int drip(void) {
  system_calls++;
  if (dripping != NULL && dripping->at < dripping->len) {
    NEED(write(dripping->fds[1], dripping->bytes + dripping->at, 1) == 1);
    dripping->at++;
  }
  return 1;
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms) {
  (void)epoll, (void)most, (void)timeout_ms;
  events[0].events = EPOLLIN;
  return drip();
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
  struct timespec none = {0, 0};
  if (timeout_ms != 0)
    drip();
  return ppoll(fds, count, timeout_ms != 0 ? NULL : &none, NULL);
}

static void recv_dripping(struct work *work) {
  NEED(write(work->fds[1], work->bytes, 1) == 1);
  work->at = 1;
  dripping = work;
  recv_one(work, 60000);
  dripping = NULL;
  NEED(work->at == work->len);
}

/* ---- Texts of formats ---- */

static void parse(struct work *work) {
  fdwire_format *format = NULL;
  char why[200];
  int result = fdwire_format_new(work->text, &format, why, sizeof why);
  if (result < 0)
    printf("%.60s: %s\n", work->text, why);
  NEED(result == 0);
  fdwire_format_free(format);
}

/* Read to its end, and refused. */
static void refuse(struct work *work) {
  fdwire_format *format = NULL;
  char why[200];
  NEED(fdwire_format_new(work->text, &format, why, sizeof why) == FDWIRE_E_FORMAT);
  NEED(strstr(why, "at most 64K") == NULL);
}

/* So many items between a beginning and an end, each numbered, from above or from below. */
static void text_of(struct work *work, const char *begin, const char *item, const char *end, int down) {
  size_t cap = strlen(begin) + work->n * (strlen(item) + 8) + strlen(end) + 1;
  char *to = work->text = bytes_of(cap), *stop = to + cap;
  to += snprintf(to, cap, "%s", begin);
  for (size_t i = 0; i < work->n; i++)
    to += snprintf(to, (size_t)(stop - to), item, (unsigned)(2 * (down ? work->n - i : i + 1)));
  snprintf(to, (size_t)(stop - to), "%s", end);
}

static void text_cases(struct work *work) { text_of(work, "select u16be {", "%u: u16be;", "else: u16be}", 0); }
static void text_labels(struct work *work) { text_of(work, "select u16be {", "%u,", "1: u16be; else: u32be}", 0); }
static void text_labels_down(struct work *work) {
  text_of(work, "select u16be {", "%u,", "1: u16be; else: u32be}", 1);
}
static void text_bodiless(struct work *work) { text_of(work, "u32be bodiless=", "%u,", "1", 1); }
static void text_blanks(struct work *work) { text_of(work, "line ", "      ", "max=1K", 0); }
static void text_word(struct work *work) { text_of(work, "", "a", "", 0); }
static void text_settings(struct work *work) { text_of(work, "u32be ", "at=1 ", "", 0); }
static void text_wrong_at_last(struct work *work) { text_of(work, "u32be bodiless=", "10%05u,", "x", 1); }
static void text_nested(struct work *work) {
  text_of(work,
          "select u8 {1: select u8 {1: select u8 {1: select u8 {1: select u8 {1: select u8 {"
          "1: select u8 {1: select u16be {",
          "%u,", "1: u16be; else: u32be}}}}}}}}", 0);
}

/* ---- Cases ---- */

static void nothing(struct work *work) { (void)work; }

static void a_decoder(struct work *work) {
  NEED(fdwire_decoder_new(work->format, &work->decoder) == 0);
}

static void a_source(struct work *work) {
  work->piece = work->len;
  connect_over(work, NULL);
}

static void a_slow_source(struct work *work) {
  work->piece = 1;
  connect_over(work, NULL);
}

static void a_dripping_source(struct work *work) {
  work->every_other = 1;
  a_slow_source(work);
}

static void a_source_of_pieces(struct work *work) {
  work->every_other = 1;
  work->piece = KIB;
  connect_over(work, NULL);
}

static void a_slow_sink(struct work *work) {
  work->piece = 1;
  connect_over(work, sink_takes_a_piece);
}

static void a_sink(struct work *work) { connect_over(work, sink_takes_all); }
static void a_full_sink(struct work *work) { connect_over(work, sink_is_full); }

static void a_pipe(struct work *work) {
  NEED(pipe(work->fds) == 0);
  NEED(fcntl(work->fds[1], F_SETPIPE_SZ, 256 * KIB) >= 0);
}

static void a_socket(struct work *work) { NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, work->fds) == 0); }

/* Which shapes a case is done with: all; those whose bodies may have any length, or none; those that
   may be too long; one of each way in which frames are found; those that are searched for; one. */
enum which { EVERY, ANY_LENGTH, EMPTY, TOO_LONG, SOME, SEARCHED, HEADERS, ONE };

static int begins(const struct shape *shape, const char *kind) {
  return strncmp(shape->text, kind, strlen(kind)) == 0;
}

static int is_in(enum which which, const struct shape *shape) {
  int grows = shape->manner != SHORT && shape->manner != SIZED;
  int some = begins(shape, "u32be") || begins(shape, "line") || begins(shape, "headers length='C") ||
             strcmp(shape->text, "varint") == 0 || begins(shape, "delimited by='aaab'") || shape->text == nested;
  switch (which) {
  case EVERY: return 1;
  case ANY_LENGTH: return grows;
  case EMPTY: return shape->manner != SIZED && shape->manner != BARE && !has_no_head(shape);
  case TOO_LONG: return grows && shape->manner != SPLIT && shape->text != custom;
  case SOME: return some;
  case SEARCHED: return some && !begins(shape, "u32be") && strcmp(shape->text, "varint") != 0;
  case HEADERS: return begins(shape, "headers length='C");
  default: return begins(shape, "u32be");
  }
}

static const struct growth {
  const char *group, *name;
  enum which which;
  void (*make)(struct work *work);
  void (*open)(struct work *work);
  void (*run)(struct work *work);
  size_t n;
} cases[] = {
    {"decode", "one frame, whole", ANY_LENGTH, one_frame, a_decoder, whole, 8000},
    {"decode", "one frame, by bytes", ANY_LENGTH, one_frame, a_decoder, by_bytes, 1200},
    {"decode", "one frame, read by bytes", ANY_LENGTH, one_frame, a_decoder, by_bytes_read, 1200},
    {"decode", "one frame, asked for", ANY_LENGTH, one_frame, a_decoder, asking, 1200},
    {"decode", "one frame, explained", SOME, one_frame, a_decoder, explaining, 500},
    {"decode", "many frames, whole", EVERY, many_frames, a_decoder, whole, 4000},
    {"decode", "many frames, by vectors", EVERY, many_frames, a_decoder, whole_by_vectors, 4000},
    {"decode", "many frames, by bytes", EVERY, many_frames, a_decoder, by_bytes, 1200},
    {"decode", "empty frames, whole", EMPTY, empty_frames, a_decoder, whole, 4000},
    {"decode", "empty frames, by vectors", EMPTY, empty_frames, a_decoder, whole_by_vectors, 4000},
    {"decode", "empty frames, by bytes", EMPTY, empty_frames, a_decoder, by_bytes, 1200},
    {"decode", "many lines, whole", HEADERS, many_lines, a_decoder, whole, 8000},
    {"decode", "many lines, by bytes", HEADERS, many_lines, a_decoder, by_bytes, 3000},
    {"decode", "a long line, whole", HEADERS, long_line, a_decoder, whole, 8000},
    {"decode", "a long line, by bytes", HEADERS, long_line, a_decoder, by_bytes, 3000},
    {"skip", "too long, by bytes", TOO_LONG, one_frame, a_decoder, skipping, 1200},
    {"receive", "recv, all there", SOME, many_frames, a_source, recv_pieces, 1200},
    {"receive", "recv, by bytes", SOME, one_frame, a_slow_source, recv_pieces, 1200},
    {"receive", "recv, dripping", SOME, one_frame, a_dripping_source, recv_pieces, 1000},
    {"receive", "recv_many, dripping", SOME, one_frame, a_dripping_source, recv_many_pieces, 1000},
    {"receive", "recv_into, dripping", SOME, one_frame, a_dripping_source, recv_into_pieces, 1000},
    {"receive", "recv_into, a large one in pieces", ONE, one_frame, a_source_of_pieces,
     recv_into_pieces, 70000},
    {"receive", "recv_packed, dripping", SOME, one_frame, a_dripping_source, recv_packed_pieces, 1000},
    {"receive", "recv_part, dripping", SOME, one_frame, a_dripping_source, recv_parts_pieces, 1000},
    {"receive", "recv_many, small ones dripping", SOME, many_frames, a_dripping_source,
     recv_many_pieces, 1000},
    {"receive", "recv_many, a flood of empty ones", SOME, empty_frames, a_source, recv_many_pieces,
     4000},
    {"receive", "recv_packed, a flood of empty ones", SOME, empty_frames, a_source,
     recv_packed_pieces, 4000},
    {"receive", "fdwire_recv from a pipe", SOME, one_frame, a_pipe, recv_from_pipe, 1200},
    {"receive", "fdwire_recv of a drip", SEARCHED, one_frame, a_socket, recv_dripping, 1200},
    {"send", "encode", ANY_LENGTH, one_frame, nothing, encode_one, 8000},
    {"send", "queue, flushed by bytes", ONE, nothing, a_slow_sink, queue_and_flush, 400},
    {"send", "queue, flushed at once", ONE, nothing, a_sink, queue_and_flush, 4000},
    {"send", "send into what is full", ONE, nothing, a_full_sink, send_into_full, 4000},
    {"send", "large ones into what is full", ONE, nothing, a_full_sink, send_large_into_full, 200},
    {"send", "send_many", ONE, nothing, a_sink, send_vectors, 4096},
    {"text", "cases", ONE, text_cases, nothing, parse, 63},
    {"text", "labels", ONE, text_labels, nothing, parse, 1200},
    {"text", "labels from above", ONE, text_labels_down, nothing, parse, 1200},
    {"text", "labels of the innermost", ONE, text_nested, nothing, parse, 1200},
    {"text", "bodiless", ONE, text_bodiless, nothing, parse, 1200},
    {"text", "blanks", ONE, text_blanks, nothing, parse, 2500},
    {"text", "one word", ONE, text_word, nothing, refuse, 16000},
    {"text", "a key again and again", ONE, text_settings, nothing, refuse, 3200},
    {"text", "the last item is wrong", ONE, text_wrong_at_last, nothing, refuse, 2000},
};
enum { CASES = sizeof cases / sizeof *cases };

/* What is known by its name: nothing else is to be counted. */
static __attribute__((noinline)) void measured(const struct growth *growth, struct work *work) {
  growth->run(work);
}

static fdwire_format *format_for(const struct growth *growth, const struct shape *shape) {
  char text[300];
  fdwire_format *format = NULL;
  if (shape->text == custom) {
    NEED(fdwire_format_new_custom(custom_probe, NULL, 1 << 20, &format) == 0);
    return format;
  }
  snprintf(text, sizeof text, "%s%s", shape->text, growth->which == TOO_LONG ? " max=16" : "");
  return format_of(text);
}

static void do_once(const struct growth *growth, const struct shape *shape, size_t n) {
  struct work work;
  memset(&work, 0, sizeof work);
  work.shape = shape;
  work.n = n;
  work.fds[0] = work.fds[1] = -1;
  work.format = format_for(growth, shape);
  work.wire = format_of(shape->text == custom ? "u32be" : shape->text);
  growth->make(&work);
  if (growth->run == encode_one) {
    free(work.bytes);
    work.bytes = filler_of(shape->filler, n);
  }
  growth->open(&work);
  measured(growth, &work);
  printf("%s: %s: %zu n, %llu calls\n", growth->name, shape->text, n, (unsigned long long)work.calls);
  fdwire_conn_free(work.conn);
  fdwire_decoder_free(work.decoder);
  fdwire_format_free(work.format);
  fdwire_format_free(work.wire);
  if (work.fds[0] >= 0)
    close_way(work.fds);
  free(work.bytes);
  free(work.text);
}

int main(int argc, char **argv) {
  int done = 0;
  if (argc != 2) {
    fprintf(stderr, "growth shapes|GROUP\n");
    return 2;
  }
  if (strcmp(argv[1], "shapes") == 0) {
    for (int i = 0; i < SHAPES; i++)
      printf("%s\n", shapes[i].text);
    return 0;
  }
  (void)page_faults; /* which nobody asks for here */
  check_begin();
  for (const struct growth *growth = cases; growth < cases + CASES; growth++)
    for (int i = 0; i < SHAPES && strcmp(growth->group, argv[1]) == 0; i++)
      for (int doubled = 0; doubled <= DOUBLINGS && is_in(growth->which, &shapes[i]); doubled++, done++)
        do_once(growth, &shapes[i], growth->n << doubled);
  return done == 0;
}
