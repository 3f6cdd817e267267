/* A JSON object a line for each message. Heads and tails are hex digits. A body is text where it is
 * UTF-8 and not over a MiB: "body"; else base64: "body_base64". So it is known when enough is held
 * of it to tell, and no more is ever held. */
#include "wirecat.h"

#include <string.h>

enum { TEXT_MAX = 1 << 20 };

static void json_begin(struct show *show) {
  const struct shown *message = &show->message;
  fprintf(show->out, "{\"direction\":\"%s\",\"message\":%llu,\"offset\":%llu",
          message->sent ? "out" : "in", (unsigned long long)message->number,
          (unsigned long long)message->offset);
  if (show->options->time)
    fprintf(show->out, ",\"time\":%.6f", seconds() - show->begin);
}

static void json_open(struct show *show) {
  show->carried = 0;
  show->whole.len = 0;
  if (show->part != BODY)
    fprintf(show->out, ",\"%s\":\"", part_name(show));
  else if (show->part_len > TEXT_MAX)
    fputs(",\"body_base64\":\"", show->out);
}

/* Three bytes, or what is left of them, are four characters. */
static void base64(struct show *show) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t three = 0;
  for (size_t i = 0; i < 3; i++)
    three = three << 8 | (i < show->carried ? show->carry[i] : 0);
  char four[4];
  for (size_t i = 0; i < 4; i++)
    four[i] = i <= show->carried ? digits[three >> (18 - 6 * i) & 63] : '=';
  fwrite(four, 1, 4, show->out);
  show->carried = 0;
}

static void base64_bytes(struct show *show, const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    show->carry[show->carried++] = bytes[i];
    if (show->carried == 3)
      base64(show);
  }
}

static void json_bytes(struct show *show, const uint8_t *bytes, size_t len) {
  if (show->part != BODY)
    form_hex.bytes(show, bytes, len);
  else if (show->part_len > TEXT_MAX)
    base64_bytes(show, bytes, len);
  else
    bytes_add(&show->whole, bytes, len);
}

static bool is_utf8(const struct bytes *bytes) {
  size_t i = 0;
  for (int n; i < bytes->len && (n = utf8_len(bytes->at + i, bytes->len - i)) > 0;)
    i += (size_t)n;
  return i == bytes->len;
}

static void json_text(struct show *show) {
  static const char values[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
  for (size_t i = 0; i < show->whole.len; i++) {
    uint8_t byte = show->whole.at[i];
    const void *at = memchr(values, byte, sizeof values - 1);
    if (at != NULL)
      fprintf(show->out, "\\%c", names[(const char *)at - values]);
    else if (byte < 0x20 || byte == 0x7f)
      fprintf(show->out, "\\u%04x", byte);
    else
      putc(byte, show->out);
  }
}

/* What was cut off may be longer than what was held of it. */
static void json_close(struct show *show) {
  bool held = show->part == BODY && show->part_len <= TEXT_MAX, text = is_utf8(&show->whole);
  if (held)
    fputs(text ? ",\"body\":\"" : ",\"body_base64\":\"", show->out);
  if (held && text)
    json_text(show);
  else if (held)
    base64_bytes(show, show->whole.at, show->whole.len);
  if (show->carried > 0)
    base64(show);
  putc('"', show->out);
}

static void json_end(struct show *show, bool cut_off) {
  fputs(cut_off ? ",\"cut_off\":true}\n" : "}\n", show->out);
}

const struct form form_json = {json_begin, json_open, json_bytes, json_close, json_end, false};
