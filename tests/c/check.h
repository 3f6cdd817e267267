/* What the C tests share: checks that say what they saw, and peers to talk to. C99, and C++. */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include "fdwire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int check_failures;

#define CHECK(condition)                                                                  \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                      \
      check_failures++;                                                                   \
    }                                                                                     \
  } while (0)

/* Two integers, usually a result and the code that it should be. */
#define CHECK_IS(value, expected)                                                         \
  do {                                                                                    \
    long long is_ = (long long)(value), should_ = (long long)(expected);                  \
    if (is_ != should_) {                                                                 \
      printf("%s:%d: %s is %lld (%s), not %lld (%s)\n", __FILE__, __LINE__, #value, is_,  \
             fdwire_error_name((int)is_), should_, fdwire_error_name((int)should_));      \
      check_failures++;                                                                   \
    }                                                                                     \
  } while (0)

/* What a test stands on and cannot go on without. */
#define NEED(condition)                                                                   \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      printf("%s:%d: cannot go on: %s (%s)\n", __FILE__, __LINE__, #condition, strerror(errno)); \
      exit(2);                                                                            \
    }                                                                                     \
  } while (0)

static inline int check_open_fds(void) {
  int count = 0;
  DIR *dir = opendir("/proc/self/fd");
  if (dir == NULL)
    return 0;
  while (readdir(dir) != NULL)
    count++;
  closedir(dir);
  return count;
}

/* Runs one test; it leaves as many descriptors open as it found. */
#define RUN(test)                                                                         \
  do {                                                                                    \
    int failures_ = check_failures, fds_ = check_open_fds();                              \
    test();                                                                               \
    CHECK_IS(check_open_fds(), fds_);                                                     \
    printf("%s %s\n", check_failures == failures_ ? "ok  " : "FAIL", #test);              \
    fflush(stdout);                                                                       \
  } while (0)

static inline void check_begin(void) {
  alarm(300); /* nothing here may hang */
}

static inline int check_end(void) {
  if (check_failures > 0)
    printf("%d checks failed\n", check_failures);
  return check_failures > 0;
}

/* What a gate counted, for docs/reliability.md: a line of the file that FDWIRE_FIGURES names. It comes last: of a gate that is
 * red, nothing is kept. */
static inline void figure(const char *key, long long value, const char *what) {
  const char *name = check_failures == 0 ? getenv("FDWIRE_FIGURES") : NULL;
  FILE *file = name != NULL ? fopen(name, "a") : NULL;
  printf("%s: %lld\n", what, value);
  if (file != NULL) {
    fprintf(file, "%s\t%lld\t%s\n", key, value, what);
    fclose(file);
  }
}

static inline long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Since start, in milliseconds. */
static inline void check_took(long long start, int least, int most, int line) {
  long long took = now_ms() - start;
  if (took < least || took > most) {
    printf("line %d: took %lld ms, not %d to %d\n", line, took, least, most);
    check_failures++;
  }
}
#define CHECK_TOOK(start, least, most) check_took(start, least, most, __LINE__)

static inline void sleep_ms(int ms) {
  struct timespec wait;
  wait.tv_sec = ms / 1000;
  wait.tv_nsec = (long)(ms % 1000) * 1000000;
  while (nanosleep(&wait, &wait) < 0 && errno == EINTR) {
  }
}

/* The ways by which messages travel. */
enum way { UNIX_SOCKET, TCP_SOCKET, PIPE, WAYS };
#define EACH_WAY(way) for (int way = 0; way < WAYS; way++)
#define EACH_SOCKET(way) for (int way = 0; way < PIPE; way++)

static inline void fix_buffers(int fd) {
  int size = 200 << 10; /* which Linux doubles */
  NEED(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
  NEED(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
}

/* The kernel lets TCP's buffers grow by megabytes as it sees fit. Of a fixed size, they hold less than
   1 MiB together, so that a test knows what does not fit. Fixed before there is a connection: where a
   receive buffer shrinks below the window that was announced, and both sides' are full, Linux drops
   the acknowledgements too, and the connection stands still. Else like what fdwire_connect gives. */
static inline void tcp_pair(int fds[2]) {
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  int on = 1, listener = fdwire_listen("127.0.0.1:0", 1);
  NEED(listener >= 0 && getsockname(listener, (struct sockaddr *)&address, &len) == 0);
  fix_buffers(listener); /* and so those of what it accepts */
  fds[1] = socket(AF_INET, SOCK_STREAM, 0);
  NEED(fds[1] >= 0 && setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  fix_buffers(fds[1]);
  NEED(connect(fds[1], (struct sockaddr *)&address, len) == 0);
  fds[0] = fdwire_accept(listener, 5000);
  NEED(fds[0] >= 0);
  close(listener);
}

/* fds[1] writes to fds[0]; sockets go both ways. */
static inline void open_way(int way, int fds[2]) {
  if (way == UNIX_SOCKET)
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  else if (way == PIPE)
    NEED(pipe(fds) == 0);
  else
    tcp_pair(fds);
}

static inline void close_way(int fds[2]) {
  close(fds[0]);
  close(fds[1]);
}

static inline fdwire_format *format_of(const char *text) {
  fdwire_format *format = NULL;
  char why[200];
  if (fdwire_format_new(text, &format, why, sizeof why) < 0) {
    printf("format %s: %s\n", text, why);
    exit(2);
  }
  return format;
}

/* A peer in a thread of its own: writes bytes in pieces, with pauses, and then closes if told to. */
struct writer_peer {
  int fd;
  const void *bytes;
  size_t len;
  size_t piece;
  int pause_ms;
  int first_pause_ms;
  int closes;
  pthread_t thread;
};

static inline void *writer_peer_run(void *arg) {
  struct writer_peer *peer = (struct writer_peer *)arg;
  size_t at = 0;
  sleep_ms(peer->first_pause_ms);
  while (at < peer->len) {
    size_t piece = peer->len - at < peer->piece ? peer->len - at : peer->piece;
    ssize_t n = write(peer->fd, (const char *)peer->bytes + at, piece);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      break;
    at += (size_t)n;
    if (at < peer->len)
      sleep_ms(peer->pause_ms);
  }
  if (peer->closes)
    close(peer->fd);
  return NULL;
}

/* Begins after a pause. */
static inline void peer_writes_late(struct writer_peer *peer, int first_pause_ms, int fd, const void *bytes,
                                    size_t len, size_t piece, int pause_ms, int closes) {
  memset(peer, 0, sizeof *peer);
  peer->fd = fd;
  peer->bytes = bytes;
  peer->len = len;
  peer->piece = piece;
  peer->pause_ms = pause_ms;
  peer->first_pause_ms = first_pause_ms;
  peer->closes = closes;
  NEED(pthread_create(&peer->thread, NULL, writer_peer_run, peer) == 0);
}

static inline void peer_writes(struct writer_peer *peer, int fd, const void *bytes, size_t len, size_t piece,
                               int pause_ms, int closes) {
  peer_writes_late(peer, 0, fd, bytes, len, piece, pause_ms, closes);
}

static inline void peer_done(struct writer_peer *peer) {
  NEED(pthread_join(peer->thread, NULL) == 0);
}

/* A body in which every byte tells where it stands. */
static inline unsigned char *pattern(size_t len, unsigned seed) {
  unsigned char *bytes = (unsigned char *)malloc(len > 0 ? len : 1);
  NEED(bytes != NULL);
  for (size_t i = 0; i < len; i++)
    bytes[i] = (unsigned char)((i + seed) * 2654435761u >> 13);
  return bytes;
}

#endif
