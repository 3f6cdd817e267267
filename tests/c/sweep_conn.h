/* What sweeps of connections share: how a connection receives all that there is, sends it, or sends it
   back. How it does a step, a scenario says. See sweep.h. */
#ifndef SWEEP_CONN_H
#define SWEEP_CONN_H

#include "sweep.h"

/* ---- Receiving ---- */

/* A body came: it is the next one that was sent. */
static inline void comes(struct exchange *x, const void *body, size_t len) {
  MUST(x->received < x->count);
  if (x->received >= x->count)
    return;
  const fdwire_msg *msg = &x->msgs[x->received++];
  MUST_BE(len, msg->body_len);
  MUST(len != msg->body_len || memcmp(body, msg->body, len) == 0);
  if (x->scenario->traits & WITH_FDS) {
    int fds[2];
    size_t count = 0;
    MUST_BE(IN(fdwire_conn_take_fds(x->conn, fds, 2, &count)), 1);
    MUST_BE(count, 1);
    for (size_t i = 0; i < count; i++)
      close(fds[i]);
  }
}

static inline int by_recv(struct exchange *x) {
  fdwire_msg msg;
  int result = IN(fdwire_conn_recv(x->conn, &msg, x->scenario->timeout));
  if (result == 1)
    comes(x, msg.body, msg.body_len);
  return result;
}

static inline void set_traits(struct exchange *x) {
  int traits = x->scenario->traits;
  if (traits & ALONE)
    NEED(fdwire_conn_set(x->conn, FDWIRE_ONE_THREAD, FDWIRE_BOTH) == 0);
  if (traits & POLLED)
    NEED(fdwire_conn_set(x->conn, FDWIRE_POLLED, 1) == 0);
  if (traits & BATCHED)
    NEED(fdwire_conn_set(x->conn, FDWIRE_BATCH, 60) == 0);
  if (traits & WITH_FDS)
    NEED(fdwire_conn_set(x->conn, FDWIRE_TAKE_FDS, 1) == 0);
  if (traits & OWNED)
    NEED(fdwire_conn_set(x->conn, FDWIRE_OWN, FDWIRE_BOTH) == 0);
  if (traits & SPINNING)
    NEED(fdwire_conn_set(x->conn, FDWIRE_SPIN, 5) == 0);
  if (traits & SMALL_READS)
    NEED(fdwire_conn_set(x->conn, FDWIRE_READ_SIZE, 4096) == 0);
  if (traits & LIMITED)
    NEED(fdwire_conn_set(x->conn, FDWIRE_SEND_LIMIT, traits & LARGE ? 10000 : 200) == 0);
}

/* What the connection says of itself holds, whatever went wrong. */
static inline void asks(struct exchange *x) {
  fdwire_stats stats;
  int events = IN(fdwire_conn_events(x->conn)), known = POLLIN | POLLOUT | FDWIRE_READY;
  MUST_BE(events & known, events);
  MUST_BE(IN(fdwire_conn_stats(x->conn, &stats, sizeof stats)), 0);
  MUST_BE(fdwire_conn_pending(x->conn), stats.pending);
  MUST(events & POLLOUT ? stats.pending > 0 : stats.pending == 0 || run.hit >= 0);
  if (run.fault == NULL || run.fault->sort != LIE)
    MUST((x->scenario->traits & UNREAD) || stats.bytes_in == run.taken);
}

/* Without time, the test does the waiting. */
static inline int comes_later(const struct exchange *x, int result) {
  return result == -EAGAIN && x->scenario->timeout == 0 && goes_on(x->ours, POLLIN);
}

/* Receives until something else than a message comes. */
static inline int receives_on(struct exchange *x) {
  int result;
  do {
    result = x->scenario->step(x);
    asks(x);
  } while (!run.stuck && (result == 1 || comes_later(x, result)));
  return result;
}

/* What passes, passes without a loss; all else lasts. */
static inline void receives(struct exchange *x) {
  open_exchange(x, 0);
  run.peer = peer_feeds;
  while (x->scenario->piece == 0 && peer_feeds()) {
  }
  int result = IN(fdwire_conn_new(x->ours, -1, x->format, &x->conn));
  tell(x, result);
  if (result < 0)
    return;
  set_traits(x);
  result = receives_on(x);
  tell(x, result);
  if (result == -ENOMEM) {
    result = receives_on(x);
    MUST_BE(result, 0);
  }
  if (!(x->scenario->traits & UNREAD) && (run.fault == NULL || run.fault->sort != RAGGED))
    MUST_BE(x->scenario->step(x), result);
  x->done = result == 0 && x->received == x->count;
}

/* ---- Sending ---- */

static inline int by_send(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent];
  int result = IN(fdwire_conn_send(x->conn, msg->body, msg->body_len, x->scenario->timeout));
  x->sent += result >= 0;
  return result;
}

static inline int flushes(struct exchange *x) {
  int result;
  do
    result = IN(fdwire_conn_flush(x->conn, x->scenario->timeout));
  while (!run.stuck && x->scenario->timeout == 0 &&
         ((result == -EAGAIN && goes_on(writes_to(x), POLLOUT)) ||
          (result == -ETOOMANYREFS && run.hit == SEND_FDS)));
  return result;
}

static inline int ends(struct exchange *x) {
  int result = x->scenario->ending == SHUT ? flushes(x) : 0;
  if (x->scenario->ending == SHUT && result == 0) {
    result = IN(fdwire_conn_shutdown(x->conn, FDWIRE_SHUT_WR, 5000));
    return result == -EOPNOTSUPP && x->scenario->way == PIPE ? 0 : result;
  }
  if (x->scenario->ending == FINISHED) {
    uint64_t unsent = 0;
    result = IN(fdwire_conn_finish(x->conn, &unsent, 5000));
    MUST(result < 0 || unsent == 0);
    return result;
  }
  return flushes(x);
}

static inline void look_at_sink(struct exchange *x) {
  while (!x->sees_end && (peer_drains() || (x->drained < x->len && x->told == 0 &&
                                            is_ready(drains_from(x), POLLIN, run.patience_ms)))) {
  }
  MUST(x->drained <= x->len && memcmp(x->sink, x->stream, x->drained) == 0);
}

/* What goes wrong lasts; what the peer got is the beginning of what was sent. */
static inline void sends(struct exchange *x) {
  int result = 0, fds = x->scenario->traits & WITH_FDS;
  open_exchange(x, 1);
  run.peer = peer_drains;
  result = IN(fdwire_conn_new(x->scenario->way == PIPE ? -1 : x->ours, x->ours, x->format, &x->conn));
  tell(x, result);
  if (result < 0)
    return;
  set_traits(x);
  while (x->sent < x->count && result >= 0 && !run.stuck) {
    tell(x, result = x->scenario->step(x));
    asks(x);
  }
  if (result >= 0)
    tell(x, result = ends(x));
  if (result < 0 && x->scenario->ending == LEFT_OPEN && run.hit >= 0 && writes((enum call)run.hit))
    MUST_BE(IN(fdwire_conn_flush(x->conn, 0)), result);
  look_at_sink(x);
  x->done = x->sent == x->count && x->drained == x->len && result == 0;
  MUST(!x->done || !fds || x->got_fds == x->count);
}

/* ---- Both at once ---- */

/* Sends back what comes. A receive that is about to wait sends what waits; if that goes wrong, the next
   send tells. */
static inline void echoes(struct exchange *x) {
  fdwire_msg msg;
  int sent = 0, got = 1;
  if (x->scenario->way == PIPE)
    open_two_pipes(x);
  else
    open_exchange(x, 1);
  run.peer = peer_does_both;
  int result = IN(fdwire_conn_new(x->ours, writes_to(x), x->format, &x->conn));
  tell(x, result);
  if (result < 0)
    return;
  set_traits(x);
  while (!run.stuck && sent >= 0 && (got == 1 || comes_later(x, got) || got == -ENOMEM)) {
    got = IN(fdwire_conn_recv(x->conn, &msg, x->scenario->timeout));
    if (got == 1) {
      comes(x, msg.body, msg.body_len);
      sent = IN(fdwire_conn_queue(x->conn, &msg, 1));
    } else if (got == -ENOMEM)
      tell(x, got);
    asks(x);
  }
  tell(x, got == -EAGAIN ? 0 : got);
  tell(x, sent);
  if (sent >= 0 && got >= 0)
    tell(x, sent = flushes(x));
  look_at_sink(x);
  x->done = got == 0 && sent == 0 && x->received == x->count && x->drained == x->len;
}

/* ---- Scenarios ---- */

static const char *const formats[] = {
    "u32be",     "u32be max=4K",        "u16be at=1 counts=field", "varint",
    "netstring", "fixed size=9",        "u16le pad=8 tail='!'",    "line",
    "crlf",      "delimited by='||','|;'", "headers length='Content-Length'",
    "select u8 { 0: u16be at=1 pad=4; else: crlf }"};
#define FORMATS (sizeof formats / sizeof *formats)

static const int timeouts[] = {-1, 5000, 0};

static struct scenario scenarios[4000];
static size_t scenario_count;

struct way_of {
  const char *name;
  int (*step)(struct exchange *x);
};

static inline struct scenario *add(const struct way_of *by, void (*played)(struct exchange *x),
                                   const char *format, int way, int timeout, int traits) {
  struct scenario *scenario = &scenarios[scenario_count++];
  NEED(scenario_count < sizeof scenarios / sizeof *scenarios);
  scenario->name = by->name;
  scenario->play = played;
  scenario->step = by->step;
  scenario->format = format;
  scenario->way = way;
  scenario->timeout = timeout;
  scenario->traits = traits;
  return scenario;
}

#endif
