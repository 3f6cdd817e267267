/* Receives, and shows what comes while it comes. */
#include "talk.h"

#include <errno.h>
#include <unistd.h>

/* after: how much of the message is taken already. */
static void show_received(struct talk *t, const fdwire_msg *msg, uint64_t body_len, size_t after) {
  fdwire_stats stats = stats_of(t);
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
    struct counted asked;
    complain("the stream ended after %llu of %s", (unsigned long long)t->received,
             count(&asked, t->options->count, "message"));
    fail(t, BROKEN);
  }
}

void receive(struct talk *t) {
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
