/* NATS: https://docs.nats.io/reference/reference-protocols/nats-protocol
 *
 * A message is a line; behind MSG and PUB stands a payload, as long as the line says. */
#include "peer.h"

enum { PAYLOAD = 900000, MESSAGES = 1000 };

/* We send bytes as they are, a line and its payload: "eof" puts nothing around a body. */
static void publish(fdwire_conn *conn, const char *subject, const void *payload, size_t len) {
  char line[60];
  snprintf(line, sizeof line, "PUB %s %zu\r\n", subject, len);
  const fdwire_msg msgs[] = {message(NULL, 0, line, strlen(line)),
                             message(NULL, 0, payload, len), message(NULL, 0, "\r\n", 2)};
  send_all(conn, msgs, 3);
}

/* The payload behind the next line, which is MSG, a subject, a subscription, the length; lent. */
static fdwire_msg delivered(fdwire_conn *conn, const char *subject) {
  char before[60];
  fdwire_reader r;
  int len = snprintf(before, sizeof before, "MSG %s 1 ", subject);
  fdwire_msg line = receive(conn);
  expect(begins(line, before), "a message of this subject");
  fdwire_reader_init(&r, line.body + len, line.body_len - (size_t)len, FDWIRE_BIG);
  size_t size = (size_t)fdwire_read_decimal(&r);
  must("length", r.status);
  set_fixed(conn, FDWIRE_IN, size + 2);
  fdwire_msg payload = receive(conn);
  set_format(conn, FDWIRE_IN, "nats max=64K");
  payload.body_len = size;
  return payload;
}

int main(int argc, char **argv) {
  static char payload[PAYLOAD];
  fdwire_conn *conn = connect_to(argc, argv, "nats max=64K");
  set_format(conn, FDWIRE_OUT, "eof");
  fdwire_msg msg = receive(conn);
  expect(begins(msg, "INFO {"), "it introduces itself");
  send_text(conn, "CONNECT {\"verbose\":false}\r\nSUB subject.* 1\r\nPING\r\n");
  expect(is(receive(conn), "PONG"), "it has heard all that");

  for (size_t i = 0; i < PAYLOAD; i++)
    payload[i] = "MSG x 1 3\r\n"[i % 11];
  publish(conn, "subject.large", payload, PAYLOAD);
  msg = delivered(conn, "subject.large");
  expect(msg.body_len == PAYLOAD && memcmp(msg.body, payload, PAYLOAD) == 0, "as it was published");

  must("batch", fdwire_conn_set(conn, FDWIRE_BATCH, 64 << 10));
  for (int i = 0; i < MESSAGES; i++) {
    int len = snprintf(payload, sizeof payload, "message %d", i);
    publish(conn, "subject.many", payload, (size_t)len);
  }
  for (int i = 0; i < MESSAGES; i++) {
    snprintf(payload, sizeof payload, "message %d", i);
    expect(is(delivered(conn, "subject.many"), payload), "in their order");
  }
  send_text(conn, "BOGUS\r\n");
  expect(is(receive(conn), "-ERR 'Unknown Protocol Operation'"), "an error, after which it ends");
  expect_end(conn);
  return 0;
}
