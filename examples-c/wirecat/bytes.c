/* Bytes in memory, and the ways in which people write them. */
#include "wirecat.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void bytes_room(struct bytes *bytes, size_t len) {
  size_t cap = bytes->cap < 64 ? 64 : bytes->cap;
  if (len <= bytes->cap)
    return;
  while (cap < len && cap <= SIZE_MAX / 2)
    cap *= 2;
  void *at = cap < len ? NULL : realloc(bytes->at, cap);
  if (at == NULL) {
    complain("there is no memory for %zu bytes", len);
    exit(LOST);
  }
  bytes->at = (uint8_t *)at;
  bytes->cap = cap;
}

void bytes_add(struct bytes *bytes, const void *more, size_t len) {
  bytes_room(bytes, len <= SIZE_MAX - bytes->len ? bytes->len + len : SIZE_MAX);
  if (len > 0)
    memcpy(bytes->at + bytes->len, more, len);
  bytes->len += len;
}

void bytes_drop(struct bytes *bytes, size_t len) {
  bytes->len -= len;
  if (bytes->len > 0)
    memmove(bytes->at, bytes->at + len, bytes->len);
}

void bytes_free(struct bytes *bytes) {
  free(bytes->at);
  memset(bytes, 0, sizeof *bytes);
}

/* The memory is kept for the next, unless it is much. */
static void bytes_clear(struct bytes *bytes) {
  if (bytes->cap > 1 << 20)
    bytes_free(bytes);
  bytes->len = 0;
}

void message_clear(struct message *message) {
  bytes_clear(&message->head);
  bytes_clear(&message->body);
  if (message->file > STDIN_FILENO)
    close(message->file);
  message->file = -1;
  message->offset = message->size = 0;
}

static int hex_digit(uint8_t c) {
  const char *digits = "0123456789abcdef", *at = strchr(digits, tolower(c));
  return c == 0 || at == NULL ? -1 : (int)(at - digits);
}

/* What was read so far was the head. */
static const char *end_head(struct message *message, bool *barred) {
  if (*barred)
    return "a second bar: there is one between head and body, and \\| is a bar in them";
  struct bytes swap = message->head;
  message->head = message->body;
  message->body = swap;
  *barred = true;
  return NULL;
}

/* The byte that an escape stands for, and how long it is; 0 if it is none. */
static size_t unescape(const uint8_t *p, size_t len, uint8_t *byte) {
  static const char names[] = "rnt0\\|'", values[] = "\r\n\t\0\\|'";
  if (len >= 4 && p[1] == 'x' && hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
    *byte = (uint8_t)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
    return 4;
  }
  const char *at = len < 2 || p[1] == 0 ? NULL : strchr(names, p[1]);
  *byte = at == NULL ? 0 : (uint8_t)values[at - names];
  return at == NULL ? 0 : 2;
}

const char *parse_text(const uint8_t *text, size_t len, struct message *message) {
  bool barred = false;
  for (size_t i = 0, used; i < len; i += used) {
    uint8_t byte = text[i];
    used = byte == '\\' ? unescape(text + i, len - i, &byte) : 1;
    if (used == 0)
      return "no such escape: there are \\r \\n \\t \\0 \\\\ \\| \\' and \\xHH";
    const char *wrong = text[i] == '|' ? end_head(message, &barred) : NULL;
    if (wrong != NULL)
      return wrong;
    if (text[i] != '|')
      bytes_add(&message->body, &byte, 1);
  }
  return NULL;
}

const char *parse_hex(const uint8_t *text, size_t len, struct message *message) {
  bool barred = false;
  for (size_t i = 0; i < len; i++) {
    if (text[i] == '|') {
      const char *wrong = end_head(message, &barred);
      if (wrong != NULL)
        return wrong;
    } else if (!isspace(text[i])) {
      int high = hex_digit(text[i]), low = i + 1 < len ? hex_digit(text[++i]) : -1;
      if (high < 0 || low < 0)
        return "no pair of hex digits";
      uint8_t byte = (uint8_t)(high << 4 | low);
      bytes_add(&message->body, &byte, 1);
    }
  }
  return NULL;
}

int utf8_len(const uint8_t *p, size_t len) {
  /* What the first byte says of the second: overlong forms, surrogates and what lies over U+10FFFF
   * show there. */
  uint8_t least = 0x80, most = 0xbf;
  if (len == 0 || p[0] < 0x80)
    return len == 0 ? 0 : 1;
  if (p[0] < 0xc2 || p[0] > 0xf4)
    return -1;
  size_t need = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  if (p[0] == 0xe0 || p[0] == 0xf0)
    least = p[0] == 0xe0 ? 0xa0 : 0x90;
  if (p[0] == 0xed || p[0] == 0xf4)
    most = p[0] == 0xed ? 0x9f : 0x8f;
  for (size_t i = 1; i < need && i < len; i++, least = 0x80, most = 0xbf)
    if (p[i] < least || p[i] > most)
      return -1;
  return len < need ? 0 : (int)need;
}
