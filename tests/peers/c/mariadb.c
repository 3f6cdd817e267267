/* MariaDB and MySQL: https://mariadb.com/kb/en/clientserver-protocol/
 *
 * A packet is a length of 3 bytes, its number in the exchange, and the payload. What is longer than
 * 2^24 - 2 bytes goes on in the next packet. */
#include "peer.h"

enum { FULL = 0xffffff, OK = 0, ERROR = 0xff, END = 0xfe };

static void packet(fdwire_conn *conn, unsigned char number, const void *payload, size_t len) {
  unsigned char head[4] = {0, 0, 0, 0};
  head[3] = number;
  fdwire_msg msg = message(head, sizeof head, payload, len);
  send_all(conn, &msg, 1);
}

/* Of a command the first byte is its kind, 3 for a query. */
static void query(fdwire_conn *conn, const char *sql) {
  char payload[100];
  int len = snprintf(payload, sizeof payload, "\3%s", sql);
  packet(conn, 0, payload, (size_t)len);
}

static void log_in(fdwire_conn *conn) {
  char payload[200];
  fdwire_writer w;
  fdwire_msg greeting = receive(conn);
  expect(greeting.head[3] == 0 && greeting.body[0] == 10, "protocol version 10");
  expect(find(greeting, "MariaDB") != NULL, "MariaDB greets");
  fdwire_writer_init(&w, payload, sizeof payload, FDWIRE_LITTLE);
  fdwire_write_u32(&w, 0x8a201); /* long passwords, protocol 4.1, transactions, authentication */
  fdwire_write_u32(&w, 1 << 24);
  fdwire_write_u8(&w, 45); /* utf8mb4 */
  fdwire_write_bytes(&w, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23);
  fdwire_write_bytes(&w, "root\0\0mysql_native_password", 28);
  must("handshake", w.status);
  packet(conn, 1, payload, w.pos);
  fdwire_msg answer = receive(conn);
  expect(answer.head[3] == 2 && answer.body[0] == OK, "logged in");
}

static int is_end(fdwire_msg msg) { return msg.body_len < 9 && msg.body[0] == END; }

/* The columns: how many, what they are, and an end, the number of whose packet is given. */
static unsigned char columns(fdwire_conn *conn, size_t count) {
  fdwire_msg announced = receive(conn);
  expect(announced.body_len == 1 && announced.body[0] == count, "how many columns");
  for (size_t i = 0; i < count; i++)
    expect(find(receive(conn), "def") != NULL, "a column");
  fdwire_msg end = receive(conn);
  expect(is_end(end), "the end of the columns");
  return end.head[3];
}

/* A value that fills a packet: its length takes 4 of the bytes, so that 4 go on in the next one. */
static void longest_packet(fdwire_conn *conn) {
  query(conn, "select repeat('y', 16777215)");
  unsigned char number = columns(conn, 1);
  fdwire_msg row = receive(conn);
  expect(row.head[3] == number + 1 && row.body_len == FULL, "a full packet");
  expect(row.body[0] == 0xfd && fdwire_get_u24le(row.body + 1) == FULL, "a length of 3 bytes");
  expect(is_all(row, 4, FULL - 4, 'y'), "the value");
  row = receive(conn);
  expect(row.head[3] == number + 2 && is(row, "yyyy"), "the rest of it");
  expect(is_end(receive(conn)), "the end of the rows");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "mysql");
  log_in(conn);
  query(conn, "select 'one', 2");
  columns(conn, 2);
  expect(is(receive(conn), "\3one\0012"), "a row of two values, each behind its length");
  expect(is_end(receive(conn)), "the end of the rows");
  longest_packet(conn);
  query(conn, "select nope");
  fdwire_msg answer = receive(conn);
  expect(answer.body[0] == ERROR && fdwire_get_u16le(answer.body + 1) == 1054, "an error");
  expect(find(answer, "#42S22Unknown column") != NULL, "with its SQLSTATE");
  packet(conn, 0, "\1", 1); /* to quit */
  expect_end(conn);
  return 0;
}
