/* How fdwire treats descriptors and signals that are not its own. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

static void flags_stay_as_they_were(void) {
  EACH_WAY(way) {
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
      int fds[2], before[2];
      char body[8];
      size_t len = 0;
      open_way(way, fds);
      for (int i = 0; i < 2; i++) {
        NEED(fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | (nonblocking ? O_NONBLOCK : 0)) == 0);
        before[i] = fcntl(fds[i], F_GETFL);
      }
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), -EAGAIN);
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 10), -ETIMEDOUT);
      CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 0), 0);
      CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, 10), 0);
      CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, -1), 0);
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 100), 1);
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 0), 1);
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 1);
      for (int i = 0; i < 2; i++)
        CHECK_IS(fcntl(fds[i], F_GETFL), before[i]);
      close_way(fds);
    }
  }
}

/* A non-blocking descriptor waits as a blocking one does when told to. */
static void nonblocking_descriptors_wait_too(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    NEED(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0);
    struct writer_peer peer;
    peer_writes(&peer, fds[1], "\0\0\0\5hello", 9, 3, 10, 0);
    char body[8];
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 1);
    peer_done(&peer);
    unsigned char *big = pattern(4 << 20, 0);
    size_t done = 0;
    CHECK_IS(fdwire_write_all(fds[1], big, 4 << 20, &done, 20), -ETIMEDOUT);
    CHECK(done > 0 && done < 4 << 20);
    free(big);
    close_way(fds);
  }
}

static void *write_to_nobody(void *arg) {
  (void)arg;
  EACH_WAY(way) {
    for (int timeout = -1; timeout <= 50; timeout += timeout < 0 ? 1 : 50) {
      int fds[2];
      open_way(way, fds);
      close(fds[0]);
      int result = 0;
      for (int i = 0; i < 50 && result == 0; i++) { /* TCP learns of it with the answer */
        result = fdwire_send(fds[1], NULL, "hello", 5, timeout);
        sleep_ms(1);
      }
      CHECK(result == -EPIPE || result == -ECONNRESET);
      result = fdwire_write_all(fds[1], "hello", 5, NULL, timeout);
      CHECK(result == -EPIPE || result == -ECONNRESET);
      close(fds[1]);
    }
  }
  return NULL;
}

/* With the default action, a SIGPIPE would be the end of this program. */
static void no_sigpipe(void) {
  struct sigaction action;
  NEED(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    NEED(pthread_create(&threads[i], NULL, write_to_nobody, NULL) == 0);
  for (int i = 0; i < 4; i++)
    NEED(pthread_join(threads[i], NULL) == 0);
}

/* A SIGPIPE that the program itself has blocked and pending is still pending afterwards; its mask is as it was. */
static void a_pending_sigpipe_stays(void) {
  sigset_t sigpipe, before, pending, after;
  sigemptyset(&sigpipe);
  sigaddset(&sigpipe, SIGPIPE);
  NEED(pthread_sigmask(SIG_BLOCK, &sigpipe, &before) == 0);
  for (int ours = 0; ours < 2; ours++) {
    int fds[2];
    NEED(pipe(fds) == 0);
    close(fds[0]);
    if (ours)
      pthread_kill(pthread_self(), SIGPIPE);
    CHECK_IS(fdwire_send(fds[1], NULL, "x", 1, -1), -EPIPE);
    CHECK_IS(fdwire_send(fds[1], NULL, "x", 1, 50), -EPIPE);
    sigpending(&pending);
    CHECK_IS(sigismember(&pending, SIGPIPE), ours);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    CHECK_IS(sigismember(&after, SIGPIPE), 1);
    close(fds[1]);
  }
  struct timespec at_once = {0, 0};
  CHECK_IS(sigtimedwait(&sigpipe, NULL, &at_once), SIGPIPE);
  pthread_sigmask(SIG_SETMASK, &before, NULL);

  int fds[2];
  NEED(pipe(fds) == 0);
  close(fds[0]);
  CHECK_IS(fdwire_send(fds[1], NULL, "x", 1, -1), -EPIPE);
  close(fds[1]);
  pthread_sigmask(SIG_BLOCK, NULL, &after);
  CHECK_IS(sigismember(&after, SIGPIPE), 0); /* not left blocked */
}

static const struct itimerval storm = {{0, 300}, {0, 300}}, calm = {{0, 0}, {0, 0}};
static int storms, left; /* signals come to two threads */

/* Where to handle one takes longer than the next takes to come, as under valgrind it may, nothing else would be done for ever. */
static void count_storm(int signal) {
  (void)signal;
  __atomic_add_fetch(&storms, 1, __ATOMIC_RELAXED);
  if (__atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) == 0)
    setitimer(ITIMER_REAL, &calm, NULL);
}

struct sender {
  int fd;
  const unsigned char *body;
  size_t size;
};

static void *send_in_the_storm(void *arg) {
  struct sender *sender = (struct sender *)arg;
  for (size_t i = 0; i < 30; i++) {
    CHECK_IS(fdwire_send(sender->fd, NULL, sender->body, sender->size - i, -1), 0);
    sleep_ms(2); /* so that the other end waits */
  }
  return NULL;
}

/* A timer that interrupts every call many times, on both ends; nothing of a conversation is lost. */
static void a_signal_storm(void) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = count_storm; /* without SA_RESTART: calls fail with EINTR */
  NEED(sigaction(SIGALRM, &action, &before) == 0);
  size_t size = 300000;
  unsigned char *body = pattern(size, 9), *got = (unsigned char *)malloc(size);
  EACH_WAY(way) {
    for (int timeout = -1; timeout <= 60000; timeout += 60001) {
      int fds[2];
      open_way(way, fds);
      struct sender sender = {fds[1], body, size};
      pthread_t thread;
      __atomic_store_n(&left, 1000, __ATOMIC_RELAXED);
      NEED(pthread_create(&thread, NULL, send_in_the_storm, &sender) == 0);
      setitimer(ITIMER_REAL, &storm, NULL);
      for (size_t i = 0; i < 30; i++) {
        size_t len = 0;
        CHECK_IS(fdwire_recv(fds[0], NULL, got, size, &len, timeout), 1);
        CHECK(len == size - i && memcmp(got, body, len) == 0);
      }
      setitimer(ITIMER_REAL, &calm, NULL);
      NEED(pthread_join(thread, NULL) == 0);
      close_way(fds);
    }
  }
  free(got);
  free(body);
  CHECK(__atomic_load_n(&storms, __ATOMIC_RELAXED) > 50);
  sigaction(SIGALRM, &before, NULL);
  alarm(300); /* the storm took its place */
}

static void datagrams_are_refused(void) {
  static const int types[] = {SOCK_DGRAM, SOCK_SEQPACKET};
  char body[8];
  size_t len = 0, done = 0;
  for (int i = 0; i < 2; i++) {
    int fds[2];
    NEED(socketpair(AF_UNIX, types[i], 0, fds) == 0);
    NEED(write(fds[1], "\0\0\0\1x", 5) == 5);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 100), -EPROTOTYPE);
    CHECK_IS(fdwire_send(fds[0], NULL, "x", 1, 100), -EPROTOTYPE);
    CHECK_IS(fdwire_read_exact(fds[0], body, 1, &done, 100), -EPROTOTYPE);
    CHECK_IS(fdwire_write_all(fds[0], body, 1, &done, 100), -EPROTOTYPE);
    CHECK_IS(read(fds[0], body, sizeof body), 5); /* it was left alone */
    CHECK_IS(fdwire_finish(fds[0], 100), -EPROTOTYPE);
    close(fds[1]);
  }
  int udp = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK_IS(fdwire_send(udp, NULL, "x", 1, 100), -EPROTOTYPE);
  CHECK_IS(fdwire_recv(udp, NULL, body, sizeof body, &len, 100), -EPROTOTYPE);
  close(udp);
}

/* A number that was a socket for many calls and is a pipe now, or the reverse, closed behind fdwire's back. */
static void a_number_that_changes_its_nature(void) {
  char body[8];
  size_t len = 0;
  for (int timeout = -1; timeout <= 1000; timeout += 1001) {
    EACH_WAY(way) {
      for (int receives_last = 0; receives_last < 2; receives_last++) {
        int fds[2];
        open_way(way, fds);
        for (int i = 0; i < 40; i++)
          CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, timeout), 0);
        for (int i = 0; receives_last && i < 40; i++)
          CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, timeout), 1);
        close_way(fds);
      }
    }
  }
  int fds[2], datagrams[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  for (int i = 0; i < 40; i++)
    CHECK_IS(fdwire_send(fds[1], NULL, "hello", 5, -1), 0);
  CHECK_IS(fdwire_close(fds[0]), 0);
  CHECK_IS(fdwire_close(fds[1]), 0);
  NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
  CHECK_IS(datagrams[1], fds[1]);
  CHECK_IS(fdwire_send(datagrams[1], NULL, "hello", 5, -1), -EPROTOTYPE);
  CHECK_IS(fdwire_recv(datagrams[1], NULL, body, sizeof body, &len, -1), -EPROTOTYPE);
  close_way(datagrams);
}

static void close_on_exec(void) {
  char address[FDWIRE_ADDRESS_MAX];
  int listener = fdwire_listen("127.0.0.1:0", 0);
  NEED(fdwire_local_address(listener, address, sizeof address) == 0);
  int client = fdwire_connect(address, 1000), server = fdwire_accept(listener, 1000);
  int all[3] = {listener, client, server};
  for (int i = 0; i < 3; i++) {
    CHECK(all[i] >= 0);
    CHECK_IS(fcntl(all[i], F_GETFD), FD_CLOEXEC);
    CHECK_IS(fcntl(all[i], F_GETFL) & O_NONBLOCK, 0);
  }
  for (int i = 1; i < 3; i++) {
    int nodelay = 0;
    socklen_t size = sizeof nodelay;
    NEED(getsockopt(all[i], IPPROTO_TCP, TCP_NODELAY, &nodelay, &size) == 0);
    CHECK(nodelay != 0);
  }
  for (int i = 0; i < 3; i++)
    CHECK_IS(fdwire_close(all[i]), 0);
}

static void a_high_descriptor(void) {
  struct rlimit limit;
  NEED(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  int high = limit.rlim_max > 70100 ? 70000 : 3000;
  if (limit.rlim_cur < (rlim_t)high + 100) {
    limit.rlim_cur = (rlim_t)high + 100;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0) {
      printf("     (no descriptor above 1024 is allowed here)\n");
      return;
    }
  }
  static const int targets[] = {1024, 1025, 2000, 65535, 65536, 70000};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    if (targets[i] > high)
      break;
    EACH_WAY(way) {
      int fds[2];
      open_way(way, fds);
      int in = fcntl(fds[0], F_DUPFD_CLOEXEC, targets[i]);
      int out = fcntl(fds[1], F_DUPFD_CLOEXEC, targets[i]);
      NEED(in >= targets[i] && out >= targets[i]);
      char body[8];
      size_t len = 0;
      CHECK_IS(fdwire_recv(in, NULL, body, sizeof body, &len, 10), -ETIMEDOUT);
      CHECK_IS(fdwire_send(out, NULL, "hello", 5, 100), 0);
      CHECK_IS(fdwire_recv(in, NULL, body, sizeof body, &len, 100), 1);
      CHECK_IS(fdwire_close(in), 0);
      CHECK_IS(fdwire_close(out), 0);
      close_way(fds);
    }
  }
}

int main(void) {
  check_begin();
  RUN(flags_stay_as_they_were);
  RUN(nonblocking_descriptors_wait_too);
  RUN(no_sigpipe);
  RUN(a_pending_sigpipe_stays);
  RUN(a_signal_storm);
  RUN(datagrams_are_refused);
  RUN(a_number_that_changes_its_nature);
  RUN(close_on_exec);
  RUN(a_high_descriptor);
  return check_end();
}
