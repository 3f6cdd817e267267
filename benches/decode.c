/* Decoding without I/O beside hand-written C: what it costs to find the messages in a stream and to hand each to a function.
 *
 * The C is written twice: as a loop that hands over each message where it finds it, with nothing called in between, and as one
 * that gives arrays of 64 messages, as fdwire does.
 *
 * All get their bytes alike: copied from memory, in pieces of 64 KiB, into room of their own, where read(2) would put them,
 * and parse them there. So the times hold that copy, which is also timed alone. All run on one core, in alternating rounds;
 * each figure is a median with its range, each ratio the median of the ratios within a round. What a run handed over is
 * compared with what is in the stream: messages, bytes, and the first and last byte of each.
 *
 *     decode [ROUNDS]               the whole table
 *     decode MODE WORK PASSES       one work done one way, to be looked at with perf: decode many lines-64 50000
 */
#define _GNU_SOURCE
#include "fdwire.h"
#include "rounds.h"

#include <arpa/inet.h>
#include <sched.h>
#include <string.h>

enum { KIB = 1024, MIB = 1024 * KIB, PAGE = 4 * KIB, PIECE = 64 * KIB, BATCH = 64, MAX = MIB };

/* Bytes that a run decodes. */
static const size_t RUN = 48 * (size_t)MIB;

static __attribute__((noreturn)) void die(const char *what) {
  fprintf(stderr, "decode: %s\n", what);
  exit(1);
}

/* What becomes of a message: the least that a program may do with it. */

static struct sums {
  uint64_t messages, bytes, ends;
} sums;

static __attribute__((noinline)) void handle(const uint8_t *body, size_t len) {
  sums.messages++;
  sums.bytes += len;
  sums.ends += (uint64_t)body[0] << 16 | body[len - 1];
}

/* The stream: some messages, over and over. */

struct stream {
  uint8_t *bytes;
  size_t len, at;
  long pass, passes;
  double start;
};

/* As read(2): the next bytes of the stream, none at its end. The clock starts with the second pass. */
static size_t read_piece(struct stream *stream, void *room, size_t cap) {
  if (stream->at == stream->len) {
    stream->at = 0;
    if (stream->pass++ == 0)
      stream->start = now();
  }
  if (stream->pass > stream->passes)
    return 0;
  size_t len = stream->len - stream->at;
  if (len > PIECE)
    len = PIECE;
  if (len > cap)
    len = cap;
  memcpy(room, stream->bytes + stream->at, len);
  stream->at += len;
  return len;
}

/* What hand-written C does with a message that it found: to the function at once, or into an array first. */
typedef void giver(const uint8_t *head, const uint8_t *body, size_t len, const uint8_t *end);

static inline void give(const uint8_t *head, const uint8_t *body, size_t len, const uint8_t *end) {
  (void)head;
  (void)end;
  handle(body, len);
}

static fdwire_msg array[BATCH];
static size_t in_array;

static inline void give_array(void) {
  for (size_t i = 0; i < in_array; i++)
    handle(array[i].body, array[i].body_len);
  in_array = 0;
}

static inline void to_array(const uint8_t *head, const uint8_t *body, size_t len, const uint8_t *end) {
  fdwire_msg msg = {head, body, (size_t)(body - head), len, (size_t)(end - body) - len};
  array[in_array++] = msg;
  if (in_array == BATCH)
    give_array();
}

/* Hand-written C: gives what it finds and returns where the unfinished message begins, of which the first bytes are known to
 * hold no end. */
typedef const uint8_t *parser(const uint8_t *at, const uint8_t *end, size_t searched);
#define INLINE static inline __attribute__((always_inline))

INLINE const uint8_t *parse_u32be(const uint8_t *at, const uint8_t *end, giver *give_it) {
  while (end - at >= 4) {
    uint32_t len;
    memcpy(&len, at, 4);
    len = ntohl(len);
    if (len > MAX)
      die("too long a message");
    if ((size_t)(end - at) - 4 < len)
      break;
    give_it(at, at + 4, len, at + 4 + len);
    at += 4 + len;
  }
  return at;
}

INLINE const uint8_t *parse_lines(const uint8_t *at, const uint8_t *end, size_t searched, giver *give_it) {
  const uint8_t *from = at + searched, *lf;
  while ((lf = memchr(from, '\n', (size_t)(end - from))) != NULL) {
    size_t len = (size_t)(lf - at);
    if (len > 0 && lf[-1] == '\r')
      len--;
    if (len > MAX)
      die("too long a line");
    give_it(at, at, len, lf + 1);
    at = from = lf + 1;
  }
  if (end - at > MAX + 1)
    die("too long a line");
  return at;
}

static const uint8_t *u32be(const uint8_t *at, const uint8_t *end, size_t searched) {
  (void)searched;
  return parse_u32be(at, end, give);
}

static const uint8_t *u32be_arrays(const uint8_t *at, const uint8_t *end, size_t searched) {
  (void)searched;
  return parse_u32be(at, end, to_array);
}

static const uint8_t *lines(const uint8_t *at, const uint8_t *end, size_t searched) {
  return parse_lines(at, end, searched, give);
}

static const uint8_t *lines_arrays(const uint8_t *at, const uint8_t *end, size_t searched) {
  return parse_lines(at, end, searched, to_array);
}

static const struct work {
  const char *name, *format;
  parser *each, *arrays;
  size_t least, most; /* bytes in a body */
  const char *end;
} works[] = {
    {"u32be-64", "u32be max=1M", u32be, u32be_arrays, 64, 64, ""},
    {"u32be-1k", "u32be max=1M", u32be, u32be_arrays, 1024, 1024, ""},
    {"lines-64", "line max=1M", lines, lines_arrays, 64, 64, "\n"},
    {"lines-mixed", "line max=1M", lines, lines_arrays, 10, 200, "\n"},
    {"lines-crlf", "line max=1M", lines, lines_arrays, 64, 64, "\r\n"},
    {"lines-1k", "line max=1M", lines, lines_arrays, 1024, 1024, "\n"},
};
enum { WORKS = sizeof works / sizeof *works };

/* The ways to do it. All decode the whole stream. */

static uint8_t buffer[PIECE + 4 + MAX]; /* has room for a piece behind any unfinished message */

static void copy_alone(const struct work *work, struct stream *stream) {
  (void)work;
  while (read_piece(stream, buffer, sizeof buffer) > 0)
    ;
}

static void by_hand(parser *parse, struct stream *stream) {
  size_t held = 0, n;
  while ((n = read_piece(stream, buffer + held, sizeof buffer - held)) > 0) {
    const uint8_t *end = buffer + held + n;
    const uint8_t *rest = parse(buffer, end, held);
    give_array();
    held = (size_t)(end - rest);
    memmove(buffer, rest, held);
  }
  if (held > 0)
    die("the stream ended inside a message");
}

static void c_each(const struct work *work, struct stream *stream) {
  by_hand(work->each, stream);
}

static void c_arrays(const struct work *work, struct stream *stream) {
  by_hand(work->arrays, stream);
}

static fdwire_decoder *new_decoder(const struct work *work) {
  fdwire_format *format;
  fdwire_decoder *decoder;
  if (fdwire_format_new(work->format, &format, NULL, 0) != 0 || fdwire_decoder_new(format, &decoder) != 0)
    die("no decoder");
  fdwire_format_free(format);
  return decoder;
}

static size_t fill(fdwire_decoder *decoder, struct stream *stream) {
  void *room;
  size_t cap;
  if (fdwire_decoder_space(decoder, &room, &cap) != 0)
    die("fdwire_decoder_space");
  size_t n = read_piece(stream, room, cap);
  if (fdwire_decoder_commit(decoder, n) != 0)
    die("fdwire_decoder_commit");
  return n;
}

static void finish(fdwire_decoder *decoder, int result) {
  if (result != 0 || fdwire_decoder_finish(decoder) != 0)
    die("the stream was not decoded to its end");
  fdwire_decoder_free(decoder);
}

static void fdwire_many(const struct work *work, struct stream *stream) {
  fdwire_decoder *decoder = new_decoder(work);
  fdwire_msg msgs[BATCH];
  size_t count;
  int result = 0;
  while (result == 0 && fill(decoder, stream) > 0)
    while ((result = fdwire_decoder_next_many(decoder, msgs, BATCH, &count)) == 1)
      for (size_t i = 0; i < count; i++)
        handle(msgs[i].body, msgs[i].body_len);
  finish(decoder, result);
}

static void fdwire_one(const struct work *work, struct stream *stream) {
  fdwire_decoder *decoder = new_decoder(work);
  fdwire_msg msg;
  int result = 0;
  while (result == 0 && fill(decoder, stream) > 0)
    while ((result = fdwire_decoder_next(decoder, &msg)) == 1)
      handle(msg.body, msg.body_len);
  finish(decoder, result);
}

enum { COPY, C_EACH, C_ARRAYS, MANY, NEXT, MODES };
static const struct mode {
  const char *name;
  void (*decode)(const struct work *work, struct stream *stream);
} modes[MODES] = {
    [COPY] = {"copy", copy_alone}, [C_EACH] = {"each", c_each},     [C_ARRAYS] = {"arrays", c_arrays},
    [MANY] = {"many", fdwire_many}, [NEXT] = {"next", fdwire_one},
};

/* A stream of about so many bytes, and what there is in it. It begins in the middle of a page, and the
 * rooms that it is copied to at or near the beginning of one: processors copy slowly between places
 * that are nearly as far into their pages, and which contestant that hits is chance. */
static struct sums make_stream(const struct work *work, size_t len, struct stream *stream) {
  uint32_t random = 1;
  memset(stream, 0, sizeof *stream);
  uint8_t *memory = aligned_alloc(PAGE, (len + 4 + work->most + 2) / PAGE * PAGE + 2 * PAGE);
  if (memory == NULL)
    die("no memory");
  stream->bytes = memory + PAGE / 2;
  memset(&sums, 0, sizeof sums);
  while (stream->len < len) {
    random = random * 1664525 + 1013904223;
    size_t size = work->least + (random >> 16) % (work->most - work->least + 1);
    uint8_t *at = stream->bytes + stream->len;
    if (work->each == u32be) {
      uint32_t head = htonl((uint32_t)size);
      memcpy(at, &head, 4);
      at += 4;
    }
    memset(at, 'a' + (int)(random >> 8) % 26, size);
    at[size - 1] = 'z';
    handle(at, size);
    memcpy(at + size, work->end, strlen(work->end));
    stream->len = (size_t)(at + size - stream->bytes) + strlen(work->end);
  }
  return sums;
}

/* Nanoseconds a message, of a stream that has all that is `there` in each pass, behind one pass to warm up. */
static double run(const struct mode *mode, const struct work *work, struct stream *stream, struct sums there, long passes) {
  memset(&sums, 0, sizeof sums);
  stream->at = 0;
  stream->pass = 0;
  stream->passes = passes;
  mode->decode(work, stream);
  double taken = now() - stream->start;
  uint64_t times = mode == &modes[COPY] ? 0 : 1 + (uint64_t)passes;
  if (sums.messages != times * there.messages || sums.bytes != times * there.bytes || sums.ends != times * there.ends)
    die("what was decoded is not what was in the stream");
  return taken * 1e9 / (double)passes / (double)there.messages;
}

static const struct ratio {
  int mode, to;
} ratios[] = {{MANY, C_EACH}, {MANY, C_ARRAYS}, {NEXT, C_EACH}};
enum { RATIOS = sizeof ratios / sizeof *ratios };

/* Rounds alternate, and so does who goes first in them. */
static void compare(const struct work *work, size_t len, int rounds) {
  double times[MODES][ROUNDS_MAX], rates[RATIOS][ROUNDS_MAX];
  struct stream stream;
  struct sums there = make_stream(work, len, &stream);
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < MODES; i++) {
      int mode = (i + round) % MODES;
      times[mode][round] = run(&modes[mode], work, &stream, there, (long)(RUN / len));
    }
    for (int i = 0; i < RATIOS; i++)
      rates[i][round] = times[ratios[i].to][round] / times[ratios[i].mode][round];
  }
  free(stream.bytes - PAGE / 2);
  printf("| %-11s from %4zu KiB ", work->name, len / KIB);
  for (int mode = 0; mode < MODES; mode++)
    show(times[mode], rounds, 2);
  for (int i = 0; i < RATIOS; i++)
    show(rates[i], rounds, 2);
  printf("|\n");
  fflush(stdout);
}

static int run_one(const char *mode_name, const char *work_name, long passes) {
  for (int mode = 0; mode < MODES; mode++)
    for (int work = 0; work < WORKS; work++)
      if (strcmp(mode_name, modes[mode].name) == 0 && strcmp(work_name, works[work].name) == 0) {
        struct stream stream;
        struct sums there = make_stream(&works[work], 256 * KIB, &stream);
        printf("%.2f ns a message\n", run(&modes[mode], &works[work], &stream, there, passes));
        free(stream.bytes - PAGE / 2);
        return 0;
      }
  fprintf(stderr, "no such mode or work\n");
  return 2;
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set); /* where that core is not to be had, so be it */
}

int main(int argc, char **argv) {
  pin(1);
  if (argc == 4)
    return run_one(argv[1], argv[2], atol(argv[3]));
  int rounds = argc > 1 ? atoi(argv[1]) : 15;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "1 to %d rounds\n", ROUNDS_MAX);
    return 2;
  }
  printf("Nanoseconds a message: median and range of %d alternating rounds; rates as ratios within a round.\n", rounds);
  printf("The C is compiled by %s.\n\n", __VERSION__);
  printf("| work | copy alone | C, each | C, arrays | fdwire, %d a call | fdwire, one a call ", BATCH);
  printf("| %d a call: rate / C, each | %d a call: rate / C, arrays | one a call: rate / C, each |\n", BATCH, BATCH);
  printf("|---|---|---|---|---|---|---|---|---|\n");
  for (size_t len = 256 * KIB; len <= 4 * MIB; len *= 16)
    for (int work = 0; work < WORKS; work++)
      compare(&works[work], len, rounds);
  return 0;
}
