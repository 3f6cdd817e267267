/* Sends messages to an echo server, holds each answer against what was sent, and shows what went over the wire.
 *
 *     echo_client ADDRESS [MESSAGE | @FILE]...        echo_client 127.0.0.1:9000 hello "" @picture.png
 */
#include "example.h"

#include <string.h>
#include <sys/socket.h>

struct bytes {
  char *at;
  size_t len;
};

/* A message from the command line: itself, or what is in a file. */
static struct bytes message(const char *argument) {
  struct bytes body = {NULL, strlen(argument)};
  if (argument[0] != '@') {
    body.at = malloc(body.len + 1);
    if (body.at != NULL)
      memcpy(body.at, argument, body.len + 1);
    return body;
  }
  FILE *file = fopen(argument + 1, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
    perror(argument + 1);
    exit(1);
  }
  body.len = (size_t)ftell(file);
  rewind(file);
  body.at = malloc(body.len + 1);
  if (body.at == NULL || fread(body.at, 1, body.len, file) != body.len) {
    perror(argument + 1);
    exit(1);
  }
  fclose(file);
  return body;
}

/* Adler-32 (RFC 1950), in its plainest form. */
static unsigned long checksum(struct bytes body) {
  unsigned long a = 1, b = 0;
  for (size_t i = 0; i < body.len; i++) {
    a = (a + (unsigned char)body.at[i]) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

static void show(const char *arrow, const unsigned char *wire, size_t wire_len, struct bytes body) {
  printf("  %s ", arrow);
  for (size_t i = 0; i < wire_len; i++)
    printf(" %02x", wire[i]);
  printf("%s  %zu bytes, adler32 %08lx\n", body.len + 4 > wire_len ? " ..." : "", body.len, checksum(body));
}

/* The beginning of the frame that this body gets. */
static void show_sent(struct bytes body) {
  unsigned char wire[16];
  size_t len = 0, more = body.len < 12 ? body.len : 12;
  check("head", fdwire_format_head(NULL, NULL, 0, body.len, wire, sizeof wire, &len));
  memcpy(wire + len, body.at, more);
  show("->", wire, len + more, body);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: echo_client ADDRESS [MESSAGE | @FILE]...\n");
    return 2;
  }
  int fd = check(argv[1], fdwire_connect(argv[1], 5000));
  for (int i = 2; i < argc; i++) {
    struct bytes sent = message(argv[i]), got = {malloc(sent.len + 1), 0};
    if (sent.at == NULL || got.at == NULL)
      return 1;
    check("send", fdwire_send(fd, NULL, sent.at, sent.len, 10000));
    show_sent(sent);
    unsigned char wire[16]; /* the bytes as they are on the wire, seen before fdwire takes them */
    ssize_t seen = recv(fd, wire, sizeof wire, MSG_PEEK);
    if (check("receive", fdwire_recv(fd, NULL, got.at, sent.len, &got.len, 10000)) == 0) {
      fprintf(stderr, "the server has ended the connection\n");
      return 1;
    }
    show("<-", wire, seen > 0 ? (size_t)seen : 0, got);
    if (got.len != sent.len || memcmp(got.at, sent.at, got.len) != 0) {
      fprintf(stderr, "the answer is not what was sent\n");
      return 1;
    }
    free(sent.at);
    free(got.at);
  }
  check("finish", fdwire_finish(fd, 5000));
  printf("  %d messages came back as they were sent\n", argc - 2);
  return 0;
}
