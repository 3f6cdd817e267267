/* Every fault at every system call of a connection, in both directions, by every call that sends or
   receives. See sweep_conn.h. */
#include "sweep_conn.h"

#include <sys/mman.h>

/* ---- Receiving ---- */

static int by_recv_many(struct exchange *x) {
  fdwire_msg msgs[3];
  size_t count = 0;
  int result = IN(fdwire_conn_recv_many(x->conn, msgs, 3, &count, x->scenario->timeout));
  for (size_t i = 0; result == 1 && i < count; i++)
    comes(x, msgs[i].body, msgs[i].body_len);
  return result;
}

static int by_recv_into(struct exchange *x) {
  size_t len = 0;
  int result = IN(fdwire_conn_recv_into(x->conn, room, sizeof room, &len, x->scenario->timeout));
  if (result == 1)
    comes(x, room, len);
  return result;
}

static int by_recv_packed(struct exchange *x) {
  size_t lens[3], count = 0, at = 0;
  int result =
      IN(fdwire_conn_recv_packed(x->conn, room, sizeof room, lens, 3, &count, x->scenario->timeout));
  for (size_t i = 0; result == 1 && i < count; at += lens[i++])
    comes(x, room + at, lens[i]);
  return result;
}

/* At most 100 bytes at a time, or 4000 of a large body. */
static int by_parts(struct exchange *x) {
  int result, timeout = x->scenario->timeout;
  if (!x->begun) {
    fdwire_msg head;
    uint64_t len = 0;
    result = IN(fdwire_conn_recv_begin(x->conn, &head, &len, timeout));
    x->begun = result == 1;
    x->part = 0;
    return result;
  }
  size_t got = 0, most = least(x->scenario->traits & LARGE ? 4000 : 100, sizeof room - x->part);
  result = IN(fdwire_conn_recv_part(x->conn, room + x->part, most, &got, timeout));
  x->part += got;
  if (result != 0)
    return result;
  x->begun = 0;
  comes(x, room, x->part);
  return 1;
}

/* ---- Sending ---- */

static int by_send_many(struct exchange *x) {
  size_t count = least(2, x->count - x->sent);
  int result =
      IN(fdwire_conn_send_many(x->conn, x->msgs + x->sent, count, x->scenario->timeout));
  x->sent += result >= 0 ? count : 0;
  return result;
}

static int by_send_packed(struct exchange *x) {
  size_t count = least(2, x->count - x->sent), lens[2];
  for (size_t i = 0; i < count; i++) /* whose bodies lie one behind another */
    lens[i] = x->msgs[x->sent + i].body_len;
  int result = IN(
      fdwire_conn_send_packed(x->conn, x->msgs[x->sent].body, lens, count, x->scenario->timeout));
  x->sent += result >= 0 ? count : 0;
  return result;
}

static int by_queue(struct exchange *x) {
  size_t count = least(3, x->count - x->sent);
  int result = IN(fdwire_conn_queue(x->conn, x->msgs + x->sent, count));
  if (result < 0)
    return result;
  x->sent += count;
  result = IN(fdwire_conn_flush(x->conn, x->scenario->timeout));
  return result == -EAGAIN ? (int)FDWIRE_PENDING : result;
}

static int by_send_parts(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent];
  int result, timeout = x->scenario->timeout;
  if (!x->begun) {
    result = IN(fdwire_conn_send_begin(x->conn, NULL, 0, msg->body_len, timeout));
    x->begun = result >= 0 && msg->body_len > 0;
    x->part = 0;
    x->sent += result >= 0 && msg->body_len == 0;
    return result;
  }
  size_t len = least(msg->body_len - x->part, x->scenario->traits & LARGE ? 4000 : 50);
  result = IN(fdwire_conn_send_part(x->conn, msg->body + x->part, len, timeout));
  x->part += result >= 0 ? len : 0;
  if (x->part == msg->body_len) {
    x->begun = 0;
    x->sent++;
  }
  return result;
}

static int file_fd; /* has all bodies, one behind another */

static int by_send_file(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent], *last = &x->msgs[x->count - 1];
  const uint8_t *bodies = x->msgs[0].body;
  if (x->sent == 0)
    NEED(pwrite(file_fd, bodies, (size_t)(last->body - bodies) + last->body_len, 0) > 0);
  int result = IN(fdwire_conn_send_file(x->conn, file_fd, (uint64_t)(msg->body - bodies),
                                        msg->body_len, x->scenario->timeout));
  x->sent += result >= 0;
  return result;
}

static int by_send_fds(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent];
  int result = IN(fdwire_conn_send_fds(x->conn, msg->body, msg->body_len, &null_fd, 1,
                                       x->scenario->timeout));
  if (result == -ETOOMANYREFS && run.hit == SEND_FDS) /* it passes */
    return FDWIRE_PENDING;
  x->sent += result >= 0;
  return result;
}

/* ---- All of it ---- */

static const struct way_of receiving[] = {{"fdwire_conn_recv", by_recv},
                                          {"fdwire_conn_recv_many", by_recv_many},
                                          {"fdwire_conn_recv_into", by_recv_into},
                                          {"fdwire_conn_recv_packed", by_recv_packed},
                                          {"fdwire_conn_recv_part", by_parts}};
static const struct way_of sending[] = {{"fdwire_conn_send", by_send},
                                        {"fdwire_conn_send_many", by_send_many},
                                        {"fdwire_conn_send_packed", by_send_packed},
                                        {"fdwire_conn_queue", by_queue},
                                        {"fdwire_conn_send_part", by_send_parts},
                                        {"fdwire_conn_send_file", by_send_file}};
#define RECEIVING (sizeof receiving / sizeof *receiving)
#define SENDING (sizeof sending / sizeof *sending)

/* Messages that are told by what is in them can only be sent whole. */
static int is_sent_whole(const char *format) {
  return strchr("lcds", format[0]) != NULL && strncmp(format, "select", 6) != 0;
}

static void add_all(const char *format, int way, int timeout, int traits, size_t turn) {
  for (size_t i = 0; i < RECEIVING; i++)
    add(&receiving[i], receives, format, way, timeout, traits)->piece = traits & LARGE  ? 2500
                                                                        : (turn + i) % 2 ? 7
                                                                                         : 0;
  for (size_t i = 0; i < SENDING; i++) {
    if (i >= 4 && (is_sent_whole(format) || strncmp(format, "select", 6) == 0))
      continue;
    struct scenario *scenario = add(&sending[i], sends, format, way, timeout, traits);
    scenario->piece = traits & LARGE ? 3000 : 0;
    scenario->ending = (int)((turn + i) % 3);
  }
}

static void add_with_fds(int timeout) {
  static const struct way_of with_fds = {"fdwire_conn_send_fds", by_send_fds};
  for (int ending = 0; ending < 6; ending++)
    add(&with_fds, sends, "u32be", UNIX_SOCKET, timeout, WITH_FDS | (ending % 2 ? BATCHED : 0))->ending =
        ending / 2;
  for (size_t i = 0; i < RECEIVING; i++)
    add(&receiving[i], receives, "u32be", UNIX_SOCKET, timeout, WITH_FDS)->piece = i % 2;
}

int main(int argc, char **argv) {
  static const struct way_of echo = {"an echo", NULL};
  size_t turn = 0;
  for (size_t i = 0; i < 3; i++) {
    EACH_WAY(way) {
      for (size_t format = 0; format < FORMATS; format++, turn++) {
        int traits = (turn % 2 ? NONBLOCKING : 0) | (turn % 3 == 0 ? ALONE : 0);
        add_all(formats[format], way, timeouts[i], traits, turn);
        add(&echo, echoes, formats[format], way, timeouts[i], traits)->piece = 40;
      }
      add_all("u32be", way, timeouts[i], LARGE, 0);
      add_all("line", way, timeouts[i], LARGE | NONBLOCKING, 1);
      add_all("u32be", way, timeouts[i], BATCHED | POLLED, 2);
    }
    add_with_fds(timeouts[i]);
  }
  file_fd = memfd_create("bodies", MFD_CLOEXEC);
  NEED(file_fd >= 0);
  int result = sweep_all(scenarios, scenario_count, argc, argv);
  close(file_fd);
  return result;
}
