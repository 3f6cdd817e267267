/* nghttpd, HTTP/2 without TLS: https://www.rfc-editor.org/rfc/rfc9113
 *
 * Behind a preface of 24 bytes, a frame is a length, a type, flags, the number of a stream, and a
 * payload. The frames of several answers come by turns. */
#include "peer.h"

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, SIZE = 1000000, OK = 0x88, NOT_FOUND = 0x8d };

static void queue(fdwire_conn *conn, int type, int flags, uint32_t stream, const void *payload,
                  size_t len) {
  uint8_t head[9] = {0, 0, 0, (uint8_t)type, (uint8_t)flags};
  fdwire_put_u32be(head + 5, stream);
  fdwire_msg msg = message(head, sizeof head, payload, len);
  must("queue", fdwire_conn_queue(conn, &msg, 1));
}

static int type_of(fdwire_msg msg) { return msg.head[3]; }
static uint32_t stream_of(fdwire_msg msg) { return fdwire_get_u32be(msg.head + 5) & 0x7fffffff; }

/* Fields are numbers in a table of both sides, or strings: GET, http, the path, the host x. */
static void get(fdwire_conn *conn, uint32_t stream, const char *path) {
  char fields[60];
  int len = snprintf(fields, sizeof fields, "\x82\x86\x04%c%s\x01\x01x", (int)strlen(path), path);
  queue(conn, HEADERS, END_STREAM | END_HEADERS, stream, fields, (size_t)len);
}

/* We may be sent as much as anyone likes to, on each stream and in all. */
static void open_windows(fdwire_conn *conn) {
  queue(conn, SETTINGS, 0, 0, "\0\4\x7f\xff\xff\xff", 6);
  queue(conn, WINDOW_UPDATE, 0, 0, "\x7f\xff\0\0", 4);
}

struct answer {
  int status, ended;
  size_t size;
};

static void take(struct answer *answer, fdwire_msg frame, char content) {
  expect(!answer->ended, "nothing behind the end of a stream");
  if (type_of(frame) == HEADERS) /* behind a new size of the table, perhaps */
    answer->status = frame.body[0] >> 5 == 1 ? frame.body[1] : frame.body[0];
  if (type_of(frame) == DATA) {
    expect(content == 0 || is_all(frame, 0, frame.body_len, content), "what is in the file");
    answer->size += frame.body_len;
  }
  answer->ended = (frame.head[4] & END_STREAM) != 0;
}

/* Two requests and a ping, all at once. */
static void exchange(fdwire_conn *conn) {
  struct answer huge = {0, 0, 0}, none = {0, 0, 0};
  int pinged = 0;
  get(conn, 1, "/huge");
  get(conn, 3, "/none");
  queue(conn, PING, 0, 0, "12345678", 8);
  while (!huge.ended || !none.ended || !pinged) {
    fdwire_msg frame = receive(conn);
    expect(type_of(frame) != GOAWAY, "no complaint");
    if (type_of(frame) == SETTINGS && (frame.head[4] & ACK) == 0)
      queue(conn, SETTINGS, ACK, 0, NULL, 0);
    else if (type_of(frame) == PING)
      pinged = frame.head[4] == ACK && is(frame, "12345678");
    else if (stream_of(frame) == 1)
      take(&huge, frame, 'H');
    else if (stream_of(frame) == 3)
      take(&none, frame, 0);
  }
  expect(huge.status == OK && huge.size == SIZE, "all of a file");
  expect(none.status == NOT_FOUND, "404 for what is none");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "http2");
  set_fixed(conn, FDWIRE_OUT, 24);
  send_text(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  set_format(conn, FDWIRE_OUT, "http2");
  open_windows(conn);
  exchange(conn);
  queue(conn, GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
  must("flush", fdwire_conn_flush(conn, SOON));
  leave(conn);
  return 0;
}
