/* Millions of messages over connections that come and go, which must hold no more memory and no more
   descriptors in the end than they did at first.

   soak [MESSAGES [leak]]: 50,000,000, in 64 stages. In each, a few hundred connections are made over
   Unix sockets, TCP and pipes, each with one of nine formats and some option; they send messages one
   at a time, queued, in vectors and in parts, receive them as many ways, and most end well, but some
   with a reset, a cut-off message or one that is too long. (Descriptors, files, packed sends and what
   needs no connection are left to other tests.) After each stage, with all of them freed, three
   things are looked at: the bytes that the allocator has in use, the process's pages and its
   descriptors. What the last quarter of the stages has most may be above that of the second by no
   more than what is said below. With "leak" 16 bytes a connection are lost on purpose, which has to
   be seen: exit status 1, as for every failure. */
#include "stream.h"

#include <malloc.h>

#define STAGES 64
#define BLOCK ((size_t)1 << 20)
#define BURST 32

/* What may come on top: of the allocator's bytes, of pages. */
#define HEAP_SLACK 4096
#define PAGES_SLACK ((long long)1 << 20)

static const struct wire {
  const char *text;
  size_t max;
} wires[] = {
    {"u32be max=100000", 100000},
    {"u16le counts=frame max=100000", 60000},
    {"varint at=1 max=100000", 100000},
    {"line max=100000", 100000},
    {"netstring max=100000", 100000},
    {"headers length='Content-Length' max=100000", 100000},
    {"delimited by='\\r\\n' max=100000", 100000},
    {"select u8 max=100000 { 0..127: u32be at=1 pad=4; else: u8 at=1 }", 100000},
    {"u8", 255},
};
#define WIRES (sizeof wires / sizeof *wires)

static fdwire_format *formats[WIRES];
static unsigned char *block;
static unsigned char room[BURST * 100000];

/* What has happened. */
static uint64_t messages, connections, resets, cut_off, too_long, cancels;

/* Two connections, and which of the messages between them is the next. */
struct link {
  fdwire_conn *conns[2];
  int fds[2];
  int way;
  size_t wire;
  uint64_t sent[2], received[2];
};

/* ---- The messages: each follows from who sends it and its number ---- */

static size_t length_of(const struct link *link, int from, uint64_t n) {
  uint64_t dice = scattered(n * 2 + (uint64_t)from);
  size_t most = dice % 1000 == 0 ? wires[link->wire].max : dice % 50 == 0 ? 3000 : 100;
  return (size_t)(dice >> 20) % (least(most, wires[link->wire].max) + 1);
}

static const unsigned char *body_of(int from, uint64_t n) {
  return block + (n * 31 + (uint64_t)from) % 5000;
}

static void check_body(struct link *link, int to, const void *body, size_t len) {
  uint64_t n = link->received[to]++;
  NEED(len == length_of(link, !to, n) && memcmp(body, body_of(!to, n), len) == 0);
  messages++;
}

/* ---- Links ---- */

static void set_some(fdwire_conn *conn, struct dice *dice) {
  static const struct option {
    int option, value;
  } options[] = {
      {FDWIRE_BATCH, 1 << 14}, {FDWIRE_BATCH, 1 << 18}, {FDWIRE_ONE_THREAD, FDWIRE_BOTH},
      {FDWIRE_READ_SIZE, 4096}, {FDWIRE_SPIN, 20},     {FDWIRE_TAKE_FDS, 1},
      {FDWIRE_SEND_LIMIT, 4 << 20}, {FDWIRE_POLLED, 1}, {FDWIRE_CANCELLED, 0},
  };
  size_t which = below(dice, sizeof options / sizeof *options);
  CHECK_IS(fdwire_conn_set(conn, options[which].option, options[which].value), 0);
}

static void open_link(struct link *link, struct dice *dice, int leak) {
  memset(link, 0, sizeof *link);
  link->way = (int)below(dice, WAYS);
  link->wire = below(dice, WIRES);
  open_way(link->way, link->fds);
  for (int n = 0; n < 2; n++) {
    int in = link->way == PIPE && n == 1 ? -1 : link->fds[n];
    int out = link->way == PIPE && n == 0 ? -1 : link->fds[n];
    NEED(fdwire_conn_new(in, out, formats[link->wire], &link->conns[n]) == 0);
    set_some(link->conns[n], dice);
    connections++;
    if (leak) {
      void *volatile lost = malloc(16);
      NEED(lost != NULL);
    }
  }
}

static void close_link(struct link *link) {
  for (int n = 0; n < 2; n++)
    fdwire_conn_free(link->conns[n]);
  close_way(link->fds);
}

/* ---- Traffic ---- */

/* Sends count messages by one call of some sort. */
static void send_burst(struct link *link, int from, size_t count, struct dice *dice) {
  fdwire_conn *conn = link->conns[from];
  fdwire_msg msgs[BURST];
  int result = 0;
  memset(msgs, 0, sizeof msgs);
  for (size_t i = 0; i < count; i++) {
    msgs[i].body = body_of(from, link->sent[from] + i);
    msgs[i].body_len = length_of(link, from, link->sent[from] + i);
  }
  switch (below(dice, 4)) {
  case 0:
    for (size_t i = 0; i < count && result >= 0; i++)
      result = fdwire_conn_send(conn, msgs[i].body, msgs[i].body_len, 0);
    break;
  case 1:
    result = fdwire_conn_queue(conn, msgs, count);
    break;
  case 2:
    count = 1;
    result = fdwire_conn_send_begin(conn, NULL, 0, msgs->body_len, 0);
    if (result == -EOPNOTSUPP) /* its end is searched for */
      result = fdwire_conn_send(conn, msgs->body, msgs->body_len, 0);
    else if (result >= 0 && msgs->body_len > 0)
      result = fdwire_conn_send_part(conn, msgs->body, msgs->body_len, 0);
    break;
  default:
    result = fdwire_conn_send_many(conn, msgs, count, 0);
  }
  NEED(result == 0 || result == FDWIRE_PENDING);
  link->sent[from] += count;
}

/* Receives what is there by one call of some sort. */
static int receive_some(struct link *link, int to, int timeout, struct dice *dice) {
  fdwire_conn *conn = link->conns[to];
  fdwire_msg msgs[BURST];
  size_t lens[BURST], count = 0, at = 0;
  uint64_t len;
  int result;
  switch (below(dice, 4)) {
  case 0:
    result = fdwire_conn_recv_many(conn, msgs, BURST, &count, timeout);
    for (size_t i = 0; i < count; i++)
      check_body(link, to, msgs[i].body, msgs[i].body_len);
    return result;
  case 1:
    result = fdwire_conn_recv_packed(conn, room, sizeof room, lens, BURST, &count, timeout);
    for (size_t i = 0; i < count; at += lens[i++])
      check_body(link, to, room + at, lens[i]);
    return result;
  case 2:
    result = fdwire_conn_recv_begin(conn, msgs, &len, timeout);
    if (result != 1)
      return result;
    while ((result = fdwire_conn_recv_part(conn, room + at, sizeof room - at, &count, 0)) != 0) {
      NEED(result == 1 || result == -EAGAIN);
      at += result == 1 ? count : 0;
      if (result == -EAGAIN)
        fdwire_conn_flush(link->conns[!to], 0);
    }
    NEED(at == len);
    check_body(link, to, room, at);
    return 1;
  default:
    result = fdwire_conn_recv_into(conn, room, sizeof room, &at, timeout);
    if (result == 1)
      check_body(link, to, room, at);
    return result;
  }
}

static void exchange(struct link *link, struct dice *dice) {
  int from = link->way == PIPE ? 1 : (int)below(dice, 2);
  send_burst(link, from, 1 + below(dice, BURST), dice);
  for (int idle = 0; link->received[!from] < link->sent[from]; idle++) {
    int result = receive_some(link, !from, idle > 1 ? 1 : 0, dice);
    NEED(result == 1 || result == -EAGAIN || result == -ETIMEDOUT);
    if (result == 1)
      idle = 0;
    else
      fdwire_conn_flush(link->conns[from], 0);
    NEED(idle < 5000);
  }
}

/* ---- The ends ---- */

static void end_well(struct link *link, struct dice *dice) {
  int result = fdwire_conn_finish(link->conns[1], NULL, 0);
  CHECK(result == 0 || result == -ETIMEDOUT);
  if (link->way == PIPE)
    return;
  CHECK_IS(receive_some(link, 0, 1000, dice), 0);
  CHECK_IS(fdwire_conn_finish(link->conns[0], NULL, 1000), 0);
}

/* The peer goes away with input that it never read. */
static void end_by_reset(struct link *link) {
  int result = 0;
  struct linger at_once = {1, 0};
  fdwire_msg msg;
  if (link->way == PIPE)
    return;
  fdwire_conn_send(link->conns[1], block, 100, 0);
  fdwire_conn_flush(link->conns[1], 0);
  setsockopt(link->fds[0], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  fdwire_conn_free(link->conns[0]);
  link->conns[0] = NULL;
  close(link->fds[0]);
  link->fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC); /* for close_link to close */
  result = fdwire_conn_recv(link->conns[1], &msg, 1000);
  CHECK(result == -ECONNRESET);
  for (int tries = 0; tries < 100 && (result = fdwire_conn_send(link->conns[1], block, 100, 0)) >= 0; tries++)
    result = fdwire_conn_flush(link->conns[1], 0);
  CHECK(result == -EPIPE || result == -ECONNRESET);
  resets++;
}

/* Bytes that are no message of the peer's; which of them make what error depends on the format. */
static void end_badly(struct link *link, const void *bytes, size_t len, uint64_t *count) {
  fdwire_msg msg;
  char why[300];
  int result;
  NEED(fdwire_conn_flush(link->conns[1], 1000) == 0 && write(link->fds[1], bytes, len) == (ssize_t)len);
  fdwire_conn_free(link->conns[1]);
  link->conns[1] = NULL;
  close(link->fds[1]);
  link->fds[1] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  while ((result = fdwire_conn_recv(link->conns[0], &msg, 1000)) == 1 || result == FDWIRE_E_TOO_LONG) {
    if (result == FDWIRE_E_TOO_LONG && fdwire_conn_skip(link->conns[0]) < 0)
      break;
  }
  CHECK(result <= 0 && result != -ETIMEDOUT && result != FDWIRE_E_PANIC);
  CHECK(fdwire_conn_explain(link->conns[0], why, sizeof why) > 0);
  ++*count;
}

static void be_cancelled(struct link *link) {
  fdwire_msg msg;
  CHECK_IS(fdwire_conn_cancel(link->conns[0]), 0);
  int one_thread_cannot_wait = fdwire_conn_recv(link->conns[0], &msg, 1);
  CHECK(one_thread_cannot_wait == -ECANCELED);
  CHECK_IS(fdwire_conn_set(link->conns[0], FDWIRE_CANCELLED, 0), 0);
  cancels++;
}

static void end_link(struct link *link, struct dice *dice) {
  static const unsigned char huge[] = "\x7f\xff\xff\xff:\r\nContent-Length: 999999999\r\n\r\nab\n";
  switch (below(dice, 10)) {
  case 0:
    end_by_reset(link);
    break;
  case 1:
    end_badly(link, huge, sizeof huge - 1, &too_long);
    break;
  case 2:
    end_badly(link, "\0\0", 1 + below(dice, 2), &cut_off);
    break;
  case 3:
    be_cancelled(link);
    end_well(link, dice);
    break;
  default:
    end_well(link, dice);
  }
  close_link(link);
}

/* ---- What is held ---- */

struct sample {
  long long heap, pages;
  int fds;
};

static struct sample sample_now(void) {
  struct mallinfo2 heap = mallinfo2();
  struct sample sample;
  long long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  NEED(file != NULL && fscanf(file, "%*s %lld", &pages) == 1);
  fclose(file);
  sample.heap = (long long)(heap.uordblks + heap.hblkhd);
  sample.pages = pages * sysconf(_SC_PAGESIZE);
  sample.fds = check_open_fds();
  return sample;
}

static struct sample most_of(const struct sample *samples, int count) {
  struct sample most = samples[0];
  for (int i = 1; i < count; i++) {
    most.heap = samples[i].heap > most.heap ? samples[i].heap : most.heap;
    most.pages = samples[i].pages > most.pages ? samples[i].pages : most.pages;
    most.fds = samples[i].fds > most.fds ? samples[i].fds : most.fds;
  }
  return most;
}

static void judge(const struct sample *samples) {
  struct sample early = most_of(samples + STAGES / 4, STAGES / 4);
  struct sample late = most_of(samples + STAGES / 4 * 3, STAGES / 4);
  CHECK(late.heap - early.heap <= HEAP_SLACK);
  CHECK(late.pages - early.pages <= PAGES_SLACK);
  CHECK_IS(late.fds, early.fds);
  CHECK(resets > 0 && cut_off > 0 && too_long > 0 && cancels > 0);
  figure("soak.messages", (long long)messages, "messages that arrived whole and in order");
  figure("soak.connections", (long long)connections, "connections that were made and freed meanwhile");
  figure("soak.broken", (long long)(resets + cut_off + too_long + cancels),
         "of them reset, cut off, out of step or cancelled");
  figure("soak.heap_growth", late.heap - early.heap,
         "bytes in use: the last quarter's most less the second's");
  figure("soak.rss_growth", late.pages - early.pages, "bytes of pages: the same");
  figure("soak.fds_growth", late.fds - early.fds, "descriptors: the same");
}

int main(int argc, char **argv) {
  uint64_t all = argc > 1 ? strtoull(argv[1], NULL, 10) : 50000000;
  int leak = argc > 2 && strcmp(argv[2], "leak") == 0;
  static struct sample samples[STAGES];
  struct dice dice = dice_of(1);
  block = (unsigned char *)malloc(BLOCK);
  NEED(block != NULL && all >= STAGES);
  for (size_t i = 0; i < BLOCK; i++)
    block[i] = (unsigned char)('a' + i * 2654435761u / 65536 % 26);
  for (size_t i = 0; i < WIRES; i++)
    formats[i] = format_of(wires[i].text);
  for (int stage = 0; stage < STAGES; stage++) {
    while (messages < all / STAGES * (uint64_t)(stage + 1)) {
      struct link link;
      open_link(&link, &dice, leak);
      for (size_t bursts = below(&dice, 40); bursts > 0; bursts--)
        exchange(&link, &dice);
      end_link(&link, &dice);
    }
    samples[stage] = sample_now();
  }
  judge(samples);
  for (size_t i = 0; i < WIRES; i++)
    fdwire_format_free(formats[i]);
  free(block);
  return check_end();
}
