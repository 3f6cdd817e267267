/* What an idle connection costs in memory, fresh, after some messages, and after large ones; and, of
 * 1 to 50,000 of them, that and what it takes to make and to free one.
 *
 * Bytes of heap are counted (mallinfo2), so that they are the same in each run; the resident set is
 * shown beside them. Most connections are over functions, which give and take as many bytes as they
 * are told to; others over socket pairs, as far as the limit of descriptors goes. Fails if an idle
 * connection has more than 512 bytes of heap, says that it has a buffer, or has a descriptor of its
 * own though no call on it ever waited. */
#define _GNU_SOURCE
#include "scale.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 512, MOST_CONNECTIONS = 50000, AT_ONCE = 200, IN_TURN = 2000, SHARERS = 8, OTHERS = 32 };

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

static uint8_t bytes[4 * (8 + 4) + 3 * MIB];

/* Puts so many messages of so many bytes into `bytes`; returns how long it is then. */
static size_t make_stream(size_t messages, size_t size) {
  uint8_t *at = bytes;
  for (; messages > 0; messages--, at += 4 + size) {
    fdwire_put_u32be(at, (uint32_t)size);
    memset(at + 4, 'x', size);
  }
  return (size_t)(at - bytes);
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
  peer->bytes = bytes + from;
  peer->len = to - from;
}

static void some_messages(struct peer *peers, size_t count) {
  fdwire_msg msgs[4];
  for (size_t i = 0; i < 4; i++) {
    msgs[i].head = NULL;
    msgs[i].head_len = 0;
    msgs[i].body = bytes;
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
    need(fdwire_conn_send(peer->conn, bytes, 8, 0), 0, "sending");
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
    need(fdwire_conn_send(peers[i].conn, bytes, MIB, 0), FDWIRE_PENDING, "sending without room");
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
    need(fdwire_conn_send(peers[i].conn, bytes, size, 0), FDWIRE_PENDING, "sending without room");
    peers[i].room = SIZE_MAX;
    need(fdwire_conn_send(peers[i].conn, bytes, size, 0), 0, "sending");
  }
}

static size_t resident(void) {
  long size, pages;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%ld %ld", &size, &pages) != 2)
    die("/proc/self/statm");
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static uint64_t in_buffers(const struct peer *peers, size_t count) {
  uint64_t buffers = 0;
  for (size_t i = 0; i < count; i++) {
    fdwire_stats stats;
    need(fdwire_conn_stats(peers[i].conn, &stats, sizeof stats), 0, "fdwire_conn_stats");
    buffers += stats.memory + stats.buffered + stats.pending;
  }
  return buffers;
}

static void show(const char *when, const struct peer *peers, size_t count, size_t heap_before,
                 size_t resident_before) {
  double each = ((double)heap() - (double)heap_before) / (double)count;
  double all = ((double)resident() - (double)resident_before) / (double)count;
  double buffers = (double)in_buffers(peers, count);
  if (each > MOST)
    too_much(when, each, MOST);
  if (buffers > 0)
    too_much("bytes in buffers of idle connections", buffers, 0);
  print_value("lives", when, "bytes of heap a connection", each);
  print_value("lives", when, "resident bytes a connection", all);
}

/* Not idle: half of a short message waits in each for the rest, and then half of one for room. */
static void half_inside(struct peer *peers, size_t count, size_t heap_before) {
  size_t len = make_stream(1, 64);
  for (size_t i = 0; i < count; i++) {
    arrives(&peers[i], 0, len / 2);
    receive(&peers[i], 0, 64);
  }
  print_value("lives", "while half of 64 bytes has come", "bytes of heap a connection",
              ((double)heap() - (double)heap_before) / (double)count);
  for (size_t i = 0; i < count; i++) {
    arrives(&peers[i], len / 2, len);
    receive(&peers[i], 1, 64);
    peers[i].room = len / 2;
    need(fdwire_conn_send(peers[i].conn, bytes, 64, 0), FDWIRE_PENDING, "sending without room");
  }
  print_value("lives", "while half of 64 bytes waits to be sent", "bytes of heap a connection",
              ((double)heap() - (double)heap_before) / (double)count);
  for (size_t i = 0; i < count; i++) {
    peers[i].room = SIZE_MAX;
    need(fdwire_conn_flush(peers[i].conn, 0), 0, "flushing");
  }
}

static void connect_over_functions(struct peer *peers, size_t count) {
  for (size_t i = 0; i < count; i++)
    need(fdwire_conn_new_over(give, take, NULL, &peers[i], NULL, &peers[i].conn), 0,
         "fdwire_conn_new_over");
}

static void release(struct peer *peers, size_t count) {
  for (size_t i = 0; i < count; i++)
    fdwire_conn_free(peers[i].conn);
}

static struct peer *new_peers(size_t count) {
  struct peer *peers = calloc(count, sizeof *peers);
  if (peers == NULL)
    die("no memory");
  for (size_t i = 0; i < count; i++)
    peers[i].room = SIZE_MAX; /* its pages are there */
  return peers;
}

static void over_functions(size_t count) {
  struct peer *peers = new_peers(count);
  make_stream(3, MIB);
  size_t heap_before = heap(), resident_before = resident();
  connect_over_functions(peers, count);
  show("fresh", peers, count, heap_before, resident_before);
  some_messages(peers, count);
  show("after 4 messages in and 9 out, cut in two", peers, count, heap_before, resident_before);
  half_inside(peers, count, heap_before);
  bursts_at_once(peers, count < AT_ONCE ? count : AT_ONCE);
  show("after 1 MiB both ways, through 200 at the same time", peers, count, heap_before,
       resident_before);
  bursts_in_turn(peers, count < IN_TURN ? count : IN_TURN, MIB);
  show("after 3 MiB in and 2 MiB out, through 2000 in turn", peers, count, heap_before,
       resident_before);
  bursts_in_turn(peers, count, 16 * KIB);
  show("after 48 KiB in and 32 KiB out, through all in turn", peers, count, heap_before,
       resident_before);
  release(peers, count);
  print_value("lives", "after all were freed", "bytes of heap a connection",
              ((double)heap() - (double)heap_before) / (double)count);
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
  connect_over_functions(peers, count);
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

/* Pairs of sockets, each with a connection at both ends. An odd one is left alone. */
static int *make_sockets(size_t count) {
  int *fds = room_for((count + 1) * sizeof *fds);
  for (size_t i = 0; i < count; i += 2)
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, &fds[i]) != 0)
      die_of("socketpair");
  return fds;
}

static void close_sockets(int *fds, size_t count) {
  for (size_t i = 0; i < count + count % 2; i++)
    close(fds[i]);
  free(fds);
}

static void connect_over_sockets(struct peer *peers, const int *fds, size_t count) {
  for (size_t i = 0; i < count; i++)
    need(fdwire_conn_new(fds[i], fds[i], NULL, &peers[i].conn), 0, "fdwire_conn_new");
}

/* A message each way, and then nothing. */
static void talk(struct peer *peers, size_t count) {
  fdwire_msg msg;
  for (size_t i = 0; i < count - count % 2; i++) {
    need(fdwire_conn_send(peers[i].conn, "hello", 5, 0), 0, "sending");
    need(fdwire_conn_recv(peers[i ^ 1].conn, &msg, 0), 1, "receiving");
    need(fdwire_conn_recv(peers[i ^ 1].conn, &msg, 0), -EAGAIN, "receiving nothing");
  }
}

static void held(int before, const char *when) {
  print_value("descriptors beside the sockets", when, "descriptors",
              open_descriptors() - before);
}

/* A message each way, and then a wait that was in vain. */
static void over_sockets(size_t count) {
  struct peer *peers = new_peers(count);
  int *fds = make_sockets(count), before = open_descriptors();
  size_t heap_before = heap(), resident_before = resident();
  fdwire_msg msg;
  connect_over_sockets(peers, fds, count);
  talk(peers, count);
  show("400 over sockets, after a message each way", peers, count, heap_before, resident_before);
  if (open_descriptors() > before)
    too_much("descriptors of connections that never waited", open_descriptors() - before, 0);
  held(before, "of 400 connections that never waited");
  for (size_t i = 0; i < count; i++)
    need(fdwire_conn_recv(peers[i].conn, &msg, 1), -ETIMEDOUT, "waiting for nothing");
  held(before, "after each of them has waited in a call");
  release(peers, count);
  close_sockets(fds, count);
  free(peers);
}

/* How it grows. Where few are too short to be timed, they are made more than once. Memory that was
   freed before would be taken without being counted: a few connections take it first. */

enum { AT_LEAST = 1000, KEPT = 32 };

static void grow(const struct point *point, double *values) {
  size_t count = point->size, times = count < AT_LEAST ? AT_LEAST / count : 1;
  struct peer *peers = new_peers(count);
  int *fds = point->more ? make_sockets(count) : NULL;
  double making = 0, freeing = 0;
  for (size_t i = 0; i < times; i++) {
    struct peer kept[KEPT];
    connect_over_functions(kept, KEPT);
    size_t heap_before = heap();
    double start = now();
    if (fds != NULL)
      connect_over_sockets(peers, fds, count);
    else
      connect_over_functions(peers, count);
    making += now() - start;
    if (fds != NULL)
      talk(peers, count);
    else
      some_messages(peers, count);
    if (i == 0)
      values[0] = ((double)heap() - (double)heap_before) / (double)count;
    if (values[0] > MOST)
      too_much(point->x, values[0], MOST);
    start = now();
    release(peers, count);
    freeing += now() - start;
    release(kept, KEPT);
  }
  values[1] = making * 1e9 / (double)times / (double)count;
  values[2] = freeing * 1e9 / (double)times / (double)count;
  if (fds != NULL)
    close_sockets(fds, count);
  free(peers);
}

static void growth(void) {
  static const char *const metrics[] = {"bytes of heap a connection", "ns to make one",
                                        "ns to free one", NULL};
  static const size_t sizes[] = {1, 10, 100, 1000, 10000, MOST_CONNECTIONS};
  static struct point points[12];
  size_t count = 0, most = allow_descriptors(MOST_CONNECTIONS + OTHERS) - OTHERS;
  for (int sockets = 0; sockets < 2; sockets++) {
    const struct point *base = &points[count + 3];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      size_t size = sockets && sizes[i] > most ? most : sizes[i];
      points[count] = (struct point){sockets ? "over sockets" : "over functions", "", metrics, grow,
                                     base, NULL, size, (size_t)sockets};
      snprintf(points[count++].x, sizeof points->x, "%zu", size);
    }
  }
  measure(points, count);
}

void idle(void) {
  struct peer *sharers = new_peers(SHARERS);
  over_functions(MOST_CONNECTIONS);
  share(sharers, SHARERS);
  growth();
  over_sockets(400);
  release(sharers, SHARERS);
  free(sharers);
}
