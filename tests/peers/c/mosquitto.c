/* mosquitto, MQTT 3.1.1: https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/
 *
 * A packet is a byte of kind and flags, a length in 1 to 4 bytes of 7 bits, and the rest. */
#include "peer.h"

enum { LARGEST = 300000 };

/* One packet; the second byte of the head is where the length begins, however long it gets. */
static fdwire_msg packet(const char *head, const void *rest, size_t len) {
  return message(head, 2, rest, len);
}

static void send_packet(fdwire_conn *conn, const char *head, const void *rest, size_t len) {
  fdwire_msg msg = packet(head, rest, len);
  send_all(conn, &msg, 1);
}

static unsigned kind(fdwire_msg msg) { return msg.head[0]; }

static void publish(fdwire_conn *conn) {
  static char sent[5 + LARGEST] = {0, 3, 'a', '/', 'b'};
  static const size_t sizes[] = {0, 122, 123, 16378, 16379, LARGEST}; /* where the length grows */
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    size_t len = 5 + sizes[i];
    memset(sent + 5, 'a' + (int)i, sizes[i]);
    send_packet(conn, "\x30\0", sent, len);
    fdwire_msg got = receive(conn);
    expect(kind(got) == 0x30 && got.body_len == len, "a message comes back");
    expect(memcmp(got.body, sent, len) == 0, "as it was sent");
  }
}

/* With quality of service 1 each message is acknowledged by its number: a thousand at once. */
static void publish_many(fdwire_conn *conn) {
  static char bodies[1000][7];
  fdwire_msg msgs[1000], got[64];
  size_t count = 0, acknowledged = 0, delivered = 0;
  for (unsigned i = 0; i < 1000; i++) {
    memcpy(bodies[i], "\0\3a/c", 5);
    fdwire_put_u16be(bodies[i] + 5, (uint16_t)(i + 1));
    msgs[i] = packet("\x32\0", bodies[i], 7);
  }
  send_all(conn, msgs, 1000);
  while (acknowledged + delivered < 2000) {
    expect(must("receive", fdwire_conn_recv_many(conn, got, 64, &count, SOON)) == 1, "more");
    for (size_t i = 0; i < count; i++)
      if (kind(got[i]) == 0x40)
        expect(fdwire_get_u16be(got[i].body) == ++acknowledged, "in their order");
      else
        expect(kind(got[i]) == 0x30 && ++delivered, "they are delivered, too");
  }
  expect(acknowledged == 1000, "all of them");
}

/* A server says with a code that it does not speak this version. */
static void another_version(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "mqtt");
  send_packet(conn, "\x10\0", "\0\4MQTT\x63\2\0\x3c\0\1v", 13);
  fdwire_msg answer = receive(conn);
  expect(kind(answer) == 0x20 && answer.body[1] == 1, "unacceptable protocol version");
  expect_end(conn);
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "mqtt");
  send_packet(conn, "\x10\0", "\0\4MQTT\4\2\0\x3c\0\6client", 18);
  expect(kind(receive(conn)) == 0x20, "connected");
  send_packet(conn, "\x82\0", "\0\1\0\3a/#\0", 8); /* subscribe to a/# */
  fdwire_msg granted = receive(conn);
  expect(kind(granted) == 0x90 && granted.body_len == 3 && granted.body[2] == 0, "subscribed");
  publish(conn);
  publish_many(conn);
  send_packet(conn, "\xc0\0", NULL, 0);
  expect(kind(receive(conn)) == 0xd0, "a ping is answered");
  another_version(argc, argv);
  send_packet(conn, "\xe0\0", NULL, 0); /* disconnect */
  expect_end(conn);
  return 0;
}
