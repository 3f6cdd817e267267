/* Loaded by LD_PRELOAD: a kernel from before RWF_NOSIGNAL, so that writes to pipes go by the signal mask. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>

static long refusals;

/* A shim that was not in the way has shown nothing. */
__attribute__((destructor)) static void end(void) {
  fprintf(stderr, "%ld refusals\n", __atomic_load_n(&refusals, __ATOMIC_RELAXED));
}

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
  (void)fd, (void)iov, (void)count, (void)offset, (void)flags;
  __atomic_add_fetch(&refusals, 1, __ATOMIC_RELAXED);
  errno = EOPNOTSUPP;
  return -1;
}

ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags) {
  return pwritev2(fd, iov, count, (off_t)offset, flags);
}
