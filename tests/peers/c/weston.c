/* weston, Wayland: https://wayland.freedesktop.org/docs/html/ch04.html
 *
 * A message is an object, a size and an opcode in one word, and arguments; all are words in the
 * machine's own order. Descriptors go along with some. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "peer.h"

#include <unistd.h>

enum { DISPLAY = 1, REGISTRY = 2, SYNCED = 3, SHM = 4, POOL = 5, BUFFER = 6, MORE = 7 };
enum { POOL_SIZE = 64 * 64 * 4, INVALID_FD = 2, SYNCS = 500, BAD_POOL = MORE + SYNCS };

/* fdwire puts the size beside the opcode. */
static void request(fdwire_conn *conn, uint32_t object, uint32_t opcode, const uint32_t *arguments,
                    size_t count) {
  const uint32_t head[2] = {object, opcode};
  fdwire_msg msg = message(head, sizeof head, arguments, 4 * count);
  must("queue", fdwire_conn_queue(conn, &msg, 1));
}

static uint32_t word(const uint8_t *words, size_t i) {
  uint32_t value;
  memcpy(&value, words + 4 * i, sizeof value);
  return value;
}

static uint32_t object_of(fdwire_msg event) { return word(event.head, 0); }
static uint32_t opcode_of(fdwire_msg event) { return word(event.head, 1) & 0xffff; }

static void sync(fdwire_conn *conn, uint32_t callback) { request(conn, DISPLAY, 0, &callback, 1); }

/* The number under which the compositor offers shared memory, among all that it offers. */
static uint32_t find_shm(fdwire_conn *conn) {
  const uint32_t registry = REGISTRY;
  uint32_t found = 0;
  request(conn, DISPLAY, 1, &registry, 1);
  sync(conn, SYNCED);
  for (fdwire_msg event = receive(conn); object_of(event) != SYNCED; event = receive(conn))
    if (object_of(event) == REGISTRY && find(event, "wl_shm") != NULL)
      found = word(event.body, 0);
  expect(found != 0, "there is shared memory");
  return found;
}

static void bind_shm(fdwire_conn *conn, uint32_t name) {
  uint32_t arguments[] = {name, sizeof "wl_shm", 0, 0, 1, SHM};
  memcpy(arguments + 2, "wl_shm", sizeof "wl_shm");
  request(conn, REGISTRY, 0, arguments, 6);
}

/* A message with a descriptor has no head of its own but its body: "eof" puts nothing around it. */
static void create_pool(fdwire_conn *conn, uint32_t pool, int fd) {
  const uint32_t words[] = {SHM, 16 << 16, pool, POOL_SIZE};
  set_format(conn, FDWIRE_OUT, "eof");
  must("send_fds", fdwire_conn_send_fds(conn, words, sizeof words, &fd, 1, SOON));
  set_format(conn, FDWIRE_OUT, "wayland");
}

/* A callback says that all before it is done, and the display that its number is free again. */
static void sync_many(fdwire_conn *conn) {
  fdwire_msg events[64];
  size_t count = 0, done = 0, gone = 0;
  for (uint32_t i = 0; i < SYNCS; i++)
    sync(conn, MORE + i);
  while (done + gone < 2 * SYNCS) {
    expect(must("receive", fdwire_conn_recv_many(conn, events, 64, &count, SOON)) == 1, "more");
    for (size_t i = 0; i < count; i++)
      if (object_of(events[i]) >= MORE)
        expect(object_of(events[i]) == MORE + done++, "each is done in its turn");
      else if (object_of(events[i]) == DISPLAY)
        expect(opcode_of(events[i]) == 1 && ++gone, "no error, but that it is gone");
  }
  expect(done == SYNCS, "all of them");
}

int main(int argc, char **argv) {
  static const uint32_t buffer[] = {BUFFER, 0, 64, 64, 64 * 4, 0};
  fdwire_conn *conn = connect_to(argc, argv, "wayland");
  FILE *memory = tmpfile();
  int ends[2];
  expect(memory != NULL && ftruncate(fileno(memory), POOL_SIZE) == 0, "a file to share");
  expect(pipe(ends) == 0, "something that cannot be shared");
  bind_shm(conn, find_shm(conn));
  create_pool(conn, POOL, fileno(memory));
  request(conn, POOL, 0, buffer, sizeof buffer / sizeof *buffer);
  sync_many(conn);
  create_pool(conn, BAD_POOL, ends[0]);
  fdwire_msg error = receive(conn);
  while (object_of(error) != DISPLAY)
    error = receive(conn);
  expect(opcode_of(error) == 0 && word(error.body, 0) == SHM, "an error of shared memory");
  expect(word(error.body, 1) == INVALID_FD, "a pipe is none");
  expect_end(conn);
  fdwire_close(ends[0]);
  fdwire_close(ends[1]);
  fclose(memory);
  return 0;
}
