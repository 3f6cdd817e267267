/* Descriptors that travel with messages over Unix sockets: bound to their message, and never
   leaked. */
#include "stream.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/un.h>

enum { MANY = 253, LARGE = 1 << 20, DEADLINE = 60000 };

static uint8_t large[LARGE]; /* a body; shorter ones are its first bytes */

/* A file that can be told from others by what is in it. */
static int new_file(int number) {
  int fd = memfd_create("fdwire", MFD_CLOEXEC);
  NEED(fd >= 0 && pwrite(fd, &number, sizeof number, 0) == (ssize_t)sizeof number);
  return fd;
}

static int number_of(int fd) {
  int number = -1;
  return pread(fd, &number, sizeof number, 0) == (ssize_t)sizeof number ? number : -1;
}

static void open_files(int *fds, size_t count, int first) {
  for (size_t i = 0; i < count; i++)
    fds[i] = new_file(first + (int)i);
}

static void close_files(const int *fds, size_t count) {
  for (size_t i = 0; i < count; i++)
    CHECK_IS(close(fds[i]), 0);
}

/* Takes what came with a message: these files and no more, each of them close-on-exec. */
static void check_files(fdwire_conn *conn, size_t count, int first) {
  int fds[MANY + 1];
  size_t taken = 99;
  CHECK_IS(fdwire_conn_take_fds(conn, fds, MANY + 1, &taken), count > 0);
  CHECK_IS(taken, count);
  for (size_t i = 0; i < taken && i < count; i++) {
    CHECK_IS(number_of(fds[i]), first + (int)i);
    CHECK_IS(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
    close(fds[i]);
  }
  CHECK_IS(fdwire_conn_take_fds(conn, fds, MANY + 1, &taken), 0);
  CHECK_IS(taken, 0);
}

/* Two ends of a Unix socket: fds[0], which takes descriptors, and fds[1]. */
struct ends {
  int fds[2];
  fdwire_conn *in, *out;
};

static void open_ends(struct ends *ends) {
  fdwire_msg msg;
  NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->fds) == 0);
  ends->in = conn_of(ends->fds[0], ends->fds[0], NULL);
  ends->out = conn_of(ends->fds[1], ends->fds[1], NULL);
  NEED(fdwire_conn_set(ends->in, FDWIRE_TAKE_FDS, 1) == 0);
  /* a connection that waits has a descriptor to be waked by: here, before any are counted */
  CHECK_IS(fdwire_conn_recv(ends->in, &msg, 1), -ETIMEDOUT);
  CHECK_IS(fdwire_conn_recv(ends->out, &msg, 1), -ETIMEDOUT);
}

static void close_ends(struct ends *ends) {
  fdwire_conn_free(ends->in);
  fdwire_conn_free(ends->out);
  close_way(ends->fds);
}

/* A stream of messages of which some have descriptors: files numbered in the order in which they
   were sent. */

struct item {
  size_t len, files;
};

static const struct item items[] = {
    {5, 0},     {5, 2},        {5, 0},  {0, 1},    {1, 1},      {1, 1},     {7, 0},
    {LARGE, 3}, {LARGE, 0},    {5, 1},  {100, 50}, {30000, 1},  {70000, 0}, {70000, 2},
    {10, 0},    {10, 0},       {10, 4}, {2000, 1}, {300000, 1}, {0, 0},     {9, MANY},
    {9, 0},     {LARGE, MANY}, {9, 1},  {9, 0},    {400000, 0}, {2, 1},
};
enum { ITEMS = sizeof items / sizeof *items };

static int first_file(size_t item) {
  int first = 0;
  for (size_t i = 0; i < item; i++)
    first += (int)items[i].files;
  return first;
}

/* How the sender waits, and how the receiver receives. */
enum send_way { AT_ONCE, IN_TIME, ALL_BEFORE, SEND_WAYS };
enum receive_way { RECV, RECV_MANY, RECV_INTO, RECV_PARTS, RECEIVE_WAYS };

struct sender {
  fdwire_conn *conn;
  int way;
  pthread_t thread;
};

static int send_item(fdwire_conn *conn, size_t i, int timeout) {
  int fds[MANY];
  open_files(fds, items[i].files, first_file(i));
  int result = items[i].files > 0
                   ? fdwire_conn_send_fds(conn, large, items[i].len, fds, items[i].files, timeout)
                   : fdwire_conn_send(conn, large, items[i].len, timeout);
  close_files(fds, items[i].files); /* at once, whether they are on their way or wait inside */
  return result;
}

static void send_items(fdwire_conn *conn, int way) {
  static const int timeouts[SEND_WAYS] = {-1, 2, 0};
  for (size_t i = 0; i < ITEMS; i++) {
    int result = send_item(conn, i, timeouts[way]);
    CHECK(result == 0 || (result == FDWIRE_PENDING && way != AT_ONCE));
  }
}

static void *run_sender(void *arg) {
  struct sender *sender = (struct sender *)arg;
  if (sender->way != ALL_BEFORE)
    send_items(sender->conn, sender->way);
  CHECK_IS(fdwire_conn_flush(sender->conn, DEADLINE), 0);
  CHECK_IS(fdwire_conn_shutdown(sender->conn, FDWIRE_SHUT_WR, DEADLINE), 0);
  return NULL;
}

static void check_item(fdwire_conn *conn, size_t i, const uint8_t *body, size_t len, int last) {
  CHECK(i < ITEMS);
  if (i >= ITEMS)
    return;
  CHECK_IS(len, items[i].len);
  CHECK(len == items[i].len && memcmp(body, large, len) == 0);
  if (last)
    check_files(conn, items[i].files, first_file(i));
  else
    CHECK_IS(items[i].files, 0); /* a message with descriptors is the last of its call */
}

static size_t receive_many(fdwire_conn *conn, int *result) {
  fdwire_msg msgs[8];
  size_t count, i = 0;
  while ((*result = fdwire_conn_recv_many(conn, msgs, 8, &count, DEADLINE)) == 1)
    for (size_t k = 0; k < count; k++, i++)
      check_item(conn, i, msgs[k].body, msgs[k].body_len, k == count - 1);
  return i;
}

/* The descriptors are there with the last part at the latest, and stay until the next message. */
static int receive_parts(fdwire_conn *conn, uint8_t *room, size_t *len) {
  fdwire_msg head;
  uint64_t body_len;
  size_t got;
  int result = fdwire_conn_recv_begin(conn, &head, &body_len, DEADLINE);
  *len = 0;
  if (result != 1)
    return result;
  while ((result = fdwire_conn_recv_part(conn, room + *len, 100000, &got, DEADLINE)) == 1)
    *len += got;
  CHECK_IS(*len, body_len);
  return result == 0 ? 1 : result;
}

static size_t receive_items(fdwire_conn *conn, int way, int *result) {
  uint8_t *room = (uint8_t *)bytes_of(LARGE + 100000);
  fdwire_msg msg;
  size_t i = 0, len = 0;
  for (;; i++) {
    if (way == RECV)
      *result = fdwire_conn_recv(conn, &msg, DEADLINE);
    else if (way == RECV_INTO)
      *result = fdwire_conn_recv_into(conn, room, LARGE, &len, DEADLINE);
    else
      *result = receive_parts(conn, room, &len);
    if (*result != 1)
      break;
    check_item(conn, i, way == RECV ? msg.body : room, way == RECV ? msg.body_len : len, 1);
  }
  free(room);
  return i;
}

static void descriptors_come_with_their_message(void) {
  for (int send_way = 0; send_way < SEND_WAYS; send_way++)
    for (int receive_way = 0; receive_way < RECEIVE_WAYS; receive_way++) {
      struct ends ends;
      struct sender sender;
      int result = 0;
      open_ends(&ends);
      sender.conn = ends.out;
      sender.way = send_way;
      if (send_way == ALL_BEFORE) {
        /* What the kernel does not take waits inside, with its descriptors. */
        send_items(ends.out, send_way);
        CHECK(fdwire_conn_pending(ends.out) > LARGE);
      }
      NEED(pthread_create(&sender.thread, NULL, run_sender, &sender) == 0);
      if (receive_way == RECV_MANY)
        CHECK_IS(receive_many(ends.in, &result), ITEMS);
      else
        CHECK_IS(receive_items(ends.in, receive_way, &result), ITEMS);
      CHECK_IS(result, 0);
      NEED(pthread_join(sender.thread, NULL) == 0);
      close_ends(&ends);
    }
}

/* Sends a message with so many new files. */
static int send_files(fdwire_conn *conn, const char *body, size_t count, int first) {
  int fds[MANY];
  open_files(fds, count, first);
  int result = fdwire_conn_send_fds(conn, body, strlen(body), fds, count, 0);
  close_files(fds, count);
  return result;
}

static void receives(fdwire_conn *conn, const char *body) {
  fdwire_msg msg;
  int result = fdwire_conn_recv(conn, &msg, DEADLINE);
  CHECK_IS(result, 1);
  CHECK(result == 1 && msg.body_len == strlen(body) && memcmp(msg.body, body, msg.body_len) == 0);
}

static void they_are_taken_bit_by_bit(void) {
  struct ends ends;
  int fds[3];
  size_t count = 99;
  open_ends(&ends);
  CHECK_IS(send_files(ends.out, "three", 3, 10), 0);
  CHECK_IS(fdwire_conn_take_fds(ends.in, fds, 3, &count), 0); /* not received yet */
  CHECK_IS(count, 0);
  receives(ends.in, "three");
  for (int i = 0; i < 3; i++) {
    CHECK_IS(fdwire_conn_take_fds(ends.in, NULL, 0, &count), 0); /* none of them */
    CHECK_IS(fdwire_conn_take_fds(ends.in, fds, 1, &count), 1);
    CHECK_IS(count, 1);
    CHECK_IS(number_of(fds[0]), 10 + i);
    close(fds[0]);
  }
  CHECK_IS(fdwire_conn_take_fds(ends.in, fds, 3, &count), 0);
  CHECK_IS(count, 0);
  close_ends(&ends);
}

/* With the first part of a body, if they came with it. */
static void they_are_there_before_the_end(void) {
  struct ends ends;
  fdwire_msg head;
  uint64_t body_len;
  size_t got;
  char part[4];
  open_ends(&ends);
  CHECK_IS(send_files(ends.out, "a body", 2, 0), 0);
  CHECK_IS(fdwire_conn_recv_begin(ends.in, &head, &body_len, DEADLINE), 1);
  CHECK_IS(fdwire_conn_recv_part(ends.in, part, 1, &got, DEADLINE), 1);
  check_files(ends.in, 2, 0);
  while (fdwire_conn_recv_part(ends.in, part, sizeof part, &got, DEADLINE) == 1)
    ;
  check_files(ends.in, 0, 0);
  close_ends(&ends);
}

static void what_is_not_taken_is_closed(void) {
  struct ends ends;
  fdwire_msg msg;
  int fds[3];
  size_t count;
  open_ends(&ends);
  int before = check_open_fds();
  for (int taken = 0; taken < 3; taken++)
    for (int more = 0; more < 2; more++) { /* by a receive that gives a message, or none */
      CHECK_IS(send_files(ends.out, "three", 3, 0), 0);
      receives(ends.in, "three");
      CHECK_IS(check_open_fds(), before + 3);
      if (taken > 0)
        CHECK_IS(fdwire_conn_take_fds(ends.in, fds, (size_t)taken, &count), 1);
      if (more) {
        CHECK_IS(fdwire_conn_send(ends.out, "next", 4, 0), 0);
        receives(ends.in, "next");
      } else {
        CHECK_IS(fdwire_conn_recv(ends.in, &msg, 0), -EAGAIN);
      }
      CHECK_IS(check_open_fds(), before + taken);
      close_files(fds, (size_t)taken);
      check_files(ends.in, 0, 0);
    }
  close_ends(&ends);
}

/* Freed with descriptors that were not taken, not delivered, not read, and not sent; RUN counts
   what is left open. */
static void a_freed_connection_leaves_none(void) {
  for (int received = 0; received < 4; received++) {
    struct ends ends;
    fdwire_msg head;
    uint64_t body_len;
    open_ends(&ends);
    for (int i = 0; i < 3; i++)
      CHECK_IS(send_files(ends.out, "hello", 5, i), 0);
    if (received == 3)
      CHECK_IS(fdwire_conn_recv_begin(ends.in, &head, &body_len, DEADLINE), 1);
    else
      for (int i = 0; i < received; i++)
        receives(ends.in, "hello");
    close_ends(&ends);
  }
  struct ends ends;
  open_ends(&ends);
  CHECK_IS(fdwire_conn_send(ends.out, large, LARGE, 0), FDWIRE_PENDING);
  for (int i = 0; i < 3; i++)
    CHECK_IS(send_files(ends.out, "hello", 5, i), FDWIRE_PENDING);
  close_ends(&ends);
}

static int not_close_on_exec(void) {
  int count = 0;
  for (int fd = 0; fd < 1024; fd++)
    count += fcntl(fd, F_GETFD) == 0;
  return count;
}

/* What fdwire itself opens meanwhile is close-on-exec too. */
static void what_waits_is_close_on_exec(void) {
  struct ends ends;
  open_ends(&ends);
  int before = check_open_fds(), inherited = not_close_on_exec();
  CHECK_IS(fdwire_conn_send(ends.out, large, LARGE, 0), FDWIRE_PENDING);
  CHECK_IS(send_files(ends.out, "hello", 5, 0), FDWIRE_PENDING);
  CHECK_IS(check_open_fds(), before + 5);
  CHECK_IS(not_close_on_exec(), inherited);
  close_ends(&ends);
}

static void without_the_option_they_go_unseen(void) {
  struct ends ends;
  open_ends(&ends);
  int before = check_open_fds();
  CHECK_IS(fdwire_conn_set(ends.in, FDWIRE_TAKE_FDS, 0), 0);
  CHECK_IS(send_files(ends.out, "unseen", 3, 0), 0);
  receives(ends.in, "unseen");
  CHECK_IS(check_open_fds(), before);
  check_files(ends.in, 0, 0);
  CHECK_IS(fdwire_conn_set(ends.in, FDWIRE_TAKE_FDS, 1), 0);
  CHECK_IS(send_files(ends.out, "seen", 3, 0), 0);
  receives(ends.in, "seen");
  check_files(ends.in, 3, 0);
  close_ends(&ends);
}

/* Peers in C, without fdwire */

enum { MANY_BY_HAND = 252 }; /* musl's own sendmsg takes no more */

static void send_by_hand(int fd, const void *bytes, size_t len, size_t count, int first) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MANY * sizeof(int))];
  } control;
  int fds[MANY];
  struct iovec part = {(void *)bytes, len};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  memset(&control, 0, sizeof control);
  open_files(fds, count, first);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
  }
  NEED(sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)len);
  close_files(fds, count);
}

/* However the peer cuts its message, and whichever of its bytes it binds them to. */
static void from_a_peer_in_c(void) {
  struct ends ends;
  open_ends(&ends);
  int fd = ends.fds[1];
  send_by_hand(fd, "\0\0\0\3one", 7, 2, 0);
  send_by_hand(fd, "\0\0\0\3two", 7, 0, 0);
  send_by_hand(fd, "\0", 1, 1, 10); /* with the first byte */
  send_by_hand(fd, "\0\0\5thre", 7, 0, 0);
  send_by_hand(fd, "e", 1, 0, 0);
  send_by_hand(fd, "\0\0\0\4fo", 6, 1, 20); /* and another time */
  send_by_hand(fd, "ur", 2, 1, 21);
  send_by_hand(fd, "\0\0\0\4fiv", 7, 0, 0);
  send_by_hand(fd, "e", 1, 3, 30); /* with the last byte */
  send_by_hand(fd, "\0\0\0\3six", 7, MANY_BY_HAND, 40);
  receives(ends.in, "one");
  check_files(ends.in, 2, 0);
  receives(ends.in, "two");
  check_files(ends.in, 0, 0);
  receives(ends.in, "three");
  check_files(ends.in, 1, 10);
  receives(ends.in, "four");
  check_files(ends.in, 2, 20);
  receives(ends.in, "five");
  check_files(ends.in, 3, 30);
  receives(ends.in, "six");
  check_files(ends.in, MANY_BY_HAND, 40);
  close_ends(&ends);
}

/* Those that come with the tail are there at the end of the body, too. */
static void with_the_tail(void) {
  struct ends ends;
  fdwire_format *tailed = format_of("u32be tail=';'");
  fdwire_msg head;
  uint64_t body_len;
  size_t got;
  char part[8];
  open_ends(&ends);
  NEED(fdwire_conn_set_format(ends.in, FDWIRE_IN, tailed) == 0);
  send_by_hand(ends.fds[1], "\0\0\0\4body", 8, 0, 0);
  CHECK_IS(fdwire_conn_recv_begin(ends.in, &head, &body_len, DEADLINE), 1);
  CHECK_IS(fdwire_conn_recv_part(ends.in, part, sizeof part, &got, DEADLINE), 1);
  send_by_hand(ends.fds[1], ";", 1, 2, 0);
  CHECK_IS(fdwire_conn_recv_part(ends.in, part, sizeof part, &got, DEADLINE), 0);
  check_files(ends.in, 2, 0);
  fdwire_format_free(tailed);
  close_ends(&ends);
}

/* A peer that never ends its message cannot make a program hold ever more of them; and what is more than one message may
   bring is told, in whatever pieces it came. */
static void more_than_a_message_may_bring(void) {
  for (int in_parts = 0; in_parts < 2; in_parts++) {
    struct ends ends;
    fdwire_msg msg;
    uint64_t body_len;
    size_t got, count;
    char part[8];
    int fds[2];
    open_ends(&ends);
    int before = check_open_fds();
    CHECK_IS(write(ends.fds[1], "\0\0\0\12", 4), 4);
    if (in_parts)
      CHECK_IS(fdwire_conn_recv_begin(ends.in, &msg, &body_len, DEADLINE), 1);
    for (int i = 0; i < 10; i++) {
      CHECK_IS(check_open_fds() <= before + 2 * MANY_BY_HAND, 1);
      send_by_hand(ends.fds[1], "x", 1, MANY_BY_HAND, 0);
      if (in_parts)
        CHECK_IS(fdwire_conn_recv_part(ends.in, part, sizeof part, &got, DEADLINE), 1);
      else if (i < 9)
        CHECK_IS(fdwire_conn_recv(ends.in, &msg, 0), -EAGAIN);
    }
    if (in_parts)
      CHECK_IS(fdwire_conn_recv_part(ends.in, part, sizeof part, &got, DEADLINE), 0);
    else
      receives(ends.in, "xxxxxxxxxx");
    CHECK_IS(fdwire_conn_take_fds(ends.in, fds, 2, &count), -EMFILE);
    check_files(ends.in, 0, 0);
    CHECK_IS(check_open_fds(), before);
    send_by_hand(ends.fds[1], "\0\0\0\4next", 8, MANY_BY_HAND, 0);
    receives(ends.in, "next");
    check_files(ends.in, MANY_BY_HAND, 0);
    close_ends(&ends);
  }
}

struct beside {
  fdwire_conn *conn;
  uint8_t *room;
  int result;
};

static void *receive_into_room(void *arg) {
  struct beside *beside = (struct beside *)arg;
  size_t len;
  beside->result = fdwire_conn_recv_into(beside->conn, beside->room, LARGE, &len, DEADLINE);
  return NULL;
}

/* A receive that finds another thread inside a message leaves what came with it alone. */
static void a_receive_in_vain_beside_another(void) {
  enum { LEN = 100000, FIRST = 50000 };
  struct ends ends;
  struct beside beside;
  fdwire_msg msg, msgs[2];
  uint64_t body_len;
  size_t count;
  pthread_t thread;
  uint8_t *wire = (uint8_t *)bytes_of(LEN + 4);
  memset(wire, 'x', LEN + 4);
  fdwire_put_u32be(wire, LEN);
  open_ends(&ends);
  beside.conn = ends.in;
  beside.room = (uint8_t *)bytes_of(LARGE);
  NEED(pthread_create(&thread, NULL, receive_into_room, &beside) == 0);
  send_by_hand(ends.fds[1], wire, FIRST, 2, 0);
  while (stats_of(ends.in).bytes_in < FIRST)
    sleep_ms(1);
  CHECK_IS(fdwire_conn_recv(ends.in, &msg, 0), -EAGAIN);
  CHECK_IS(fdwire_conn_recv_many(ends.in, msgs, 2, &count, 0), -EAGAIN);
  CHECK_IS(fdwire_conn_recv_begin(ends.in, &msg, &body_len, 0), -EAGAIN);
  CHECK_IS(write(ends.fds[1], wire + FIRST, LEN + 4 - FIRST), LEN + 4 - FIRST);
  NEED(pthread_join(thread, NULL) == 0);
  CHECK_IS(beside.result, 1);
  check_files(ends.in, 2, 0);
  free(beside.room);
  free(wire);
  close_ends(&ends);
}

/* Credentials that the receiver asked the kernel for leave room for the descriptors. */
static void beside_credentials(void) {
  struct ends ends;
  int on = 1;
  open_ends(&ends);
  NEED(setsockopt(ends.fds[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
  CHECK_IS(send_files(ends.out, "one", 1, 0), 0);
  CHECK_IS(send_files(ends.out, "all", MANY, 10), 0);
  receives(ends.in, "one");
  check_files(ends.in, 1, 0);
  receives(ends.in, "all");
  check_files(ends.in, MANY, 10);
  close_ends(&ends);
}

/* Reads so many bytes by one call; returns how many descriptors came with it, and closes them. */
static size_t read_by_hand(int fd, void *bytes, size_t len, int first) {
  union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(MANY * sizeof(int))];
  } control;
  int fds[MANY];
  size_t count = 0;
  struct iovec part = {bytes, len};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof control.bytes;
  NEED(recvmsg(fd, &message, MSG_CMSG_CLOEXEC) == (ssize_t)len);
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL)
    return 0;
  CHECK(header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        CMSG_NXTHDR(&message, header) == NULL);
  count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  memcpy(fds, CMSG_DATA(header), count * sizeof(int));
  for (size_t i = 0; i < count; i++)
    CHECK_IS(number_of(fds[i]), first + (int)i);
  close_files(fds, count);
  return count;
}

/* One that reads each message by itself gets them with that message, whatever was written by the
   same call. */
static void to_a_peer_in_c(void) {
  for (int queued = 0; queued < 2; queued++) {
    struct ends ends;
    fdwire_msg msg = {NULL, (const uint8_t *)"plain", 0, 5, 0};
    char frame[9];
    open_ends(&ends);
    if (queued) /* behind a message that waits */
      CHECK_IS(fdwire_conn_queue(ends.out, &msg, 1), FDWIRE_PENDING);
    else
      CHECK_IS(fdwire_conn_send(ends.out, "plain", 5, 0), 0);
    CHECK_IS(send_files(ends.out, "first", 2, 0), 0);
    CHECK_IS(send_files(ends.out, "third", 1, 10), 0);
    CHECK_IS(fdwire_conn_send(ends.out, "plain", 5, 0), 0);
    static const size_t files[4] = {0, 2, 1, 0};
    static const char *const frames[4] = {"\0\0\0\5plain", "\0\0\0\5first", "\0\0\0\5third",
                                          "\0\0\0\5plain"};
    for (int i = 0; i < 4; i++) {
      CHECK_IS(read_by_hand(ends.fds[0], frame, 9, i == 2 ? 10 : 0), files[i]);
      CHECK(memcmp(frame, frames[i], 9) == 0);
    }
    close_ends(&ends);
  }
}

/* Those of a message that is skipped, or dropped at the end, are nobody else's. */
static void those_of_skipped_messages_are_closed(void) {
  struct ends ends;
  fdwire_msg msg;
  fdwire_format *narrow = format_of("u32be max=10");
  open_ends(&ends);
  NEED(fdwire_conn_set_format(ends.in, FDWIRE_IN, narrow) == 0);
  int before = check_open_fds();
  CHECK_IS(send_files(ends.out, "longer than ten bytes", 3, 0), 0);
  CHECK_IS(fdwire_conn_send(ends.out, "next", 4, 0), 0);
  CHECK_IS(fdwire_conn_recv(ends.in, &msg, DEADLINE), FDWIRE_E_TOO_LONG);
  CHECK_IS(fdwire_conn_skip(ends.in), 0);
  receives(ends.in, "next");
  check_files(ends.in, 0, 0);
  CHECK_IS(check_open_fds(), before);
  for (int i = 0; i < 3; i++)
    CHECK_IS(send_files(ends.out, "late", 3, 0), 0);
  CHECK_IS(fdwire_conn_shutdown(ends.out, FDWIRE_SHUT_WR, 0), 0);
  CHECK_IS(fdwire_conn_finish(ends.in, NULL, DEADLINE), 0);
  CHECK_IS(check_open_fds(), before);
  fdwire_format_free(narrow);
  close_ends(&ends);
}

/* They are none of the next message's: neither those of the rest of a message in parts, nor those of bytes that were handed
   over. */
static void those_of_dropped_bytes_are_closed(void) {
  struct ends ends;
  fdwire_msg msg;
  uint64_t body_len;
  const void *rest;
  size_t len;
  open_ends(&ends);
  int before = check_open_fds(), fd = ends.fds[1];
  CHECK_IS(write(fd, "\0\0\0\6ab", 6), 6);
  CHECK_IS(fdwire_conn_recv_begin(ends.in, &msg, &body_len, DEADLINE), 1);
  CHECK_IS(fdwire_conn_skip(ends.in), 0);
  send_by_hand(fd, "cdef", 4, 2, 0);
  send_by_hand(fd, "\0\0\0\3two", 7, 1, 10);
  receives(ends.in, "two");
  check_files(ends.in, 1, 10);
  send_by_hand(fd, "\0\0\0\6ab", 6, 2, 0);
  CHECK_IS(fdwire_conn_recv(ends.in, &msg, 0), -EAGAIN);
  CHECK_IS(fdwire_conn_unread(ends.in, &rest, &len), 0);
  CHECK_IS(len, 6);
  CHECK_IS(check_open_fds(), before);
  send_by_hand(fd, "\0\0\0\5three", 9, 1, 20);
  receives(ends.in, "three");
  check_files(ends.in, 1, 20);
  close_ends(&ends);
}

/* Refusals */

static void where_they_cannot_be_sent(void) {
  int file = new_file(0);
  for (int way = TCP_SOCKET; way < WAYS; way++) {
    int fds[2];
    open_way(way, fds);
    fdwire_conn *conn = conn_of(-1, fds[1], NULL);
    CHECK_IS(fdwire_conn_send_fds(conn, "x", 1, &file, 1, -1), -EOPNOTSUPP);
    CHECK_IS(fdwire_conn_send(conn, "x", 1, -1), 0);
    fdwire_conn_free(conn);
    close_way(fds);
  }
  struct tube tube;
  struct end end;
  memset(&end, 0, sizeof end);
  tube_open(&tube, 100);
  end.out = &tube;
  fdwire_conn *conn = conn_over(&end, NULL);
  CHECK_IS(fdwire_conn_send_fds(conn, "x", 1, &file, 1, 0), -EOPNOTSUPP);
  CHECK_IS(tube.len, 0);
  fdwire_conn_free(conn);
  free(tube.bytes);
  close(file);
}

static void what_cannot_be_sent(void) {
  struct ends ends;
  int fds[MANY + 1];
  size_t count;
  open_ends(&ends);
  int before = check_open_fds();
  open_files(fds, MANY + 1, 0);
  int closed = fds[MANY];
  CHECK_IS(fdwire_conn_send_fds(ends.out, "x", 1, fds, MANY + 1, 0), -EINVAL);
  close(closed);
  int with_closed[2] = {fds[0], closed}, with_none[3] = {fds[0], -1, fds[1]};
  CHECK_IS(fdwire_conn_send_fds(ends.out, "x", 1, with_closed, 2, 0), -EBADF);
  CHECK_IS(fdwire_conn_send_fds(ends.out, "x", 1, with_none, 3, -1), -EBADF);
  CHECK_IS(fdwire_conn_send_fds(ends.out, "x", 1, NULL, 1, 0), -EINVAL);
  CHECK_IS(fdwire_conn_send_fds(ends.out, NULL, 1, fds, 1, 0), -EINVAL);
  CHECK_IS(fdwire_conn_send_fds(NULL, "x", 1, fds, 1, 0), -EINVAL);
  CHECK_IS(fdwire_conn_take_fds(NULL, fds, 1, &count), -EINVAL);
  CHECK_IS(fdwire_conn_take_fds(ends.in, fds, 1, NULL), -EINVAL);
  CHECK_IS(fdwire_conn_take_fds(ends.in, NULL, 1, &count), -EINVAL);
  fdwire_conn *only_in = conn_of(ends.fds[1], -1, NULL);
  CHECK_IS(fdwire_conn_send_fds(only_in, "x", 1, fds, 1, 0), -EBADF);
  fdwire_conn_free(only_in);
  CHECK_IS(fdwire_conn_pending(ends.out), 0);
  CHECK_IS(stats_of(ends.out).messages_out, 0);
  CHECK_IS(fdwire_conn_send_fds(ends.out, "none", 4, NULL, 0, 0), 0);
  CHECK_IS(fdwire_conn_send_fds(ends.out, "two", 3, fds, 2, 0), 0);
  receives(ends.in, "none");
  check_files(ends.in, 0, 0);
  receives(ends.in, "two");
  check_files(ends.in, 2, 0);
  close_files(fds, MANY);
  CHECK_IS(check_open_fds(), before);
  close_ends(&ends);
}

/* Refused like other messages, and nothing of theirs is kept. */
static void refused_like_others(void) {
  struct ends ends;
  fdwire_format *narrow = format_of("u32be max=10"), *eof = format_of("eof");
  open_ends(&ends);
  int before = check_open_fds();
  NEED(fdwire_conn_set_format(ends.out, FDWIRE_OUT, narrow) == 0);
  CHECK_IS(send_files(ends.out, "longer than ten bytes", 1, 0), FDWIRE_E_TOO_LONG);
  NEED(fdwire_conn_set_format(ends.out, FDWIRE_OUT, eof) == 0);
  CHECK_IS(send_files(ends.out, "", 1, 0), FDWIRE_E_MALFORMED);
  NEED(fdwire_conn_set_format(ends.out, FDWIRE_OUT, NULL) == 0);
  CHECK(fdwire_conn_send_begin(ends.out, NULL, 0, 1, 0) >= 0);
  CHECK_IS(send_files(ends.out, "x", 1, 0), -EBUSY);
  CHECK_IS(fdwire_conn_send_part(ends.out, "x", 1, 0), 0);
  CHECK_IS(fdwire_conn_send(ends.out, large, LARGE, 0), FDWIRE_PENDING);
  NEED(fdwire_conn_set(ends.out, FDWIRE_SEND_LIMIT, (int64_t)fdwire_conn_pending(ends.out) + 10) ==
       0);
  CHECK_IS(send_files(ends.out, "too much", 3, 0), -ENOBUFS);
  CHECK_IS(check_open_fds(), before);
  CHECK_IS(send_files(ends.out, "fits", 3, 0), FDWIRE_PENDING);
  CHECK_IS(shutdown(ends.fds[0], SHUT_RDWR), 0);
  CHECK_IS(send_files(ends.out, "", 3, 0), -EPIPE);
  fdwire_format_free(narrow);
  fdwire_format_free(eof);
  close_ends(&ends);
}

/* Limits of the system, each in a process of its own */

/* What is on its way counts for all processes of a user together, so a privileged one becomes a user that no other is. */
static int be_another_user(void) {
  uid_t user = 0x40000000 + (uid_t)getpid(), nobody = 65534;
  return geteuid() != 0 || setresuid(user, user, user) == 0 || setresuid(nobody, nobody, nobody) == 0;
}

/* And others take turns. */
static int take_turns(void) {
  int turn = geteuid() == 0 ? -1 : open(__FILE__, O_RDONLY | O_CLOEXEC);
  NEED(turn < 0 || flock(turn, LOCK_EX) == 0);
  return turn;
}

static void in_a_child(void (*test)(void)) {
  int status = 0, turn = take_turns();
  fflush(stdout);
  pid_t child = fork();
  NEED(child >= 0);
  if (child == 0) {
    if (turn >= 0)
      close(turn);
    check_failures = 0;
    alarm(DEADLINE / 1000);
    test();
    fflush(stdout);
    _exit(check_failures > 0);
  }
  NEED(waitpid(child, &status, 0) == child);
  if (turn >= 0)
    close(turn);
  CHECK_IS(status, 0);
}

static void set_limit(rlim_t limit) {
  struct rlimit files;
  NEED(getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = limit < files.rlim_max ? limit : files.rlim_max;
  NEED(setrlimit(RLIMIT_NOFILE, &files) == 0);
}

/* Lets this process open so many more descriptors; whether the kernel knows of it, which under
   valgrind it does not. */
static int leave_room_for(int more) {
  char line[200];
  int limit = 0, real = -1;
  for (; more > 0 || fcntl(limit, F_GETFD) >= 0; limit++)
    more -= fcntl(limit, F_GETFD) < 0;
  FILE *file = fopen("/proc/self/limits", "r");
  NEED(file != NULL);
  set_limit((rlim_t)limit);
  while (fgets(line, sizeof line, file) != NULL && sscanf(line, "Max open files %d", &real) != 1)
    ;
  fclose(file);
  return real == limit;
}

static void receive_beyond_the_limit(void) {
  for (int room = 0; room < 5; room++) {
    struct ends ends;
    int fds[5];
    size_t count;
    open_ends(&ends);
    CHECK_IS(send_files(ends.out, "too many", 5, 0), 0);
    CHECK_IS(fdwire_conn_send(ends.out, "next", 4, 0), 0);
    int before = check_open_fds();
    if (!leave_room_for(room))
      printf("  the kernel does not know of limits here\n");
    else {
      receives(ends.in, "too many");
      CHECK_IS(fdwire_conn_take_fds(ends.in, fds, 5, &count), -EMFILE);
      receives(ends.in, "next");
      check_files(ends.in, 0, 0);
      set_limit(4096);
      CHECK_IS(check_open_fds(), before);
      CHECK_IS(send_files(ends.out, "enough", 5, 10), 0);
      receives(ends.in, "enough");
      check_files(ends.in, 5, 10);
    }
    set_limit(4096);
    close_ends(&ends);
  }
}

/* What waits inside needs a descriptor of its own for each. */
static void send_beyond_the_limit(void) {
  struct ends ends;
  uint8_t *room = (uint8_t *)bytes_of(LARGE);
  size_t len;
  int fds[3];
  open_ends(&ends);
  open_files(fds, 3, 0);
  CHECK_IS(fdwire_conn_send(ends.out, large, LARGE, 0), FDWIRE_PENDING);
  uint64_t before = fdwire_conn_pending(ends.out);
  int open = check_open_fds();
  leave_room_for(2);
  CHECK_IS(fdwire_conn_send_fds(ends.out, "x", 1, fds, 3, 0), -EMFILE);
  set_limit(4096);
  CHECK_IS(check_open_fds(), open);
  CHECK_IS(fdwire_conn_pending(ends.out), before);
  CHECK_IS(fdwire_conn_send_fds(ends.out, "two", 3, fds, 2, 0), FDWIRE_PENDING);
  while (fdwire_conn_recv_into(ends.in, room, LARGE, &len, 0) == -EAGAIN)
    CHECK(fdwire_conn_flush(ends.out, 0) == 0 || fdwire_conn_pending(ends.out) > 0);
  CHECK(len == LARGE && memcmp(large, room, LARGE) == 0);
  fdwire_conn_flush(ends.out, 0);
  receives(ends.in, "two");
  check_files(ends.in, 2, 0);
  close_files(fds, 3);
  free(room);
  close_ends(&ends);
}

/* So many may be on their way as may be open; a privileged process has no such limit. */
static void too_many_on_their_way(void) {
  struct ends ends;
  int results[20], refused = 0, sent = 0;
  if (!be_another_user())
    return;
  open_ends(&ends);
  int known = leave_room_for(30);
  for (int i = 0; i < 20; i++) {
    results[i] = send_files(ends.out, "x", 10, i);
    sent += results[i] == 0;
    refused += results[i] == -ETOOMANYREFS;
  }
  CHECK_IS(sent + refused, 20);
  CHECK(refused > 0 || !known);
  CHECK_IS(stats_of(ends.out).messages_out, sent);
  for (int i = 0; i < 20; i++)
    if (results[i] == 0) {
      receives(ends.in, "x");
      check_files(ends.in, 10, i);
    }
  int result;
  long long until = now_ms() + DEADLINE / 2;
  while ((result = send_files(ends.out, "again", 10, 7)) == -ETOOMANYREFS && now_ms() < until)
    sleep_ms(1); /* the limit is for all processes of a user together */
  CHECK_IS(result, 0);
  receives(ends.in, "again");
  check_files(ends.in, 10, 7);
  close_ends(&ends);
}

/* A message with a descriptor waits behind others' that are on their way, and those are received in time. */
struct jam {
  struct ends ends, others;
  int file;
  pthread_t thread;
};

static void jam_close(struct jam *jam) {
  close(jam->file);
  close_ends(&jam->ends);
  close_ends(&jam->others);
}

/* False where there is no such limit. */
static int jam_begins(struct jam *jam) {
  int result = 0;
  if (!be_another_user())
    return 0;
  open_ends(&jam->ends);
  open_ends(&jam->others);
  jam->file = new_file(7);
  if (!leave_room_for(30)) {
    jam_close(jam);
    return 0;
  }
  CHECK_IS(fdwire_conn_send(jam->ends.out, large, LARGE, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_send_fds(jam->ends.out, "file", 4, &jam->file, 1, 0), FDWIRE_PENDING);
  for (int i = 0; i < 20 && result == 0; i++)
    result = send_files(jam->others.out, "x", 10, 0);
  CHECK_IS(result, -ETOOMANYREFS);
  return 1;
}

static void *jam_dissolves(void *arg) {
  struct jam *jam = (struct jam *)arg;
  fdwire_msg msg;
  sleep_ms(100);
  while (fdwire_conn_recv(jam->others.in, &msg, 0) == 1) {
  }
  CHECK_IS(fdwire_conn_recv(jam->others.in, &msg, 0), -EAGAIN); /* this closes what came last */
  return NULL;
}

static void jam_ends(struct jam *jam) {
  NEED(pthread_join(jam->thread, NULL) == 0);
  jam_close(jam);
}

static void receive_large(struct jam *jam, size_t len) {
  uint8_t *room = (uint8_t *)bytes_of(LARGE);
  size_t got = 0;
  int result;
  while ((result = fdwire_conn_recv_into(jam->ends.in, room, LARGE, &got, 0)) == -EAGAIN)
    fdwire_conn_flush(jam->ends.out, 0);
  CHECK(result == 1 && got == len && memcmp(room, large, len) == 0);
  free(room);
}

/* What is sent behind it is not lost, and without a deadline it goes as soon as it can. */
static void send_behind_a_jam(void) {
  struct jam jam;
  size_t len = 100000;
  if (!jam_begins(&jam))
    return;
  receive_large(&jam, LARGE);
  CHECK_IS(fdwire_conn_flush(jam.ends.out, 0), -ETOOMANYREFS);
  CHECK_IS(fdwire_conn_send(jam.ends.out, large, len, 0), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(jam.ends.out), 8 + 4 + len);
  CHECK_IS(fdwire_conn_send(jam.ends.out, large, len, 20), FDWIRE_PENDING);
  CHECK_IS(fdwire_conn_pending(jam.ends.out), 8 + 2 * (4 + len));
  NEED(pthread_create(&jam.thread, NULL, jam_dissolves, &jam) == 0);
  CHECK_IS(fdwire_conn_send(jam.ends.out, "last", 4, -1), 0);
  receives(jam.ends.in, "file");
  check_files(jam.ends.in, 1, 7);
  receive_large(&jam, len);
  receive_large(&jam, len);
  receives(jam.ends.in, "last");
  jam_ends(&jam);
}

/* And a receive that waits sends it meanwhile. */
static void *answers(void *arg) {
  struct jam *jam = (struct jam *)arg;
  jam_dissolves(jam);
  receives(jam->ends.in, "file");
  check_files(jam->ends.in, 1, 7);
  CHECK_IS(fdwire_conn_send(jam->ends.in, "answer", 6, 0), 0);
  return NULL;
}

static void receive_behind_a_jam(void) {
  struct jam jam;
  if (!jam_begins(&jam))
    return;
  receive_large(&jam, LARGE);
  NEED(pthread_create(&jam.thread, NULL, answers, &jam) == 0);
  receives(jam.ends.out, "answer");
  jam_ends(&jam);
}

/* A flush that has time goes on when it can, and so does an end that was cancelled. */
static void flush_behind_a_jam(void) {
  struct jam jam;
  if (!jam_begins(&jam))
    return;
  receive_large(&jam, LARGE);
  long long start = now_ms();
  CHECK_IS(fdwire_conn_flush(jam.ends.out, 30), -ETOOMANYREFS);
  CHECK_TOOK(start, 30, 1000);
  NEED(pthread_create(&jam.thread, NULL, jam_dissolves, &jam) == 0);
  CHECK_IS(fdwire_conn_flush(jam.ends.out, DEADLINE), 0);
  receives(jam.ends.in, "file");
  check_files(jam.ends.in, 1, 7);
  jam_ends(&jam);
}

static void *takes_all(void *arg) {
  struct jam *jam = (struct jam *)arg;
  jam_dissolves(jam);
  receives(jam->ends.in, "file");
  check_files(jam->ends.in, 1, 7);
  fdwire_msg msg;
  CHECK_IS(fdwire_conn_recv(jam->ends.in, &msg, -1), 0);
  CHECK_IS(fdwire_conn_shutdown(jam->ends.in, FDWIRE_SHUT_WR, 0), 0);
  return NULL;
}

static void end_behind_a_jam(void) {
  struct jam jam;
  uint64_t unsent = 1;
  if (!jam_begins(&jam))
    return;
  receive_large(&jam, LARGE);
  CHECK_IS(fdwire_conn_shutdown(jam.ends.out, FDWIRE_SHUT_WR, 0), -ETOOMANYREFS);
  NEED(fdwire_conn_cancel(jam.ends.out) == 0);
  NEED(pthread_create(&jam.thread, NULL, takes_all, &jam) == 0);
  CHECK_IS(fdwire_conn_finish(jam.ends.out, &unsent, DEADLINE), 0);
  CHECK_IS(unsent, 0);
  jam_ends(&jam);
}

/* The message can be taken back, and others go on. */
static void one_that_is_never_sent(void) {
#ifdef SYS_io_uring_setup
  uint32_t params[30] = {0};
  struct ends ends;
  int ring = (int)syscall(SYS_io_uring_setup, 1, params);
  if (ring < 0) {
    printf("  no io_uring here\n");
    return;
  }
  open_ends(&ends);
  for (int timeout = -1; timeout < 2; timeout++) {
    CHECK_IS(fdwire_conn_send_fds(ends.out, "x", 1, &ring, 1, timeout), -EINVAL);
    CHECK_IS(fdwire_conn_pending(ends.out), 0);
    CHECK_IS(fdwire_conn_send(ends.out, "fine", 4, timeout), 0);
    receives(ends.in, "fine");
  }
  CHECK_IS(stats_of(ends.out).messages_out, 3);
  close(ring);
  close_ends(&ends);
#endif
}

static void sending_behind_a_jam(void) { in_a_child(send_behind_a_jam); }

static void receiving_behind_a_jam(void) { in_a_child(receive_behind_a_jam); }

static void flushing_behind_a_jam(void) { in_a_child(flush_behind_a_jam); }

static void ending_behind_a_jam(void) { in_a_child(end_behind_a_jam); }

static void receiving_beyond_the_limit(void) { in_a_child(receive_beyond_the_limit); }

static void sending_beyond_the_limit(void) { in_a_child(send_beyond_the_limit); }

static void too_many_references(void) { in_a_child(too_many_on_their_way); }

int main(void) {
  check_begin();
  set_limit(4096);
  for (size_t i = 0; i < LARGE; i++)
    large[i] = (uint8_t)(scattered(i) >> 13);
  RUN(descriptors_come_with_their_message);
  RUN(they_are_taken_bit_by_bit);
  RUN(they_are_there_before_the_end);
  RUN(what_is_not_taken_is_closed);
  RUN(a_freed_connection_leaves_none);
  RUN(what_waits_is_close_on_exec);
  RUN(without_the_option_they_go_unseen);
  RUN(from_a_peer_in_c);
  RUN(with_the_tail);
  RUN(more_than_a_message_may_bring);
  RUN(a_receive_in_vain_beside_another);
  RUN(beside_credentials);
  RUN(to_a_peer_in_c);
  RUN(those_of_skipped_messages_are_closed);
  RUN(those_of_dropped_bytes_are_closed);
  RUN(where_they_cannot_be_sent);
  RUN(what_cannot_be_sent);
  RUN(refused_like_others);
  RUN(receiving_beyond_the_limit);
  RUN(sending_beyond_the_limit);
  RUN(too_many_references);
  RUN(sending_behind_a_jam);
  RUN(receiving_behind_a_jam);
  RUN(flushing_behind_a_jam);
  RUN(ending_behind_a_jam);
  RUN(one_that_is_never_sent);
  return check_end();
}
