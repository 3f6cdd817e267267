/* The decoder: bytes in whatever pieces they come, whole messages out, and a reason where there are none. */
#include "check.h"

/* A decoder for a format's text, NULL for the default. It goes on with the format after that was freed. */
static fdwire_decoder *decoder_of(const char *text) {
  fdwire_format *format = text == NULL ? NULL : format_of(text);
  fdwire_decoder *decoder = NULL;
  NEED(fdwire_decoder_new(format, &decoder) == 0);
  fdwire_format_free(format);
  return decoder;
}

static void change_format(fdwire_decoder *decoder, const char *text) {
  fdwire_format *format = format_of(text);
  CHECK_IS(fdwire_decoder_set_format(decoder, format), 0);
  fdwire_format_free(format);
}

#define FEED(decoder, bytes) CHECK_IS(fdwire_decoder_feed(decoder, bytes, sizeof(bytes) - 1), 0)

static int next_of(fdwire_decoder *decoder) {
  fdwire_msg msg;
  return fdwire_decoder_next(decoder, &msg);
}

static int is(const fdwire_msg *msg, const char *body) {
  return msg->body_len == strlen(body) && memcmp(msg->body, body, msg->body_len) == 0;
}

static int gives(fdwire_decoder *decoder, const char *body) {
  fdwire_msg msg;
  return fdwire_decoder_next(decoder, &msg) == 1 && is(&msg, body);
}

static int hands_over(fdwire_decoder *decoder, const void *bytes, size_t len) {
  const void *rest = NULL;
  size_t rest_len = 99;
  int result = fdwire_decoder_unread(decoder, &rest, &rest_len);
  return result == 0 && rest_len == len && (len == 0 || memcmp(rest, bytes, len) == 0);
}

#define MANY 2000

/* MANY messages of u16be, of sizes from 0 to 699. */
static unsigned char *stream_of_many(size_t *len) {
  unsigned char *stream = (unsigned char *)malloc(MANY * 702);
  NEED(stream != NULL);
  *len = 0;
  for (unsigned i = 0; i < MANY; i++) {
    unsigned char *body = pattern(i % 700, i);
    fdwire_put_u16be(stream + *len, (uint16_t)(i % 700));
    memcpy(stream + *len + 2, body, i % 700);
    *len += 2 + i % 700;
    free(body);
  }
  return stream;
}

static void check_one_of_many(const fdwire_msg *msg, unsigned i) {
  unsigned char *body = pattern(i % 700, i);
  CHECK(msg->body_len == i % 700 && memcmp(msg->body, body, msg->body_len) == 0);
  free(body);
}

static void reads_into_its_own_room(void) {
  fdwire_decoder *decoder = decoder_of("u16be");
  size_t len, at = 0, largest = 0, reads = 0;
  unsigned char *stream = stream_of_many(&len);
  unsigned count = 0;
  while (at < len) {
    void *room = NULL;
    size_t cap = 0, n = len - at;
    CHECK_IS(fdwire_decoder_space(decoder, &room, &cap), 0);
    if (at == 0)
      CHECK_IS(cap, 4096);
    largest = cap > largest ? cap : largest;
    n = n > cap ? cap : n;
    if (++reads % 3 == 0) /* now and then less than there was room for */
      n = n / 5 + 1;
    memcpy(room, stream + at, n);
    at += n;
    CHECK_IS(fdwire_decoder_commit(decoder, n), 0);
    fdwire_msg msg;
    while (fdwire_decoder_next(decoder, &msg) == 1)
      check_one_of_many(&msg, count++);
  }
  CHECK_IS(count, MANY);
  CHECK(largest >= 64 << 10); /* more, as more came */
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  fdwire_decoder_free(decoder);
  free(stream);
}

static void takes_pieces_of_any_size(void) {
  static const size_t pieces[] = {1, 2, 3, 701, 702, 5000, 1 << 20};
  size_t len;
  unsigned char *stream = stream_of_many(&len);
  for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
    fdwire_decoder *decoder = decoder_of("u16be");
    unsigned count = 0;
    for (size_t at = 0; at < len; at += pieces[p]) {
      size_t n = len - at < pieces[p] ? len - at : pieces[p];
      CHECK_IS(fdwire_decoder_feed(decoder, stream + at, n), 0);
      fdwire_msg msg;
      while (fdwire_decoder_next(decoder, &msg) == 1)
        check_one_of_many(&msg, count++);
    }
    CHECK_IS(count, MANY);
    fdwire_decoder_free(decoder);
  }
  free(stream);
}

/* Room is asked for at any time: also when more has come than the message needed of which the head was seen. */
static void room_behind_a_message_that_nobody_fetched(void) {
  fdwire_decoder *decoder = decoder_of(NULL);
  void *room;
  size_t cap;
  FEED(decoder, "\0\0\0\5h");
  CHECK_IS(next_of(decoder), 0);
  FEED(decoder, "ello\0\0\0\4ne");
  CHECK_IS(fdwire_decoder_space(decoder, &room, &cap), 0);
  CHECK_IS(fdwire_decoder_commit(decoder, 0), 0);
  CHECK(gives(decoder, "hello"));
  FEED(decoder, "xt");
  CHECK(gives(decoder, "next"));
  fdwire_decoder_free(decoder);
}

static void the_whole_frame_is_shown(void) {
  static const struct {
    const char *text, *frame, *body;
    size_t head, tail;
  } cases[] = {
      {"netstring", "5:hello,", "hello", 2, 1},
      {"delimited start='$' by='#' trail=2", "$hello#6a", "hello", 1, 3},
      {"headers length='L'", "A: b\r\nL: 5\r\n\r\nhello", "hello", 14, 0},
      {"line", "hello\r\n", "hello", 0, 2},
      {"decimal digits=3 pad=4 tail='!!'", "005hello!!", "hello", 3, 2},
      {"fixed head=2 size=7", "xyhello", "hello", 2, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t len = strlen(cases[i].frame), made = 0;
    fdwire_decoder *decoder = decoder_of(cases[i].text);
    fdwire_format *format = format_of(cases[i].text);
    fdwire_msg msg;
    char again[64];
    CHECK_IS(fdwire_decoder_feed(decoder, cases[i].frame, len), 0);
    CHECK_IS(fdwire_decoder_next(decoder, &msg), 1);
    CHECK(is(&msg, cases[i].body) && msg.body == msg.head + msg.head_len);
    CHECK(msg.head_len == cases[i].head && msg.tail_len == cases[i].tail);
    CHECK(memcmp(msg.head, cases[i].frame, len) == 0);
    /* What was received can be sent on; the tail is the format's own. */
    CHECK_IS(fdwire_encode(format, &msg, again, sizeof again, &made), 0);
    CHECK(made >= msg.head_len + msg.body_len && memcmp(again, cases[i].frame, msg.head_len + msg.body_len) == 0);
    fdwire_format_free(format);
    fdwire_decoder_free(decoder);
  }
}

static void many_at_once(void) {
  fdwire_decoder *decoder = decoder_of("u16be");
  fdwire_msg *msgs = (fdwire_msg *)malloc(MANY * sizeof *msgs);
  size_t len, count = 99, total = 0;
  unsigned char *stream = stream_of_many(&len);
  NEED(msgs != NULL);
  CHECK_IS(fdwire_decoder_next_many(decoder, msgs, MANY, &count), 0);
  CHECK_IS(count, 0);
  CHECK_IS(fdwire_decoder_feed(decoder, stream, len), 0);
  for (size_t cap = 1; total < MANY; cap = cap * 2 + 1) {
    CHECK_IS(fdwire_decoder_next_many(decoder, msgs + total, cap < MANY - total ? cap : MANY - total, &count), 1);
    CHECK(count == cap || total + count == MANY);
    total += count;
  }
  CHECK_IS(fdwire_decoder_next_many(decoder, msgs, 1, &count), 0);
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  CHECK(hands_over(decoder, "", 0));
  for (unsigned i = 0; i < MANY; i++)
    check_one_of_many(&msgs[i], i); /* all are still where they were */
  fdwire_decoder_free(decoder);
  free(stream);
  free(msgs);
}

static void an_error_behind_messages_comes_with_the_next_call(void) {
  fdwire_decoder *decoder = decoder_of("line max=5");
  fdwire_msg msgs[8];
  size_t count = 0;
  FEED(decoder, "one\ntwo\nthree and more\nfour\n");
  CHECK_IS(fdwire_decoder_next_many(decoder, msgs, 8, &count), 1);
  CHECK(count == 2 && is(&msgs[0], "one") && is(&msgs[1], "two"));
  count = 99;
  CHECK_IS(fdwire_decoder_next_many(decoder, msgs, 8, &count), FDWIRE_E_TOO_LONG);
  CHECK_IS(count, 99); /* written on success only */
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_next_many(decoder, msgs, 8, &count), 1);
  CHECK(count == 1 && is(&msgs[0], "four"));
  fdwire_decoder_free(decoder);
}

/* Nothing moves what was lent but more room, more bytes, and the end. */
static void what_was_lent_stays(void) {
  fdwire_decoder *decoder = decoder_of("delimited start='<' by='>>' max=5");
  fdwire_msg first, second, third;
  char text[300];
  FEED(decoder, "<one>><two>><a long one that does not end yet");
  CHECK_IS(fdwire_decoder_next(decoder, &first), 1);
  CHECK_IS(fdwire_decoder_next(decoder, &second), 1);
  CHECK_IS(fdwire_decoder_next(decoder, &third), FDWIRE_E_TOO_LONG);
  CHECK(fdwire_decoder_explain(decoder, text, sizeof text) > 0);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_next(decoder, &third), 0);
  fdwire_decoder_needed(decoder);
  CHECK_IS(fdwire_decoder_commit(decoder, 0), 0);
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  CHECK(is(&first, "one") && is(&second, "two"));
  CHECK(memcmp(first.head, "<one>><two>>", 12) == 0);
  fdwire_decoder_free(decoder);
}

/* A message of each kind, and nothing else. */
static const struct {
  const char *text, *frame;
  size_t len;
} kinds[] = {
    {"u32be", "\0\0\0\5hello", 9},
    {"u16be at=3 head=7", "abc\0\5dehel", 10},
    {"u8 bodiless=0..3 counts=frame", "\2", 1},
    {"varint", "\200\1""0123456789012345678901234567890123456789012345678901234567890123"
               "0123456789012345678901234567890123456789012345678901234567890123", 130},
    {"ber", "\60\201\3abc", 6},
    {"decimal until=':'", "12:hello, world", 15},
    {"hex until='\\r\\n'", "c\r\nhello, world", 15},
    {"netstring", "5:hello,", 8},
    {"fixed size=5", "hello", 5},
    {"line", "hello\r\n", 7},
    {"nul", "hello", 6},
    {"delimited by='\\r\\n.\\r\\n'", "a\r\n..\r\nb\r\n.\r\n", 13},
    {"delimited start='$' by='#' trail=2", "$hello#6a", 9},
    {"headers length='L'", "A: b\r\nL: 5\r\n\r\nhello", 19},
    {"select u8 { 0..9: u16be at=1; else: crlf }", "\1\0\2ab", 5},
    {"select u8 { 0..9: u16be at=1; else: crlf }", "PING\r\n", 6},
};
#define EACH_KIND(k) for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)

/* Feeds just as much as is needed each time, and says how much that was. */
static size_t feed_what_is_needed(fdwire_decoder *decoder, const char *frame, size_t len, int asks_between) {
  size_t at = 0, needed;
  while ((needed = fdwire_decoder_needed(decoder)) > 0) {
    if (needed > len - at)
      return SIZE_MAX; /* past the message */
    CHECK_IS(fdwire_decoder_feed(decoder, frame + at, needed), 0);
    at += needed;
    if (asks_between && at < len)
      CHECK_IS(next_of(decoder), 0);
  }
  return at;
}

static void needed_reads_nothing_past_the_message(void) {
  EACH_KIND(k) {
    for (int asks_between = 0; asks_between < 2; asks_between++) {
      fdwire_decoder *decoder = decoder_of(kinds[k].text);
      for (int round = 0; round < 3; round++) {
        CHECK_IS(feed_what_is_needed(decoder, kinds[k].frame, kinds[k].len, asks_between), kinds[k].len);
        CHECK_IS(next_of(decoder), 1);
        CHECK_IS(next_of(decoder), 0);
      }
      CHECK_IS(fdwire_decoder_finish(decoder), 0);
      fdwire_decoder_free(decoder);
    }
  }
}

static void needed_is_nothing_where_no_message_will_be(void) {
  fdwire_decoder *decoder = decoder_of(NULL);
  CHECK_IS(fdwire_decoder_needed(decoder), 4);
  FEED(decoder, "\0\0\0\5he");
  CHECK_IS(fdwire_decoder_needed(decoder), 3);
  FEED(decoder, "lloGET ");
  CHECK_IS(fdwire_decoder_needed(decoder), 0);
  CHECK(gives(decoder, "hello"));
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_needed(decoder), 0);
  fdwire_decoder_free(decoder);
  decoder = decoder_of(NULL);
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  CHECK_IS(fdwire_decoder_needed(decoder), 0); /* the stream has ended */
  fdwire_decoder_free(decoder);
}

/* A stream that ends after each byte of a message: the clean end and the cut-off one are told apart. */
static void the_end_of_the_stream(void) {
  EACH_KIND(k) {
    for (size_t cut = 0; cut <= kinds[k].len; cut++) {
      fdwire_decoder *decoder = decoder_of(kinds[k].text);
      CHECK_IS(fdwire_decoder_feed(decoder, kinds[k].frame, cut), 0);
      int result = fdwire_decoder_finish(decoder);
      CHECK_IS(result, cut == 0 ? 0 : cut < kinds[k].len ? FDWIRE_E_TRUNCATED : 1);
      CHECK_IS(next_of(decoder), result);
      CHECK_IS(fdwire_decoder_finish(decoder), cut == kinds[k].len ? 0 : result);
      fdwire_decoder_free(decoder);
    }
  }
}

static void messages_that_wait_at_the_end(void) {
  fdwire_decoder *decoder = decoder_of("line");
  FEED(decoder, "one\ntwo\nthr");
  CHECK_IS(fdwire_decoder_finish(decoder), 1);
  CHECK(gives(decoder, "one"));
  CHECK_IS(fdwire_decoder_finish(decoder), 1);
  CHECK(gives(decoder, "two"));
  CHECK_IS(next_of(decoder), FDWIRE_E_TRUNCATED);
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  CHECK(hands_over(decoder, "thr", 3));
  fdwire_decoder_free(decoder);
}

static void the_end_completes_a_message(void) {
  static const struct {
    const char *text, *stream, *last;
  } cases[] = {
      {"eof", "all of it\n", "all of it\n"},
      {"delimited by='\\n' eof=allow", "last", "last"},
      {"line eof=allow", "last\r", "last\r"},
      {"delimited by='\\r\\n','\\r'", "last\r", "last"}, /* no LF follows any more */
      {"select u8 { 0..9: u8 at=1; else: eof }", "last", "last"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_decoder *decoder = decoder_of(cases[i].text);
    CHECK_IS(fdwire_decoder_feed(decoder, cases[i].stream, strlen(cases[i].stream)), 0);
    CHECK_IS(next_of(decoder), 0);
    CHECK_IS(fdwire_decoder_finish(decoder), 1);
    CHECK(gives(decoder, cases[i].last));
    CHECK_IS(next_of(decoder), 0);
    CHECK_IS(fdwire_decoder_finish(decoder), 0);
    fdwire_decoder_free(decoder);
  }
}

static void nothing_comes_behind_the_end(void) {
  fdwire_decoder *decoder = decoder_of(NULL);
  void *room = NULL;
  size_t cap = 99;
  FEED(decoder, "\0\0\0\1x");
  CHECK_IS(fdwire_decoder_finish(decoder), 1);
  CHECK_IS(fdwire_decoder_feed(decoder, "\0\0\0\1y", 5), FDWIRE_E_BROKEN);
  CHECK_IS(fdwire_decoder_feed(decoder, NULL, 0), FDWIRE_E_BROKEN);
  CHECK_IS(fdwire_decoder_space(decoder, &room, &cap), FDWIRE_E_BROKEN);
  CHECK_IS(fdwire_decoder_commit(decoder, 0), FDWIRE_E_BROKEN);
  CHECK(room == NULL && cap == 99);
  CHECK_IS(fdwire_decoder_skip(decoder), -EINVAL);
  CHECK(gives(decoder, "x"));
  CHECK_IS(next_of(decoder), 0);
  CHECK_IS(fdwire_decoder_feed(decoder, "y", 1), FDWIRE_E_BROKEN);
  CHECK(hands_over(decoder, "", 0));
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  fdwire_decoder_free(decoder);
}

/* Goes on behind each message that is too long, and writes down what came: bodies, and '!' for what was skipped. */
static void run_with_skips(const char *text, const char *stream, size_t len, size_t piece, char *seen) {
  fdwire_decoder *decoder = decoder_of(text);
  fdwire_msg msg;
  *seen = '\0';
  for (size_t at = 0; at < len; at += piece) {
    int result;
    CHECK_IS(fdwire_decoder_feed(decoder, stream + at, len - at < piece ? len - at : piece), 0);
    while ((result = fdwire_decoder_next(decoder, &msg)) != 0) {
      if (result == 1) {
        sprintf(seen + strlen(seen), "%.*s ", (int)msg.body_len, (const char *)msg.body);
        continue;
      }
      CHECK_IS(result, FDWIRE_E_TOO_LONG);
      CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
      CHECK_IS(fdwire_decoder_skip(decoder), 0);
      strcat(seen, "! ");
    }
  }
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  fdwire_decoder_free(decoder);
}

#define BYTES(literal) literal, sizeof(literal) - 1

static void too_long_ones_are_skipped(void) {
  static const struct {
    const char *text, *stream;
    size_t len;
  } cases[] = {
      {"u32be max=5", BYTES("\0\0\0\3one\0\0\0\6too ln\0\0\0\3two")},
      {"u16le head=6 counts=frame max=frame:11", BYTES("\11\0....one\14\0....too ln\11\0....two")},
      {"line max=5", BYTES("one\ntoo ln\r\ntwo\n")},
      {"delimited by='\\r\\n.\\r\\n' max=5", BYTES("one\r\n.\r\na\r\n.\n\r\n.\r\r\n.\r\ntwo\r\n.\r\n")},
      {"delimited start='$' by='#' trail=2 max=5", BYTES("$one#00$too ln#00$two#00")},
      {"netstring max=5", BYTES("3:one,6:too ln,3:two,")},
      {"hex until=' ' max=5", BYTES("3 one6 too ln3 two")},
      {"ber max=5", BYTES("\4\3one\4\6too ln\4\3two")},
      {"varint at=1 tail='!' pad=4 max=5", BYTES("a\3one\0\0\0!a\6too ln!a\3two\0\0\0!")},
      {"headers length='L' max=5", BYTES("L: 3\r\n\r\noneL: 6\r\nA: b\r\n\r\ntoo lnL: 3\r\n\r\ntwo")},
      {"select u8 max=5 { 'l': line; else: u8 at=1 }", BYTES("u\3onelong, too\nu\3two")},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t piece = 1; piece <= cases[i].len; piece++) {
      char seen[200];
      run_with_skips(cases[i].text, cases[i].stream, cases[i].len, piece, seen);
      if (strcmp(seen, "one ! two ") != 0) {
        printf("%s, in pieces of %zu: %s\n", cases[i].text, piece, seen);
        CHECK(!"in step");
      }
    }
  }
}

static void a_skip_before_the_rest_has_come(void) {
  fdwire_decoder *decoder = decoder_of("u32be max=5");
  char text[200];
  FEED(decoder, "\0\0\0\6to");
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_skip(decoder), -EINVAL); /* it was asked for already */
  CHECK_IS(fdwire_decoder_needed(decoder), 4);
  fdwire_format *line = format_of("line");
  CHECK_IS(fdwire_decoder_set_format(decoder, line), 0); /* of the messages behind it */
  FEED(decoder, "o lnnext\n");
  CHECK(gives(decoder, "next"));
  fdwire_format_free(line);
  fdwire_decoder_explain(decoder, text, sizeof text);
  CHECK(strncmp(text, "message 3 at stream offset 15: ", 31) == 0);
  CHECK_IS(fdwire_decoder_offset(decoder), 15);
  fdwire_decoder_free(decoder);
}

/* Where nothing is known of its end yet, only its own format can find it. */
static void a_skip_that_searches_keeps_its_format(void) {
  fdwire_decoder *decoder = decoder_of("line max=5");
  FEED(decoder, "too long");
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_set_format(decoder, NULL), -EINVAL);
  FEED(decoder, " still\nx\n");
  CHECK(gives(decoder, "x"));
  CHECK_IS(fdwire_decoder_set_format(decoder, NULL), 0);
  fdwire_decoder_free(decoder);
}

/* Bytes of a message that is skipped are gone as they come, whatever is asked first. */
static void what_is_skipped_is_not_handed_over(void) {
  fdwire_decoder *decoder = decoder_of("u32be max=5");
  FEED(decoder, "\0\0\0\6to");
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  FEED(decoder, "o l");
  CHECK_IS(fdwire_decoder_needed(decoder), 1);
  FEED(decoder, "nrest");
  CHECK(hands_over(decoder, "rest", 4));
  fdwire_decoder_free(decoder);

  /* Nor is what is kept of it for a search to go on. */
  decoder = decoder_of("crlf max=5");
  FEED(decoder, "too long\r");
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK(hands_over(decoder, "", 0));
  FEED(decoder, "\nrest");
  CHECK(hands_over(decoder, "rest", 4));
  fdwire_decoder_free(decoder);
}

static void a_stream_that_ends_in_what_is_skipped(void) {
  fdwire_decoder *decoder = decoder_of("u32be max=5");
  FEED(decoder, "\0\0\0\6to");
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  CHECK_IS(next_of(decoder), FDWIRE_E_TRUNCATED);
  fdwire_decoder_free(decoder);

  /* What is left of it does not show what it was. */
  char text[200];
  decoder = decoder_of("crlf max=5");
  FEED(decoder, "too long\r");
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  fdwire_decoder_explain(decoder, text, sizeof text);
  CHECK(strcmp(text, "message 1 at stream offset 0: the stream ended inside it, behind 9 bytes") == 0);
  fdwire_decoder_free(decoder);

  decoder = decoder_of("u32be max=5");
  FEED(decoder, "\0\0\0\6too ln\0\0\0\1x");
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_finish(decoder), 1);
  CHECK(gives(decoder, "x"));
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  fdwire_decoder_free(decoder);
}

/* The first byte, which decides, and the last make no delimiter: they were never side by side. */
static void what_is_left_of_it_is_no_delimiter(void) {
  fdwire_decoder *decoder = decoder_of("select u8 { else: crlf max=5 }");
  FEED(decoder, "\rtoo long\n");
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), 0);
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  fdwire_decoder_free(decoder);
}

/* Where the end of the stream ends a message, it also ends one that is skipped. */
static void what_is_skipped_may_end_with_the_stream(void) {
  static const char *const texts[] = {"delimited by='\\n' eof=allow max=5", "eof max=5"};
  for (size_t i = 0; i < 2; i++) {
    fdwire_decoder *decoder = decoder_of(texts[i]);
    FEED(decoder, "too long");
    CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
    CHECK_IS(fdwire_decoder_skip(decoder), 0);
    FEED(decoder, ", and longer");
    CHECK_IS(fdwire_decoder_finish(decoder), 0);
    CHECK_IS(next_of(decoder), 0);
    fdwire_decoder_free(decoder);
  }
}

static void not_all_is_skipped(void) {
  fdwire_decoder *decoder = decoder_of("netstring");
  CHECK_IS(fdwire_decoder_skip(decoder), -EINVAL);
  FEED(decoder, "1:x,");
  CHECK_IS(fdwire_decoder_skip(decoder), -EINVAL);
  CHECK(gives(decoder, "x"));
  FEED(decoder, "hello");
  CHECK_IS(next_of(decoder), FDWIRE_E_MALFORMED);
  CHECK_IS(fdwire_decoder_skip(decoder), FDWIRE_E_MALFORMED);
  fdwire_decoder_free(decoder);

  decoder = decoder_of("headers length='L'"); /* lines over 64K: where they end nobody looks */
  char lines[4096];
  int result = 0;
  memset(lines, 'x', sizeof lines);
  for (int i = 0; i < 17 && result == 0; i++) {
    CHECK_IS(fdwire_decoder_feed(decoder, lines, sizeof lines), 0);
    result = next_of(decoder);
  }
  CHECK_IS(result, FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_skip(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  fdwire_decoder_free(decoder);
}

/* PostgreSQL: the first message has no type. */
static void formats_that_change_between_messages(void) {
  fdwire_decoder *decoder = decoder_of("u32be counts=field");
  fdwire_msg msg;
  FEED(decoder, "\0\0\0\10\0\3\0\0Q\0\0\0\15SELECT 1\0X\0\0\0\4");
  CHECK_IS(fdwire_decoder_next(decoder, &msg), 1);
  CHECK(msg.body_len == 4 && memcmp(msg.body, "\0\3\0\0", 4) == 0);
  change_format(decoder, "u32be at=1 counts=field");
  CHECK_IS(fdwire_decoder_next(decoder, &msg), 1);
  CHECK(msg.head[0] == 'Q' && msg.body_len == 9 && memcmp(msg.body, "SELECT 1", 9) == 0);
  CHECK_IS(fdwire_decoder_next(decoder, &msg), 1);
  CHECK(msg.head[0] == 'X' && msg.body_len == 0);
  fdwire_decoder_free(decoder);
}

/* memcached: a line says how many bytes follow it, here byte by byte. */
static void a_line_that_announces_a_block(void) {
  static const char stream[] = "VALUE key 0 5\r\n\r\nabc\r\nEND\r\n";
  fdwire_decoder *decoder = decoder_of("crlf");
  fdwire_msg msg;
  int messages = 0;
  for (size_t at = 0; at < sizeof stream - 1; at++) {
    CHECK_IS(fdwire_decoder_feed(decoder, stream + at, 1), 0);
    if (fdwire_decoder_next(decoder, &msg) == 1) {
      CHECK(is(&msg, messages == 0 ? "VALUE key 0 5" : messages == 1 ? "\r\nabc\r\n" : "END"));
      change_format(decoder, messages++ == 0 ? "fixed size=7" : "crlf");
    }
  }
  CHECK_IS(messages, 3);
  fdwire_decoder_free(decoder);
}

static void a_format_for_what_was_not_delivered(void) {
  fdwire_decoder *decoder = decoder_of("line");
  FEED(decoder, "\0\0\0\3on");
  CHECK_IS(next_of(decoder), 0);
  CHECK_IS(fdwire_decoder_set_format(decoder, NULL), 0); /* u32be */
  CHECK_IS(next_of(decoder), 0);
  FEED(decoder, "e\0\0\0\3two");
  change_format(decoder, "fixed size=7"); /* while it is known how the other would have gone on */
  CHECK_IS(fdwire_decoder_finish(decoder), 1);
  CHECK_IS(fdwire_decoder_set_format(decoder, NULL), 0);
  CHECK(gives(decoder, "one"));
  CHECK(gives(decoder, "two"));
  fdwire_decoder_free(decoder);
}

/* STARTTLS: what comes behind the line is for someone else. */
static void the_rest_is_handed_over_once(void) {
  fdwire_decoder *decoder = decoder_of("line");
  char text[100];
  FEED(decoder, "STARTTLS\n\26\3\1");
  CHECK(gives(decoder, "STARTTLS"));
  CHECK_IS(next_of(decoder), 0);
  CHECK(hands_over(decoder, "\26\3\1", 3));
  CHECK(hands_over(decoder, "", 0));
  CHECK_IS(next_of(decoder), 0);
  FEED(decoder, "again\n"); /* it begins anew behind what was handed over */
  fdwire_decoder_explain(decoder, text, sizeof text);
  CHECK(strncmp(text, "message 2 at stream offset 12: ", 31) == 0);
  CHECK_IS(fdwire_decoder_offset(decoder), 12);
  CHECK(gives(decoder, "again"));
  CHECK_IS(fdwire_decoder_offset(decoder), 18);
  FEED(decoder, "cut off");
  CHECK(hands_over(decoder, "cut off", 7));
  CHECK_IS(fdwire_decoder_finish(decoder), 0);
  fdwire_decoder_free(decoder);
}

static void the_rest_of_a_message_that_was_begun(void) {
  fdwire_decoder *decoder = decoder_of(NULL);
  FEED(decoder, "\0\0\0\5he");
  CHECK_IS(next_of(decoder), 0);
  CHECK(hands_over(decoder, "\0\0\0\5he", 6));
  CHECK_IS(fdwire_decoder_needed(decoder), 4);
  FEED(decoder, "\0\0\0\2ok");
  CHECK(gives(decoder, "ok"));
  fdwire_decoder_free(decoder);
}

/* Every later call says so again; no byte is taken, and all from the bad message on are handed over. */
static void errors_last(void) {
  static const struct {
    const char *text, *bad;
    int code;
  } cases[] = {
      {"netstring", "5:hello!rest", FDWIRE_E_MALFORMED},
      {"decimal until=':' max=5", "6:hello,", FDWIRE_E_TOO_LONG},
      {"line max=5", "too long", FDWIRE_E_TOO_LONG},
      {"u8 magic='A'@0 at=1", "BCD", FDWIRE_E_MALFORMED},
      {"headers length='L'", "A: b\r\n\r\nrest", FDWIRE_E_MALFORMED},
      {"select u8 { 1: line }", "2", FDWIRE_E_MALFORMED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_decoder *decoder = decoder_of(cases[i].text);
    fdwire_msg msg;
    void *room = NULL;
    size_t count = 99, cap = 99;
    CHECK_IS(fdwire_decoder_feed(decoder, cases[i].bad, strlen(cases[i].bad)), 0);
    for (int round = 0; round < 2; round++) {
      CHECK_IS(next_of(decoder), cases[i].code);
      CHECK_IS(fdwire_decoder_next_many(decoder, &msg, 1, &count), cases[i].code);
      CHECK_IS(fdwire_decoder_feed(decoder, "more", 4), cases[i].code);
      CHECK_IS(fdwire_decoder_space(decoder, &room, &cap), cases[i].code);
      CHECK_IS(fdwire_decoder_commit(decoder, 0), cases[i].code);
      CHECK_IS(fdwire_decoder_set_format(decoder, NULL), cases[i].code);
      CHECK_IS(fdwire_decoder_finish(decoder), cases[i].code);
      CHECK_IS(fdwire_decoder_needed(decoder), 0);
    }
    CHECK(room == NULL && cap == 99 && count == 99);
    CHECK(hands_over(decoder, cases[i].bad, strlen(cases[i].bad)));
    CHECK(hands_over(decoder, "", 0));
    CHECK_IS(next_of(decoder), cases[i].code);
    fdwire_decoder_free(decoder);
  }
}

static void check_explanation(fdwire_decoder *decoder, const char *expected) {
  char text[600];
  size_t len = fdwire_decoder_explain(decoder, text, sizeof text);
  CHECK_IS(len, strlen(text));
  if (strcmp(text, expected) != 0) {
    printf("%s\n   not %s\n", text, expected);
    CHECK(!"explains it");
  }
}

static void a_stream_that_breaks_is_explained(void) {
  fdwire_decoder *decoder = decoder_of(NULL);
  unsigned char first[128];
  memset(first, 'x', sizeof first);
  fdwire_put_u32be(first, 60);
  fdwire_put_u32be(first + 64, 60);
  CHECK_IS(fdwire_decoder_feed(decoder, first, sizeof first), 0);
  CHECK(next_of(decoder) == 1 && next_of(decoder) == 1 && next_of(decoder) == 0);
  FEED(decoder, "GET / HTTP/1.1\r\n");
  CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_decoder_offset(decoder), 128);
  check_explanation(decoder, "message 3 at stream offset 128: the length field 47 45 54 20 says 1195725856, over the "
                             "limit of 16777216; these bytes are the text 'GET ': is the peer speaking HTTP?");
  fdwire_decoder_free(decoder);
}

#define AT_START "message 1 at stream offset 0: "

static void the_usual_mistakes_are_known(void) {
  static const struct {
    const char *text, *stream;
    size_t len;
    const char *expected;
  } cases[] = {
      {NULL, BYTES("\26\3\1\2\0\1\0\1\374"), AT_START "the length field 16 03 01 02 says 369295618, over the limit of "
                                                      "16777216; is the peer speaking TLS?"},
      {NULL, BYTES("SSH-2.0-OpenSSH_9\r\n"), AT_START "the length field 53 53 48 2d says 1397966893, over the limit of "
                                                      "16777216; these bytes are the text 'SSH-': is the peer speaking "
                                                      "SSH?"},
      {NULL, BYTES("\5\0\0\0hello"), AT_START "the length field 05 00 00 00 says 83886080, over the limit of 16777216; "
                                              "in the other byte order it would be 5: is the peer's order the other "
                                              "one?"},
      {NULL, BYTES("hello, world\n"), AT_START "the length field 68 65 6c 6c says 1751477356, over the limit of "
                                               "16777216; these bytes are the text 'hell': is the peer sending text?"},
      {"u32be counts=field", BYTES("\0\0\0\3"), AT_START "the length ends the frame inside its own head; the length "
                                                         "field 00 00 00 03 says 3; it is 00 00 00 03"},
      {"u8 tail='!'", BYTES("\2\1\2\3"), AT_START "the frame does not end with the format's tail; the length field 02 "
                                               "says 2; it is 02 01 02 03"},
      {"nul max=4", BYTES("\1\2\3\4\5"), AT_START "it does not end within the limit of 4 bytes; it is 01 02 03 04 05"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_decoder *decoder = decoder_of(cases[i].text);
    CHECK_IS(fdwire_decoder_feed(decoder, cases[i].stream, cases[i].len), 0);
    CHECK(next_of(decoder) < 0);
    check_explanation(decoder, cases[i].expected);
    fdwire_decoder_free(decoder);
  }
}

static void a_stream_that_is_well_is_explained_too(void) {
  fdwire_decoder *decoder = decoder_of(NULL);
  check_explanation(decoder, AT_START "nothing of it has come");
  FEED(decoder, "\0\0\0\5he");
  check_explanation(decoder, AT_START "6 bytes of it came, and it has at least 3 more");
  FEED(decoder, "llo");
  check_explanation(decoder, AT_START "it has come");
  CHECK(gives(decoder, "hello"));
  check_explanation(decoder, "message 2 at stream offset 9: nothing of it has come");
  FEED(decoder, "\0\0");
  CHECK_IS(fdwire_decoder_finish(decoder), FDWIRE_E_TRUNCATED);
  check_explanation(decoder, "message 2 at stream offset 9: the stream ended inside it, behind 2 bytes; it is 00 00");
  char cut[10];
  size_t whole = fdwire_decoder_explain(decoder, NULL, 0);
  CHECK(whole > 80 && fdwire_decoder_explain(decoder, cut, sizeof cut) == whole);
  CHECK(strcmp(cut, "message 2") == 0);
  fdwire_decoder_free(decoder);
}

static void null_pointers(void) {
  fdwire_decoder *decoder = decoder_of(NULL);
  fdwire_msg msg;
  void *room = NULL;
  const void *rest = NULL;
  size_t n = 99;
  char text[30];
  CHECK_IS(fdwire_decoder_new(NULL, NULL), -EINVAL);
  fdwire_decoder_free(NULL);
  CHECK_IS(fdwire_decoder_space(NULL, &room, &n), -EINVAL);
  CHECK_IS(fdwire_decoder_space(decoder, NULL, &n), -EINVAL);
  CHECK_IS(fdwire_decoder_space(decoder, &room, NULL), -EINVAL);
  CHECK_IS(fdwire_decoder_commit(NULL, 0), -EINVAL);
  CHECK_IS(fdwire_decoder_feed(NULL, "x", 1), -EINVAL);
  CHECK_IS(fdwire_decoder_feed(decoder, NULL, 1), -EINVAL);
  CHECK_IS(fdwire_decoder_feed(decoder, NULL, 0), 0);
  CHECK_IS(fdwire_decoder_next(NULL, &msg), -EINVAL);
  CHECK_IS(fdwire_decoder_next(decoder, NULL), -EINVAL);
  CHECK_IS(fdwire_decoder_next_many(NULL, &msg, 1, &n), -EINVAL);
  CHECK_IS(fdwire_decoder_next_many(decoder, NULL, 1, &n), -EINVAL);
  CHECK_IS(fdwire_decoder_next_many(decoder, &msg, 1, NULL), -EINVAL);
  CHECK_IS(fdwire_decoder_finish(NULL), -EINVAL);
  CHECK_IS(fdwire_decoder_skip(NULL), -EINVAL);
  CHECK_IS(fdwire_decoder_set_format(NULL, NULL), -EINVAL);
  CHECK_IS(fdwire_decoder_unread(NULL, &rest, &n), -EINVAL);
  CHECK_IS(fdwire_decoder_unread(decoder, NULL, &n), -EINVAL);
  CHECK_IS(fdwire_decoder_unread(decoder, &rest, NULL), -EINVAL);
  CHECK_IS(fdwire_decoder_needed(NULL), 0);
  CHECK_IS(fdwire_decoder_offset(NULL), 0);
  CHECK(fdwire_decoder_explain(NULL, text, sizeof text) > 0 && text[0] != '\0');
  CHECK(fdwire_decoder_explain(decoder, NULL, 99) > 0);
  CHECK(room == NULL && rest == NULL && n == 99);
  FEED(decoder, "\0\0\0\5hello"); /* none of it did any harm */
  CHECK(gives(decoder, "hello"));
  fdwire_decoder_free(decoder);
}

static void impossible_sizes(void) {
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, (size_t)PTRDIFF_MAX + 1};
  fdwire_decoder *decoder = decoder_of(NULL);
  fdwire_msg msg;
  void *room;
  size_t cap = 0, count = 99;
  CHECK_IS(fdwire_decoder_commit(decoder, 1), -EINVAL); /* of no room */
  CHECK_IS(fdwire_decoder_commit(decoder, 0), 0);
  CHECK_IS(fdwire_decoder_next_many(decoder, &msg, 0, &count), -EINVAL);
  CHECK_IS(fdwire_decoder_space(decoder, &room, &cap), 0);
  CHECK_IS(fdwire_decoder_commit(decoder, cap + 1), -EINVAL);
  for (size_t i = 0; i < 3; i++) {
    CHECK_IS(fdwire_decoder_commit(decoder, sizes[i]), -EINVAL);
    CHECK_IS(fdwire_decoder_feed(decoder, "x", sizes[i]), -EINVAL);
    CHECK_IS(fdwire_decoder_next_many(decoder, &msg, sizes[i], &count), -EINVAL);
    fdwire_decoder_explain(decoder, (char *)room, cap);
  }
  CHECK_IS(count, 99);
  CHECK_IS(fdwire_decoder_needed(decoder), 4); /* nothing was taken */
  memcpy(room, "\0\0\0\1x", 5);
  CHECK_IS(fdwire_decoder_commit(decoder, 5), 0);
  CHECK_IS(fdwire_decoder_commit(decoder, cap - 4), -EINVAL);
  CHECK(gives(decoder, "x"));
  CHECK_IS(next_of(decoder), 0);
  fdwire_decoder_free(decoder);
}

static void bad_messages_to_encode(void) {
  char out[16] = "untouched";
  size_t len = 99;
  fdwire_msg msg = {NULL, (const uint8_t *)"hello", 0, 5, 1000}; /* the tail is not looked at */
  fdwire_msg headless = {NULL, NULL, 4, 0, 0}, bodiless = {NULL, NULL, 0, 5, 0};
  fdwire_msg endless = {NULL, (const uint8_t *)"hello", 0, SIZE_MAX, 0};
  fdwire_msg large = {(const uint8_t *)"....", (const uint8_t *)"hello", SIZE_MAX, 5, 0};
  fdwire_msg foreign = {(const uint8_t *)".....", (const uint8_t *)"hello", 5, 5, 0};
  CHECK_IS(fdwire_encode(NULL, NULL, out, sizeof out, &len), -EINVAL);
  CHECK_IS(fdwire_encode(NULL, &msg, out, sizeof out, NULL), -EINVAL);
  CHECK_IS(fdwire_encode(NULL, &headless, out, sizeof out, &len), -EINVAL);
  CHECK_IS(fdwire_encode(NULL, &bodiless, out, sizeof out, &len), -EINVAL);
  CHECK_IS(fdwire_encode(NULL, &endless, out, sizeof out, &len), -EINVAL);
  CHECK_IS(fdwire_encode(NULL, &large, out, sizeof out, &len), -EINVAL);
  CHECK_IS(fdwire_encode(NULL, &foreign, out, sizeof out, &len), FDWIRE_E_MALFORMED);
  CHECK_IS(len, 99);
  CHECK_IS(fdwire_encode(NULL, &msg, NULL, 99, &len), -EINVAL);
  CHECK_IS(fdwire_encode(NULL, &msg, NULL, 0, &len), -ENOBUFS);
  CHECK_IS(len, 9);
  CHECK(strcmp(out, "untouched") == 0);
  CHECK_IS(fdwire_encode(NULL, &msg, out, 9, &len), 0);
  CHECK(memcmp(out, "\0\0\0\5hello", 9) == 0);
}

int main(void) {
  check_begin();
  RUN(reads_into_its_own_room);
  RUN(takes_pieces_of_any_size);
  RUN(room_behind_a_message_that_nobody_fetched);
  RUN(the_whole_frame_is_shown);
  RUN(many_at_once);
  RUN(an_error_behind_messages_comes_with_the_next_call);
  RUN(what_was_lent_stays);
  RUN(needed_reads_nothing_past_the_message);
  RUN(needed_is_nothing_where_no_message_will_be);
  RUN(the_end_of_the_stream);
  RUN(messages_that_wait_at_the_end);
  RUN(the_end_completes_a_message);
  RUN(nothing_comes_behind_the_end);
  RUN(too_long_ones_are_skipped);
  RUN(a_skip_before_the_rest_has_come);
  RUN(a_skip_that_searches_keeps_its_format);
  RUN(what_is_skipped_is_not_handed_over);
  RUN(a_stream_that_ends_in_what_is_skipped);
  RUN(what_is_left_of_it_is_no_delimiter);
  RUN(what_is_skipped_may_end_with_the_stream);
  RUN(not_all_is_skipped);
  RUN(formats_that_change_between_messages);
  RUN(a_line_that_announces_a_block);
  RUN(a_format_for_what_was_not_delivered);
  RUN(the_rest_is_handed_over_once);
  RUN(the_rest_of_a_message_that_was_begun);
  RUN(errors_last);
  RUN(a_stream_that_breaks_is_explained);
  RUN(the_usual_mistakes_are_known);
  RUN(a_stream_that_is_well_is_explained_too);
  RUN(null_pointers);
  RUN(impossible_sizes);
  RUN(bad_messages_to_encode);
  return check_end();
}
