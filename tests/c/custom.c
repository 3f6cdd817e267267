/* Formats that a function of the program's own tells, be it good, wrong or lying. */
#include "check.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static fdwire_format *custom(fdwire_probe_fn probe, void *ctx, uint64_t max) {
  fdwire_format *format = NULL;
  NEED(fdwire_format_new_custom(probe, ctx, max, &format) == 0);
  return format;
}

static fdwire_decoder *decoder_of(fdwire_format *format) {
  fdwire_decoder *decoder = NULL;
  NEED(fdwire_decoder_new(format, &decoder) == 0);
  return decoder;
}

static int next_of(fdwire_decoder *decoder) {
  fdwire_msg msg;
  return fdwire_decoder_next(decoder, &msg);
}

/* Cap'n Proto over a stream: how many segments there are besides the first, the words in each, all filled up to a whole
   word of 8 bytes; then the segments. Here at most 16. */
static int64_t segments(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  unsigned *calls = (unsigned *)ctx;
  if (calls != NULL)
    ++*calls;
  if (len < 4) {
    *at_least = 8;
    return 0;
  }
  size_t count = (size_t)fdwire_get_u32le(bytes) + 1;
  if (count > 16)
    return -1;
  *head_len = (4 + 4 * count + 7) & ~(size_t)7;
  if (len < 4 + 4 * count) {
    *at_least = *head_len;
    return 0;
  }
  int64_t words = 0;
  for (size_t i = 0; i < count; i++)
    words += fdwire_get_u32le(bytes + 4 + 4 * i);
  return (int64_t)*head_len + 8 * words;
}

#define ONE_SEGMENT "\0\0\0\0\1\0\0\0"
#define TWO_SEGMENTS "\1\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0"
#define STREAM ONE_SEGMENT "8 bytes." TWO_SEGMENTS "16 bytes in two."

/* A digit, and as many bytes; it does not say how many bytes it needs. */
static int64_t digit(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  (void)ctx, (void)at_least;
  if (len == 0)
    return 0;
  *head_len = 1;
  return bytes[0] >= '0' && bytes[0] <= '9' ? 1 + (bytes[0] - '0') : INT64_MIN;
}

/* A decoder goes on with a format that was freed. */
static void frames_in_pieces_of_any_size(void) {
  for (size_t piece = 1; piece < sizeof STREAM; piece++) {
    unsigned calls = 0;
    fdwire_format *format = custom(segments, &calls, 1000);
    fdwire_decoder *decoder = decoder_of(format);
    fdwire_msg msg;
    int messages = 0;
    fdwire_format_free(format);
    for (size_t at = 0; at < sizeof STREAM - 1; at += piece) {
      size_t rest = sizeof STREAM - 1 - at;
      CHECK_IS(fdwire_decoder_feed(decoder, &STREAM[at], rest < piece ? rest : piece), 0);
      while (fdwire_decoder_next(decoder, &msg) == 1) {
        CHECK(msg.head_len == (messages == 0 ? 8 : 16) && msg.body == msg.head + msg.head_len && msg.tail_len == 0);
        const char *body = messages == 0 ? "8 bytes." : "16 bytes in two.";
        CHECK(msg.body_len == strlen(body) && memcmp(msg.body, body, msg.body_len) == 0);
        messages++;
      }
    }
    CHECK_IS(messages, 2);
    CHECK(calls > 0 && calls < 20); /* not asked before what it said it needs is there */
    CHECK_IS(fdwire_decoder_finish(decoder), 0);
    fdwire_decoder_free(decoder);
  }
}

static void what_is_needed(void) {
  fdwire_format *format = custom(segments, NULL, 1000);
  fdwire_decoder *decoder = decoder_of(format);
  CHECK_IS(fdwire_decoder_needed(decoder), 8);
  CHECK_IS(fdwire_decoder_feed(decoder, TWO_SEGMENTS, 8), 0);
  CHECK_IS(fdwire_decoder_needed(decoder), 8);
  CHECK_IS(fdwire_decoder_feed(decoder, &TWO_SEGMENTS[8], 8), 0);
  CHECK_IS(fdwire_decoder_needed(decoder), 16);
  CHECK_IS(fdwire_decoder_feed(decoder, "16 bytes in two.", 16), 0);
  CHECK_IS(fdwire_decoder_needed(decoder), 0);
  CHECK_IS(next_of(decoder), 1);
  CHECK_IS(fdwire_decoder_feed(decoder, "\0\0", 2), 0);
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  fdwire_decoder_free(decoder);
  fdwire_format_free(format);
}

/* As long as the function is not asked, what it would say of these bytes is not known. */
static void what_is_needed_before_it_is_asked(void) {
  fdwire_format *format = custom(segments, NULL, 1000);
  fdwire_decoder *decoder = decoder_of(format);
  CHECK_IS(fdwire_decoder_feed(decoder, "\377\377\377", 3), 0);
  CHECK_IS(next_of(decoder), 0);
  CHECK_IS(fdwire_decoder_feed(decoder, "\377\377", 2), 0);
  CHECK_IS(next_of(decoder), 0);
  CHECK_IS(fdwire_decoder_needed(decoder), 3);
  CHECK_IS(fdwire_decoder_feed(decoder, "\377\377\377", 3), 0);
  CHECK_IS(fdwire_decoder_needed(decoder), 0);
  CHECK_IS(next_of(decoder), FDWIRE_E_MALFORMED);
  fdwire_decoder_free(decoder);
  fdwire_format_free(format);
}

static void receiving(void) {
  static const struct {
    fdwire_probe_fn probe;
    const char *stream;
    size_t len;
    const char *bodies[2];
  } cases[] = {
      {segments, BYTES(STREAM "!"), {"8 bytes.", "16 bytes in two."}},
      {digit, BYTES("5hello4next!"), {"hello", "next"}},
  };
  for (size_t i = 0; i < 2; i++) {
    fdwire_format *format = custom(cases[i].probe, NULL, 1000);
    EACH_WAY(way) {
      for (size_t piece = 1; piece < 100; piece += 98) {
        int fds[2];
        char next = 0;
        struct writer_peer peer;
        open_way(way, fds);
        peer_writes(&peer, fds[1], cases[i].stream, cases[i].len, piece, 1, 0);
        for (size_t m = 0; m < 2; m++) {
          char body[16];
          size_t len = 99;
          CHECK_IS(fdwire_recv(fds[0], format, body, strlen(cases[i].bodies[m]), &len, 5000), 1);
          CHECK(len == strlen(cases[i].bodies[m]) && memcmp(body, cases[i].bodies[m], len) == 0);
        }
        CHECK(read(fds[0], &next, 1) == 1 && next == '!');
        peer_done(&peer);
        close_way(fds);
      }
    }
    fdwire_format_free(format);
  }
}

static void receiving_without_room_or_time(void) {
  fdwire_format *format = custom(segments, NULL, 1000);
  EACH_WAY(way) {
    int fds[2];
    char body[16];
    size_t len = 99;
    open_way(way, fds);
    CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 0), -EAGAIN);
    NEED(write(fds[1], STREAM, sizeof STREAM - 1) == sizeof STREAM - 1);
    sleep_ms(5);
    CHECK_IS(fdwire_recv(fds[0], format, body, 7, &len, 1000), -ENOBUFS);
    CHECK_IS(len, 8);
    if (way != PIPE) {
      CHECK_IS(fdwire_recv(fds[0], format, body, 8, &len, 0), 1);
      CHECK(len == 8 && memcmp(body, "8 bytes.", 8) == 0);
    }
    CHECK_IS(fdwire_recv(fds[0], format, body, 16, &len, 0), 1);
    CHECK(len == 16 && memcmp(body, "16 bytes in two.", 16) == 0);
    NEED(write(fds[1], ONE_SEGMENT, 8) == 8);
    close(fds[1]);
    CHECK_IS(fdwire_recv(fds[0], format, body, 16, &len, 1000), FDWIRE_E_TRUNCATED);
    close(fds[0]);
  }
  fdwire_format_free(format);
}

static void what_is_no_frame(void) {
  static const struct {
    fdwire_probe_fn probe;
    const char *bytes;
    size_t len;
  } cases[] = {{segments, BYTES("\20\0\0\0\1\0\0\0")}, {digit, BYTES("hello")}};
  for (size_t i = 0; i < 2; i++) {
    fdwire_format *format = custom(cases[i].probe, NULL, 1000);
    fdwire_decoder *decoder = decoder_of(format);
    char text[300];
    CHECK_IS(fdwire_decoder_feed(decoder, cases[i].bytes, cases[i].len), 0);
    CHECK_IS(next_of(decoder), FDWIRE_E_MALFORMED);
    CHECK_IS(fdwire_decoder_feed(decoder, "", 1), FDWIRE_E_MALFORMED);
    CHECK_IS(fdwire_decoder_skip(decoder), FDWIRE_E_MALFORMED);
    fdwire_decoder_explain(decoder, text, sizeof text);
    CHECK(strstr(text, "the program's own function says that this is no frame") != NULL);
    fdwire_decoder_free(decoder);
    EACH_WAY(way) {
      int fds[2];
      char body[8];
      size_t len = 99;
      open_way(way, fds);
      NEED(write(fds[1], cases[i].bytes, cases[i].len) == (ssize_t)cases[i].len);
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 1000), FDWIRE_E_MALFORMED);
      CHECK_IS(len, 99);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

static void what_is_too_long_is_skipped(void) {
  fdwire_format *format = custom(segments, NULL, 8);
  for (size_t piece = 1; piece < 50; piece += 3) {
    static const char stream[] = TWO_SEGMENTS "16 bytes in two." ONE_SEGMENT "8 bytes.";
    fdwire_decoder *decoder = decoder_of(format);
    int too_long = 0, messages = 0;
    for (size_t at = 0; at < sizeof stream - 1; at += piece) {
      size_t rest = sizeof stream - 1 - at;
      int result;
      CHECK_IS(fdwire_decoder_feed(decoder, stream + at, rest < piece ? rest : piece), 0);
      while ((result = next_of(decoder)) != 0) {
        CHECK(result == 1 || (result == FDWIRE_E_TOO_LONG && messages == 0 && too_long == 0));
        if (result == 1)
          messages++;
        else if (++too_long > 1 || fdwire_decoder_skip(decoder) < 0)
          break;
      }
    }
    CHECK(too_long == 1 && messages == 1);
    CHECK_IS(fdwire_decoder_finish(decoder), 0);
    fdwire_decoder_free(decoder);
  }
  fdwire_format_free(format);
}

/* What it says as soon as two bytes are there. */
struct lie {
  int64_t result;
  size_t head_len, at_least;
};

static int64_t liar(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  const struct lie *lie = (const struct lie *)ctx;
  (void)bytes;
  if (len < 2)
    return 0;
  *head_len = lie->head_len;
  *at_least = lie->at_least;
  return lie->result;
}

static void lies_are_found_out(void) {
  static const struct {
    struct lie lie;
    uint64_t max;
    int code;
  } cases[] = {
      {{3, 4, 0}, 100, FDWIRE_E_MALFORMED}, /* the body starts behind the frame */
      {{3, SIZE_MAX, 0}, 100, FDWIRE_E_MALFORMED},
      {{INT64_MAX, (64 << 10) + 1, 0}, UINT64_MAX, FDWIRE_E_MALFORMED}, /* no head is so long */
      {{INT64_MAX, SIZE_MAX, SIZE_MAX}, UINT64_MAX, FDWIRE_E_MALFORMED},
      {{-1, 0, SIZE_MAX}, 100, FDWIRE_E_MALFORMED},
      {{INT64_MIN, 3, 3}, 100, FDWIRE_E_MALFORMED},
      {{INT64_MAX, 0, 0}, 100, FDWIRE_E_TOO_LONG},
      {{102, 1, 0}, 100, FDWIRE_E_TOO_LONG},
      {{0, 0, SIZE_MAX}, 100, FDWIRE_E_TOO_LONG}, /* it needs more than any frame has */
      {{0, 0, 100 + (64 << 10) + 1}, 100, FDWIRE_E_TOO_LONG},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lie lie = cases[i].lie;
    fdwire_format *format = custom(liar, &lie, cases[i].max);
    fdwire_decoder *decoder = decoder_of(format);
    CHECK_IS(fdwire_decoder_feed(decoder, "abcd", 4), 0);
    int result = next_of(decoder);
    if (result != cases[i].code)
      printf("lie %zu\n", i);
    CHECK_IS(result, cases[i].code);
    CHECK_IS(next_of(decoder), cases[i].code);
    fdwire_decoder_free(decoder);
    EACH_WAY(way) {
      int fds[2];
      char body[8];
      size_t len = 99;
      open_way(way, fds);
      NEED(write(fds[1], "abcd", 4) == 4);
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 50), cases[i].code);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

/* Where anything is allowed, it is waited for, and costs nothing. */
static void a_frame_of_all_there_is(void) {
  struct lie lie = {INT64_MAX, 2, 0};
  fdwire_format *format = custom(liar, &lie, UINT64_MAX);
  fdwire_decoder *decoder = decoder_of(format);
  void *room;
  size_t cap = 0;
  CHECK_IS(fdwire_decoder_feed(decoder, "abcd", 4), 0);
  CHECK_IS(next_of(decoder), 0);
  CHECK_IS(fdwire_decoder_needed(decoder), (size_t)INT64_MAX - 4);
  CHECK_IS(fdwire_decoder_space(decoder, &room, &cap), 0);
  CHECK(cap <= 8192);
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  fdwire_decoder_free(decoder);
  EACH_WAY(way) {
    int fds[2];
    char body[8];
    size_t len = 99;
    open_way(way, fds);
    NEED(write(fds[1], "abcd", 4) == 4);
    CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 50), way == PIPE ? -ETIMEDOUT : -ENOBUFS);
    CHECK_IS(len, way == PIPE ? 99 : INT64_MAX - 2);
    close_way(fds);
  }
  fdwire_format_free(format);
}

/* Needing less than is there already is needing a byte more. */
static void needs_that_make_no_sense(void) {
  static const size_t needs[] = {0, 1, 2};
  for (size_t i = 0; i < 3; i++) {
    struct lie lie = {0, 5, needs[i]};
    fdwire_format *format = custom(liar, &lie, 1000);
    fdwire_decoder *decoder = decoder_of(format);
    CHECK_IS(fdwire_decoder_feed(decoder, "abcd", 4), 0);
    CHECK_IS(next_of(decoder), 0);
    CHECK_IS(fdwire_decoder_needed(decoder), 1);
    lie.result = 4, lie.head_len = 4; /* now it knows */
    CHECK_IS(fdwire_decoder_feed(decoder, "e", 1), 0);
    CHECK_IS(next_of(decoder), 1);
    fdwire_decoder_free(decoder);
    fdwire_format_free(format);
  }
}

/* A function that always wants more is stopped at the longest frame that the max allows. */
static void wanting_more_has_an_end(void) {
  struct lie lie = {0, 0, 0};
  fdwire_format *format = custom(liar, &lie, 1000);
  fdwire_decoder *decoder = decoder_of(format);
  char bytes[1000];
  size_t taken = 0;
  int result = 0;
  memset(bytes, 'x', sizeof bytes);
  for (; result == 0 && taken < 1 << 20; taken += sizeof bytes) {
    CHECK_IS(fdwire_decoder_feed(decoder, bytes, sizeof bytes), 0);
    result = next_of(decoder);
  }
  CHECK_IS(result, FDWIRE_E_TOO_LONG);
  CHECK(taken > (64 << 10) && taken < (64 << 10) + 3000);
  CHECK_IS(fdwire_decoder_skip(decoder), FDWIRE_E_TOO_LONG); /* nobody knows where to */
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  fdwire_decoder_free(decoder);
  fdwire_format_free(format);
}

/* Lines without a NUL. */
static int64_t line_without_nul(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len,
                                size_t *at_least) {
  (void)ctx, (void)head_len, (void)at_least;
  for (size_t i = 0; i < len; i++)
    if (bytes[i] == 0 || bytes[i] == '\n')
      return bytes[i] == 0 ? -1 : (int64_t)i + 1;
  return 0;
}

/* What lies behind the longest frame is none of its business, though it came with it. */
static void what_is_too_long_is_so_however_it_came(void) {
  static char bytes[(64 << 10) + 102];
  fdwire_format *format = custom(line_without_nul, NULL, 100);
  memset(bytes, 'x', sizeof bytes - 1);
  for (size_t last = 0; last < 3; last++) { /* so many bytes, the NUL among them, come by themselves */
    fdwire_decoder *decoder = decoder_of(format);
    CHECK_IS(fdwire_decoder_feed(decoder, bytes, sizeof bytes - last), 0);
    int result = next_of(decoder);
    if (result == 0 && fdwire_decoder_feed(decoder, bytes + sizeof bytes - last, last) == 0)
      result = next_of(decoder);
    CHECK_IS(result, FDWIRE_E_TOO_LONG);
    fdwire_decoder_free(decoder);
  }
  fdwire_format_free(format);
}

/* Says another length at each call. */
static int64_t fickle(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  unsigned *state = (unsigned *)ctx;
  (void)bytes;
  *state = *state * 1103515245 + 12345;
  *head_len = *state >> 16 & 7;
  *at_least = *state >> 20 & 15;
  return len == 0 ? 0 : (int64_t)(*state >> 24) % 40 - 1;
}

/* It makes no sense, and does no harm. */
static void a_function_that_changes_its_mind(void) {
  unsigned state = 1;
  fdwire_format *format = custom(fickle, &state, 30);
  for (int round = 0; round < 500; round++) {
    fdwire_decoder *decoder = decoder_of(format);
    fdwire_msg msg;
    char text[300];
    const void *rest;
    size_t taken = 0, shown = 0, left = 0;
    int result = 0;
    for (int i = 0; i < 50 && result >= 0; i++) {
      size_t needed = fdwire_decoder_needed(decoder);
      size_t piece = needed > 0 && needed < 20 ? needed : 7;
      CHECK_IS(fdwire_decoder_feed(decoder, "abcdefghijklmnopqrst", piece), 0);
      taken += piece;
      while ((result = fdwire_decoder_next(decoder, &msg)) == 1)
        shown += msg.head_len + msg.body_len + msg.tail_len;
      if (result == FDWIRE_E_TOO_LONG)
        result = fdwire_decoder_skip(decoder) == 0 ? 0 : -1;
    }
    CHECK(result == 0 || result == FDWIRE_E_MALFORMED || result == -1);
    fdwire_decoder_explain(decoder, text, sizeof text);
    CHECK_IS(fdwire_decoder_unread(decoder, &rest, &left), 0);
    CHECK(shown + left <= taken);
    fdwire_decoder_free(decoder);
  }
  fdwire_format_free(format);
}

/* Head and body go out as they are, if together they are a frame. */
static void sending(void) {
  fdwire_format *format = custom(segments, NULL, 16);
  fdwire_msg whole = {NULL, (const uint8_t *)TWO_SEGMENTS "16 bytes in two.", 0, 32, 0};
  fdwire_msg parts = {(const uint8_t *)TWO_SEGMENTS, (const uint8_t *)"16 bytes in two.", 16, 16, 0};
  unsigned char out[40];
  size_t len = 99;
  CHECK_IS(fdwire_encode(format, &whole, out, 31, &len), -ENOBUFS);
  CHECK_IS(len, 32);
  CHECK_IS(fdwire_encode(format, &whole, out, sizeof out, &len), 0);
  CHECK(len == 32 && memcmp(out, whole.body, len) == 0);
  CHECK_IS(fdwire_encode(format, &parts, out, sizeof out, &len), 0);
  CHECK(len == 32 && memcmp(out, whole.body, len) == 0);
  CHECK_IS(fdwire_format_head(format, TWO_SEGMENTS, 16, 16, out, sizeof out, &len), 0);
  CHECK(len == 16 && memcmp(out, TWO_SEGMENTS, len) == 0);
  CHECK_IS(fdwire_format_head(format, TWO_SEGMENTS, 16, 8, out, sizeof out, &len), FDWIRE_E_MALFORMED);
  CHECK_IS(fdwire_format_tail(format, TWO_SEGMENTS, 16, 16, out, sizeof out, &len), 0);
  CHECK_IS(len, 0);
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], format, whole.body, 32, -1), 0);
    close(fds[1]);
    CHECK(fdwire_read_exact(fds[0], out, 32, NULL, 1000) == 1 && memcmp(out, whole.body, 32) == 0);
    CHECK_IS(read(fds[0], out, 1), 0);
    close(fds[0]);
  }
  fdwire_format_free(format);
}

static void what_is_no_frame_is_not_sent(void) {
  static const struct {
    const char *frame;
    size_t len;
    int code;
  } cases[] = {
      {BYTES(ONE_SEGMENT "7 bytes"), FDWIRE_E_MALFORMED},
      {BYTES(ONE_SEGMENT "9 bytes.."), FDWIRE_E_MALFORMED},
      {BYTES(STREAM), FDWIRE_E_MALFORMED}, /* two at once are no frame */
      {BYTES(ONE_SEGMENT), FDWIRE_E_MALFORMED},
      {BYTES("\0\0"), FDWIRE_E_MALFORMED},
      {BYTES("\20\0\0\0\1\0\0\0"), FDWIRE_E_MALFORMED},
      {BYTES("\0\0\0\0\3\0\0\0" "24 bytes are over the max"), FDWIRE_E_TOO_LONG},
  };
  fdwire_format *format = custom(segments, NULL, 16);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_msg msg = {NULL, (const uint8_t *)cases[i].frame, 0, cases[i].len, 0};
    unsigned char out[40] = {9};
    size_t len = 99;
    CHECK_IS(fdwire_encode(format, &msg, out, sizeof out, &len), cases[i].code);
    CHECK(len == 99 && out[0] == 9);
    EACH_WAY(way) {
      int fds[2];
      open_way(way, fds);
      CHECK_IS(fdwire_send(fds[1], format, cases[i].frame, cases[i].len, 1000), cases[i].code);
      close(fds[1]);
      CHECK_IS(read(fds[0], out, 1), 0);
      close(fds[0]);
    }
  }
  fdwire_format_free(format);
}

static void *decode_often(void *arg) {
  long wrong = 0;
  for (int round = 0; round < 200; round++) {
    fdwire_decoder *decoder = decoder_of((fdwire_format *)arg);
    wrong += fdwire_decoder_feed(decoder, STREAM, sizeof STREAM - 1) != 0;
    wrong += next_of(decoder) != 1 || next_of(decoder) != 1 || next_of(decoder) != 0;
    fdwire_decoder_free(decoder);
  }
  return (void *)wrong;
}

static void several_threads_at_once(void) {
  fdwire_format *format = custom(segments, NULL, 1000);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    NEED(pthread_create(&threads[i], NULL, decode_often, format) == 0);
  for (int i = 0; i < 4; i++) {
    void *wrong = format;
    NEED(pthread_join(threads[i], &wrong) == 0);
    CHECK(wrong == NULL);
  }
  fdwire_format_free(format);
}

static void between_other_formats(void) {
  fdwire_format *format = custom(segments, NULL, 1000);
  fdwire_decoder *decoder = decoder_of(NULL);
  char picture[500];
  CHECK_IS(fdwire_decoder_feed(decoder, "\0\0\0\1x" ONE_SEGMENT "8 bytes.\0\0\0\1y", 26), 0);
  CHECK_IS(next_of(decoder), 1);
  CHECK_IS(fdwire_decoder_set_format(decoder, format), 0);
  CHECK_IS(next_of(decoder), 1);
  CHECK_IS(fdwire_decoder_set_format(decoder, NULL), 0);
  CHECK(fdwire_format_describe(format, picture, sizeof picture) > 0 && strstr(picture, "1000") != NULL);
  fdwire_format_free(format);
  CHECK_IS(next_of(decoder), 1);
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  fdwire_decoder_free(decoder);
}

static void null_pointers(void) {
  fdwire_format *format = NULL;
  CHECK_IS(fdwire_format_new_custom(NULL, NULL, 1000, &format), -EINVAL);
  CHECK_IS(fdwire_format_new_custom(digit, NULL, 1000, NULL), -EINVAL);
  CHECK(format == NULL);
}

int main(void) {
  check_begin();
  RUN(frames_in_pieces_of_any_size);
  RUN(what_is_needed);
  RUN(what_is_needed_before_it_is_asked);
  RUN(receiving);
  RUN(receiving_without_room_or_time);
  RUN(what_is_no_frame);
  RUN(what_is_too_long_is_skipped);
  RUN(lies_are_found_out);
  RUN(a_frame_of_all_there_is);
  RUN(needs_that_make_no_sense);
  RUN(wanting_more_has_an_end);
  RUN(what_is_too_long_is_so_however_it_came);
  RUN(a_function_that_changes_its_mind);
  RUN(sending);
  RUN(what_is_no_frame_is_not_sent);
  RUN(several_threads_at_once);
  RUN(between_other_formats);
  RUN(null_pointers);
  return check_end();
}
