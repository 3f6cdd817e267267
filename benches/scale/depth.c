/* What waits to be sent, 1 message to 10^6: what it costs to accept each, and to send them in small
 * pieces to somebody who reads slowly.
 *
 * The connection is over a function that takes so many bytes for each flush, and no more; in the
 * last series over a socket, from which so many bytes are read then. */
#define _GNU_SOURCE
#include "scale.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SMALL = 64, LARGE = 64 * KIB, VECTOR = 256, AT_LEAST = 1000, FILES_MAX = 10000 };

static uint8_t body[LARGE];

struct peer {
  size_t room;
  uint64_t taken;
};

static int64_t take(void *ctx, const fdwire_slice *slices, size_t count) {
  struct peer *peer = ctx;
  size_t taken = 0;
  for (size_t i = 0; i < count && taken < peer->room; i++)
    taken += slices[i].len;
  if (taken > peer->room)
    taken = peer->room;
  peer->room -= taken;
  peer->taken += taken;
  return taken > 0 ? (int64_t)taken : -EAGAIN;
}

static fdwire_conn *connect_to(struct peer *peer) {
  fdwire_conn *conn;
  need(fdwire_conn_new_over(NULL, take, NULL, peer, NULL, &conn), 0, "fdwire_conn_new_over");
  need(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, INT64_MAX), 0, "fdwire_conn_set");
  return conn;
}

/* How often the whole is done, so that it can be timed. */
static size_t times_of(const struct point *point) {
  return point->size < AT_LEAST ? AT_LEAST / point->size : 1;
}

static void each(const struct point *point, double seconds, double *value) {
  *value = seconds * 1e9 / (double)point->size / (double)times_of(point);
}

static void queue_one_a_call(fdwire_conn *conn, size_t messages, size_t size) {
  fdwire_msg msg = {NULL, body, 0, size, 0};
  for (; messages > 0; messages--)
    need(fdwire_conn_queue(conn, &msg, 1), FDWIRE_PENDING, "fdwire_conn_queue");
}

static void queue_vectors(fdwire_conn *conn, size_t messages, size_t size) {
  fdwire_msg msgs[VECTOR];
  for (size_t i = 0; i < VECTOR; i++)
    msgs[i] = (fdwire_msg){NULL, body, 0, size, 0};
  while (messages > 0) {
    size_t count = messages < VECTOR ? messages : VECTOR;
    need(fdwire_conn_queue(conn, msgs, count), FDWIRE_PENDING, "fdwire_conn_queue");
    messages -= count;
  }
}

static void queue_files(fdwire_conn *conn, size_t messages, size_t size) {
  char path[] = "/tmp/fdwire-scale-XXXXXX";
  int fd = mkstemp(path);
  if (fd < 0 || unlink(path) != 0 || write(fd, body, size) != (ssize_t)size)
    die_of("a file");
  for (; messages > 0; messages--)
    need(fdwire_conn_send_file(conn, fd, 0, size, 0), FDWIRE_PENDING, "fdwire_conn_send_file");
  close(fd);
}

/* How messages are accepted, of what size, and how many bytes go out at a time. */
static const struct manner {
  const char *name;
  void (*accept)(fdwire_conn *conn, size_t messages, size_t size);
  size_t size, piece, most; /* most messages */
} manners[] = {
    {"64 B, one a call, flushed whole", queue_one_a_call, SMALL, SIZE_MAX, SIZE_MAX},
    {"64 B, 256 a call, flushed whole", queue_vectors, SMALL, SIZE_MAX, SIZE_MAX},
    {"64 B, 256 a call, 64 bytes a flush", queue_vectors, SMALL, 64, SIZE_MAX},
    {"64 B, 256 a call, 4 KiB a flush", queue_vectors, SMALL, 4 * KIB, SIZE_MAX},
    {"64 KiB, 4 KiB a flush", queue_vectors, LARGE, 4 * KIB, 1000},
    {"files of 64 B, 64 bytes a flush", queue_files, SMALL, 64, FILES_MAX},
};
enum { MANNERS = sizeof manners / sizeof *manners };

static void accept_and_flush(const struct point *point, double *values) {
  const struct manner *manner = point->what;
  double accepting = 0, flushing = 0;
  for (size_t times = times_of(point); times > 0; times--) {
    struct peer peer = {0, 0};
    fdwire_conn *conn = connect_to(&peer);
    double start = now();
    manner->accept(conn, point->size, manner->size);
    double accepted = now();
    int result;
    do {
      peer.room = manner->piece;
      result = fdwire_conn_flush(conn, 0);
    } while (result == -EAGAIN);
    double end = now();
    need(result, 0, "flushing");
    need((long long)peer.taken, (long long)(point->size * (manner->size + 4)), "bytes taken");
    accepting += accepted - start;
    flushing += end - accepted;
    fdwire_conn_free(conn);
  }
  each(point, accepting, &values[0]);
  each(point, flushing, &values[1]);
}

/* As many messages wait all the time: one comes, one goes. */
static void one_in_one_out(const struct point *point, double *values) {
  struct peer peer = {0, 0};
  fdwire_conn *conn = connect_to(&peer);
  size_t turns = 200000;
  queue_vectors(conn, point->size, SMALL);
  double start = now();
  for (size_t i = 0; i < turns; i++) {
    queue_one_a_call(conn, 1, SMALL);
    peer.room = SMALL + 4;
    need(fdwire_conn_flush(conn, 0), -EAGAIN, "flushing");
  }
  values[0] = (now() - start) * 1e9 / (double)turns;
  need((long long)peer.taken, (long long)(turns * (SMALL + 4)), "bytes taken");
  need((long long)fdwire_conn_pending(conn), (long long)(point->size * (SMALL + 4)), "pending");
  fdwire_conn_free(conn);
}

/* Over a socket, whose other side reads 4 KiB after each flush. */
static void to_a_slow_reader(const struct point *point, double *values) {
  static uint8_t read_to[4 * KIB];
  int fds[2];
  fdwire_conn *conn;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
    die_of("socketpair");
  need(fdwire_conn_new(-1, fds[0], NULL, &conn), 0, "fdwire_conn_new");
  need(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, INT64_MAX), 0, "fdwire_conn_set");
  double start = now();
  for (size_t times = times_of(point); times > 0; times--) {
    size_t left = point->size * (SMALL + 4);
    queue_vectors(conn, point->size, SMALL);
    while (left > 0) {
      int result = fdwire_conn_flush(conn, 0);
      if (result != -EAGAIN)
        need(result, 0, "flushing");
      ssize_t n = read(fds[1], read_to, sizeof read_to);
      if (n <= 0)
        die_of("reading");
      left -= (size_t)n;
    }
  }
  each(point, now() - start, &values[0]);
  fdwire_conn_free(conn);
  close(fds[0]);
  close(fds[1]);
}

static struct point points[80];
static size_t count;

/* A point for 1, 10, ... messages, each held against that for 1000. */
static void add_series(struct point like, size_t most) {
  const struct point *base = &points[count + 3];
  for (size_t n = 1; n <= most && n <= (is_short ? 10000 : 1000000); n *= 10) {
    points[count] = like;
    points[count].size = n;
    points[count].beside = base;
    snprintf(points[count++].x, sizeof like.x, "%zu", n);
  }
}

void depth(void) {
  static const char *const two[] = {"ns to accept", "ns to flush", NULL};
  static const char *const together[] = {"ns", NULL};
  keep_buffers();
  allow_descriptors(FILES_MAX + 100);
  memset(body, 'x', sizeof body);
  for (size_t i = 0; i < MANNERS; i++)
    add_series((struct point){manners[i].name, "", two, accept_and_flush, NULL, &manners[i], 0, 0},
               manners[i].most);
  add_series((struct point){"64 B, one in and one out", "", together, one_in_one_out, NULL, NULL,
                            0, 0},
             SIZE_MAX);
  add_series((struct point){"64 B, a socket, 4 KiB read a flush", "", together, to_a_slow_reader,
                            NULL, NULL, 0, 0},
             SIZE_MAX);
  measure(points, count);
}
