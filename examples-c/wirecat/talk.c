/* The conversation: one loop around poll(2), in which nothing waits but poll. */
#include "talk.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { FINISH_MS = 1000 }; /* for the peer to end when all is said */

void fail(struct talk *t, int status) {
  if (t->status == FINE)
    t->status = status;
}

/* What the library says of the stream. */
void explain(struct talk *t, const char *before) {
  char why[1000];
  fdwire_conn_explain(t->conn, why, sizeof why);
  complain("%s%s", before, why);
}

void progress_over(struct talk *t) {
  progress_end(&t->progress_in);
  progress_end(&t->progress_out);
}

fdwire_stats stats_of(const struct talk *t) {
  fdwire_stats stats;
  memset(&stats, 0, sizeof stats);
  fdwire_conn_stats(t->conn, &stats, sizeof stats);
  return stats;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Milliseconds until nothing has moved for too long; 0 if that is so. */
static int patience(struct talk *t) {
  fdwire_stats stats = stats_of(t);
  if (stats.bytes_in + stats.bytes_out != t->moved) {
    t->moved = stats.bytes_in + stats.bytes_out;
    t->moved_at = seconds();
  }
  if (t->options->timeout_ms < 0)
    return -1;
  double left = t->options->timeout_ms - (seconds() - t->moved_at) * 1000;
  return left > 0 ? (int)left + 1 : 0;
}

/* Whether there may be something to do without waiting: poll knows nothing of what is inside. */
static bool busy(const struct talk *t) {
  bool inside = t->receiving && (fdwire_conn_events(t->conn) & FDWIRE_READY) != 0;
  bool more = t->sending && !t->input_done && !held_back(t) && !input_waits(t->input);
  return inside || ((more || t->left > 0) && fdwire_conn_pending(t->conn) < ENOUGH);
}

static void wait_for_more(struct talk *t) {
  uint64_t pending = fdwire_conn_pending(t->conn);
  bool read_input = t->sending && !t->input_done && pending < ENOUGH && t->left == 0 &&
                    input_waits(t->input) && !held_back(t);
  struct pollfd polls[4] = {{read_input ? STDIN_FILENO : -1, POLLIN, 0},
                            {t->receiving ? t->peer->in : -1, POLLIN, 0},
                            {t->sending ? t->peer->out : -1, 0, 0},
                            {t->interrupts, POLLIN, 0}};
  polls[2].events = (short)(pending > 0 ? POLLOUT : 0);
  int left = patience(t), ready = poll(polls, 4, busy(t) ? 0 : left);
  if (ready == 0 && left == 0 && !busy(t)) {
    complain("nothing has moved for %g seconds", t->options->timeout_ms / 1000.0);
    fail(t, TIMED_OUT);
    t->stop = true;
  }
  if (ready <= 0)
    return;
  t->stop = polls[3].revents != 0;
  if (polls[0].revents != 0 && input_read(t->input) < 0) {
    t->input_done = true;
    fail(t, LOST);
  }
  if (polls[2].revents & (POLLERR | POLLHUP | POLLNVAL))
    deaf(t);
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

static int open_conn(struct talk *t) {
  const struct peer *peer = t->peer;
  const struct formats *formats = t->formats;
  const fdwire_format *send = formats->send_first ? formats->send_first : formats->send;
  const fdwire_format *recv = formats->recv_first ? formats->recv_first : formats->recv;
  int result = fdwire_conn_new(peer->in, peer->out, recv, &t->conn);
  if (result == 0)
    result = fdwire_conn_set_format(t->conn, FDWIRE_OUT, send);
  /* One thread, which polls; small messages go together; whatever was read is accepted. */
  const int64_t set[][2] = {{FDWIRE_OWN, FDWIRE_BOTH},
                            {FDWIRE_ONE_THREAD, FDWIRE_BOTH},
                            {FDWIRE_POLLED, 1},
                            {FDWIRE_BATCH, 64 << 10},
                            {FDWIRE_SEND_LIMIT, INT64_MAX}};
  for (size_t i = 0; i < sizeof set / sizeof *set && result == 0; i++)
    result = fdwire_conn_set(t->conn, (int)set[i][0], set[i][1]);
  if (result < 0)
    complain_of("connection", result);
  return result;
}

static void report(struct talk *t, double begin) {
  fdwire_stats stats = stats_of(t);
  struct counted in[3], out[3];
  complain("received %s, %s in %s; sent %s, %s in %s; %.3f s",
           count(&in[0], stats.messages_in, "message"), count(&in[1], stats.bytes_in, "byte"),
           count(&in[2], stats.reads, "read"), count(&out[0], stats.messages_out, "message"),
           count(&out[1], stats.bytes_out, "byte"), count(&out[2], stats.writes, "write"),
           seconds() - begin);
}

/* Where all went well, the peer gets every byte. */
static void finish(struct talk *t) {
  uint64_t unsent = 0;
  if (t->status != FINE && t->stop)
    return;
  int result = fdwire_conn_finish(t->conn, &unsent, FINISH_MS);
  if (unsent > 0 || (result < 0 && t->status == FINE && !t->stop && result != -ETIMEDOUT)) {
    struct counted bytes;
    complain("not sent: %s (%s)", count(&bytes, unsent, "byte"), fdwire_error_name(result));
    fail(t, LOST);
  }
}

static void converse(struct talk *t) {
  while ((t->receiving || t->sending) && !t->stop) {
    if (t->sending)
      transmit(t);
    receive(t);
    if (!show_flush(t->show)) {
      fail(t, LOST);
      t->stop = true;
    }
    /* Who types at a terminal need not end what nobody hears. */
    if (!t->receiving && !t->options->send_only && input_waits(t->input) && isatty(STDIN_FILENO))
      t->sending = false;
    if ((t->receiving || t->sending) && !t->stop)
      wait_for_more(t);
  }
}

int talk(const struct options *options, const struct formats *formats, const struct peer *peer,
         struct input *input, struct show *show) {
  struct talk t;
  memset(&t, 0, sizeof t);
  t.options = options;
  t.formats = formats;
  t.peer = peer;
  t.input = input;
  t.show = show;
  t.message.file = -1;
  t.receiving = peer->in >= 0 && !options->send_only;
  t.sending = peer->out >= 0 && !options->recv_only;
  t.moved_at = seconds();
  double begin = t.moved_at;
  if (open_conn(&t) < 0) {
    fdwire_conn_free(t.conn);
    abandon_peer(peer);
    return LOST;
  }
  t.interrupts = interrupts_begin();
  converse(&t);
  progress_over(&t);
  show_cut_off(show);
  if (options->stats)
    report(&t, begin);
  finish(&t);
  interrupts_end();
  fdwire_conn_free(t.conn);
  message_clear(&t.message);
  bytes_free(&t.message.head);
  bytes_free(&t.message.body);
  bytes_free(&t.frame);
  /* A command that failed is why it was lost. */
  int command = end_command(peer, t.stop);
  return command != FINE && (t.status == FINE || t.status == LOST) ? command : t.status;
}
