/* rpcbind, ONC RPC over a Unix socket: https://www.rfc-editor.org/rfc/rfc5531
 *
 * A record is sent in fragments: 31 bits of length, behind a bit that is set in the last one. */
#include "peer.h"

enum { PORTMAPPER = 100000, NONE = 0, DUMP = 4, UNKNOWN = 99, REPLY = 1, CALL_MAX = 40 };
enum { SUCCESS = 0, PROC_UNAVAIL = 3, RECORD_MAX = 1 << 16 };

static fdwire_msg call(uint8_t *out, uint32_t id, uint32_t procedure) {
  fdwire_writer w;
  fdwire_writer_init(&w, out, CALL_MAX, FDWIRE_BIG);
  fdwire_write_u32(&w, id);
  fdwire_write_u32(&w, 0); /* a call */
  fdwire_write_u32(&w, 2); /* of RPC's version 2 */
  fdwire_write_u32(&w, PORTMAPPER);
  fdwire_write_u32(&w, 2);
  fdwire_write_u32(&w, procedure);
  fdwire_write_u64(&w, 0); /* no credentials and no verifier */
  fdwire_write_u64(&w, 0);
  must("call", w.status);
  return message(NULL, 0, out, w.pos);
}

/* The next record, however many fragments it comes in. Gives its length. */
static size_t receive_record(fdwire_conn *conn, uint8_t *record) {
  size_t len = 0;
  fdwire_msg fragment;
  do {
    fragment = receive(conn);
    expect(fragment.body_len <= RECORD_MAX - len, "a record that is not too long");
    if (fragment.body_len > 0)
      memcpy(record + len, fragment.body, fragment.body_len);
    len += fragment.body_len;
  } while ((fragment.head[0] & 0x80) == 0);
  return len;
}

/* Sets r to the results of the next answer, which is to this call; says how it went. */
static uint32_t answer(fdwire_conn *conn, uint32_t id, uint8_t *record, fdwire_reader *r) {
  fdwire_reader_init(r, record, receive_record(conn, record), FDWIRE_BIG);
  expect(fdwire_read_u32(r) == id && fdwire_read_u32(r) == REPLY, "the answers in order");
  expect(fdwire_read_u32(r) == 0, "the call is accepted");
  fdwire_read_u64(r); /* the server's verifier */
  uint32_t status = fdwire_read_u32(r);
  must("answer", r->status);
  return status;
}

/* A list: before each item stands 1, behind the last 0. */
static size_t portmappers(fdwire_reader *r) {
  size_t count = 0;
  while (fdwire_read_u32(r) == 1) {
    uint32_t program = fdwire_read_u32(r);
    fdwire_read_u64(r); /* version and protocol */
    uint32_t port = fdwire_read_u32(r);
    count += program == PORTMAPPER && port == 111;
  }
  must("list", r->status);
  return count;
}

int main(int argc, char **argv) {
  static uint8_t record[RECORD_MAX];
  uint8_t calls[3][CALL_MAX];
  fdwire_conn *conn = connect_to(argc, argv, "sunrpc");
  const fdwire_msg requests[] = {call(calls[0], 1, NONE), call(calls[1], 2, DUMP),
                                 call(calls[2], 3, UNKNOWN)};
  fdwire_reader r;
  send_all(conn, requests, 3);
  expect(answer(conn, 1, record, &r) == SUCCESS && fdwire_reader_left(&r) == 0, "nothing");
  expect(answer(conn, 2, record, &r) == SUCCESS, "what is registered");
  expect(portmappers(&r) >= 2, "the portmapper, for TCP and UDP");
  expect(fdwire_reader_left(&r) == 0, "the list is all of it");
  expect(answer(conn, 3, record, &r) == PROC_UNAVAIL, "no such procedure");
  leave(conn);
  return 0;
}
