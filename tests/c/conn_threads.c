/* Connections that several threads use at the same time.
 *
 *     conn_threads [SEED]
 */
#include "stream.h"

#include <sys/syscall.h>

enum { WRITERS_MAX = 8, STAMP = 12, LONGEST = 300000, TABLE = 65521, DEADLINE = 60000 };

static uint64_t seed;

/* Messages: a stamp that says whose they are, which, and how long, and then bytes that follow
   from it. */

static uint8_t table[TABLE + LONGEST];

static void fill_table(void) {
  for (size_t i = 0; i < sizeof table; i++)
    table[i] = (uint8_t)(scattered(i % TABLE) >> 13);
}

static size_t length_of(uint32_t writer, uint32_t number) {
  struct dice dice = dice_of(scattered(seed ^ (uint64_t)writer << 40 ^ number));
  switch (below(&dice, 16)) {
  case 0: return STAMP + below(&dice, LONGEST - STAMP);
  case 1:
  case 2: return STAMP + below(&dice, 30000);
  case 3:
  case 4:
  case 5: return STAMP + below(&dice, 4000);
  default: return STAMP + below(&dice, 300);
  }
}

static size_t offset_of(uint32_t writer, uint32_t number) {
  return (writer * 40503u + number * 2503u) % TABLE;
}

static size_t make_message(uint8_t *room, uint32_t writer, uint32_t number) {
  size_t len = length_of(writer, number);
  fdwire_put_u32be(room, writer);
  fdwire_put_u32be(room + 4, number);
  fdwire_put_u32be(room + 8, (uint32_t)len);
  memcpy(room + STAMP, table + offset_of(writer, number), len - STAMP);
  return len;
}

/* Whether it is a message that was made, whole and unmixed; and whose and which. */
static int is_message(const uint8_t *body, size_t len, uint32_t *writer, uint32_t *number) {
  if (len < STAMP)
    return 0;
  *writer = fdwire_get_u32be(body);
  *number = fdwire_get_u32be(body + 4);
  return *writer < WRITERS_MAX && fdwire_get_u32be(body + 8) == len &&
         len == length_of(*writer, *number) &&
         memcmp(body + STAMP, table + offset_of(*writer, *number), len - STAMP) == 0;
}

/* Senders */

struct writer {
  fdwire_conn *conn;
  uint32_t id, sent, count;
  struct dice dice;
  uint8_t *room; /* for five messages */
  int file;      /* grows: what was sent of it may still be on its way */
  uint64_t file_len;
  size_t refusals; /* calls that accepted nothing for now */
  pthread_t thread;
};

static int timeout_of(struct dice *dice) {
  static const int timeouts[3] = {-1, 0, 5};
  return timeouts[below(dice, 3)];
}

/* Whether it is accepted; if it is not for now, waits a little until it may be: there is no
   room, or it is another's turn. */
static int accepted(struct writer *writer, int result, int not_my_turn) {
  if (result == 0 || result == FDWIRE_PENDING)
    return 1;
  if (result != -ENOBUFS)
    CHECK_IS(result, not_my_turn);
  if (result != -ENOBUFS && result != not_my_turn)
    exit(1); /* it would go on forever */
  writer->refusals++;
  int flushed = fdwire_conn_flush(writer->conn, 5);
  CHECK(flushed == 0 || flushed == -ETIMEDOUT);
  if (flushed == 0)
    sleep_ms(1); /* another thread is between two parts */
  return 0;
}

static int turn_code(int timeout) { return timeout == 0 ? -EAGAIN : timeout > 0 ? -ETIMEDOUT : 0; }

static void by_send(struct writer *writer) {
  size_t len = make_message(writer->room, writer->id, writer->sent);
  int timeout = timeout_of(&writer->dice), result;
  do {
    result = fdwire_conn_send(writer->conn, writer->room, len, timeout);
    if (result == -EMSGSIZE && timeout >= 0)
      result = fdwire_conn_send(writer->conn, writer->room, len, timeout = -1);
  } while (!accepted(writer, result, turn_code(timeout)));
  writer->sent++;
}

static size_t make_some(struct writer *writer, fdwire_msg *msgs) {
  size_t count = 1 + below(&writer->dice, least(5, writer->count - writer->sent));
  uint8_t *at = writer->room;
  memset(msgs, 0, count * sizeof *msgs);
  for (size_t i = 0; i < count; i++) {
    msgs[i].body = at;
    msgs[i].body_len = make_message(at, writer->id, writer->sent + (uint32_t)i);
    at += msgs[i].body_len;
  }
  return count;
}

static void by_send_many(struct writer *writer) {
  fdwire_msg msgs[5];
  size_t count = make_some(writer, msgs);
  int timeout = timeout_of(&writer->dice), result;
  do {
    result = fdwire_conn_send_many(writer->conn, msgs, count, timeout);
    if (result == -EMSGSIZE && timeout >= 0)
      result = fdwire_conn_send_many(writer->conn, msgs, count, timeout = -1);
  } while (!accepted(writer, result, turn_code(timeout)));
  writer->sent += (uint32_t)count;
}

static void by_queue(struct writer *writer) {
  fdwire_msg msgs[5];
  size_t count = make_some(writer, msgs);
  int result;
  do {
    result = fdwire_conn_queue(writer->conn, msgs, count);
    if (result == -EMSGSIZE)
      result = fdwire_conn_send_many(writer->conn, msgs, count, -1);
    else
      CHECK(result != 0);
  } while (!accepted(writer, result, -EBUSY)); /* while another thread sends in parts */
  if (one_in(&writer->dice, 2))
    CHECK_IS(fdwire_conn_flush(writer->conn, -1), 0);
  writer->sent += (uint32_t)count;
}

/* In parts, between which this thread can send nothing else, and no other thread can send
   anything. */
static void by_parts(struct writer *writer) {
  size_t len = make_message(writer->room, writer->id, writer->sent), at = 0;
  int result = fdwire_conn_send_begin(writer->conn, NULL, 0, len, -1);
  CHECK(result == 0 || result == FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_send(writer->conn, "x", 1, 0), -EBUSY);
  while (at < len) {
    size_t part =
        least(len - at, 1 + below(&writer->dice, one_in(&writer->dice, 2) ? 100 : 100000));
    int timeout = timeout_of(&writer->dice);
    do {
      result = fdwire_conn_send_part(writer->conn, writer->room + at, part, timeout);
      if (result == -EMSGSIZE && timeout >= 0)
        result = fdwire_conn_send_part(writer->conn, writer->room + at, part, timeout = -1);
    } while (!accepted(writer, result, turn_code(timeout)));
    at += part;
    if (one_in(&writer->dice, 8) && at < len)
      CHECK_IS(fdwire_conn_send_begin(writer->conn, NULL, 0, 1, 0), -EBUSY);
  }
  writer->sent++;
}

static void by_file(struct writer *writer) {
  size_t len = make_message(writer->room, writer->id, writer->sent);
  int timeout = timeout_of(&writer->dice), result;
  NEED(pwrite(writer->file, writer->room, len, (off_t)writer->file_len) == (ssize_t)len);
  do
    result = fdwire_conn_send_file(writer->conn, writer->file, writer->file_len, len, timeout);
  while (!accepted(writer, result, turn_code(timeout)));
  writer->file_len += len;
  writer->sent++;
}

static void *write_messages(void *arg) {
  struct writer *writer = (struct writer *)arg;
  static void (*const calls[5])(struct writer *writer) = {by_send, by_send_many, by_queue, by_parts,
                                                          by_file};
  while (writer->sent < writer->count)
    calls[below(&writer->dice, 5)](writer);
  return NULL;
}

static void start_writers(struct writer *writers, size_t count, fdwire_conn *conn,
                          uint32_t messages) {
  for (size_t i = 0; i < count; i++) {
    struct writer *writer = &writers[i];
    FILE *file = tmpfile();
    memset(writer, 0, sizeof *writer);
    NEED(file != NULL && (writer->file = dup(fileno(file))) >= 0 && fclose(file) == 0);
    writer->conn = conn;
    writer->id = (uint32_t)i;
    writer->count = messages;
    writer->dice = dice_of(seed ^ scattered(i + 77 * messages));
    writer->room = (uint8_t *)bytes_of(5 * LONGEST);
    NEED(pthread_create(&writer->thread, NULL, write_messages, writer) == 0);
  }
}

static size_t join_writers(struct writer *writers, size_t count) {
  size_t refusals = 0;
  for (size_t i = 0; i < count; i++) {
    NEED(pthread_join(writers[i].thread, NULL) == 0);
    CHECK_IS(writers[i].sent, writers[i].count);
    refusals += writers[i].refusals;
    free(writers[i].room);
    close(writers[i].file);
  }
  return refusals;
}

/* A receiver that gets what all writers send: each one's messages in their order */

struct reader {
  fdwire_conn *conn;
  size_t writers;
  uint32_t next[WRITERS_MAX];
  uint64_t messages;
  struct dice dice;
  uint8_t *room;
  int result; /* of the call that gave none */
  pthread_t thread;
};

static void came(struct reader *reader, const uint8_t *body, size_t len) {
  uint32_t writer = 0, number = 0;
  int good = is_message(body, len, &writer, &number);
  CHECK(good);
  if (!good)
    exit(1); /* nothing behind it would be right */
  CHECK_IS(number, reader->next[writer]);
  reader->next[writer] = number + 1;
  reader->messages++;
}

static int by_recv(struct reader *reader, int timeout) {
  fdwire_msg msg;
  int result = fdwire_conn_recv(reader->conn, &msg, timeout);
  if (result == 1)
    came(reader, msg.body, msg.body_len);
  return result;
}

static int by_recv_many(struct reader *reader, int timeout) {
  fdwire_msg msgs[20];
  size_t count = 0;
  int result =
      fdwire_conn_recv_many(reader->conn, msgs, 1 + below(&reader->dice, 20), &count, timeout);
  for (size_t i = 0; result == 1 && i < count; i++)
    came(reader, msgs[i].body, msgs[i].body_len);
  return result;
}

static int by_recv_into(struct reader *reader, int timeout) {
  size_t len = 0, cap = below(&reader->dice, LONGEST);
  int result = fdwire_conn_recv_into(reader->conn, reader->room, cap, &len, timeout);
  if (result == -ENOBUFS) {
    CHECK(len > cap && len <= LONGEST);
    result = fdwire_conn_recv_into(reader->conn, reader->room, len, &len, timeout);
  }
  if (result == 1)
    came(reader, reader->room, len);
  return result;
}

static int by_recv_part(struct reader *reader, int timeout) {
  fdwire_msg head;
  uint64_t body_len;
  size_t at = 0, got;
  int result = fdwire_conn_recv_begin(reader->conn, &head, &body_len, timeout);
  if (result != 1)
    return result;
  NEED(body_len <= LONGEST);
  while ((result = fdwire_conn_recv_part(reader->conn, reader->room + at,
                                         1 + below(&reader->dice, 100000), &got, -1)) == 1)
    at += got;
  CHECK_IS(result, 0);
  CHECK_IS(at, body_len);
  came(reader, reader->room, at);
  return 1;
}

static void *read_messages(void *arg) {
  struct reader *reader = (struct reader *)arg;
  static int (*const calls[4])(struct reader *reader, int timeout) = {by_recv, by_recv_many,
                                                                      by_recv_into, by_recv_part};
  for (;;) {
    int timeout = timeout_of(&reader->dice);
    reader->result = calls[below(&reader->dice, 4)](reader, timeout);
    if (reader->result == (timeout == 0 ? -EAGAIN : -ETIMEDOUT) && timeout >= 0)
      continue;
    if (reader->result != 1)
      return NULL;
  }
}

/* One that has as much room as any message takes; its messages start at stamps of each writer. */
static void make_reader(struct reader *reader, fdwire_conn *conn, size_t writers) {
  memset(reader, 0, sizeof *reader);
  reader->conn = conn;
  reader->writers = writers;
  reader->dice = dice_of(seed + writers);
  reader->room = (uint8_t *)bytes_of(LONGEST + 100000);
}

static void all_came(struct reader *reader, uint32_t messages) {
  CHECK_IS(reader->result, 0);
  for (size_t i = 0; i < reader->writers; i++)
    CHECK_IS(reader->next[i], messages);
  free(reader->room);
}

/* A connection out of fds[1] and one into fds[0] */
static void connect_way(int way, int fds[2], fdwire_conn **in, fdwire_conn **out) {
  open_way(way, fds);
  *in = conn_of(fds[0], way == PIPE ? -1 : fds[0], NULL);
  *out = conn_of(way == PIPE ? -1 : fds[1], fds[1], NULL);
  if (way == PIPE)
    NEED(fdwire_conn_set(*out, FDWIRE_OWN, FDWIRE_OUT) == 0);
}

static void end_way(int way, int fds[2], fdwire_conn *in, fdwire_conn *out) {
  fdwire_conn_free(in);
  fdwire_conn_free(out);
  close(fds[0]);
  if (way != PIPE)
    close(fds[1]);
}

/* The tests */

static const char *const way_names[WAYS] = {"Unix socket", "TCP", "pipe"};

static void mix(int way, size_t count, int64_t limit, uint32_t messages) {
  int fds[2];
  fdwire_conn *in, *out;
  struct writer writers[WRITERS_MAX];
  struct reader reader;
  connect_way(way, fds, &in, &out);
  NEED(fdwire_conn_set(out, FDWIRE_SEND_LIMIT, limit) == 0);
  make_reader(&reader, in, count);
  NEED(pthread_create(&reader.thread, NULL, read_messages, &reader) == 0);
  start_writers(writers, count, out, messages);
  size_t refusals = join_writers(writers, count);
  CHECK_IS(fdwire_conn_shutdown(out, FDWIRE_SHUT_WR, DEADLINE), 0);
  NEED(pthread_join(reader.thread, NULL) == 0);
  all_came(&reader, messages);
  fdwire_stats sent = stats_of(out), got = stats_of(in);
  CHECK_IS(sent.messages_out, count * messages);
  CHECK_IS(got.messages_in, count * messages);
  CHECK_IS(got.bytes_in, sent.bytes_out);
  CHECK_IS(sent.pending + got.buffered, 0);
  printf("  %s, %zu threads: %llu messages by %llu writes and %llu reads, %zu refusals\n",
         way_names[way], count, (unsigned long long)got.messages_in,
         (unsigned long long)sent.writes, (unsigned long long)got.reads, refusals);
  end_way(way, fds, in, out);
}

static void threads_never_mix_their_messages(void) {
  EACH_WAY(way)
  for (size_t count = 2; count <= WRITERS_MAX; count *= 2)
    mix(way, count, count == 4 ? 64 << 10 : 32 << 20, (uint32_t)scaled(count == 4 ? 100 : 150));
}

/* An echo: each connection sends and receives, in threads of their own that do not wait for one
   another. */
static void *echo(void *arg) {
  fdwire_conn *conn = (fdwire_conn *)arg;
  fdwire_msg msg;
  int result;
  while ((result = fdwire_conn_recv(conn, &msg, -1)) == 1) {
    int sent = fdwire_conn_send(conn, msg.body, msg.body_len, -1);
    CHECK(sent == 0 || sent == FDWIRE_PENDING);
  }
  CHECK_IS(result, 0);
  CHECK_IS(fdwire_conn_shutdown(conn, FDWIRE_SHUT_WR, DEADLINE), 0);
  return NULL;
}

static void both_directions_at_once(void) {
  EACH_SOCKET(way) {
    int fds[2];
    fdwire_conn *far, *near;
    struct writer writers[3];
    struct reader reader;
    pthread_t echoer;
    uint32_t messages = (uint32_t)scaled(100);
    connect_way(way, fds, &far, &near);
    NEED(pthread_create(&echoer, NULL, echo, far) == 0);
    make_reader(&reader, near, 3);
    NEED(pthread_create(&reader.thread, NULL, read_messages, &reader) == 0);
    start_writers(writers, 3, near, messages);
    join_writers(writers, 3);
    CHECK_IS(fdwire_conn_shutdown(near, FDWIRE_SHUT_WR, DEADLINE), 0);
    NEED(pthread_join(reader.thread, NULL) == 0 && pthread_join(echoer, NULL) == 0);
    all_came(&reader, messages);
    end_way(way, fds, far, near);
  }
}

/* Several receivers: each message goes to one of them. */

struct sharer {
  fdwire_conn *conn;
  uint32_t last[WRITERS_MAX];
  uint8_t *seen; /* of each writer's messages, how often; all sharers' */
  uint32_t messages;
  pthread_mutex_t *lock;
  size_t first_cap;
  pthread_t thread;
};

static void *take_a_share(void *arg) {
  struct sharer *sharer = (struct sharer *)arg;
  uint8_t *room = (uint8_t *)bytes_of(LONGEST);
  size_t cap = sharer->first_cap, len = 0;
  int result;
  while ((result = fdwire_conn_recv_into(sharer->conn, room, cap, &len, -1)) == 1 ||
         result == -ENOBUFS) {
    uint32_t writer = 0, number = 0;
    if (result == -ENOBUFS) {
      /* Another thread may be faster with this message: then the room is for the next one. */
      CHECK(len > cap && len <= LONGEST);
      cap = len;
      continue;
    }
    cap = sharer->first_cap;
    int good = is_message(room, len, &writer, &number) && number < sharer->messages;
    CHECK(good);
    if (!good)
      break;
    CHECK(number + 1 > sharer->last[writer]); /* in their order */
    sharer->last[writer] = number + 1;
    pthread_mutex_lock(sharer->lock);
    sharer->seen[writer * sharer->messages + number]++;
    pthread_mutex_unlock(sharer->lock);
  }
  CHECK_IS(result, 0);
  free(room);
  return NULL;
}

static void several_threads_receive(void) {
  EACH_WAY(way) {
    enum { SHARERS = 4, SENDERS = 2 };
    int fds[2];
    fdwire_conn *in, *out;
    struct writer writers[SENDERS];
    struct sharer sharers[SHARERS];
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    uint32_t messages = (uint32_t)scaled(300);
    uint8_t *seen = (uint8_t *)calloc(SENDERS, messages);
    NEED(seen != NULL);
    connect_way(way, fds, &in, &out);
    for (size_t i = 0; i < SHARERS; i++) {
      memset(&sharers[i], 0, sizeof sharers[i]);
      sharers[i].conn = in;
      sharers[i].seen = seen;
      sharers[i].messages = messages;
      sharers[i].lock = &lock;
      sharers[i].first_cap = i == 0 ? 0 : i == 1 ? 200 : LONGEST;
      NEED(pthread_create(&sharers[i].thread, NULL, take_a_share, &sharers[i]) == 0);
    }
    start_writers(writers, SENDERS, out, messages);
    join_writers(writers, SENDERS);
    CHECK_IS(fdwire_conn_shutdown(out, FDWIRE_SHUT_WR, DEADLINE), 0);
    for (size_t i = 0; i < SHARERS; i++)
      NEED(pthread_join(sharers[i].thread, NULL) == 0);
    size_t wrong = 0;
    for (size_t i = 0; i < SENDERS * messages; i++)
      wrong += seen[i] != 1;
    CHECK_IS(wrong, 0);
    free(seen);
    end_way(way, fds, in, out);
  }
}

/* Calls that wait in a thread of their own, to be waked */

struct sleeper {
  fdwire_conn *conn;
  int (*call)(struct sleeper *sleeper);
  int result;
  long tid; /* 0: it has not begun */
  pthread_mutex_t lock;
  pthread_t thread;
};

static void *fall_asleep(void *arg) {
  struct sleeper *sleeper = (struct sleeper *)arg;
  pthread_mutex_lock(&sleeper->lock);
  sleeper->tid = (long)syscall(SYS_gettid);
  pthread_mutex_unlock(&sleeper->lock);
  sleeper->result = sleeper->call(sleeper);
  return NULL;
}

static int is_asleep(struct sleeper *sleeper) {
  char path[64], line[200];
  pthread_mutex_lock(&sleeper->lock);
  long tid = sleeper->tid;
  pthread_mutex_unlock(&sleeper->lock);
  if (tid == 0)
    return 0;
  snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
  FILE *file = fopen(path, "r");
  const char *at =
      file != NULL && fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
  if (file != NULL)
    fclose(file);
  return at != NULL && at[1] == ' ' && at[2] == 'S';
}

/* Seen to sleep several times, since a thread may sleep for a moment on its way. */
static void await_sleep(struct sleeper *sleeper) {
  long long until = now_ms() + DEADLINE;
  for (int seen = 0; seen < 5; seen = is_asleep(sleeper) ? seen + 1 : 0) {
    NEED(now_ms() < until);
    sleep_ms(1);
  }
}

static void start_sleeper(struct sleeper *sleeper, fdwire_conn *conn,
                          int (*call)(struct sleeper *sleeper)) {
  memset(sleeper, 0, sizeof *sleeper);
  sleeper->conn = conn;
  sleeper->call = call;
  NEED(pthread_mutex_init(&sleeper->lock, NULL) == 0);
  NEED(pthread_create(&sleeper->thread, NULL, fall_asleep, sleeper) == 0);
  await_sleep(sleeper);
}

static int woke_with(struct sleeper *sleeper) {
  NEED(pthread_join(sleeper->thread, NULL) == 0);
  pthread_mutex_destroy(&sleeper->lock);
  return sleeper->result;
}

static int sleep_in_recv(struct sleeper *sleeper) {
  fdwire_msg msg;
  return fdwire_conn_recv(sleeper->conn, &msg, -1);
}

static int sleep_in_recv_deadline(struct sleeper *sleeper) {
  fdwire_msg msg;
  return fdwire_conn_recv(sleeper->conn, &msg, DEADLINE);
}

static int sleep_in_recv_many(struct sleeper *sleeper) {
  fdwire_msg msgs[4];
  size_t count;
  return fdwire_conn_recv_many(sleeper->conn, msgs, 4, &count, -1);
}

static int sleep_in_recv_into(struct sleeper *sleeper) {
  char body[100];
  size_t len;
  return fdwire_conn_recv_into(sleeper->conn, body, sizeof body, &len, -1);
}

static int sleep_in_recv_begin(struct sleeper *sleeper) {
  fdwire_msg head;
  uint64_t len;
  return fdwire_conn_recv_begin(sleeper->conn, &head, &len, -1);
}

enum { RECEIVES = 5 };
static int (*const receives[RECEIVES])(struct sleeper *) = {sleep_in_recv, sleep_in_recv_deadline,
                                                            sleep_in_recv_many, sleep_in_recv_into,
                                                            sleep_in_recv_begin};

static int sleep_in_flush(struct sleeper *sleeper) { return fdwire_conn_flush(sleeper->conn, -1); }

/* More than the kernel takes, if it is told to take little; and within the limit of what may
   wait inside. */
enum { MUCH = 2 << 20 };
static uint8_t much[MUCH];

static void take_little(int way, int fds[2]) {
  int little = 64 << 10;
  if (way != PIPE)
    NEED(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &little, sizeof little) == 0);
}

static int sleep_in_send(struct sleeper *sleeper) {
  return fdwire_conn_send(sleeper->conn, much, MUCH, -1);
}

/* What came of a message until then is not lost: half of its head, or half of its body. */
static void cancel_wakes_whoever_receives(void) {
  static const char message[] = "\0\0\0\5hello";
  EACH_WAY(way)
  for (int i = 0; i < RECEIVES; i++)
    for (ssize_t here = 2; here <= (receives[i] == sleep_in_recv_begin ? 2 : 6); here += 4) {
      int fds[2];
      fdwire_conn *in, *out;
      struct sleeper sleeper;
      fdwire_msg msg;
      connect_way(way, fds, &in, &out);
      NEED(write(fds[1], message, (size_t)here) == here);
      start_sleeper(&sleeper, in, receives[i]);
      CHECK_IS(fdwire_conn_cancel(in), 0);
      CHECK_IS(woke_with(&sleeper), -ECANCELED);
      CHECK_IS(fdwire_conn_recv(in, &msg, -1), -ECANCELED); /* until it is lifted */
      CHECK_IS(fdwire_conn_set(in, FDWIRE_CANCELLED, 0), 0);
      CHECK_IS(fdwire_conn_recv(in, &msg, 0), -EAGAIN);
      NEED(write(fds[1], message + here, (size_t)(9 - here)) == 9 - here);
      CHECK_IS(fdwire_conn_recv(in, &msg, DEADLINE), 1);
      CHECK(msg.body_len == 5 && memcmp(msg.body, "hello", 5) == 0);
      end_way(way, fds, in, out);
    }
}

static void cancel_wakes_all_that_wait(void) {
  EACH_WAY(way) {
    int fds[2];
    fdwire_conn *in, *out;
    struct sleeper sleepers[6];
    char body[8];
    size_t len;
    connect_way(way, fds, &in, &out);
    for (int i = 0; i < 6; i++)
      start_sleeper(&sleepers[i], in, sleep_in_recv_into);
    CHECK_IS(fdwire_conn_cancel(in), 0);
    for (int i = 0; i < 6; i++)
      CHECK_IS(woke_with(&sleepers[i]), -ECANCELED);
    /* what needs no waiting is still done */
    CHECK_IS(fdwire_conn_send(out, "hello", 5, -1), 0);
    struct pollfd readable = {fds[0], POLLIN, 0};
    NEED(poll(&readable, 1, DEADLINE) == 1);
    CHECK_IS(fdwire_conn_recv_into(in, body, sizeof body, &len, -1), 1);
    end_way(way, fds, in, out);
  }
}

/* A part of a body that does not come. */
static int sleep_in_recv_part(struct sleeper *sleeper) {
  char part[100];
  size_t got;
  return fdwire_conn_recv_part(sleeper->conn, part, sizeof part, &got, -1);
}

static void cancel_wakes_whoever_receives_in_parts(void) {
  EACH_WAY(way) {
    int fds[2];
    fdwire_conn *in, *out;
    struct sleeper sleeper;
    fdwire_msg head;
    uint64_t body_len;
    size_t got;
    char part[8];
    connect_way(way, fds, &in, &out);
    NEED(write(fds[1], "\0\0\0\5", 4) == 4);
    CHECK_IS(fdwire_conn_recv_begin(in, &head, &body_len, DEADLINE), 1);
    start_sleeper(&sleeper, in, sleep_in_recv_part);
    CHECK_IS(fdwire_conn_cancel(in), 0);
    CHECK_IS(woke_with(&sleeper), -ECANCELED);
    NEED(write(fds[1], "hello", 5) == 5);
    CHECK_IS(fdwire_conn_set(in, FDWIRE_CANCELLED, 0), 0);
    CHECK_IS(fdwire_conn_recv_part(in, part, sizeof part, &got, DEADLINE), 1);
    CHECK(got == 5 && memcmp(part, "hello", 5) == 0);
    CHECK_IS(fdwire_conn_recv_part(in, part, sizeof part, &got, DEADLINE), 0);
    end_way(way, fds, in, out);
  }
}

struct lifter {
  fdwire_conn *conn;
  uint32_t round, done; /* 0 ends it */
};

static void pause_briefly(unsigned spins) {
  for (volatile unsigned i = 0; i < spins; i++) {
  }
}

static void await_round(uint32_t *round, uint32_t wanted) {
  for (unsigned tries = 1; __atomic_load_n(round, __ATOMIC_ACQUIRE) != wanted; tries++)
    if (tries % 1000 == 0)
      sched_yield();
}

enum { LIFTS = 20000 };

static void *lifts(void *arg) {
  struct lifter *lifter = (struct lifter *)arg;
  struct dice dice = dice_of(seed + 1);
  for (uint32_t round = 1; round <= scaled(LIFTS); round++) {
    await_round(&lifter->round, round);
    pause_briefly((unsigned)below(&dice, 200));
    CHECK_IS(fdwire_conn_set(lifter->conn, FDWIRE_CANCELLED, 0), 0);
    __atomic_store_n(&lifter->done, round, __ATOMIC_RELEASE);
  }
  return NULL;
}

/* Whichever of the two comes last: what wakes a thread that waits is raised only where it would be cancelled, or it would
   never sleep again. */
static void cancelled_and_lifted_at_once(void) {
  int fds[2];
  fdwire_msg msg;
  pthread_t thread;
  struct dice dice = dice_of(seed);
  open_way(UNIX_SOCKET, fds);
  struct lifter lifter = {conn_of(fds[0], -1, NULL), 0, 0};
  int event = dup(fds[0]); /* the number of the descriptor that the first wait makes */
  NEED(event >= 0 && close(event) == 0);
  CHECK_IS(fdwire_conn_recv(lifter.conn, &msg, 1), -ETIMEDOUT);
  NEED(pthread_create(&thread, NULL, lifts, &lifter) == 0);
  for (uint32_t round = 1; round <= scaled(LIFTS); round++) {
    struct pollfd raised = {event, POLLIN, 0};
    unsigned spins = (unsigned)below(&dice, 200);
    __atomic_store_n(&lifter.round, round, __ATOMIC_RELEASE);
    pause_briefly(spins);
    CHECK_IS(fdwire_conn_cancel(lifter.conn), 0);
    await_round(&lifter.done, round);
    if (poll(&raised, 1, 0) == 1)
      CHECK_IS(fdwire_conn_recv(lifter.conn, &msg, 1), -ECANCELED);
    CHECK_IS(fdwire_conn_set(lifter.conn, FDWIRE_CANCELLED, 0), 0);
  }
  NEED(pthread_join(thread, NULL) == 0);
  fdwire_conn_free(lifter.conn);
  close_way(fds);
}

/* Shutting down receiving is the end of the stream for whoever waits for it, on pipes too. */
static void shutdown_wakes_whoever_receives(void) {
  EACH_WAY(way)
  for (int one_thread = 0; one_thread <= (way != PIPE); one_thread++)
    for (int i = 0; i < RECEIVES; i++) {
      int fds[2];
      fdwire_conn *in, *out;
      struct sleeper sleeper;
      connect_way(way, fds, &in, &out);
      NEED(fdwire_conn_set(in, FDWIRE_ONE_THREAD, one_thread ? FDWIRE_BOTH : 0) == 0);
      start_sleeper(&sleeper, in, receives[i]);
      CHECK_IS(fdwire_conn_shutdown(in, FDWIRE_SHUT_RD, DEADLINE), 0);
      CHECK_IS(woke_with(&sleeper), 0);
      CHECK_IS(sleep_in_recv(&sleeper), 0);
      end_way(way, fds, in, out);
    }
}

static void several_are_waked_by_shutdown(void) {
  EACH_WAY(way) {
    int fds[2];
    fdwire_conn *in, *out;
    struct sleeper sleepers[4];
    connect_way(way, fds, &in, &out);
    for (int i = 0; i < 4; i++)
      start_sleeper(&sleepers[i], in, sleep_in_recv_into);
    CHECK_IS(fdwire_conn_shutdown(in, FDWIRE_SHUT_RD, DEADLINE), 0);
    for (int i = 0; i < 4; i++)
      CHECK_IS(woke_with(&sleepers[i]), 0);
    end_way(way, fds, in, out);
  }
}

/* Receives all that comes, and counts. */
static void *drain(void *arg) {
  struct reader *reader = (struct reader *)arg;
  fdwire_msg msg;
  while ((reader->result = fdwire_conn_recv(reader->conn, &msg, -1)) == 1)
    reader->messages++;
  return NULL;
}

static void start_draining(struct reader *reader, fdwire_conn *conn) {
  make_reader(reader, conn, 0);
  NEED(pthread_create(&reader->thread, NULL, drain, reader) == 0);
}

static void was_drained(struct reader *reader, uint64_t messages) {
  NEED(pthread_join(reader->thread, NULL) == 0);
  CHECK_IS(reader->result, 0);
  CHECK_IS(reader->messages, messages);
  free(reader->room);
}

/* A message of which the kernel has a part is accepted then, and the rest of it waits inside. */
static void cancel_wakes_whoever_sends(void) {
  EACH_WAY(way)
  for (int flushes = 0; flushes < 2; flushes++) {
    int fds[2];
    fdwire_conn *in, *out;
    struct sleeper sleeper;
    struct reader reader;
    connect_way(way, fds, &in, &out);
    take_little(way, fds);
    if (flushes)
      CHECK_IS(fdwire_conn_send(out, much, MUCH, 0), FDWIRE_PENDING);
    start_sleeper(&sleeper, out, flushes ? sleep_in_flush : sleep_in_send);
    CHECK_IS(fdwire_conn_cancel(out), 0);
    CHECK_IS(woke_with(&sleeper), flushes ? -ECANCELED : FDWIRE_PENDING);
    CHECK(fdwire_conn_pending(out) > 0 && fdwire_conn_pending(out) < MUCH + 4);
    CHECK_IS(fdwire_conn_flush(out, -1), -ECANCELED);
    CHECK_IS(fdwire_conn_set(out, FDWIRE_CANCELLED, 0), 0);
    start_draining(&reader, in);
    CHECK_IS(fdwire_conn_send(out, "end", 3, -1), 0);
    CHECK_IS(fdwire_conn_shutdown(out, FDWIRE_SHUT_WR, DEADLINE), 0);
    was_drained(&reader, 2);
    end_way(way, fds, in, out);
  }
}

/* One thread waits until the peer takes what is there; what others queue meanwhile is not held
   up by that. */
static void queueing_does_not_wait_for_a_flush(void) {
  EACH_WAY(way) {
    int fds[2];
    fdwire_conn *in, *out;
    struct sleeper sleeper;
    struct reader reader;
    fdwire_msg msg = {NULL, (const uint8_t *)"hello", 0, 5, 0};
    connect_way(way, fds, &in, &out);
    take_little(way, fds);
    CHECK_IS(fdwire_conn_send(out, much, MUCH, 0), FDWIRE_PENDING);
    start_sleeper(&sleeper, out, sleep_in_flush);
    uint64_t before = fdwire_conn_pending(out);
    for (int i = 0; i < 200; i++) {
      CHECK_IS(fdwire_conn_queue(out, &msg, 1), FDWIRE_PENDING);
      CHECK_IS(fdwire_conn_send(out, "hello", 5, 0), FDWIRE_PENDING);
    }
    CHECK_IS(fdwire_conn_flush(out, 0), -EAGAIN);
    CHECK_IS(fdwire_conn_flush(out, 5), -ETIMEDOUT);
    CHECK(fdwire_conn_pending(out) <= before + 400 * 9); /* TCP moves some by and by */
    CHECK(way == TCP_SOCKET || fdwire_conn_pending(out) == before + 400 * 9);
    await_sleep(&sleeper); /* still: waked for a moment where TCP moved some */
    start_draining(&reader, in);
    CHECK_IS(woke_with(&sleeper), 0);
    CHECK_IS(fdwire_conn_pending(out), 0);
    CHECK_IS(fdwire_conn_shutdown(out, FDWIRE_SHUT_WR, DEADLINE), 0);
    was_drained(&reader, 401);
    end_way(way, fds, in, out);
  }
}

/* A thread that sends in parts has its turn until the message is done. */

static int sleep_for_a_turn(struct sleeper *sleeper) {
  return fdwire_conn_send(sleeper->conn, "turn", 4, -1);
}

static void others_wait_for_the_last_part(void) {
  EACH_WAY(way) {
    int fds[2];
    fdwire_conn *in, *out;
    struct sleeper first, second;
    fdwire_msg msg;
    connect_way(way, fds, &in, &out);
    CHECK(fdwire_conn_send_begin(out, NULL, 0, 6, -1) >= 0);
    CHECK(fdwire_conn_send_part(out, "thr", 3, -1) >= 0);
    start_sleeper(&first, out, sleep_for_a_turn);
    CHECK_IS(fdwire_conn_cancel(out), 0);
    CHECK_IS(woke_with(&first), -ECANCELED);
    CHECK_IS(fdwire_conn_set(out, FDWIRE_CANCELLED, 0), 0);
    start_sleeper(&second, out, sleep_for_a_turn);
    CHECK_IS(fdwire_conn_send(out, "x", 1, -1), -EBUSY);
    CHECK(fdwire_conn_send_part(out, "ead", 3, -1) >= 0);
    CHECK_IS(woke_with(&second), 0);
    CHECK_IS(fdwire_conn_flush(out, DEADLINE), 0);
    CHECK_IS(fdwire_conn_recv(in, &msg, DEADLINE), 1);
    CHECK(msg.body_len == 6 && memcmp(msg.body, "thread", 6) == 0);
    CHECK_IS(fdwire_conn_recv(in, &msg, DEADLINE), 1);
    CHECK(msg.body_len == 4 && memcmp(msg.body, "turn", 4) == 0);
    end_way(way, fds, in, out);
  }
}

/* Looking on, and changing what may be changed, while others work */

struct watcher {
  fdwire_conn *conn;
  int tinkers;
  int *done;
  pthread_mutex_t *lock;
  unsigned long rounds;
  pthread_t thread;
};

/* Whether there is another round; those that began are counted. */
static int goes_on(struct watcher *watcher) {
  pthread_mutex_lock(watcher->lock);
  int on = !*watcher->done;
  watcher->rounds += (unsigned long)on;
  pthread_mutex_unlock(watcher->lock);
  return on;
}

static void await_watcher(struct watcher *watcher) {
  long long until = now_ms() + DEADLINE;
  for (unsigned long rounds = 0; rounds == 0; sleep_ms(1)) {
    NEED(now_ms() < until);
    pthread_mutex_lock(watcher->lock);
    rounds = watcher->rounds;
    pthread_mutex_unlock(watcher->lock);
  }
}

static void look_on(fdwire_conn *conn, fdwire_stats *last) {
  char line[300];
  fdwire_stats stats = stats_of(conn);
  CHECK(stats.messages_in >= last->messages_in && stats.messages_out >= last->messages_out);
  CHECK(stats.bytes_in >= last->bytes_in && stats.bytes_out >= last->bytes_out);
  CHECK(stats.reads >= last->reads && stats.writes >= last->writes);
  *last = stats;
  int events = fdwire_conn_events(conn);
  CHECK(events >= 0 && (events & ~(POLLIN | POLLOUT | FDWIRE_READY)) == 0);
  CHECK(fdwire_conn_pending(conn) <= 64 << 20);
  memset(line, 'x', sizeof line);
  CHECK(fdwire_conn_explain(conn, line, sizeof line) < 1000);
  CHECK(memchr(line, '\0', sizeof line) != NULL);
}

static void tinker(fdwire_conn *conn, unsigned long round) {
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_BATCH, round % 2 ? 1000 : 0), 0);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_READ_SIZE, round % 2 ? 4096 : 256 << 10), 0);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_SEND_LIMIT, round % 2 ? 100 << 10 : 32 << 20), 0);
  CHECK_IS(fdwire_conn_set(conn, FDWIRE_TAKE_FDS, round % 2), 0);
  int changed = fdwire_conn_set_format(conn, FDWIRE_OUT, NULL);
  CHECK(changed == 0 || changed == -EBUSY);
}

static void *watch(void *arg) {
  struct watcher *watcher = (struct watcher *)arg;
  fdwire_stats last;
  memset(&last, 0, sizeof last);
  while (goes_on(watcher)) {
    look_on(watcher->conn, &last);
    if (watcher->tinkers)
      tinker(watcher->conn, watcher->rounds);
    sleep_ms(watcher->rounds % 8 == 0);
  }
  return NULL;
}

static void others_may_look_on(void) {
  EACH_SOCKET(way) {
    int fds[2], done = 0;
    fdwire_conn *far, *near;
    struct writer writers[3];
    struct reader reader;
    struct watcher watchers[4];
    pthread_t echoer;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    uint32_t messages = (uint32_t)scaled(100);
    connect_way(way, fds, &far, &near);
    for (int i = 0; i < 4; i++) {
      memset(&watchers[i], 0, sizeof watchers[i]);
      watchers[i].conn = i % 2 ? far : near;
      watchers[i].tinkers = i == 0;
      watchers[i].done = &done;
      watchers[i].lock = &lock;
      NEED(pthread_create(&watchers[i].thread, NULL, watch, &watchers[i]) == 0);
      await_watcher(&watchers[i]);
    }
    NEED(pthread_create(&echoer, NULL, echo, far) == 0);
    make_reader(&reader, near, 3);
    NEED(pthread_create(&reader.thread, NULL, read_messages, &reader) == 0);
    start_writers(writers, 3, near, messages);
    join_writers(writers, 3);
    CHECK_IS(fdwire_conn_shutdown(near, FDWIRE_SHUT_WR, DEADLINE), 0);
    NEED(pthread_join(reader.thread, NULL) == 0 && pthread_join(echoer, NULL) == 0);
    pthread_mutex_lock(&lock);
    done = 1;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < 4; i++)
      NEED(pthread_join(watchers[i].thread, NULL) == 0);
    all_came(&reader, messages);
    end_way(way, fds, far, near);
  }
}

int main(int argc, char **argv) {
  check_begin();
  seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
  printf("seed %llu\n", (unsigned long long)seed);
  fill_table();
  RUN(threads_never_mix_their_messages);
  RUN(both_directions_at_once);
  RUN(several_threads_receive);
  RUN(cancel_wakes_whoever_receives);
  RUN(cancel_wakes_all_that_wait);
  RUN(cancel_wakes_whoever_receives_in_parts);
  RUN(cancelled_and_lifted_at_once);
  RUN(shutdown_wakes_whoever_receives);
  RUN(several_are_waked_by_shutdown);
  RUN(cancel_wakes_whoever_sends);
  RUN(queueing_does_not_wait_for_a_flush);
  RUN(others_wait_for_the_last_part);
  RUN(others_may_look_on);
  return check_end();
}
