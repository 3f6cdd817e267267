/* Messages on one connection, 1 to 10^8: what each costs, and what they leave behind.
 *
 * Vectors of 256 messages of 64 bytes over a Unix socket pair, sent and received by one thread.
 * Where few messages are too short to be timed, they go through many fresh connections, one after
 * another. */
#define _GNU_SOURCE
#include "scale.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIZE = 64, VECTOR = 256, AT_LEAST = 2000 };

/* More memory at the end than this means that something is kept of each message. */
static const double LEFT_MOST = 4 * KIB;

static uint8_t bodies[VECTOR][SIZE];

struct both {
  int fds[2];
  fdwire_conn *from, *to;
};

static void make(struct both *both) {
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, both->fds) != 0)
    die_of("socketpair");
  need(fdwire_conn_new(-1, both->fds[0], NULL, &both->from), 0, "fdwire_conn_new");
  need(fdwire_conn_new(both->fds[1], -1, NULL, &both->to), 0, "fdwire_conn_new");
}

static void release(struct both *both) {
  fdwire_conn_free(both->from);
  fdwire_conn_free(both->to);
  close(both->fds[0]);
  close(both->fds[1]);
}

static void pass(struct both *both, size_t messages) {
  fdwire_msg out[VECTOR], in[VECTOR];
  for (size_t i = 0; i < VECTOR; i++)
    out[i] = (fdwire_msg){NULL, bodies[i], 0, SIZE, 0};
  while (messages > 0) {
    size_t vector = messages < VECTOR ? messages : VECTOR, count;
    need(fdwire_conn_send_many(both->from, out, vector, 0), 0, "sending");
    for (size_t left = vector; left > 0; left -= count) {
      need(fdwire_conn_recv_many(both->to, in, VECTOR, &count, 0), 1, "receiving");
      for (size_t i = 0; i < count; i++)
        if (in[i].body_len != SIZE || in[i].body[0] != (uint8_t)(vector - left + i))
          die("what was received is not what was sent");
    }
    messages -= vector;
  }
}

static void run(const struct point *point, double *values) {
  size_t connections = AT_LEAST / point->size + 1, first = point->size;
  double taken = 0;
  if (first > 4 * VECTOR)
    first = 4 * VECTOR; /* then all buffers are there */
  for (size_t i = 0; i < connections; i++) {
    struct both both;
    make(&both);
    double start = now();
    pass(&both, first);
    double paused = now();
    double held = (double)heap();
    double resumed = now();
    pass(&both, point->size - first);
    taken += now() - resumed + (paused - start);
    values[1] = (double)heap() - held;
    release(&both);
  }
  values[0] = taken * 1e9 / (double)connections / (double)point->size;
  if (values[1] > LEFT_MOST)
    too_much("bytes of memory that messages left behind", values[1], LEFT_MOST);
}

void stream(void) {
  static const char *const metrics[] = {"ns", "bytes of memory more at the end", NULL};
  static struct point points[8];
  size_t count = 0, most = is_short ? 100000 : 10000000;
  keep_buffers();
  for (size_t i = 0; i < VECTOR; i++)
    bodies[i][0] = (uint8_t)i;
  for (size_t n = 1; n <= most; n *= 10) {
    points[count] = (struct point){"vectors of 256", "", metrics, run, &points[3], NULL, n, 0};
    snprintf(points[count++].x, sizeof points->x, "%zu", n);
  }
  measure(points, count);
  if (!is_short) {
    static struct point longest = {"vectors of 256", "100000000", metrics, run, NULL, NULL,
                                   100000000, 0};
    rounds = rounds < 3 ? rounds : 3;
    measure(&longest, 1);
  }
}
