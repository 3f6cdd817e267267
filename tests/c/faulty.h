/* System calls of which one goes wrong. The functions here stand before libc's, in the program itself,
   so that one process tries thousands of faults: they number the calls that the library makes, and
   fail, end, shorten or invent the one that is asked for. The test's own calls are left alone.

   A call that would wait lets the peer do its next step instead: all happens in one thread, in the same
   order each time, and what would wait for ever is noticed at once. C99, and C++. */
#ifndef FAULTY_H
#define FAULTY_H

#include "stream.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

/* ---- The calls, and the faults that they can have ---- */

enum call {
  RECV, PEEK, READ, SEND, SEND_FDS, WRITE, PWRITE, PREAD, POLL, EPOLL_WAIT, ACCEPT, CONNECT,
  SHUTDOWN, CLOSE, SOCKET, BIND, LISTEN, DUPLICATE, EVENTFD, EPOLL_CREATE, EPOLL_CTL, GETFL,
  GETSOCKOPT, SETSOCKOPT, GETSOCKNAME, IOCTL, FSTAT, CALLS
};

static const char *const call_names[CALLS] = {
    "recv", "a look", "read", "send", "send with descriptors", "writev", "pwritev2", "pread", "poll",
    "epoll_wait", "accept", "connect", "shutdown", "close", "socket", "bind", "listen", "dup",
    "eventfd", "epoll_create", "epoll_ctl", "fcntl", "getsockopt", "setsockopt", "getsockname",
    "ioctl", "fstat"};

enum sort { ERRNO, END, ONE, FEW, RAGGED, LIE };

struct fault {
  const char *name;
  enum sort sort;
  int error;
};

static const struct fault faults[] = {
    {"EINTR", ERRNO, EINTR},
    {"EAGAIN", ERRNO, EAGAIN},
    {"ECONNRESET", ERRNO, ECONNRESET},
    {"EPIPE", ERRNO, EPIPE},
    {"EIO", ERRNO, EIO},
    {"ENOMEM", ERRNO, ENOMEM},
    {"EMFILE", ERRNO, EMFILE},
    {"ENOSYS", ERRNO, ENOSYS},
    {"ECONNABORTED", ERRNO, ECONNABORTED},
    {"ETOOMANYREFS", ERRNO, ETOOMANYREFS},
    {"ETIMEDOUT", ERRNO, ETIMEDOUT}, /* and these mean something else where fdwire says them */
    {"ENOBUFS", ERRNO, ENOBUFS},
    {"EBUSY", ERRNO, EBUSY},
    {"ECANCELED", ERRNO, ECANCELED},
    {"end", END, 0},       /* the stream ends here */
    {"one", ONE, 0},       /* a byte moves */
    {"few", FEW, 0},       /* a random number of bytes */
    {"ragged", RAGGED, 0}, /* from here on, each call moves a few bytes, is interrupted or refused */
    {"lie", LIE, 0},       /* says that bytes moved that did not */
};
#define EACH_FAULT(f) \
  for (const struct fault *f = faults; f < faults + sizeof faults / sizeof *faults; f++)

/* What a fault is to do to what the program sees. */
enum effect {
  NO_SUCH,  /* it cannot happen to this call */
  PASSES,   /* nothing is lost, and nothing told */
  TOLD,     /* its code is the result */
  MAY_PASS, /* one of the two */
  ENDED,    /* the stream has ended, there */
  EXPOSED   /* the tests notice */
};

static inline int reads(enum call call) { return call == RECV || call == PEEK || call == READ; }

static inline int writes(enum call call) { return call >= SEND && call <= PWRITE; }

static inline int moves(enum call call) { return reads(call) || writes(call) || call == PREAD; }

static inline enum effect effect_of_errno(enum call call, int error) {
  switch (error) {
  case EINTR: return call <= CONNECT || call == CLOSE ? PASSES : NO_SUCH;
  case EAGAIN: return moves(call) || call == POLL || call == ACCEPT ? PASSES : NO_SUCH;
  case EPIPE: return reads(call) || writes(call) ? TOLD : NO_SUCH;
  case ECONNRESET: return call <= PWRITE || call == ACCEPT || call == CONNECT ? TOLD : NO_SUCH;
  case EIO: return moves(call) || call == SHUTDOWN ? TOLD : call == CLOSE ? MAY_PASS : NO_SUCH;
  case EMFILE:
    return call == EVENTFD ? MAY_PASS
           : call == ACCEPT || call == SOCKET || call == DUPLICATE || call == EPOLL_CREATE ? TOLD
                                                                                           : NO_SUCH;
  case ENOSYS: return call == PWRITE ? PASSES : NO_SUCH;
  case ECONNABORTED: return call == ACCEPT ? PASSES : NO_SUCH;
  case ETOOMANYREFS: return call == SEND_FDS ? PASSES : NO_SUCH;
  case ETIMEDOUT: case ENOBUFS: case EBUSY: case ECANCELED: return moves(call) ? TOLD : NO_SUCH;
  default: /* ENOMEM: what only asks may do without an answer, or always has one */
    return call == GETSOCKOPT || call == GETFL ? NO_SUCH
           : call < SHUTDOWN && call != POLL              ? TOLD
                                                          : MAY_PASS;
  }
}

/* What the program is told of it. */
static inline int told_as(enum call call, int error) {
  int on_socket = call == RECV || call == PEEK || call == SEND || call == SEND_FDS;
  switch (error) {
  case ETIMEDOUT: return on_socket ? ECONNRESET : EIO;
  case ENOBUFS: return ENOMEM;
  case EBUSY: case ECANCELED: return EIO;
  default: return error;
  }
}

static inline enum effect effect_of(enum call call, const struct fault *fault) {
  switch (fault->sort) {
  case ERRNO: return effect_of_errno(call, fault->error);
  case END: return reads(call) ? ENDED : moves(call) ? TOLD : NO_SUCH;
  case LIE: return moves(call) && call != PEEK ? EXPOSED : NO_SUCH;
  case RAGGED: return moves(call) ? PASSES : NO_SUCH;
  default: return moves(call) && call != PEEK ? PASSES : NO_SUCH; /* a second look says the same */
  }
}

/* ---- Where the run stands ---- */

#define TRACE 8192
#define NEVER (-1L)

static struct {
  int inside;                /* the library is at work, and not the test */
  long calls, most;          /* that it has made, and is to make */
  uint8_t trace[TRACE];      /* what they were */
  long at;                   /* the number of the call that goes wrong */
  const struct fault *fault; /* how */
  int hit;                   /* the call that it happened to, or -1 */
  int stuck;                 /* it would wait for ever, or never come to an end */
  int idle;                  /* waits in vain */
  uint64_t taken, seen;      /* bytes of the stream that the library has taken, or looked at */
  struct dice dice;
  int patience_ms;   /* how long what a peer did may be on its way */
  int (*peer)(void); /* does the peer's next step; whether there was one */
} run;

static inline void run_begins(long at, const struct fault *fault, long most, int (*peer)(void)) {
  run.inside = run.stuck = run.idle = 0;
  run.calls = 0;
  run.taken = run.seen = 0;
  run.at = at;
  run.fault = fault;
  run.most = most;
  run.hit = -1;
  run.peer = peer;
}

static inline void go_inside(void) {
  run.seen = run.taken;
  run.inside = 1;
}

static inline int come_out(int result) {
  run.inside = 0;
  return result;
}

/* A call of the library. */
#define IN(call) come_out((go_inside(), (call)))

static inline int fails(int error) {
  errno = error;
  return -1;
}

static inline int is_stuck(void) {
  run.stuck = 1;
  return fails(ENOTRECOVERABLE);
}

/* What becomes of a call: as many bytes as it may move, or -1 and errno, or what it makes up. */
struct fate {
  size_t most;
  int failed, ends, lies;
};

static inline struct fate fate_of_ragged(enum call call) {
  struct fate fate = {1 + below(&run.dice, 7), 0, 0, 0};
  size_t side = below(&run.dice, 4);
  if (side < 2)
    fate.failed = fails(side ? EINTR : EAGAIN) < 0;
  if (call == PEEK)
    fate.most = SIZE_MAX;
  return fate;
}

static inline struct fate fate_of(enum call call) {
  struct fate fate = {SIZE_MAX, 0, 0, 0};
  long number = run.calls++;
  if (number < TRACE)
    run.trace[number] = (uint8_t)call;
  if (run.stuck || number > run.most) {
    fate.failed = is_stuck() < 0;
    return fate;
  }
  if (run.at == NEVER || number < run.at)
    return fate;
  if (run.fault->sort == RAGGED && effect_of(call, run.fault) != NO_SUCH) {
    run.hit = run.hit < 0 ? (int)call : run.hit;
    return fate_of_ragged(call);
  }
  if (number > run.at || effect_of(call, run.fault) == NO_SUCH)
    return fate;
  run.hit = (int)call;
  switch (run.fault->sort) {
  case ERRNO: fate.failed = fails(run.fault->error) < 0; break;
  case END: fate.ends = 1; break;
  case ONE: fate.most = 1; break;
  case FEW: fate.most = 1 + below(&run.dice, 40); break;
  default: fate.lies = 1; break;
  }
  return fate;
}

/* ---- Before libc's functions ---- */

/* The function that this one stands before. */
#define NEXT(type, name, ...)                                                             \
  static type (*next)(__VA_ARGS__);                                                       \
  if (next == NULL)                                                                       \
  *(void **)&next = dlsym(RTLD_NEXT, name)

/* Defines a function that has this name for the linker, whatever the headers say of it. */
#define BEFORE(type, name, ...)                                                           \
  type before_##name(__VA_ARGS__) __asm__(#name);                                         \
  type before_##name(__VA_ARGS__)

BEFORE(int, poll, struct pollfd *fds, nfds_t count, int timeout);

static inline int is_ready(int fd, short events, int timeout_ms) {
  struct pollfd entry = {fd, events, 0};
  int inside = run.inside, ready;
  run.inside = 0;
  ready = poll(&entry, 1, timeout_ms);
  run.inside = inside;
  return ready > 0;
}

static inline int peer_steps(void) {
  int inside = run.inside, stepped;
  run.inside = 0;
  stepped = run.peer != NULL && run.peer();
  run.inside = inside;
  return stepped;
}

/* Whether what would have had to wait may be tried again. */
static inline int goes_on(int fd, short events) {
  return peer_steps() || is_ready(fd, events, run.patience_ms) || (is_stuck(), 0);
}

BEFORE(int, poll, struct pollfd *fds, nfds_t count, int timeout) {
  NEXT(int, "poll", struct pollfd *, nfds_t, int);
  if (!run.inside)
    return next(fds, count, timeout);
  if (fate_of(POLL).failed)
    return -1;
  int ready = next(fds, count, 0);
  while (ready == 0 && timeout != 0 && peer_steps())
    ready = next(fds, count, 0);
  if (ready != 0 || timeout == 0)
    return ready;
  int bounded = timeout > 0 && timeout < 100;
  ready = next(fds, count, bounded ? timeout : run.patience_ms);
  return ready != 0 || (bounded && run.idle++ < 50) ? ready : is_stuck();
}

BEFORE(int, epoll_wait, int epoll, struct epoll_event *events, int count, int timeout) {
  NEXT(int, "epoll_wait", int, struct epoll_event *, int, int);
  if (!run.inside)
    return next(epoll, events, count, timeout);
  if (fate_of(EPOLL_WAIT).failed)
    return -1;
  int ready = next(epoll, events, count, 0);
  while (ready == 0 && timeout != 0 && peer_steps())
    ready = next(epoll, events, count, 0);
  if (ready != 0 || timeout == 0)
    return ready;
  ready = next(epoll, events, count, run.patience_ms);
  return ready != 0 ? ready : is_stuck();
}

/* Only ever asks for the flags or a duplicate. */
static inline int before_fcntl_any(int (*next)(int, int, ...), int fd, int command, long argument) {
  int makes = command == F_DUPFD_CLOEXEC || command == F_DUPFD;
  if (run.inside && fate_of(makes ? DUPLICATE : GETFL).failed)
    return -1;
  return next(fd, command, argument);
}

#define BEFORE_FCNTL(name)                                                                \
  BEFORE(int, name, int fd, int command, ...) {                                           \
    NEXT(int, #name, int, int, ...);                                                      \
    va_list arguments;                                                                    \
    va_start(arguments, command);                                                         \
    long argument = va_arg(arguments, long);                                              \
    va_end(arguments);                                                                    \
    return before_fcntl_any(next, fd, command, argument);                                 \
  }
BEFORE_FCNTL(fcntl)
BEFORE_FCNTL(fcntl64)

static inline int would_wait(int fd) {
  int inside = run.inside, flags;
  run.inside = 0;
  flags = fcntl(fd, F_GETFL);
  run.inside = inside;
  return flags >= 0 && !(flags & O_NONBLOCK);
}

static inline size_t length_of(const struct iovec *ranges, size_t count) {
  size_t len = 0;
  for (size_t i = 0; i < count; i++)
    len += ranges[i].iov_len;
  return len;
}

#define RANGES 512

/* The first bytes of some ranges, at most so many. */
static inline size_t first_of(struct iovec *out, const struct iovec *ranges, size_t count,
                              size_t most) {
  size_t used = 0;
  for (size_t i = 0; i < count && used < RANGES && most > 0; i++) {
    out[used] = ranges[i];
    out[used].iov_len = least(out[used].iov_len, most);
    most -= out[used].iov_len;
    used += out[used].iov_len > 0;
  }
  return used;
}

/* Bytes that nobody sent, a few. */
static inline ssize_t made_up(const struct iovec *ranges, size_t count) {
  size_t made = 0;
  for (size_t i = 0; i < count && made < 3; i++)
    for (size_t j = 0; j < ranges[i].iov_len && made < 3; j++, made++)
      ((char *)ranges[i].iov_base)[j] = 'L';
  return (ssize_t)made;
}

static inline ssize_t came(enum call call, ssize_t n) {
  if (n > 0 && call == PEEK && run.taken + (uint64_t)n > run.seen)
    run.seen = run.taken + (uint64_t)n;
  if (n > 0 && call != PEEK) {
    run.taken += (uint64_t)n;
    run.seen = run.taken > run.seen ? run.taken : run.seen;
  }
  return n;
}

BEFORE(ssize_t, recvmsg, int fd, struct msghdr *msg, int flags) {
  NEXT(ssize_t, "recvmsg", int, struct msghdr *, int);
  if (!run.inside)
    return next(fd, msg, flags);
  enum call call = flags & MSG_PEEK ? PEEK : RECV;
  struct fate fate = fate_of(call);
  struct iovec first[RANGES];
  struct msghdr part = *msg;
  if (fate.failed || fate.ends)
    return fate.failed ? -1 : 0;
  if (fate.lies)
    return made_up(msg->msg_iov, msg->msg_iovlen);
  part.msg_iovlen = first_of(first, msg->msg_iov, msg->msg_iovlen, fate.most);
  part.msg_iov = first;
  ssize_t n;
  int waits = !(flags & MSG_DONTWAIT) && would_wait(fd);
  do
    n = next(fd, &part, (flags & ~MSG_WAITALL) | MSG_DONTWAIT);
  while (n < 0 && errno == EAGAIN && waits && goes_on(fd, POLLIN));
  msg->msg_namelen = part.msg_namelen;
  msg->msg_controllen = part.msg_controllen;
  msg->msg_flags = part.msg_flags;
  return run.stuck ? is_stuck() : came(call, n);
}

BEFORE(ssize_t, recv, int fd, void *buf, size_t len, int flags) {
  NEXT(ssize_t, "recv", int, void *, size_t, int);
  if (!run.inside)
    return next(fd, buf, len, flags);
  struct iovec range = {buf, len};
  struct msghdr msg;
  memset(&msg, 0, sizeof msg);
  msg.msg_iov = &range;
  msg.msg_iovlen = 1;
  return recvmsg(fd, &msg, flags);
}

BEFORE(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags) {
  NEXT(ssize_t, "sendmsg", int, const struct msghdr *, int);
  if (!run.inside)
    return next(fd, msg, flags);
  struct fate fate = fate_of(msg->msg_control != NULL ? SEND_FDS : SEND);
  struct iovec first[RANGES];
  struct msghdr part = *msg;
  if (fate.failed || fate.ends)
    return fate.failed ? -1 : 0;
  if (fate.lies)
    return (ssize_t)length_of(msg->msg_iov, msg->msg_iovlen);
  part.msg_iovlen = first_of(first, msg->msg_iov, msg->msg_iovlen, fate.most);
  part.msg_iov = first;
  ssize_t n;
  int waits = !(flags & MSG_DONTWAIT) && would_wait(fd);
  do
    n = next(fd, &part, flags | MSG_DONTWAIT);
  while (n < 0 && errno == EAGAIN && waits && goes_on(fd, POLLOUT));
  return run.stuck ? is_stuck() : n;
}

BEFORE(ssize_t, send, int fd, const void *buf, size_t len, int flags) {
  NEXT(ssize_t, "send", int, const void *, size_t, int);
  if (!run.inside)
    return next(fd, buf, len, flags);
  struct iovec range = {(void *)buf, len};
  struct msghdr msg;
  memset(&msg, 0, sizeof msg);
  msg.msg_iov = &range;
  msg.msg_iovlen = 1;
  return sendmsg(fd, &msg, flags);
}

/* Whether a pipe may be touched: it is ready, or does not wait. */
static inline int is_free(int fd, short events) {
  while (would_wait(fd) && !is_ready(fd, events, 0))
    if (!goes_on(fd, events))
      return 0;
  return 1;
}

BEFORE(ssize_t, readv, int fd, const struct iovec *ranges, int count) {
  NEXT(ssize_t, "readv", int, const struct iovec *, int);
  if (!run.inside)
    return next(fd, ranges, count);
  struct fate fate = fate_of(READ);
  struct iovec first[RANGES];
  if (fate.failed || fate.ends)
    return fate.failed ? -1 : 0;
  if (fate.lies)
    return made_up(ranges, (size_t)count);
  if (!is_free(fd, POLLIN))
    return -1;
  return came(READ, next(fd, first, (int)first_of(first, ranges, (size_t)count, fate.most)));
}

/* A pipe that waits takes no more than this without waiting. */
static inline size_t most_for(int fd, size_t most) { return would_wait(fd) ? least(most, 4096) : most; }

BEFORE(ssize_t, writev, int fd, const struct iovec *ranges, int count) {
  NEXT(ssize_t, "writev", int, const struct iovec *, int);
  if (!run.inside)
    return next(fd, ranges, count);
  struct fate fate = fate_of(WRITE);
  struct iovec first[RANGES];
  if (fate.failed || fate.ends)
    return fate.failed ? -1 : 0;
  if (fate.lies)
    return (ssize_t)length_of(ranges, (size_t)count);
  if (!is_free(fd, POLLOUT))
    return -1;
  return next(fd, first, (int)first_of(first, ranges, (size_t)count, most_for(fd, fate.most)));
}

BEFORE(ssize_t, pwritev2, int fd, const struct iovec *ranges, int count, off_t offset, int flags) {
  NEXT(ssize_t, "pwritev2", int, const struct iovec *, int, off_t, int);
  if (!run.inside)
    return next(fd, ranges, count, offset, flags);
  struct fate fate = fate_of(PWRITE);
  struct iovec first[RANGES];
  if (fate.failed || fate.ends)
    return fate.failed ? -1 : 0;
  if (fate.lies)
    return (ssize_t)length_of(ranges, (size_t)count);
  if (!is_free(fd, POLLOUT))
    return -1;
  int used = (int)first_of(first, ranges, (size_t)count, most_for(fd, fate.most));
  return next(fd, first, used, offset, flags);
}

BEFORE(ssize_t, pwritev64v2, int fd, const struct iovec *ranges, int count, off_t offset, int flags) {
  return before_pwritev2(fd, ranges, count, offset, flags);
}

BEFORE(ssize_t, pread, int fd, void *buf, size_t len, off_t offset) {
  NEXT(ssize_t, "pread", int, void *, size_t, off_t);
  if (!run.inside)
    return next(fd, buf, len, offset);
  struct fate fate = fate_of(PREAD);
  struct iovec range = {buf, len};
  if (fate.failed || fate.ends)
    return fate.failed ? -1 : 0;
  return fate.lies ? made_up(&range, 1) : next(fd, buf, least(len, fate.most), offset);
}

BEFORE(ssize_t, pread64, int fd, void *buf, size_t len, off_t offset) {
  return before_pread(fd, buf, len, offset);
}

BEFORE(int, accept4, int fd, struct sockaddr *address, socklen_t *len, int flags) {
  NEXT(int, "accept4", int, struct sockaddr *, socklen_t *, int);
  return run.inside && fate_of(ACCEPT).failed ? -1 : next(fd, address, len, flags);
}

/* One that was interrupted goes on by itself where it does not wait (TCP). */
BEFORE(int, connect, int fd, const struct sockaddr *address, socklen_t len) {
  NEXT(int, "connect", int, const struct sockaddr *, socklen_t);
  int failed = run.inside && fate_of(CONNECT).failed;
  if (failed && errno == EINTR && address->sa_family != AF_UNIX && next(fd, address, len) < 0 &&
      errno != EINPROGRESS)
    return -1;
  return failed ? fails(run.fault->error) : next(fd, address, len);
}

/* Whatever it answers, the descriptor is gone. */
BEFORE(int, close, int fd) {
  NEXT(int, "close", int);
  int failed = run.inside && fate_of(CLOSE).failed;
  int result = next(fd);
  if (run.inside && result < 0 && fd >= 0) {
    printf("descriptor %d is closed, but was not open\n", fd);
    check_failures++;
  }
  return failed ? fails(run.stuck ? ENOTRECOVERABLE : run.fault->error) : result;
}

/* Those that fail or do what they are to do. */
#define BEFORE_SIMPLE(call, type, name, parameters, ...)                                  \
  type before_##name parameters __asm__(#name);                                           \
  type before_##name parameters {                                                         \
    static type(*next) parameters;                                                        \
    if (next == NULL)                                                                     \
      *(void **)&next = dlsym(RTLD_NEXT, #name);                                          \
    return run.inside && fate_of(call).failed ? -1 : next(__VA_ARGS__);                   \
  }
BEFORE_SIMPLE(SHUTDOWN, int, shutdown, (int fd, int how), fd, how)
BEFORE_SIMPLE(SOCKET, int, socket, (int domain, int type, int protocol), domain, type, protocol)
BEFORE_SIMPLE(BIND, int, bind, (int fd, const void *address, socklen_t len), fd, address, len)
BEFORE_SIMPLE(LISTEN, int, listen, (int fd, int backlog), fd, backlog)
BEFORE_SIMPLE(EVENTFD, int, eventfd, (unsigned count, int flags), count, flags)
BEFORE_SIMPLE(EPOLL_CREATE, int, epoll_create1, (int flags), flags)
BEFORE_SIMPLE(EPOLL_CTL, int, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event),
              epoll, what, fd, event)
BEFORE_SIMPLE(DUPLICATE, int, dup3, (int fd, int to, int flags), fd, to, flags)
BEFORE_SIMPLE(GETSOCKOPT, int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len),
              fd, level, name, value, len)
BEFORE_SIMPLE(SETSOCKOPT, int, setsockopt,
              (int fd, int level, int name, const void *value, socklen_t len), fd, level, name,
              value, len)
BEFORE_SIMPLE(GETSOCKNAME, int, getsockname, (int fd, void *address, socklen_t *len), fd, address, len)
BEFORE_SIMPLE(IOCTL, int, ioctl, (int fd, unsigned long request, void *argument), fd, request, argument)
BEFORE_SIMPLE(FSTAT, int, fstat, (int fd, struct stat *status), fd, status)
BEFORE_SIMPLE(FSTAT, int, fstat64, (int fd, struct stat *status), fd, status)

#endif
