/* Every fault at every system call of a connection with which something is done between its messages:
   it skips some, gets another format, is cancelled, gives away what it has read; with each option that
   changes how it reads, waits, sends or ends. See sweep_conn.h. */
#include "sweep_conn.h"

/* ---- Receiving ---- */

/* Of every other message only the first byte is wanted. */
static int by_skip(struct exchange *x) {
  int result, timeout = x->scenario->timeout;
  if (x->received % 2 == 0)
    return by_recv(x);
  if (!x->begun) {
    fdwire_msg head;
    uint64_t len = 0;
    result = IN(fdwire_conn_recv_begin(x->conn, &head, &len, timeout));
    x->begun = result == 1;
    MUST(result != 1 || len == x->msgs[x->received].body_len);
    return result;
  }
  size_t got = 0;
  result = IN(fdwire_conn_recv_part(x->conn, room, 1, &got, timeout));
  if (result < 0)
    return result;
  if (result == 1)
    MUST_BE(IN(fdwire_conn_skip(x->conn)), 0);
  x->begun = 0;
  x->received++;
  return 1;
}

/* Whoever receives takes no more than this. */
#define LEAST_MAX 100

/* What is too long for this side is passed over. */
static int by_too_long(struct exchange *x) {
  int result = by_recv(x);
  if (result != FDWIRE_E_TOO_LONG)
    return result;
  MUST(x->received < x->count && x->msgs[x->received].body_len > LEAST_MAX);
  MUST_BE(IN(fdwire_conn_skip(x->conn)), 0);
  x->received++;
  return 1;
}

static void receives_less(struct exchange *x) {
  fdwire_format *whole = x->format;
  char text[100];
  snprintf(text, sizeof text, "%s max=%d", x->scenario->format, LEAST_MAX);
  x->format = format_of(text);
  receives(x);
  fdwire_format_free(x->format);
  x->format = whole;
}

/* What was read already is taken for the other format. */
static int by_turns(struct exchange *x) {
  const fdwire_format *format = format_at(x, x->received);
  int result = IN(fdwire_conn_set_format(x->conn, FDWIRE_IN, format));
  return result < 0 ? result : by_recv(x);
}

static void lift(struct exchange *x) {
  MUST_BE(IN(fdwire_conn_set(x->conn, FDWIRE_CANCELLED, 0)), 0);
}

/* What is there comes all the same. */
static int by_cancelled(struct exchange *x) {
  MUST_BE(IN(fdwire_conn_cancel(x->conn)), 0);
  int result = by_recv(x);
  lift(x);
  return result == -ECANCELED ? by_recv(x) : result;
}

static void goes_past(struct exchange *x, const void *bytes, size_t len) {
  MUST(x->part + len <= x->len && memcmp(x->stream + x->part, bytes, len) == 0);
  x->part += len;
  while (x->received < x->count && x->ends[x->received] <= x->part)
    x->received++;
}

/* The first message comes by the connection, what it has read behind that is given away, and the rest is
   read without it. */
static int by_unread(struct exchange *x) {
  if (x->received == 0)
    return by_recv(x);
  if (!x->begun) {
    const void *bytes = NULL;
    size_t len = 0;
    MUST_BE(IN(fdwire_conn_unread(x->conn, &bytes, &len)), 0);
    x->part = x->ends[0];
    goes_past(x, bytes, len);
    MUST_BE(x->part, run.taken);
    x->begun = 1;
    return 1;
  }
  char byte = 0;
  int result = IN(fdwire_read_exact(x->ours, &byte, 1, NULL, x->scenario->timeout));
  if (result == 1)
    goes_past(x, &byte, 1);
  return result == 0 && !is_between(x, run.taken) ? (int)FDWIRE_E_TRUNCATED : result;
}

/* ---- Sending ---- */

static int in_turns(struct exchange *x) {
  int result = IN(fdwire_conn_set_format(x->conn, FDWIRE_OUT, format_at(x, x->sent)));
  return result < 0 ? result : by_send(x);
}

/* What would have to wait is not sent, or waits inside. */
static int while_cancelled(struct exchange *x) {
  MUST_BE(IN(fdwire_conn_cancel(x->conn)), 0);
  int result = by_send(x);
  lift(x);
  return result == -ECANCELED ? by_send(x) : result;
}

/* Where there is no room inside, it is made. */
static int with_little_room(struct exchange *x) {
  int result = by_send(x);
  if (result != -ENOBUFS)
    return result;
  result = IN(fdwire_conn_flush(x->conn, x->scenario->timeout));
  if (result == -EAGAIN && goes_on(x->ours, POLLOUT))
    return FDWIRE_PENDING;
  return result;
}

/* ---- All of it ---- */

static const struct way_of skips = {"fdwire_conn_skip", by_skip},
                           too_long = {"fdwire_conn_skip of what is too long", by_too_long},
                           turns = {"fdwire_conn_set_format, receiving", by_turns},
                           cancelled = {"fdwire_conn_cancel, receiving", by_cancelled},
                           unread = {"fdwire_conn_unread", by_unread},
                           turns_out = {"fdwire_conn_set_format, sending", in_turns},
                           cancelled_out = {"fdwire_conn_cancel, sending", while_cancelled},
                           plain = {"fdwire_conn_recv", by_recv},
                           plain_out = {"fdwire_conn_send", with_little_room},
                           echo = {"an echo", NULL};

/* Whether the format can be given a max, and has bodies over it. */
static int has_too_long(const char *format) {
  return strchr("nlcdv", format[0]) != NULL || strcmp(format, "u32be") == 0;
}

/* Formats of turn differ in what waits, and in how much comes at once. */
static void add_all(const char *format, int way, int timeout, int traits, size_t turn) {
  size_t piece = turn % 2 ? 7 : 0;
  add(&skips, receives, format, way, timeout, traits)->piece = piece;
  if (has_too_long(format))
    add(&too_long, receives_less, format, way, timeout, traits)->piece = piece;
  add(&turns, receives, format, way, timeout, traits | TURNS)->piece = 7 - piece;
  add(&cancelled, receives, format, way, timeout, traits)->piece = piece;
  add(&unread, receives, format, way, timeout, traits | UNREAD)->piece = piece > 0 ? 50 : 0;
  add(&turns_out, sends, format, way, timeout, traits | TURNS)->ending = (int)(turn % 3);
  add(&cancelled_out, sends, format, way, timeout, traits)->ending = (int)(turn % 3);
}

static void add_options(const char *format, int way, int timeout, int traits, size_t turn) {
  size_t piece = traits & LARGE ? 2500 : turn % 2 ? 7 : 0;
  add(&plain, receives, format, way, timeout, traits)->piece = piece;
  struct scenario *scenario = add(&plain_out, sends, format, way, timeout, traits);
  scenario->piece = traits & LARGE ? 3000 : 0;
  scenario->ending = (int)(turn % 3);
  if (!(traits & LARGE))
    add(&echo, echoes, format, way, timeout, traits & ~LIMITED)->piece = 40;
}

int main(int argc, char **argv) {
  static const int options[] = {OWNED, SPINNING, SMALL_READS, LIMITED, LIMITED | BATCHED | OWNED};
  size_t turn = 0;
  for (size_t i = 0; i < 3; i++)
    EACH_WAY(way) {
      for (size_t format = 0; format < FORMATS; format++, turn++) {
        int traits = (turn % 2 ? NONBLOCKING : 0) | options[turn % 5];
        add_all(formats[format], way, timeouts[i], traits & ~LIMITED, turn);
        add_options(formats[format], way, timeouts[i], traits, turn);
      }
      for (size_t option = 0; option < 5; option++, turn++)
        add_options(turn % 2 ? "line" : "u32be", way, timeouts[i], LARGE | options[option], turn);
    }
  return sweep_all(scenarios, scenario_count, argc, argv);
}
