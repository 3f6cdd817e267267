/* Loaded by LD_PRELOAD: sockets and pipes on which little goes well. FDWIRE_TEST_FAULTS says how:

     short     each call moves a byte
     eintr     every other call is interrupted, the others move a byte; every other poll as well
     again     every other call could not go on at once, the others move a byte
     rand:N    one of these, or up to 7 bytes, by a random number that begins with N

   A look at what is there (MSG_PEEK) is left whole: a second one would say something else. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LEFT_ALONE, SHORT, INTERRUPTED, AGAIN, RANDOM };
static int mode;
static unsigned random_state;
static long faults;
static __thread int odd_call, odd_poll;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FDWIRE_TEST_FAULTS");
  if (text == NULL)
    return;
  if (strcmp(text, "short") == 0)
    mode = SHORT;
  else if (strcmp(text, "eintr") == 0)
    mode = INTERRUPTED;
  else if (strcmp(text, "again") == 0)
    mode = AGAIN;
  else if (sscanf(text, "rand:%u", &random_state) == 1)
    mode = RANDOM;
  else {
    fprintf(stderr, "FDWIRE_TEST_FAULTS=%s: no such faults\n", text);
    _exit(125);
  }
  random_state = random_state * 2654435761u + 1;
}

/* A shim that was not in the way has shown nothing. */
__attribute__((destructor)) static void end(void) {
  fprintf(stderr, "%ld faults\n", __atomic_load_n(&faults, __ATOMIC_RELAXED));
}

static int is_stream(int fd) {
  struct stat status;
  int error = errno, is;
  is = mode != LEFT_ALONE && fstat(fd, &status) == 0 &&
       (S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode));
  errno = error;
  return is && fd > 2;
}

static unsigned next_random(void) {
  unsigned n = __atomic_add_fetch(&random_state, 2654435769u, __ATOMIC_RELAXED);
  n = (n ^ (n >> 16)) * 0x85ebca6bu;
  n = (n ^ (n >> 13)) * 0xc2b2ae35u;
  return n ^ (n >> 16);
}

static ssize_t fails(int error) {
  errno = error;
  return -1;
}

/* The most bytes that a call on a stream moves, or -1 and errno. */
static ssize_t most(void) {
  unsigned n;
  __atomic_add_fetch(&faults, 1, __ATOMIC_RELAXED);
  switch (mode) {
  case INTERRUPTED: return (odd_call ^= 1) ? fails(EINTR) : 1;
  case AGAIN: return (odd_call ^= 1) ? fails(EAGAIN) : 1;
  case RANDOM:
    n = next_random();
    return n % 4 == 0 ? fails(EINTR) : n % 4 == 1 ? fails(EAGAIN) : 1 + (ssize_t)(n >> 8) % 7;
  default: return 1;
  }
}

/* The first bytes of some ranges: at most len of them, so that 16 ranges are plenty. */
#define RANGES 16

static int first_of(struct iovec *out, const struct iovec *ranges, size_t count, ssize_t len) {
  int used = 0;
  for (size_t i = 0; i < count && used < RANGES && len > 0; i++) {
    out[used] = ranges[i];
    if ((ssize_t)out[used].iov_len > len)
      out[used].iov_len = (size_t)len;
    len -= (ssize_t)out[used].iov_len;
    used += out[used].iov_len > 0;
  }
  return used;
}

/* The function that this one stands before. */
#define NEXT(type, name, ...)                                                             \
  static type (*next)(__VA_ARGS__);                                                       \
  if (next == NULL)                                                                       \
    *(void **)&next = dlsym(RTLD_NEXT, name)

static size_t cut(size_t len, ssize_t to) { return len < (size_t)to ? len : (size_t)to; }

ssize_t read(int fd, void *buf, size_t len) {
  NEXT(ssize_t, "read", int, void *, size_t);
  ssize_t to = is_stream(fd) ? most() : SSIZE_MAX;
  return to < 0 ? to : next(fd, buf, cut(len, to));
}

ssize_t write(int fd, const void *buf, size_t len) {
  NEXT(ssize_t, "write", int, const void *, size_t);
  ssize_t to = is_stream(fd) ? most() : SSIZE_MAX;
  return to < 0 ? to : next(fd, buf, cut(len, to));
}

ssize_t recv(int fd, void *buf, size_t len, int flags) {
  NEXT(ssize_t, "recv", int, void *, size_t, int);
  ssize_t to = is_stream(fd) && !(flags & MSG_PEEK) ? most() : SSIZE_MAX;
  return to < 0 ? to : next(fd, buf, cut(len, to), flags);
}

ssize_t send(int fd, const void *buf, size_t len, int flags) {
  NEXT(ssize_t, "send", int, const void *, size_t, int);
  ssize_t to = is_stream(fd) ? most() : SSIZE_MAX;
  return to < 0 ? to : next(fd, buf, cut(len, to), flags);
}

ssize_t readv(int fd, const struct iovec *ranges, int count) {
  NEXT(ssize_t, "readv", int, const struct iovec *, int);
  struct iovec first[RANGES];
  ssize_t to = is_stream(fd) && count > 0 ? most() : SSIZE_MAX;
  if (to == SSIZE_MAX || to < 0)
    return to < 0 ? to : next(fd, ranges, count);
  return next(fd, first, first_of(first, ranges, (size_t)count, to));
}

ssize_t writev(int fd, const struct iovec *ranges, int count) {
  NEXT(ssize_t, "writev", int, const struct iovec *, int);
  struct iovec first[RANGES];
  ssize_t to = is_stream(fd) && count > 0 ? most() : SSIZE_MAX;
  if (to == SSIZE_MAX || to < 0)
    return to < 0 ? to : next(fd, ranges, count);
  return next(fd, first, first_of(first, ranges, (size_t)count, to));
}

ssize_t pwritev2(int fd, const struct iovec *ranges, int count, off_t offset, int flags) {
  NEXT(ssize_t, "pwritev2", int, const struct iovec *, int, off_t, int);
  struct iovec first[RANGES];
  ssize_t to = is_stream(fd) && count > 0 ? most() : SSIZE_MAX;
  if (to == SSIZE_MAX || to < 0)
    return to < 0 ? to : next(fd, ranges, count, offset, flags);
  return next(fd, first, first_of(first, ranges, (size_t)count, to), offset, flags);
}

ssize_t pwritev64v2(int fd, const struct iovec *ranges, int count, off64_t offset, int flags) {
  return pwritev2(fd, ranges, count, (off_t)offset, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags) {
  NEXT(ssize_t, "sendmsg", int, const struct msghdr *, int);
  struct iovec first[RANGES];
  struct msghdr part = *msg;
  ssize_t to = is_stream(fd) ? most() : SSIZE_MAX;
  if (to == SSIZE_MAX || to < 0)
    return to < 0 ? to : next(fd, msg, flags);
  part.msg_iovlen = (size_t)first_of(first, msg->msg_iov, msg->msg_iovlen, to);
  part.msg_iov = first;
  return next(fd, &part, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags) {
  NEXT(ssize_t, "recvmsg", int, struct msghdr *, int);
  struct iovec first[RANGES];
  struct msghdr part = *msg;
  ssize_t to = is_stream(fd) && !(flags & MSG_PEEK) ? most() : SSIZE_MAX, got;
  if (to == SSIZE_MAX || to < 0)
    return to < 0 ? to : next(fd, msg, flags);
  part.msg_iovlen = (size_t)first_of(first, msg->msg_iov, msg->msg_iovlen, to);
  part.msg_iov = first;
  got = next(fd, &part, flags);
  msg->msg_namelen = part.msg_namelen;
  msg->msg_controllen = part.msg_controllen;
  msg->msg_flags = part.msg_flags;
  return got;
}

int poll(struct pollfd *fds, nfds_t count, int timeout) {
  NEXT(int, "poll", struct pollfd *, nfds_t, int);
  if (mode == INTERRUPTED && (odd_poll ^= 1))
    return (int)fails(EINTR);
  return next(fds, count, timeout);
}
