/* A message that is longer than the caller's buffer is lost on no way, and no way gets out of step. */
#include "check.h"

static const int timeouts[] = {-1, 1000, 0};

static void on_a_socket_the_second_call_gets_it(void) {
  EACH_SOCKET(way) {
    for (size_t t = 0; t < 3; t++) {
      int fds[2];
      open_way(way, fds);
      CHECK_IS(fdwire_send(fds[1], NULL, "a long message", 14, -1), 0);
      CHECK_IS(fdwire_send(fds[1], NULL, "next", 4, -1), 0);
      sleep_ms(2);
      char body[32];
      for (size_t cap = 0; cap < 14; cap++) {
        size_t len = 0;
        CHECK_IS(fdwire_recv(fds[0], NULL, cap == 0 ? NULL : body, cap, &len, timeouts[t]), -ENOBUFS);
        CHECK_IS(len, 14);
      }
      size_t len = 0;
      CHECK_IS(fdwire_recv(fds[0], NULL, body, 14, &len, timeouts[t]), 1);
      CHECK(len == 14 && memcmp(body, "a long message", 14) == 0);
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, timeouts[t]), 1);
      CHECK(len == 4 && memcmp(body, "next", 4) == 0);
      close_way(fds);
    }
  }
}

/* Also when the head comes in pieces, and the body long after it. */
static void on_a_socket_in_pieces(void) {
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    struct writer_peer peer;
    peer_writes(&peer, fds[1], "\0\0\0\5hello", 9, 1, 5, 0);
    char body[8];
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[0], NULL, body, 3, &len, 5000), -ENOBUFS);
    CHECK_IS(len, 5);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, len, &len, 5000), 1);
    CHECK(len == 5 && memcmp(body, "hello", 5) == 0);
    peer_done(&peer);
    close_way(fds);
  }
}

static void on_a_socket_of_fixed_size(void) {
  fdwire_format *format = format_of("fixed size=5");
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], format, "hello", 5, -1), 0);
    char body[8];
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, 1000), -ENOBUFS);
    CHECK_IS(len, 5);
    CHECK_IS(fdwire_recv(fds[0], format, body, 5, &len, 1000), 1);
    close_way(fds);
  }
  fdwire_format_free(format);
}

static void on_a_pipe_it_is_dropped_and_the_next_one_comes(void) {
  for (size_t t = 0; t < 3; t++) {
    int fds[2];
    open_way(PIPE, fds);
    size_t size = 50000; /* more than is dropped at once */
    unsigned char *large = pattern(size, 0);
    CHECK_IS(fdwire_send(fds[1], NULL, large, size, -1), 0);
    CHECK_IS(fdwire_send(fds[1], NULL, "next", 4, -1), 0);
    char body[8];
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, timeouts[t]), -ENOBUFS);
    CHECK_IS(len, size);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, timeouts[t]), 1);
    CHECK(len == 4 && memcmp(body, "next", 4) == 0);
    free(large);
    close_way(fds);
  }
}

static void on_a_pipe_that_ends_in_it(void) {
  int fds[2];
  open_way(PIPE, fds);
  NEED(write(fds[1], "\0\0\0\5hel", 7) == 7);
  close(fds[1]);
  char body[8];
  size_t len = 99;
  CHECK_IS(fdwire_recv(fds[0], NULL, body, 1, &len, -1), FDWIRE_E_TRUNCATED);
  CHECK_IS(len, 99);
  close(fds[0]);
}

/* Which it has by no byte of it: the end before it is no broken message, and nothing there is nothing taken. */
static void on_a_pipe_of_fixed_size(void) {
  fdwire_format *format = format_of("fixed size=5");
  for (size_t t = 0; t < 3; t++) {
    int fds[2];
    open_way(PIPE, fds);
    char body[8];
    size_t len = 99;
    CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, 0), -EAGAIN);
    CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, 10), -ETIMEDOUT);
    NEED(write(fds[1], "hellonext!ab", 12) == 12);
    CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, timeouts[t]), -ENOBUFS);
    CHECK_IS(len, 5);
    CHECK_IS(fdwire_recv(fds[0], format, body, 5, &len, timeouts[t]), 1);
    CHECK(memcmp(body, "next!", 5) == 0);
    close(fds[1]);
    CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, timeouts[t]), FDWIRE_E_TRUNCATED);
    CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, timeouts[t]), 0);
    close(fds[0]);
  }
  fdwire_format_free(format);
}

int main(void) {
  check_begin();
  RUN(on_a_socket_the_second_call_gets_it);
  RUN(on_a_socket_in_pieces);
  RUN(on_a_socket_of_fixed_size);
  RUN(on_a_pipe_it_is_dropped_and_the_next_one_comes);
  RUN(on_a_pipe_that_ends_in_it);
  RUN(on_a_pipe_of_fixed_size);
  return check_end();
}
