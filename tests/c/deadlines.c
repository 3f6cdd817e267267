/* A deadline holds for the whole call, 0 never waits, and what timed out can go on. */
#include "check.h"

/* These machines are slow at times: not before its time, and not much after it. */
static void a_silent_peer(void) {
  char body[8];
  size_t len = 0;
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    long long start = now_ms();
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 100), -ETIMEDOUT);
    CHECK_TOOK(start, 100, 1000);
    start = now_ms();
    CHECK_IS(fdwire_read_exact(fds[0], body, sizeof body, NULL, 100), -ETIMEDOUT);
    CHECK_TOOK(start, 100, 1000);
    /* Nothing was taken: the stream is in step. */
    CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 100), 0);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 100), 1);
    close_way(fds);
  }
}

/* A byte every 10 ms does not stretch a deadline, wherever in the frame it drips. */
static void a_peer_that_drips(void) {
  static const struct {
    const char *text, *start;
  } cases[] = {{"u32be", "\0\0\3\377"}, {"fixed size=1000", "abcd"}, {"u16be head=900 counts=body", "\0\144cd"}};
  unsigned char frame[60] = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_format *format = format_of(cases[i].text);
    memcpy(frame, cases[i].start, 4);
    EACH_WAY(way) {
      int fds[2];
      open_way(way, fds);
      struct writer_peer peer;
      peer_writes(&peer, fds[1], frame, 60, 1, 10, 0);
      char body[8000];
      size_t len = 0;
      long long start = now_ms();
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 200), -ETIMEDOUT);
      CHECK_TOOK(start, 200, 550);
      peer_done(&peer);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

/* A peer that takes a little now and then does not stretch the deadline of a send. */
static void *sips(void *arg) {
  char sip[4096];
  int fd = *(int *)arg;
  for (int i = 0; i < 60 && read(fd, sip, sizeof sip) > 0; i++)
    sleep_ms(10);
  return NULL;
}

static void a_peer_that_sips(void) {
  unsigned char *body = pattern(16 << 20, 0);
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    pthread_t peer;
    NEED(pthread_create(&peer, NULL, sips, &fds[0]) == 0);
    long long start = now_ms();
    CHECK_IS(fdwire_send(fds[1], NULL, body, 16 << 20, 200), -ETIMEDOUT);
    CHECK_TOOK(start, 200, 550);
    close(fds[1]);
    NEED(pthread_join(peer, NULL) == 0);
    close(fds[0]);
  }
  free(body);
}

static void fill(int fd) {
  static const char zeros[4096] = {0};
  struct pollfd room = {fd, POLLOUT, 0};
  int flags = fcntl(fd, F_GETFL);
  NEED(fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
  do {
    for (size_t piece = sizeof zeros; piece > 0; piece /= 2)
      while (write(fd, zeros, piece) > 0) {
      }
    sleep_ms(20); /* TCP finds more room when it moves segments */
  } while (poll(&room, 1, 50) > 0 || write(fd, zeros, 1) > 0);
  NEED(fcntl(fd, F_SETFL, flags) == 0);
}

/* On blocking descriptors: 0 never waits. */
static void zero_never_waits(void) {
  char body[8];
  size_t len = 99;
  EACH_WAY(way) {
    size_t done = 0;
    int fds[2];
    open_way(way, fds);
    long long start = now_ms();
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), -EAGAIN);
    CHECK_IS(fdwire_read_exact(fds[0], body, sizeof body, &done, 0), -EAGAIN);
    CHECK_TOOK(start, 0, 100);
    fill(fds[1]);
    start = now_ms();
    CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 0), -EAGAIN);
    CHECK_IS(fdwire_write_all(fds[1], "hello", 5, &done, 0), -EAGAIN);
    CHECK_TOOK(start, 0, 100);
    CHECK(len == 99 && done == 0);
    CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 50), -ETIMEDOUT);
    CHECK_IS(fdwire_write_all(fds[1], "hello", 5, &done, 50), -ETIMEDOUT);
    CHECK_IS(done, 0);
    close_way(fds);
  }
  char address[FDWIRE_ADDRESS_MAX];
  int listener = fdwire_listen("127.0.0.1:0", 0);
  NEED(fdwire_local_address(listener, address, sizeof address) == 0);
  long long start = now_ms();
  CHECK_IS(fdwire_accept(listener, 0), -EAGAIN);
  CHECK_TOOK(start, 0, 100);
  CHECK_IS(fdwire_accept(listener, 50), -ETIMEDOUT);
  CHECK_TOOK(start, 50, 500);
  close(listener);
}

/* With 0 a message that has arrived in part stays whole, until the rest is there. */
static void zero_takes_whole_messages(void) {
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    for (size_t i = 0; i < 9; i++) {
      char body[8];
      size_t len = 0;
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), -EAGAIN);
      NEED(write(fds[1], &"\0\0\0\5hello"[i], 1) == 1);
      sleep_ms(2);
      int expected = i < 8 ? -EAGAIN : 1;
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), expected);
      CHECK(i < 8 || (len == 5 && memcmp(body, "hello", 5) == 0));
    }
    close_way(fds);
  }
  /* On a pipe as far as the head goes. */
  int fds[2];
  char body[8];
  size_t len = 0;
  NEED(pipe(fds) == 0);
  for (size_t i = 0; i < 3; i++) {
    NEED(write(fds[1], "\0\0\0", 1) == 1);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), -EAGAIN);
  }
  NEED(write(fds[1], "\5hello", 6) == 6);
  CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), 1);
  CHECK(len == 5 && memcmp(body, "hello", 5) == 0);
  NEED(write(fds[1], "\0\0\0\5", 4) == 4);
  CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), -ETIMEDOUT); /* the head is gone */
  close_way(fds);
}

static void zero_sends_what_fits(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 0), 0);
    unsigned char *body = pattern(16 << 20, 0);
    CHECK_IS(fdwire_send(fds[1], NULL, body, 16 << 20, 0), -ETIMEDOUT); /* a part of it has gone */
    free(body);
    close_way(fds);
  }
}

/* Timed-out transfers go on where they were: no byte lost, none repeated. */
static void a_read_goes_on_after_timeouts(void) {
  size_t size = 300;
  unsigned char *bytes = pattern(size, 7);
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    struct writer_peer peer;
    peer_writes(&peer, fds[1], bytes, size, 7, 5, 0);
    unsigned char got[300];
    size_t done = 0;
    int result, tries = 0;
    while ((result = fdwire_read_exact(fds[0], got, size, &done, tries % 2 ? 3 : 0)) < 0) {
      CHECK_IS(result, tries % 2 ? -ETIMEDOUT : -EAGAIN);
      CHECK(done <= size);
      tries++;
      sleep_ms(1);
    }
    CHECK_IS(result, 1);
    CHECK_IS(done, size);
    CHECK(tries > 5 && memcmp(got, bytes, size) == 0);
    peer_done(&peer);
    close_way(fds);
  }
  free(bytes);
}

struct drain {
  int fd;
  unsigned char *got;
  size_t len;
};

static void *drain_slowly(void *arg) {
  struct drain *drain = (struct drain *)arg;
  size_t at = 0;
  while (at < drain->len) {
    size_t want = drain->len - at < 65536 ? drain->len - at : 65536;
    ssize_t n = read(drain->fd, drain->got + at, want);
    if (n <= 0)
      break;
    at += (size_t)n;
    sleep_ms(2);
  }
  drain->len = at;
  return NULL;
}

static void a_write_goes_on_after_timeouts(void) {
  size_t size = 8 << 20;
  unsigned char *bytes = pattern(size, 8);
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    struct drain drain = {fds[0], (unsigned char *)calloc(1, size), size};
    pthread_t peer;
    NEED(pthread_create(&peer, NULL, drain_slowly, &drain) == 0);
    size_t done = 0;
    int result, tries = 0;
    while ((result = fdwire_write_all(fds[1], bytes, size, &done, tries % 2)) < 0) {
      CHECK_IS(result, tries % 2 ? -ETIMEDOUT : -EAGAIN);
      tries++;
    }
    CHECK_IS(result, 0);
    CHECK_IS(done, size);
    NEED(pthread_join(peer, NULL) == 0);
    CHECK(tries > 2 && drain.len == size && memcmp(drain.got, bytes, size) == 0);
    free(drain.got);
    close_way(fds);
  }
  free(bytes);
}

static void negative_timeouts_are_refused(void) {
  int fds[2];
  char body[4];
  size_t len = 0;
  open_way(UNIX_SOCKET, fds);
  for (int timeout = -2; timeout > -2000000000; timeout *= 10) {
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_send(fds[0], NULL, body, sizeof body, timeout), -EINVAL);
    CHECK_IS(fdwire_read_exact(fds[0], body, sizeof body, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_write_all(fds[0], body, sizeof body, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_accept(fds[0], timeout), -EINVAL);
    CHECK_IS(fdwire_connect("127.0.0.1:1", timeout), -EINVAL);
    CHECK_IS(fdwire_finish(fds[0], timeout), -EINVAL);
  }
  close_way(fds);
}

int main(void) {
  check_begin();
  RUN(a_silent_peer);
  RUN(a_peer_that_drips);
  RUN(a_peer_that_sips);
  RUN(zero_never_waits);
  RUN(zero_takes_whole_messages);
  RUN(zero_sends_what_fits);
  RUN(a_read_goes_on_after_timeouts);
  RUN(a_write_goes_on_after_timeouts);
  RUN(negative_timeouts_are_refused);
  return check_end();
}
