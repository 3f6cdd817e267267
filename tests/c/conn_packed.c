/* Packed messages: many bodies one behind another, in both directions. They are those that other
   calls give, to the byte of the room there is, and what does not fit stays. */
#include "samples.h"

#include <sys/mman.h>

enum { ROOM = 400000, PLACES = 300, LARGE = 600000, DEADLINE = 60000, BEHIND = 40000 };

/* Where messages are received to, with something behind it that must stay as it is. */
struct packed {
  uint8_t *room;
  size_t lens[PLACES + 1], count;
};

static struct packed packed_of(size_t cap) {
  struct packed packed;
  packed.room = (uint8_t *)bytes_of(cap);
  return packed;
}

/* What a call gives; it touches no more than it says, of what is looked at. */
static int take(fdwire_conn *conn, struct packed *to, size_t cap, size_t most, int timeout_ms) {
  uint8_t *room = (uint8_t *)bytes_of(cap);
  memset(room, 0xee, least(cap, BEHIND));
  memset(to->lens, 0xee, sizeof to->lens);
  size_t untouched = to->lens[0], at = 0;
  to->count = 99;
  int result = fdwire_conn_recv_packed(conn, cap > 0 ? room : NULL, cap, to->lens, most, &to->count,
                                       timeout_ms);
  if (result == 1) {
    CHECK(to->count > 0 && to->count <= most);
    for (size_t i = 0; i < to->count; i++)
      at += to->lens[i];
    CHECK(at <= cap);
    memcpy(to->room, room, least(at, cap));
  } else {
    CHECK_IS(to->count, 99);
  }
  for (size_t i = result == 1 ? to->count : result == -ENOBUFS; i <= PLACES; i++)
    CHECK(to->lens[i] == untouched);
  if (result == 1)
    for (; at < least(cap, BEHIND); at++)
      CHECK(room[at] == 0xee);
  free(room);
  return result;
}

static fdwire_conn *maybe_alone(fdwire_conn *conn, int alone) {
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, alone ? FDWIRE_BOTH : 0), 0);
  return conn;
}

/* Message n of those that have every length from 0 to 200. */
enum { LENGTHS = 201 };
static uint8_t letters[LENGTHS * 2];

static const uint8_t *body_of(size_t n) { return letters + n; }

static void fill_letters(void) {
  for (size_t i = 0; i < sizeof letters; i++)
    letters[i] = (uint8_t)('a' + i * 7 % 26);
}

static size_t put_frame(const fdwire_format *format, uint8_t *at, size_t cap, size_t n) {
  fdwire_msg msg = {NULL, body_of(n), 0, n, 0};
  size_t len = 0;
  NEED(fdwire_encode(format, &msg, at, cap, &len) == 0);
  return len;
}

static void check_lengths(const struct packed *got, size_t first) {
  size_t at = 0;
  for (size_t i = 0; i < got->count; at += got->lens[i++]) {
    CHECK_IS(got->lens[i], first + i);
    CHECK(memcmp(got->room + at, body_of(first + i), got->lens[i]) == 0);
  }
}

/* Formats with each way that is short, and some with none. */
static const char *const plain[] = {
    "u32be", "u32be at=1 counts=field", "u16le counts=frame", "line", "varint", "netstring",
    "u16be at=3 pad=4", "delimited start='$' by='#' trail=2", "headers length='Content-Length'",
    "select u8 { 1: u16be at=1 pad=4; else: crlf }",
};
#define EACH_PLAIN(text) \
  for (const char *const *text = plain; text < plain + sizeof plain / sizeof *plain; text++)

/* ---- Receiving ---- */

static void every_length(const char *text, int alone, size_t most, size_t cap) {
  fdwire_format *format = format_of(text);
  struct feed feed;
  struct packed got = packed_of(cap);
  feed_with(&feed, format);
  maybe_alone(feed.conn, alone);
  for (size_t n = 0; n < LENGTHS; n++) {
    uint8_t frame[FRAME_MAX];
    size_t len = put_frame(format, frame, sizeof frame, n);
    CHECK_IS(tube_put(&feed.in, frame, len), len);
  }
  size_t n = 0;
  while (n < LENGTHS && take(feed.conn, &got, cap, most, 0) == 1) {
    size_t fits = 0, sum = 0;
    while (fits < most && n + fits < LENGTHS && sum + n + fits <= cap)
      sum += n + fits++;
    CHECK_IS(got.count, fits);
    check_lengths(&got, n);
    n += got.count;
    CHECK_IS(stats_of(feed.conn).messages_in, n);
  }
  CHECK_IS(n, LENGTHS);
  CHECK_IS(take(feed.conn, &got, cap, most, 0), -EAGAIN);
  CHECK_IS(stats_of(feed.conn).memory, 0);
  feed.in.ended = 0;
  CHECK_IS(take(feed.conn, &got, cap, most, -1), 0);
  feed_close(&feed);
  fdwire_format_free(format);
  free(got.room);
}

static void bodies_of_every_length(void) {
  EACH_PLAIN(text)
    for (int alone = 0; alone < 2; alone++) {
      every_length(*text, alone, PLACES, ROOM);
      every_length(*text, alone, 1, 200);
      every_length(*text, alone, 7, 201);
      every_length(*text, alone, PLACES, 1000);
    }
}

/* Room for two messages of 10 and 11 bytes, and for less. */
static void to_the_byte(void) {
  EACH_PLAIN(text)
    for (size_t cap = 0; cap < 30; cap++) {
      fdwire_format *format = format_of(*text);
      struct feed feed;
      struct packed got = packed_of(ROOM);
      uint8_t frame[FRAME_MAX];
      feed_with(&feed, format);
      tube_put(&feed.in, frame, put_frame(format, frame, sizeof frame, 10));
      tube_put(&feed.in, frame, put_frame(format, frame, sizeof frame, 11));
      CHECK_IS(take(feed.conn, &got, cap, PLACES, DEADLINE), cap < 10 ? -ENOBUFS : 1);
      if (cap < 10) {
        CHECK_IS(got.lens[0], 10); /* the room that it needs */
        CHECK_IS(take(feed.conn, &got, 0, 1, -1), -ENOBUFS);
        CHECK_IS(take(feed.conn, &got, got.lens[0], PLACES, -1), 1);
      }
      CHECK_IS(got.count, cap < 21 ? 1 : 2);
      check_lengths(&got, 10);
      if (got.count == 1) {
        CHECK_IS(take(feed.conn, &got, 10, PLACES, 0), -ENOBUFS);
        CHECK_IS(take(feed.conn, &got, 11, 1, 0), 1);
        check_lengths(&got, 11);
      }
      CHECK_IS(take(feed.conn, &got, cap, PLACES, 0), -EAGAIN);
      feed_close(&feed);
      fdwire_format_free(format);
      free(got.room);
    }
}

static void empty_messages_need_no_room(void) {
  struct feed feed;
  struct packed got = packed_of(1);
  feed_open(&feed, "u8");
  tube_put(&feed.in, "\0\0\0\1x\0\0", 7);
  CHECK_IS(take(feed.conn, &got, 0, PLACES, 0), 1);
  CHECK_IS(got.count, 3);
  CHECK_IS(take(feed.conn, &got, 0, PLACES, 0), -ENOBUFS);
  CHECK_IS(take(feed.conn, &got, 1, 2, 0), 1);
  CHECK(got.count == 2 && got.lens[0] == 1 && got.lens[1] == 0 && got.room[0] == 'x');
  CHECK_IS(take(feed.conn, &got, 1, 2, 0), 1);
  CHECK(got.count == 1 && got.lens[0] == 0);
  feed_close(&feed);
  free(got.room);
}

/* Two frames, a piece of a third, and the rest of it: at every byte, for every kind of format. */
static void partial_arrivals(void) {
  EACH_SAMPLE(sample) {
    struct framed framed = framed_of(sample);
    size_t len = strlen(sample->body);
    for (size_t cut = 0; cut < framed.len; cut++) {
      struct feed feed;
      struct packed got = packed_of(3 * FRAME_MAX);
      feed_with(&feed, framed.format);
      maybe_alone(feed.conn, cut % 2);
      for (int i = 0; i < 2; i++)
        tube_put(&feed.in, framed.frame, framed.len);
      tube_put(&feed.in, framed.frame, cut);
      for (size_t count = 2; count > 0; count--) { /* the third alone */
        CHECK_IS(take(feed.conn, &got, 3 * FRAME_MAX, PLACES, 0), 1);
        CHECK_IS(got.count, count);
        for (size_t i = 0; i < got.count; i++)
          CHECK(got.lens[i] == len && memcmp(got.room + i * len, sample->body, len) == 0);
        CHECK_IS(take(feed.conn, &got, ROOM, 1, cut % 3 == 0), cut % 3 ? -EAGAIN : -ETIMEDOUT);
        tube_put(&feed.in, framed.frame + cut, count == 2 ? framed.len - cut : 0);
      }
      feed_close(&feed);
      free(got.room);
    }
    fdwire_format_free(framed.format);
  }
}

/* An error behind some messages comes with the next call, and lasts. */
static void errors_come_behind_messages(void) {
  static const struct {
    const char *text, *bytes;
    size_t len, count;
    int code, skips;
  } cases[] = {
      {"u8 max=3", "\1a\0\2bc\4defg\1h", 13, 3, FDWIRE_E_TOO_LONG, 1},
      {"line max=3", "a\n\nbc\ndefg\nh\n", 13, 3, FDWIRE_E_TOO_LONG, 1},
      {"netstring", "1:a,0:,2:bc,1:d;", 16, 3, FDWIRE_E_MALFORMED, 0},
      {"u8 tail='!'", "\1a!\0!\2bc!\1d?", 12, 3, FDWIRE_E_MALFORMED, 0},
      {"u8", "\1a\0\2bc\2d", 8, 3, FDWIRE_E_TRUNCATED, 0},
      {"line", "a\n\nbc\nd", 7, 3, FDWIRE_E_TRUNCATED, 0},
      {"u8", "\2a", 2, 0, FDWIRE_E_TRUNCATED, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct feed feed;
    struct packed got = packed_of(ROOM);
    feed_open(&feed, cases[i].text);
    maybe_alone(feed.conn, i % 2);
    tube_put(&feed.in, cases[i].bytes, cases[i].len);
    feed.in.ended = 0;
    if (cases[i].count > 0) {
      CHECK_IS(take(feed.conn, &got, ROOM, PLACES, 0), 1);
      CHECK_IS(got.count, cases[i].count);
      CHECK(memcmp(got.room, "abc", 3) == 0 && got.lens[1] == 0 && got.lens[2] == 2);
    }
    for (int timeout = -1; timeout < 2; timeout++)
      CHECK_IS(take(feed.conn, &got, ROOM, PLACES, timeout), cases[i].code);
    CHECK_IS(fdwire_conn_skip(feed.conn), cases[i].skips ? 0 : cases[i].code);
    if (cases[i].skips) {
      CHECK_IS(take(feed.conn, &got, ROOM, PLACES, -1), 1);
      CHECK(got.count == 1 && got.lens[0] == 1 && got.room[0] == 'h');
      CHECK_IS(take(feed.conn, &got, ROOM, PLACES, -1), 0);
    }
    feed_close(&feed);
    free(got.room);
  }
}

/* What comes behind those that were asked for is not looked at: its format may be another. */
static void the_format_changes_between_messages(void) {
  struct feed feed;
  struct packed got = packed_of(ROOM);
  fdwire_format *lines = format_of("line");
  feed_open(&feed, "u8 max=9");
  tube_put(&feed.in, "\1a\2bchello\nworld\n", 17);
  CHECK_IS(take(feed.conn, &got, ROOM, 2, 0), 1);
  CHECK(got.count == 2 && memcmp(got.room, "abc", 3) == 0);
  CHECK_IS(fdwire_conn_set_format(feed.conn, FDWIRE_IN, lines), 0);
  CHECK_IS(take(feed.conn, &got, ROOM, 2, 0), 1);
  CHECK(got.count == 2 && memcmp(got.room, "helloworld", 10) == 0);
  fdwire_format_free(lines);
  feed_close(&feed);
  free(got.room);
}

/* A message may end where the stream does. */
static void the_end_of_the_stream_ends_a_message(void) {
  static const char *const texts[] = {"delimited by='\\n' eof=allow",
                                      "delimited by='\\n\\n','\\n' eof=allow"};
  for (size_t i = 0; i < 2; i++) {
    struct feed feed;
    struct packed got = packed_of(ROOM);
    size_t count = 0, bytes = 0;
    feed_open(&feed, texts[i]);
    tube_put(&feed.in, "one\ntwo\nthree", 13);
    feed.in.ended = 0;
    while (count < 3 && take(feed.conn, &got, ROOM, PLACES, -1) == 1)
      for (size_t k = 0; k < got.count; k++, count++)
        bytes += got.lens[k];
    CHECK(count == 3 && bytes == 11 && memcmp(got.room + (got.count - 1) * 3, "three", 5) == 0);
    CHECK_IS(take(feed.conn, &got, ROOM, PLACES, -1), 0);
    feed_close(&feed);
    free(got.room);
  }
}

/* A large body goes straight to its room, with what follows it; and back, where time runs out. */
static void large_bodies(void) {
  uint8_t *body = pattern(LARGE, 5), *frames = (uint8_t *)bytes_of(LARGE + 20);
  size_t len = LARGE + 4 + 8;
  fdwire_put_u32be(frames, LARGE);
  memcpy(frames + 4, body, LARGE);
  memcpy(frames + 4 + LARGE, "\0\0\0\1a\0\0\0", 8); /* a small one, and the beginning of another */
  EACH_WAY(way)
    for (int alone = 0; alone < 2; alone++)
      for (size_t step = 70000; step < LARGE * 2; step *= 5) {
        int fds[2], result = -EAGAIN;
        struct packed got = packed_of(LARGE + 9);
        size_t at = 0;
        open_way(way, fds);
        fdwire_conn *conn = maybe_alone(conn_of(fds[0], -1, NULL), alone);
        while (at < len && result != 1) {
          size_t done = 0, piece = least(step, len - at);
          while (fdwire_write_all(fds[1], frames + at, piece, &done, 0) == -EAGAIN && result != 1)
            result = take(conn, &got, LARGE + 9, PLACES, done % 2);
          CHECK(result == 1 || result == -EAGAIN || result == -ETIMEDOUT);
          at += done;
        }
        if (result != 1)
          CHECK_IS(take(conn, &got, LARGE + 9, PLACES, -1), 1);
        CHECK(got.lens[0] == LARGE && memcmp(got.room, body, LARGE) == 0);
        if (got.count == 1)
          CHECK_IS(take(conn, &got, LARGE + 9, PLACES, DEADLINE), 1);
        CHECK_IS(got.lens[got.count - 1], 1);
        CHECK_IS(take(conn, &got, LARGE + 9, PLACES, 0), -EAGAIN);
        fdwire_conn_free(conn);
        close_way(fds);
        free(got.room);
      }
  free(frames);
  free(body);
}

/* ---- Sending ---- */

/* What was sent is what an encoder makes of it. */
static void sent_as_encoded(const char *text, int alone, int batch) {
  fdwire_format *format = format_of(text);
  uint8_t *bodies = (uint8_t *)bytes_of(LENGTHS * LENGTHS), *frames = (uint8_t *)bytes_of(ROOM);
  size_t lens[LENGTHS], len = 0, sum = 0;
  struct sink sink;
  sink_open(&sink, ROOM);
  for (size_t n = 0; n < LENGTHS; n++) {
    memcpy(bodies + sum, body_of(n), n);
    lens[n] = n;
    sum += n;
    len += put_frame(format, frames + len, ROOM - len, n);
  }
  fdwire_conn *conn = maybe_alone(conn_into(&sink, format), alone);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, batch), 0);
  sink.allowed = ROOM;
  uint8_t *only = (uint8_t *)bytes_of(sum); /* nothing behind it */
  memcpy(only, bodies, sum);
  CHECK_IS(fdwire_conn_send_packed(conn, only, lens, LENGTHS, 0), batch ? FDWIRE_PENDING : 0);
  memset(only, 0xee, sum);
  free(only);
  CHECK_IS(fdwire_conn_pending(conn), batch ? len : 0);
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  CHECK(sink.len == len && memcmp(sink.bytes, frames, len) == 0);
  CHECK_IS(stats_of(conn).messages_out, LENGTHS);
  fdwire_conn_free(conn);
  fdwire_format_free(format);
  free(sink.bytes);
  free(frames);
  free(bodies);
}

static void sent_bodies_of_every_length(void) {
  EACH_PLAIN(text)
    for (int how = 0; how < 4; how++)
      sent_as_encoded(*text, how % 2, how < 2 ? 0 : ROOM);
}

/* One that a format cannot say, or would not: nothing of the others goes. */
static void all_or_none(void) {
  static const struct {
    const char *text, *bodies;
    size_t lens[3];
    int code;
  } cases[] = {
      {"line", "ab\ncdef", {2, 2, 3}, FDWIRE_E_MALFORMED},
      {"u8 max=3", "abcdefg", {2, 4, 1}, FDWIRE_E_TOO_LONG},
      {"fixed size=2", "abcdefg", {2, 2, 3}, FDWIRE_E_TOO_LONG},
      {"nul", "ab\0cdef", {2, 3, 2}, FDWIRE_E_MALFORMED},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int timeout = -1; timeout < 2; timeout++) {
      struct sink sink;
      sink_open(&sink, 100);
      fdwire_conn *conn = conn_to(&sink, cases[i].text);
      sink.allowed = 100;
      const char *bodies = cases[i].bodies;
      CHECK_IS(fdwire_conn_send_packed(conn, bodies, cases[i].lens, 3, timeout), cases[i].code);
      CHECK_IS(fdwire_conn_pending(conn), 0);
      CHECK_IS(fdwire_conn_send_packed(conn, bodies, cases[i].lens, 1, timeout), 0);
      CHECK_IS(stats_of(conn).messages_out, 1);
      CHECK(sink.len > 0 && memchr(sink.bytes, 'c', sink.len) == NULL);
      fdwire_conn_free(conn);
      free(sink.bytes);
    }
}

static void as_many_as_may_wait(void) {
  size_t lens[11];
  uint8_t *bodies = pattern(11 * 96, 1);
  struct sink sink;
  sink_open(&sink, 5000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, 1000), 0);
  for (size_t i = 0; i < 11; i++)
    lens[i] = 96; /* with its head: 100 bytes */
  CHECK_IS(fdwire_conn_send_packed(conn, bodies, lens, 7, 0), FDWIRE_PENDING);
  for (int timeout = 0; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_send_packed(conn, bodies, lens, 4, timeout), -ENOBUFS);
    CHECK_IS(fdwire_conn_send_packed(conn, bodies, lens, 11, timeout), -EMSGSIZE);
  }
  CHECK_IS(fdwire_conn_pending(conn), 700);
  CHECK_IS(fdwire_conn_send_packed(conn, bodies, lens, 3, 1), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(conn), 1000);
  sink.allowed = 5000;
  CHECK_IS(fdwire_conn_send_packed(conn, bodies, lens, 11, 0), -EMSGSIZE);
  CHECK_IS(fdwire_conn_send_packed(conn, bodies, lens, 11, -1), 0);
  CHECK_IS(sink.len, 2100);
  for (size_t at = 0; at + 100 <= sink.len; at += 100)
    CHECK_IS(fdwire_get_u32be(sink.bytes + at), 96);
  fdwire_conn_free(conn);
  free(sink.bytes);
  free(bodies);
}

/* Over what the kernel holds, small ones among large ones, from one thread to another. */
static const size_t mixed[] = {0, 70000, 16, 2048, 2049, 300000, 0, 1, 65536, LARGE, 5, 100000};
enum { MIXED = sizeof mixed / sizeof *mixed };

struct stream {
  fdwire_conn *conn;
  const uint8_t *bodies;
};

static void *send_mixed(void *arg) {
  struct stream *stream = (struct stream *)arg;
  for (int i = 0; i < 3; i++)
    CHECK_IS(fdwire_conn_send_packed(stream->conn, stream->bodies, mixed, MIXED, -1), 0);
  CHECK_IS(fdwire_conn_shutdown(stream->conn, FDWIRE_SHUT_WR, DEADLINE), 0);
  return NULL;
}

static void any_length_with_time(void) {
  size_t all = 0;
  for (size_t i = 0; i < MIXED; i++)
    all += mixed[i];
  uint8_t *bodies = pattern(all, 2);
  EACH_SOCKET(way)
    for (int alone = 0; alone < 2; alone++) {
      int fds[2];
      pthread_t sender;
      struct packed got = packed_of(LARGE);
      open_way(way, fds);
      fdwire_conn *in = maybe_alone(conn_of(fds[0], -1, NULL), alone);
      struct stream stream = {maybe_alone(conn_of(-1, fds[1], NULL), alone), bodies};
      NEED(pthread_create(&sender, NULL, send_mixed, &stream) == 0);
      size_t n = 0, at = 0;
      while (take(in, &got, LARGE, 1 + n % 5, DEADLINE) == 1)
        for (size_t i = 0, from = 0; i < got.count; from += got.lens[i++], n++) {
          at = n % MIXED == 0 ? 0 : at;
          CHECK_IS(got.lens[i], mixed[n % MIXED]);
          CHECK(memcmp(got.room + from, bodies + at, got.lens[i]) == 0);
          at += got.lens[i];
        }
      CHECK_IS(n, 3 * MIXED);
      CHECK_IS(take(in, &got, LARGE, 1, 0), 0);
      NEED(pthread_join(sender, NULL) == 0);
      fdwire_conn_free(in);
      fdwire_conn_free(stream.conn);
      close_way(fds);
      free(got.room);
    }
  free(bodies);
}

/* ---- Threads ---- */

/* Message number n: its number, then as many bytes of it as come of that. */
static size_t numbered(uint8_t *at, uint32_t n) {
  size_t len = 4 + (n % 50 == 49 ? 70000 + n : n * 7 % 90);
  fdwire_put_u32be(at, n);
  memset(at + 4, (int)(n & 0x7f), len - 4);
  return len;
}

enum { THREADS = 4, NUMBERS = 3000, AT_ONCE = 25 };

struct sharer {
  fdwire_conn *conn;
  uint8_t *seen; /* of each message, how often; all sharers' */
  pthread_mutex_t *lock;
  size_t cap, most;
  uint32_t first;
  pthread_t thread;
};

static void *take_a_share(void *arg) {
  struct sharer *sharer = (struct sharer *)arg;
  struct packed got = packed_of(ROOM);
  size_t cap = sharer->cap;
  uint32_t next[2] = {0, NUMBERS / 2};
  int result;
  while ((result = take(sharer->conn, &got, cap, sharer->most, -1)) == 1 || result == -ENOBUFS) {
    cap = result == 1 ? sharer->cap : got.lens[0]; /* another thread may be faster with it */
    size_t at = 0;
    for (size_t i = 0; result == 1 && i < got.count; at += got.lens[i++]) {
      static const uint8_t none[4] = {0};
      uint8_t *expected = (uint8_t *)bytes_of(ROOM);
      uint32_t n = fdwire_get_u32be(got.lens[i] >= 4 ? got.room + at : none) % NUMBERS;
      CHECK(n >= next[n >= NUMBERS / 2]); /* each sender's in their order */
      CHECK_IS(got.lens[i], numbered(expected, n));
      CHECK(memcmp(expected, got.room + at, got.lens[i]) == 0);
      next[n >= NUMBERS / 2] = n + 1;
      free(expected);
      pthread_mutex_lock(sharer->lock);
      sharer->seen[n]++;
      pthread_mutex_unlock(sharer->lock);
    }
  }
  CHECK_IS(result, 0);
  free(got.room);
  return NULL;
}

/* Half of all messages, many a call. */
static void *send_a_half(void *arg) {
  struct sharer *sharer = (struct sharer *)arg;
  uint8_t *bodies = (uint8_t *)bytes_of(ROOM);
  size_t lens[AT_ONCE];
  for (uint32_t n = sharer->first; n < sharer->first + NUMBERS / 2; n += AT_ONCE) {
    size_t at = 0;
    for (uint32_t i = 0; i < AT_ONCE; i++)
      at += lens[i] = numbered(bodies + at, n + i);
    CHECK_IS(fdwire_conn_send_packed(sharer->conn, bodies, lens, AT_ONCE, -1), 0);
  }
  free(bodies);
  return NULL;
}

static void several_threads(void) {
  EACH_WAY(way) {
    int fds[2];
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct sharer sharers[THREADS + 2];
    uint8_t *seen = (uint8_t *)calloc(NUMBERS, 1);
    NEED(seen != NULL);
    open_way(way, fds);
    fdwire_conn *in = conn_of(fds[0], -1, NULL), *out = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_set(out, FDWIRE_OWN, FDWIRE_OUT), 0);
    for (size_t i = 0; i < THREADS + 2; i++) {
      sharers[i].conn = i < THREADS ? in : out;
      sharers[i].seen = seen;
      sharers[i].lock = &lock;
      sharers[i].cap = i == 0 ? 0 : i == 1 ? 300 : ROOM;
      sharers[i].most = 1 + i * 9;
      sharers[i].first = i > THREADS ? NUMBERS / 2 : 0;
      NEED(pthread_create(&sharers[i].thread, NULL, i < THREADS ? take_a_share : send_a_half,
                          &sharers[i]) == 0);
    }
    for (size_t i = THREADS; i < THREADS + 2; i++)
      NEED(pthread_join(sharers[i].thread, NULL) == 0);
    CHECK_IS(fdwire_conn_shutdown(out, FDWIRE_SHUT_WR, DEADLINE), 0);
    for (size_t i = 0; i < THREADS; i++)
      NEED(pthread_join(sharers[i].thread, NULL) == 0);
    for (size_t n = 0; n < NUMBERS; n++)
      CHECK_IS(seen[n], 1);
    fdwire_conn_free(in);
    fdwire_conn_free(out);
    close(fds[0]);
    free(seen);
  }
}

/* ---- Beside other calls ---- */

static void descriptors_end_a_call(void) {
  int fds[2], file = memfd_create("fdwire", MFD_CLOEXEC), taken[9];
  size_t count = 0;
  struct packed got = packed_of(100);
  NEED(file >= 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  fdwire_conn *in = conn_of(fds[0], -1, NULL), *out = conn_of(-1, fds[1], NULL);
  CHECK_IS(fdwire_conn_set(in, FDWIRE_TAKE_FDS, 1), 0);
  static const size_t lens[] = {1, 1}, counts[] = {3, 1, 2};
  CHECK_IS(fdwire_conn_send_packed(out, "ab", lens, 2, -1), 0);
  CHECK_IS(fdwire_conn_send_fds(out, "c", 1, &file, 1, -1), 0);
  CHECK_IS(fdwire_conn_send_fds(out, "d", 1, &file, 1, -1), 0);
  CHECK_IS(fdwire_conn_send_packed(out, "ef", lens, 2, -1), 0);
  for (size_t i = 0, at = 0; i < 3; at += counts[i++]) {
    CHECK_IS(take(in, &got, 100, PLACES, DEADLINE), 1);
    CHECK_IS(got.count, counts[i]);
    CHECK(memcmp(got.room, &"abcdef"[at], counts[i]) == 0);
    CHECK_IS(fdwire_conn_take_fds(in, taken, 9, &count), i < 2);
    CHECK_IS(count, i < 2);
    if (count == 1)
      close(taken[0]);
  }
  CHECK_IS(take(in, &got, 100, PLACES, 0), -EAGAIN);
  fdwire_conn_free(in);
  fdwire_conn_free(out);
  close_way(fds);
  close(file);
  free(got.room);
}

static void while_a_message_is_in_parts(void) {
  int fds[2];
  fdwire_msg head;
  uint64_t body_len;
  size_t len = 2;
  struct packed got = packed_of(100);
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  fdwire_conn *in = conn_of(fds[0], -1, NULL), *out = conn_of(-1, fds[1], NULL);
  CHECK_IS(fdwire_conn_send_begin(out, NULL, 0, 3, -1), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_send_packed(out, "no", &len, 1, -1), -EBUSY);
  CHECK_IS(fdwire_conn_send_part(out, "abc", 3, -1), 0);
  CHECK_IS(fdwire_conn_send_packed(out, "de", &len, 1, -1), 0);
  CHECK_IS(fdwire_conn_recv_begin(in, &head, &body_len, -1), 1);
  CHECK_IS(take(in, &got, 100, PLACES, -1), -EBUSY);
  CHECK_IS(fdwire_conn_skip(in), 0);
  CHECK_IS(take(in, &got, 100, PLACES, -1), 1);
  CHECK(got.count == 1 && got.lens[0] == 2 && memcmp(got.room, "de", 2) == 0);
  fdwire_conn_free(in);
  fdwire_conn_free(out);
  close_way(fds);
  free(got.room);
}

static void cancelled(void) {
  struct feed feed;
  struct packed got = packed_of(100);
  feed_open(&feed, "u8");
  CHECK_IS(fdwire_conn_cancel(feed.conn), 0);
  CHECK_IS(take(feed.conn, &got, 100, PLACES, -1), -ECANCELED);
  tube_put(&feed.in, "\1a\1b\1", 5);
  CHECK_IS(take(feed.conn, &got, 100, PLACES, -1), 1);
  CHECK_IS(got.count, 2);
  CHECK_IS(take(feed.conn, &got, 100, PLACES, DEADLINE), -ECANCELED);
  CHECK_IS(fdwire_conn_shutdown(feed.conn, FDWIRE_SHUT_RD, 0), 0);
  CHECK_IS(take(feed.conn, &got, 100, PLACES, -1), 0);
  feed_close(&feed);
  free(got.room);
}

/* What makes no sense is refused, with nothing done. */
static void senseless_calls(void) {
  char room[8];
  size_t lens[3] = {1, 1, 1}, count = 99, limit = SIZE_MAX / 2;
  int fds[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  fdwire_conn *in = conn_of(fds[1], -1, NULL), *out = conn_of(-1, fds[1], NULL);
  for (int timeout = -1; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_recv_packed(NULL, room, 8, lens, 3, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, NULL, 8, lens, 3, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, room, limit + 1, lens, 3, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, room, 8, NULL, 3, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, room, 8, lens, 0, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, room, 8, NULL, 0, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, room, 8, lens, SIZE_MAX, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, room, 8, lens, limit / 4, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(conn, room, 8, lens, 3, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_packed(out, room, 8, lens, 3, &count, timeout), -EBADF);
    CHECK_IS(fdwire_conn_send_packed(NULL, "abc", lens, 3, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_packed(conn, NULL, lens, 3, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_packed(conn, "abc", NULL, 3, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_packed(conn, "abc", lens, SIZE_MAX, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_packed(conn, "abc", lens, limit / 4, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_packed(in, "abc", lens, 3, timeout), -EBADF);
    /* Too many bytes together, though each is a length, and the sum of all wraps to a small one. */
    size_t over[3] = {limit, 1, 0}, wraps[3] = {limit, limit, 3};
    CHECK_IS(fdwire_conn_send_packed(conn, "abc", over, 3, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_packed(conn, "abc", wraps, 3, timeout), -EINVAL);
    /* None, and of no bytes. */
    CHECK_IS(fdwire_conn_send_packed(conn, NULL, NULL, 0, timeout), 0);
    CHECK_IS(fdwire_conn_send_packed(conn, NULL, lens, 0, timeout), 0);
  }
  for (int timeout = -2; timeout > -10; timeout -= 3) {
    CHECK_IS(fdwire_conn_recv_packed(conn, room, 8, lens, 3, &count, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_packed(conn, "abc", lens, 3, timeout), -EINVAL);
  }
  CHECK(count == 99 && lens[0] == 1 && stats_of(conn).writes == 0);
  size_t nothing[2] = {0, 0};
  CHECK_IS(fdwire_conn_send_packed(conn, NULL, nothing, 2, 0), 0);
  CHECK_IS(fdwire_conn_recv_packed(in, NULL, 0, lens, 3, &count, DEADLINE), 1);
  CHECK(count == 2 && lens[0] == 0 && lens[1] == 0 && lens[2] == 1);
  fdwire_conn_free(conn);
  fdwire_conn_free(in);
  fdwire_conn_free(out);
  close_way(fds);
}

int main(void) {
  check_begin();
  fill_letters();
  RUN(bodies_of_every_length);
  RUN(to_the_byte);
  RUN(empty_messages_need_no_room);
  RUN(partial_arrivals);
  RUN(errors_come_behind_messages);
  RUN(the_format_changes_between_messages);
  RUN(the_end_of_the_stream_ends_a_message);
  RUN(large_bodies);
  RUN(sent_bodies_of_every_length);
  RUN(all_or_none);
  RUN(as_many_as_may_wait);
  RUN(any_length_with_time);
  RUN(several_threads);
  RUN(descriptors_end_a_call);
  RUN(while_a_message_is_in_parts);
  RUN(cancelled);
  RUN(senseless_calls);
  return check_end();
}
