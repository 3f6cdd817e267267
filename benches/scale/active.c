/* Connections in one epoll loop, 1 to 50,000, that all answer requests, or of which 10 do.
 *
 * Each answers a request of 64 bytes with the same bytes. The server is written with fdwire, and
 * in C by hand with a buffer of 4 KiB for each connection; what grows for both alike is the
 * kernel's, and the caches'. The peer is a process of its own with a loop of its own, which sends
 * the next request on a connection when it has its answer. */
#define _GNU_SOURCE
#include "scale.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 64, FRAME = 4 + SIZE, EVENTS = 512, BUFFER = 4 * KIB, AT_ONCE = 200, FEW = 10 };

/* Descriptors that are open beside the connections. */
enum { OTHERS = 32 + AT_ONCE };

/* A server of one sort: what it keeps of a connection, and what it does when bytes came. */
struct server {
  const char *name;
  size_t state;
  void (*open)(void *state, int fd);
  size_t (*answer)(void *state); /* how many requests it answered */
  void (*close)(void *state);
};

/* fdwire. */

struct by_fdwire {
  fdwire_conn *conn;
  int fd;
};

static void fdwire_open(void *state, int fd) {
  struct by_fdwire *one = state;
  one->fd = fd;
  need(fdwire_conn_new(fd, fd, NULL, &one->conn), 0, "fdwire_conn_new");
  need(fdwire_conn_set(one->conn, FDWIRE_POLLED, 1), 0, "FDWIRE_POLLED");
}

static size_t fdwire_answer(void *state) {
  struct by_fdwire *one = state;
  size_t answered = 0;
  fdwire_msg msg;
  int result;
  while ((result = fdwire_conn_recv(one->conn, &msg, 0)) == 1) {
    need(fdwire_conn_send(one->conn, msg.body, msg.body_len, 0), 0, "fdwire_conn_send");
    answered++;
  }
  need(result, -EAGAIN, "fdwire_conn_recv");
  return answered;
}

static void fdwire_end(void *state) {
  struct by_fdwire *one = state;
  fdwire_conn_free(one->conn);
  close(one->fd);
}

/* C by hand. */

struct by_hand {
  int fd;
  size_t len;
  uint8_t *buffer;
};

static void hand_open(void *state, int fd) {
  struct by_hand *one = state;
  one->fd = fd;
  one->len = 0;
  if ((one->buffer = malloc(BUFFER)) == NULL)
    die("no memory");
}

static size_t hand_answer(void *state) {
  struct by_hand *one = state;
  size_t at = 0, answered = 0;
  ssize_t n = recv(one->fd, one->buffer + one->len, BUFFER - one->len, MSG_DONTWAIT);
  if (n <= 0)
    die_of("recv");
  one->len += (size_t)n;
  while (one->len - at >= 4) {
    size_t len = fdwire_get_u32be(one->buffer + at);
    if (len > BUFFER - 4)
      die("too long a request");
    if (one->len - at - 4 < len)
      break;
    if (send(one->fd, one->buffer + at, 4 + len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)(4 + len))
      die_of("send");
    at += 4 + len;
    answered++;
  }
  one->len -= at;
  memmove(one->buffer, one->buffer + at, one->len);
  return answered;
}

static void hand_close(void *state) {
  struct by_hand *one = state;
  free(one->buffer);
  close(one->fd);
}

static const struct server servers[] = {
    {"C by hand", sizeof(struct by_hand), hand_open, hand_answer, hand_close},
    {"fdwire", sizeof(struct by_fdwire), fdwire_open, fdwire_answer, fdwire_end},
};

/* The peer. */

struct request {
  int fd;
  uint32_t number, turn;
};

static void make_request(const struct request *request, uint8_t frame[FRAME]) {
  memset(frame, 'x', FRAME);
  fdwire_put_u32be(frame, SIZE);
  fdwire_put_u32be(frame + 4, request->number);
  fdwire_put_u32be(frame + FRAME - 4, request->turn);
}

/* False where the server has gone. */
static int ask(struct request *request) {
  uint8_t frame[FRAME];
  request->turn++;
  make_request(request, frame);
  return send(request->fd, frame, FRAME, MSG_NOSIGNAL) == FRAME;
}

static int hear(struct request *request) {
  uint8_t expected[FRAME], frame[FRAME];
  ssize_t n = recv(request->fd, frame, FRAME, MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno == ECONNRESET))
    return 0;
  make_request(request, expected);
  if (n != FRAME || memcmp(frame, expected, FRAME) != 0)
    die("an answer is not what was asked");
  return 1;
}

/* Takes descriptors that the server sends: one end of each pair. */
static void take_ends(int channel, struct request *requests, size_t count) {
  for (size_t taken = 0; taken < count;) {
    union {
      struct cmsghdr header;
      char room[CMSG_SPACE(AT_ONCE * sizeof(int))];
    } control;
    char byte;
    struct iovec bytes = {&byte, 1};
    struct msghdr msg = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control,
                         .msg_controllen = sizeof control};
    if (recvmsg(channel, &msg, MSG_CMSG_CLOEXEC) != 1 || msg.msg_flags & MSG_CTRUNC)
      die_of("recvmsg");
    struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
    size_t some = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < some; i++, taken++) {
      memcpy(&requests[taken].fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      requests[taken].number = (uint32_t)taken;
    }
  }
}

/* Asks on the first connections, and waits for the end of all. */
static void be_the_peer(int channel, size_t count, size_t asking) {
  struct request *requests = calloc(count, sizeof *requests);
  struct epoll_event events[EVENTS];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  pin(1);
  if (requests == NULL || epoll < 0)
    die_of("the peer");
  take_ends(channel, requests, count);
  for (size_t i = 0; i < count; i++) {
    struct epoll_event event = {EPOLLIN, {.ptr = &requests[i]}};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, requests[i].fd, &event) != 0)
      die_of("epoll_ctl");
  }
  if (write(channel, "r", 1) != 1)
    die_of("write");
  for (size_t i = 0; i < asking; i++)
    ask(&requests[i]);
  for (size_t left = count; left > 0;) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      struct request *request = events[i].data.ptr;
      if (!hear(request) || !ask(request)) {
        close(request->fd);
        left--;
      }
    }
  }
  _exit(0);
}

/* The server's side. */

/* Makes pairs, keeps one end of each, and sends the others to the peer. Few are open at the same
   time, so that there may be as many connections as a process may have descriptors. */
static void make_pairs(int channel, int *fds, size_t count) {
  for (size_t made = 0; made < count;) {
    union {
      struct cmsghdr header;
      char room[CMSG_SPACE(AT_ONCE * sizeof(int))];
    } control;
    int theirs[AT_ONCE];
    size_t some = count - made < AT_ONCE ? count - made : AT_ONCE;
    for (size_t i = 0; i < some; i++) {
      int pair[2];
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        die_of("socketpair");
      fds[made + i] = pair[0];
      theirs[i] = pair[1];
    }
    char byte = 0;
    struct iovec bytes = {&byte, 1};
    struct msghdr msg = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(some * sizeof(int))};
    memset(&control, 0, sizeof control);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(some * sizeof(int));
    memcpy(CMSG_DATA(&control.header), theirs, some * sizeof(int));
    if (sendmsg(channel, &msg, 0) != 1)
      die_of("sendmsg");
    for (size_t i = 0; i < some; i++)
      close(theirs[i]);
    made += some;
  }
}

/* Answers so many requests. */
static void serve(const struct server *server, int epoll, size_t requests) {
  struct epoll_event events[EVENTS];
  for (size_t answered = 0; answered < requests;) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++)
      answered += server->answer(events[i].data.ptr);
  }
}

static void be_the_server(const struct server *server, const int *fds, size_t count,
                          size_t requests, double *values) {
  size_t before = heap();
  uint8_t *states = calloc(count, server->state);
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (states == NULL || epoll < 0)
    die_of("the server");
  for (size_t i = 0; i < count; i++) {
    struct epoll_event event = {EPOLLIN, {.ptr = states + i * server->state}};
    server->open(event.data.ptr, fds[i]);
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) != 0)
      die_of("epoll_ctl");
  }
  serve(server, epoll, requests / 10 + count);
  double cpu = cpu_time(), start = now();
  serve(server, epoll, requests);
  values[0] = (cpu_time() - cpu) * 1e9 / (double)requests;
  values[1] = (now() - start) * 1e9 / (double)requests;
  values[2] = (double)(heap() - before) / (double)count;
  for (size_t i = 0; i < count; i++)
    server->close(states + i * server->state);
  free(states);
  close(epoll);
}

static void run(const struct point *point, double *values) {
  int channel[2], status;
  char byte;
  size_t count = point->size, asking = point->more;
  int *fds = room_for(count * sizeof *fds);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0)
    die_of("socketpair");
  pid_t peer = fork();
  if (peer < 0)
    die_of("fork");
  if (peer == 0) {
    close(channel[0]);
    be_the_peer(channel[1], count, asking);
  }
  close(channel[1]);
  make_pairs(channel[0], fds, count);
  if (read(channel[0], &byte, 1) != 1)
    die("the peer has failed");
  be_the_server(point->what, fds, count, is_short ? 5000 : asking < 10 ? 20000 : 60000, values);
  close(channel[0]);
  if (waitpid(peer, &status, 0) != peer || status != 0)
    die("the peer has failed");
  free(fds);
}

void active(void) {
  static const char *const metrics[] = {"ns of the server's processor", "ns by the clock",
                                        "bytes of heap a connection", NULL};
  static const size_t sizes[] = {1, 10, 100, 1000, 10000, 50000};
  static struct point points[32];
  size_t count = 0, most = is_short ? 1000 : allow_descriptors(50000 + OTHERS) - OTHERS;
  for (int few = 0; few < 2; few++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      size_t size = sizes[i] < most ? sizes[i] : most;
      if ((few && size < FEW) || (i > 0 && sizes[i - 1] >= most))
        continue;
      for (int by = 0; by < 2; by++) {
        static const char *const names[2][2] = {{"C by hand", "fdwire"},
                                                {"C by hand, 10 of them", "fdwire, 10 of them"}};
        points[count] = (struct point){names[few][by], "", metrics, run,
                                       &points[count - (size_t)by], &servers[by], size,
                                       few ? FEW : size};
        snprintf(points[count++].x, sizeof points->x, "%zu", size);
      }
    }
  measure(points, count);
}
