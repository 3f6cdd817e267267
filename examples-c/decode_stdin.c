/* Shows the messages in a stream of any format: a recorded connection, a pipe, a file.
 *
 *     decode_stdin "u32be at=1 counts=field" postgres.bin        program | decode_stdin --skip "line max=80"
 *
 * It ends with 0 if the stream ended between messages, 1 if it broke or was cut off, 2 for a wrong command line. */
#include "example.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "usage: decode_stdin FORMAT [FILE]         shows the messages in FILE or standard input\n"
                            "       decode_stdin --skip FORMAT [FILE]  goes past those that are too long\n"
                            "       decode_stdin --describe FORMAT     draws a frame of the format\n"
                            "       decode_stdin --list                shows the formats that have a name\n"
                            "FORMAT is a text as fdwire.h explains it, or a name.\n";

static int is_text(const uint8_t *bytes, size_t len) {
  size_t i = 0;
  while (i < len && (isprint(bytes[i]) || isspace(bytes[i])))
    i++;
  return i == len;
}

static void show_text(const char *name, const uint8_t *bytes, size_t len) {
  int shown = len < 400 ? (int)len : 400;
  printf("  %s %8zu  \"%.*s\"%s\n", name, len, shown, (const char *)bytes, len > 400 ? " ..." : "");
}

static void show_hex(const char *name, const uint8_t *bytes, size_t len) {
  printf("  %s %8zu ", name, len);
  for (size_t i = 0; i < len && i < 24; i++)
    printf(" %02x", bytes[i]);
  printf("  |");
  for (size_t i = 0; i < len && i < 24; i++)
    putchar(isprint(bytes[i]) ? bytes[i] : '.');
  printf("|%s\n", len > 24 ? " ..." : "");
}

static unsigned long long messages; /* those that were skipped included */

/* The decoder stands behind this message. */
static void show_message(const fdwire_decoder *decoder, const fdwire_msg *msg) {
  unsigned long long end = fdwire_decoder_offset(decoder);
  printf("message %llu at %llu\n", ++messages, end - msg->head_len - msg->body_len - msg->tail_len);
  if (msg->head_len > 0)
    show_hex("head", msg->head, msg->head_len);
  (is_text(msg->body, msg->body_len) ? show_text : show_hex)("body", msg->body, msg->body_len);
  if (msg->tail_len > 0)
    show_hex("tail", msg->body + msg->body_len, msg->tail_len);
}

static void explain(const char *before, const fdwire_decoder *decoder) {
  char why[1000];
  fdwire_decoder_explain(decoder, why, sizeof why);
  fflush(stdout);
  fprintf(stderr, "%s%s\n", before, why);
}

/* Shows the messages that are there; then 0 if more bytes are needed, or why the stream is out of step. */
static int show_messages(fdwire_decoder *decoder, int skip) {
  fdwire_msg msg;
  int result;
  for (;;) {
    while ((result = fdwire_decoder_next(decoder, &msg)) == 1)
      show_message(decoder, &msg);
    if (result != FDWIRE_E_TOO_LONG || !skip)
      return result;
    explain("skipped: ", decoder);
    messages++;
    if ((result = fdwire_decoder_skip(decoder)) < 0)
      return result;
  }
}

static int decode(fdwire_decoder *decoder, int fd, int skip) {
  void *room;
  size_t cap;
  ssize_t n;
  do {
    check("space", fdwire_decoder_space(decoder, &room, &cap));
    if ((n = read(fd, room, cap)) < 0)
      return perror("read"), 1;
    check("commit", fdwire_decoder_commit(decoder, (size_t)n));
  } while (show_messages(decoder, skip) == 0 && n > 0);
  /* The end of the stream cuts a message off, or completes it; what broke before is said once more. */
  if (fdwire_decoder_finish(decoder) == 0 || show_messages(decoder, skip) == 0)
    return 0;
  return explain("", decoder), 1;
}

static int describe(const fdwire_format *format) {
  char picture[10000];
  fdwire_format_describe(format, picture, sizeof picture);
  return fputs(picture, stdout) < 0;
}

static int list(void) {
  for (size_t i = 0; fdwire_preset_name(i) != NULL; i++)
    printf("%s\n  %s\n  %s\n", fdwire_preset_name(i), fdwire_preset_text(i), fdwire_preset_source(i));
  return 0;
}

int main(int argc, char **argv) {
  const char *option = argc > 1 && argv[1][0] == '-' ? argv[1] : "";
  int skip = strcmp(option, "--skip") == 0, draw = strcmp(option, "--describe") == 0;
  int left = argc - 1 - (skip || draw);
  if (strcmp(option, "--help") == 0)
    return fputs(usage, stdout) < 0;
  if (strcmp(option, "--list") == 0)
    return list();
  if ((*option != 0 && !skip && !draw) || left < 1 || left > 2 - draw)
    return fputs(usage, stderr), 2;

  const char *text = argv[argc - left], *file = left > 1 ? argv[argc - 1] : NULL;
  char why[300];
  fdwire_format *format;
  fdwire_decoder *decoder;
  if (fdwire_format_new(text, &format, why, sizeof why) < 0)
    return fprintf(stderr, "%s\n", why), 2;
  int fd = file == NULL ? STDIN_FILENO : open(file, O_RDONLY);
  if (fd < 0)
    return perror(file), 2;
  check("decoder", fdwire_decoder_new(format, &decoder));
  int result = draw ? describe(format) : decode(decoder, fd, skip);
  fdwire_decoder_free(decoder);
  fdwire_format_free(format);
  return result;
}
