/* What a connection holds is bounded, to the byte; what does not fit is refused whole; and when
   nothing waits, it holds nothing. */
#include "samples.h"

#if defined(__GLIBC__)
#include <malloc.h>
#if __GLIBC_PREREQ(2, 33)
#define ALLOCATOR_SAYS 1
#endif
#endif

/* What the allocator has given out; 0 where it does not say, as under checkers that replace it. */
static size_t allocated(void) {
#ifdef ALLOCATOR_SAYS
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

#define NINETY_SIX 96 /* with its head: 100 bytes */
static const uint8_t body[NINETY_SIX + 1] = "96 bytes and one more, most of them 0";

static void fill_messages(fdwire_msg *msgs, size_t count, size_t body_len) {
  for (size_t i = 0; i < count; i++) {
    fdwire_msg msg = {NULL, body, 0, body_len, 0};
    msgs[i] = msg;
  }
}

static int send_hundreds(fdwire_conn *conn, size_t count, int timeout_ms) {
  fdwire_msg msgs[20];
  fill_messages(msgs, count, NINETY_SIX);
  return fdwire_conn_send_many(conn, msgs, count, timeout_ms);
}

static int send_with_heads(fdwire_conn *conn, size_t count) {
  fdwire_msg msgs[20];
  fill_messages(msgs, count, NINETY_SIX);
  for (size_t i = 0; i < count; i++) {
    msgs[i].head = (const uint8_t *)"\0\0\0\x60";
    msgs[i].head_len = 4;
  }
  return fdwire_conn_send_many(conn, msgs, count, 0);
}

static int queue_hundreds(fdwire_conn *conn, size_t count) {
  fdwire_msg msgs[20];
  fill_messages(msgs, count, NINETY_SIX);
  return fdwire_conn_queue(conn, msgs, count);
}

static int queue_one(fdwire_conn *conn, size_t body_len) {
  fdwire_msg msg;
  fill_messages(&msg, 1, body_len);
  return fdwire_conn_queue(conn, &msg, 1);
}

static void set(fdwire_conn *conn, int option, int64_t value) {
  CHECK_IS(fdwire_conn_set(conn, option, value), 0);
}

/* Every frame of 100 bytes that was accepted is there, and nothing else. */
static void check_hundreds(const struct sink *sink, size_t count) {
  CHECK_IS(sink->len, count * 100);
  for (size_t at = 0; at + 100 <= sink->len; at += 100)
    CHECK(fdwire_get_u32be(sink->bytes + at) == 96 && memcmp(sink->bytes + at + 4, body, 96) == 0);
}

static void close_sink(struct sink *sink, fdwire_conn *conn) {
  fdwire_conn_free(conn);
  free(sink->bytes);
}

/* ---- The limit ---- */

static void as_many_as_fit(void) {
  struct sink sink;
  sink_open(&sink, 10000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  set(conn, FDWIRE_SEND_LIMIT, 1000);
  for (int i = 0; i < 10; i++)
    CHECK_IS(fdwire_conn_send(conn, body, 96, i % 2), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(conn), 1000);
  for (int i = 0; i < 2; i++) {
    CHECK_IS(fdwire_conn_send(conn, body, 96, i), -ENOBUFS);
    CHECK_IS(fdwire_conn_send(conn, NULL, 0, i), -ENOBUFS);
    CHECK_IS(send_hundreds(conn, 1 + i, i), -ENOBUFS);
    CHECK_IS(queue_hundreds(conn, 1 + i), -ENOBUFS);
    CHECK_IS(fdwire_conn_flush(conn, i), i ? -ETIMEDOUT : -EAGAIN);
  }
  CHECK_IS(fdwire_conn_pending(conn), 1000);
  CHECK(stats_of(conn).memory >= 1000 && stats_of(conn).memory < 1000 + 70000);
  sink.allowed = 100; /* room for a hundred, and not for a hundred and one */
  CHECK_IS(fdwire_conn_flush(conn, 0), -EAGAIN);
  CHECK_IS(fdwire_conn_send(conn, body, 97, 0), -ENOBUFS);
  CHECK_IS(queue_one(conn, 97), -ENOBUFS);
  CHECK_IS(queue_one(conn, 96), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(conn), 1000);
  /* Not quite enough room, then just enough. */
  sink.allowed = 99;
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), -ENOBUFS);
  CHECK_IS(fdwire_conn_pending(conn), 901);
  sink.allowed = 1;
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(conn), 1000);
  sink.allowed = 10000;
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  check_hundreds(&sink, 12);
  CHECK_IS(stats_of(conn).messages_out, 12);
  close_sink(&sink, conn);
}

/* All of one call, or none. */
static void all_or_none(void) {
  struct sink sink;
  sink_open(&sink, 10000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  set(conn, FDWIRE_SEND_LIMIT, 1000);
  CHECK_IS(queue_hundreds(conn, 7), FDWIRE_PENDING);
  CHECK_IS(send_hundreds(conn, 4, 0), -ENOBUFS);
  CHECK_IS(queue_hundreds(conn, 4), -ENOBUFS);
  CHECK_IS(fdwire_conn_pending(conn), 700);
  CHECK_IS(send_hundreds(conn, 3, 0), FDWIRE_PENDING);
  CHECK_IS(send_hundreds(conn, 11, 0), -EMSGSIZE);
  CHECK_IS(send_hundreds(conn, 11, 1), -EMSGSIZE);
  CHECK_IS(queue_hundreds(conn, 11), -EMSGSIZE);
  CHECK_IS(fdwire_conn_pending(conn), 1000);
  sink.allowed = 10000;
  CHECK_IS(send_hundreds(conn, 11, 0), -EMSGSIZE);
  CHECK_IS(send_hundreds(conn, 11, -1), 0);
  CHECK_IS(send_hundreds(conn, 10, 0), 0);
  check_hundreds(&sink, 31);
  close_sink(&sink, conn);
}

/* What fits exactly, and what never does but without a deadline. */
static void one_message(void) {
  uint8_t *large = pattern(5000, 1);
  struct sink sink;
  sink_open(&sink, 20000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  set(conn, FDWIRE_SEND_LIMIT, 1000);
  CHECK_IS(fdwire_conn_send(conn, large, 996, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(conn), 1000);
  sink.allowed = 20000;
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  for (int i = 0; i < 2; i++) {
    fdwire_msg msg = {NULL, large, 0, 997, 0};
    CHECK_IS(fdwire_conn_send(conn, large, 997, i), -EMSGSIZE);
    CHECK_IS(fdwire_conn_send_many(conn, &msg, 1, i), -EMSGSIZE);
    CHECK_IS(fdwire_conn_queue(conn, &msg, 1), -EMSGSIZE);
    CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, 5000, i), FDWIRE_PENDING); /* its head */
    CHECK_IS(fdwire_conn_send_part(conn, large, 1001, i), -EMSGSIZE);
    for (int part = 0; part < 10; part++)
      CHECK_IS(fdwire_conn_send_part(conn, large + part * 500, 500, i), 0);
  }
  CHECK_IS(sink.len, 1000 + 2 * 5004);
  sink.allowed = 0;
  sink.more = 7;
  CHECK_IS(fdwire_conn_send(conn, large, 5000, -1), 0);
  CHECK_IS(sink.len, 1000 + 3 * 5004);
  for (size_t at = 1000; at < sink.len; at += 5004)
    CHECK(fdwire_get_u32be(sink.bytes + at) == 5000 &&
          memcmp(sink.bytes + at + 4, large, 5000) == 0);
  close_sink(&sink, conn);
  free(large);
}

static void a_limit_that_changes(void) {
  struct sink sink;
  sink_open(&sink, 10000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  CHECK_IS(send_hundreds(conn, 5, 0), FDWIRE_PENDING);
  set(conn, FDWIRE_SEND_LIMIT, 300); /* what is inside stays inside */
  CHECK_IS(fdwire_conn_pending(conn), 500);
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), -ENOBUFS);
  CHECK_IS(queue_hundreds(conn, 4), -EMSGSIZE);
  set(conn, FDWIRE_SEND_LIMIT, 600);
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), -ENOBUFS);
  set(conn, FDWIRE_SEND_LIMIT, 0); /* nothing may wait */
  sink.allowed = 10000;
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), -EMSGSIZE);
  CHECK_IS(queue_hundreds(conn, 1), -EMSGSIZE);
  CHECK_IS(fdwire_conn_send(conn, body, 96, -1), 0);
  check_hundreds(&sink, 7);
  close_sink(&sink, conn);
}

/* A file's bytes wait in the file. */
static void files_do_not_count(void) {
  struct sink sink;
  FILE *file = tmpfile();
  NEED(file != NULL && fwrite(body, 1, 96, file) == 96 && ftruncate(fileno(file), 5000) == 0);
  NEED(fflush(file) == 0);
  sink_open(&sink, 20000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  set(conn, FDWIRE_SEND_LIMIT, 1000);
  CHECK_IS(fdwire_conn_send_file(conn, fileno(file), 0, 5000, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(conn), 5004);
  CHECK(stats_of(conn).memory < 70000);
  CHECK_IS(queue_hundreds(conn, 9), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(conn), 5904);
  CHECK_IS(queue_hundreds(conn, 1), -ENOBUFS); /* the head before the file takes 4 bytes */
  CHECK_IS(fdwire_conn_send_file(conn, fileno(file), 0, 4, 0), FDWIRE_PENDING);
  sink.more = 333;
  CHECK_IS(fdwire_conn_flush(conn, -1), 0);
  CHECK_IS(sink.len, 5004 + 900 + 8);
  CHECK(memcmp(sink.bytes + 4, body, 96) == 0 && memcmp(sink.bytes + 5008, body, 96) == 0);
  close_sink(&sink, conn);
  fclose(file);
}

/* Messages of a byte: what is held for each is not much more than that byte. */
static void many_small_messages(void) {
  enum { COUNT = 50000, FRAME = 5 };
  fdwire_msg msgs[100];
  struct sink sink;
  sink_open(&sink, COUNT * FRAME);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  set(conn, FDWIRE_SEND_LIMIT, COUNT * FRAME);
  fill_messages(msgs, 100, 1);
  for (int i = 0; i < COUNT; i += 100)
    CHECK_IS(fdwire_conn_queue(conn, msgs, 100), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_queue(conn, msgs, 1), -ENOBUFS);
  CHECK_IS(fdwire_conn_pending(conn), COUNT * FRAME);
  CHECK(stats_of(conn).memory <= 2 * COUNT * FRAME);
  sink.more = 30000;
  CHECK_IS(fdwire_conn_flush(conn, -1), 0);
  CHECK_IS(sink.len, COUNT * FRAME);
  CHECK_IS(stats_of(conn).memory, 0);
  close_sink(&sink, conn);
}

/* ---- A peer that never reads ---- */

#define LIMIT 300000

/* Sends bodies of this length until nothing more is accepted. */
static size_t push(fdwire_conn *conn, const uint8_t *large, size_t len) {
  size_t count = 0;
  int result;
  while ((result = fdwire_conn_send(conn, large, len, 0)) >= 0) {
    uint64_t pending = fdwire_conn_pending(conn);
    CHECK_IS(result, pending > 0);
    CHECK(pending <= LIMIT);
    count++;
  }
  CHECK_IS(result, -ENOBUFS);
  return count;
}

static void receive_all(fdwire_conn *conn, fdwire_conn *sender, const uint8_t *large, size_t len,
                        size_t count) {
  fdwire_msg msg;
  for (size_t i = 0; i < count; i++) {
    int result;
    while ((result = fdwire_conn_recv(conn, &msg, 1)) == -ETIMEDOUT)
      fdwire_conn_flush(sender, 0);
    CHECK_IS(result, 1);
    CHECK(msg.body_len == len && memcmp(msg.body, large, len) == 0);
  }
  CHECK_IS(fdwire_conn_flush(sender, 0), 0);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN);
}

static void a_peer_that_never_reads(void) {
  static const size_t lens[] = {100, 3000, 70000, LIMIT - 4};
  uint8_t *large = pattern(LIMIT, 3);
  EACH_WAY(way) {
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
      int fds[2];
      size_t len = lens[i];
      open_way(way, fds);
      fdwire_conn *conn = conn_of(-1, fds[1], NULL), *peer = conn_of(fds[0], -1, NULL);
      set(conn, FDWIRE_SEND_LIMIT, LIMIT);
      size_t count = 0;
      int result;
      long long start;
      do { /* TCP may find room later, and then for many */
        count += push(conn, large, len);
        start = now_ms();
        result = fdwire_conn_send(conn, large, len, 30);
        count += result >= 0;
      } while (result >= 0);
      CHECK_IS(result, -ENOBUFS);
      CHECK(now_ms() - start >= 30);
      uint64_t pending = fdwire_conn_pending(conn);
      CHECK(pending <= LIMIT && pending + 4 + len > LIMIT);
      CHECK(stats_of(conn).memory <= LIMIT + 128 * 1024);
      receive_all(peer, conn, large, len, count);
      CHECK(stats_of(conn).memory == 0 && stats_of(peer).memory == 0);
      CHECK_IS(stats_of(conn).bytes_out, count * (4 + len));
      fdwire_conn_free(conn);
      fdwire_conn_free(peer);
      close_way(fds);
    }
  }
  free(large);
}

/* ---- Batches ---- */

static void batches(void) {
  struct sink sink;
  sink_open(&sink, 10000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  sink.allowed = 10000;
  set(conn, FDWIRE_BATCH, 1000);
  for (int i = 0; i < 9; i++)
    CHECK_IS(fdwire_conn_send(conn, body, 96, 0), FDWIRE_PENDING);
  CHECK_IS(stats_of(conn).writes, 0);
  CHECK_IS(fdwire_conn_events(conn) & POLLOUT, POLLOUT);
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), 0);
  CHECK_IS(stats_of(conn).writes, 1);
  CHECK_IS(sink.len, 1000);
  CHECK_IS(send_hundreds(conn, 3, 1), FDWIRE_PENDING);
  CHECK_IS(sink.len, 1000);
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  CHECK_IS(stats_of(conn).writes, 2);
  CHECK_IS(queue_hundreds(conn, 2), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), FDWIRE_PENDING);
  CHECK_IS(sink.len, 1300);
  set(conn, FDWIRE_BATCH, 0);
  CHECK_IS(fdwire_conn_send(conn, body, 96, 0), 0);
  CHECK_IS(stats_of(conn).writes, 3);
  /* What has heads of its own and is a batch by itself takes along what waits; what is less waits instead of it. */
  set(conn, FDWIRE_BATCH, 1000);
  CHECK_IS(send_hundreds(conn, 3, 0), FDWIRE_PENDING);
  CHECK_IS(send_with_heads(conn, 10), 0);
  CHECK_IS(stats_of(conn).writes, 4);
  CHECK_IS(send_hundreds(conn, 3, 0), FDWIRE_PENDING);
  CHECK_IS(send_with_heads(conn, 9), FDWIRE_PENDING);
  CHECK_IS(stats_of(conn).writes, 5);
  CHECK_IS(fdwire_conn_pending(conn), 900);
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  check_hundreds(&sink, 42);
  close_sink(&sink, conn);
}

/* A part of no bytes behind a batch: when that is out, nothing waits. */
static void nothing_behind_a_batch(void) {
  static const char body[1000] = "";
  struct sink sink;
  sink_open(&sink, 4000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, 2000, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_send_part(conn, body, 1000, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, 500), 0);
  sink.allowed = 4000;
  CHECK_IS(fdwire_conn_send_part(conn, NULL, 0, 0), 0);
  CHECK_IS(fdwire_conn_pending(conn), 0);
  CHECK_IS(sink.len, 1004);
  fdwire_conn_free(conn);
  free(sink.bytes);
}

/* A batch that would be larger than the limit goes before that, and no send is refused for it. */
static void a_batch_over_the_limit(void) {
  struct sink sink;
  sink_open(&sink, 10000);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  sink.allowed = 10000;
  set(conn, FDWIRE_BATCH, 5000);
  set(conn, FDWIRE_SEND_LIMIT, 250);
  for (int i = 0; i < 20; i++) {
    CHECK(fdwire_conn_send(conn, body, 96, i % 2) >= 0);
    CHECK(fdwire_conn_pending(conn) <= 250);
  }
  CHECK_IS(fdwire_conn_flush(conn, 0), 0);
  check_hundreds(&sink, 20);
  close_sink(&sink, conn);
}

/* A receive that is about to wait sends them. */
static void a_receive_sends_the_batch(void) {
  EACH_SOCKET(way) {
    int fds[2];
    char frame[100];
    fdwire_msg msg;
    open_way(way, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    set(conn, FDWIRE_BATCH, 1000);
    CHECK_IS(fdwire_conn_send(conn, body, 96, -1), FDWIRE_PENDING);
    CHECK_IS(fdwire_read_exact(fds[1], frame, 100, NULL, 0), -EAGAIN);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 1), -ETIMEDOUT);
    CHECK_IS(fdwire_read_exact(fds[1], frame, 100, NULL, 1000), 1);
    CHECK_IS(fdwire_conn_pending(conn), 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

/* ---- Messages that cannot be ---- */

struct refusal {
  const char *text, *good, *bad;
  size_t bad_len;
  int code;
};

static const struct refusal refusals[] = {
    {"line", "good", "b\nad", 4, FDWIRE_E_MALFORMED},
    {"delimited start='$' by='#' trail=2", "good", "b#ad", 4, FDWIRE_E_MALFORMED},
    {"u32be max=8", "good", "too long!", 9, FDWIRE_E_TOO_LONG},
    {"fixed size=4", "good", "no4", 3, FDWIRE_E_MALFORMED},
    {"u8 unit=2", "good", "odd", 3, FDWIRE_E_MALFORMED},
    {"u32be", "good", NULL, 3, -EINVAL},
};

/* One of a call is none of the format's: none of that call's was sent, and the stream goes on. */
static void none_with_a_bad_one(void) {
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    const struct refusal *refusal = &refusals[i];
    fdwire_msg good = {NULL, (const uint8_t *)refusal->good, 0, 4, 0};
    fdwire_msg bad = {NULL, (const uint8_t *)refusal->bad, 0, refusal->bad_len, 0};
    fdwire_msg msgs[5] = {good, good, bad, good, good};
    uint8_t frame[100];
    size_t len = 0;
    struct sink sink;
    sink_open(&sink, 10000);
    fdwire_conn *conn = conn_to(&sink, refusal->text);
    fdwire_format *format = format_of(refusal->text);
    NEED(fdwire_encode(format, &good, frame, sizeof frame, &len) == 0);
    fdwire_format_free(format);
    for (int room = 0; room < 2; room++) {
      sink.allowed = room ? 10000 : 0;
      uint64_t pending = fdwire_conn_pending(conn);
      for (int timeout = -1; timeout < 2; timeout++) {
        CHECK_IS(fdwire_conn_send_many(conn, msgs, 5, timeout), refusal->code);
        CHECK_IS(fdwire_conn_send(conn, bad.body, bad.body_len, timeout), refusal->code);
      }
      CHECK_IS(fdwire_conn_queue(conn, msgs, 5), refusal->code);
      CHECK(fdwire_conn_pending(conn) <= pending);
      CHECK_IS(fdwire_conn_send_many(conn, msgs, 2, 0), room ? 0 : FDWIRE_PENDING);
    }
    CHECK_IS(sink.len, 4 * len);
    for (size_t at = 0; at < sink.len; at += len)
      CHECK(memcmp(sink.bytes + at, frame, len) == 0);
    CHECK_IS(stats_of(conn).messages_out, 4);
    CHECK_IS(fdwire_conn_send(conn, bad.body, bad.body_len, 0), refusal->code);
    CHECK_IS(stats_of(conn).memory, 0);
    close_sink(&sink, conn);
  }
}

/* ---- A body of any size ---- */

#define PART ((size_t)1 << 20)
#define TUBE 300000

struct huge {
  struct tube tube;
  struct end in, out;
  fdwire_conn *from, *to;
  uint8_t *there, *here;
  uint64_t sent, got;
  uint64_t most; /* memory */
};

/* Sends what is next of so many bytes, as far as it goes. */
static void send_some(struct huge *huge, uint64_t whole) {
  size_t at = (size_t)(huge->sent % PART);
  int result;
  if (huge->sent == whole) {
    result = fdwire_conn_flush(huge->from, 0);
    CHECK(result == 0 || result == -EAGAIN);
    return;
  }
  result = fdwire_conn_send_part(huge->from, huge->there + at, PART - at, 0);
  if (result >= 0)
    huge->sent += PART - at;
  else
    CHECK_IS(result, -ENOBUFS);
}

/* Receives what is there; says how that ended. */
static int receive_some(struct huge *huge) {
  size_t got = 0;
  int result;
  while ((result = fdwire_conn_recv_part(huge->to, huge->here, PART, &got, 0)) == 1) {
    size_t from = (size_t)(huge->got % PART), first = least(got, PART - from);
    CHECK(memcmp(huge->here, huge->there + from, first) == 0);
    CHECK(memcmp(huge->here + first, huge->there, got - first) == 0);
    huge->got += got;
  }
  return result;
}

static void a_huge_body(void) {
  const uint64_t whole = (uint64_t)5 << 30;
  uint64_t much = (uint64_t)scaled(64) << 20, body_len = 0, unsent = 99;
  struct huge huge;
  fdwire_msg head;
  memset(&huge, 0, sizeof huge);
  much = much < whole ? much : whole;
  tube_open(&huge.tube, TUBE);
  huge.in.in = huge.out.out = &huge.tube;
  fdwire_format *format = format_of("u64be max=6G");
  huge.from = conn_over(&huge.out, format);
  huge.to = conn_over(&huge.in, format);
  fdwire_format_free(format);
  huge.there = pattern(PART, 9);
  huge.here = (uint8_t *)bytes_of(PART);
  set(huge.from, FDWIRE_SEND_LIMIT, 2 * PART);
  size_t before = allocated(), most = 0;
  CHECK_IS(fdwire_conn_send_begin(huge.from, NULL, 0, whole, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_send_part(huge.from, huge.there, 1, 0), 0);
  huge.sent = 1;
  CHECK_IS(fdwire_conn_recv_begin(huge.to, &head, &body_len, 0), 1);
  CHECK_IS(body_len, whole);
  int result = -EAGAIN, cut = much < whole;
  while (huge.got < much && result == -EAGAIN) {
    send_some(&huge, whole);
    result = receive_some(&huge);
    uint64_t memory = stats_of(huge.from).memory + stats_of(huge.to).memory;
    huge.most = memory > huge.most ? memory : huge.most;
    most = allocated() > most ? allocated() : most;
  }
  CHECK_IS(result, cut ? -EAGAIN : 0);
  /* As much as is there goes straight to the caller's memory, and one more read finds nothing. */
  CHECK(stats_of(huge.to).reads <= 2 * (huge.got / TUBE + 2));
  CHECK(huge.most <= 2 * PART + 512 * 1024);
  CHECK(most <= before + 2 * PART + 512 * 1024 + 2560 * 1024); /* and what is kept for the next */
  for (int i = 0; i < 100 && fdwire_conn_pending(huge.from) > 0; i++) {
    CHECK(fdwire_conn_flush(huge.from, 0) <= 0);
    receive_some(&huge);
  }
  CHECK_IS(fdwire_conn_finish(huge.from, &unsent, 0), cut ? (int)FDWIRE_E_TRUNCATED : 0);
  CHECK_IS(unsent, 0);
  huge.tube.ended = 0;
  result = cut ? receive_some(&huge) : fdwire_conn_recv(huge.to, &head, 0);
  CHECK_IS(result, cut ? (int)FDWIRE_E_TRUNCATED : 0);
  fdwire_conn_free(huge.from);
  fdwire_conn_free(huge.to);
  free(huge.there);
  free(huge.here);
  free(huge.tube.bytes);
}

/* ---- Nothing to do ---- */

enum { LARGE = 100000 };

/* Receives a message in one of four ways, while its sender flushes. */
static int receive_by(int how, fdwire_conn *conn, fdwire_conn *sender, uint8_t *room) {
  fdwire_msg msgs[4];
  size_t count = 0, got = 0;
  uint64_t body_len = 0;
  int result = -EAGAIN;
  for (long long end = now_ms() + 5000; result == -EAGAIN && now_ms() < end;) {
    CHECK(fdwire_conn_flush(sender, 0) <= 0);
    result = how == 0   ? fdwire_conn_recv(conn, msgs, 0)
             : how == 1 ? fdwire_conn_recv_many(conn, msgs, 4, &count, 0)
             : how == 2 ? fdwire_conn_recv_into(conn, room, LARGE, &got, 0)
                        : fdwire_conn_recv_begin(conn, msgs, &body_len, 0);
  }
  if (how == 3 && result == 1)
    while ((result = fdwire_conn_recv_part(conn, room, LARGE, &got, 1)) != 0)
      CHECK(fdwire_conn_flush(sender, 0) <= 0);
  return how == 3 ? result + 1 : result;
}

/* After each kind of call nothing is held any more when nothing waits. */
static void idle(void) {
  static const size_t lens[] = {0, 10, 5000, LARGE};
  uint8_t *large = pattern(LARGE, 2), *room = (uint8_t *)bytes_of(LARGE);
  fdwire_msg msg;
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL), *peer = conn_of(fds[0], -1, NULL);
    CHECK(stats_of(conn).memory == 0 && stats_of(peer).memory == 0);
    for (size_t i = 0; i < 4; i++) {
      for (int how = 0; how < 4; how++) {
        CHECK(fdwire_conn_send(conn, large, lens[i], 0) >= 0);
        CHECK_IS(receive_by(how, peer, conn, room), 1);
        CHECK_IS(fdwire_conn_recv(peer, &msg, 0), -EAGAIN);
        CHECK(stats_of(conn).memory == 0 && stats_of(peer).memory == 0);
      }
    }
    fdwire_conn_free(conn);
    fdwire_conn_free(peer);
    close_way(fds);
  }
  free(large);
  free(room);
}

/* A thousand connections that were used, and wait: what they cost is not their buffers. */
static void many_idle(void) {
  enum { COUNT = 1000 };
  struct feed *feeds = (struct feed *)bytes_of(COUNT * sizeof *feeds);
  fdwire_msg msg;
  struct tube tube;
  tube_open(&tube, 10000);
  size_t before = allocated();
  for (int i = 0; i < COUNT; i++) {
    memset(&feeds[i], 0, sizeof feeds[i]);
    feeds[i].end.in = feeds[i].end.out = &tube;
    feeds[i].conn = conn_over(&feeds[i].end, NULL);
    CHECK_IS(fdwire_conn_send(feeds[i].conn, body, 96, 0), 0);
    CHECK_IS(fdwire_conn_recv(feeds[i].conn, &msg, 0), 1);
    CHECK_IS(fdwire_conn_recv(feeds[i].conn, &msg, 0), -EAGAIN);
    CHECK_IS(stats_of(feeds[i].conn).memory, 0);
  }
  size_t each = (allocated() - before) / COUNT;
  CHECK(each < 2500); /* 256 KiB of buffers that are kept for the next one are in it */
  for (int i = 0; i < COUNT; i++)
    fdwire_conn_free(feeds[i].conn);
  free(feeds);
  free(tube.bytes);
}

/* Room for a large read is not written before something is read into it. */
static void a_large_read_size_is_not_paid_for(void) {
  int fds[2];
  fdwire_msg msg;
  size_t before = allocated();
  void *volatile probe = malloc(100000);
  int is_measured = allocated() > before;
  free(probe);
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], -1, NULL);
  set(conn, FDWIRE_READ_SIZE, 64 << 20);
  clock_t start = clock();
  for (int i = 0; i < (is_measured ? 20 : 1); i++) {
    NEED(write(fds[1], "\0\0\0\1x", 5) == 5);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 0), 1);
    CHECK_IS(fdwire_conn_recv(conn, &msg, 0), -EAGAIN); /* the memory is given back */
  }
  CHECK(!is_measured || clock() - start < CLOCKS_PER_SEC / 5);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* Memory follows the bytes that came, never those that a length announces. */
static void announced_bytes(void) {
  uint8_t head[4];
  fdwire_msg msg;
  struct feed feed;
  uint8_t *filler = pattern(100000, 1);
  feed_open(&feed, "u32be max=1G");
  fdwire_put_u32be(head, 1 << 30);
  tube_put(&feed.in, head, 4);
  CHECK_IS(fdwire_conn_recv(feed.conn, &msg, 0), -EAGAIN);
  CHECK(stats_of(feed.conn).memory <= 300000);
  for (int i = 0; i < 3; i++) {
    tube_put(&feed.in, filler, 100000);
    CHECK_IS(fdwire_conn_recv(feed.conn, &msg, 0), -EAGAIN);
  }
  CHECK_IS(stats_of(feed.conn).buffered, 300004);
  CHECK(stats_of(feed.conn).memory <= 3 * 300004);
  free(filler);
  feed_close(&feed);
}

int main(void) {
  check_begin();
  RUN(as_many_as_fit);
  RUN(all_or_none);
  RUN(one_message);
  RUN(a_limit_that_changes);
  RUN(files_do_not_count);
  RUN(many_small_messages);
  RUN(a_peer_that_never_reads);
  RUN(batches);
  RUN(nothing_behind_a_batch);
  RUN(a_batch_over_the_limit);
  RUN(a_receive_sends_the_batch);
  RUN(none_with_a_bad_one);
  RUN(a_huge_body);
  RUN(idle);
  RUN(many_idle);
  RUN(announced_bytes);
  RUN(a_large_read_size_is_not_paid_for);
  return check_end();
}
