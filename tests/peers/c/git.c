/* git upload-pack over pipes, protocol version 2: https://git-scm.com/docs/protocol-v2
 *
 * A packet is four hex digits that count themselves, and a body; 0000, 0001 and 0002 have no body
 * and mean that something ends. */
#include "peer.h"

enum { ID = 40 };

/* Packets without a body are told by their head. */
static fdwire_msg flush(void) { return message("0000", 4, NULL, 0); }
static fdwire_msg delimiter(void) { return message("0001", 4, NULL, 0); }
static fdwire_msg line(const char *text) { return message(NULL, 0, text, strlen(text)); }

static int is_flush(fdwire_msg msg) { return memcmp(msg.head, "0000", 4) == 0; }

static void capabilities(fdwire_conn *conn) {
  int can_fetch = 0;
  fdwire_msg msg = receive(conn);
  expect(is(msg, "version 2\n"), "version 2");
  while (!is_flush(msg)) {
    can_fetch |= begins(msg, "fetch");
    msg = receive(conn);
  }
  expect(can_fetch, "it lets fetch");
}

/* The id of the one branch, as text. */
static void list_refs(fdwire_conn *conn, char *id) {
  const fdwire_msg request[] = {line("command=ls-refs\n"), delimiter(), line("peel\n"),
                                line("ref-prefix refs/heads/\n"), flush()};
  send_all(conn, request, sizeof request / sizeof *request);
  fdwire_msg msg = receive(conn);
  expect(msg.body_len == ID + 17 && find(msg, " refs/heads/main\n") != NULL, "the branch main");
  memcpy(id, msg.body, ID);
  id[ID] = '\0';
  expect(is_flush(receive(conn)), "no other");
}

static void ask_for(fdwire_conn *conn, const char *id) {
  char want[60];
  snprintf(want, sizeof want, "want %s\n", id);
  const fdwire_msg request[] = {line("command=fetch\n"), delimiter(), line("no-progress\n"),
                                line(want), line("done\n"), flush()};
  send_all(conn, request, sizeof request / sizeof *request);
}

/* The pack comes in packets whose first byte is 1. It begins with its name and version, and holds
 * the commit, its tree and a file that does not compress. */
static void fetch(fdwire_conn *conn, const char *id) {
  uint8_t start[12] = {0};
  size_t size = 0;
  fdwire_msg msg;
  ask_for(conn, id);
  expect(is(receive(conn), "packfile\n"), "a pack follows");
  for (msg = receive(conn); !is_flush(msg); msg = receive(conn)) {
    expect(msg.body_len > 1 && msg.body[0] == 1, "a piece of it");
    for (size_t i = 1; i < msg.body_len; i++, size++)
      if (size < sizeof start)
        start[size] = msg.body[i];
  }
  expect(memcmp(start, "PACK\0\0\0\2\0\0\0\3", sizeof start) == 0, "version 2, 3 objects");
  expect(size > 320000, "the file is in it");
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "git-pkt-line");
  char id[ID + 1];
  capabilities(conn);
  list_refs(conn, id);
  fetch(conn, id);
  ask_for(conn, "0123456789012345678901234567890123456789");
  expect(begins(receive(conn), "ERR upload-pack: not our ref"), "an object that there is not");
  expect_end(conn);
  return 0;
}
