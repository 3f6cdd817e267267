/* Shows messages, a part after the other, whatever the form; a body as it comes. */
#include "wirecat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct form *form_of(enum out_form out) {
  switch (out) {
  case OUT_LINES: return &form_lines;
  case OUT_HEX: return &form_hex;
  case OUT_DUMP: return &form_dump;
  case OUT_JSON: return &form_json;
  case OUT_RAW: return &form_raw;
  default: return &form_text;
  }
}

/* Standard output, unless that is the peer. */
void show_begin(struct show *show, const struct options *options) {
  bool taken = uses(options, STDOUT_FILENO);
  bool colour = taken ? options->colour_err : options->colour_out;
  memset(show, 0, sizeof *show);
  show->options = options;
  show->form = form_of(options->out);
  show->out = taken ? stderr : stdout;
  show->begin = seconds();
  show->faint = colour ? "\033[36m" : "";
  show->strong = colour ? "\033[1m" : "";
  show->plain = colour ? "\033[0m" : "";
}

void show_free(struct show *show) { bytes_free(&show->whole); }

const char *part_name(const struct show *show) {
  return show->part == HEAD ? "head" : show->part == BODY ? "body" : "tail";
}

static bool wanted(const struct show *show, unsigned part) {
  return (show->options->parts & part) != 0;
}

/* errno is that of the failure only as long as nothing else is done. */
static void check(struct show *show) {
  if (show->error == 0 && ferror(show->out))
    show->error = errno;
}

static void open_part(struct show *show, unsigned part, uint64_t len) {
  show->part = part;
  show->part_len = len;
  show->part_done = 0;
  if (show->form->open != NULL)
    show->form->open(show);
}

static void add(struct show *show, const uint8_t *bytes, size_t len) {
  show->part_done += len;
  if (len > 0)
    show->form->bytes(show, bytes, len);
  check(show);
}

static void close_part(struct show *show) {
  if (show->form->close != NULL)
    show->form->close(show);
}

static void whole_part(struct show *show, unsigned part, const uint8_t *bytes, size_t len) {
  if (!wanted(show, part))
    return;
  open_part(show, part, len);
  add(show, bytes, len);
  close_part(show);
}

void show_message(struct show *show, const struct shown *message) {
  show->message = *message;
  show->open = true;
  if (show->form->begin != NULL)
    show->form->begin(show);
  whole_part(show, HEAD, message->head, message->head_len);
  if (wanted(show, BODY))
    open_part(show, BODY, message->body_len);
}

void show_body(struct show *show, const void *bytes, size_t len) {
  uint64_t left = show->form->can_cut && show->options->cut < UINT64_MAX
                      ? show->options->cut - show->part_done
                      : UINT64_MAX;
  if (wanted(show, BODY))
    add(show, (const uint8_t *)bytes, len < left ? len : (size_t)left);
}

static void end(struct show *show, bool cut_off) {
  if (show->form->end != NULL)
    show->form->end(show, cut_off);
  check(show);
  show->open = false;
}

void show_end(struct show *show, const uint8_t *tail, size_t tail_len) {
  if (wanted(show, BODY))
    close_part(show);
  whole_part(show, TAIL, tail, tail_len);
  end(show, false);
}

/* The rest of the message will not come. */
void show_cut_off(struct show *show) {
  if (!show->open)
    return;
  if (wanted(show, BODY))
    close_part(show);
  end(show, true);
}

/* A reader that has enough needs no word about it. */
bool show_flush(struct show *show) {
  fflush(show->out);
  check(show);
  if (show->error != 0 && show->error != EPIPE && !show->complained)
    complain_of("standard output", -show->error);
  show->complained = show->error != 0;
  return show->error == 0;
}
