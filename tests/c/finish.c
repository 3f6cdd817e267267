/* How a connection ends: every byte arrives, and the closer knows how it went. */
#include "check.h"

/* A server that has answered but not read all of the request, as HTTP servers do with what is too large. */
struct client {
  int fd;
  size_t got;
  int reset;
};

static void *read_answer_late(void *arg) {
  struct client *client = (struct client *)arg;
  static char buf[65536];
  sleep_ms(50); /* the end has happened by now */
  ssize_t n;
  while ((n = read(client->fd, buf, sizeof buf)) > 0)
    client->got += (size_t)n;
  client->reset = n < 0 ? errno : 0;
  close(client->fd);
  return NULL;
}

enum { ANSWER = 200000, REQUEST = 50000 };

/* Gives what the client got of an answer whose sender had unread input when it ended the connection, by fdwire_finish or,
   where timeout is below 0, by fdwire_close. */
static struct client exchange(int timeout, int result) {
  int fds[2];
  open_way(TCP_SOCKET, fds);
  int large = 4 * ANSWER, small = 8192; /* much of the answer is still on this side when the connection ends */
  setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
  setsockopt(fds[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  unsigned char *request = pattern(REQUEST, 1); /* which the server does not read */
  NEED(write(fds[1], request, REQUEST) == REQUEST);
  unsigned char *answer = pattern(ANSWER, 0);
  CHECK_IS(fdwire_write_all(fds[0], answer, ANSWER, NULL, 5000), 0);
  free(request);
  sleep_ms(20); /* it is there, unread */
  struct client client = {fds[1], 0, 0};
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, read_answer_late, &client) == 0);
  CHECK_IS(timeout >= 0 ? fdwire_finish(fds[0], timeout) : fdwire_close(fds[0]), result);
  NEED(pthread_join(thread, NULL) == 0);
  free(answer);
  return client;
}

static void every_byte_arrives_where_close_resets(void) {
  struct client closed = exchange(-1, 0);
  CHECK_IS(closed.reset, ECONNRESET);
  CHECK(closed.got < ANSWER);
  static const int timeouts[2] = {5000, 0}, results[2] = {0, -ETIMEDOUT};
  for (int i = 0; i < 2; i++) {
    struct client finished = exchange(timeouts[i], results[i]);
    CHECK_IS(finished.reset, 0);
    CHECK_IS(finished.got, ANSWER);
  }
}

/* Without any time, too, if its end is there behind what it sent. */
static void a_peer_that_has_ended(void) {
  unsigned char *bytes = pattern(REQUEST, 0);
  EACH_SOCKET(way) {
    for (int len = 3; len <= REQUEST; len += REQUEST - 3) {
      int fds[2];
      open_way(way, fds);
      NEED(write(fds[1], bytes, (size_t)len) == len);
      NEED(fdwire_shutdown(fds[1], FDWIRE_SHUT_WR) == 0);
      sleep_ms(20);
      CHECK_IS(fdwire_finish(fds[0], 0), 0);
      close(fds[1]);
    }
  }
  free(bytes);
}

static void a_peer_that_ends_too(void) {
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], NULL, "unread", 6, -1), 0);
    NEED(fdwire_shutdown(fds[1], FDWIRE_SHUT_WR) == 0);
    CHECK_IS(fdwire_send(fds[0], NULL, "answer", 6, -1), 0);
    CHECK_IS(fdwire_finish(fds[0], 1000), 0);
    char body[8];
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[1], NULL, body, sizeof body, &len, 1000), 1);
    CHECK_IS(fdwire_recv(fds[1], NULL, body, sizeof body, &len, 1000), 0);
    close(fds[1]);
  }
}

static void a_peer_that_never_ends(void) {
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    long long start = now_ms();
    CHECK_IS(fdwire_finish(fds[0], 100), -ETIMEDOUT);
    CHECK(now_ms() - start >= 100 && now_ms() - start < 1000);
    CHECK(fcntl(fds[0], F_GETFD) < 0); /* closed all the same */
    close(fds[1]);
    open_way(way, fds);
    CHECK_IS(fdwire_finish(fds[0], 0), -ETIMEDOUT);
    CHECK(fcntl(fds[0], F_GETFD) < 0);
    close(fds[1]);
  }
}

static void *never_stop_sending(void *arg) {
  static char buf[65536];
  while (send(*(int *)arg, buf, sizeof buf, MSG_NOSIGNAL) > 0) {
  }
  return NULL;
}

static void a_peer_that_never_stops_sending(void) {
  EACH_SOCKET(way) {
    for (int timeout = 0; timeout <= 100; timeout += 100) {
      int fds[2];
      open_way(way, fds);
      pthread_t thread;
      NEED(pthread_create(&thread, NULL, never_stop_sending, &fds[1]) == 0);
      sleep_ms(5);
      long long start = now_ms();
      CHECK_IS(fdwire_finish(fds[0], timeout), -ETIMEDOUT);
      CHECK(now_ms() - start < timeout + 900);
      NEED(pthread_join(thread, NULL) == 0);
      close(fds[1]);
    }
  }
}

static void a_peer_that_breaks_off(void) {
  int fds[2];
  open_way(TCP_SOCKET, fds);
  struct linger reset = {1, 0};
  NEED(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
  close(fds[1]);
  sleep_ms(5);
  CHECK_IS(fdwire_finish(fds[0], 1000), -ECONNRESET);
  open_way(UNIX_SOCKET, fds);
  CHECK_IS(fdwire_send(fds[0], NULL, "never read", 10, -1), 0);
  close(fds[1]);
  CHECK_IS(fdwire_finish(fds[0], 1000), -ECONNRESET);
}

static void what_is_no_connection(void) {
  int fds[2];
  NEED(pipe(fds) == 0);
  CHECK_IS(fdwire_send(fds[1], NULL, "last", 4, -1), 0);
  CHECK_IS(fdwire_finish(fds[1], 1000), 0); /* just closed */
  char body[8];
  size_t len = 0;
  CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 1000), 1);
  CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 1000), 0);
  CHECK_IS(fdwire_finish(fds[0], 0), 0);
  CHECK_IS(fdwire_finish(fds[0], 0), -EBADF);
  CHECK_IS(fdwire_finish(-1, 0), -EBADF);
  CHECK_IS(fdwire_finish(socket(AF_INET, SOCK_STREAM, 0), 100), -ENOTCONN);
  CHECK_IS(fdwire_finish(fdwire_listen("127.0.0.1:0", 0), 100), -ENOTCONN);
}

static void half_close(void) {
  EACH_SOCKET(way) {
    int fds[2];
    char body[8];
    size_t len = 0;
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], NULL, "ask", 3, -1), 0);
    CHECK_IS(fdwire_shutdown(fds[1], FDWIRE_SHUT_WR), 0);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 1000), 1);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 1000), 0);
    CHECK_IS(fdwire_send(fds[0], NULL, "answer", 6, 1000), 0);
    CHECK_IS(fdwire_recv(fds[1], NULL, body, sizeof body, &len, 1000), 1);
    CHECK_IS(fdwire_send(fds[1], NULL, "more", 4, 1000), -EPIPE);
    CHECK_IS(fdwire_shutdown(fds[0], FDWIRE_SHUT_RDWR), 0);
    CHECK_IS(fdwire_recv(fds[1], NULL, body, sizeof body, &len, 1000), 0);
    CHECK_IS(fdwire_close(fds[0]), 0);
    CHECK_IS(fdwire_close(fds[1]), 0);
  }
}

int main(void) {
  check_begin();
  RUN(every_byte_arrives_where_close_resets);
  RUN(a_peer_that_ends_too);
  RUN(a_peer_that_has_ended);
  RUN(a_peer_that_never_ends);
  RUN(a_peer_that_never_stops_sending);
  RUN(a_peer_that_breaks_off);
  RUN(what_is_no_connection);
  RUN(half_close);
  return check_end();
}
