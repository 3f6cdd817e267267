/* The short ways of single calls and of vectors: what they send is what fdwire_encode makes, what
   they receive is what was sent, for every length at their borders, with locks and without; and
   limits and batches hold on them to the byte. */
#include "stream.h"

enum { LENGTHS = 140, VECTOR = 7, BATCH = 1 << 20 };

static const char *const texts[] = {
    "u32be",          "u32be max=70",           "u32be max=12",      "u32be counts=frame",
    "u32le",          "u32be at=1 head=5",      "u32be adjust=-9",   "u24le head=4 counts=body",
    "u8",             "u16be at=6",             "u64be at=3 head=16", "u64le",
    "u32be shift=4",  "u32be magic='x'@4 head=5", "varint",          "line max=4K",
    "crlf",           "netstring",              "u32be at=1 counts=field"};
#define TEXTS (sizeof texts / sizeof *texts)

/* Every length up to 139, then some that are copied, and one that is long. */
static const size_t longer[] = {255, 256, 2047, 2048, 2049, 70000};
#define SIZES (LENGTHS + sizeof longer / sizeof *longer)

static size_t size_of(size_t i) { return i < LENGTHS ? i : longer[i - LENGTHS]; }

static char body[70000];

static fdwire_msg msg_of(size_t len) {
  fdwire_msg msg;
  memset(&msg, 0, sizeof msg);
  msg.body = (const uint8_t *)body;
  msg.body_len = len;
  return msg;
}

typedef int (*send_call)(fdwire_conn *conn, size_t len);

static int by_send(fdwire_conn *conn, size_t len) { return fdwire_conn_send(conn, body, len, -1); }

static int by_queue(fdwire_conn *conn, size_t len) {
  fdwire_msg msg = msg_of(len);
  return fdwire_conn_queue(conn, &msg, 1);
}

static int by_vector(fdwire_conn *conn, size_t len) {
  fdwire_msg msg = msg_of(len);
  return fdwire_conn_send_many(conn, &msg, 1, 0);
}

static const send_call sends[] = {by_send, by_queue, by_vector};
#define SENDS (sizeof sends / sizeof *sends)

/* What was sent, one frame after the other, and how long each body is. */
struct sent {
  uint8_t *bytes;
  size_t len, count;
  size_t sizes[SIZES];
};

/* Sends a body of each length; what the format does not have is refused in the same way by all. */
static void send_each(fdwire_conn *conn, const fdwire_format *format, send_call call,
                      struct sent *sent) {
  for (size_t i = 0; i < SIZES; i++) {
    fdwire_msg msg = msg_of(size_of(i));
    size_t len = 0;
    uint64_t before = fdwire_conn_pending(conn);
    int encoded = fdwire_encode(format, &msg, sent->bytes + sent->len, BATCH - sent->len, &len);
    int result = call(conn, size_of(i));
    CHECK_IS(result, encoded < 0 ? encoded : (int)FDWIRE_PENDING);
    if (encoded == 0) {
      sent->len += len;
      sent->sizes[sent->count++] = size_of(i);
    }
    CHECK_IS(fdwire_conn_pending(conn), encoded < 0 ? before : sent->len);
  }
}

struct emptier {
  int fd;
  uint8_t *bytes;
  size_t len, want;
};

static void *empties(void *arg) {
  struct emptier *emptier = (struct emptier *)arg;
  ssize_t n = 1;
  while (emptier->len < emptier->want && n > 0) {
    n = read(emptier->fd, emptier->bytes + emptier->len, emptier->want - emptier->len);
    if (n > 0)
      emptier->len += (size_t)n;
  }
  return NULL;
}

static void what_is_sent(const fdwire_format *format, int one_thread, send_call call) {
  struct sent sent;
  struct emptier emptier;
  pthread_t thread;
  fdwire_stats stats;
  int fds[2];
  memset(&sent, 0, sizeof sent);
  sent.bytes = (uint8_t *)bytes_of(BATCH);
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(-1, fds[1], format);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread), 0);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, BATCH), 0);
  send_each(conn, format, call, &sent);
  emptier.fd = fds[0];
  emptier.bytes = (uint8_t *)bytes_of(BATCH);
  emptier.len = 0;
  emptier.want = sent.len;
  NEED(pthread_create(&thread, NULL, empties, &emptier) == 0);
  CHECK_IS(fdwire_conn_flush(conn, -1), 0);
  NEED(pthread_join(thread, NULL) == 0);
  CHECK_IS(emptier.len, sent.len);
  CHECK(memcmp(emptier.bytes, sent.bytes, sent.len) == 0);
  CHECK_IS(fdwire_conn_stats(conn, &stats, sizeof stats), 0);
  CHECK_IS(stats.messages_out, sent.count);
  fdwire_conn_free(conn);
  close_way(fds);
  free(emptier.bytes);
  free(sent.bytes);
}

static void what_is_sent_is_what_is_encoded(void) {
  for (size_t i = 0; i < TEXTS; i++) {
    fdwire_format *format = format_of(texts[i]);
    int failures = check_failures;
    for (int one_thread = 0; one_thread < 4; one_thread += 3)
      for (size_t call = 0; call < SENDS; call++)
        what_is_sent(format, one_thread, sends[call]);
    if (failures != check_failures)
      printf("... with %s\n", texts[i]);
    fdwire_format_free(format);
  }
}

/* The next body, lent or copied, by one call or by many: how long it is, or what went wrong. */
typedef int (*receive_call)(fdwire_conn *conn, size_t *len);

static int check_msg(const fdwire_msg *msg, size_t *len) {
  CHECK(msg->body == msg->head + msg->head_len);
  CHECK(memcmp(msg->body, body, msg->body_len) == 0);
  *len = msg->body_len;
  return 1;
}

static int by_recv(fdwire_conn *conn, size_t *len) {
  fdwire_msg msg;
  int result = fdwire_conn_recv(conn, &msg, -1);
  return result == 1 ? check_msg(&msg, len) : result;
}

static int by_recv_into(fdwire_conn *conn, size_t *len) {
  static char room[sizeof body];
  memset(room, 0, sizeof room);
  int result = fdwire_conn_recv_into(conn, room, sizeof room, len, -1);
  CHECK(result != 1 || memcmp(room, body, *len) == 0);
  return result;
}

static int by_recv_many(fdwire_conn *conn, size_t *len) {
  static fdwire_msg msgs[VECTOR];
  static size_t count, next;
  if (next == count) {
    int result = fdwire_conn_recv_many(conn, msgs, VECTOR, &count, -1);
    next = 0;
    if (result != 1) {
      count = 0;
      return result;
    }
  }
  return check_msg(&msgs[next++], len);
}

static const receive_call receives[] = {by_recv, by_recv_into, by_recv_many};
#define RECEIVES (sizeof receives / sizeof *receives)

/* All of it comes in pieces that end anywhere. */
static void what_is_received(const fdwire_format *format, const struct sent *sent, int one_thread,
                             receive_call call) {
  struct writer_peer peer;
  fdwire_stats stats;
  int fds[2];
  size_t len = 0;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], -1, format);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread), 0);
  peer_writes(&peer, fds[1], sent->bytes, sent->len, 4099, 0, 1);
  for (size_t i = 0; i < sent->count; i++) {
    CHECK_IS(call(conn, &len), 1);
    CHECK_IS(len, sent->sizes[i]);
  }
  CHECK_IS(call(conn, &len), 0);
  CHECK_IS(fdwire_conn_stats(conn, &stats, sizeof stats), 0);
  CHECK_IS(stats.messages_in, sent->count);
  CHECK_IS(stats.bytes_in, sent->len);
  peer_done(&peer);
  fdwire_conn_free(conn);
  close(fds[0]);
}

static void what_is_received_is_what_was_sent(void) {
  for (size_t i = 0; i < TEXTS; i++) {
    fdwire_format *format = format_of(texts[i]);
    struct sent sent;
    int failures = check_failures;
    memset(&sent, 0, sizeof sent);
    sent.bytes = (uint8_t *)bytes_of(BATCH);
    for (size_t j = 0; j < SIZES; j++) {
      fdwire_msg msg = msg_of(size_of(j));
      size_t len = 0;
      if (fdwire_encode(format, &msg, sent.bytes + sent.len, BATCH - sent.len, &len) == 0) {
        sent.len += len;
        sent.sizes[sent.count++] = size_of(j);
      }
    }
    for (int one_thread = 0; one_thread < 4; one_thread += 3)
      for (size_t call = 0; call < RECEIVES; call++)
        what_is_received(format, &sent, one_thread, receives[call]);
    if (failures != check_failures)
      printf("... with %s\n", texts[i]);
    free(sent.bytes);
    fdwire_format_free(format);
  }
}

/* So many frames fit within the limit, and a byte less is one too few. */
static void the_limit_to_the_byte(void) {
  static const size_t lens[] = {0, 7, 8, 16, 63, 64, 65, 300};
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
    for (size_t call = 0; call < SENDS; call++)
      for (int less = 0; less < 2; less++)
        for (int one_thread = 0; one_thread < 4; one_thread += 3) {
          int fds[2];
          size_t frame = 4 + lens[i], fits = less ? 9 : 10;
          open_way(UNIX_SOCKET, fds);
          fdwire_conn *conn = conn_of(-1, fds[1], NULL);
          CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread), 0);
          CHECK_IS(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, (int64_t)(10 * frame - (size_t)less)), 0);
          CHECK_IS(fdwire_conn_cancel(conn), 0); /* so that nothing waits */
          if (sends[call] != by_queue) {
            CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, BATCH), 0);
            fits = SIZE_MAX; /* it goes where there is no room */
          }
          for (size_t n = 0; n < 10; n++)
            CHECK_IS(sends[call](conn, lens[i]) >= 0, n < fits);
          if (fits != SIZE_MAX) {
            CHECK_IS(sends[call](conn, lens[i]), -ENOBUFS);
            CHECK_IS(fdwire_conn_pending(conn), fits * frame);
          } else
            CHECK(fdwire_conn_pending(conn) <= 10 * frame - (size_t)less);
          fdwire_conn_free(conn);
          close_way(fds);
        }
}

/* What makes a batch of it goes with it; what does not fit in waits for the next. */
static void the_batch_to_the_byte(void) {
  static const size_t lens[] = {0, 8, 16, 64, 65, 300};
  for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
    for (int more = 0; more < 2; more++)
      for (int one_thread = 0; one_thread < 4; one_thread += 3) {
        int fds[2];
        size_t frame = 4 + lens[i];
        open_way(UNIX_SOCKET, fds);
        fdwire_conn *conn = conn_of(-1, fds[1], NULL);
        CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread), 0);
        CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, (int64_t)(10 * frame + (size_t)more)), 0);
        for (size_t n = 1; n < 30; n++) {
          int goes = !more && n % 10 == 0;
          CHECK_IS(fdwire_conn_send(conn, body, lens[i], 0), goes ? 0 : (int)FDWIRE_PENDING);
          CHECK_IS(fdwire_conn_pending(conn), goes ? 0 : ((n - 1) % 10 + 1) * frame);
        }
        fdwire_conn_free(conn);
        close_way(fds);
      }
}

/* What is in the way of the short way is in the way at once, and no longer than it lasts. */
static void what_is_in_the_way(void) {
  for (int one_thread = 0; one_thread < 4; one_thread += 3) {
    int fds[2];
    open_way(UNIX_SOCKET, fds);
    fdwire_format *line = format_of("line");
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread), 0);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, BATCH), 0);
    CHECK_IS(by_send(conn, 16), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, 3, 0), FDWIRE_PENDING);
    CHECK_IS(by_send(conn, 16), -EBUSY);
    CHECK_IS(by_queue(conn, 16), -EBUSY);
    CHECK_IS(fdwire_conn_send_part(conn, "abc", 3, 0), FDWIRE_PENDING);
    CHECK_IS(by_send(conn, 16), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_pending(conn), 20 + 7 + 20);
    CHECK_IS(fdwire_conn_set_format(conn, FDWIRE_OUT, line), 0);
    CHECK_IS(by_send(conn, 16), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_pending(conn), 20 + 7 + 20 + 17);
    CHECK_IS(fdwire_conn_set_format(conn, FDWIRE_OUT, NULL), 0);
    CHECK_IS(fdwire_conn_send(conn, NULL, 16, 0), -EINVAL);
    CHECK_IS(fdwire_conn_send(conn, body, 16, -2), -EINVAL);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, -1), 0);
    CHECK_IS(by_send(conn, 16), -EPIPE);
    CHECK_IS(by_queue(conn, 16), -EPIPE);
    fdwire_conn_free(conn);
    fdwire_format_free(line);
    close_way(fds);
  }
}

int main(void) {
  check_begin();
  for (size_t i = 0; i < sizeof body; i++)
    body[i] = (char)('a' + i % 23);
  RUN(what_is_sent_is_what_is_encoded);
  RUN(what_is_received_is_what_was_sent);
  RUN(the_limit_to_the_byte);
  RUN(the_batch_to_the_byte);
  RUN(what_is_in_the_way);
  return check_end();
}
