/* Reading and writing by hand, until all is done. */
#ifndef BYTES_H
#define BYTES_H

#include "peer.h"

#include <sys/socket.h>
#include <sys/uio.h>

static inline void write_all(int fd, const void *bytes, size_t len) {
  const uint8_t *at = bytes;
  while (len > 0) {
    ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR)
      die_of("send");
    if (n > 0) {
      at += n;
      len -= (size_t)n;
    }
  }
}

static inline void write_parts(int fd, struct iovec *parts, size_t count) {
  while (count > 0) {
    struct msghdr all;
    memset(&all, 0, sizeof all);
    all.msg_iov = parts;
    all.msg_iovlen = count;
    ssize_t n = sendmsg(fd, &all, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR)
      die_of("sendmsg");
    size_t left = n > 0 ? (size_t)n : 0;
    for (; count > 0 && left >= parts->iov_len; count--)
      left -= parts++->iov_len;
    if (count > 0) {
      parts->iov_base = (uint8_t *)parts->iov_base + left;
      parts->iov_len -= left;
    }
  }
}

static inline void write_two(int fd, const void *first, size_t first_len, const void *second,
                             size_t second_len) {
  struct iovec parts[2] = {{(void *)first, first_len}, {(void *)second, second_len}};
  write_parts(fd, parts, 2);
}

/* What a read gave; 0 where there is nothing yet. */
static inline size_t came(ssize_t n, const char *call) {
  if (n == 0)
    die("the stream ended early");
  if (n < 0 && errno != EINTR && errno != EAGAIN)
    die_of(call);
  return n > 0 ? (size_t)n : 0;
}

static inline size_t read_some(int fd, void *room, size_t cap) {
  size_t got;
  while ((got = came(recv(fd, room, cap, 0), "recv")) == 0)
    ;
  return got;
}

static inline size_t read_two(int fd, void *first, size_t first_len, void *second,
                              size_t second_len) {
  struct iovec parts[2] = {{first, first_len}, {second, second_len}};
  size_t got;
  while ((got = came(readv(fd, parts, 2), "readv")) == 0)
    ;
  return got;
}

static inline void read_all(int fd, uint8_t *at, size_t len) {
  for (size_t got; len > 0; len -= got, at += got)
    got = read_some(fd, at, len);
}

#endif
