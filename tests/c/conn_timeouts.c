/* A call on a connection that runs out of time has lost nothing: at every byte of a frame, in both
   directions, whichever call it is, the rest makes the message whole. And a deadline is for the
   whole call. */
#include "samples.h"

/* ---- Receiving ---- */

/* All but the first cut bytes of a frame have come when calls run out of time. */
static void cut_at(const struct framed *framed, receive call, size_t cut, int waits) {
  struct feed feed;
  struct got got;
  got.open = 0;
  feed_with(&feed, framed->format);
  tube_put(&feed.in, framed->frame, cut);
  CHECK_IS(call(feed.conn, &got, 0), -EAGAIN);
  if (waits)
    CHECK_IS(call(feed.conn, &got, 1), -ETIMEDOUT);
  CHECK_IS(call(feed.conn, &got, 0), -EAGAIN);
  tube_put(&feed.in, framed->frame + cut, framed->len - cut);
  tube_put(&feed.in, framed->frame, framed->len);
  for (int i = 0; i < 2; i++) {
    CHECK_IS(call(feed.conn, &got, i), 1);
    check_body(framed->sample, &got);
  }
  CHECK_IS(call(feed.conn, &got, 0), -EAGAIN);
  CHECK_IS(stats_of(feed.conn).memory, 0);
  feed_close(&feed);
}

static void receiving_at_every_byte(void) {
  EACH_SAMPLE(sample) {
    struct framed framed = framed_of(sample);
    int failures = check_failures;
    for (size_t i = 0; i < RECEIVES; i++)
      for (size_t cut = 0; cut < framed.len; cut++)
        cut_at(&framed, receives[i], cut, scaled(10) > 10 || (cut + i) % 3 == 0);
    if (failures != check_failures)
      printf("... with %s\n", sample->text);
    fdwire_format_free(framed.format);
  }
}

/* Every byte comes alone, and each time all kinds of calls ask for the message; from one byte on,
   the one in parts. */
static void drip(const struct framed *framed, size_t parts_from) {
  struct feed feed;
  struct got got;
  int result = -EAGAIN;
  got.open = 0;
  feed_with(&feed, framed->format);
  for (size_t at = 0; at < framed->len; at++) {
    tube_put(&feed.in, framed->frame + at, 1);
    for (size_t i = 0; i < 3 && (at < parts_from || i == 0) && result != 1; i++)
      result = (at < parts_from ? receives[(at + i) % 3] : by_parts)(feed.conn, &got, 0);
    CHECK_IS(result, at + 1 < framed->len ? -EAGAIN : 1);
  }
  check_body(framed->sample, &got);
  feed_close(&feed);
}

static void receiving_in_any_way(void) {
  EACH_SAMPLE(sample) {
    struct framed framed = framed_of(sample);
    for (size_t from = 0; from <= framed.len; from++)
      drip(&framed, from);
    fdwire_format_free(framed.format);
  }
}

/* Only the end of the stream tells where the message ends. */
static void receiving_up_to_the_end(void) {
  for (size_t i = 0; i < RECEIVES; i++) {
    struct feed feed;
    struct got got;
    got.open = 0;
    feed_open(&feed, "eof");
    for (size_t at = 0; at < 5; at++) {
      CHECK_IS(receives[i](feed.conn, &got, 0), -EAGAIN);
      tube_put(&feed.in, &"hello"[at], 1);
      CHECK_IS(receives[i](feed.conn, &got, 1), -ETIMEDOUT);
    }
    feed.in.ended = 0;
    CHECK_IS(receives[i](feed.conn, &got, 0), 1);
    CHECK(got.len == 5 && memcmp(got.body, "hello", 5) == 0);
    CHECK_IS(receives[i](feed.conn, &got, 0), 0);
    feed_close(&feed);
  }
}

/* ---- Large bodies ---- */

#define LARGE 300000

/* Asks for the message with room of its own each time, as a program whose buffer comes and goes. */
static int into_room_of_its_own(fdwire_conn *conn, const uint8_t *body, int timeout_ms) {
  uint8_t *room = (uint8_t *)bytes_of(LARGE + 7);
  size_t len = 0;
  int result = fdwire_conn_recv_into(conn, room, LARGE + 7, &len, timeout_ms);
  if (result == 1)
    CHECK(len == LARGE && memcmp(room, body, LARGE) == 0);
  memset(room, 0xee, LARGE + 7);
  free(room);
  return result;
}

static int lent(fdwire_conn *conn, const uint8_t *body, int timeout_ms) {
  fdwire_msg msg;
  int result = fdwire_conn_recv(conn, &msg, timeout_ms);
  if (result == 1)
    CHECK(msg.body_len == LARGE && memcmp(msg.body, body, LARGE) == 0);
  return result;
}

/* In parts, as far as they are there now; *at is how far. */
static int in_parts(fdwire_conn *conn, const uint8_t *body, size_t *at, int timeout_ms) {
  uint8_t part[7000];
  size_t got = 0;
  int result;
  while ((result = fdwire_conn_recv_part(conn, part, sizeof part, &got, timeout_ms)) == 1) {
    CHECK(*at + got <= LARGE && memcmp(part, body + *at, got) == 0);
    *at += got;
  }
  return result;
}

/* How the calls at the cut, and then the last ones, receive. */
enum { INTO, LENT, IN_PARTS };

static void large_cut_at(const char *text, const uint8_t *frame, size_t len, const uint8_t *body,
                         size_t cut, int last) {
  struct feed feed;
  fdwire_msg head;
  uint64_t body_len = 0;
  size_t middle = (cut + len) / 2, at = 0;
  feed_open(&feed, text);
  tube_put(&feed.in, frame, cut);
  CHECK_IS(into_room_of_its_own(feed.conn, body, 0), -EAGAIN);
  CHECK_IS(into_room_of_its_own(feed.conn, body, 1), -ETIMEDOUT);
  tube_put(&feed.in, frame + cut, middle - cut);
  CHECK_IS(into_room_of_its_own(feed.conn, body, 0), -EAGAIN);
  if (last == IN_PARTS && middle > 9) {
    CHECK_IS(fdwire_conn_recv_begin(feed.conn, &head, &body_len, 0), 1);
    CHECK_IS(body_len, LARGE);
    CHECK_IS(in_parts(feed.conn, body, &at, 1), -ETIMEDOUT);
  }
  tube_put(&feed.in, frame + middle, len - middle);
  if (last == INTO)
    CHECK_IS(into_room_of_its_own(feed.conn, body, 0), 1);
  else if (last == LENT)
    CHECK_IS(lent(feed.conn, body, 0), 1);
  else
    CHECK(in_parts(feed.conn, body, &at, 0) == 0 && at == LARGE);
  tube_put(&feed.in, frame, len);
  CHECK_IS(into_room_of_its_own(feed.conn, body, 0), 1);
  CHECK_IS(fdwire_conn_recv(feed.conn, &head, 0), -EAGAIN);
  CHECK_IS(stats_of(feed.conn).memory, 0);
  feed_close(&feed);
}

static size_t large_frame(const char *text, uint8_t **frame, const uint8_t *body) {
  fdwire_format *format = format_of(text);
  fdwire_msg msg = {NULL, body, 0, LARGE, 0};
  size_t len = 0;
  *frame = (uint8_t *)bytes_of(LARGE + 100);
  NEED(fdwire_encode(format, &msg, *frame, LARGE + 100, &len) == 0);
  fdwire_format_free(format);
  return len;
}

static void receiving_large_bodies(void) {
  static const char *const texts[] = {"u32be", "netstring", "u32be pad=8 tail='!'",
                                      "headers length='L'"};
  static const size_t cuts[] = {0,     1,     4,     5,      9,      100,    4095,  4096,
                                4100,  65536, 65541, 262143, 262144, 262148, 299999};
  uint8_t *body = pattern(LARGE, 5), *frame;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    size_t len = large_frame(texts[i], &frame, body);
    for (size_t j = 0; j < sizeof cuts / sizeof *cuts; j++)
      for (int last = INTO; last <= IN_PARTS; last++)
        if (scaled(10) > 10 || (i + j) % 3 == (size_t)last)
          large_cut_at(texts[i], frame, len, body, cuts[j], last);
    large_cut_at(texts[i], frame, len, body, len - 2, LENT);
    free(frame);
  }
  free(body);
}

/* Too little room, in the middle of it: the room that it needs, and nothing is lost. */
static void receiving_with_too_little_room(void) {
  uint8_t *body = pattern(LARGE, 6), *frame, small[100];
  size_t len = large_frame("u32be", &frame, body);
  for (size_t cut = 5; cut < len; cut += 29999) {
    struct feed feed;
    size_t needs = 0;
    feed_open(&feed, "u32be");
    tube_put(&feed.in, frame, cut);
    CHECK_IS(into_room_of_its_own(feed.conn, body, 0), -EAGAIN);
    tube_put(&feed.in, frame + cut, len - cut);
    for (int i = 0; i < 2; i++) {
      CHECK_IS(fdwire_conn_recv_into(feed.conn, small, sizeof small, &needs, 1), -ENOBUFS);
      CHECK_IS(needs, LARGE);
    }
    CHECK_IS(fdwire_conn_recv_into(feed.conn, NULL, 0, &needs, -1), -ENOBUFS);
    CHECK_IS(into_room_of_its_own(feed.conn, body, -1), 1);
    feed_close(&feed);
  }
  free(frame);
  free(body);
}

/* The same over descriptors, whose buffers are smaller than the message. */
static void large_bodies_over_descriptors(void) {
  uint8_t *body = pattern(LARGE, 8), *frame;
  size_t len = large_frame("u32be", &frame, body);
  EACH_WAY(way) {
    int fds[2], result = -EAGAIN;
    open_way(way, fds);
    fdwire_conn *conn = conn_of(fds[0], -1, NULL);
    struct dice dice = dice_of((uint64_t)way);
    for (size_t at = 0; at < len;) {
      size_t piece = least(len - at, 1 + below(&dice, 20000)), done = 0;
      while (fdwire_write_all(fds[1], frame + at, piece, &done, 0) == -EAGAIN)
        CHECK_IS(into_room_of_its_own(conn, body, 1), -ETIMEDOUT);
      at += piece;
      result = one_in(&dice, 2) ? into_room_of_its_own(conn, body, 0) : lent(conn, body, 0);
      CHECK(result == -EAGAIN || at == len);
    }
    if (result != 1)
      CHECK_IS(into_room_of_its_own(conn, body, 5000), 1);
    fdwire_conn_free(conn);
    close_way(fds);
  }
  free(frame);
  free(body);
}

/* ---- Sending ---- */

/* Ways to send three messages, of which the bodies are the same. */
typedef int (*send_three)(fdwire_conn *conn, const struct sample *sample, int timeout_ms);

static int by_send_many(fdwire_conn *conn, const struct sample *sample, int timeout_ms) {
  fdwire_msg msgs[3] = {msg_of(sample), msg_of(sample), msg_of(sample)};
  return fdwire_conn_send_many(conn, msgs, 3, timeout_ms);
}

static int by_send(fdwire_conn *conn, const struct sample *sample, int timeout_ms) {
  int result = 0;
  if (sample->head_len > 0)
    return by_send_many(conn, sample, timeout_ms);
  for (int i = 0; i < 3; i++)
    result = fdwire_conn_send(conn, sample->body, strlen(sample->body), timeout_ms);
  return result;
}

static int by_queue(fdwire_conn *conn, const struct sample *sample, int timeout_ms) {
  fdwire_msg msgs[3] = {msg_of(sample), msg_of(sample), msg_of(sample)};
  CHECK_IS(fdwire_conn_queue(conn, msgs, 2), FDWIRE_PENDING);
  return fdwire_conn_send_many(conn, msgs, 1, timeout_ms);
}

static int by_send_parts(fdwire_conn *conn, const struct sample *sample, int timeout_ms) {
  fdwire_msg msg = msg_of(sample);
  int result = 0;
  for (int i = 0; i < 3; i++) {
    result = fdwire_conn_send_begin(conn, msg.head, msg.head_len, msg.body_len, timeout_ms);
    if (result == -EOPNOTSUPP) /* what is in it tells its end */
      result = fdwire_conn_send_many(conn, &msg, 1, timeout_ms);
    else
      for (size_t at = 0; at < msg.body_len && result >= 0; at += 3)
        result = fdwire_conn_send_part(conn, msg.body + at, least(3, msg.body_len - at),
                                       timeout_ms);
  }
  return result;
}

static int by_file(fdwire_conn *conn, const struct sample *sample, int timeout_ms) {
  int result = 0;
  FILE *file = tmpfile();
  if (sample->head_len > 0) {
    fclose(file);
    return by_send_many(conn, sample, timeout_ms);
  }
  NEED(file != NULL && fprintf(file, "--%s--", sample->body) >= 0 && fflush(file) == 0);
  for (int i = 0; i < 3; i++) {
    result = fdwire_conn_send_file(conn, fileno(file), 2, strlen(sample->body), timeout_ms);
    if (result == -EOPNOTSUPP)
      result = fdwire_conn_send(conn, sample->body, strlen(sample->body), timeout_ms);
  }
  fclose(file); /* the connection has a descriptor of its own */
  return result;
}

static const send_three sends[] = {by_send, by_send_many, by_queue, by_send_parts, by_file};
#define SENDS (sizeof sends / sizeof *sends)

/* The kernel takes cut bytes and no more, for a while. */
static void stuck_at(const struct framed *three, send_three call, size_t cut, int timeout_ms) {
  struct sink sink;
  sink_open(&sink, three->len);
  fdwire_conn *conn = conn_into(&sink, three->format);
  sink.allowed = cut;
  CHECK_IS(call(conn, three->sample, timeout_ms), cut < three->len ? FDWIRE_PENDING : 0);
  CHECK_IS(fdwire_conn_pending(conn), three->len - cut);
  CHECK_IS((fdwire_conn_events(conn) & POLLOUT) != 0, cut < three->len);
  if (cut < three->len) {
    CHECK_IS(fdwire_conn_flush(conn, 0), -EAGAIN);
    if (cut % 8 == 0)
      CHECK_IS(fdwire_conn_flush(conn, 1), -ETIMEDOUT);
  }
  sink.allowed = (three->len - cut) / 2;
  CHECK_IS(fdwire_conn_flush(conn, 0), cut < three->len ? -EAGAIN : 0);
  sink.allowed = three->len;
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  CHECK(sink.len == three->len && memcmp(sink.bytes, three->frame, three->len) == 0);
  CHECK_IS(stats_of(conn).messages_out, 3);
  CHECK_IS(stats_of(conn).memory, 0);
  fdwire_conn_free(conn);
  free(sink.bytes);
}

/* A byte whenever it is waited for. */
static void sips(const struct framed *three, send_three call) {
  struct sink sink;
  sink_open(&sink, three->len);
  fdwire_conn *conn = conn_into(&sink, three->format);
  sink.more = 1;
  CHECK_IS(call(conn, three->sample, -1), 0);
  CHECK(sink.len == three->len && memcmp(sink.bytes, three->frame, three->len) == 0);
  fdwire_conn_free(conn);
  free(sink.bytes);
}

static void stuck_anywhere(const struct framed *three, size_t one, send_three call) {
  for (size_t cut = 0; cut <= one; cut++)
    stuck_at(three, call, cut, 0);
  for (size_t cut = one + 1; cut <= three->len; cut += 1 + one / 6) /* in the second and third */
    stuck_at(three, call, cut, 0);
  stuck_at(three, call, three->len, 0);
  stuck_at(three, call, one / 2, 1);
  sips(three, call);
}

static void sending_at_every_byte(void) {
  EACH_SAMPLE(sample) {
    if (sample->head != NULL && sample->head_len == 0)
      continue; /* not how a program sends one */
    struct framed three = framed_of(sample);
    size_t one = three.len;
    int failures = check_failures;
    NEED(3 * one <= sizeof three.frame);
    memcpy(three.frame + one, three.frame, one);
    memcpy(three.frame + 2 * one, three.frame, one);
    three.len = 3 * one;
    for (size_t i = 0; i < SENDS; i++)
      stuck_anywhere(&three, one, sends[i]);
    if (failures != check_failures)
      printf("... with %s\n", sample->text);
    fdwire_format_free(three.format);
  }
}

/* A large body that went in part waits inside, and the caller's memory is its own again. */
static void sending_large_bodies(void) {
  uint8_t *body = pattern(LARGE, 5), *frame;
  size_t len = large_frame("u32be", &frame, body);
  for (size_t cut = 0; cut < len; cut += cut < 8 ? 1 : 13377) {
    struct sink sink;
    sink_open(&sink, len);
    fdwire_conn *conn = conn_to(&sink, "u32be");
    uint8_t *copy = (uint8_t *)bytes_of(LARGE);
    memcpy(copy, body, LARGE);
    sink.allowed = cut;
    CHECK_IS(fdwire_conn_send(conn, copy, LARGE, cut % 2), FDWIRE_PENDING);
    memset(copy, 0xee, LARGE);
    free(copy);
    CHECK_IS(fdwire_conn_pending(conn), len - cut);
    sink.more = 1000;
    CHECK_IS(fdwire_conn_flush(conn, -1), 0);
    CHECK(sink.len == len && memcmp(sink.bytes, frame, len) == 0);
    fdwire_conn_free(conn);
    free(sink.bytes);
  }
  free(frame);
  free(body);
}

/* ---- A full buffer of the system's ---- */

struct drain {
  uint64_t at;
  const uint8_t *stream;
  size_t len;
};

/* Reads some of what is there and holds it against the stream. */
static void drains(struct drain *drain, int fd, size_t most) {
  uint8_t bytes[5000];
  size_t done = 0;
  int result = fdwire_read_exact(fd, bytes, least(most, sizeof bytes), &done, 0);
  CHECK(result == 1 || result == -EAGAIN);
  CHECK(drain->at + done <= drain->len && memcmp(bytes, drain->stream + drain->at, done) == 0);
  drain->at += done;
}

#define STREAM 400000

/* Messages of 0 to 9,999 bytes whose bodies come from one pattern. */
static size_t stream_of(uint8_t *stream, const uint8_t *body, size_t *messages) {
  size_t len = 0;
  for (*messages = 0; len + 10004 < STREAM; ++*messages) {
    size_t body_len = *messages * 7919 % 10000;
    fdwire_put_u32be(stream + len, (uint32_t)body_len);
    memcpy(stream + len + 4, body, body_len);
    len += 4 + body_len;
  }
  return len;
}

/* On a descriptor whose buffer is full most of the time. */
static void sending_into_a_full_buffer(void) {
  uint8_t *body = pattern(10000, 1), *stream = (uint8_t *)bytes_of(STREAM);
  size_t messages, len = stream_of(stream, body, &messages);
  EACH_WAY(way) {
    int fds[2], small = 4096, room = 32768, result = 0, pendings = 0;
    struct drain drain = {0, stream, len};
    struct dice dice = dice_of((uint64_t)way + 1);
    open_way(way, fds);
    if (setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) < 0)
      NEED(fcntl(fds[1], F_SETPIPE_SZ, small) > 0);
    else /* TCP makes more room as it sees fit, and then nothing would ever be full */
      CHECK_IS(setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    for (size_t i = 0; i < messages; i++) {
      result = fdwire_conn_send(conn, body, i * 7919 % 10000, one_in(&dice, 9) ? 1 : 0);
      CHECK(result == 0 || result == FDWIRE_PENDING);
      CHECK_IS(result, fdwire_conn_pending(conn) > 0);
      pendings += result;
      drains(&drain, fds[0], 1 + below(&dice, 5000));
      if (one_in(&dice, 3))
        drains(&drain, fds[0], 5000);
    }
    while ((result = fdwire_conn_flush(conn, 1)) == -ETIMEDOUT)
      drains(&drain, fds[0], 1 + below(&dice, 5000));
    CHECK_IS(result, 0);
    CHECK(pendings > 10);
    fdwire_conn_free(conn);
    for (long long end = now_ms() + 5000; drain.at < len && now_ms() < end;)
      drains(&drain, fds[0], 5000);
    CHECK_IS(drain.at, len);
    close_way(fds);
  }
  free(stream);
  free(body);
}

/* ---- Deadlines ---- */

/* Two bytes every 10 ms, for 2 s, do not stretch a deadline; what dripped is kept. */
static void a_peer_that_drips(void) {
  enum { BODY = 400 };
  uint8_t frame[4 + BODY];
  fdwire_put_u32be(frame, BODY);
  memset(frame + 4, 'x', BODY);
  for (size_t i = 0; i < 3; i++) {
    int fds[2];
    struct writer_peer peer;
    struct got got;
    open_way((int)i, fds);
    fdwire_conn *conn = conn_of(fds[0], -1, NULL);
    peer_writes(&peer, fds[1], frame, sizeof frame, 2, 10, 0);
    long long start = now_ms();
    CHECK_IS(receives[i](conn, &got, 100), -ETIMEDOUT);
    CHECK_TOOK(start, 100, 1000);
    start = now_ms();
    CHECK_IS(receives[i](conn, &got, 40), -ETIMEDOUT);
    CHECK_TOOK(start, 40, 800);
    CHECK_IS(receives[i](conn, &got, 20000), 1);
    CHECK(got.len == BODY && got.body[0] == 'x' && got.body[BODY - 1] == 'x');
    peer_done(&peer);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

/* Takes a gulp every 10 ms, until the end. */
static void *gulps(void *arg) {
  static char gulp[65536];
  int fd = *(int *)arg;
  while (read(fd, gulp, sizeof gulp) > 0)
    sleep_ms(10);
  return NULL;
}

/* So that a few gulps make room. */
static void small_buffers(int fds[2]) {
  int small = 50000;
  for (int i = 0; i < 2; i++)
    setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
}

static void a_peer_that_sips(void) {
  uint8_t *body = pattern(8 << 20, 0);
  EACH_WAY(way) {
    int fds[2];
    pthread_t peer;
    open_way(way, fds);
    small_buffers(fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    NEED(pthread_create(&peer, NULL, gulps, &fds[0]) == 0);
    long long start = now_ms();
    CHECK_IS(fdwire_conn_send(conn, body, 8 << 20, 80), FDWIRE_PENDING);
    CHECK_TOOK(start, 80, 1000);
    uint64_t pending = fdwire_conn_pending(conn);
    start = now_ms();
    CHECK_IS(fdwire_conn_flush(conn, 80), -ETIMEDOUT);
    CHECK_TOOK(start, 80, 1000);
    CHECK(fdwire_conn_pending(conn) < pending);
    fdwire_conn_free(conn);
    close(fds[1]);
    NEED(pthread_join(peer, NULL) == 0);
    close(fds[0]);
  }
  free(body);
}

/* On blocking descriptors too; and a receive that waits goes on sending meanwhile. */
static void zero_never_waits(void) {
  fdwire_msg msg;
  uint8_t *body = pattern(8 << 20, 0);
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    small_buffers(fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    long long start = now_ms();
    CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
    CHECK_IS(fdwire_conn_send(conn, body, 8 << 20, 0), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_flush(conn, 0), -EAGAIN);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
    CHECK_TOOK(start, 0, 1000);
    uint64_t pending = fdwire_conn_pending(conn);
    pthread_t peer;
    NEED(pthread_create(&peer, NULL, gulps, &fds[1]) == 0);
    start = now_ms();
    CHECK_IS(fdwire_conn_recv(conn, &msg, 80), -ETIMEDOUT);
    CHECK_TOOK(start, 80, 1000);
    CHECK(fdwire_conn_pending(conn) < pending);
    fdwire_conn_free(conn);
    close(fds[0]);
    NEED(pthread_join(peer, NULL) == 0);
    close(fds[1]);
  }
  free(body);
}

/* Takes little at a time, and more at once: a peer that keeps up, so that nothing ever has to wait. */
static int64_t takes_steadily(void *ctx, const fdwire_slice *slices, size_t count) {
  size_t *taken = (size_t *)ctx, len = least(slices[0].len, 1000);
  (void)count;
  sleep_ms(1);
  *taken += len;
  return (int64_t)len;
}

static int waits_for_nothing(void *ctx, int events, int timeout_ms) {
  (void)ctx, (void)events, (void)timeout_ms;
  return 0;
}

static void a_peer_that_keeps_up(void) {
  static const char body[2000000] = ""; /* two seconds, at best */
  size_t taken = 0;
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new_over(NULL, takes_steadily, waits_for_nothing, &taken, NULL, &conn) == 0);
  long long start = now_ms();
  CHECK_IS(fdwire_conn_send(conn, body, sizeof body, 30), FDWIRE_PENDING);
  CHECK_TOOK(start, 30, 1000);
  start = now_ms();
  CHECK_IS(fdwire_conn_flush(conn, 30), -ETIMEDOUT);
  CHECK_TOOK(start, 30, 1000);
  CHECK_IS(taken + fdwire_conn_pending(conn), sizeof body + 4);
  fdwire_conn_free(conn);

  /* What goes without waiting, goes, where no time was given as where there is no end of it. */
  NEED(fdwire_conn_new_over(NULL, takes_steadily, NULL, &taken, NULL, &conn) == 0);
  for (int timeout_ms = -1; timeout_ms <= 0; timeout_ms++) {
    CHECK(fdwire_conn_send(conn, body, 30000, timeout_ms) >= 0);
    CHECK_IS(fdwire_conn_flush(conn, timeout_ms), 0);
  }
  fdwire_conn_free(conn);
}

int main(void) {
  check_begin();
  struct sink idle;
  fdwire_conn *keeper = conn_to(&idle, "u32be"); /* while there is one, buffers are kept */
  RUN(receiving_at_every_byte);
  RUN(receiving_in_any_way);
  RUN(receiving_up_to_the_end);
  RUN(receiving_large_bodies);
  RUN(receiving_with_too_little_room);
  RUN(large_bodies_over_descriptors);
  RUN(sending_at_every_byte);
  RUN(sending_large_bodies);
  RUN(sending_into_a_full_buffer);
  RUN(a_peer_that_drips);
  RUN(a_peer_that_sips);
  RUN(zero_never_waits);
  RUN(a_peer_that_keeps_up);
  fdwire_conn_free(keeper);
  return check_end();
}
