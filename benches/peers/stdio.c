/* The C library's streams, with buffers of 64 KiB. They are given room of their own, since glibc
 * forgets the size of a buffer that it is to find itself; and one thread uses each, so that they
 * need no locks. */
#include "peer.h"

static FILE *in, *out;
static uint8_t *body;

static FILE *open_stream(int fd, const char *how) {
  FILE *stream = fdopen(fd, how);
  if (stream == NULL || setvbuf(stream, room_for(64 * KIB), _IOFBF, 64 * KIB) != 0)
    die_of("fdopen");
  return stream;
}

static void open_streams(struct end *end) {
  in = open_stream(end->fd, "r");
  out = open_stream(dup(end->fd), "w");
  body = room_for(end->size);
}

static void put(struct end *end, const uint8_t *bytes, size_t len) {
  uint8_t head[4];
  (void)end;
  put_head(head, len);
  if (fwrite_unlocked(head, 1, 4, out) != 4 || fwrite_unlocked(bytes, 1, len, out) != len)
    die_of("fwrite");
}

static void flush(struct end *end) {
  (void)end;
  if (fflush_unlocked(out) != 0)
    die_of("fflush");
}

static void say(struct end *end, const uint8_t *bytes, size_t len) {
  put(end, bytes, len);
  flush(end);
}

static const uint8_t *hear(struct end *end, size_t *len) {
  uint8_t head[4];
  if (fread_unlocked(head, 1, 4, in) != 4)
    die("the stream ended early");
  *len = get_head(head);
  if (*len > end->size || fread_unlocked(body, 1, *len, in) != *len)
    die("a message is too long, or cut off");
  return body;
}

static void send_stream(struct end *end, long n) {
  for (; n > 0; n--)
    put(end, next_body(end), end->size);
  flush(end);
}

static void receive_stream(struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    const uint8_t *bytes = hear(end, &len);
    take(end, bytes, len);
  }
}

static const struct way ways[] = {
    {"64k", open_streams, send_stream, receive_stream, say, hear, NULL},
    {0},
};

int main(int argc, char **argv) {
  return peer(argc, argv, ways, "glibc's stdio");
}
