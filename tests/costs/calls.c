/* System calls a message, to be counted by who traces them: calls send|receive|exchange.

   A thread says what its next system calls are for by asking for a file that is not there:

       /fdwire-costs/count/NAME   they belong to NAME
       /fdwire-costs/pause        they are the test's own

   Nothing here depends on who is faster. A sender of which one thread makes all calls waits in the
   kernel, however slowly its peer reads. A receiver finds all that was sent in its socket: the
   bytes that it receives are there before it is asked to. A line is printed for each NAME: how many
   messages, and how many reads and writes the connection says that it made. */
#include "../c/check.h"

#include <sys/ioctl.h>

enum {
  KIB = 1024, MIB = 1024 * KIB, BATCH = 256 * KIB, ALL = 16 * MIB, FILL = 192 * KIB, VECTOR = 64,
  HEAD = 4, WARM_UP = 10, ROUNDS = 80, EXCHANGES = 500
};

static const char *const ways[] = {"unix", "tcp"};

static void say(const char *path) {
  NEED(access(path, F_OK) < 0 && errno == ENOENT);
}

static void count_for(const char *name) {
  char path[200];
  snprintf(path, sizeof path, "/fdwire-costs/count/%s", name);
  say(path);
}

static void pause_count(void) { say("/fdwire-costs/pause"); }

static void name_of(char name[100], const char *what, int way, size_t size) {
  snprintf(name, 100, "%s %s %zu", what, ways[way], size);
}

static fdwire_stats stats_of(fdwire_conn *conn) {
  fdwire_stats stats;
  NEED(fdwire_conn_stats(conn, &stats, sizeof stats) == 0);
  return stats;
}

static void report(const char *name, long n, fdwire_conn *conn, fdwire_stats before) {
  fdwire_stats after = stats_of(conn);
  printf("%s: %ld messages, %llu reads, %llu writes\n", name, n,
         (unsigned long long)(after.reads - before.reads),
         (unsigned long long)(after.writes - before.writes));
  fdwire_conn_free(conn);
}

static fdwire_conn *conn_of(int fd, int one_thread, int batch) {
  fdwire_conn *conn = NULL;
  NEED(fdwire_conn_new(fd, fd, NULL, &conn) == 0);
  NEED(fdwire_conn_set(conn, FDWIRE_ONE_THREAD, one_thread ? FDWIRE_BOTH : 0) == 0);
  NEED(fdwire_conn_set(conn, FDWIRE_BATCH, batch) == 0);
  return conn;
}

static void *filled(size_t len) {
  void *bytes = malloc(len);
  NEED(bytes != NULL);
  return memset(bytes, 0, len);
}

/* Sending, to a peer that reads all the time. */

static void *drain(void *arg) {
  static char room[64 * KIB];
  int fd = *(int *)arg;
  ssize_t got;
  while ((got = read(fd, room, sizeof room)) > 0 || (got < 0 && errno == EINTR))
    ;
  return NULL;
}

static void send_n(fdwire_conn *conn, const void *body, size_t size, long n, int vector) {
  fdwire_msg msgs[VECTOR];
  for (int i = 0; i < VECTOR; i++)
    msgs[i] = (fdwire_msg){NULL, (const uint8_t *)body, 0, size, 0};
  for (long count; n > 0; n -= count) {
    count = n < VECTOR ? n : VECTOR;
    if (vector)
      NEED(fdwire_conn_send_many(conn, msgs, (size_t)count, -1) >= 0);
    else
      for (long i = 0; i < count; i++)
        NEED(fdwire_conn_send(conn, body, size, -1) >= 0);
  }
  NEED(fdwire_conn_flush(conn, -1) == 0);
}

static void sends(int way, size_t size, int vector) {
  char name[100];
  int fds[2];
  long n = ALL / (long)(HEAD + size);
  void *body = filled(size);
  pthread_t peer;
  open_way(way, fds);
  NEED(pthread_create(&peer, NULL, drain, &fds[1]) == 0);
  fdwire_conn *conn = conn_of(fds[0], 1, BATCH);
  name_of(name, vector ? "send_many-alone" : "send-alone", way, size);
  send_n(conn, body, size, n / 8, vector);
  fdwire_stats before = stats_of(conn);
  count_for(name);
  send_n(conn, body, size, n, vector);
  pause_count();
  report(name, n, conn, before);
  shutdown(fds[0], SHUT_WR);
  pthread_join(peer, NULL);
  close_way(fds);
  free(body);
}

/* With locks a sender does not wait in the kernel, so that its peer reads whenever a batch is out. */
static void sends_with_locks(int way, size_t size) {
  char name[100];
  int fds[2];
  long n = ALL / (long)(HEAD + size);
  void *body = filled(size), *room = filled(2 * BATCH);
  uint64_t taken = 0;
  open_way(way, fds);
  fix_buffers(fds[0]);
  fdwire_conn *conn = conn_of(fds[0], 0, BATCH);
  fdwire_stats before = stats_of(conn);
  name_of(name, "send", way, size);
  for (long i = 0; i < n + n / 8; i++) {
    if (i == n / 8) {
      before = stats_of(conn);
      count_for(name);
    }
    NEED(fdwire_conn_send(conn, body, size, -1) >= 0);
    fdwire_stats stats = stats_of(conn);
    if (stats.bytes_out > taken) {
      pause_count();
      size_t out = (size_t)(stats.bytes_out - taken);
      NEED(out <= 2 * BATCH && recv(fds[1], room, out, MSG_WAITALL) == (ssize_t)out);
      taken += out;
      if (i >= n / 8)
        count_for(name);
    }
  }
  pause_count();
  report(name, n, conn, before);
  close_way(fds);
  free(body);
  free(room);
}

/* Receiving what is there. */

struct source {
  int fds[2]; /* to be read from, to be written to */
  uint8_t *frames;
  size_t frame, at;
  long whole, given; /* frames */
};

static void source_open(struct source *source, int way, size_t size) {
  size_t count = 2 + FILL / (HEAD + size);
  memset(source, 0, sizeof *source);
  source->frame = HEAD + size;
  source->frames = filled(count * source->frame);
  for (size_t i = 0; i < count; i++)
    fdwire_put_u32be(source->frames + i * source->frame, (uint32_t)size);
  open_way(way, source->fds);
  fix_buffers(source->fds[1]);
}

/* FILL bytes more, and how many messages they make whole. */
static long source_fill(struct source *source) {
  int there = 0;
  const uint8_t *from = source->frames + source->at % source->frame;
  NEED(send(source->fds[1], from, FILL, MSG_DONTWAIT) == FILL);
  for (int i = 0; there < FILL && i < 5000; i++) {
    NEED(ioctl(source->fds[0], FIONREAD, &there) == 0);
    if (there < FILL)
      sleep_ms(1);
  }
  NEED(there == FILL);
  source->at += FILL;
  long whole = (long)(source->at / source->frame) - source->whole;
  source->whole += whole;
  return whole;
}

static void source_close(struct source *source) {
  close_way(source->fds);
  free(source->frames);
}

static long recv_many_from(fdwire_conn *conn, void *body, size_t size, long n) {
  fdwire_msg msgs[VECTOR];
  size_t count;
  (void)body, (void)size;
  NEED(fdwire_conn_recv_many(conn, msgs, n < VECTOR ? (size_t)n : VECTOR, &count, -1) == 1);
  return (long)count;
}

static long recv_from(fdwire_conn *conn, void *body, size_t size, long n) {
  fdwire_msg msg;
  (void)body, (void)size, (void)n;
  NEED(fdwire_conn_recv(conn, &msg, 0) == 1);
  return 1;
}

static long recv_into_from(fdwire_conn *conn, void *body, size_t size, long n) {
  size_t len;
  (void)n;
  NEED(fdwire_conn_recv_into(conn, body, size, &len, -1) == 1);
  return 1;
}

static void receives(int way, size_t size, const char *what, int one_thread,
                     long (*receive)(fdwire_conn *, void *, size_t, long)) {
  char name[100];
  struct source source;
  long n = 0;
  void *body = filled(size);
  source_open(&source, way, size);
  fdwire_conn *conn = conn_of(source.fds[0], one_thread, 0);
  fdwire_stats before = stats_of(conn);
  name_of(name, what, way, size);
  for (int round = 0; round < WARM_UP + ROUNDS; round++) {
    long here = source_fill(&source);
    if (round == WARM_UP)
      before = stats_of(conn);
    if (round >= WARM_UP) {
      n += here;
      count_for(name);
    }
    while (here > 0)
      here -= receive(conn, body, size, here);
    pause_count();
  }
  report(name, n, conn, before);
  source_close(&source);
  free(body);
}

/* There and back. */

struct side {
  fdwire_conn *conn;
  char name[100];
  fdwire_stats before;
};

/* An exchange comes before those that are counted: the first read finds nothing, and so learns that
   it may wait for the next. */
static void side_open(struct side *side, const char *what, int way, size_t size, int fd) {
  side->conn = conn_of(fd, 1, 0);
  name_of(side->name, what, way, size);
}

static void side_begin(struct side *side) {
  side->before = stats_of(side->conn);
  count_for(side->name);
}

static void *answers(void *arg) {
  struct side *side = arg;
  fdwire_msg msg;
  for (int i = -1; i < EXCHANGES; i++) {
    if (i == 0)
      side_begin(side);
    NEED(fdwire_conn_recv(side->conn, &msg, -1) == 1);
    NEED(fdwire_conn_send(side->conn, msg.body, msg.body_len, -1) == 0);
  }
  pause_count();
  return NULL;
}

static void asks(struct side *side, const void *body, size_t size) {
  fdwire_msg msg;
  for (int i = -1; i < EXCHANGES; i++) {
    if (i == 0)
      side_begin(side);
    NEED(fdwire_conn_send(side->conn, body, size, -1) == 0);
    NEED(fdwire_conn_recv(side->conn, &msg, -1) == 1);
  }
  pause_count();
}

static void ping_pong(int way) {
  static const char body[64];
  struct side ping, pong;
  int fds[2];
  pthread_t peer;
  open_way(way, fds);
  side_open(&ping, "ping-alone", way, sizeof body, fds[0]);
  side_open(&pong, "pong-alone", way, sizeof body, fds[1]);
  NEED(pthread_create(&peer, NULL, answers, &pong) == 0);
  asks(&ping, body, sizeof body);
  pthread_join(peer, NULL);
  report(ping.name, EXCHANGES, ping.conn, ping.before);
  report(pong.name, EXCHANGES, pong.conn, pong.before);
  close_way(fds);
}

static void one_shot(int way) {
  char body[64] = "", sends[100], receives[100];
  size_t len;
  int fds[2];
  fdwire_format *format = format_of("u32be max=64");
  open_way(way, fds);
  name_of(sends, "fdwire_send", way, sizeof body);
  name_of(receives, "fdwire_recv", way, sizeof body);
  for (int i = 0; i < EXCHANGES; i++) {
    struct pollfd there = {fds[1], POLLIN, 0};
    count_for(sends);
    NEED(fdwire_send(fds[0], format, body, sizeof body, -1) == 0);
    pause_count();
    NEED(poll(&there, 1, 5000) == 1);
    count_for(receives);
    NEED(fdwire_recv(fds[1], format, body, sizeof body, &len, -1) == 1);
    pause_count();
  }
  printf("%s: %d messages\n%s: %d messages\n", sends, EXCHANGES, receives, EXCHANGES);
  close_way(fds);
  fdwire_format_free(format);
}

int main(int argc, char **argv) {
  const char *group = argc == 2 ? argv[1] : "";
  check_begin();
  for (int way = UNIX_SOCKET; way <= TCP_SOCKET; way++) {
    if (strcmp(group, "send") == 0) {
      sends(way, 64, 0);
      sends(way, 64, 1);
      sends(way, 16 * KIB, 0);
      sends(way, 16 * KIB, 1);
      sends(way, MIB, 0);
      sends_with_locks(way, 64);
    } else if (strcmp(group, "receive") == 0) {
      receives(way, 64, "recv_many-alone", 1, recv_many_from);
      receives(way, 64, "recv", 0, recv_from);
      receives(way, 16 * KIB, "recv_many-alone", 1, recv_many_from);
      receives(way, 16 * KIB, "recv", 0, recv_from);
      receives(way, 16 * KIB, "recv_into-alone", 1, recv_into_from);
    } else if (strcmp(group, "exchange") == 0) {
      ping_pong(way);
      one_shot(way);
    } else {
      fprintf(stderr, "calls send|receive|exchange\n");
      return 2;
    }
  }
  return 0;
}
