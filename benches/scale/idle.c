/* What an idle connection costs in memory: fresh, after some messages, and after large ones.
 *
 * Bytes of heap are counted (mallinfo2), so that they are the same in each run; the resident set is
 * shown beside them. The connections are over functions, which give and take as many bytes as they
 * are told to; some are over socket pairs, to see what they hold in descriptors. Fails if an idle
 * connection has more than 512 bytes of heap, says that it has a buffer, or has a descriptor of its
 * own though no call on it ever waited.
 *
 *     idle [CONNECTIONS]
 */
#define _GNU_SOURCE
#include "fdwire.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * KIB, MOST = 512, AT_ONCE = 200, IN_TURN = 2000, PAIRS = 200 };

static int failed;

static __attribute__((noreturn)) void die(const char *what) {
  fprintf(stderr, "idle: %s\n", what);
  exit(1);
}

static void need(long long value, long long expected, const char *what) {
  if (value != expected) {
    fprintf(stderr, "idle: %s: %lld, not %lld (%s)\n", what, value, expected,
            fdwire_error_name((int)value));
    exit(1);
  }
}

/* The other side of a connection: what it has sent, and how much it still takes. */
struct peer {
  fdwire_conn *conn;
  const uint8_t *bytes;
  size_t len, room;
};

static int64_t give(void *ctx, void *buf, size_t len) {
  struct peer *peer = ctx;
  if (peer->len == 0)
    return -EAGAIN;
  if (len > peer->len)
    len = peer->len;
  memcpy(buf, peer->bytes, len);
  peer->bytes += len;
  peer->len -= len;
  return (int64_t)len;
}

static int64_t take(void *ctx, const fdwire_slice *slices, size_t count) {
  struct peer *peer = ctx;
  size_t taken = 0;
  for (size_t i = 0; i < count && peer->room > 0; i++) {
    size_t len = slices[i].len < peer->room ? slices[i].len : peer->room;
    peer->room -= len;
    taken += len;
  }
  return taken > 0 ? (int64_t)taken : -EAGAIN;
}

static uint8_t stream[4 * (8 + 4) + 3 * MIB];

/* Puts so many messages of so many bytes into `stream`; returns how long it is then. */
static size_t make_stream(size_t messages, size_t size) {
  uint8_t *at = stream;
  for (; messages > 0; messages--, at += 4 + size) {
    fdwire_put_u32be(at, (uint32_t)size);
    memset(at + 4, 'x', size);
  }
  return (size_t)(at - stream);
}

/* Receives until nothing is there. */
static void receive(struct peer *peer, size_t messages, size_t size) {
  fdwire_msg msg;
  int result;
  while ((result = fdwire_conn_recv(peer->conn, &msg, 0)) == 1) {
    need((long long)msg.body_len, (long long)size, "a message's length");
    messages--;
  }
  need(result, -EAGAIN, "receiving");
  need((long long)messages, 0, "messages missing");
}

static void arrives(struct peer *peer, size_t from, size_t to) {
  peer->bytes = stream + from;
  peer->len = to - from;
}

static void some_messages(struct peer *peers, size_t count) {
  fdwire_msg msgs[4];
  for (size_t i = 0; i < 4; i++) {
    msgs[i].head = NULL;
    msgs[i].head_len = 0;
    msgs[i].body = stream;
    msgs[i].body_len = 8;
  }
  size_t len = make_stream(4, 8);
  for (size_t i = 0; i < count; i++) {
    struct peer *peer = &peers[i];
    arrives(peer, 0, len / 2 - 5); /* inside the second one */
    receive(peer, 1, 8);
    arrives(peer, len / 2 - 5, len);
    receive(peer, 3, 8);
    peer->room = SIZE_MAX;
    need(fdwire_conn_send(peer->conn, stream, 8, 0), 0, "sending");
    need(fdwire_conn_queue(peer->conn, msgs, 4), FDWIRE_PENDING, "queueing");
    need(fdwire_conn_flush(peer->conn, 0), 0, "flushing");
    peer->room = 5;
    need(fdwire_conn_send_many(peer->conn, msgs, 4, 0), FDWIRE_PENDING, "sending without room");
    peer->room = SIZE_MAX;
    need(fdwire_conn_flush(peer->conn, 0), 0, "flushing the rest");
  }
}

/* One half of a large message comes on each, and then the other: all hold a half at the same
   time. The same outwards. */
static void bursts_at_once(struct peer *peers, size_t count) {
  size_t len = make_stream(1, MIB);
  for (size_t i = 0; i < count; i++) {
    arrives(&peers[i], 0, len / 2);
    receive(&peers[i], 0, MIB);
    peers[i].room = 4 + MIB / 2;
    need(fdwire_conn_send(peers[i].conn, stream, MIB, 0), FDWIRE_PENDING, "sending without room");
  }
  for (size_t i = 0; i < count; i++) {
    arrives(&peers[i], len / 2, len);
    receive(&peers[i], 1, MIB);
    peers[i].room = SIZE_MAX;
    need(fdwire_conn_flush(peers[i].conn, 0), 0, "flushing");
  }
}

static void bursts_in_turn(struct peer *peers, size_t count, size_t size) {
  size_t len = make_stream(3, size);
  for (size_t i = 0; i < count; i++) {
    arrives(&peers[i], 0, len);
    receive(&peers[i], 3, size);
    peers[i].room = size / 2;
    need(fdwire_conn_send(peers[i].conn, stream, size, 0), FDWIRE_PENDING, "sending without room");
    peers[i].room = SIZE_MAX;
    need(fdwire_conn_send(peers[i].conn, stream, size, 0), 0, "sending");
  }
}

static size_t heap(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static size_t resident(void) {
  long size, pages;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2)
    die("/proc/self/statm");
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void show(const char *when, const struct peer *peers, size_t count, size_t heap_before,
                 size_t resident_before) {
  double each = ((double)heap() - (double)heap_before) / (double)count;
  double all = ((double)resident() - (double)resident_before) / (double)count;
  uint64_t buffers = 0;
  for (size_t i = 0; i < count; i++) {
    fdwire_stats stats;
    need(fdwire_conn_stats(peers[i].conn, &stats, sizeof stats), 0, "fdwire_conn_stats");
    buffers += stats.memory + stats.buffered + stats.pending;
  }
  int bad = each > MOST || buffers > 0;
  failed |= bad;
  printf("| %-52s | %6.1f | %6.1f | %6llu |%s\n", when, each, all, (unsigned long long)buffers,
         bad ? " TOO MUCH" : "");
}

static void over_functions(size_t count) {
  struct peer *peers = calloc(count, sizeof *peers);
  if (peers == NULL)
    die("no memory");
  for (size_t i = 0; i < count; i++)
    peers[i].room = SIZE_MAX; /* its pages are there */
  make_stream(3, MIB);
  size_t heap_before = heap(), resident_before = resident();
  for (size_t i = 0; i < count; i++)
    need(fdwire_conn_new_over(give, take, NULL, &peers[i], NULL, &peers[i].conn), 0,
         "fdwire_conn_new_over");
  show("fresh", peers, count, heap_before, resident_before);
  some_messages(peers, count);
  show("after 4 messages in and 9 out, cut in two", peers, count, heap_before, resident_before);
  bursts_at_once(peers, count < AT_ONCE ? count : AT_ONCE);
  show("after 1 MiB both ways, through 200 at the same time", peers, count, heap_before,
       resident_before);
  bursts_in_turn(peers, count < IN_TURN ? count : IN_TURN, MIB);
  show("after 3 MiB in and 2 MiB out, through 2000 in turn", peers, count, heap_before,
       resident_before);
  bursts_in_turn(peers, count, 16 * KIB);
  show("after 48 KiB in and 32 KiB out, through all in turn", peers, count, heap_before,
       resident_before);
  for (size_t i = 0; i < count; i++)
    fdwire_conn_free(peers[i].conn);
  double left = (double)heap() - (double)heap_before;
  printf("| %-52s | %6.1f | | |\n", "after all were freed", left / (double)count);
  free(peers);
}

static int open_descriptors(void) {
  int count = 0;
  DIR *dir = opendir("/proc/self/fd");
  if (dir == NULL)
    die("/proc/self/fd");
  while (readdir(dir) != NULL)
    count++;
  closedir(dir);
  return count;
}

/* A few connections that keep what all share in use, so that it does not count for others. */
static void share(struct peer *peers, size_t count) {
  for (size_t i = 0; i < count; i++)
    need(fdwire_conn_new_over(give, take, NULL, &peers[i], NULL, &peers[i].conn), 0,
         "fdwire_conn_new_over");
  size_t len = make_stream(2, 64 * KIB);
  for (size_t i = 0; i < count; i++) {
    arrives(&peers[i], 0, len - 1);
    receive(&peers[i], 1, 64 * KIB);
  }
  for (size_t i = 0; i < count; i++) {
    arrives(&peers[i], len - 1, len);
    receive(&peers[i], 1, 64 * KIB);
  }
}

static void held(int before, const char *when) {
  printf("Descriptors beside the sockets, %s: %d.\n", when, open_descriptors() - before);
}

/* A message each way, and then a wait that was in vain. */
static void over_sockets(void) {
  static int fds[PAIRS][2];
  static struct peer peers[2 * PAIRS], sharers[8];
  struct rlimit limit;
  share(sharers, 8);
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 3 * PAIRS) {
    limit.rlim_cur = limit.rlim_max < 3 * PAIRS ? limit.rlim_max : 3 * PAIRS;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  for (int i = 0; i < PAIRS; i++)
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds[i]) < 0)
      die("socketpair");
  int before = open_descriptors();
  size_t heap_before = heap(), resident_before = resident();
  for (int i = 0; i < 2 * PAIRS; i++)
    need(fdwire_conn_new(fds[i / 2][i % 2], fds[i / 2][i % 2], NULL, &peers[i].conn), 0,
         "fdwire_conn_new");
  fdwire_msg msg;
  for (int i = 0; i < 2 * PAIRS; i++) {
    need(fdwire_conn_send(peers[i].conn, "hello", 5, 0), 0, "sending");
    need(fdwire_conn_recv(peers[i ^ 1].conn, &msg, 0), 1, "receiving");
    need(fdwire_conn_recv(peers[i ^ 1].conn, &msg, 0), -EAGAIN, "receiving nothing");
  }
  show("400 over sockets, after a message each way", peers, 2 * PAIRS, heap_before,
       resident_before);
  printf("\n");
  failed |= open_descriptors() > before;
  held(before, "of 400 connections that never waited");
  for (int i = 0; i < 2 * PAIRS; i++)
    need(fdwire_conn_recv(peers[i].conn, &msg, 1), -ETIMEDOUT, "waiting for nothing");
  held(before, "after each of them has waited in a call");
  for (int i = 0; i < 8; i++)
    fdwire_conn_free(sharers[i].conn);
  for (int i = 0; i < 2 * PAIRS; i++) {
    fdwire_conn_free(peers[i].conn);
    close(fds[i / 2][i % 2]);
  }
}

int main(int argc, char **argv) {
  long count = argc > 1 ? atol(argv[1]) : 50000;
  if (count < 1) {
    fprintf(stderr, "how many connections?\n");
    return 2;
  }
  printf("Bytes an idle connection, of %ld over functions.\n\n", count);
  printf("| %-52s | heap | resident | bytes in buffers, all together |\n|---|---|---|---|\n",
         "when");
  over_functions((size_t)count);
  over_sockets();
  return failed;
}
