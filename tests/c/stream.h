/* What the tests of connections share: dice that can be thrown again, and streams in memory that
   move as few bytes at a time as they like. C99, and C++. */
#ifndef STREAM_H
#define STREAM_H

#include "check.h"

/* Random numbers (xorshift64*), the same again for the same seed. */
struct dice {
  uint64_t state;
};

static inline struct dice dice_of(uint64_t seed) {
  struct dice dice;
  dice.state = (seed + 1) * 0x9e3779b97f4a7c15u;
  if (dice.state == 0)
    dice.state = 1;
  return dice;
}

static inline uint64_t roll(struct dice *dice) {
  dice->state ^= dice->state >> 12;
  dice->state ^= dice->state << 25;
  dice->state ^= dice->state >> 27;
  return dice->state * 0x2545f4914f6cdd1du;
}

static inline size_t below(struct dice *dice, size_t n) { return (size_t)((roll(dice) >> 32) % n); }

static inline int one_in(struct dice *dice, size_t n) { return below(dice, n) == 0; }

static inline uint64_t scattered(uint64_t n) {
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
  n = (n ^ (n >> 27)) * 0x94d049bb133111ebu;
  return n ^ (n >> 31);
}

/* How often a long loop goes round: FDWIRE_TEST_SCALE times what is bearable under valgrind. */
static inline size_t scaled(size_t count) {
  const char *scale = getenv("FDWIRE_TEST_SCALE");
  double by = scale != NULL ? atof(scale) : 1;
  return by * (double)count < 1 ? 1 : (size_t)(by * (double)count);
}

static inline void *bytes_of(size_t len) {
  void *bytes = malloc(len > 0 ? len : 1);
  NEED(bytes != NULL);
  return bytes;
}

/* One direction of a stream in memory, as a socket's buffer is: a ring with bounds. */
struct tube {
  uint8_t *bytes;
  size_t cap, at, len;
  int ended; /* what is read at its end: 0, as a stream does, or an error */
};

static inline void tube_open(struct tube *tube, size_t cap) {
  memset(tube, 0, sizeof *tube);
  tube->bytes = (uint8_t *)bytes_of(cap);
  tube->cap = cap;
  tube->ended = -EAGAIN;
}

static inline size_t least(size_t a, size_t b) { return a < b ? a : b; }

static inline size_t tube_put(struct tube *tube, const void *bytes, size_t len) {
  const uint8_t *from = (const uint8_t *)bytes;
  size_t put = least(len, tube->cap - tube->len), end = (tube->at + tube->len) % tube->cap;
  size_t first = least(put, tube->cap - end);
  if (put > 0) {
    memcpy(tube->bytes + end, from, first);
    memcpy(tube->bytes, from + first, put - first);
  }
  tube->len += put;
  return put;
}

static inline size_t tube_take(struct tube *tube, void *bytes, size_t len) {
  uint8_t *to = (uint8_t *)bytes;
  size_t taken = least(len, tube->len), first = least(taken, tube->cap - tube->at);
  if (taken > 0) {
    memcpy(to, tube->bytes + tube->at, first);
    memcpy(to + first, tube->bytes, taken - first);
  }
  tube->at = (tube->at + taken) % tube->cap;
  tube->len -= taken;
  return taken;
}

/* One end of a stream in memory: what a connection's functions get as their ctx. */
struct end {
  struct tube *in, *out;
  struct dice *dice; /* NULL: moves all it can */
  int (*waits)(struct end *end, int events, int timeout_ms);
  void *owner;
  int patient;            /* waits without end, if asked to: another thread will end it */
  uint64_t reads, writes; /* calls */
  uint64_t got, gave;     /* bytes */
};

/* How many of len bytes a call moves now, or why none. */
static inline int64_t mood(struct dice *dice, size_t len) {
  if (dice == NULL)
    return (int64_t)len;
  switch (below(dice, 16)) {
  case 0: return -EAGAIN;
  case 1: return -EINTR;
  case 2: return 1;
  case 3: return (int64_t)least(len, 1 + below(dice, 20));
  case 4: case 5: case 6: case 7: return 1 + (int64_t)below(dice, len);
  default: return (int64_t)len;
  }
}

static inline int64_t end_read(void *ctx, void *buf, size_t len) {
  struct end *end = (struct end *)ctx;
  end->reads++;
  CHECK(buf != NULL && len > 0);
  int64_t most = mood(end->dice, len);
  if (most < 0)
    return most;
  size_t taken = tube_take(end->in, buf, (size_t)most);
  end->got += taken;
  return taken > 0 ? (int64_t)taken : end->in->ended;
}

static inline int64_t end_writev(void *ctx, const fdwire_slice *slices, size_t count) {
  struct end *end = (struct end *)ctx;
  size_t all = 0, put = 0;
  end->writes++;
  for (size_t i = 0; i < count; i++)
    all += slices[i].len;
  CHECK(count > 0 && all > 0);
  int64_t most = mood(end->dice, all);
  if (most < 0)
    return most;
  for (size_t i = 0; i < count && put < (size_t)most; i++) {
    size_t len = least(slices[i].len, (size_t)most - put);
    size_t took = tube_put(end->out, slices[i].base, len);
    put += took;
    if (took < len)
      break;
  }
  end->gave += put;
  return put > 0 ? (int64_t)put : -EAGAIN;
}

static inline int end_is_ready(const struct end *end, int events) {
  int reads = end->in != NULL && (end->in->len > 0 || end->in->ended != -EAGAIN);
  int writes = end->out != NULL && end->out->len < end->out->cap;
  return ((events & POLLIN) && reads) || ((events & POLLOUT) && writes);
}

static inline int end_wait(void *ctx, int events, int timeout_ms) {
  struct end *end = (struct end *)ctx;
  CHECK(events != 0 && (events & ~(POLLIN | POLLOUT)) == 0 && timeout_ms >= -1);
  if (end->waits != NULL)
    return end->waits(end, events, timeout_ms);
  if (!end_is_ready(end, events)) {
    CHECK(timeout_ms >= 0 || end->patient); /* or it would hang: nobody else is there */
    sleep_ms(end->patient ? 5 : timeout_ms);
  }
  return 0;
}

/* A connection over an end. */
static inline fdwire_conn *conn_over(struct end *end, const fdwire_format *format) {
  fdwire_conn *conn = NULL;
  fdwire_read_fn reads = end->in != NULL ? end_read : NULL;
  fdwire_writev_fn writes = end->out != NULL ? end_writev : NULL;
  NEED(fdwire_conn_new_over(reads, writes, end_wait, end, format, &conn) == 0);
  return conn;
}

static inline fdwire_conn *conn_of(int in_fd, int out_fd, const fdwire_format *format) {
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new(in_fd, out_fd, format, &conn) == 0);
  return conn;
}

/* Takes as many bytes as it is allowed to, and a few more whenever it is waited for. */
struct sink {
  uint8_t *bytes;
  size_t len, cap, allowed, more;
};

static inline void sink_open(struct sink *sink, size_t cap) {
  memset(sink, 0, sizeof *sink);
  sink->bytes = (uint8_t *)bytes_of(cap);
  sink->cap = cap;
}

static inline int64_t sink_takes(void *ctx, const fdwire_slice *slices, size_t count) {
  struct sink *sink = (struct sink *)ctx;
  size_t before = sink->len;
  for (size_t i = 0; i < count; i++) {
    size_t len = least(slices[i].len, sink->allowed);
    NEED(sink->len + len <= sink->cap);
    if (len > 0)
      memcpy(sink->bytes + sink->len, slices[i].base, len);
    sink->len += len;
    sink->allowed -= len;
  }
  return sink->len > before ? (int64_t)(sink->len - before) : -EAGAIN;
}

static inline int sink_waits(void *ctx, int events, int timeout_ms) {
  struct sink *sink = (struct sink *)ctx;
  CHECK(events & POLLOUT);
  sink->allowed += sink->more;
  if (sink->more == 0)
    sleep_ms(timeout_ms);
  return 0;
}

static inline fdwire_conn *conn_into(struct sink *sink, const fdwire_format *format) {
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new_over(NULL, sink_takes, sink_waits, sink, format, &conn) == 0);
  return conn;
}

static inline fdwire_conn *conn_to(struct sink *sink, const char *text) {
  fdwire_format *format = format_of(text);
  fdwire_conn *conn = conn_into(sink, format);
  fdwire_format_free(format);
  return conn;
}

static inline fdwire_stats stats_of(fdwire_conn *conn) {
  fdwire_stats stats;
  memset(&stats, 0, sizeof stats);
  CHECK_IS(fdwire_conn_stats(conn, &stats, sizeof stats), 0);
  return stats;
}

#endif
