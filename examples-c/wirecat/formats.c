/* The formats of both directions, and what is said about formats. */
#include "wirecat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Protocols in which the first message of a client has a format of its own. */
static const char *const openings[][2] = {{"postgres", "postgres-startup"}};

static const char *opening(const char *format) {
  for (size_t i = 0; format != NULL && i < sizeof openings / sizeof *openings; i++)
    if (strcmp(openings[i][0], format) == 0)
      return openings[i][1];
  return NULL;
}

static bool make(const char *text, fdwire_format **format) {
  char why[400];
  if (text == NULL)
    return true;
  int result = fdwire_format_new(text, format, why, sizeof why);
  if (result < 0 && why[0] != 0)
    complain("format %s: %s", text, why);
  else if (result < 0)
    complain_of(text, result);
  return result == 0;
}

/* A client begins with the opening; a recorded stream may be that of either side. */
bool make_formats(struct formats *formats, const struct options *options) {
  const char *both = options->format == NULL ? "u32be" : options->format;
  const char *send = options->send_format != NULL ? options->send_format : both;
  const char *recv = options->recv_format != NULL ? options->recv_format : both;
  const char *send_first = options->send_first, *recv_first = options->recv_first;
  bool peer = options->address == NULL || strcmp(options->address, "-") != 0;
  bool client = between(options) || (peer && !options->listen);
  if (send_first == NULL && client)
    send_first = opening(send);
  if (recv_first == NULL && peer && !client)
    recv_first = opening(recv);
  memset(formats, 0, sizeof *formats);
  return make(send, &formats->send) && make(recv, &formats->recv) &&
         make(send_first, &formats->send_first) && make(recv_first, &formats->recv_first);
}

void free_formats(struct formats *formats) {
  fdwire_format_free(formats->send);
  fdwire_format_free(formats->recv);
  fdwire_format_free(formats->send_first);
  fdwire_format_free(formats->recv_first);
}

static char *picture(const fdwire_format *format) {
  size_t len = fdwire_format_describe(format, NULL, 0);
  char *text = (char *)malloc(len + 1);
  if (text != NULL)
    fdwire_format_describe(format, text, len + 1);
  return text;
}

static bool draw(const char *title, const fdwire_format *format) {
  char *text = format == NULL ? NULL : picture(format);
  if (text != NULL)
    printf("%s%s%s", title, *title == 0 ? "" : ":\n\n", text);
  free(text);
  return format == NULL || text != NULL;
}

/* One picture where there is one format. */
int describe_formats(const struct formats *formats) {
  char *sent = picture(formats->send), *received = picture(formats->recv);
  bool same = sent != NULL && received != NULL && strcmp(sent, received) == 0;
  bool alone = same && formats->send_first == NULL && formats->recv_first == NULL;
  free(sent);
  free(received);
  bool drawn = draw("sent first", formats->send_first) &&
               draw("received first", formats->recv_first) &&
               draw(alone ? "" : same ? "then, in both directions" : "sent", formats->send) &&
               (same || draw("received", formats->recv));
  return drawn && fflush(stdout) == 0 ? FINE : LOST;
}

int list_presets(const char *word) {
  for (size_t i = 0; fdwire_preset_name(i) != NULL; i++) {
    const char *name = fdwire_preset_name(i), *source = fdwire_preset_source(i);
    if (word == NULL || strstr(name, word) != NULL || strstr(source, word) != NULL)
      printf("%-24s %s\n%-24s %s\n", name, source, "", fdwire_preset_text(i));
  }
  return fflush(stdout) == 0 ? FINE : LOST;
}

/* ---- Heads and frames of messages that are sent ---------------------------------------------- */

static const struct bytes none = {NULL, 0, 0};

/* No head is one thing, an empty one another. */
static const uint8_t *at(const struct bytes *bytes) { return bytes->len > 0 ? bytes->at : NULL; }

/* Makes what has a length that is only known when it is made. */
static bool made(int *result, struct bytes *bytes, size_t len) {
  bytes->len = *result == 0 ? len : 0;
  if (*result == -ENOBUFS)
    bytes_room(bytes, len);
  return *result != -ENOBUFS;
}

static int head_of(const fdwire_format *format, const struct bytes *given, uint64_t body_len,
                   struct bytes *head) {
  int result;
  size_t len = 0;
  do
    result = fdwire_format_head(format, at(given), given->len, body_len, head->at, head->cap, &len);
  while (!made(&result, head, len));
  return result;
}

static uint64_t body_len(const struct message *message) {
  return message->file < 0 ? message->body.len : message->size;
}

int complete_head(const fdwire_format *format, struct message *message) {
  struct bytes whole = none, over = none;
  if (message->head.len == 0)
    return 0;
  int result = head_of(format, &message->head, body_len(message), &whole);
  /* It is no head by itself: its bytes are laid over those of one. */
  if (result < 0 && head_of(format, &none, body_len(message), &over) == 0 &&
      message->head.len < over.len) {
    memcpy(over.at, message->head.at, message->head.len);
    result = head_of(format, &over, body_len(message), &whole);
  }
  if (result == 0) {
    message->head.len = 0;
    bytes_add(&message->head, whole.at, whole.len);
  }
  bytes_free(&whole);
  bytes_free(&over);
  return result;
}

/* The frame is decoded again: what the format made of it shows then. */
static int parts_of(const fdwire_format *format, const struct bytes *frame, struct shown *shown) {
  fdwire_decoder *decoder;
  fdwire_msg msg;
  int result = fdwire_decoder_new(format, &decoder);
  if (result < 0)
    return result;
  result = fdwire_decoder_feed(decoder, frame->at, frame->len);
  if (result == 0)
    result = fdwire_decoder_finish(decoder);
  if (result == 1)
    result = fdwire_decoder_next(decoder, &msg);
  if (result == 1) {
    shown->head = frame->at;
    shown->head_len = msg.head_len;
    shown->tail_len = msg.tail_len;
  }
  fdwire_decoder_free(decoder);
  return result == 1 ? 0 : result < 0 ? result : -EINVAL;
}

int make_frame(const fdwire_format *format, const struct message *message, struct bytes *frame,
               struct shown *shown) {
  fdwire_msg msg = {at(&message->head), message->body.at, message->head.len, message->body.len, 0};
  int result;
  size_t len = 0;
  memset(shown, 0, sizeof *shown);
  shown->body_len = body_len(message);
  if (message->file >= 0) {
    result = head_of(format, &message->head, message->size, frame);
    shown->head = frame->at;
    shown->head_len = frame->len;
    return result;
  }
  do
    result = fdwire_encode(format, &msg, frame->at, frame->cap, &len);
  while (!made(&result, frame, len));
  return result < 0 ? result : parts_of(format, frame, shown);
}
