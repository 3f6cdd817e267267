/* Sends what the input has, as far as the peer takes it. */
#include "talk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

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
  fdwire_stats stats = stats_of(t);
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
  int result = fdwire_conn_set_format(t->conn, FDWIRE_OUT, t->formats->send);
  return result < 0 ? result : 1;
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
bool held_back(const struct talk *t) {
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

void transmit(struct talk *t) {
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

/* The peer reads no more. Whether there was more to be said is known only of what is here. */
void deaf(struct talk *t) {
  bool more = !t->input_done && input_holds(t->input);
  bool unsent = more || t->left > 0 || fdwire_conn_pending(t->conn) > 0;
  int result = fdwire_conn_flush(t->conn, 0);
  t->sending = false;
  if (unsent)
    end_sending(t, result == -EAGAIN || result == 0 ? -EPIPE : result);
}
