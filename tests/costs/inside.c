/* What fdwire itself does for a message: the kernel and the peer cost nothing here. Bytes come from
   memory and go nowhere, or pass through a socket pair whose two ends are in this thread.

       inside GROUP [once]      runs the group's work: decode, encode, send, receive or exchange

   Each work is done twice, and the second time is what counts, in a call of `measured`, which a
   profiler knows by its name. A line is printed for each: what it was, how many messages, and how
   many allocations, bytes copied by the C library's functions, and page faults it took. Page faults
   are counted again where there were some, unless everything is to be done once ("once"). */
#include "../c/check.h"
#include "counted.h"

enum { KIB = 1024, MIB = 1024 * KIB, BATCH = 256 * KIB, VECTOR = 64, TRIES = 5 };

/* What is put into a socket before it is taken out, and the bytes before a body. */
enum { STAGE = 64 * KIB, HEAD = 4 };

struct bench {
  size_t size; /* of a body */
  fdwire_format *format;
  const uint8_t *body;
  uint8_t *room; /* for a body or a frame */
  size_t room_len;
  uint8_t *stream; /* frames that are received over and over */
  size_t stream_len, stream_at;
  fdwire_decoder *decoder;
  fdwire_conn *conn, *peer;
  int fds[2];
};

/* A transport that costs as little as can be. */

static int64_t comes(void *ctx, void *buf, size_t len) {
  struct bench *bench = ctx;
  uint8_t *to = buf;
  for (size_t left = len, part; left > 0; left -= part, to += part) {
    part = bench->stream_len - bench->stream_at;
    part = part < left ? part : left;
    copy_up(to, bench->stream + bench->stream_at, part);
    bench->stream_at = (bench->stream_at + part) % bench->stream_len;
  }
  return (int64_t)len;
}

static int64_t goes(void *ctx, const fdwire_slice *slices, size_t count) {
  int64_t all = 0;
  (void)ctx;
  for (size_t i = 0; i < count; i++)
    all += (int64_t)slices[i].len;
  return all;
}

static int waits(void *ctx, int events, int timeout_ms) {
  (void)ctx, (void)events, (void)timeout_ms;
  NEED(!"nothing here has to wait");
  return -EAGAIN;
}

/* Opening. */

static void nothing(struct bench *bench) { (void)bench; }

static void a_decoder(struct bench *bench) {
  NEED(fdwire_decoder_new(bench->format, &bench->decoder) == 0);
}

static void a_conn(struct bench *bench, int batch) {
  NEED(fdwire_conn_new_over(comes, goes, waits, bench, bench->format, &bench->conn) == 0);
  NEED(fdwire_conn_set(bench->conn, FDWIRE_BATCH, batch) == 0);
}

static void batched(struct bench *bench) { a_conn(bench, BATCH); }

static void at_once(struct bench *bench) { a_conn(bench, 0); }

static void two_fds(struct bench *bench) {
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, bench->fds) == 0);
}

/* The shortest way: over a descriptor, and the program says that one thread makes all calls. */
static void alone(struct bench *bench) {
  two_fds(bench);
  NEED(fdwire_conn_new(bench->fds[0], bench->fds[0], bench->format, &bench->conn) == 0);
  NEED(fdwire_conn_set(bench->conn, FDWIRE_ONE_THREAD, FDWIRE_BOTH) == 0);
  NEED(fdwire_conn_set(bench->conn, FDWIRE_BATCH, BATCH) == 0);
}

static void two_conns(struct bench *bench) {
  two_fds(bench);
  NEED(fdwire_conn_new(bench->fds[0], bench->fds[0], bench->format, &bench->conn) == 0);
  NEED(fdwire_conn_new(bench->fds[1], bench->fds[1], bench->format, &bench->peer) == 0);
}

/* n messages. */

static void encode(struct bench *bench, long n) {
  fdwire_msg msg = {NULL, bench->body, 0, bench->size, 0};
  for (size_t len; n > 0; n--)
    NEED(fdwire_encode(bench->format, &msg, bench->room, bench->room_len, &len) == 0);
}

static void more(struct bench *bench) {
  void *room;
  size_t cap;
  NEED(fdwire_decoder_space(bench->decoder, &room, &cap) == 0);
  comes(bench, room, cap);
  NEED(fdwire_decoder_commit(bench->decoder, cap) == 0);
}

static void next(struct bench *bench, long n) {
  fdwire_msg msg;
  for (int got; n > 0; n -= got) {
    NEED((got = fdwire_decoder_next(bench->decoder, &msg)) >= 0);
    if (got == 0)
      more(bench);
  }
}

static void next_many(struct bench *bench, long n) {
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    int got = fdwire_decoder_next_many(bench->decoder, msgs, VECTOR, &count);
    NEED(got >= 0);
    if (got == 0) {
      count = 0;
      more(bench);
    }
  }
}

static void send_one(struct bench *bench, long n) {
  for (; n > 0; n--)
    NEED(fdwire_conn_send(bench->conn, bench->body, bench->size, -1) >= 0);
}

static void fill(struct bench *bench, fdwire_msg msgs[VECTOR]) {
  for (int i = 0; i < VECTOR; i++)
    msgs[i] = (fdwire_msg){NULL, bench->body, 0, bench->size, 0};
}

static void send_many(struct bench *bench, long n) {
  fdwire_msg msgs[VECTOR];
  fill(bench, msgs);
  for (; n > 0; n -= VECTOR)
    NEED(fdwire_conn_send_many(bench->conn, msgs, VECTOR, -1) >= 0);
}

static void queue(struct bench *bench, long n) {
  fdwire_msg msgs[VECTOR];
  fill(bench, msgs);
  for (; n > 0; n -= VECTOR) {
    NEED(fdwire_conn_queue(bench->conn, msgs, VECTOR) >= 0);
    if (fdwire_conn_pending(bench->conn) >= BATCH || n <= VECTOR)
      NEED(fdwire_conn_flush(bench->conn, -1) == 0);
  }
}

static void recv_one(struct bench *bench, long n) {
  fdwire_msg msg;
  for (; n > 0; n--)
    NEED(fdwire_conn_recv(bench->conn, &msg, -1) == 1);
}

static void recv_many(struct bench *bench, long n) {
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count)
    NEED(fdwire_conn_recv_many(bench->conn, msgs, VECTOR, &count, -1) == 1);
}

static void recv_into(struct bench *bench, long n) {
  for (size_t len; n > 0; n--)
    NEED(fdwire_conn_recv_into(bench->conn, bench->room, bench->size, &len, -1) == 1);
}

/* The peer is this thread too: so many go at a time, equal parts of all, which fit into the socket. */
static long stage_of(const struct bench *bench, long n) {
  while (n * (long)(HEAD + bench->size) > STAGE)
    n /= 2;
  return n;
}

static void send_alone(struct bench *bench, long n) {
  static uint8_t sink[STAGE];
  for (long stage = stage_of(bench, n); n > 0; n -= stage) {
    send_one(bench, stage);
    NEED(fdwire_conn_flush(bench->conn, -1) == 0);
    NEED(read(bench->fds[1], sink, STAGE) == stage * (long)(HEAD + bench->size));
  }
}

static void recv_alone(struct bench *bench, long n) {
  for (long stage = stage_of(bench, n); n > 0; n -= stage) {
    size_t len = (size_t)stage * (HEAD + bench->size);
    NEED(write(bench->fds[1], bench->stream, len) == (ssize_t)len);
    recv_one(bench, stage);
  }
}

/* Half of them there, half of them back. */
static void ping_pong(struct bench *bench, long n) {
  fdwire_msg msg;
  for (; n > 0; n -= 2) {
    NEED(fdwire_conn_send(bench->conn, bench->body, bench->size, -1) == 0);
    NEED(fdwire_conn_recv(bench->peer, &msg, -1) == 1);
    NEED(fdwire_conn_send(bench->peer, msg.body, msg.body_len, -1) == 0);
    NEED(fdwire_conn_recv(bench->conn, &msg, -1) == 1);
  }
}

static void one_shot(struct bench *bench, long n) {
  for (size_t len; n > 0; n--) {
    NEED(fdwire_send(bench->fds[0], bench->format, bench->body, bench->size, -1) == 0);
    NEED(fdwire_recv(bench->fds[1], bench->format, bench->room, bench->size, &len, -1) == 1);
  }
}

/* The works: each over all sizes of the default format, and some over other formats too. */

static const struct work {
  const char *group, *name;
  void (*open)(struct bench *bench);
  void (*run)(struct bench *bench, long n);
  int every_format;
  size_t most; /* the largest size: more would not fit the socket's buffer, or the send limit */
} works[] = {
    {"encode", "encode", nothing, encode, 1, MIB},
    {"decode", "next", a_decoder, next, 0, MIB},
    {"decode", "next_many", a_decoder, next_many, 1, MIB},
    {"send", "send", batched, send_one, 0, MIB},
    {"send", "send-alone", alone, send_alone, 0, 16 * KIB},
    {"send", "send-at-once", at_once, send_one, 0, MIB},
    {"send", "send_many", batched, send_many, 1, MIB},
    {"send", "queue", batched, queue, 0, 16 * KIB},
    {"receive", "recv", batched, recv_one, 0, MIB},
    {"receive", "recv-alone", alone, recv_alone, 0, 16 * KIB},
    {"receive", "recv_many", batched, recv_many, 1, MIB},
    {"receive", "recv_into", batched, recv_into, 0, MIB},
    {"exchange", "ping-pong", two_conns, ping_pong, 0, 16 * KIB},
    {"exchange", "one-shot", two_fds, one_shot, 0, 16 * KIB},
};
enum { WORKS = sizeof works / sizeof *works };

static const size_t sizes[] = {16, 64, KIB, 16 * KIB, MIB};
enum { SIZES = sizeof sizes / sizeof *sizes };

static const struct {
  const char *name, *text;
} formats[] = {
    {"postgres", "postgres"},
    {"varint", "varint"},
    {"netstring", "netstring"},
    {"line", "line"},
    {"delimited", "delimited by='\\r\\n.\\r\\n'"},
    {"headers", "headers length='Content-Length'"},
    {"select", "select u8 { 0: u16be at=1; 1..9: u32be at=1; else: u64be at=1 }"},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* Frames of the format, as many as fill some reads. */
static void make_stream(struct bench *bench) {
  fdwire_msg msg = {NULL, bench->body, 0, bench->size, 0};
  size_t len;
  NEED(fdwire_encode(bench->format, &msg, bench->room, bench->room_len, &len) == 0);
  size_t frames = 1 + BATCH / len;
  bench->stream_len = frames * len;
  NEED((bench->stream = malloc(bench->stream_len)) != NULL);
  for (size_t i = 0; i < frames; i++)
    memcpy(bench->stream + i * len, bench->room, len);
}

static void *filled(size_t len) {
  void *bytes = malloc(len);
  NEED(bytes != NULL);
  return memset(bytes, 'x', len);
}

/* What is known by its name: nothing else is to be counted. */
static __attribute__((noinline)) void measured(const struct work *work, struct bench *bench, long n) {
  counts = 1;
  work->run(bench, n);
  counts = 0;
}

static void report(const struct work *work, struct bench *bench, const char *name, int tries) {
  long n = 8 * MIB / (long)bench->size;
  n = n > 16 * KIB ? 16 * KIB : n < VECTOR ? VECTOR : n;
  uint64_t faults = 1, least = UINT64_MAX;
  work->open(bench);
  work->run(bench, n);
  for (int i = 0; i < tries && faults > 0; i++) {
    allocations = bytes_copied = 0;
    uint64_t before = page_faults();
    measured(work, bench, n);
    faults = page_faults() - before;
    least = faults < least ? faults : least;
  }
  printf("%s %s %zu: %ld messages, %llu allocations, %llu copied, %llu faults\n", work->name, name,
         bench->size, n, (unsigned long long)allocations, (unsigned long long)bytes_copied,
         (unsigned long long)least);
}

static void bench_one(const struct work *work, const char *name, const char *text, size_t size,
                      int tries) {
  struct bench bench;
  memset(&bench, 0, sizeof bench);
  bench.size = size;
  bench.fds[0] = bench.fds[1] = -1;
  bench.format = format_of(text);
  bench.body = filled(size);
  bench.room_len = size + 64; /* heads and tails are shorter */
  bench.room = filled(bench.room_len);
  make_stream(&bench);
  report(work, &bench, name, tries);
  fdwire_conn_free(bench.conn);
  fdwire_conn_free(bench.peer);
  fdwire_decoder_free(bench.decoder);
  fdwire_format_free(bench.format);
  if (bench.fds[0] >= 0)
    close_way(bench.fds);
  free((void *)bench.body);
  free(bench.room);
  free(bench.stream);
}

int main(int argc, char **argv) {
  int tries = argc == 3 && strcmp(argv[2], "once") == 0 ? 1 : TRIES, done = 0;
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "inside GROUP [once]\n");
    return 2;
  }
  check_begin();
  for (const struct work *work = works; work < works + WORKS; work++) {
    if (strcmp(work->group, argv[1]) != 0)
      continue;
    for (int i = 0; i < SIZES && sizes[i] <= work->most; i++, done++)
      bench_one(work, "u32be", "u32be", sizes[i], tries);
    for (int i = 0; i < FORMATS && work->every_format; i++, done++)
      bench_one(work, formats[i].name, formats[i].text, 64, tries);
  }
  return done == 0;
}
