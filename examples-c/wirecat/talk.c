/* The conversation: one loop around poll(2), in which nothing waits but poll. */
#include "wirecat.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum {
  ENOUGH = 1 << 20,  /* bytes that wait to be sent: more are not read */
  PART = 256 << 10,  /* of a large body */
  STEPS = 64,        /* in one direction, before it is the other's turn */
  FINISH_MS = 1000   /* for the peer to end when all is said */
};

struct talk {
  const struct options *options;
  const struct formats *formats;
  const struct peer *peer;
  struct input *input;
  struct show *show;
  fdwire_conn *conn;
  int status;
  bool receiving, sending, stop;
  /* Receiving. */
  bool in_body, awaiting; /* an answer */
  uint64_t received, number, body_done;
  struct progress progress_in;
  /* Sending. */
  bool input_done;
  struct message message;
  uint64_t sent, left; /* left: of the file that is being sent */
  struct bytes frame;  /* to be shown */
  struct progress progress_out;
  /* The last time that something moved. */
  uint64_t moved;
  double moved_at;
};

static void fail(struct talk *t, int status) {
  if (t->status == FINE)
    t->status = status;
}

/* What the library says of the stream. */
static void explain(struct talk *t, const char *before) {
  char why[1000];
  fdwire_conn_explain(t->conn, why, sizeof why);
  complain("%s%s", before, why);
}

/* ---- Receiving ------------------------------------------------------------------------------- */

static void progress_over(struct talk *t) {
  progress_end(&t->progress_in);
  progress_end(&t->progress_out);
}

/* after: how much of the message is taken already. */
static void show_received(struct talk *t, const fdwire_msg *msg, uint64_t body_len, size_t after) {
  fdwire_stats stats;
  memset(&stats, 0, sizeof stats);
  fdwire_conn_stats(t->conn, &stats, sizeof stats);
  struct shown shown = {false,        ++t->number,   stats.bytes_in - stats.buffered - after,
                        body_len,     msg->head,     msg->head_len,
                        msg->tail_len};
  progress_over(t);
  show_message(t->show, &shown);
}

/* A message is there, whole. */
static int complete(struct talk *t) {
  t->awaiting = false;
  t->stop = ++t->received == t->options->count;
  if (t->received == 1 && t->formats->recv_first != NULL)
    return fdwire_conn_set_format(t->conn, FDWIRE_IN, t->formats->recv) < 0 ? -EINVAL : 1;
  return 1;
}

/* Whole, since a body that comes in parts leaves its tail out. */
static int receive_whole(struct talk *t) {
  fdwire_msg msg;
  int result = fdwire_conn_recv(t->conn, &msg, 0);
  if (result != 1)
    return result;
  show_received(t, &msg, msg.body_len, msg.head_len + msg.body_len + msg.tail_len);
  show_body(t->show, msg.body, msg.body_len);
  show_end(t->show, msg.body + msg.body_len, msg.tail_len);
  return complete(t);
}

static int receive_head(struct talk *t) {
  fdwire_msg msg;
  uint64_t body_len;
  int result = fdwire_conn_recv_begin(t->conn, &msg, &body_len, 0);
  if (result != 1)
    return result;
  show_received(t, &msg, body_len, msg.head_len);
  t->in_body = true;
  t->body_done = 0;
  progress_begin(&t->progress_in, t->show->out != stdout || !isatty(STDOUT_FILENO), body_len);
  return 1;
}

static int receive_part(struct talk *t) {
  static uint8_t part[PART];
  size_t len;
  int result = fdwire_conn_recv_part(t->conn, part, sizeof part, &len, 0);
  if (result == 1) {
    show_body(t->show, part, len);
    progress_show(&t->progress_in, "received", t->body_done += len);
  } else if (result == 0) {
    t->in_body = false;
    progress_end(&t->progress_in);
    show_end(t->show, NULL, 0);
    result = complete(t);
  }
  return result;
}

static int receive_some(struct talk *t) {
  if (t->in_body)
    return receive_part(t);
  return t->options->parts & TAIL ? receive_whole(t) : receive_head(t);
}

/* The stream ends: well or not. */
static void end_receiving(struct talk *t, int result) {
  t->receiving = false;
  progress_over(t);
  show_cut_off(t->show);
  if (result < 0) {
    bool framing = result == FDWIRE_E_TRUNCATED || result == FDWIRE_E_MALFORMED ||
                   result == FDWIRE_E_TOO_LONG;
    explain(t, "");
    fail(t, framing ? BROKEN : LOST);
    t->stop = true;
  } else if (t->options->count != UINT64_MAX) {
    complain("the stream ended after %llu of %llu messages", (unsigned long long)t->received,
             (unsigned long long)t->options->count);
    fail(t, BROKEN);
  }
}

static void receive(struct talk *t) {
  for (int i = 0; i < STEPS && t->receiving && !t->stop; i++) {
    int result = receive_some(t);
    if (result == -EAGAIN)
      return;
    if (result == FDWIRE_E_TOO_LONG && t->options->skip) {
      explain(t, "skipped: ");
      t->number++;
      result = fdwire_conn_skip(t->conn) == 0 ? 1 : result;
    }
    if (result != 1)
      end_receiving(t, result);
  }
}

/* ---- Sending --------------------------------------------------------------------------------- */

static const fdwire_format *send_format(const struct talk *t) {
  return t->sent == 0 && t->formats->send_first != NULL ? t->formats->send_first : t->formats->send;
}

/* A message that this format cannot say. People may try again. */
static int refuse(struct talk *t) {
  if (isatty(STDIN_FILENO) && input_waits(t->input))
    return 1;
  t->input_done = true;
  fail(t, BROKEN);
  return 0;
}

static int refuse_saying(struct talk *t, int result) {
  char why[200];
  fdwire_strerror(result, why, sizeof why);
  complain("message %llu cannot be sent: %s (%s)", (unsigned long long)t->sent + 1, why,
           fdwire_error_name(result));
  return refuse(t);
}

static bool refused(int result) {
  return result == FDWIRE_E_MALFORMED || result == FDWIRE_E_TOO_LONG;
}

static void show_file(struct talk *t) {
  static uint8_t part[PART];
  uint64_t at = t->message.offset;
  ssize_t n = 1;
  for (uint64_t left = t->message.size; left > 0 && n > 0; left -= (uint64_t)n, at += (uint64_t)n) {
    n = pread(t->message.file, part, left < sizeof part ? (size_t)left : sizeof part, (off_t)at);
    if (n > 0)
      show_body(t->show, part, (size_t)n);
    else
      return;
  }
}

static uint64_t sent_so_far(const struct talk *t) {
  fdwire_stats stats;
  memset(&stats, 0, sizeof stats);
  fdwire_conn_stats(t->conn, &stats, sizeof stats);
  return stats.bytes_out + stats.pending;
}

static void show_sent(struct talk *t, const fdwire_format *format, uint64_t offset) {
  const struct message *message = &t->message;
  struct shown shown;
  if (!t->options->both || make_frame(format, message, &t->frame, &shown) < 0)
    return;
  shown.sent = true;
  shown.number = t->sent + 1;
  shown.offset = offset;
  progress_over(t);
  show_message(t->show, &shown);
  if (message->file < 0)
    show_body(t->show, message->body.at, message->body.len);
  else
    show_file(t);
  show_end(t->show, t->frame.at + t->frame.len - shown.tail_len, shown.tail_len);
}

/* The next message may have another format. */
static int sent_first(struct talk *t) {
  if (t->sent > 1 || t->formats->send_first == NULL)
    return 1;
  return fdwire_conn_set_format(t->conn, FDWIRE_OUT, t->formats->send);
}

/* A file goes in parts, so that no more than one of them is held; but where the format has to look
 * at the whole. */
static int send_file(struct talk *t, const uint8_t *head) {
  const struct message *message = &t->message;
  int result = fdwire_conn_send_begin(t->conn, head, message->head.len, message->size, 0);
  if (result < 0)
    return result;
  t->left = message->size;
  progress_begin(&t->progress_out, true, message->size);
  return 1;
}

static int send_body(struct talk *t, const uint8_t *head) {
  const struct message *message = &t->message;
  fdwire_msg msg = {head, message->body.at, message->head.len, message->body.len, 0};
  int result = fdwire_conn_send_many(t->conn, &msg, 1, 0);
  return result < 0 ? result : 1;
}

/* With the connection, or at least its head. */
static int send_in_some_way(struct talk *t) {
  struct message *message = &t->message;
  const uint8_t *head = message->head.len > 0 ? message->head.at : NULL;
  int result = message->file >= 0 ? send_file(t, head) : send_body(t, head);
  if (result != -EOPNOTSUPP || message->file < 0)
    return result;
  result = load_file(message);
  return result < 0 ? result : send_body(t, head);
}

static int send_message(struct talk *t) {
  const fdwire_format *format = send_format(t);
  uint64_t offset = sent_so_far(t);
  if (t->message.head.len == 0)
    bytes_add(&t->message.head, t->options->head.at, t->options->head.len);
  int result = complete_head(format, &t->message);
  if (result == 0)
    result = send_in_some_way(t);
  if (refused(result))
    return refuse_saying(t, result);
  if (result < 0)
    return result;
  show_sent(t, format, offset);
  t->awaiting = true;
  t->sent++;
  return t->left > 0 ? 1 : sent_first(t);
}

static int send_part(struct talk *t) {
  static uint8_t part[PART];
  const struct message *message = &t->message;
  size_t most = t->left < sizeof part ? (size_t)t->left : sizeof part;
  ssize_t n = pread(message->file, part, most, (off_t)(message->offset + message->size - t->left));
  if (n <= 0) {
    complain("the file was cut short while it was sent");
    return -EIO;
  }
  int result = fdwire_conn_send_part(t->conn, part, (size_t)n, 0);
  if (result < 0)
    return result;
  t->left -= (uint64_t)n;
  progress_show(&t->progress_out, "sent", message->size - t->left);
  if (t->left > 0)
    return 1;
  progress_end(&t->progress_out);
  return sent_first(t);
}

/* Whether the next message has to wait: for an answer, or for what is being shown. */
static bool held_back(const struct talk *t) {
  return (t->options->turns && t->awaiting && t->receiving) || (t->options->both && t->in_body);
}

/* 1: go on; 0: not now; below 0: sending is over. */
static int send_some(struct talk *t) {
  if (t->left > 0)
    return send_part(t);
  if (t->input_done || held_back(t))
    return 0;
  message_clear(&t->message);
  int result = input_next(t->input, &t->message);
  if (result == 1)
    return send_message(t);
  if (result == -EINVAL)
    return refuse(t);
  t->input_done = result != -EAGAIN;
  if (t->input_done && result < 0)
    fail(t, LOST);
  return 0;
}

/* Nobody takes what is sent. What was received may still be of interest. */
static void end_sending(struct talk *t, int result) {
  t->sending = false;
  progress_end(&t->progress_out);
  if (result < 0 && result != -EIO)
    complain_of("sending", result);
  fail(t, LOST);
}

/* All is said: the peer is to know, once it has all. */
static void shut(struct talk *t) {
  bool hold = (t->options->hold || (t->options->turns && t->awaiting)) && t->receiving;
  if (!t->input_done || t->left > 0 || hold || fdwire_conn_pending(t->conn) > 0)
    return;
  int result = fdwire_conn_shutdown(t->conn, FDWIRE_SHUT_WR, 0);
  if (result == -EAGAIN)
    return;
  t->sending = false;
  if (result < 0 && result != -EOPNOTSUPP && result != -ENOTCONN)
    end_sending(t, result);
}

static void transmit(struct talk *t) {
  int result = 1;
  for (int i = 0; i < STEPS && result > 0 && fdwire_conn_pending(t->conn) < ENOUGH; i++)
    result = send_some(t);
  if (result >= 0) {
    result = fdwire_conn_flush(t->conn, 0);
    result = result == -EAGAIN ? 0 : result;
  }
  if (result < 0)
    end_sending(t, result);
  else
    shut(t);
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Milliseconds until nothing has moved for too long; 0 if that is so. */
static int patience(struct talk *t) {
  fdwire_stats stats;
  memset(&stats, 0, sizeof stats);
  fdwire_conn_stats(t->conn, &stats, sizeof stats);
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

/* The peer reads no more. Whether there was more to be said is known only of what is here. */
static void deaf(struct talk *t) {
  bool more = !t->input_done && input_holds(t->input);
  bool unsent = more || t->left > 0 || fdwire_conn_pending(t->conn) > 0;
  int result = fdwire_conn_flush(t->conn, 0);
  t->sending = false;
  if (unsent)
    end_sending(t, result == -EAGAIN || result == 0 ? -EPIPE : result);
}

static void wait_for_more(struct talk *t) {
  uint64_t pending = fdwire_conn_pending(t->conn);
  bool read_input = t->sending && !t->input_done && pending < ENOUGH && t->left == 0 &&
                    input_waits(t->input) && !held_back(t);
  struct pollfd polls[3] = {{read_input ? STDIN_FILENO : -1, POLLIN, 0},
                            {t->receiving ? t->peer->in : -1, POLLIN, 0},
                            {t->sending ? t->peer->out : -1, 0, 0}};
  polls[2].events = (short)(pending > 0 ? POLLOUT : 0);
  int left = patience(t), ready = poll(polls, 3, busy(t) ? 0 : left);
  if (ready == 0 && left == 0 && !busy(t)) {
    complain("nothing has moved for %g seconds", t->options->timeout_ms / 1000.0);
    fail(t, TIMED_OUT);
    t->stop = true;
  }
  if (ready <= 0)
    return;
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
  /* One thread; poll before each receive; small messages together; whatever was read is accepted. */
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
  fdwire_stats stats;
  memset(&stats, 0, sizeof stats);
  fdwire_conn_stats(t->conn, &stats, sizeof stats);
  complain("received %llu messages, %llu bytes in %llu reads; sent %llu messages, %llu bytes in "
           "%llu writes; %.3f s",
           (unsigned long long)stats.messages_in, (unsigned long long)stats.bytes_in,
           (unsigned long long)stats.reads, (unsigned long long)stats.messages_out,
           (unsigned long long)stats.bytes_out, (unsigned long long)stats.writes,
           seconds() - begin);
}

/* Where all went well, the peer gets every byte. */
static void finish(struct talk *t) {
  uint64_t unsent = 0;
  if (t->status != FINE && t->stop)
    return;
  int result = fdwire_conn_finish(t->conn, &unsent, FINISH_MS);
  if (unsent > 0 || (result < 0 && t->status == FINE && !t->stop && result != -ETIMEDOUT)) {
    complain("%llu bytes were not sent: %s", (unsigned long long)unsent, fdwire_error_name(result));
    fail(t, LOST);
  }
}

static void converse(struct talk *t) {
  while ((t->receiving || t->sending) && !t->stop) {
    if (t->sending)
      transmit(t);
    receive(t);
    int result = show_flush(t->show);
    if (result < 0) {
      if (result != -EPIPE)
        complain_of("standard output", result);
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
  if (open_conn(&t) < 0)
    return LOST;
  converse(&t);
  progress_over(&t);
  if (options->stats)
    report(&t, begin);
  finish(&t);
  fdwire_conn_free(t.conn);
  message_clear(&t.message);
  bytes_free(&t.message.head);
  bytes_free(&t.message.body);
  bytes_free(&t.frame);
  /* A command that failed is why it was lost. */
  int command = end_command(peer, t.stop);
  return command != FINE && (t.status == FINE || t.status == LOST) ? command : t.status;
}
