/* Messages to be sent: from the command line, from files, and from standard input, which gives them
 * as lines, as hex digits, as frames, or all of it as one. */
#include "wirecat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* INPUT_MAX: of one message that is held. What is in a regular file is not. */
enum { CHUNK = 64 << 10, INPUT_MAX = 1 << 30 };

void input_begin(struct input *input, const struct options *options,
                 const struct formats *formats) {
  memset(input, 0, sizeof *input);
  input->options = options;
  input->formats = formats;
}

void input_again(struct input *input) { input->next = 0; }

void input_free(struct input *input) {
  bytes_free(&input->read);
  fdwire_decoder_free(input->frames);
}

bool input_waits(const struct input *input) {
  const struct options *options = input->options;
  return input->next < options->source_count && options->sources[input->next].kind == STDIN &&
         !input->ended;
}

bool input_holds(const struct input *input) {
  const struct options *options = input->options;
  return input->next < options->source_count &&
         (options->sources[input->next].kind != STDIN || input->read.len > input->used);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static int read_all(int fd, struct bytes *bytes) {
  static uint8_t room[CHUNK];
  for (;;) {
    ssize_t n = bytes->len < INPUT_MAX ? read(fd, room, sizeof room) : -2;
    if (n == -2)
      return -EFBIG;
    if (n > 0)
      bytes_add(bytes, room, (size_t)n);
    else if (n == 0 || errno != EINTR)
      return n == 0 ? 0 : -errno;
  }
}

/* What is in a regular file stays there until it is sent. */
static int take_file(int fd, struct message *message) {
  struct stat about;
  off_t at = lseek(fd, 0, SEEK_CUR);
  if (fstat(fd, &about) < 0)
    return -errno;
  if (!S_ISREG(about.st_mode) || at < 0 || at > about.st_size)
    return read_all(fd, &message->body);
  message->file = fd;
  message->offset = (uint64_t)at;
  message->size = (uint64_t)(about.st_size - at);
  return 0;
}

static int open_file(const char *path, struct message *message) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int result = fd < 0 ? -errno : take_file(fd, message);
  if (fd >= 0 && message->file < 0)
    close(fd);
  if (result < 0)
    complain_of(path, result);
  return result < 0 ? -EIO : 1;
}

int load_file(struct message *message) {
  int fd = message->file;
  int result = lseek(fd, (off_t)message->offset, SEEK_SET) < 0 ? -errno
                                                               : read_all(fd, &message->body);
  if (fd > STDIN_FILENO)
    close(fd);
  message->file = -1;
  return result;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static int parse(struct input *input, const char *where, const uint8_t *text, size_t len,
                 struct message *message) {
  const char *wrong = NULL;
  if (input->options->in == IN_TEXT)
    wrong = parse_text(text, len, message);
  else if (input->options->in == IN_HEX)
    wrong = parse_hex(text, len, message);
  else
    bytes_add(&message->body, text, len);
  if (wrong == NULL)
    return 1;
  if (where != NULL)
    complain("%s: %s", where, wrong);
  else
    complain("line %llu: %s", (unsigned long long)input->lines, wrong);
  return -EINVAL;
}

/* The next line, without its end; the last one may have none. */
static int next_line(struct input *input, struct message *message) {
  const uint8_t *line = input->read.at + input->used;
  size_t len = input->read.len - input->used;
  const void *end = len > input->searched
                        ? memchr(line + input->searched, '\n', len - input->searched)
                        : NULL;
  if (end == NULL && (!input->ended || len == 0))
    return input->searched = len, input->ended ? 0 : -EAGAIN;
  size_t line_len = end == NULL ? len : (size_t)((const uint8_t *)end - line);
  input->used += line_len + (end != NULL);
  input->searched = 0;
  input->lines++;
  return parse(input, NULL, line, line_len, message);
}

/* ---- Frames ---------------------------------------------------------------------------------- */

static int explain_frames(struct input *input) {
  char why[1000];
  fdwire_decoder_explain(input->frames, why, sizeof why);
  complain("standard input: %s", why);
  return -EIO;
}

static int make_decoder(struct input *input) {
  const struct formats *formats = input->formats;
  bool first = formats->send_first != NULL;
  return fdwire_decoder_new(first ? formats->send_first : formats->send, &input->frames);
}

/* The next message of a stream of frames, head and all. */
static int next_frame(struct input *input, struct message *message) {
  fdwire_msg msg;
  int result = input->frames == NULL ? make_decoder(input) : 0;
  size_t left = input->read.len - input->used;
  if (result == 0 && left > 0)
    result = fdwire_decoder_feed(input->frames, input->read.at + input->used, left);
  input->used += left;
  if (result < 0)
    return complain_of("standard input", result), -EIO;
  result = fdwire_decoder_next(input->frames, &msg);
  if (result == 0 && input->ended && (result = fdwire_decoder_finish(input->frames)) == 1)
    result = fdwire_decoder_next(input->frames, &msg);
  if (result < 0)
    return explain_frames(input);
  if (result == 0)
    return input->ended ? 0 : -EAGAIN;
  bytes_add(&message->head, msg.head, msg.head_len);
  bytes_add(&message->body, msg.body, msg.body_len);
  if (input->lines++ == 0 && input->formats->send_first != NULL &&
      fdwire_decoder_set_format(input->frames, input->formats->send) < 0)
    return explain_frames(input);
  return 1;
}

/* ---- Sources --------------------------------------------------------------------------------- */

static bool is_regular(int fd) {
  struct stat about;
  return fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

/* All that comes is one message. */
static int next_raw(struct input *input, struct message *message) {
  if (input->done)
    return 0;
  if (!input->ended && is_regular(STDIN_FILENO)) {
    input->ended = true;
    int result = take_file(STDIN_FILENO, message);
    if (result < 0)
      return complain_of("standard input", result), -EIO;
  }
  if (!input->ended)
    return -EAGAIN;
  bytes_add(&message->body, input->read.at, input->read.len);
  bytes_free(&input->read);
  input->done = true;
  return 1;
}

static int next_of_stdin(struct input *input, struct message *message) {
  switch (input->options->in) {
  case IN_RAW: return next_raw(input, message);
  case IN_FRAMES: return next_frame(input, message);
  default: return next_line(input, message);
  }
}

int input_next(struct input *input, struct message *message) {
  const struct options *options = input->options;
  while (input->next < options->source_count) {
    const struct source *source = &options->sources[input->next];
    int result = 0;
    if (source->kind == STDIN && (result = next_of_stdin(input, message)) != 0)
      return result;
    input->next++;
    if (source->kind == PATH)
      return open_file(source->text, message);
    if (source->kind == WORD)
      return parse(input, source->text, (const uint8_t *)source->text, strlen(source->text),
                   message);
  }
  return 0;
}

int input_read(struct input *input) {
  static uint8_t room[CHUNK];
  ssize_t n = read(STDIN_FILENO, room, sizeof room);
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return 0;
  if (n < 0)
    return complain_of("standard input", -errno), -EIO;
  input->ended = n == 0;
  bytes_drop(&input->read, input->used);
  input->used = 0;
  bytes_add(&input->read, room, (size_t)n);
  if (input->read.len > INPUT_MAX)
    return complain_of("standard input", -EFBIG), -EIO;
  return 0;
}
