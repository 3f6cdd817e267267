/* Every fault at every system call of a connection, in both directions, by every call that sends or
   receives. See sweep.h. */
#include "sweep.h"

#include <sys/mman.h>

/* ---- Receiving ---- */

/* A body came: it is the next one that was sent. */
static void comes(struct exchange *x, const void *body, size_t len) {
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

static int by_recv(struct exchange *x) {
  fdwire_msg msg;
  int result = IN(fdwire_conn_recv(x->conn, &msg, x->scenario->timeout));
  if (result == 1)
    comes(x, msg.body, msg.body_len);
  return result;
}

static int by_recv_many(struct exchange *x) {
  fdwire_msg msgs[3];
  size_t count = 0;
  int result = IN(fdwire_conn_recv_many(x->conn, msgs, 3, &count, x->scenario->timeout));
  for (size_t i = 0; result == 1 && i < count; i++)
    comes(x, msgs[i].body, msgs[i].body_len);
  return result;
}

static int by_recv_into(struct exchange *x) {
  size_t len = 0;
  int result = IN(fdwire_conn_recv_into(x->conn, room, sizeof room, &len, x->scenario->timeout));
  if (result == 1)
    comes(x, room, len);
  return result;
}

static int by_recv_packed(struct exchange *x) {
  size_t lens[3], count = 0, at = 0;
  int result =
      IN(fdwire_conn_recv_packed(x->conn, room, sizeof room, lens, 3, &count, x->scenario->timeout));
  for (size_t i = 0; result == 1 && i < count; at += lens[i++])
    comes(x, room + at, lens[i]);
  return result;
}

/* At most 100 bytes at a time, or 4000 of a large body. */
static int by_parts(struct exchange *x) {
  int result, timeout = x->scenario->timeout;
  if (!x->begun) {
    fdwire_msg head;
    uint64_t len = 0;
    result = IN(fdwire_conn_recv_begin(x->conn, &head, &len, timeout));
    x->begun = result == 1;
    x->part = 0;
    return result;
  }
  size_t got = 0, most = least(x->scenario->traits & LARGE ? 4000 : 100, sizeof room - x->part);
  result = IN(fdwire_conn_recv_part(x->conn, room + x->part, most, &got, timeout));
  x->part += got;
  if (result != 0)
    return result;
  x->begun = 0;
  comes(x, room, x->part);
  return 1;
}

static void set_traits(struct exchange *x) {
  int traits = x->scenario->traits;
  if (traits & ALONE)
    NEED(fdwire_conn_set(x->conn, FDWIRE_ONE_THREAD, FDWIRE_BOTH) == 0);
  if (traits & POLLED)
    NEED(fdwire_conn_set(x->conn, FDWIRE_POLLED, 1) == 0);
  if (traits & BATCHED)
    NEED(fdwire_conn_set(x->conn, FDWIRE_BATCH, 60) == 0);
  if (traits & WITH_FDS)
    NEED(fdwire_conn_set(x->conn, FDWIRE_TAKE_FDS, 1) == 0);
}

/* Without time, the test does the waiting. */
static int comes_later(const struct exchange *x, int result) {
  return result == -EAGAIN && x->scenario->timeout == 0 && goes_on(x->ours, POLLIN);
}

/* Receives until something else than a message comes. */
static int receives_on(struct exchange *x) {
  int result;
  do
    result = x->scenario->step(x);
  while (!run.stuck && (result == 1 || comes_later(x, result)));
  return result;
}

/* What passes, passes without a loss; all else lasts. */
static void receives(struct exchange *x) {
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
  if (run.fault == NULL || run.fault->sort != RAGGED)
    MUST_BE(x->scenario->step(x), result);
  x->done = result == 0 && x->received == x->count;
}

/* ---- Sending ---- */

static int by_send(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent];
  int result = IN(fdwire_conn_send(x->conn, msg->body, msg->body_len, x->scenario->timeout));
  x->sent += result >= 0;
  return result;
}

static int by_send_many(struct exchange *x) {
  size_t count = least(2, x->count - x->sent);
  int result =
      IN(fdwire_conn_send_many(x->conn, x->msgs + x->sent, count, x->scenario->timeout));
  x->sent += result >= 0 ? count : 0;
  return result;
}

static int by_send_packed(struct exchange *x) {
  size_t count = least(2, x->count - x->sent), lens[2];
  for (size_t i = 0; i < count; i++) /* whose bodies lie one behind another */
    lens[i] = x->msgs[x->sent + i].body_len;
  int result = IN(
      fdwire_conn_send_packed(x->conn, x->msgs[x->sent].body, lens, count, x->scenario->timeout));
  x->sent += result >= 0 ? count : 0;
  return result;
}

static int by_queue(struct exchange *x) {
  size_t count = least(3, x->count - x->sent);
  int result = IN(fdwire_conn_queue(x->conn, x->msgs + x->sent, count));
  if (result < 0)
    return result;
  x->sent += count;
  result = IN(fdwire_conn_flush(x->conn, x->scenario->timeout));
  return result == -EAGAIN ? (int)FDWIRE_PENDING : result;
}

static int by_send_parts(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent];
  int result, timeout = x->scenario->timeout;
  if (!x->begun) {
    result = IN(fdwire_conn_send_begin(x->conn, NULL, 0, msg->body_len, timeout));
    x->begun = result >= 0 && msg->body_len > 0;
    x->part = 0;
    x->sent += result >= 0 && msg->body_len == 0;
    return result;
  }
  size_t len = least(msg->body_len - x->part, x->scenario->traits & LARGE ? 4000 : 50);
  result = IN(fdwire_conn_send_part(x->conn, msg->body + x->part, len, timeout));
  x->part += result >= 0 ? len : 0;
  if (x->part == msg->body_len) {
    x->begun = 0;
    x->sent++;
  }
  return result;
}

static int file_fd; /* has all bodies, one behind another */

static int by_send_file(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent], *last = &x->msgs[x->count - 1];
  const uint8_t *bodies = x->msgs[0].body;
  if (x->sent == 0)
    NEED(pwrite(file_fd, bodies, (size_t)(last->body - bodies) + last->body_len, 0) > 0);
  int result = IN(fdwire_conn_send_file(x->conn, file_fd, (uint64_t)(msg->body - bodies),
                                        msg->body_len, x->scenario->timeout));
  x->sent += result >= 0;
  return result;
}

static int by_send_fds(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent];
  int result = IN(fdwire_conn_send_fds(x->conn, msg->body, msg->body_len, &null_fd, 1,
                                       x->scenario->timeout));
  if (result == -ETOOMANYREFS && run.hit == SEND_FDS) /* it passes */
    return FDWIRE_PENDING;
  x->sent += result >= 0;
  return result;
}

static int flushes(struct exchange *x) {
  int result;
  do
    result = IN(fdwire_conn_flush(x->conn, x->scenario->timeout));
  while (!run.stuck && ((result == -EAGAIN && goes_on(x->ours, POLLOUT)) ||
                        (result == -ETOOMANYREFS && run.hit == SEND_FDS)));
  return result;
}

static int ends(struct exchange *x) {
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

static void look_at_sink(struct exchange *x) {
  while (!x->sees_end && (peer_drains() || (x->drained < x->len && x->told == 0 &&
                                            is_ready(x->theirs, POLLIN, run.patience_ms)))) {
  }
  MUST(x->drained <= x->len && memcmp(x->sink, x->stream, x->drained) == 0);
}

/* What goes wrong lasts; what the peer got is the beginning of what was sent. */
static void sends(struct exchange *x) {
  int result = 0, fds = x->scenario->traits & WITH_FDS;
  open_exchange(x, 1);
  run.peer = peer_drains;
  result = IN(fdwire_conn_new(x->scenario->way == PIPE ? -1 : x->ours, x->ours, x->format, &x->conn));
  tell(x, result);
  if (result < 0)
    return;
  set_traits(x);
  while (x->sent < x->count && result >= 0 && !run.stuck)
    result = x->scenario->step(x);
  tell(x, result);
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
static void echoes(struct exchange *x) {
  fdwire_msg msg;
  int sent = 0, got = 1;
  open_exchange(x, 1);
  run.peer = peer_does_both;
  int result = IN(fdwire_conn_new(x->ours, x->ours, x->format, &x->conn));
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
  }
  tell(x, got == -EAGAIN ? 0 : got);
  tell(x, sent);
  if (sent >= 0 && got >= 0)
    tell(x, sent = flushes(x));
  look_at_sink(x);
  x->done = got == 0 && sent == 0 && x->received == x->count && x->drained == x->len;
}

/* ---- All of it ---- */

static const char *const formats[] = {
    "u32be",     "u32be max=4K",        "u16be at=1 counts=field", "varint",
    "netstring", "fixed size=9",        "u16le pad=8 tail='!'",    "line",
    "crlf",      "delimited by='||','|;'", "headers length='Content-Length'",
    "select u8 { 0: u16be at=1 pad=4; else: crlf }"};
#define FORMATS (sizeof formats / sizeof *formats)

static const int timeouts[] = {-1, 5000, 0};

static struct scenario scenarios[4000];
static size_t scenario_count;

static const struct way_of {
  const char *name;
  int (*step)(struct exchange *x);
} receiving[] = {{"fdwire_conn_recv", by_recv},
                 {"fdwire_conn_recv_many", by_recv_many},
                 {"fdwire_conn_recv_into", by_recv_into},
                 {"fdwire_conn_recv_packed", by_recv_packed},
                 {"fdwire_conn_recv_part", by_parts}},
  sending[] = {{"fdwire_conn_send", by_send},
               {"fdwire_conn_send_many", by_send_many},
               {"fdwire_conn_send_packed", by_send_packed},
               {"fdwire_conn_queue", by_queue},
               {"fdwire_conn_send_part", by_send_parts},
               {"fdwire_conn_send_file", by_send_file}};
#define RECEIVING (sizeof receiving / sizeof *receiving)
#define SENDING (sizeof sending / sizeof *sending)

static struct scenario *add(const struct way_of *by, void (*played)(struct exchange *x),
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

/* Messages that are told by what is in them can only be sent whole. */
static int is_sent_whole(const char *format) {
  return strchr("lcds", format[0]) != NULL && strncmp(format, "select", 6) != 0;
}

static void add_all(const char *format, int way, int timeout, int traits, size_t turn) {
  for (size_t i = 0; i < RECEIVING; i++)
    add(&receiving[i], receives, format, way, timeout, traits)->piece = traits & LARGE  ? 2500
                                                                        : (turn + i) % 2 ? 7
                                                                                         : 0;
  for (size_t i = 0; i < SENDING; i++) {
    if (i >= 4 && (is_sent_whole(format) || strncmp(format, "select", 6) == 0))
      continue;
    struct scenario *scenario = add(&sending[i], sends, format, way, timeout, traits);
    scenario->piece = traits & LARGE ? 3000 : 0;
    scenario->ending = (int)((turn + i) % 3);
  }
}

static void add_with_fds(int timeout) {
  static const struct way_of with_fds = {"fdwire_conn_send_fds", by_send_fds};
  add(&with_fds, sends, "u32be", UNIX_SOCKET, timeout, WITH_FDS);
  for (size_t i = 0; i < RECEIVING; i++)
    add(&receiving[i], receives, "u32be", UNIX_SOCKET, timeout, WITH_FDS)->piece = i % 2;
}

int main(int argc, char **argv) {
  static const struct way_of echo = {"an echo", NULL};
  size_t turn = 0;
  for (size_t i = 0; i < 3; i++) {
    EACH_WAY(way) {
      for (size_t format = 0; format < FORMATS; format++, turn++) {
        int traits = (turn % 2 ? NONBLOCKING : 0) | (turn % 3 == 0 ? ALONE : 0);
        add_all(formats[format], way, timeouts[i], traits, turn);
        if (way != PIPE)
          add(&echo, echoes, formats[format], way, timeouts[i], traits)->piece = 40;
      }
      add_all("u32be", way, timeouts[i], LARGE, 0);
      add_all("line", way, timeouts[i], LARGE | NONBLOCKING, 1);
      add_all("u32be", way, timeouts[i], BATCHED | POLLED, 2);
    }
    add_with_fds(timeouts[i]);
  }
  file_fd = memfd_create("bodies", MFD_CLOEXEC);
  NEED(file_fd >= 0);
  int result = sweep_all(scenarios, scenario_count, argc, argv);
  close(file_fd);
  return result;
}
