/* RabbitMQ, AMQP 0-9-1: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
 *
 * A frame is a type, a channel, a length, the payload, and the byte 0xce. A method is a frame of
 * type 1; a message is a method, a header (2) and as much content (3) as its size takes. */
#include "peer.h"

#include <errno.h>

enum { METHOD = 1, HEADER = 2, CONTENT = 3, BODY = 1 << 20, PIECE = 100000 };

static fdwire_msg frame(unsigned char *head, int type, int channel, const void *payload,
                        size_t len) {
  memset(head, 0, 7);
  head[0] = (unsigned char)type;
  fdwire_put_u16be(head + 1, (uint16_t)channel);
  return message(head, 7, payload, len);
}

static void method(fdwire_conn *conn, int channel, const void *payload, size_t len) {
  unsigned char head[7];
  fdwire_msg msg = frame(head, METHOD, channel, payload, len);
  send_all(conn, &msg, 1);
}

/* The next frame, which is this method: its class and number within it. */
static fdwire_msg next_method(fdwire_conn *conn, unsigned class_id, unsigned number) {
  fdwire_msg msg = receive(conn);
  expect(msg.head[0] == METHOD && msg.body_len >= 4, "a method");
  unsigned got_class = fdwire_get_u16be(msg.body), got = fdwire_get_u16be(msg.body + 2);
  if (got_class != class_id || got != number) {
    fprintf(stderr, "method %u.%u came for %u.%u\n", got_class, got, class_id, number);
    exit(1);
  }
  return msg;
}

static void open_channel(fdwire_conn *conn) {
  unsigned char tune_ok[12] = {0, 10, 0, 31};
  fdwire_msg header = message("AMQP\0\0\x09\1", 8, NULL, 0);
  send_all(conn, &header, 1);
  next_method(conn, 10, 10); /* connection.start */
  method(conn, 0, "\0\x0a\0\x0b\0\0\0\0\5PLAIN\0\0\0\x0c\0guest\0guest\5en_US", 36);
  memcpy(tune_ok + 4, next_method(conn, 10, 30).body + 4, 8); /* what the server wants is fine */
  method(conn, 0, tune_ok, sizeof tune_ok);
  method(conn, 0, "\0\x0a\0\x28\1/\0\0", 8); /* connection.open of the virtual host / */
  next_method(conn, 10, 41);
  method(conn, 1, "\0\x14\0\x0a\0", 5); /* channel.open */
  next_method(conn, 20, 11);
}

/* A message is published in many frames that go together, and comes back in many. */
static void publish_and_get(fdwire_conn *conn) {
  static char body[BODY];
  unsigned char heads[2 + BODY / PIECE + 1][7], header[14] = {0, 60, 0, 0};
  fdwire_msg msgs[2 + BODY / PIECE + 1];
  size_t count = 0, got = 0;
  memset(body, 'b', BODY);
  fdwire_put_u64be(header + 4, BODY);
  msgs[0] = frame(heads[0], METHOD, 1, "\0\x3c\0\x28\0\0\0\5queue\0", 14); /* basic.publish */
  msgs[1] = frame(heads[1], HEADER, 1, header, sizeof header);
  for (count = 2; (count - 2) * PIECE < BODY; count++) {
    size_t at = (count - 2) * PIECE, len = BODY - at;
    if (len > PIECE)
      len = PIECE;
    msgs[count] = frame(heads[count], CONTENT, 1, body + at, len);
  }
  send_all(conn, msgs, count);
  method(conn, 1, "\0\x3c\0\x46\0\0\5queue\1", 13); /* basic.get */
  next_method(conn, 60, 71);
  fdwire_msg msg = receive(conn);
  expect(msg.head[0] == HEADER && fdwire_get_u64be(msg.body + 4) == BODY, "its size");
  while (got < BODY) {
    msg = receive(conn);
    expect(msg.head[0] == CONTENT && is_all(msg, 0, msg.body_len, 'b'), "its content");
    got += msg.body_len;
  }
  expect(got == BODY, "all of it");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "amqp");
  open_channel(conn);
  method(conn, 1, "\0\x32\0\x0a\0\0\5queue\x08\0\0\0\0", 17); /* queue.declare */
  next_method(conn, 50, 11);
  publish_and_get(conn);
  method(conn, 1, "\0\x3c\0\x46\0\0\4nope\1", 12); /* basic.get from a queue that there is not */
  fdwire_msg closed = next_method(conn, 20, 40);
  expect(fdwire_get_u16be(closed.body + 4) == 404, "the channel is closed: 404");
  method(conn, 1, "\0\x14\0\x29", 4);
  method(conn, 0, "\0\x0a\0\x32\0\xc8\3bye\0\0\0\0", 14); /* connection.close */
  next_method(conn, 10, 51);
  int end = fdwire_conn_finish(conn, NULL, SOON);
  expect(end == 0 || end == -ECONNRESET, "this server resets what is closed already");
  fdwire_conn_free(conn);
  return 0;
}
