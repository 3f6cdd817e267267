/* Stands between two peers: passes on what each says to the other, byte for byte, and shows the
 * messages in it. What is no message is passed on all the same. */
#include "wirecat.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 << 10 };

/* One direction. Bytes are read when those before them are written. */
struct way {
  const char *name;
  bool sent; /* by the client */
  int from, to;
  bool open, closed; /* open: more may come; closed: and the other side was told that none will */
  uint8_t bytes[CHUNK];
  size_t len, done;
  uint64_t passed, number;
  fdwire_decoder *decoder; /* NULL: the stream is no longer understood */
  const fdwire_format *then;
};

struct tap {
  const struct options *options;
  struct show *show;
  struct way ways[2];
  int status;
};

static void fail(struct tap *tap, int status) {
  if (tap->status == FINE)
    tap->status = status;
}

/* ---- Showing --------------------------------------------------------------------------------- */

static void show(struct tap *tap, struct way *way, const fdwire_msg *msg) {
  uint64_t end = fdwire_decoder_offset(way->decoder);
  size_t len = msg->head_len + msg->body_len + msg->tail_len;
  struct shown shown = {way->sent, ++way->number, end - len,    msg->body_len,
                        msg->head, msg->head_len, msg->tail_len};
  show_message(tap->show, &shown);
  show_body(tap->show, msg->body, msg->body_len);
  show_end(tap->show, msg->body + msg->body_len, msg->tail_len);
}

static void explain(struct way *way, const char *before) {
  char why[1000];
  fdwire_decoder_explain(way->decoder, why, sizeof why);
  complain("%s, %s%s", way->name, before, why);
}

/* From here on it is bytes. */
static void give_up(struct tap *tap, struct way *way) {
  explain(way, "");
  fdwire_decoder_free(way->decoder);
  way->decoder = NULL;
  fail(tap, BROKEN);
}

static void show_messages(struct tap *tap, struct way *way) {
  fdwire_msg msg;
  int result;
  while ((result = fdwire_decoder_next(way->decoder, &msg)) == 1 || result == FDWIRE_E_TOO_LONG) {
    if (result == 1) {
      show(tap, way, &msg);
    } else {
      explain(way, "not shown: ");
      way->number++;
      if (fdwire_decoder_skip(way->decoder) < 0)
        break;
    }
    if (way->number == 1 && way->then != NULL)
      fdwire_decoder_set_format(way->decoder, way->then);
  }
  if (result < 0)
    give_up(tap, way);
}

/* ---- Passing on ------------------------------------------------------------------------------ */

static void end_of(struct tap *tap, struct way *way) {
  way->open = false;
  if (way->decoder != NULL && fdwire_decoder_finish(way->decoder) != 0)
    show_messages(tap, way);
}

static void pull(struct tap *tap, struct way *way) {
  ssize_t n = read(way->from, way->bytes, sizeof way->bytes);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (n < 0) {
    complain_of(way->name, -errno);
    fail(tap, LOST);
  }
  if (n <= 0) {
    end_of(tap, way);
    return;
  }
  way->len = (size_t)n;
  way->done = 0;
  way->passed += (uint64_t)n;
  if (way->decoder != NULL && fdwire_decoder_feed(way->decoder, way->bytes, way->len) == 0)
    show_messages(tap, way);
}

/* A socket may still be received from; a pipe has no other direction. */
static void close_way(struct way *way) {
  way->closed = true;
  if (fdwire_shutdown(way->to, FDWIRE_SHUT_WR) == -ENOTSOCK)
    fdwire_close(way->to);
}

static void push(struct tap *tap, struct way *way) {
  int result = 0;
  if (way->len > 0)
    result = fdwire_write_all(way->to, way->bytes, way->len, &way->done, 0);
  if (result == -EAGAIN)
    return;
  if (result < 0) {
    complain_of(way->name, result);
    fail(tap, LOST);
    way->open = false;
  }
  way->len = way->done = 0;
  if (!way->open)
    close_way(way);
}

/* 0: it is over. */
static int turn(struct tap *tap, int interrupts) {
  struct pollfd polls[3];
  for (int i = 0; i < 2; i++) {
    const struct way *way = &tap->ways[i];
    bool full = way->len > 0 || !way->open;
    polls[i].fd = way->closed ? -1 : full ? way->to : way->from;
    polls[i].events = full ? POLLOUT : POLLIN;
    polls[i].revents = 0;
  }
  polls[2].fd = interrupts;
  polls[2].events = POLLIN;
  int ready = poll(polls, 3, tap->options->timeout_ms);
  if (ready == 0) {
    complain("nothing has moved for %g seconds", tap->options->timeout_ms / 1000.0);
    fail(tap, TIMED_OUT);
  }
  if (ready == 0 || (ready > 0 && polls[2].revents != 0))
    return 0;
  for (int i = 0; i < 2 && ready > 0; i++) {
    struct way *way = &tap->ways[i];
    if (polls[i].revents != 0 && way->open && way->len == 0)
      pull(tap, way);
    if (!way->closed && (way->len > 0 || !way->open))
      push(tap, way);
  }
  return !tap->ways[0].closed || !tap->ways[1].closed;
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

static void begin(struct way *way, bool sent, const struct peer *from, const struct peer *to,
                  const fdwire_format *first, const fdwire_format *then) {
  memset(way, 0, sizeof *way);
  way->name = sent ? "from the client" : "from the server";
  way->sent = sent;
  way->from = from->in;
  way->to = to->out;
  way->open = true;
  way->then = first != NULL ? then : NULL;
  if (fdwire_decoder_new(first != NULL ? first : then, &way->decoder) < 0)
    way->decoder = NULL;
}

static void end(struct tap *tap, struct way *way) {
  struct counted messages, bytes;
  if (tap->options->stats)
    complain("%s: %s, %s", way->name, count(&messages, way->number, "message"),
             count(&bytes, way->passed, "byte"));
  fdwire_decoder_free(way->decoder);
}

/* Those that a way has closed are closed already. */
static void close_peer(const struct peer *peer, const struct way *to) {
  fdwire_close(peer->in);
  if (peer->out != peer->in && !to->closed)
    fdwire_close(peer->out);
}

int tap(const struct options *options, const struct formats *formats, const struct peer *client,
        const struct peer *server, struct show *show) {
  static struct tap tap;
  tap.options = options;
  tap.show = show;
  tap.status = FINE;
  begin(&tap.ways[0], true, client, server, formats->send_first, formats->send);
  begin(&tap.ways[1], false, server, client, formats->recv_first, formats->recv);
  int interrupts = interrupts_begin();
  while (turn(&tap, interrupts) && show_flush(show))
    ;
  if (!show_flush(show))
    fail(&tap, LOST);
  end(&tap, &tap.ways[0]);
  end(&tap, &tap.ways[1]);
  close_peer(client, &tap.ways[1]);
  close_peer(server, &tap.ways[0]);
  interrupts_end();
  int command = end_command(server, !tap.ways[0].closed || !tap.ways[1].closed);
  return command != FINE && (tap.status == FINE || tap.status == LOST) ? command : tap.status;
}
