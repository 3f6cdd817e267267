/* gearmand: http://gearman.org/protocol/
 *
 * A packet is \0REQ or \0RES, a kind, a length and its arguments, with a 0 between two. Lines of
 * text, for administrators, go over the same connection. */
#include "peer.h"

enum { CAN_DO = 1, SUBMIT = 7, CREATED = 8, GRAB = 9, NO_JOB = 10, ASSIGN = 11, COMPLETE = 13 };
enum { ECHO = 16, ECHOED = 17, WORK = 200000 };

static void request(fdwire_conn *conn, uint32_t kind, const void *arguments, size_t len) {
  uint8_t head[12] = {0, 'R', 'E', 'Q'};
  fdwire_put_u32be(head + 4, kind);
  fdwire_msg msg = message(head, sizeof head, arguments, len);
  send_all(conn, &msg, 1);
}

/* An empty head that is given, and not left to the format, makes a line of it. */
static void line(fdwire_conn *conn, const char *text) {
  fdwire_msg msg = message("", 0, text, strlen(text));
  send_all(conn, &msg, 1);
}

static fdwire_msg answer(fdwire_conn *conn, uint32_t kind) {
  fdwire_msg msg = receive(conn);
  expect(msg.head_len == 12 && memcmp(msg.head, "\0RES", 4) == 0, "a packet");
  expect(fdwire_get_u32be(msg.head + 4) == kind, "of this kind");
  return msg;
}

/* Where the arguments behind the first one begin, which is the job's handle. */
static size_t behind_handle(fdwire_msg msg) {
  const char *end = (const char *)memchr(msg.body, '\0', msg.body_len);
  expect(end != NULL, "a handle");
  return (size_t)(end - (const char *)msg.body) + 1;
}

/* The client has work, the worker does it, and both say so through the server. */
static void work(fdwire_conn *client, fdwire_conn *worker) {
  static char job[9 + WORK] = "reverse\0"; /* the function, no name of its own, the work */
  static char result[100 + WORK];
  memset(job + 9, 'p', WORK);
  request(worker, CAN_DO, "reverse", 7);
  request(worker, GRAB, NULL, 0);
  answer(worker, NO_JOB);
  request(client, SUBMIT, job, sizeof job);
  answer(client, CREATED);
  request(worker, GRAB, NULL, 0);
  fdwire_msg assigned = answer(worker, ASSIGN);
  size_t handle = behind_handle(assigned), data = handle + sizeof "reverse";
  expect(handle < 100 && assigned.body_len == data + WORK, "the whole of the work");
  expect(is_all(assigned, data, WORK, 'p'), "as it was submitted");
  memcpy(result, assigned.body, handle);
  memset(result + handle, 'q', WORK);
  request(worker, COMPLETE, result, handle + WORK);
  fdwire_msg done = answer(client, COMPLETE);
  expect(done.body_len == handle + WORK && is_all(done, handle, WORK, 'q'), "what came of it");
}

int main(int argc, char **argv) {
  fdwire_conn *client = connect_to(argc, argv, "gearman");
  fdwire_conn *worker = connect_to(argc, argv, "gearman");
  request(client, ECHO, "hello\0there", 11);
  fdwire_msg echoed = answer(client, ECHOED);
  expect(echoed.body_len == 11 && memcmp(echoed.body, "hello\0there", 11) == 0, "an echo");
  line(client, "version");
  expect(begins(receive(client), "OK "), "a line is answered by a line");
  line(client, "bogus");
  expect(begins(receive(client), "ERR "), "an error is a line, too");
  work(client, worker);
  leave(worker);
  leave(client);
  return 0;
}
