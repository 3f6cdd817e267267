/* A line for each message: as text with escapes, which --in text reads; as it is; as hex digits.
 * And raw, which has not even lines. */
#include "wirecat.h"

#include <string.h>

/* Which way it went, and when. */
static void text_begin(struct show *show) {
  fputs(show->strong, show->out);
  if (show->options->time)
    fprintf(show->out, "%.6f ", seconds() - show->begin);
  if (show->options->both)
    fputs(show->message.sent ? "> " : "< ", show->out);
  fputs(show->plain, show->out);
}

/* A bar stands between two parts. */
static void text_open(struct show *show) {
  unsigned before = show->options->parts & (show->part - 1);
  show->carried = 0;
  if (before != 0)
    putc('|', show->out);
  if (show->part != BODY)
    fputs(show->faint, show->out);
}

static bool is_plain(uint8_t byte) {
  return byte >= 0x20 && byte < 0x7f && byte != '\\' && byte != '|';
}

/* A zero is shown when it is known what is behind it: \0 before a digit looks like octal. */
static void show_zero(struct show *show, bool before_digit) {
  if (show->zero)
    fputs(before_digit ? "\\x00" : "\\0", show->out);
  show->zero = false;
}

static void escape(struct show *show, uint8_t byte) {
  static const char values[] = "\r\n\t\\|", names[] = "rnt\\|";
  const void *at = memchr(values, byte, sizeof values - 1);
  show->zero = byte == 0;
  if (show->zero)
    return;
  putc('\\', show->out);
  if (at != NULL)
    putc(names[(const char *)at - values], show->out);
  else
    fprintf(show->out, "x%02x", byte);
}

/* Characters that move the cursor or turn the direction of writing are not for a terminal. */
static bool is_visible(const uint8_t *p, int len) {
  if (len == 2)
    return p[0] != 0xc2 || p[1] >= 0xa0;
  if (len == 3 && p[0] == 0xe2 && (p[1] == 0x80 || p[1] == 0x81))
    return p[1] == 0x80 ? p[2] < 0xa8 || p[2] > 0xae : p[2] < 0xa6 || p[2] > 0xa9;
  return true;
}

static void character(struct show *show, int len) {
  show_zero(show, false);
  if (len == 1 ? is_plain(show->carry[0]) : len > 0 && is_visible(show->carry, len))
    fwrite(show->carry, 1, (size_t)len, show->out);
  else
    for (int i = 0; i < (len < 1 ? 1 : len); i++)
      escape(show, show->carry[i]);
  show->carried -= (size_t)(len < 1 ? 1 : len);
  memmove(show->carry, show->carry + (len < 1 ? 1 : len), show->carried);
}

/* A character may come in two parts: its beginning is kept. */
static void text_bytes(struct show *show, const uint8_t *bytes, size_t len) {
  for (size_t i = 0, run; i < len; i += run) {
    run = 0;
    while (show->carried == 0 && i + run < len && is_plain(bytes[i + run]))
      run++;
    if (run > 0) {
      show_zero(show, bytes[i] >= '0' && bytes[i] <= '9');
      fwrite(bytes + i, 1, run, show->out);
      continue;
    }
    show->carry[show->carried++] = bytes[i];
    run = 1;
    for (int n; (n = utf8_len(show->carry, show->carried)) != 0;)
      character(show, n);
  }
}

static void text_close(struct show *show) {
  while (show->carried > 0)
    character(show, -1);
  show_zero(show, false);
  if (show->part != BODY)
    fputs(show->plain, show->out);
  if (show->part_done < show->part_len && show->part_done == show->options->cut)
    fprintf(show->out, "... (%llu bytes)", (unsigned long long)show->part_len);
}

static void text_end(struct show *show, bool cut_off) {
  fputs(cut_off ? " (cut off)\n" : "\n", show->out);
}

static void hex_bytes(struct show *show, const uint8_t *bytes, size_t len) {
  static const char digits[] = "0123456789abcdef";
  char room[2 * 512];
  for (size_t i = 0, n = 0; i < len; i++) {
    room[n++] = digits[bytes[i] >> 4];
    room[n++] = digits[bytes[i] & 15];
    if (n == sizeof room || i + 1 == len) {
      fwrite(room, 1, n, show->out);
      n = 0;
    }
  }
}

static void raw_bytes(struct show *show, const uint8_t *bytes, size_t len) {
  fwrite(bytes, 1, len, show->out);
}

static void line_end(struct show *show, bool cut_off) {
  (void)cut_off;
  putc('\n', show->out);
}

const struct form form_text = {text_begin, text_open, text_bytes, text_close, text_end, true};
const struct form form_hex = {text_begin, text_open, hex_bytes, text_close, text_end, true};
const struct form form_lines = {NULL, NULL, raw_bytes, NULL, line_end, false};
const struct form form_raw = {NULL, NULL, raw_bytes, NULL, NULL, false};
