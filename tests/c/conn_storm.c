/* Nothing lost, nothing twice: every call of two connections in random order, over a stream that
   moves as little as it likes, then over real descriptors and in several threads. Every message
   follows from the seed, its direction and its number, so whoever receives it knows what it is.

   conn_storm [SEED [MESSAGES [PART]]]: that many in each direction. What went wrong says in which
   round; its number is the seed to see it again, as far as threads do it again. */
#include "stream.h"

#include <netinet/in.h>

#define BLOCK ((size_t)3 << 20)
#define LONGEST (((size_t)1 << 20) + 99)
#define EPOCH 40 /* messages of one format */
#define ROUND 100 /* messages of a pair of connections */
#define STRICT 4096
#define MANY 24

/* What is particular about a format. */
enum {
  LETTERS = 1, /* some bytes cannot be in a body */
  WHOLE = 2,   /* what is in a message tells where it ends */
  HEADED = 4,  /* half of the messages bring a head */
  CHOOSES = 8, /* ... whose first byte chooses */
  STRICTER = 16 /* the receiver takes less: what is too long is skipped */
};

static const struct wire {
  const char *text;
  size_t max; /* 0: any; else the most in a body */
  int traits;
} wires[] = {
    {"u32be max=16M", 0, 0},
    {"u32be max=8M", 0, STRICTER},
    {"u16be counts=frame", 65533, 0},
    {"varint", 0, 0},
    {"line max=4M", 0, LETTERS | WHOLE},
    {"netstring", 0, 0},
    {"headers length='Content-Length'", 0, 0},
    {"delimited start='$' by='#' trail=2", 0, LETTERS | WHOLE},
    {"fixed size=1000", 1000, 0},
    {"u64be at=3 head=16", 0, HEADED},
    {"select u8 { 1: u32be at=1 pad=4; 2: u16be at=1 max=60000 }", 60000, HEADED | CHOOSES},
    {"select u8 { 1: u32be at=1 pad=4; 2: u16be at=1; else: crlf }", 60000,
     HEADED | CHOOSES | WHOLE},
    {"u16le pad=8 tail='!'", 65535, 0},
    {"hex digits=4 counts=field bodiless=0..3", 65531, 0},
    {"u8", 255, 0},
};
#define WIRES (sizeof wires / sizeof *wires)

static fdwire_format *formats[WIRES], *strict;
static uint8_t *blocks[2]; /* any bytes; letters */
static FILE *files[2];     /* the same */

/* What the program was asked for. */
static uint64_t first_seed, all_messages;

/* What both sides of a round know. */
static uint64_t round_seed, round_messages;
static const char *round_way;
static size_t longest_whole;

struct side {
  fdwire_conn *conn;
  struct side *peer;
  struct end end;
  struct dice in_dice, out_dice, end_dice;
  unsigned direction; /* of what it sends */
  int in_memory, alone, patient, nested, hurry;
  int one_thread; /* as FDWIRE_ONE_THREAD is set */
  int cancels, cancelled;
  uint64_t total, limit, batch;
  /* sending */
  size_t out_wire;
  uint64_t sent, accepted;
  int out_open, with_files;
  uint64_t out_left, out_head, out_tail;
  /* receiving */
  size_t in_wire;
  uint64_t received, skipped, delivered;
  int in_open, ended;
  uint64_t in_at;
  size_t lent;
  fdwire_msg lent_msgs[MANY];
  int fds[2];
};

static void give_up(struct side *side, int line, const char *what, long long value) {
  char why[300];
  fdwire_conn_explain(side->conn, why, sizeof why);
  printf("conn_storm.c:%d: %s: %lld (%s)\n", line, what, value, fdwire_error_name((int)value));
  printf("side %u of round %llu %s: sent %llu, received %llu of %llu; %s\n", side->direction,
         (unsigned long long)round_seed, round_way, (unsigned long long)side->sent,
         (unsigned long long)side->received, (unsigned long long)side->total, why);
  fflush(stdout);
  _exit(1);
}
#define MUST(side, condition)                                                             \
  do {                                                                                    \
    if (!(condition))                                                                     \
      give_up(side, __LINE__, #condition, 0);                                             \
  } while (0)
#define MUST_BE(side, value, expected)                                                    \
  do {                                                                                    \
    long long value_ = (long long)(value);                                                \
    if (value_ != (long long)(expected))                                                  \
      give_up(side, __LINE__, #value " is not " #expected, value_);                       \
  } while (0)

/* ---- The messages ---- */

struct spec {
  size_t wire, len, offset, head_len;
  int letters;
  uint8_t head[16];
};

static size_t size_of(struct dice *dice) {
  size_t kind = below(dice, 1000);
  if (kind < 80)
    return kind % 3;
  if (kind < 600)
    return below(dice, 120);
  if (kind < 800)
    return 1900 + below(dice, 300);
  if (kind < 960)
    return below(dice, 9000);
  if (kind < 990)
    return 65500 + below(dice, 80);
  return kind < 998 ? 262100 + below(dice, 100) : LONGEST - below(dice, 200);
}

static size_t wire_of(unsigned direction, uint64_t n) {
  return (size_t)(scattered(round_seed * 2 + direction + (n / EPOCH << 32)) % WIRES);
}

/* Behind it the format changes, or the stream ends: it is not skipped before it is there. */
static int is_last(uint64_t n) { return n % EPOCH == EPOCH - 1 || n + 1 == round_messages; }

static struct spec spec_of(unsigned direction, uint64_t n) {
  struct dice dice = dice_of(scattered(round_seed * 2 + direction) ^ scattered(n));
  struct spec spec;
  memset(&spec, 0, sizeof spec);
  spec.wire = wire_of(direction, n);
  const struct wire *wire = &wires[spec.wire];
  spec.len = strncmp(wire->text, "fixed", 5) == 0 ? wire->max : size_of(&dice);
  if (wire->max > 0)
    spec.len %= wire->max + 1;
  if (wire->traits & WHOLE)
    spec.len = least(spec.len, longest_whole);
  if ((wire->traits & STRICTER) && is_last(n))
    spec.len %= STRICT;
  spec.letters = (wire->traits & LETTERS) != 0;
  spec.offset = below(&dice, BLOCK - spec.len);
  if ((wire->traits & HEADED) && one_in(&dice, 2)) {
    uint64_t bytes[2] = {roll(&dice), roll(&dice)};
    memcpy(spec.head, bytes, sizeof bytes);
    spec.head_len = sizeof spec.head;
    if (wire->traits & CHOOSES) {
      spec.head[0] = (uint8_t)(1 + below(&dice, 2));
      spec.head_len = spec.head[0] == 1 ? 5 : 3;
    }
  }
  return spec;
}

static int too_long(const struct spec *spec) {
  return (wires[spec->wire].traits & STRICTER) && spec->len > STRICT;
}

static const uint8_t *body_of(const struct spec *spec) {
  return blocks[spec->letters] + spec->offset;
}

static fdwire_msg msg_of(const struct spec *spec, const uint8_t *body) {
  fdwire_msg msg = {spec->head_len > 0 ? spec->head : NULL, body, spec->head_len, spec->len, 0};
  return msg;
}

static size_t frame_len_of(struct side *side, const struct spec *spec) {
  size_t len = 0;
  fdwire_msg msg = msg_of(spec, body_of(spec));
  MUST_BE(side, fdwire_encode(formats[spec->wire], &msg, NULL, 0, &len), -ENOBUFS);
  return len;
}

static size_t head_len_of(struct side *side, const struct spec *spec) {
  size_t len = 0;
  const uint8_t *head = spec->head_len > 0 ? spec->head : NULL;
  const fdwire_format *format = formats[spec->wire];
  int result = fdwire_format_head(format, head, spec->head_len, spec->len, NULL, 0, &len);
  MUST(side, result == -ENOBUFS || (result == 0 && len == 0));
  return len;
}

/* ---- What holds at any time ---- */

static uint64_t reads_of(struct side *side) {
  return side->in_memory ? side->end.reads : stats_of(side->conn).reads;
}

static void check_counts(struct side *side, const fdwire_stats *stats) {
  if (side->in_memory) {
    MUST_BE(side, stats->reads, side->end.reads);
    MUST_BE(side, stats->writes, side->end.writes);
    MUST_BE(side, stats->bytes_in, side->end.got);
    MUST_BE(side, stats->bytes_out, side->end.gave);
  }
  if (!side->out_open)
    MUST_BE(side, stats->messages_out, side->sent);
  if (!side->in_open)
    MUST(side, stats->messages_in <= side->received &&
                   stats->messages_in + side->skipped >= side->received);
  if (!side->in_open && stats->bytes_in >= side->delivered)
    MUST_BE(side, stats->buffered, stats->bytes_in - side->delivered);
  MUST_BE(side, stats->pending, fdwire_conn_pending(side->conn));
}

/* What was accepted is with the kernel or pending, and a send's result says which. */
static void check_pending(struct side *side, int result) {
  if (!side->alone)
    return;
  uint64_t pending = fdwire_conn_pending(side->conn);
  fdwire_stats stats = stats_of(side->conn);
  uint64_t all = pending + stats.bytes_out;
  /* The head of a message that is sent in parts may have been accepted, or not yet. */
  if (all != side->accepted && (side->out_head == 0 || all != side->accepted + side->out_head))
    give_up(side, __LINE__, "bytes too many", (long long)(all - side->accepted));
  if (side->out_head == 0 && result == 0)
    MUST_BE(side, pending, 0);
  if (side->out_head == 0 && result == FDWIRE_PENDING)
    MUST(side, pending > 0);
  if (pending == 0)
    side->with_files = 0;
  if (one_in(&side->out_dice, 8))
    check_counts(side, &stats);
}

static int events_of(struct side *side) {
  int events = fdwire_conn_events(side->conn);
  MUST(side, events >= 0 && (events & ~(POLLIN | POLLOUT | FDWIRE_READY)) == 0);
  MUST(side, (events & (POLLIN | FDWIRE_READY)) != 0 && (!side->ended || !(events & POLLIN)));
  if (side->alone && side->out_head == 0)
    MUST_BE(side, (events & POLLOUT) != 0, fdwire_conn_pending(side->conn) > 0);
  return events;
}

static void consult(struct side *side) {
  char why[40];
  events_of(side);
  MUST(side, fdwire_conn_explain(side->conn, why, sizeof why) > 0);
  MUST(side, memchr(why, 0, sizeof why) != NULL);
  fdwire_stats stats = stats_of(side->conn);
  if (side->alone)
    check_counts(side, &stats);
}

static int timeout_of(struct side *side, struct dice *dice) {
  if (side->patient && !side->nested && one_in(dice, 4))
    return -1;
  return one_in(dice, side->hurry ? 100 : 3) ? 1 + (int)below(dice, 3) : 0;
}

/* Whether a call may say that it did nothing, having this timeout. */
static int came_to_nothing(struct side *side, int result, int timeout_ms) {
  return (result == -EAGAIN && timeout_ms == 0) || (result == -ETIMEDOUT && timeout_ms > 0) ||
         (result == -ECANCELED && side->cancels);
}

/* ---- Sending ---- */

static void set_out_format(struct side *side, size_t wire) {
  if (side->out_wire != wire)
    MUST_BE(side, fdwire_conn_set_format(side->conn, FDWIRE_OUT, formats[wire]), 0);
  side->out_wire = wire;
}

/* After a call that was to accept so many messages and bytes: it did, or it had a reason. */
static void check_accepted(struct side *side, int result, uint64_t messages, uint64_t bytes,
                           int timeout_ms) {
  uint64_t pending = fdwire_conn_pending(side->conn);
  if (result >= 0) {
    MUST(side, result == 0 || result == FDWIRE_PENDING);
    side->sent += messages;
    side->accepted += bytes;
    if (side->alone && timeout_ms >= 0 && !side->with_files && pending > side->limit)
      give_up(side, __LINE__, "pending", (long long)pending);
    if (timeout_ms < 0 && side->batch == 0 && !side->cancels)
      MUST_BE(side, result, 0);
  } else if (result == -EMSGSIZE) {
    MUST(side, bytes > side->limit && timeout_ms >= 0);
  } else if (result == -ENOBUFS) {
    MUST(side, bytes <= side->limit && timeout_ms >= 0);
    MUST(side, !side->alone || side->with_files || pending + bytes > side->limit);
  } else if (result != -ECANCELED || !side->cancels) {
    give_up(side, __LINE__, "sending", result);
  }
  check_pending(side, result);
}

/* A body in memory of its own, which is gone after the call. */
static uint8_t *lend(const struct spec *spec) {
  uint8_t *body = (uint8_t *)bytes_of(spec->len);
  memcpy(body, body_of(spec), spec->len);
  return body;
}

static void unlend(uint8_t *body, size_t len) {
  memset(body, 0xee, least(len, 5000));
  free(body);
}

static void send_one(struct side *side) {
  struct spec spec = spec_of(side->direction, side->sent);
  if (spec.head_len > 0)
    return;
  uint8_t *body = lend(&spec);
  int timeout_ms = timeout_of(side, &side->out_dice);
  int result = fdwire_conn_send(side->conn, spec.len > 0 ? body : NULL, spec.len, timeout_ms);
  unlend(body, spec.len);
  check_accepted(side, result, 1, frame_len_of(side, &spec), timeout_ms);
}

static void send_or_queue_many(struct side *side, int queues) {
  struct spec specs[MANY];
  uint8_t *bodies[MANY];
  fdwire_msg msgs[MANY];
  uint64_t left = least(side->total - side->sent, EPOCH - side->sent % EPOCH), bytes = 0;
  size_t count = least(left, one_in(&side->out_dice, 3) ? 1 : 1 + below(&side->out_dice, MANY));
  memset(msgs, 0, sizeof msgs);
  for (size_t i = 0; i < count; i++) {
    specs[i] = spec_of(side->direction, side->sent + i);
    bodies[i] = lend(&specs[i]);
    msgs[i] = msg_of(&specs[i], bodies[i]);
    bytes += frame_len_of(side, &specs[i]);
  }
  int timeout_ms = queues ? 0 : timeout_of(side, &side->out_dice);
  int result = queues ? fdwire_conn_queue(side->conn, msgs, count)
                      : fdwire_conn_send_many(side->conn, msgs, count, timeout_ms);
  for (size_t i = 0; i < count; i++)
    unlend(bodies[i], specs[i].len);
  MUST(side, !queues || result != 0);
  check_accepted(side, result, count, bytes, timeout_ms);
}

/* As far as they bring no heads. */
static void send_packed(struct side *side) {
  uint64_t left = least(side->total - side->sent, EPOCH - side->sent % EPOCH), bytes = 0;
  size_t most = least(left, 1 + below(&side->out_dice, MANY)), lens[MANY], count = 0, len = 0;
  struct spec specs[MANY];
  for (; count < most; count++) {
    specs[count] = spec_of(side->direction, side->sent + count);
    if (specs[count].head_len > 0)
      break;
    lens[count] = specs[count].len;
    len += lens[count];
    bytes += frame_len_of(side, &specs[count]);
  }
  if (count == 0)
    return;
  uint8_t *bodies = (uint8_t *)bytes_of(len);
  for (size_t i = 0, at = 0; i < count; at += lens[i++])
    memcpy(bodies + at, body_of(&specs[i]), lens[i]);
  int timeout_ms = timeout_of(side, &side->out_dice);
  int result =
      fdwire_conn_send_packed(side->conn, len > 0 ? bodies : NULL, lens, count, timeout_ms);
  unlend(bodies, len);
  check_accepted(side, result, count, bytes, timeout_ms);
}

static void send_from_file(struct side *side) {
  struct spec spec = spec_of(side->direction, side->sent);
  if (spec.head_len > 0)
    return;
  int timeout_ms = timeout_of(side, &side->out_dice), fd = fileno(files[spec.letters]);
  int result = fdwire_conn_send_file(side->conn, fd, spec.offset, spec.len, timeout_ms);
  if (wires[spec.wire].traits & WHOLE) {
    MUST_BE(side, result, -EOPNOTSUPP);
    return;
  }
  size_t frame = frame_len_of(side, &spec);
  if (result == -ENOBUFS) { /* for its head and tail */
    check_pending(side, result);
    return;
  }
  side->with_files = 1;
  check_accepted(side, result, 1, frame, timeout_ms);
}

static void begin_sending(struct side *side) {
  struct spec spec = spec_of(side->direction, side->sent);
  const uint8_t *head = spec.head_len > 0 ? spec.head : NULL;
  int timeout_ms = timeout_of(side, &side->out_dice);
  int result = fdwire_conn_send_begin(side->conn, head, spec.head_len, spec.len, timeout_ms);
  if (wires[spec.wire].traits & WHOLE) {
    MUST_BE(side, result, -EOPNOTSUPP);
    return;
  }
  if (result < 0) {
    if (result != -ENOBUFS && (result != -ECANCELED || !side->cancels))
      give_up(side, __LINE__, "beginning", result);
    check_pending(side, result);
    return;
  }
  size_t frame = frame_len_of(side, &spec);
  if (spec.len == 0) {
    check_accepted(side, result, 1, frame, timeout_ms);
    return;
  }
  side->out_head = head_len_of(side, &spec);
  side->out_tail = frame - side->out_head - spec.len;
  side->out_left = spec.len;
  side->out_open = 1;
  check_pending(side, result);
}

static void send_next_part(struct side *side) {
  struct spec spec = spec_of(side->direction, side->sent);
  size_t most = one_in(&side->out_dice, 4) ? LONGEST : 1 + below(&side->out_dice, 70000);
  size_t len = least(side->out_left, one_in(&side->out_dice, 8) ? below(&side->out_dice, 3) : most);
  int timeout_ms = timeout_of(side, &side->out_dice), last = len == side->out_left;
  uint8_t *part = (uint8_t *)bytes_of(len);
  memcpy(part, body_of(&spec) + (spec.len - side->out_left), len);
  int result = fdwire_conn_send_part(side->conn, len > 0 ? part : NULL, len, timeout_ms);
  unlend(part, len);
  uint64_t head = len > 0 ? side->out_head : 0, bytes = head + len + (last ? side->out_tail : 0);
  if (result >= 0) {
    side->out_head -= head;
    side->out_left -= len;
    side->out_open = !last;
  }
  check_accepted(side, result, last, bytes, timeout_ms);
}

/* What cannot be done in the middle of a message. */
static void be_busy(struct side *side) {
  fdwire_msg msg = {NULL, NULL, 0, 0, 0};
  MUST_BE(side, fdwire_conn_send(side->conn, "x", 1, 0), -EBUSY);
  MUST_BE(side, fdwire_conn_send_many(side->conn, &msg, 1, 0), -EBUSY);
  MUST_BE(side, fdwire_conn_send_packed(side->conn, NULL, &msg.body_len, 1, 0), -EBUSY);
  MUST_BE(side, fdwire_conn_queue(side->conn, &msg, 1), -EBUSY);
  MUST_BE(side, fdwire_conn_send_begin(side->conn, NULL, 0, 1, 0), -EBUSY);
  MUST_BE(side, fdwire_conn_send_file(side->conn, fileno(files[0]), 0, 1, 0), -EBUSY);
  MUST_BE(side, fdwire_conn_set_format(side->conn, FDWIRE_OUT, NULL), -EBUSY);
}

static void flush(struct side *side) {
  int timeout_ms = timeout_of(side, &side->out_dice);
  int result = fdwire_conn_flush(side->conn, timeout_ms);
  MUST(side, result == 0 || came_to_nothing(side, result, timeout_ms));
  check_pending(side, result == 0 ? 0 : FDWIRE_PENDING);
}

static void send_something(struct side *side) {
  size_t what = below(&side->out_dice, 18);
  if (side->out_open && what == 0)
    be_busy(side);
  else if (side->out_open && what < 16)
    send_next_part(side);
  else if (side->sent == side->total || what >= 16)
    flush(side);
  else {
    set_out_format(side, wire_of(side->direction, side->sent));
    if (what < 5)
      send_one(side);
    else if (what < 11)
      send_or_queue_many(side, what >= 8);
    else if (what < 13)
      send_packed(side);
    else if (what < 14)
      send_from_file(side);
    else
      begin_sending(side);
  }
}

/* ---- Receiving ---- */

static void set_in_format(struct side *side, size_t wire) {
  fdwire_format *format = wires[wire].traits & STRICTER ? strict : formats[wire];
  if (side->in_wire != wire)
    MUST_BE(side, fdwire_conn_set_format(side->conn, FDWIRE_IN, format), 0);
  side->in_wire = wire;
}

static void check_received(struct side *side, uint64_t n, const fdwire_msg *msg) {
  struct spec spec = spec_of(!side->direction, n);
  fdwire_msg expected = msg_of(&spec, body_of(&spec));
  size_t len = frame_len_of(side, &spec), head_len = head_len_of(side, &spec);
  uint8_t *frame = (uint8_t *)bytes_of(len);
  MUST_BE(side, fdwire_encode(formats[spec.wire], &expected, frame, len, &len), 0);
  MUST_BE(side, msg->body_len, spec.len);
  MUST_BE(side, msg->head_len, head_len);
  MUST_BE(side, msg->head_len + msg->body_len + msg->tail_len, len);
  MUST(side, msg->body == msg->head + msg->head_len);
  MUST(side, memcmp(msg->head, frame, len) == 0);
  free(frame);
}

/* What was lent is there until the next receive, whatever is sent meanwhile. */
static void check_lent(struct side *side) {
  for (size_t i = 0; i < side->lent; i++)
    check_received(side, side->received - side->lent + i, &side->lent_msgs[i]);
}

static void got_whole(struct side *side, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct spec spec = spec_of(!side->direction, side->received + i);
    side->delivered += frame_len_of(side, &spec);
  }
  side->received += count;
}

/* A connection in which nothing waits holds nothing. */
static void check_idle(struct side *side) {
  if (!side->alone)
    return;
  fdwire_stats stats = stats_of(side->conn);
  if (stats.buffered == 0 && stats.pending == 0 && stats.memory > 0)
    give_up(side, __LINE__, "memory of an idle connection", (long long)stats.memory);
}

/* Deals with a receive that gave no message; 1 if it gave one. */
static int gave_one(struct side *side, int result, int timeout_ms) {
  if (result == 1)
    return 1;
  if (result == FDWIRE_E_TOO_LONG) {
    struct spec spec = spec_of(!side->direction, side->received);
    fdwire_msg msg;
    MUST(side, side->received < side->total && too_long(&spec));
    if (one_in(&side->in_dice, 2))
      MUST_BE(side, fdwire_conn_recv(side->conn, &msg, 0), FDWIRE_E_TOO_LONG);
    MUST_BE(side, fdwire_conn_skip(side->conn), 0);
    side->skipped++;
    got_whole(side, 1);
  } else if (result == 0) {
    MUST_BE(side, side->received, side->total);
    MUST(side, !side->in_memory || side->end.in->ended == 0);
    side->ended = 1;
  } else if (came_to_nothing(side, result, timeout_ms)) {
    check_idle(side);
  } else {
    give_up(side, __LINE__, "receiving", result);
  }
  return 0;
}

static int receive_one(struct side *side, int timeout_ms) {
  int result = fdwire_conn_recv(side->conn, &side->lent_msgs[0], timeout_ms);
  if (gave_one(side, result, timeout_ms)) {
    got_whole(side, 1);
    side->lent = 1;
    check_lent(side);
  }
  return result;
}

static int receive_many(struct side *side, int timeout_ms) {
  size_t left = EPOCH - side->received % EPOCH, count = 99;
  size_t cap = least(left, 1 + below(&side->in_dice, MANY));
  int result = fdwire_conn_recv_many(side->conn, side->lent_msgs, cap, &count, timeout_ms);
  if (gave_one(side, result, timeout_ms)) {
    MUST(side, count > 0 && count <= cap);
    got_whole(side, count);
    side->lent = count;
    check_lent(side);
  }
  return result;
}

static int receive_into(struct side *side, int timeout_ms) {
  struct spec spec = spec_of(!side->direction, side->received);
  struct dice *dice = &side->in_dice;
  size_t cap = spec.len + (one_in(dice, 2) ? 0 : below(dice, 9000)), len = 99;
  if (one_in(dice, 4))
    cap = below(dice, spec.len + 1);
  uint8_t *body = (uint8_t *)bytes_of(cap);
  int result = fdwire_conn_recv_into(side->conn, cap > 0 ? body : NULL, cap, &len, timeout_ms);
  if (result == -ENOBUFS) {
    MUST(side, side->received < side->total && cap < spec.len);
    MUST_BE(side, len, spec.len);
  } else if (gave_one(side, result, timeout_ms)) {
    MUST_BE(side, len, spec.len);
    MUST(side, len <= cap && memcmp(body, body_of(&spec), len) == 0);
    got_whole(side, 1);
  }
  unlend(body, cap);
  return result;
}

static int receive_packed(struct side *side, int timeout_ms) {
  struct spec spec = spec_of(!side->direction, side->received);
  struct dice *dice = &side->in_dice;
  size_t most = least(EPOCH - side->received % EPOCH, 1 + below(dice, MANY)), lens[MANY];
  size_t cap = below(dice, one_in(dice, 4) ? spec.len + 1 : spec.len + 9000), count = 99, at = 0;
  uint8_t *bodies = (uint8_t *)bytes_of(cap);
  int result = fdwire_conn_recv_packed(side->conn, cap > 0 ? bodies : NULL, cap, lens, most, &count,
                                       timeout_ms);
  if (result == -ENOBUFS) {
    MUST(side, side->received < side->total && cap < spec.len);
    MUST_BE(side, lens[0], spec.len);
  } else if (gave_one(side, result, timeout_ms)) {
    MUST(side, count > 0 && count <= most);
    for (size_t i = 0; i < count; at += lens[i++]) {
      spec = spec_of(!side->direction, side->received + i);
      MUST_BE(side, lens[i], spec.len);
      MUST(side, at + lens[i] <= cap && memcmp(bodies + at, body_of(&spec), lens[i]) == 0);
    }
    got_whole(side, count);
  }
  unlend(bodies, cap);
  return result;
}

static int begin_receiving(struct side *side, int timeout_ms) {
  struct spec spec = spec_of(!side->direction, side->received);
  fdwire_msg head;
  uint64_t body_len = 99;
  int result = fdwire_conn_recv_begin(side->conn, &head, &body_len, timeout_ms);
  if (gave_one(side, result, timeout_ms)) {
    uint8_t *bytes = (uint8_t *)bytes_of(head.head_len);
    const uint8_t *given = spec.head_len > 0 ? spec.head : NULL;
    const fdwire_format *format = formats[spec.wire];
    size_t cap = head.head_len, len = 0;
    int made = fdwire_format_head(format, given, spec.head_len, spec.len, bytes, cap, &len);
    MUST_BE(side, made, 0);
    MUST_BE(side, body_len, spec.len);
    MUST_BE(side, head.head_len, len);
    MUST(side, memcmp(head.head, bytes, len) == 0 && head.body_len == 0);
    free(bytes);
    side->in_open = 1;
    side->in_at = 0;
  }
  return result;
}

static int receive_part(struct side *side, int timeout_ms) {
  struct spec spec = spec_of(!side->direction, side->received);
  size_t cap = 1 + below(&side->in_dice, one_in(&side->in_dice, 4) ? LONGEST : 9000), got = 0;
  uint8_t *part = (uint8_t *)bytes_of(cap);
  int result = fdwire_conn_recv_part(side->conn, part, cap, &got, timeout_ms);
  if (result == 1) {
    MUST(side, got > 0 && got <= cap && side->in_at + got <= spec.len);
    MUST(side, memcmp(part, body_of(&spec) + side->in_at, got) == 0);
    side->in_at += got;
  } else if (result == 0) {
    MUST_BE(side, side->in_at, spec.len);
    got_whole(side, 1);
    side->in_open = 0;
  } else if (came_to_nothing(side, result, timeout_ms)) {
    check_idle(side);
  } else {
    give_up(side, __LINE__, "receiving a part", result);
  }
  free(part);
  return result;
}

static int go_on_with_parts(struct side *side, int timeout_ms) {
  const void *rest;
  size_t len;
  fdwire_msg msg;
  if (one_in(&side->in_dice, 20)) {
    MUST_BE(side, fdwire_conn_recv(side->conn, &msg, timeout_ms), -EBUSY);
    MUST_BE(side, fdwire_conn_unread(side->conn, &rest, &len), -EBUSY);
    MUST_BE(side, fdwire_conn_set_format(side->conn, FDWIRE_IN, NULL), -EBUSY);
  }
  if (one_in(&side->in_dice, 20) && !is_last(side->received)) {
    MUST_BE(side, fdwire_conn_skip(side->conn), 0);
    side->in_open = 0;
    side->skipped++;
    got_whole(side, 1);
    return -EBUSY; /* for what follows, there was no receive */
  }
  return receive_part(side, timeout_ms);
}

/* Calls in both directions are no receiving thread's where sending has one of its own. */
static int may_ask(const struct side *side) {
  return side->alone || !(side->one_thread & FDWIRE_OUT);
}

static void receive_something(struct side *side) {
  int timeout_ms = timeout_of(side, &side->in_dice), result, exact = 0, ready;
  int asked = may_ask(side) && one_in(&side->in_dice, 2);
  if (side->received == side->total && timeout_ms < 0)
    return;
  if (asked && !side->in_open && side->received < side->total && one_in(&side->in_dice, 2))
    events_of(side); /* which changes nothing, whatever the next format makes of the bytes */
  if (!side->in_open && side->received < side->total)
    set_in_format(side, wire_of(!side->direction, side->received));
  ready = asked && (events_of(side) & FDWIRE_READY);
  side->lent = 0;
  uint64_t reads = asked ? reads_of(side) : 0;
  size_t what = below(&side->in_dice, 14);
  if (side->in_open)
    result = go_on_with_parts(side, timeout_ms);
  else if (what < 4)
    exact = 1, result = receive_one(side, timeout_ms);
  else if (what < 8 && side->received < side->total)
    exact = 1, result = receive_many(side, timeout_ms);
  else if (what < 10 && side->received < side->total)
    result = receive_into(side, timeout_ms);
  else if (what < 12 && side->received < side->total)
    result = receive_packed(side, timeout_ms);
  else
    result = begin_receiving(side, timeout_ms);
  if (ready)
    MUST(side, reads_of(side) == reads && !came_to_nothing(side, result, timeout_ms));
  else if (asked && exact && !came_to_nothing(side, result, timeout_ms))
    MUST(side, reads_of(side) > reads);
}

/* ---- One thread, both sides ---- */

/* side->cancels says whether a call may find itself cancelled: with two threads, at any time. */
static void cancel_sometimes(struct side *side) {
  if (side->cancelled && one_in(&side->out_dice, 4)) {
    MUST_BE(side, fdwire_conn_set(side->conn, FDWIRE_CANCELLED, 0), 0);
    side->cancelled = 0;
  } else if (!side->cancelled && one_in(&side->out_dice, 300)) {
    side->cancelled = 1;
    MUST_BE(side, fdwire_conn_cancel(side->conn), 0);
  }
  if (side->alone)
    side->cancels = side->cancelled;
}

static void step(struct side *side) {
  size_t what = below(&side->out_dice, 10);
  if (what == 0)
    consult(side);
  else if (what < 5)
    send_something(side);
  else
    receive_something(side);
  if (side->lent > 0 && one_in(&side->in_dice, 8))
    check_lent(side);
  cancel_sometimes(side);
}

/* To wait is to let the other side do something, or the time pass, or neither. */
static int pass_the_time(struct end *end, int events, int timeout_ms) {
  struct side *side = (struct side *)end->owner;
  (void)events;
  MUST(side, timeout_ms >= 0 || !side->nested);
  if (!side->nested && (timeout_ms < 0 || one_in(&side->end_dice, 2))) {
    side->peer->nested = 1;
    step(side->peer);
    side->peer->nested = 0;
  } else if (one_in(&side->end_dice, 30)) {
    sleep_ms(timeout_ms);
  }
  return 0;
}

static int all_done(struct side *side) {
  return side->sent == side->total && !side->out_open && side->received == side->total &&
         !side->in_open && fdwire_conn_pending(side->conn) == 0;
}

static void set_options(struct side *side, struct dice *dice, uint64_t limit) {
  static const int64_t reads[] = {4096, 10000, 65536, 262144}, batches[] = {0, 0, 500, 5000, 70000};
  side->limit = limit;
  side->batch = (uint64_t)batches[below(dice, 5)];
  NEED(fdwire_conn_set(side->conn, FDWIRE_SEND_LIMIT, (int64_t)limit) == 0);
  NEED(fdwire_conn_set(side->conn, FDWIRE_READ_SIZE, reads[below(dice, 4)]) == 0);
  NEED(fdwire_conn_set(side->conn, FDWIRE_BATCH, (int64_t)side->batch) == 0);
  if (one_in(dice, 3))
    NEED(fdwire_conn_set(side->conn, FDWIRE_SPIN, 1 + (int64_t)below(dice, 300)) == 0);
}

static void begin_round(struct side sides[2], uint64_t seed, uint64_t count, struct dice *dice) {
  round_seed = seed;
  round_messages = count;
  memset(sides, 0, 2 * sizeof *sides);
  for (unsigned i = 0; i < 2; i++) {
    struct side *side = &sides[i];
    side->direction = i;
    side->peer = &sides[!i];
    side->total = round_messages;
    side->hurry = all_messages > 10000;
    side->in_wire = side->out_wire = WIRES;
    side->in_dice = dice_of(roll(dice));
    side->out_dice = dice_of(roll(dice));
    side->end_dice = dice_of(roll(dice));
  }
}

static uint64_t limit_of(struct dice *dice) {
  static const uint64_t limits[] = {80000, 400000, (uint64_t)3 << 20, (uint64_t)32 << 20};
  uint64_t limit = limits[below(dice, 4)];
  longest_whole = limit < LONGEST + 100 ? 60000 : LONGEST; /* what can be sent whole */
  return limit;
}

/* The streams end, and nothing is behind their last messages. */
static void end_both(struct side *side) {
  fdwire_msg msg;
  uint64_t unsent = 99;
  for (int i = 0; i < 2; i++)
    MUST_BE(side, fdwire_conn_recv(side->conn, &msg, 0), 0);
  fdwire_stats stats = stats_of(side->conn);
  side->ended = 1;
  check_counts(side, &stats);
  MUST_BE(side, stats.memory, 0);
  MUST_BE(side, fdwire_conn_finish(side->conn, &unsent, 100), 0);
  MUST_BE(side, unsent, 0);
  fdwire_conn_free(side->conn);
}

static void round_in_memory(uint64_t seed, uint64_t messages) {
  static const size_t caps[] = {300, 4096, 70000, 300000};
  struct dice dice = dice_of(seed);
  struct tube tubes[2];
  struct side sides[2];
  uint64_t limit = limit_of(&dice);
  round_way = "in memory";
  begin_round(sides, seed, messages, &dice);
  for (int i = 0; i < 2; i++)
    tube_open(&tubes[i], caps[below(&dice, 4)]);
  for (int i = 0; i < 2; i++) {
    struct side *side = &sides[i];
    side->end.in = &tubes[!i], side->end.out = &tubes[i];
    side->end.dice = &side->end_dice, side->end.waits = pass_the_time, side->end.owner = side;
    side->in_memory = side->alone = side->patient = side->hurry = 1;
    side->conn = conn_over(&side->end, NULL);
    set_options(side, &dice, limit);
  }
  while (!all_done(&sides[0]) || !all_done(&sides[1]))
    step(&sides[below(&dice, 2)]);
  tubes[0].ended = tubes[1].ended = 0;
  for (int i = 0; i < 2; i++) {
    sides[i].end.dice = NULL;
    NEED(fdwire_conn_set(sides[i].conn, FDWIRE_CANCELLED, 0) == 0);
    end_both(&sides[i]);
  }
  free(tubes[0].bytes);
  free(tubes[1].bytes);
}

/* ---- Real descriptors ---- */

/* Not so small a receive buffer: TCP would wait for its timers, many times a second. */
static void small_buffers(int fd, struct dice *dice) {
  static const int sizes[] = {2304, 4608, 20000, 100000};
  int size = sizes[below(dice, 4)], room = 100000;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) < 0)
    NEED(fcntl(fd, F_SETPIPE_SZ, size) > 0);
  else if (one_in(dice, 2))
    NEED(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) == 0);
}

static void open_sides(struct side sides[2], int way, int one_thread, struct dice *dice) {
  int there[2], back[2];
  static const char *const names[] = {"over Unix sockets", "over TCP", "over pipes"};
  round_way = names[way];
  open_way(way, there);
  sides[0].fds[0] = sides[0].fds[1] = there[0];
  sides[1].fds[0] = sides[1].fds[1] = there[1];
  if (way == PIPE) {
    open_way(way, back);
    sides[0].fds[1] = back[1];
    sides[1].fds[0] = back[0];
  }
  uint64_t limit = limit_of(dice);
  for (int i = 0; i < 2; i++) {
    for (int j = 0; j < 2; j++) {
      int fd = sides[i].fds[j];
      if (one_in(dice, 2))
        small_buffers(fd, dice);
      if (one_in(dice, 2))
        NEED(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
    }
    sides[i].conn = conn_of(sides[i].fds[0], sides[i].fds[1], NULL);
    set_options(&sides[i], dice, limit);
    NEED(fdwire_conn_set(sides[i].conn, FDWIRE_OWN, FDWIRE_BOTH) == 0);
    NEED(fdwire_conn_set(sides[i].conn, FDWIRE_ONE_THREAD, one_thread) == 0);
    sides[i].one_thread = one_thread;
  }
}

static void *one_side(void *arg) {
  struct side *side = (struct side *)arg;
  uint64_t unsent = 99;
  while (!all_done(side))
    step(side);
  fdwire_stats stats = stats_of(side->conn);
  check_counts(side, &stats);
  MUST_BE(side, fdwire_conn_finish(side->conn, &unsent, 60000), 0);
  MUST_BE(side, unsent, 0);
  fdwire_conn_free(side->conn);
  return NULL;
}

static void *only_sends(void *arg) {
  struct side *side = (struct side *)arg;
  while (side->sent < side->total) {
    send_something(side);
    cancel_sometimes(side);
  }
  MUST_BE(side, fdwire_conn_set(side->conn, FDWIRE_CANCELLED, 0), 0);
  MUST_BE(side, fdwire_conn_shutdown(side->conn, FDWIRE_SHUT_WR, -1), 0);
  MUST_BE(side, fdwire_conn_send(side->conn, "x", 1, -1), -EPIPE);
  return NULL;
}

static void *only_receives(void *arg) {
  struct side *side = (struct side *)arg;
  while (!side->ended) {
    receive_something(side);
    if (side->lent > 0 && one_in(&side->in_dice, 8))
      check_lent(side);
  }
  return NULL;
}

static void in_threads(struct side sides[2], int threads, void *(*runs[2])(void *)) {
  pthread_t ids[4];
  for (int i = 0; i < threads; i++)
    NEED(pthread_create(&ids[i], NULL, runs[i / 2], &sides[i % 2]) == 0);
  for (int i = 0; i < threads; i++)
    NEED(pthread_join(ids[i], NULL) == 0);
}

/* A thread a side; one of them may wait without end, as the other never does. */
static void round_of_two(uint64_t seed, uint64_t messages, int way) {
  struct dice dice = dice_of(seed);
  struct side sides[2];
  void *(*runs[2])(void *) = {one_side, one_side};
  begin_round(sides, seed, messages, &dice);
  open_sides(sides, way, (int)below(&dice, 4), &dice);
  sides[0].alone = sides[1].alone = 1;
  sides[below(&dice, 2)].patient = 1;
  in_threads(sides, 2, runs);
}

/* A thread a direction of each side; all may wait without end. */
static void round_of_four(uint64_t seed, uint64_t messages, int way) {
  struct dice dice = dice_of(seed);
  struct side sides[2];
  void *(*runs[2])(void *) = {only_sends, only_receives};
  static const int promises[] = {0, FDWIRE_IN, FDWIRE_OUT, FDWIRE_BOTH | FDWIRE_APART};
  begin_round(sides, seed, messages, &dice);
  open_sides(sides, way, promises[below(&dice, 4)], &dice);
  sides[0].patient = sides[1].patient = 1;
  sides[0].cancels = sides[1].cancels = 1;
  in_threads(sides, 4, runs);
  for (int i = 0; i < 2; i++) {
    uint64_t unsent = 99;
    MUST_BE(&sides[i], stats_of(sides[i].conn).messages_out, messages);
    MUST_BE(&sides[i], fdwire_conn_finish(sides[i].conn, &unsent, 10000), 0);
    MUST_BE(&sides[i], unsent, 0);
    fdwire_conn_free(sides[i].conn);
  }
}

/* ---- All of it ---- */

static void in_memory(void) {
  for (uint64_t done = 0; done < all_messages; done += ROUND)
    round_in_memory(first_seed + done, least(all_messages - done, ROUND));
}

static void over_descriptors(void (*round)(uint64_t, uint64_t, int)) {
  uint64_t share = all_messages / 3 + 1;
  EACH_WAY(way)
  for (uint64_t done = 0; done < share; done += ROUND)
    round(first_seed + done, least(share - done, ROUND), way);
}

static void two_threads(void) { over_descriptors(round_of_two); }

static void four_threads(void) { over_descriptors(round_of_four); }

/* Part 1, 2 or 3 of it; 0 for all. */
static void storm(int part) {
  printf("conn_storm %llu %llu %d\n", (unsigned long long)first_seed,
         (unsigned long long)all_messages, part);
  fflush(stdout);
  if (part == 0 || part == 1)
    RUN(in_memory);
  if (part == 0 || part == 2)
    RUN(two_threads);
  if (part == 0 || part == 3)
    RUN(four_threads);
}

static void make_blocks(void) {
  struct dice dice = dice_of(7);
  for (int letters = 0; letters < 2; letters++) {
    blocks[letters] = (uint8_t *)bytes_of(BLOCK);
    for (size_t i = 0; i < BLOCK; i += 8) {
      uint64_t bytes = roll(&dice);
      memcpy(blocks[letters] + i, &bytes, 8);
    }
    for (size_t i = 0; letters && i < BLOCK; i++)
      blocks[letters][i] = (uint8_t)('0' + blocks[letters][i] % 64);
    files[letters] = tmpfile();
    NEED(files[letters] != NULL && fwrite(blocks[letters], 1, BLOCK, files[letters]) == BLOCK);
    NEED(fflush(files[letters]) == 0);
  }
}

int main(int argc, char **argv) {
  check_begin();
  make_blocks();
  for (size_t i = 0; i < WIRES; i++)
    formats[i] = format_of(wires[i].text);
  strict = format_of("u32be max=4096");
  all_messages = argc > 2 ? strtoull(argv[2], NULL, 10) : scaled(200);
  if (argc > 1) {
    alarm(0);
    first_seed = strtoull(argv[1], NULL, 10);
    storm(argc > 3 ? atoi(argv[3]) : 0);
  } else {
    for (first_seed = 1; first_seed < 3; first_seed++)
      storm(0);
    first_seed = (uint64_t)time(NULL) * 1000003 % 1000000007;
    storm(0);
  }
  for (size_t i = 0; i < WIRES; i++)
    fdwire_format_free(formats[i]);
  fdwire_format_free(strict);
  for (int i = 0; i < 2; i++) {
    free(blocks[i]);
    fclose(files[i]);
  }
  return check_end();
}
