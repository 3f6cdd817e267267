/* fdwire: vectors of messages or one a call, lent or copied out, with the locks of the default or,
 * in the ways that end in -1, with FDWIRE_ONE_THREAD. Where messages may go together, they do so in
 * batches: of 1 MiB over TCP, of 256 KiB over Unix sockets. */
#include "fdwire.h"
#include "peer.h"

enum { VECTOR = 256, SPIN_US = 50, TCP_BATCH = MIB, UNIX_BATCH = 256 * KIB };

static fdwire_conn *conn;
static long batch;
static uint8_t *room;

static void done(int result, const char *call) {
  if (result < 0) {
    fprintf(stderr, "%s: %s\n", call, fdwire_error_name(result));
    _exit(1);
  }
}

static void open_conn(struct end *end, int one_thread) {
  int together = is(end->work, "stream") || is(end->work, "echo");
  room = room_for(end->size);
  batch = end->tcp ? TCP_BATCH : UNIX_BATCH;
  done(fdwire_conn_new(end->fd, end->fd, NULL, &conn), "fdwire_conn_new");
  done(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread ? FDWIRE_BOTH : 0), "FDWIRE_ONE_THREAD");
  done(fdwire_conn_set(conn, FDWIRE_BATCH, together ? batch : 0), "FDWIRE_BATCH");
}

static void locked(struct end *end) {
  open_conn(end, 0);
}

static void unlocked(struct end *end) {
  open_conn(end, 1);
}

static void spinning(struct end *end) {
  open_conn(end, 1);
  done(fdwire_conn_set(conn, FDWIRE_SPIN, SPIN_US), "FDWIRE_SPIN");
}

static size_t next_vector(struct end *end, fdwire_msg *msgs, long n) {
  size_t count = n < VECTOR ? (size_t)n : VECTOR;
  for (size_t i = 0; i < count; i++) {
    msgs[i].head = NULL;
    msgs[i].body = next_body(end);
    msgs[i].head_len = 0;
    msgs[i].body_len = end->size;
  }
  return count;
}

static void flush(struct end *end) {
  (void)end;
  done(fdwire_conn_flush(conn, -1), "fdwire_conn_flush");
}

static void many_send(struct end *end, long n) {
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    count = next_vector(end, msgs, n);
    done(fdwire_conn_send_many(conn, msgs, count, -1), "fdwire_conn_send_many");
  }
  flush(end);
}

/* Queued in vectors, and flushed as soon as a batch waits. */
static void queue_send(struct end *end, long n) {
  long most = batch / (long)end->size;
  long waiting = 0;
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    count = next_vector(end, msgs, most < 1 ? 1 : n < most ? n : most);
    done(fdwire_conn_queue(conn, msgs, count), "fdwire_conn_queue");
    waiting += (long)(count * (4 + end->size));
    if (waiting >= batch) {
      flush(end);
      waiting = 0;
    }
  }
  flush(end);
}

static void many_receive(struct end *end, long n) {
  fdwire_msg msgs[VECTOR];
  for (size_t count; n > 0; n -= (long)count) {
    if (fdwire_conn_recv_many(conn, msgs, n < VECTOR ? (size_t)n : VECTOR, &count, -1) != 1)
      die("fdwire_conn_recv_many");
    for (size_t i = 0; i < count; i++)
      take(end, msgs[i].body, msgs[i].body_len);
  }
}

static void one_say(struct end *end, const uint8_t *body, size_t len) {
  (void)end;
  done(fdwire_conn_send(conn, body, len, -1), "fdwire_conn_send");
}

static const uint8_t *one_hear(struct end *end, size_t *len) {
  fdwire_msg msg;
  (void)end;
  if (fdwire_conn_recv(conn, &msg, -1) != 1)
    die("fdwire_conn_recv");
  *len = msg.body_len;
  return msg.body;
}

static void one_send(struct end *end, long n) {
  for (; n > 0; n--)
    one_say(end, next_body(end), end->size);
  flush(end);
}

static void one_receive(struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    const uint8_t *body = one_hear(end, &len);
    take(end, body, len);
  }
}

static void into_receive(struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    if (fdwire_conn_recv_into(conn, room, end->size, &len, -1) != 1)
      die("fdwire_conn_recv_into");
    take(end, room, len);
  }
}

static const struct way ways[] = {
    {"many", locked, many_send, many_receive, NULL, NULL, NULL},
    {"many-1", unlocked, many_send, many_receive, NULL, NULL, NULL},
    {"queue", locked, queue_send, many_receive, NULL, NULL, NULL},
    {"one", locked, one_send, one_receive, one_say, one_hear, flush},
    {"one-1", unlocked, one_send, one_receive, one_say, one_hear, flush},
    {"into", locked, one_send, into_receive, NULL, NULL, NULL},
    {"into-1", unlocked, one_send, into_receive, NULL, NULL, NULL},
    {"spin", spinning, NULL, NULL, one_say, one_hear, flush},
    {0},
};

int main(int argc, char **argv) {
  return peer(argc, argv, ways, fdwire_version());
}
