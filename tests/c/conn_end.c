/* How a connection ends: every byte delivered or counted, clean ends and cut ones, errors that
   last, and whoever waits is waked. And whatever a caller passes, in whatever order: a code,
   never a crash. */
#include "samples.h"

#include <netinet/in.h>
#include <sys/resource.h>

#define MANY 1000

/* Messages of MANY sizes, one after the other as they are on the wire. */
static uint8_t *stream_of_many(size_t *len) {
  uint8_t *stream = (uint8_t *)bytes_of((size_t)MANY * 3004), *bytes = pattern(3000 + MANY, 1);
  *len = 0;
  for (size_t i = 0; i < MANY; i++) {
    size_t body_len = i * 7 % 3000;
    fdwire_put_u32be(stream + *len, (uint32_t)body_len);
    memcpy(stream + *len + 4, bytes + i, body_len);
    *len += 4 + body_len;
  }
  free(bytes);
  return stream;
}

static void queue_many(fdwire_conn *conn, const uint8_t *stream, size_t len) {
  for (size_t at = 0; at < len;) {
    uint32_t body_len = fdwire_get_u32be(stream + at);
    fdwire_msg msg = {NULL, stream + at + 4, 0, body_len, 0};
    CHECK_IS(fdwire_conn_queue(conn, &msg, 1), FDWIRE_PENDING);
    at += 4 + body_len;
  }
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

/* Something that a test does in another thread, beside what it waits for. */
struct other {
  int fd;
  fdwire_conn *conn;
  int (*call)(fdwire_conn *conn);
  int result;
  uint8_t *bytes;
  size_t len;
  long long took;
  pthread_t thread;
};

static void *other_calls(void *arg) {
  struct other *other = (struct other *)arg;
  long long start = now_ms();
  other->result = other->call(other->conn);
  other->took = now_ms() - start;
  return NULL;
}

static void other_begins(struct other *other, fdwire_conn *conn, int (*call)(fdwire_conn *conn)) {
  memset(other, 0, sizeof *other);
  other->conn = conn;
  other->call = call;
  NEED(pthread_create(&other->thread, NULL, other_calls, other) == 0);
  sleep_ms(30); /* it waits by now, most likely; if not, the outcome is the same */
}

static int other_ends(struct other *other) {
  NEED(pthread_join(other->thread, NULL) == 0);
  return other->result;
}

/* A peer that reads up to the end and then closes. */
static void *reads_all(void *arg) {
  struct other *other = (struct other *)arg;
  size_t done = 0;
  other->result = fdwire_read_exact(other->fd, other->bytes, other->len, &done, 20000);
  other->len = done;
  close(other->fd);
  return NULL;
}

static void peer_reads(struct other *peer, int fd, size_t room) {
  memset(peer, 0, sizeof *peer);
  peer->fd = fd;
  peer->len = room;
  peer->bytes = (uint8_t *)bytes_of(room);
  NEED(pthread_create(&peer->thread, NULL, reads_all, peer) == 0);
}

/* ---- Finish ---- */

static void finish_delivers_all(void) {
  size_t len;
  uint8_t *stream = stream_of_many(&len);
  EACH_WAY(way) {
    for (int owned = 0; owned < 2; owned++) {
      int fds[2];
      uint64_t unsent = 99;
      fdwire_msg msg;
      struct other peer;
      open_way(way, fds);
      fdwire_conn *conn = conn_of(way == PIPE ? -1 : fds[1], fds[1], NULL);
      CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, owned ? FDWIRE_BOTH : 0), 0);
      queue_many(conn, stream, len);
      peer_reads(&peer, fds[0], len + 10);
      CHECK_IS(fdwire_conn_finish(conn, &unsent, 10000), 0);
      CHECK_IS(unsent, 0);
      CHECK_IS(is_open(fds[1]), !owned);
      /* Nothing can be done with it any more; and what is opened now is not its own. */
      int next = dup(2);
      CHECK(fdwire_conn_send(conn, "x", 1, 0) < 0 && fdwire_conn_recv(conn, &msg, 0) <= 0);
      fdwire_conn_finish(conn, NULL, 0);
      fdwire_conn_free(conn);
      CHECK(is_open(next));
      close(next);
      if (!owned)
        close(fds[1]);
      CHECK_IS(other_ends(&peer), FDWIRE_E_TRUNCATED); /* fewer than there was room for */
      CHECK(peer.len == len && memcmp(peer.bytes, stream, len) == 0);
      free(peer.bytes);
    }
  }
  free(stream);
}

/* What the peer still sends is dropped, so that closing is no reset. */
static void finish_drops_input(void) {
  EACH_SOCKET(way) {
    int fds[2];
    char answer[8];
    struct writer_peer peer;
    static const uint8_t much[50000] = {0};
    open_way(way, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0);
    CHECK_IS(fdwire_send(fds[1], NULL, "unread", 6, 0), 0);
    CHECK_IS(fdwire_conn_send(conn, "last", 4, 0), 0);
    peer_writes(&peer, fds[1], much, sizeof much, 10000, 1, 0);
    long long start = now_ms();
    CHECK_IS(fdwire_conn_finish(conn, NULL, 100), -ETIMEDOUT); /* the peer does not end */
    CHECK(now_ms() - start >= 100);
    peer_done(&peer);
    fdwire_conn_free(conn);
    CHECK_IS(fdwire_read_exact(fds[1], answer, 8, NULL, 1000), 1);
    CHECK(memcmp(answer, "\0\0\0\4last", 8) == 0);
    CHECK_IS(fdwire_read_exact(fds[1], answer, 1, NULL, 1000), 0);
    close(fds[1]);
  }
}

/* Of a peer that never reads it is known to the byte what it will not get. */
static void finish_counts_what_is_left(void) {
  size_t len;
  uint8_t *stream = stream_of_many(&len), *got = (uint8_t *)bytes_of(len);
  EACH_WAY(way) {
    for (int timeout = 0; timeout <= 60; timeout += 60) {
      int fds[2], small = 20000;
      uint64_t unsent = 99;
      size_t done = 0;
      open_way(way, fds);
      if (way == TCP_SOCKET) /* it holds megabytes otherwise */
        NEED(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
      fdwire_conn *conn = conn_of(-1, fds[1], NULL);
      CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_OUT), 0);
      queue_many(conn, stream, len);
      long long start = now_ms();
      CHECK_IS(fdwire_conn_finish(conn, &unsent, timeout), -ETIMEDOUT);
      CHECK(now_ms() - start >= timeout && now_ms() - start < timeout + 1000);
      fdwire_conn_free(conn);
      CHECK(!is_open(fds[1]));
      CHECK_IS(fdwire_read_exact(fds[0], got, len, &done, 2000),
               unsent > 0 ? (int)FDWIRE_E_TRUNCATED : 1);
      CHECK_IS(done + unsent, len);
      CHECK(memcmp(got, stream, done) == 0);
      CHECK(way != PIPE || unsent > 0);
      close(fds[0]);
    }
  }
  free(stream);
  free(got);
}

/* Over functions there is nothing to be shut down, but all is sent. */
static void finish_over_functions(void) {
  for (int room = 0; room < 2; room++) {
    struct sink sink;
    uint64_t unsent = 99;
    sink_open(&sink, 10000);
    fdwire_conn *conn = conn_to(&sink, "u32be");
    CHECK_IS(fdwire_conn_send(conn, "hello", 5, 0), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_send(conn, "world", 5, 0), FDWIRE_PENDING);
    sink.allowed = 7;
    sink.more = room ? 3 : 0;
    CHECK_IS(fdwire_conn_finish(conn, &unsent, room ? 1000 : 10), room ? 0 : -ETIMEDOUT);
    CHECK_IS(unsent, room ? 0 : 11);
    CHECK_IS(sink.len + unsent, 18);
    CHECK(memcmp(sink.bytes, "\0\0\0\5hello\0\0\0\5world", sink.len) == 0);
    fdwire_conn_free(conn);
    free(sink.bytes);
  }
}

/* Who waits to send does so no longer, and what it still had is counted too. */
static int sends_much(fdwire_conn *conn) {
  static char much[3 << 20];
  return fdwire_conn_send(conn, much, sizeof much, 5000);
}

static int flushes_much(fdwire_conn *conn) { return fdwire_conn_flush(conn, 5000); }

static void finish_wakes_who_sends(void) {
  static char much[3 << 20], room[8 << 20];
  for (int how = 0; how < 2; how++) {
    int fds[2];
    struct other other;
    uint64_t unsent = 99;
    size_t done = 0, len = (how + 1) * ((3 << 20) + 4);
    open_way(UNIX_SOCKET, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0);
    if (how == 1) /* the second flushes another's message, and adds its own behind it */
      CHECK_IS(fdwire_conn_send(conn, much, sizeof much, 0), FDWIRE_PENDING);
    other_begins(&other, conn, sends_much);
    CHECK_IS(fdwire_conn_finish(conn, &unsent, 50), -ETIMEDOUT);
    CHECK_IS(fdwire_conn_pending(conn), unsent);
    int result = other_ends(&other);
    CHECK(result == FDWIRE_E_BROKEN || result == -EPIPE);
    CHECK(other.took < 2000);
    CHECK_IS(fdwire_conn_pending(conn), unsent);
    fdwire_conn_free(conn);
    CHECK_IS(fdwire_read_exact(fds[1], room, sizeof room, &done, 1000), FDWIRE_E_TRUNCATED);
    CHECK_IS(done + unsent, len);
    close(fds[1]);
  }
}

static void finish_wakes_who_flushes(void) {
  static char much[3 << 20];
  int fds[2];
  struct other other;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  CHECK_IS(fdwire_conn_send(conn, much, sizeof much, 0), FDWIRE_PENDING);
  other_begins(&other, conn, flushes_much);
  CHECK_IS(fdwire_conn_finish(conn, NULL, 50), -ETIMEDOUT);
  int result = other_ends(&other);
  CHECK(result == FDWIRE_E_BROKEN || result == -EPIPE);
  CHECK(other.took < 2000);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* It waits though it was cancelled, for a call too that was and has bytes of its own. */
static void finish_after_cancel(void) {
  for (int i = 0; i < 10; i++) {
    int fds[2];
    uint64_t unsent = 99;
    struct other other, peer;
    open_way(UNIX_SOCKET, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0);
    other_begins(&other, conn, sends_much);
    CHECK_IS(fdwire_conn_cancel(conn), 0);
    peer_reads(&peer, fds[1], 8 << 20);
    CHECK_IS(fdwire_conn_finish(conn, &unsent, 20000), 0);
    CHECK_IS(unsent, 0);
    CHECK(other_ends(&other) >= 0);
    CHECK_IS(other_ends(&peer), FDWIRE_E_TRUNCATED); /* fewer than there was room for */
    CHECK_IS(peer.len, (3 << 20) + 4);
    free(peer.bytes);
    fdwire_conn_free(conn);
  }
}

/* The numbers of its descriptors may be somebody else's by now. */
static void nothing_comes_after_finish(void) {
  int fds[2], others[2];
  fdwire_msg msg;
  uint64_t unsent = 77;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0);
  NEED(shutdown(fds[1], SHUT_WR) == 0);
  CHECK_IS(fdwire_conn_finish(conn, NULL, 1000), 0);
  CHECK_IS(fdwire_conn_send_fds(conn, "x", 1, &fds[1], 1, -1), -EPIPE);
  open_way(UNIX_SOCKET, others);
  CHECK(others[0] == fds[0] || others[1] == fds[0]);
  CHECK_IS(fdwire_conn_finish(conn, &unsent, 1000), FDWIRE_E_BROKEN);
  CHECK_IS(unsent, 0);
  for (int how = FDWIRE_SHUT_RD; how <= FDWIRE_SHUT_RDWR; how++)
    CHECK_IS(fdwire_conn_shutdown(conn, how, 1000), FDWIRE_E_BROKEN);
  CHECK_IS(fdwire_conn_send(conn, "x", 1, -1), -EPIPE);
  CHECK_IS(fdwire_conn_flush(conn, -1), -EPIPE);
  CHECK_IS(fdwire_conn_recv(conn, &msg, -1), FDWIRE_E_BROKEN);
  CHECK_IS(fdwire_conn_events(conn), FDWIRE_READY);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0); /* of what it has no more */
  fdwire_conn_free(conn);
  CHECK_IS(fdwire_send(others[0], NULL, "fine", 4, 0), 0);
  CHECK_IS(fdwire_send(others[1], NULL, "fine", 4, 0), 0);
  close_way(others);
  close(fds[1]);
}

/* Both descriptors that it owns, however it ends. */
static void finish_closes_both(void) {
  uint8_t *body = pattern(200000, 1);
  for (int len = 5; len <= 200000; len += 199995) {
    int there[2], back[2];
    uint64_t unsent = 99;
    open_way(PIPE, there);
    open_way(PIPE, back);
    fdwire_conn *conn = conn_of(there[0], back[1], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0);
    CHECK(fdwire_conn_send(conn, body, (size_t)len, 0) >= 0);
    CHECK_IS(fdwire_conn_finish(conn, &unsent, 10), len > 5 ? -ETIMEDOUT : 0);
    CHECK(!is_open(there[0]) && !is_open(back[1]));
    CHECK_IS(unsent > 0, len > 5);
    fdwire_conn_free(conn);
    close(there[1]);
    close(back[0]);
  }
  free(body);
}

/* Free does not wait, and what waited is gone with it. */
static void free_with_queued_bytes(void) {
  size_t len;
  uint8_t *stream = stream_of_many(&len);
  EACH_WAY(way) {
    int fds[2];
    FILE *file = tmpfile();
    NEED(file != NULL && ftruncate(fileno(file), 100000) == 0);
    open_way(way, fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0);
    queue_many(conn, stream, len);
    CHECK(fdwire_conn_send_file(conn, fileno(file), 0, 100000, 0) >= 0);
    CHECK(fdwire_conn_send_begin(conn, NULL, 0, 100, 0) >= 0);
    CHECK(fdwire_conn_send_part(conn, "half", 4, 0) >= 0);
    fdwire_conn_free(conn);
    CHECK(!is_open(fds[1]));
    fclose(file);
    close(fds[0]);
  }
  free(stream);
}

/* ---- Peers that are gone ---- */

static int peek_send(fdwire_conn *conn) { return fdwire_conn_send(conn, "x", 1, 100); }

static int peek_recv(fdwire_conn *conn) {
  fdwire_msg msg;
  return fdwire_conn_recv(conn, &msg, 2000);
}

/* Every call that sends says the same again. */
static void check_sending_lasts(fdwire_conn *conn, int code) {
  fdwire_msg msg = {NULL, (const uint8_t *)"x", 0, 1, 0};
  uint64_t unsent = 99;
  for (int timeout = -1; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_send(conn, "x", 1, timeout), code);
    CHECK_IS(fdwire_conn_send_many(conn, &msg, 1, timeout), code);
    CHECK_IS(fdwire_conn_flush(conn, timeout), code);
    CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, 5, timeout), code);
  }
  CHECK_IS(fdwire_conn_queue(conn, &msg, 1), code);
  CHECK_IS(fdwire_conn_finish(conn, &unsent, 100), code);
}

/* And every call that receives. */
static void check_receiving_lasts(fdwire_conn *conn, int code) {
  for (int timeout = -1; timeout < 2; timeout++) {
    struct got got;
    got.open = 0;
    for (size_t i = 0; i < RECEIVES; i++)
      CHECK_IS(receives[i](conn, &got, timeout), code);
  }
  CHECK(fdwire_conn_events(conn) & FDWIRE_READY);
  CHECK_IS(fdwire_conn_events(conn) & POLLIN, 0);
}

static void a_peer_that_closed(void) {
  EACH_WAY(way) {
    int fds[2], back[2] = {-1, -1};
    fdwire_msg msg;
    open_way(way, fds);
    if (way == PIPE)
      open_way(way, back);
    fdwire_conn *conn = conn_of(fds[0], way == PIPE ? back[1] : fds[0], NULL);
    CHECK_IS(fdwire_send(fds[1], NULL, "last", 4, 0), 0);
    close(fds[1]);
    if (way == PIPE)
      close(back[0]);
    int result = 0;
    for (int i = 0; i < 100 && result >= 0; i++) {
      result = peek_send(conn);
      sleep_ms(1); /* over TCP the first one is refused after it went */
    }
    CHECK(result == -EPIPE || result == -ECONNRESET);
    /* What was inside, or with the kernel, can still be received, where the kernel gives it. */
    int last = fdwire_conn_recv(conn, &msg, 1000);
    CHECK(last == 1 || (way == TCP_SOCKET && last == -ECONNRESET));
    if (last == 1)
      CHECK(msg.body_len == 4 && memcmp(msg.body, "last", 4) == 0);
    last = fdwire_conn_recv(conn, &msg, 1000);
    CHECK(last == 0 || (way == TCP_SOCKET && last == -ECONNRESET));
    check_receiving_lasts(conn, last);
    check_sending_lasts(conn, result);
    fdwire_conn_free(conn);
    close(fds[0]);
    if (way == PIPE)
      close(back[1]);
  }
}

/* A reset: the kernel throws away what waits on both sides. */
static void a_peer_that_resets(void) {
  int fds[2];
  struct linger linger = {1, 0};
  char why[300];
  tcp_pair(fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  NEED(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
  close(fds[1]);
  CHECK_IS(peek_recv(conn), -ECONNRESET);
  check_receiving_lasts(conn, -ECONNRESET);
  CHECK(fdwire_conn_explain(conn, why, sizeof why) > 0 && strstr(why, "reset") != NULL);
  int result = peek_send(conn);
  CHECK(result == -EPIPE || result == -ECONNRESET);
  check_sending_lasts(conn, result);
  fdwire_conn_free(conn);
  close(fds[0]);
}

/* With bytes that still wait: how many they were is known. */
static void a_peer_that_breaks_off(void) {
  uint8_t *body = pattern(4 << 20, 1);
  EACH_WAY(way) {
    int fds[2], result;
    uint64_t unsent = 0;
    struct linger linger = {1, 0};
    open_way(way, fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_send(conn, body, 4 << 20, 0), FDWIRE_PENDING);
    uint64_t pending = fdwire_conn_pending(conn);
    if (way == TCP_SOCKET)
      NEED(setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    close(fds[0]);
    while ((result = fdwire_conn_flush(conn, 2000)) == -ETIMEDOUT) {
    }
    CHECK(result == -EPIPE || result == -ECONNRESET);
    CHECK(fdwire_conn_finish(conn, &unsent, 1000) == result);
    CHECK(unsent > 0 && unsent <= pending);
    fdwire_conn_free(conn);
    close(fds[1]);
  }
  free(body);
}

/* One thread sends a message in parts and another waits for its turn, when it turns out that
   nobody receives any more. */
static int waits_for_its_turn(fdwire_conn *conn) { return fdwire_conn_send(conn, "mine", 4, 3000); }

static void a_failure_wakes_who_waits_for_a_turn(void) {
  for (int how = 0; how < 3; how++) {
    int fds[2];
    struct other other;
    fdwire_msg msg;
    open_way(UNIX_SOCKET, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, 1000), 0);
    CHECK(fdwire_conn_send_begin(conn, NULL, 0, 5, 0) >= 0);
    CHECK_IS(fdwire_conn_send_part(conn, "he", 2, 0), FDWIRE_PENDING);
    other_begins(&other, conn, waits_for_its_turn);
    CHECK_IS(fdwire_shutdown(fds[1], FDWIRE_SHUT_RD), 0);
    if (how == 0)
      CHECK_IS(fdwire_conn_flush(conn, -1), -EPIPE);
    else if (how == 1)
      CHECK_IS(fdwire_conn_recv(conn, &msg, 10), -ETIMEDOUT); /* it flushes before it waits */
    else
      CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 1000), -EPIPE);
    CHECK_IS(other_ends(&other), -EPIPE);
    CHECK(other.took < 2000);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

/* A process that is killed in the middle of a frame. */
static void a_peer_that_vanishes(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    fflush(stdout);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      if (write(fds[1], "\0\0\0\3one\0\0\0\3t", 12) == 12)
        for (;;)
          pause();
      _exit(1);
    }
    close(fds[1]);
    fdwire_conn *conn = conn_of(fds[0], -1, NULL);
    CHECK_IS(peek_recv(conn), 1);
    CHECK_IS(fdwire_conn_recv(conn, NULL, 0), -EINVAL);
    CHECK_IS(kill(child, SIGKILL), 0);
    NEED(waitpid(child, NULL, 0) == child);
    CHECK_IS(peek_recv(conn), FDWIRE_E_TRUNCATED);
    check_receiving_lasts(conn, FDWIRE_E_TRUNCATED);
    fdwire_conn_free(conn);
    close(fds[0]);
  }
}

/* A whole message, then cut bytes of another one and the end. */
static void the_end_at(const struct framed *framed, receive call, size_t cut) {
  struct feed feed;
  struct got got;
  int code = cut == 0 ? 0 : FDWIRE_E_TRUNCATED;
  got.open = 0;
  feed_with(&feed, framed->format);
  tube_put(&feed.in, framed->frame, framed->len);
  tube_put(&feed.in, framed->frame, cut);
  feed.in.ended = 0;
  CHECK_IS(call(feed.conn, &got, 0), 1);
  check_body(framed->sample, &got);
  for (int timeout = -1; timeout < 2; timeout++)
    CHECK_IS(call(feed.conn, &got, timeout), code);
  if (!got.open && cut % 5 < 2) {
    check_receiving_lasts(feed.conn, code);
    CHECK_IS(fdwire_conn_set_format(feed.conn, FDWIRE_IN, NULL), code);
  }
  feed_close(&feed);
}

/* Of every kind of frame: between messages it is clean. */
static void the_end_at_every_byte(void) {
  EACH_SAMPLE(sample) {
    struct framed framed = framed_of(sample);
    for (size_t i = 0; i < RECEIVES; i++)
      for (size_t cut = 0; cut < framed.len; cut++)
        the_end_at(&framed, receives[i], cut);
    fdwire_format_free(framed.format);
  }
}

/* Messages come before the error that is behind them, and that stays. */
static void a_stream_out_of_step(void) {
  static const struct {
    const char *text, *bytes;
    size_t len;
    int code;
  } cases[] = {
      {"netstring", "3:one,3:two,3;", 14, FDWIRE_E_MALFORMED},
      {"u32be max=100", "\0\0\0\3one\0\0\0\3two\0\0\0\145x", 19, FDWIRE_E_TOO_LONG},
      {"line max=5", "one\ntwo\ntoolong\n", 16, FDWIRE_E_TOO_LONG},
      {"u16be magic='x'@2 head=3 counts=body", "\0\3xone\0\3xtwo\0\3y", 15, FDWIRE_E_MALFORMED},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    for (size_t i = 0; i < RECEIVES; i++) {
      struct feed feed;
      struct got got;
      got.open = 0;
      feed_open(&feed, cases[c].text);
      tube_put(&feed.in, cases[c].bytes, cases[c].len);
      CHECK(receives[i](feed.conn, &got, 0) == 1 && memcmp(got.body, "one", 3) == 0);
      CHECK(receives[i](feed.conn, &got, 0) == 1 && memcmp(got.body, "two", 3) == 0);
      check_receiving_lasts(feed.conn, cases[c].code);
      int skipped = cases[c].code == FDWIRE_E_TOO_LONG ? 0 : cases[c].code;
      CHECK_IS(fdwire_conn_skip(feed.conn), skipped);
      feed_close(&feed);
    }
  }
}

/* The program's functions fail: once, and they are not asked again. */
static int64_t cannot_read(void *ctx, void *buf, size_t len) {
  (void)buf, (void)len;
  ++*(int *)ctx;
  return -EIO;
}

static int64_t cannot_write(void *ctx, const fdwire_slice *slices, size_t count) {
  (void)slices, (void)count;
  ++*(int *)ctx;
  return -EIO;
}

static void functions_that_fail(void) {
  int asked = 0;
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new_over(cannot_read, cannot_write, NULL, &asked, NULL, &conn) == 0);
  CHECK_IS(peek_recv(conn), -EIO);
  CHECK_IS(asked, 1);
  check_receiving_lasts(conn, -EIO);
  CHECK_IS(peek_send(conn), -EIO);
  CHECK_IS(asked, 2);
  check_sending_lasts(conn, -EIO);
  CHECK_IS(asked, 2);
  fdwire_conn_free(conn);
}

/* Functions that take ten bytes and no more, until what waits for them fails. */
static int64_t writes_ten(void *ctx, const fdwire_slice *slices, size_t count) {
  int *calls = (int *)ctx;
  (void)slices, (void)count;
  return ++*calls == 1 ? 10 : -EAGAIN;
}

static int cannot_wait(void *ctx, int events, int timeout_ms) {
  (void)ctx, (void)events, (void)timeout_ms;
  return -EIO;
}

static void a_wait_that_fails(void) {
  static const char body[100000] = "";
  int calls = 0;
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new_over(NULL, writes_ten, cannot_wait, &calls, NULL, &conn) == 0);
  CHECK_IS(fdwire_conn_send(conn, body, sizeof body, -1), -EIO);
  CHECK_IS(fdwire_conn_pending(conn), sizeof body + 4 - 10);
  check_sending_lasts(conn, -EIO);
  CHECK_IS(fdwire_conn_pending(conn), sizeof body + 4 - 10);
  fdwire_conn_free(conn);
}

/* ---- Shutdown ---- */

static int waits_for_a_message(fdwire_conn *conn) {
  fdwire_msg msg;
  return fdwire_conn_recv(conn, &msg, 20000);
}

static int waits_without_end(fdwire_conn *conn) {
  fdwire_msg msg;
  return fdwire_conn_recv(conn, &msg, -1);
}

static int waits_into(fdwire_conn *conn) {
  static char body[300000];
  size_t len;
  return fdwire_conn_recv_into(conn, body, sizeof body, &len, -1);
}

static int (*const waiters[])(fdwire_conn *conn) = {waits_for_a_message, waits_without_end,
                                                    waits_into};
#define WAITERS (sizeof waiters / sizeof *waiters)

/* The messages that are inside still come; one that is inside in part does not, in parts neither. */
static void shutting_down_receiving(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    fdwire_conn *conn = conn_of(fds[0], -1, NULL);
    CHECK_IS(fdwire_send(fds[1], NULL, "one", 3, 0), 0);
    CHECK_IS(fdwire_send(fds[1], NULL, "two", 3, 0), 0);
    CHECK_IS(write(fds[1], "\0\0\0\5thr", 7), 7);
    CHECK_IS(peek_recv(conn), 1);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RD, 0), 0);
    CHECK(fdwire_conn_events(conn) & FDWIRE_READY);
    CHECK_IS(peek_recv(conn), 1);
    check_receiving_lasts(conn, 0);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RD, 0), 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

static int into_room(fdwire_conn *conn) {
  static uint8_t room[200000];
  size_t len;
  return fdwire_conn_recv_into(conn, room, sizeof room, &len, 0);
}

static int packed_into_room(fdwire_conn *conn) {
  static uint8_t room[200000];
  size_t lens[2], count;
  return fdwire_conn_recv_packed(conn, room, sizeof room, lens, 2, &count, 0);
}

/* Of a body that would go straight to the caller, the part that came stays inside, and is handed over. */
static void shutting_down_inside_a_large_message(void) {
  enum { CAME = 50004 };
  uint8_t *wire = (uint8_t *)bytes_of(CAME);
  memset(wire, 'x', CAME);
  fdwire_put_u32be(wire, 100000);
  EACH_WAY(way) {
    for (int packed = 0; packed < 2; packed++) {
      int fds[2];
      const void *rest;
      size_t len = 0;
      fdwire_msg msg;
      open_way(way, fds);
      fdwire_conn *conn = conn_of(fds[0], -1, NULL);
      CHECK_IS(write(fds[1], wire, CAME), CAME);
      while (stats_of(conn).buffered < CAME)
        CHECK_IS(fdwire_conn_recv(conn, &msg, 1), -ETIMEDOUT);
      CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RD, 0), 0);
      for (int i = 0; i < 3; i++)
        CHECK_IS(packed ? packed_into_room(conn) : into_room(conn), 0);
      CHECK_IS(peek_recv(conn), 0);
      CHECK_IS(fdwire_conn_unread(conn, &rest, &len), 0);
      CHECK(len == CAME && memcmp(rest, wire, CAME) == 0);
      fdwire_conn_free(conn);
      close_way(fds);
    }
  }
  free(wire);
}

/* What a thread waits for on each kind of stream, with a part of a message inside. */
static void shutdown_wakes_who_receives(void) {
  for (int way = 0; way <= WAYS; way++) {
    for (size_t i = 0; i < WAITERS; i++) {
      int fds[2];
      struct feed feed;
      struct other other;
      fdwire_conn *conn;
      if (way < WAYS) {
        open_way(way, fds);
        conn = conn_of(fds[0], -1, NULL);
      } else {
        feed_open(&feed, "u32be");
        feed.end.patient = 1;
        conn = feed.conn;
      }
      other_begins(&other, conn, waiters[i]);
      CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RD, 0), 0);
      CHECK_IS(other_ends(&other), 0);
      CHECK(other.took < 10000);
      if (way < WAYS) {
        fdwire_conn_free(conn);
        close_way(fds);
      } else {
        feed_close(&feed);
      }
    }
  }
}

/* The peer sees the end after all that was sent, and can still answer. */
static void shutting_down_sending(void) {
  EACH_SOCKET(way) {
    int fds[2];
    char frame[9];
    fdwire_msg msg = {NULL, (const uint8_t *)"hello", 0, 5, 0};
    open_way(way, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    CHECK_IS(fdwire_conn_queue(conn, &msg, 1), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), 0);
    CHECK_IS(fdwire_conn_send(conn, "x", 1, 0), -EPIPE);
    CHECK_IS(fdwire_conn_queue(conn, &msg, 1), -EPIPE);
    CHECK_IS(fdwire_read_exact(fds[1], frame, 9, NULL, 1000), 1);
    CHECK(memcmp(frame, "\0\0\0\5hello", 9) == 0);
    CHECK_IS(fdwire_read_exact(fds[1], frame, 1, NULL, 1000), 0);
    CHECK_IS(fdwire_send(fds[1], NULL, "answer", 6, 1000), 0);
    CHECK_IS(peek_recv(conn), 1);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RDWR, 0), 0);
    CHECK_IS(peek_recv(conn), 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

static void shutting_down_a_pipe(void) {
  int fds[2];
  char byte;
  for (int owned = 0; owned < 2; owned++) {
    open_way(PIPE, fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, owned ? FDWIRE_OUT : FDWIRE_IN), 0);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), owned ? 0 : -EOPNOTSUPP);
    CHECK(is_open(fds[1])); /* other threads may be waiting for this number */
    if (owned)
      CHECK_IS(read(fds[0], &byte, 1), 0);
    CHECK_IS(fdwire_conn_send(conn, "x", 1, 0), -EPIPE);
    fdwire_conn_free(conn);
    CHECK_IS(is_open(fds[1]), !owned);
    close(fds[0]);
    if (!owned)
      close(fds[1]);
  }
  struct sink sink;
  sink_open(&sink, 100);
  fdwire_conn *conn = conn_to(&sink, "u32be");
  sink.allowed = 100;
  CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), -EOPNOTSUPP);
  CHECK_IS(fdwire_conn_send(conn, "x", 1, 0), -EPIPE);
  CHECK_IS(sink.len, 0);
  fdwire_conn_free(conn);
  free(sink.bytes);
}

/* The peer finds the end though a message was cut by it; and where there was no descriptor to put in the pipe's place, when
   there is one. */
static void shutting_down_a_pipe_in_need(void) {
  for (int cuts = 0; cuts < 2; cuts++) {
    int fds[2], spare[2];
    char bytes[8];
    struct rlimit files, none;
    open_way(PIPE, fds);
    open_way(PIPE, spare);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_OUT), 0);
    if (cuts) {
      CHECK(fdwire_conn_send_begin(conn, NULL, 0, 5, 0) >= 0);
      CHECK_IS(fdwire_conn_send_part(conn, "hell", 4, 0), 0);
      CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), FDWIRE_E_TRUNCATED);
      CHECK_IS(fdwire_read_exact(fds[0], bytes, 8, NULL, 0), 1);
    } else {
      NEED(getrlimit(RLIMIT_NOFILE, &files) == 0);
      none = files;
      none.rlim_cur = 0;
      NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
      int result = fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0);
      NEED(setrlimit(RLIMIT_NOFILE, &files) == 0);
      CHECK(result == -EMFILE || result == 0); /* under valgrind there is no such limit */
      CHECK_IS(fdwire_conn_send(conn, "x", 1, 0), -EPIPE);
      CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), 0);
    }
    CHECK_IS(fdwire_read_exact(fds[0], bytes, 1, NULL, 0), 0);
    fdwire_conn_free(conn);
    close(fds[0]);
    close_way(spare);
  }
}

/* What goes wrong with one direction does not keep the other from its end. */
static void shutting_down_both(void) {
  for (int cuts = 0; cuts < 2; cuts++) {
    int there[2], back[2];
    struct other other;
    open_way(PIPE, there);
    open_way(PIPE, back);
    fdwire_conn *conn = conn_of(there[0], back[1], NULL);
    if (cuts)
      CHECK(fdwire_conn_send_begin(conn, NULL, 0, 5, 0) >= 0);
    other_begins(&other, conn, waits_for_a_message);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RDWR, 0), cuts ? (int)FDWIRE_E_TRUNCATED : -EOPNOTSUPP);
    CHECK_IS(other_ends(&other), 0);
    CHECK(other.took < 2000);
    fdwire_conn_free(conn);
    close_way(there);
    close_way(back);
  }
}

/* But while bytes wait, nothing is ended. */
static void shutting_down_both_in_vain(void) {
  static char much[3 << 20];
  int fds[2];
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  CHECK_IS(fdwire_conn_send(conn, much, sizeof much, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RDWR, 0), -EAGAIN);
  CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 0), 0);
  CHECK_IS(peek_recv(conn), 1);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* Takes little at a time, and is ready for more at once. */
static int64_t sips(void *ctx, const fdwire_slice *slices, size_t count) {
  size_t *taken = (size_t *)ctx, len = least(slices[0].len, 500);
  (void)count;
  *taken += len;
  return (int64_t)len;
}

static int is_thirsty(void *ctx, int events, int timeout_ms) {
  (void)ctx, (void)events, (void)timeout_ms;
  return 0;
}

/* Bodies that go straight from memory, one by one: how many were accepted. */
static int sends_until_it_ends(fdwire_conn *conn) {
  static const char body[4096] = "";
  int count = 0, result;
  while ((result = fdwire_conn_send(conn, body, sizeof body, 20000)) == 0)
    count++;
  CHECK_IS(result, -EPIPE);
  return count;
}

/* Each message of other threads comes whole, or is refused. */
static void shutting_down_beside_large_messages(void) {
  for (size_t i = 0; i < scaled(50); i++) {
    struct other others[4];
    size_t taken = 0, count = 0;
    fdwire_conn *conn = NULL;
    NEED(fdwire_conn_new_over(NULL, sips, is_thirsty, &taken, NULL, &conn) == 0);
    for (int j = 0; j < 4; j++) {
      memset(&others[j], 0, sizeof others[j]);
      others[j].conn = conn;
      others[j].call = sends_until_it_ends;
      NEED(pthread_create(&others[j].thread, NULL, other_calls, &others[j]) == 0);
    }
    while (stats_of(conn).messages_out < 10)
      sleep_ms(1);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 20000), -EOPNOTSUPP);
    for (int j = 0; j < 4; j++)
      count += (size_t)other_ends(&others[j]);
    CHECK_IS(taken, count * (4096 + 4));
    CHECK_IS(stats_of(conn).messages_out, count);
    fdwire_conn_free(conn);
  }
}

/* Not before all is sent: until then it can be called again, and messages can too. */
static void shutting_down_while_bytes_wait(void) {
  enum { LEN = 256 << 10 };
  uint8_t *body = pattern(LEN, 1);
  EACH_SOCKET(way) {
    int fds[2], small = 20000;
    struct other peer;
    open_way(way, fds);
    NEED(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    NEED(setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_send(conn, body, LEN, 0), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), -EAGAIN);
    long long start = now_ms();
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 30), -ETIMEDOUT);
    CHECK(now_ms() - start >= 30);
    CHECK_IS(fdwire_conn_send(conn, "more", 4, 0), FDWIRE_PENDING);
    CHECK_IS(fdwire_conn_cancel(conn), 0);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, -1), -ECANCELED);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_CANCELLED, 0), 0);
    peer_reads(&peer, fds[0], 2 * LEN);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, -1), 0);
    CHECK_IS(other_ends(&peer), FDWIRE_E_TRUNCATED);
    CHECK_IS(peer.len, LEN + 4 + 8);
    CHECK(memcmp(peer.bytes + 4, body, LEN) == 0);
    CHECK(memcmp(peer.bytes + LEN + 8, "more", 4) == 0);
    free(peer.bytes);
    fdwire_conn_free(conn);
    close(fds[1]);
  }
  free(body);
}

/* While another thread queues messages: each was accepted and comes, or was refused. */
static int queues_until_it_ends(fdwire_conn *conn) {
  fdwire_msg msg = {NULL, (const uint8_t *)"hello", 0, 5, 0};
  int result;
  while ((result = fdwire_conn_queue(conn, &msg, 1)) == FDWIRE_PENDING || result == -ENOBUFS) {
  }
  return result;
}

static void shutting_down_beside_a_sender(void) {
  for (int i = 0; i < 20; i++) {
    int fds[2];
    struct other other, peer;
    open_way(UNIX_SOCKET, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, 900), 0);
    peer_reads(&peer, fds[1], (size_t)16 << 20);
    memset(&other, 0, sizeof other);
    other.conn = conn;
    other.call = queues_until_it_ends;
    NEED(pthread_create(&other.thread, NULL, other_calls, &other) == 0);
    while (stats_of(conn).messages_out < 50)
      sleep_ms(1);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 20000), 0);
    CHECK_IS(other_ends(&other), -EPIPE);
    CHECK_IS(other_ends(&peer), FDWIRE_E_TRUNCATED); /* fewer than there was room for */
    CHECK_IS(peer.len, stats_of(conn).messages_out * 9);
    free(peer.bytes);
    fdwire_conn_free(conn);
    close(fds[0]);
  }
}

static void ending_inside_a_message(void) {
  EACH_SOCKET(way) {
    for (int finishes = 0; finishes < 2; finishes++) {
      int fds[2];
      char frame[6];
      open_way(way, fds);
      fdwire_conn *conn = conn_of(-1, fds[1], NULL);
      CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, 5, 0), FDWIRE_PENDING);
      CHECK_IS(fdwire_conn_send_part(conn, "he", 2, 0), 0);
      if (finishes) {
        CHECK_IS(fdwire_shutdown(fds[0], FDWIRE_SHUT_WR), 0);
        CHECK_IS(fdwire_conn_finish(conn, NULL, 1000), FDWIRE_E_TRUNCATED);
      } else {
        CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), FDWIRE_E_TRUNCATED);
        CHECK(fdwire_conn_send_part(conn, "llo", 3, 0) < 0);
      }
      CHECK_IS(fdwire_read_exact(fds[0], frame, 6, NULL, 1000), 1);
      CHECK_IS(fdwire_read_exact(fds[0], frame, 1, NULL, 1000), 0);
      fdwire_conn_free(conn);
      close_way(fds);
    }
  }
}

/* A thread that receives, and flushes meanwhile, is not disturbed when what it flushes to is
   closed. */
static void a_pipe_is_closed_beside_a_receiver(void) {
  uint8_t *body = pattern(200000, 1);
  for (int i = 0; i < 20; i++) {
    int there[2], back[2];
    struct other other, peer;
    open_way(PIPE, there);
    open_way(PIPE, back);
    fdwire_conn *conn = conn_of(there[0], back[1], NULL);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH), 0);
    CHECK_IS(fdwire_conn_send(conn, body, 200000, 0), FDWIRE_PENDING);
    memset(&other, 0, sizeof other);
    other.conn = conn;
    other.call = waits_for_a_message;
    NEED(pthread_create(&other.thread, NULL, other_calls, &other) == 0);
    peer_reads(&peer, back[0], 300000);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 20000), 0);
    CHECK_IS(other_ends(&peer), FDWIRE_E_TRUNCATED);
    CHECK_IS(peer.len, 200004);
    CHECK_IS(fdwire_send(there[1], NULL, "hello", 5, 1000), 0);
    CHECK_IS(other_ends(&other), 1);
    free(peer.bytes);
    fdwire_conn_free(conn);
    close(there[1]);
  }
  free(body);
}

static void shutting_down_nothing(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  fdwire_conn *conn = NULL;
  NEED(fd >= 0);
  CHECK_IS(fdwire_conn_new(fd, fd, NULL, &conn), 0);
  CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, 0), -ENOTCONN);
  CHECK_IS(fdwire_conn_shutdown(conn, 3, 0), -EINVAL);
  CHECK_IS(fdwire_conn_shutdown(conn, -1, 0), -EINVAL);
  CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_RD, -2), -EINVAL);
  fdwire_conn_free(conn);
  close(fd);
}

/* ---- Cancel ---- */

static int flushes(fdwire_conn *conn) { return fdwire_conn_flush(conn, -1); }

/* Wakes who waits, again and again until it is lifted; loses nothing. */
static void cancel_wakes_who_receives(void) {
  for (int way = 0; way <= WAYS; way++) {
    for (size_t i = 0; i < WAITERS; i++) {
      int fds[2];
      struct feed feed;
      struct other other;
      size_t done = 0;
      uint8_t *body = pattern(200000, 1);
      uint8_t head[4];
      fdwire_msg msg;
      fdwire_conn *conn;
      fdwire_put_u32be(head, 200000);
      feed_open(&feed, "u32be");
      conn = feed.conn;
      if (way < WAYS) {
        open_way(way, fds);
        conn = conn_of(fds[0], -1, NULL);
        NEED(write(fds[1], head, 4) == 4 && write(fds[1], body, 50000) == 50000);
      } else {
        feed.end.patient = 1;
        tube_put(&feed.in, head, 4);
        tube_put(&feed.in, body, 50000);
      }
      other_begins(&other, conn, waiters[i]);
      CHECK_IS(fdwire_conn_cancel(conn), 0);
      CHECK_IS(other_ends(&other), -ECANCELED);
      for (size_t j = 0; j < WAITERS; j++)
        CHECK_IS(waiters[j](conn), -ECANCELED);
      int result = fdwire_conn_recv(conn, &msg, 0);
      CHECK(result == -EAGAIN || result == -ECANCELED);
      CHECK_IS(fdwire_conn_set(conn, FDWIRE_CANCELLED, 0), 0);
      CHECK_IS(fdwire_conn_recv(conn, &msg, 1), -ETIMEDOUT);
      while (done < 150000) {
        if (way < WAYS)
          CHECK(fdwire_write_all(fds[1], body + 50000, 150000, &done, 0) <= 0);
        else
          done += tube_put(&feed.in, body + 50000, 150000);
        result = fdwire_conn_recv(conn, &msg, 1);
      }
      while (result == -ETIMEDOUT)
        result = fdwire_conn_recv(conn, &msg, 1);
      CHECK(result == 1 && msg.body_len == 200000 && memcmp(msg.body, body, 200000) == 0);
      if (way < WAYS) {
        fdwire_conn_free(conn);
        close_way(fds);
      }
      feed_close(&feed);
      free(body);
    }
  }
}

/* What can be done without waiting is done. */
static void cancelled_calls_that_need_not_wait(void) {
  int fds[2];
  fdwire_msg msg;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  CHECK_IS(fdwire_conn_cancel(conn), 0);
  CHECK_IS(fdwire_conn_cancel(conn), 0);
  for (int timeout = -1; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_send(conn, "hello", 5, timeout), 0);
    CHECK_IS(fdwire_conn_flush(conn, timeout), 0);
    CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 0), 0);
    CHECK_IS(fdwire_conn_recv(conn, &msg, timeout), 1);
  }
  CHECK_IS(fdwire_conn_recv(conn, &msg, -1), -ECANCELED);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_CANCELLED, 0), 0);
  CHECK_IS(fdwire_conn_recv(conn, &msg, 1), -ETIMEDOUT);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_CANCELLED, 1), 0); /* the same as the call */
  CHECK_IS(fdwire_conn_recv(conn, &msg, -1), -ECANCELED);
  /* It ends all the same, with time to wait. */
  long long start = now_ms();
  CHECK_IS(fdwire_conn_finish(conn, NULL, 50), -ETIMEDOUT);
  CHECK(now_ms() - start >= 50);
  fdwire_conn_free(conn);
  close_way(fds);
}

/* Bodies of 300 KB to a peer that does not read: whether one was accepted, its result says. */
static const uint8_t *large;

static int sends_large(fdwire_conn *conn) {
  int result;
  while ((result = fdwire_conn_send(conn, large, 300000, -1)) == 0) {
  }
  return result;
}

static void cancel_wakes_who_sends(void) {
  uint8_t *body = pattern(300000, 4);
  large = body;
  EACH_WAY(way) {
    int fds[2];
    struct other other;
    struct other peer;
    open_way(way, fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    other_begins(&other, conn, sends_large);
    CHECK_IS(fdwire_conn_cancel(conn), 0);
    int result = other_ends(&other);
    CHECK(result == FDWIRE_PENDING || result == -ECANCELED);
    CHECK_IS(flushes(conn), fdwire_conn_pending(conn) > 0 ? -ECANCELED : 0);
    uint64_t accepted = stats_of(conn).messages_out;
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_CANCELLED, 0), 0);
    other_begins(&other, conn, flushes);
    CHECK_IS(fdwire_conn_cancel(conn), 0);
    result = other_ends(&other);
    CHECK(result == -ECANCELED || fdwire_conn_pending(conn) == 0);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_CANCELLED, 0), 0);
    peer_reads(&peer, fds[0], (size_t)(accepted * 300004 + 1));
    CHECK_IS(flushes(conn), 0);
    CHECK_IS(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_OUT), 0);
    CHECK_IS(fdwire_conn_finish(conn, NULL, 5000), 0);
    CHECK_IS(other_ends(&peer), FDWIRE_E_TRUNCATED);
    CHECK_IS(peer.len, accepted * 300004);
    for (size_t at = 0; at + 300004 <= peer.len; at += 300004)
      CHECK(memcmp(peer.bytes + at + 4, body, 300000) == 0);
    free(peer.bytes);
    fdwire_conn_free(conn);
  }
  free(body);
}

/* ---- Bad callers ---- */

static void null_pointers(void) {
  int fds[2];
  char room[8];
  size_t len = 99;
  uint64_t body_len = 99;
  const void *rest;
  fdwire_msg msg;
  fdwire_stats stats;
  fdwire_conn *conn = NULL;
  open_way(UNIX_SOCKET, fds);
  CHECK_IS(fdwire_conn_new(fds[0], fds[0], NULL, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_new_over(end_read, end_writev, end_wait, NULL, NULL, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_new_over(NULL, NULL, end_wait, NULL, NULL, &conn), -EINVAL);
  CHECK(conn == NULL);
  CHECK_IS(fdwire_conn_new(fds[0], fds[0], NULL, &conn), 0);
  fdwire_conn_free(NULL);
  CHECK_IS(fdwire_conn_set(NULL, FDWIRE_BATCH, 0), -EINVAL);
  CHECK_IS(fdwire_conn_set_format(NULL, FDWIRE_BOTH, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_events(NULL), -EINVAL);
  CHECK_IS(fdwire_conn_cancel(NULL), -EINVAL);
  CHECK_IS(fdwire_conn_stats(NULL, &stats, sizeof stats), -EINVAL);
  CHECK_IS(fdwire_conn_stats(conn, NULL, sizeof stats), -EINVAL);
  CHECK_IS(fdwire_conn_stats(conn, &stats, 0), -EINVAL);
  CHECK_IS(fdwire_conn_pending(NULL), 0);
  fdwire_conn_explain(NULL, room, sizeof room);
  CHECK(memchr(room, 0, sizeof room) != NULL);
  CHECK(fdwire_conn_explain(conn, NULL, 0) > 0 && fdwire_conn_explain(conn, NULL, 99) > 0);
  for (int timeout = -1; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_shutdown(NULL, FDWIRE_SHUT_WR, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_finish(NULL, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv(NULL, &msg, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv(conn, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_many(NULL, &msg, 1, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_many(conn, NULL, 1, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_many(conn, &msg, 0, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_many(conn, &msg, 1, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_into(NULL, room, 8, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_into(conn, NULL, 8, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_into(conn, room, 8, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_begin(NULL, &msg, &body_len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_begin(conn, NULL, &body_len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_begin(conn, &msg, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_recv_part(NULL, room, 8, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send(NULL, "x", 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send(conn, NULL, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_many(NULL, &msg, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_many(conn, NULL, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_flush(NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_begin(NULL, NULL, 0, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_begin(conn, NULL, 4, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_part(NULL, "x", 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_file(NULL, 0, 0, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_fds(NULL, "x", 1, fds, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_fds(conn, NULL, 1, fds, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_fds(conn, "x", 1, NULL, 1, timeout), -EINVAL);
  }
  CHECK_IS(fdwire_conn_queue(NULL, &msg, 1), -EINVAL);
  CHECK_IS(fdwire_conn_queue(conn, NULL, 1), -EINVAL);
  CHECK_IS(fdwire_conn_skip(NULL), -EINVAL);
  CHECK_IS(fdwire_conn_unread(NULL, &rest, &len), -EINVAL);
  CHECK_IS(fdwire_conn_unread(conn, NULL, &len), -EINVAL);
  CHECK_IS(fdwire_conn_unread(conn, &rest, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_take_fds(NULL, fds, 2, &len), -EINVAL);
  CHECK_IS(fdwire_conn_take_fds(conn, NULL, 2, &len), -EINVAL);
  CHECK_IS(fdwire_conn_take_fds(conn, fds, 2, NULL), -EINVAL);
  /* Nothing of all that did anything. */
  fdwire_stats after = stats_of(conn);
  CHECK(after.messages_out == 0 && after.bytes_out == 0 && after.pending == 0);
  CHECK_IS(fdwire_conn_send(conn, "x", 1, 0), 0);
  fdwire_conn_free(conn);
  close_way(fds);
}

static void bad_timeouts_and_sizes(void) {
  static const int timeouts[] = {-2, -1000, INT32_MIN};
  int fds[2];
  char room[8];
  size_t len = 99;
  uint64_t body_len;
  fdwire_msg msg = {NULL, (const uint8_t *)"x", 0, 1, 0};
  fdwire_msg endless = {NULL, (const uint8_t *)"x", 0, SIZE_MAX, 0};
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  for (size_t i = 0; i < 3; i++) {
    CHECK_IS(fdwire_conn_recv(conn, &msg, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_recv_many(conn, &msg, 1, &len, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_recv_into(conn, room, 8, &len, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_recv_begin(conn, &msg, &body_len, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_send(conn, "x", 1, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_send_many(conn, &msg, 1, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_flush(conn, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, 1, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, timeouts[i]), -EINVAL);
    CHECK_IS(fdwire_conn_finish(conn, NULL, timeouts[i]), -EINVAL);
  }
  CHECK_IS(fdwire_conn_send(conn, "x", SIZE_MAX, 0), -EINVAL);
  CHECK_IS(fdwire_conn_send_many(conn, &endless, 1, 0), -EINVAL);
  CHECK_IS(fdwire_conn_queue(conn, &endless, 1), -EINVAL);
  CHECK_IS(fdwire_conn_send_many(conn, &msg, SIZE_MAX, 0), -EINVAL);
  CHECK_IS(fdwire_conn_recv_into(conn, room, SIZE_MAX, &len, 0), -EINVAL);
  CHECK_IS(fdwire_conn_recv_many(conn, &msg, SIZE_MAX, &len, 0), -EINVAL);
  CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, UINT64_MAX, 0), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_conn_send_many(conn, &msg, 0, 0), 0);
  CHECK_IS(fdwire_conn_queue(conn, &msg, 0), 0);
  CHECK_IS(fdwire_conn_send(conn, "x", 1, 0), 0);
  fdwire_conn_free(conn);
  close_way(fds);
}

static void bad_options(void) {
  static const struct {
    int option;
    int64_t value;
    int code;
  } cases[] = {
      {0, 0, -EINVAL},
      {-1, 0, -EINVAL},
      {10, 0, -EINVAL},
      {FDWIRE_POLLED, 2, -EINVAL},
      {FDWIRE_POLLED, 0, 0},
      {FDWIRE_SPIN, -1, -EINVAL},
      {FDWIRE_SPIN, 0, 0},
      {FDWIRE_SPIN, 1000000, 0},
      {FDWIRE_SPIN, 1000001, -EINVAL},
      {INT32_MAX, 0, -EINVAL},
      {FDWIRE_OWN, 4, -EINVAL},
      {FDWIRE_OWN, -1, -EINVAL},
      {FDWIRE_OWN, 0, 0},
      {FDWIRE_SEND_LIMIT, -1, -EINVAL},
      {FDWIRE_SEND_LIMIT, INT64_MAX, 0},
      {FDWIRE_SEND_LIMIT, 0, 0},
      {FDWIRE_READ_SIZE, 4095, -EINVAL},
      {FDWIRE_READ_SIZE, 4096, 0},
      {FDWIRE_READ_SIZE, 0, -EINVAL},
      {FDWIRE_READ_SIZE, 64 << 20, 0},
      {FDWIRE_READ_SIZE, (64 << 20) + 1, -EINVAL},
      {FDWIRE_READ_SIZE, -1, -EINVAL},
      {FDWIRE_BATCH, -1, -EINVAL},
      {FDWIRE_BATCH, 0, 0},
      {FDWIRE_ONE_THREAD, 8, -EINVAL},
      {FDWIRE_ONE_THREAD, -1, -EINVAL},
      {FDWIRE_ONE_THREAD, FDWIRE_BOTH, 0},
      {FDWIRE_ONE_THREAD, FDWIRE_BOTH | FDWIRE_APART, 0},
      {FDWIRE_ONE_THREAD, INT64_MAX, -EINVAL},
      {FDWIRE_TAKE_FDS, 2, -EINVAL},
      {FDWIRE_TAKE_FDS, -1, -EINVAL},
      {FDWIRE_TAKE_FDS, 0, 0},
      {FDWIRE_CANCELLED, 2, -EINVAL},
      {FDWIRE_CANCELLED, -1, -EINVAL},
      {FDWIRE_CANCELLED, 0, 0},
  };
  int fds[2];
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int result = fdwire_conn_set(conn, cases[i].option, cases[i].value);
    if (result != cases[i].code)
      printf("option %d, value %lld:\n", cases[i].option, (long long)cases[i].value);
    CHECK_IS(result, cases[i].code);
  }
  CHECK_IS(fdwire_conn_set_format(conn, 0, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_set_format(conn, 4, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_set_format(conn, -1, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_set_format(conn, FDWIRE_BOTH, NULL), 0);
  fdwire_conn_free(conn);
  close_way(fds);
}

static void bad_descriptors(void) {
  int fds[2], pipe_fds[2], closed, datagrams[2], packets[2];
  fdwire_conn *conn = NULL;
  open_way(UNIX_SOCKET, fds);
  open_way(PIPE, pipe_fds);
  NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
  NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, packets) == 0);
  closed = dup(2);
  close(closed);
  const struct {
    int in_fd, out_fd, code;
  } cases[] = {
      {-1, -1, -EBADF},
      {closed, -1, -EBADF},
      {-1, closed, -EBADF},
      {fds[0], closed, -EBADF},
      {closed, fds[0], -EBADF},
      {-2, fds[0], -EBADF},
      {fds[0], INT32_MIN, -EBADF},
      {INT32_MAX, -1, -EBADF},
      {datagrams[0], -1, -EPROTOTYPE},
      {-1, datagrams[0], -EPROTOTYPE},
      {fds[0], packets[0], -EPROTOTYPE},
      {pipe_fds[1], -1, -EBADF},
      {-1, pipe_fds[0], -EBADF},
      {pipe_fds[0], pipe_fds[0], -EBADF},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    if (fdwire_conn_new(cases[i].in_fd, cases[i].out_fd, NULL, &conn) != cases[i].code)
      printf("descriptors %d and %d:\n", cases[i].in_fd, cases[i].out_fd);
    CHECK_IS(fdwire_conn_new(cases[i].in_fd, cases[i].out_fd, NULL, &conn), cases[i].code);
  }
  CHECK(conn == NULL);
  close_way(fds), close_way(pipe_fds), close_way(datagrams), close_way(packets);
}

/* A side that is not there. */
static void one_sided(void) {
  int fds[2];
  size_t len;
  uint64_t body_len;
  char room[8];
  fdwire_msg msg = {NULL, (const uint8_t *)"x", 0, 1, 0};
  open_way(PIPE, fds);
  fdwire_conn *in = conn_of(fds[0], -1, NULL), *out = conn_of(-1, fds[1], NULL);
  for (int timeout = -1; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_send(in, "x", 1, timeout), -EBADF);
    CHECK_IS(fdwire_conn_send_many(in, &msg, 1, timeout), -EBADF);
    CHECK_IS(fdwire_conn_send_begin(in, NULL, 0, 1, timeout), -EBADF);
    CHECK_IS(fdwire_conn_send_file(in, 0, 0, 1, timeout), -EBADF);
    CHECK_IS(fdwire_conn_recv(out, &msg, timeout), -EBADF);
    CHECK_IS(fdwire_conn_recv_many(out, &msg, 1, &len, timeout), -EBADF);
    CHECK_IS(fdwire_conn_recv_into(out, room, 8, &len, timeout), -EBADF);
    CHECK_IS(fdwire_conn_recv_begin(out, &msg, &body_len, timeout), -EBADF);
  }
  msg.body = (const uint8_t *)"x", msg.body_len = 1, msg.head = NULL, msg.head_len = 0;
  CHECK_IS(fdwire_conn_queue(in, &msg, 1), -EBADF);
  CHECK_IS(fdwire_conn_events(in), POLLIN);
  CHECK_IS(fdwire_conn_events(out), 0);
  CHECK_IS(fdwire_conn_pending(in), 0);
  CHECK_IS(fdwire_conn_finish(in, NULL, 0), 0);
  CHECK_IS(fdwire_conn_finish(out, NULL, 0), 0);
  fdwire_conn_free(in);
  fdwire_conn_free(out);
  close_way(fds);
}

static void calls_out_of_order(void) {
  int fds[2];
  char room[8];
  size_t len = 99;
  const void *rest;
  uint64_t body_len;
  fdwire_msg msg;
  open_way(UNIX_SOCKET, fds);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL), *peer = conn_of(fds[1], fds[1], NULL);
  CHECK_IS(fdwire_conn_recv_part(conn, room, 8, &len, -1), -EINVAL);
  CHECK_IS(fdwire_conn_skip(conn), -EINVAL);
  CHECK_IS(fdwire_conn_send_part(conn, "x", 1, -1), -EINVAL);
  CHECK_IS(fdwire_conn_send_part(conn, NULL, 0, -1), -EINVAL);
  CHECK(fdwire_conn_unread(conn, &rest, &len) == 0 && len == 0);
  CHECK(fdwire_conn_take_fds(conn, fds, 2, &len) == 0 && len == 0);
  CHECK_IS(fdwire_conn_send_begin(conn, NULL, 0, 5, -1), FDWIRE_PENDING); /* its head waits */
  CHECK_IS(fdwire_conn_send_part(conn, "123456", 6, -1), -EINVAL);
  CHECK_IS(fdwire_conn_send_part(conn, NULL, 3, -1), -EINVAL);
  CHECK_IS(fdwire_conn_send_part(conn, "123", 3, -1), 0);
  CHECK_IS(fdwire_conn_send_part(conn, "456", 3, -1), -EINVAL);
  CHECK_IS(fdwire_conn_send_part(conn, NULL, 0, -1), 0);
  CHECK_IS(fdwire_conn_send(conn, "x", 1, -1), -EBUSY);
  CHECK_IS(fdwire_conn_send_part(conn, "45", 2, -1), 0);
  CHECK_IS(fdwire_conn_send_part(conn, NULL, 0, -1), -EINVAL);
  CHECK_IS(fdwire_conn_send(conn, "next", 4, -1), 0);
  CHECK_IS(fdwire_conn_recv_begin(peer, &msg, &body_len, -1), 1);
  CHECK_IS(fdwire_conn_recv_begin(peer, &msg, &body_len, -1), -EBUSY);
  CHECK_IS(fdwire_conn_recv(peer, &msg, -1), -EBUSY);
  CHECK_IS(fdwire_conn_recv_many(peer, &msg, 1, &len, -1), -EBUSY);
  CHECK_IS(fdwire_conn_recv_into(peer, room, 8, &len, -1), -EBUSY);
  CHECK_IS(fdwire_conn_recv_part(peer, room, 0, &len, -1), -EINVAL);
  CHECK_IS(fdwire_conn_recv_part(peer, NULL, 8, &len, -1), -EINVAL);
  CHECK_IS(fdwire_conn_recv_part(peer, room, 8, NULL, -1), -EINVAL);
  CHECK_IS(fdwire_conn_recv_part(peer, room, 8, &len, -1), 1);
  CHECK(len == 5 && memcmp(room, "12345", 5) == 0);
  CHECK_IS(fdwire_conn_recv_part(peer, room, 8, &len, -1), 0);
  CHECK_IS(fdwire_conn_recv_part(peer, room, 8, &len, -1), -EINVAL);
  CHECK_IS(peek_recv(peer), 1);
  fdwire_conn_free(conn);
  fdwire_conn_free(peer);
  close_way(fds);
}

/* One direction is in the midst of a message: the other keeps its format, too. */
static void a_format_for_both_or_neither(void) {
  for (int sends = 0; sends < 2; sends++) {
    int fds[2];
    fdwire_msg msg;
    uint64_t body_len = 0;
    char frame[9];
    fdwire_format *line = format_of("line");
    open_way(UNIX_SOCKET, fds);
    fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
    CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 0), 0);
    if (sends)
      CHECK(fdwire_conn_send_begin(conn, NULL, 0, 5, 0) >= 0);
    else
      CHECK_IS(fdwire_conn_recv_begin(conn, &msg, &body_len, 0), 1);
    CHECK_IS(fdwire_conn_set_format(conn, FDWIRE_BOTH, line), -EBUSY);
    if (sends) {
      CHECK_IS(fdwire_conn_recv(conn, &msg, 0), 1);
      CHECK(msg.body_len == 5 && memcmp(msg.body, "hello", 5) == 0);
      CHECK_IS(fdwire_conn_send_part(conn, "hello", 5, 0), 0);
    } else
      CHECK_IS(fdwire_conn_send(conn, "hello", 5, 0), 0);
    CHECK_IS(fdwire_read_exact(fds[1], frame, 9, NULL, 1000), 1);
    CHECK(memcmp(frame, "\0\0\0\5hello", 9) == 0);
    fdwire_format_free(line);
    fdwire_conn_free(conn);
    close_way(fds);
  }
}

static void bad_files(void) {
  int fds[2], closed;
  char name[] = "/tmp/fdwire-XXXXXX";
  FILE *file = tmpfile();
  NEED(file != NULL && fputs("12345", file) >= 0 && fflush(file) == 0);
  int named = mkstemp(name), write_only = open(name, O_WRONLY);
  NEED(named >= 0 && write_only >= 0 && write(named, "12345", 5) == 5 && unlink(name) == 0);
  open_way(UNIX_SOCKET, fds);
  closed = dup(2);
  close(closed);
  fdwire_conn *conn = conn_of(fds[0], fds[0], NULL);
  for (int timeout = -1; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_send_file(conn, -1, 0, 1, timeout), -EBADF);
    CHECK_IS(fdwire_conn_send_file(conn, closed, 0, 1, timeout), -EBADF);
    CHECK_IS(fdwire_conn_send_file(conn, write_only, 0, 1, timeout), -EBADF);
    CHECK_IS(fdwire_conn_send_file(conn, fds[1], 0, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_file(conn, fileno(file), 0, 6, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_file(conn, fileno(file), 5, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_send_file(conn, fileno(file), UINT64_MAX, 1, timeout), -EINVAL);
    CHECK(fdwire_conn_send_file(conn, fileno(file), 1, UINT64_MAX, timeout) < 0);
  }
  CHECK_IS(fdwire_conn_pending(conn), 0);
  CHECK_IS(fdwire_conn_send_file(conn, fileno(file), 5, 0, -1), 0);
  CHECK_IS(fdwire_conn_send_file(conn, fileno(file), 1, 4, -1), 0);
  /* Cut short while it waits: so is the message, and sending is over. */
  struct sink sink;
  sink_open(&sink, 1000);
  fdwire_conn *over = conn_to(&sink, "u32be");
  CHECK_IS(fdwire_conn_send_file(over, fileno(file), 0, 5, 0), FDWIRE_PENDING);
  NEED(ftruncate(fileno(file), 2) == 0);
  sink.allowed = 1000;
  CHECK_IS(fdwire_conn_flush(over, 0), FDWIRE_E_TRUNCATED);
  check_sending_lasts(over, FDWIRE_E_TRUNCATED);
  fdwire_conn_free(over);
  free(sink.bytes);
  fdwire_conn_free(conn);
  fclose(file);
  close(named);
  close(write_only);
  close_way(fds);
}

/* ---- Calls from within ---- */

/* The program's functions call the connection that calls them. */
struct within {
  fdwire_conn *conn;
  int calls;
};

static void check_inside(struct within *within) {
  fdwire_msg msg = {NULL, (const uint8_t *)"x", 0, 1, 0};
  char room[8];
  size_t len;
  fdwire_conn *conn = within->conn;
  within->calls++;
  CHECK_IS(fdwire_conn_recv(conn, &msg, -1), -EDEADLK);
  CHECK_IS(fdwire_conn_recv_into(conn, room, 8, &len, -1), -EDEADLK);
  CHECK_IS(fdwire_conn_send(conn, "x", 1, -1), -EDEADLK);
  CHECK_IS(fdwire_conn_queue(conn, &msg, 0), -EDEADLK);
  CHECK_IS(fdwire_conn_flush(conn, -1), -EDEADLK);
  CHECK_IS(fdwire_conn_events(conn), -EDEADLK);
  CHECK_IS(fdwire_conn_set_format(conn, FDWIRE_BOTH, NULL), -EDEADLK);
  CHECK_IS(fdwire_conn_finish(conn, NULL, -1), -EDEADLK);
}

static int64_t reads_within(void *ctx, void *buf, size_t len) {
  check_inside((struct within *)ctx);
  NEED(len >= 7);
  memcpy(buf, "\0\0\0\3abc", 7);
  return 7;
}

static int64_t writes_within(void *ctx, const fdwire_slice *slices, size_t count) {
  check_inside((struct within *)ctx);
  return count > 0 ? (int64_t)slices[0].len : -EAGAIN;
}

static void calls_from_within(void) {
  struct within within = {NULL, 0};
  NEED(fdwire_conn_new_over(reads_within, writes_within, NULL, &within, NULL, &within.conn) == 0);
  CHECK_IS(peek_recv(within.conn), 1);
  CHECK_IS(within.calls, 1);
  CHECK_IS(peek_send(within.conn), 0);
  CHECK(within.calls > 1);
  fdwire_conn_free(within.conn);
}

/* Frames of four bytes, the first of which is a head. */
static int64_t probes_within(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  (void)bytes;
  check_inside((struct within *)ctx);
  *head_len = 1;
  *at_least = 4;
  return len < 4 ? 0 : 4;
}

static void a_format_that_calls_from_within(void) {
  for (int later = 0; later < 2; later++) {
    struct within within = {NULL, 0};
    fdwire_msg got, sent = {(const uint8_t *)"h", (const uint8_t *)"ead", 1, 3, 0};
    fdwire_format *format = NULL;
    int fds[2];
    open_way(UNIX_SOCKET, fds);
    NEED(fdwire_format_new_custom(probes_within, &within, 100, &format) == 0);
    within.conn = conn_of(fds[0], fds[0], later ? NULL : format);
    if (later)
      CHECK_IS(fdwire_conn_set_format(within.conn, FDWIRE_BOTH, format), 0);
    NEED(write(fds[1], "abcd", 4) == 4);
    CHECK_IS(fdwire_conn_recv(within.conn, &got, 20000), 1);
    CHECK(within.calls > 0 && got.body_len == 3);
    within.calls = 0;
    CHECK_IS(fdwire_conn_send_many(within.conn, &sent, 1, 20000), 0);
    CHECK(within.calls > 0);
    fdwire_conn_free(within.conn);
    fdwire_format_free(format);
    close_way(fds);
  }
}

/* Functions that do not keep to their contract. */
static int64_t answer;

static int64_t lies_reading(void *ctx, void *buf, size_t len) {
  (void)ctx, (void)buf, (void)len;
  return answer;
}

static int64_t lies_writing(void *ctx, const fdwire_slice *slices, size_t count) {
  (void)ctx, (void)slices, (void)count;
  return answer;
}

static void functions_that_lie(void) {
  static const int64_t answers[] = {INT64_MAX, (int64_t)1 << 40, INT64_MIN,
                                    -4096,     INT32_MIN,        -5001};
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    fdwire_conn *conn = NULL;
    answer = answers[i];
    NEED(fdwire_conn_new_over(lies_reading, lies_writing, NULL, NULL, NULL, &conn) == 0);
    int reading = peek_recv(conn), writing = peek_send(conn);
    CHECK(reading < 0 && writing < 0);
    check_receiving_lasts(conn, reading);
    check_sending_lasts(conn, writing);
    fdwire_conn_free(conn);
  }
  answer = 0; /* none written is no progress, and not to be asked for ever */
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new_over(lies_reading, lies_writing, NULL, NULL, NULL, &conn) == 0);
  int result = peek_send(conn);
  CHECK(result < 0 || result == FDWIRE_PENDING);
  fdwire_conn_free(conn);
}

/* Without a function that waits, no call does. */
static void functions_without_a_wait(void) {
  struct tube tube;
  struct end end;
  fdwire_conn *conn = NULL;
  memset(&end, 0, sizeof end);
  tube_open(&tube, 5);
  end.in = end.out = &tube;
  NEED(fdwire_conn_new_over(end_read, end_writev, NULL, &end, NULL, &conn) == 0);
  for (int timeout = -1; timeout <= 5000; timeout += 5001) {
    fdwire_msg msg;
    long long start = now_ms();
    CHECK_IS(fdwire_conn_recv(conn, &msg, timeout), -EAGAIN);
    CHECK(now_ms() - start < 1000);
  }
  CHECK_IS(fdwire_conn_send(conn, "hello", 5, 5000), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_flush(conn, -1), -EAGAIN);
  CHECK_IS(fdwire_conn_pending(conn), 4);
  fdwire_conn_free(conn);
  free(tube.bytes);
}

int main(void) {
  check_begin();
  struct sink idle;
  fdwire_conn *keeper = conn_to(&idle, "u32be"); /* while there is one, buffers are kept */
  signal(SIGPIPE, SIG_DFL); /* which would end this program */
  RUN(finish_delivers_all);
  RUN(finish_drops_input);
  RUN(finish_counts_what_is_left);
  RUN(finish_over_functions);
  RUN(finish_closes_both);
  RUN(finish_wakes_who_sends);
  RUN(finish_wakes_who_flushes);
  RUN(finish_after_cancel);
  RUN(nothing_comes_after_finish);
  RUN(free_with_queued_bytes);
  RUN(a_peer_that_closed);
  RUN(a_peer_that_resets);
  RUN(a_peer_that_breaks_off);
  RUN(a_failure_wakes_who_waits_for_a_turn);
  RUN(a_peer_that_vanishes);
  RUN(the_end_at_every_byte);
  RUN(a_stream_out_of_step);
  RUN(functions_that_fail);
  RUN(a_wait_that_fails);
  RUN(shutting_down_receiving);
  RUN(shutting_down_inside_a_large_message);
  RUN(shutdown_wakes_who_receives);
  RUN(shutting_down_sending);
  RUN(shutting_down_a_pipe);
  RUN(shutting_down_a_pipe_in_need);
  RUN(shutting_down_both);
  RUN(shutting_down_both_in_vain);
  RUN(shutting_down_while_bytes_wait);
  RUN(shutting_down_beside_a_sender);
  RUN(shutting_down_beside_large_messages);
  RUN(ending_inside_a_message);
  RUN(a_pipe_is_closed_beside_a_receiver);
  RUN(shutting_down_nothing);
  RUN(cancel_wakes_who_receives);
  RUN(cancelled_calls_that_need_not_wait);
  RUN(cancel_wakes_who_sends);
  RUN(null_pointers);
  RUN(bad_timeouts_and_sizes);
  RUN(bad_options);
  RUN(bad_descriptors);
  RUN(one_sided);
  RUN(calls_out_of_order);
  RUN(a_format_for_both_or_neither);
  RUN(bad_files);
  RUN(calls_from_within);
  RUN(a_format_that_calls_from_within);
  RUN(functions_that_lie);
  RUN(functions_without_a_wait);
  fdwire_conn_free(keeper);
  return check_end();
}
