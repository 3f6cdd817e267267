/* Stands between a client and a server and passes messages on in both directions, head and all,
 * with poll(2) in one thread.
 *
 *     proxy FORMAT LISTEN CONNECT [CLIENTS]   proxy postgres 127.0.0.1:9000 127.0.0.1:5432
 *                                             proxy "line max=8K" - unix:/tmp/chat.sock
 *
 * It listens on one address, connects to the other, and serves one client after the other; "-" is
 * standard input and output. Where one side takes no more, it stops reading from the other. Where
 * one ends, it ends sending to the other, which can still answer. A stream that breaks is
 * explained, and what came before that is passed on; then the exit status is 1. */
#include "example.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* It reads while less than this waits to be sent: so no more waits than this and one receive. */
enum { ENOUGH = 1 << 20, MANY = 256 };

struct side {
  const char *name;
  int in, out;
  fdwire_conn *conn;
};

/* One direction: open until its source ends, then closing until its destination has got all. */
struct way {
  struct side *from, *to;
  enum { OPEN, CLOSING, CLOSED } state;
  int failed;
  uint64_t most;     /* bytes that ever waited */
  const void *piece; /* what came of a message that was cut off */
  size_t piece_len, piece_done;
};

static void fail(struct way *way, const struct side *side, int result) {
  char why[1000];
  fdwire_conn_explain(side->conn, why, sizeof why);
  fprintf(stderr, "%s: %s: %s\n", side->name, fdwire_error_name(result), why);
  way->failed = 1;
}

/* Passes on what one read brings, and goes back to poll, so that the other direction has its turn.
 * All of it: poll knows nothing of messages that are inside already. */
static void forward(struct way *way) {
  fdwire_conn *from = way->from->conn, *to = way->to->conn;
  fdwire_msg msgs[MANY];
  size_t count;
  int got = -EAGAIN, sent = fdwire_conn_flush(to, 0);
  while ((sent >= 0 || sent == -EAGAIN) && fdwire_conn_pending(to) < ENOUGH) {
    if ((got = fdwire_conn_recv_many(from, msgs, MANY, &count, 0)) != 1)
      break;
    sent = fdwire_conn_send_many(to, msgs, count, 0);
    if (fdwire_conn_pending(to) > way->most)
      way->most = fdwire_conn_pending(to);
    if (!(fdwire_conn_events(from) & FDWIRE_READY))
      break;
  }
  if (sent < 0 && sent != -EAGAIN) {
    fail(way, way->to, sent);
    way->state = CLOSED;
  } else if (got != 1 && got != -EAGAIN) {
    if (got < 0)
      fail(way, way->from, got);
    if (got == FDWIRE_E_TRUNCATED)
      fdwire_conn_unread(from, &way->piece, &way->piece_len);
    way->state = CLOSING;
  }
}

/* The destination sees all that the source has sent: a message that was cut off as well. */
static void end(struct way *way) {
  int result = fdwire_conn_flush(way->to->conn, 0);
  if (result == 0)
    result = fdwire_write_all(way->to->out, way->piece, way->piece_len, &way->piece_done, 0);
  if (result == 0)
    result = fdwire_conn_shutdown(way->to->conn, FDWIRE_SHUT_WR, 0);
  if (result == -EAGAIN)
    return;
  if (result < 0)
    fail(way, way->to, result);
  way->state = CLOSED;
}

static void move(struct way *way) {
  if (way->state == OPEN)
    forward(way);
  if (way->state == CLOSING)
    end(way);
}

/* What this direction waits for. poll gets no descriptor where that is nothing: it would report
 * one whose peer is gone, again and again. 1: there is nothing to wait for. */
static int wants(const struct way *way, struct pollfd *in, struct pollfd *out) {
  uint64_t pending = fdwire_conn_pending(way->to->conn);
  int receive = way->state == OPEN && pending < ENOUGH;
  int send = way->state == CLOSING || (way->state == OPEN && pending > 0);
  *in = (struct pollfd){receive ? way->from->in : -1, POLLIN, 0};
  *out = (struct pollfd){send ? way->to->out : -1, POLLOUT, 0};
  return receive && (fdwire_conn_events(way->from->conn) & FDWIRE_READY);
}

static void report(const struct way *way) {
  fdwire_stats stats = {0};
  fdwire_conn_stats(way->from->conn, &stats, sizeof stats);
  fprintf(stderr, "from the %s: %llu messages, %llu bytes; at most %llu waited\n",
          way->from->name, (unsigned long long)stats.messages_in,
          (unsigned long long)stats.bytes_in, (unsigned long long)way->most);
}

static int relay(struct side *client, struct side *server) {
  struct way ways[2] = {{.from = client, .to = server}, {.from = server, .to = client}};
  while (ways[0].state != CLOSED || ways[1].state != CLOSED) {
    struct pollfd polls[4];
    int ready[2];
    for (int i = 0; i < 2; i++)
      ready[i] = wants(&ways[i], &polls[2 * i], &polls[2 * i + 1]);
    if (poll(polls, 4, ready[0] || ready[1] ? 0 : -1) < 0)
      check("poll", errno == EINTR ? 0 : -errno);
    for (int i = 0; i < 2; i++)
      if (ready[i] || polls[2 * i].revents || polls[2 * i + 1].revents)
        move(&ways[i]);
  }
  report(&ways[0]);
  report(&ways[1]);
  return ways[0].failed || ways[1].failed;
}

/* The limit is the proxy's own, ENOUGH: what was received has to be accepted. */
static struct side new_side(const char *name, int in, int out, const fdwire_format *format) {
  struct side side = {name, in, out, NULL};
  check(name, fdwire_conn_new(in, out, format, &side.conn));
  check("limit", fdwire_conn_set(side.conn, FDWIRE_SEND_LIMIT, INT64_MAX));
  check("own", fdwire_conn_set(side.conn, FDWIRE_OWN, FDWIRE_BOTH));
  return side;
}

static void free_side(struct side *side) {
  fdwire_conn_finish(side->conn, NULL, 1000);
  fdwire_conn_free(side->conn);
}

static int serve(const fdwire_format *format, int listener, const char *to) {
  int in = listener < 0 ? STDIN_FILENO : check("accept", fdwire_accept(listener, -1));
  int out = listener < 0 ? STDOUT_FILENO : in;
  struct side client = new_side("client", in, out, format), server;
  if (strcmp(to, "-") == 0) {
    server = new_side("server", STDIN_FILENO, STDOUT_FILENO, format);
  } else {
    int fd = fdwire_connect(to, 5000);
    if (fd < 0) {
      fprintf(stderr, "%s: %s\n", to, fdwire_error_name(fd));
      free_side(&client);
      return 1;
    }
    server = new_side("server", fd, fd, format);
  }
  int failed = relay(&client, &server);
  free_side(&client);
  free_side(&server);
  return failed;
}

int main(int argc, char **argv) {
  int stdio = argc > 3 ? (strcmp(argv[2], "-") == 0) + (strcmp(argv[3], "-") == 0) : 2;
  if (argc > 5 || stdio == 2)
    return fprintf(stderr, "usage: proxy FORMAT LISTEN CONNECT [CLIENTS]\n"), 2;
  char address[FDWIRE_ADDRESS_MAX], why[300];
  fdwire_format *format;
  if (fdwire_format_new(argv[1], &format, why, sizeof why) < 0)
    return fprintf(stderr, "%s\n", why), 2;
  int listener = -1, failed = 0;
  if (strcmp(argv[2], "-") != 0) {
    listener = check(argv[2], fdwire_listen(argv[2], 0));
    check("address", fdwire_local_address(listener, address, sizeof address));
    fprintf(stderr, "listening on %s\n", address);
  }
  for (long left = stdio ? 1 : argc > 4 ? atol(argv[4]) : -1; left != 0; left -= left > 0)
    failed |= serve(format, listener, argv[3]);
  if (listener >= 0)
    fdwire_close(listener);
  fdwire_format_free(format);
  if (strncmp(argv[2], "unix:/", 6) == 0)
    unlink(argv[2] + 5);
  return failed;
}
