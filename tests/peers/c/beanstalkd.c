/* beanstalkd: https://raw.githubusercontent.com/beanstalkd/beanstalkd/master/doc/protocol.txt
 *
 * A message is a line; behind some lines stands a job or a report, as long as the line says. */
#include "peer.h"

enum { JOB = 60000, JOBS = 100 };

/* We send bytes as they are, a line and its job: "eof" puts nothing around a body. */
static void put(fdwire_conn *conn, const void *job, size_t len) {
  char line[60];
  snprintf(line, sizeof line, "put 1 0 60 %zu\r\n", len);
  const fdwire_msg msgs[] = {message(NULL, 0, line, strlen(line)), message(NULL, 0, job, len),
                             message(NULL, 0, "\r\n", 2)};
  send_all(conn, msgs, 3);
}

/* The block behind a line whose last word is its length; lent. */
static fdwire_msg block(fdwire_conn *conn, fdwire_msg line) {
  size_t at = line.body_len;
  fdwire_reader r;
  while (at > 0 && line.body[at - 1] != ' ')
    at--;
  fdwire_reader_init(&r, line.body + at, line.body_len - at, FDWIRE_BIG);
  size_t len = (size_t)fdwire_read_decimal(&r);
  must("length", r.status);
  set_fixed(conn, FDWIRE_IN, len + 2);
  fdwire_msg data = receive(conn);
  set_format(conn, FDWIRE_IN, "beanstalkd");
  data.body_len = len;
  return data;
}

static fdwire_msg reserve(fdwire_conn *conn) {
  send_text(conn, "reserve-with-timeout 5\r\n");
  fdwire_msg line = receive(conn);
  expect(begins(line, "RESERVED "), "a job");
  return block(conn, line);
}

static void large_job(fdwire_conn *conn) {
  static char job[JOB];
  for (size_t i = 0; i < JOB; i++)
    job[i] = "x\r\ny"[i % 4];
  put(conn, job, JOB);
  expect(begins(receive(conn), "INSERTED "), "it is taken");
  fdwire_msg got = reserve(conn);
  expect(got.body_len == JOB && memcmp(got.body, job, JOB) == 0, "as it was put");
}

/* A hundred jobs go together, and so do the answers. */
static void many_jobs(fdwire_conn *conn) {
  char job[16];
  must("batch", fdwire_conn_set(conn, FDWIRE_BATCH, 64 << 10));
  for (int i = 0; i < JOBS; i++) {
    snprintf(job, sizeof job, "job %d", i);
    put(conn, job, strlen(job));
  }
  for (int i = 0; i < JOBS; i++)
    expect(begins(receive(conn), "INSERTED "), "each is taken");
  for (int i = 0; i < JOBS; i++) {
    snprintf(job, sizeof job, "job %d", i);
    expect(is(reserve(conn), job), "in their order");
  }
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "beanstalkd");
  set_format(conn, FDWIRE_OUT, "eof");
  large_job(conn);
  many_jobs(conn);
  send_text(conn, "delete 1\r\ndelete 1\r\nbogus\r\nput 1 0 60 none\r\nquit\r\n");
  expect(is(receive(conn), "DELETED"), "a job is deleted");
  expect(is(receive(conn), "NOT_FOUND"), "once");
  expect(is(receive(conn), "UNKNOWN_COMMAND"), "no command");
  expect(is(receive(conn), "BAD_FORMAT"), "no number");
  expect_end(conn);
  return 0;
}
