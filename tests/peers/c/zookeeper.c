/* ZooKeeper: zookeeper.jute in https://github.com/apache/zookeeper has the records
 *
 * A packet is a length and a record of numbers and strings. Requests carry a number of the
 * client's, which is in the answer. */
#include "peer.h"

enum { CREATE = 1, GET = 4, CHILDREN = 8, PING = 11, CLOSE = -11, PINGED = -2 };
enum { OK = 0, NO_NODE = -101, DATA = 500000, NODES = 200 };

static void write_buffer(fdwire_writer *w, const void *bytes, size_t len) {
  fdwire_write_u32(w, (uint32_t)len);
  fdwire_write_bytes(w, bytes, len);
}

static void begin(fdwire_writer *w, void *out, size_t cap, int id, int operation) {
  fdwire_writer_init(w, out, cap, FDWIRE_BIG);
  fdwire_write_u32(w, (uint32_t)id);
  fdwire_write_u32(w, (uint32_t)operation);
}

/* Queued, so that many go together. */
static void queue(fdwire_conn *conn, const fdwire_writer *w) {
  must("request", w->status);
  fdwire_msg msg = message(NULL, 0, w->bytes, w->pos);
  must("queue", fdwire_conn_queue(conn, &msg, 1));
}

static void create(fdwire_conn *conn, int id, const char *path, const void *data, size_t len) {
  static char request[DATA + 200];
  fdwire_writer w;
  begin(&w, request, sizeof request, id, CREATE);
  write_buffer(&w, path, strlen(path));
  write_buffer(&w, data, len);
  fdwire_write_u32(&w, 1);  /* one rule: */
  fdwire_write_u32(&w, 31); /* all rights, */
  write_buffer(&w, "world", 5);
  write_buffer(&w, "anyone", 6);
  fdwire_write_u32(&w, 0); /* a plain node */
  queue(conn, &w);
}

static void ask(fdwire_conn *conn, int id, int operation, const char *path) {
  char request[100];
  fdwire_writer w;
  begin(&w, request, sizeof request, id, operation);
  if (path != NULL) {
    write_buffer(&w, path, strlen(path));
    fdwire_write_u8(&w, 0); /* do not watch it */
  }
  queue(conn, &w);
}

/* Sets r to the result of the next answer, which is to this request; gives its error. */
static int answer(fdwire_conn *conn, int id, fdwire_reader *r) {
  fdwire_msg msg = receive(conn);
  fdwire_reader_init(r, msg.body, msg.body_len, FDWIRE_BIG);
  expect((int32_t)fdwire_read_u32(r) == id, "the answers in order");
  fdwire_read_u64(r); /* the number of the last change */
  int error = (int32_t)fdwire_read_u32(r);
  must("answer", r->status);
  return error;
}

static void log_in(fdwire_conn *conn) {
  char request[45];
  fdwire_writer w;
  fdwire_writer_init(&w, request, sizeof request, FDWIRE_BIG);
  fdwire_write_u32(&w, 0);     /* version of the protocol */
  fdwire_write_u64(&w, 0);     /* the last change that was seen */
  fdwire_write_u32(&w, 10000); /* milliseconds without a sign of life */
  fdwire_write_u64(&w, 0);     /* a new session, */
  write_buffer(&w, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16); /* without a password */
  fdwire_write_u8(&w, 0);
  queue(conn, &w);
  fdwire_msg session = receive(conn);
  expect(session.body_len >= 36 && fdwire_get_u64be(session.body + 8) != 0, "a session");
}

int main(int argc, char **argv) {
  static char data[DATA];
  fdwire_conn *conn = connect_to(argc, argv, "zookeeper");
  fdwire_reader r;
  char path[20];
  log_in(conn);
  memset(data, 'd', DATA);
  create(conn, 1, "/node", data, DATA);
  ask(conn, 2, GET, "/node");
  ask(conn, 3, GET, "/none");
  ask(conn, PINGED, PING, NULL);
  expect(answer(conn, 1, &r) == OK, "it is made");
  expect(answer(conn, 2, &r) == OK && fdwire_read_u32(&r) == DATA, "its data");
  const uint8_t *got = fdwire_read_bytes(&r, DATA);
  expect(got != NULL && memcmp(got, data, DATA) == 0, "as they were sent");
  expect(answer(conn, 3, &r) == NO_NODE, "there is no such node");
  expect(answer(conn, PINGED, &r) == OK, "a ping");

  for (int i = 0; i < NODES; i++) {
    snprintf(path, sizeof path, "/node/%d", i);
    create(conn, 10 + i, path, path, strlen(path));
  }
  ask(conn, 4, CHILDREN, "/node");
  for (int i = 0; i < NODES; i++)
    expect(answer(conn, 10 + i, &r) == OK, "each is made");
  expect(answer(conn, 4, &r) == OK && fdwire_read_u32(&r) == NODES, "they are all there");
  ask(conn, 5, CLOSE, NULL);
  expect(answer(conn, 5, &r) == OK, "the session is over");
  expect_end(conn);
  return 0;
}
