/* One-shot calls beside the best C for the same job: one writev to send, two recv to receive into a buffer of 1 MiB.
 *
 * Two processes, in alternating rounds in one run; each figure is a median with its range, each ratio the median of the ratios
 * within a round. What is received is checked on both sides in the same way: its length and its last byte.
 *
 *     oneshot [ROUNDS]              the whole table
 *     oneshot MODE WORK COUNT       one work done one way, to be counted with strace: oneshot fdwire unix-64 1000
 */
#define _GNU_SOURCE
#include "fdwire.h"
#include "rounds.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* The ways to do it. All end the process when anything goes wrong. */

static fdwire_format *bounded; /* no message is longer than the buffer, as hand-written C has it */

static void fdwire_put(int fd, const void *body, size_t len) {
  if (fdwire_send(fd, bounded, body, len, -1) != 0)
    die("fdwire_send");
}

static size_t take(int fd, const fdwire_format *format, void *body, size_t cap) {
  size_t len = 0;
  int result = fdwire_recv(fd, format, body, cap, &len, -1);
  if (result < 0)
    die("fdwire_recv");
  return result == 1 ? len : 0;
}

static size_t fdwire_take(int fd, void *body, size_t cap) {
  return take(fd, bounded, body, cap);
}

/* With the default format, whose messages may be longer than the buffer, each is looked at first. */
static size_t fdwire_look(int fd, void *body, size_t cap) {
  return take(fd, NULL, body, cap);
}

static void c_put(int fd, const void *body, size_t len) {
  uint32_t head = htonl((uint32_t)len);
  struct iovec parts[2] = {{&head, 4}, {(void *)body, len}};
  struct iovec *at = parts;
  int count = 2;
  while (count > 0) {
    ssize_t n = writev(fd, at, count);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      die("writev");
    while (count > 0 && (size_t)n >= at->iov_len) {
      n -= (ssize_t)at->iov_len;
      at++;
      count--;
    }
    if (count > 0) {
      at->iov_base = (char *)at->iov_base + n;
      at->iov_len -= (size_t)n;
    }
  }
}

static int c_take_all(int fd, void *buf, size_t len) {
  size_t at = 0;
  while (at < len) {
    ssize_t n = recv(fd, (char *)buf + at, len - at, MSG_WAITALL);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      die("recv");
    if (n == 0)
      return 0;
    at += (size_t)n;
  }
  return 1;
}

static size_t c_take(int fd, void *body, size_t cap) {
  uint32_t head;
  if (!c_take_all(fd, &head, 4))
    return 0;
  size_t len = ntohl(head);
  if (len > cap || !c_take_all(fd, body, len))
    die("c_take");
  return len;
}

static const struct mode {
  const char *name;
  void (*put)(int fd, const void *body, size_t len);
  size_t (*take)(int fd, void *body, size_t cap);
} modes[] = {{"C", c_put, c_take}, {"fdwire", fdwire_put, fdwire_take}, {"look", fdwire_put, fdwire_look}};

static const struct work {
  const char *name;
  int tcp;
  size_t size;
  int ping_pong;
  long count; /* messages a round */
} works[] = {
    {"unix-64", 0, 64, 1, 20000},       {"tcp-64", 1, 64, 1, 20000},
    {"unix-1k", 0, 1024, 0, 200000},    {"tcp-1k", 1, 1024, 0, 200000},
    {"unix-1m", 0, 1 << 20, 0, 2000},   {"tcp-1m", 1, 1 << 20, 0, 2000},
};
enum { WORKS = sizeof works / sizeof *works, MODES = 3, CAP = 1 << 20 };

/* A machine's default may pace loopback; cubic is everywhere, and both sides get it. */
static const char *congestion = "cubic";

static void tcp_pair(int fds[2]) {
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (setsockopt(listener, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion)) < 0)
    congestion = "the system's default";
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &size) < 0)
    die("listen");
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fds[0], IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
  if (connect(fds[0], (struct sockaddr *)&address, size) < 0 || (fds[1] = accept(listener, NULL, NULL)) < 0)
    die("connect");
  for (int i = 0; i < 2; i++)
    setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  close(listener);
}

static void pin(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof set, &set); /* where there is one core only, so be it */
}

static void check_message(const char *body, size_t len, const struct work *work) {
  if (len != work->size || body[len - 1] != 'x')
    die("a message is not what was sent");
}

/* The other process: echoes, or takes messages and says when it has them all. */
static void peer(int fd, const struct mode *mode, const struct work *work, char *buf) {
  pin(1);
  size_t len;
  while ((len = mode->take(fd, buf, CAP)) > 0) {
    check_message(buf, len, work);
    if (work->ping_pong)
      mode->put(fd, buf, len);
    else if (buf[0] == 'e')
      mode->put(fd, buf, len); /* the last one */
  }
  _exit(0);
}

/* Seconds a message. */
static double run(const struct mode *mode, const struct work *work, long count) {
  int fds[2];
  if (work->tcp)
    tcp_pair(fds);
  else if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
    die("socketpair");
  char *buf = malloc(CAP);
  if (buf == NULL)
    die("malloc");
  memset(buf, 'x', work->size);
  pid_t child = fork();
  if (child < 0)
    die("fork");
  if (child == 0) {
    close(fds[0]);
    peer(fds[1], mode, work, buf);
  }
  close(fds[1]);
  pin(0);
  long warm_up = work->ping_pong ? 100 : 10;
  double start = 0;
  for (long i = -warm_up; i < count; i++) {
    if (i == 0)
      start = now();
    if (!work->ping_pong && i == count - 1)
      buf[0] = 'e';
    mode->put(fds[0], buf, work->size);
    if (work->ping_pong)
      check_message(buf, mode->take(fds[0], buf, CAP), work);
  }
  if (!work->ping_pong)
    check_message(buf, mode->take(fds[0], buf, CAP), work);
  double taken = now() - start;
  close(fds[0]);
  int status = 1;
  waitpid(child, &status, 0);
  if (status != 0)
    exit(1);
  free(buf);
  return taken / (double)count;
}

/* Rounds alternate, and so does who goes first in them. */
static void compare(const struct work *work, int rounds) {
  double times[MODES][ROUNDS_MAX], ratios[MODES][ROUNDS_MAX];
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < MODES; i++) {
      int mode = (i + round) % MODES;
      times[mode][round] = 1e6 * run(&modes[mode], work, work->count);
    }
    for (int mode = 1; mode < MODES; mode++)
      ratios[mode][round] = times[mode][round] / times[0][round];
  }
  printf("| %-7s %s ", work->name, work->ping_pong ? "round trip" : "streaming");
  for (int mode = 0; mode < MODES; mode++)
    show(times[mode], rounds, 2);
  for (int mode = 1; mode < MODES; mode++)
    show(ratios[mode], rounds, 3);
  printf("|\n");
  fflush(stdout);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (fdwire_format_new("u32be max=1M", &bounded, NULL, 0) != 0)
    return 1;
  if (argc == 4) {
    for (int mode = 0; mode < MODES; mode++)
      for (int work = 0; work < WORKS; work++)
        if (strcmp(argv[1], modes[mode].name) == 0 && strcmp(argv[2], works[work].name) == 0)
          return run(&modes[mode], &works[work], atol(argv[3])) <= 0;
    fprintf(stderr, "no such mode or work\n");
    return 2;
  }
  int rounds = argc > 1 ? atoi(argv[1]) : 15;
  if (rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "1 to %d rounds\n", ROUNDS_MAX);
    return 2;
  }
  printf("Microseconds a message: median and range of %d alternating rounds; ratios within a round.\n\n", rounds);
  printf("| work | C: writev, 2 recv | fdwire | fdwire, default format | fdwire / C | default format / C |\n");
  printf("|---|---|---|---|---|---|\n");
  for (int work = 0; work < WORKS; work++)
    compare(&works[work], rounds);
  printf("\nTCP over loopback with %s\n", congestion);
  return 0;
}
