/* Loaded by LD_PRELOAD: a kernel from before RWF_NOSIGNAL, so that writes to pipes go by the signal mask. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/uio.h>

ssize_t pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags) {
  (void)fd, (void)iov, (void)count, (void)offset, (void)flags;
  errno = EOPNOTSUPP;
  return -1;
}

ssize_t pwritev64v2(int fd, const struct iovec *iov, int count, off64_t offset, int flags) {
  return pwritev2(fd, iov, count, (off_t)offset, flags);
}
