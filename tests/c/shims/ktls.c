/* Loaded by LD_PRELOAD: TCP sockets on which the kernel speaks TLS, as far as a receiver can tell. A record is a byte for its
 * type, two for its length, big-endian, and its bytes in the clear. As with kTLS, data records alone are given to recv(2), which
 * says EIO to others and leaves them there; recvmsg(2) with room for a control message tells the type of each. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

enum { LEVEL_TLS = 282, RECORD_TYPE = 2, DATA = 23, HEAD = 3 };

#define NEXT(function) (*(void **)&next = dlsym(RTLD_NEXT, #function))

int getsockopt(int fd, int level, int name, void *value, socklen_t *len) {
  int (*next)(int, int, int, void *, socklen_t *);
  NEXT(getsockopt);
  if (level != IPPROTO_TCP || name != TCP_ULP)
    return next(fd, level, name, value, len);
  memcpy(value, "tls", 4);
  *len = 4;
  return 0;
}

static int is_tcp(int fd) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  return getsockname(fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_INET;
}

/* The head of the next record, which stays there; below 0 as recv(2), 0 at the end. */
static ssize_t look(int fd, unsigned char *head, int flags) {
  ssize_t (*next)(int, void *, size_t, int);
  NEXT(recv);
  return next(fd, head, HEAD, (flags & MSG_DONTWAIT) | MSG_PEEK);
}

static ssize_t take(int fd, void *buf, size_t cap, const unsigned char *head) {
  ssize_t (*next)(int, void *, size_t, int);
  unsigned char skipped[HEAD];
  size_t len = (size_t)head[1] << 8 | head[2];
  NEXT(recv);
  if (cap < len || next(fd, skipped, HEAD, MSG_WAITALL) != HEAD) {
    errno = EMSGSIZE; /* the tests' records are short */
    return -1;
  }
  return next(fd, buf, len, MSG_WAITALL);
}

ssize_t recv(int fd, void *buf, size_t len, int flags) {
  ssize_t (*next)(int, void *, size_t, int);
  unsigned char head[HEAD];
  NEXT(recv);
  if (!is_tcp(fd))
    return next(fd, buf, len, flags);
  ssize_t there = look(fd, head, flags);
  if (there <= 0)
    return there;
  if (head[0] != DATA) {
    errno = EIO;
    return -1;
  }
  return take(fd, buf, len, head);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  ssize_t (*next)(int, struct msghdr *, int);
  unsigned char head[HEAD];
  NEXT(recvmsg);
  if (!is_tcp(fd) || message->msg_controllen < CMSG_SPACE(1))
    return next(fd, message, flags);
  ssize_t there = look(fd, head, flags);
  if (there <= 0)
    return there;
  struct cmsghdr *control = CMSG_FIRSTHDR(message);
  control->cmsg_level = LEVEL_TLS;
  control->cmsg_type = RECORD_TYPE;
  control->cmsg_len = CMSG_LEN(1);
  *CMSG_DATA(control) = head[0];
  message->msg_controllen = CMSG_SPACE(1);
  return take(fd, message->msg_iov[0].iov_base, message->msg_iov[0].iov_len, head);
}
