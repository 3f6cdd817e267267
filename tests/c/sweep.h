/* Every fault at every system call. A scenario is a whole exchange of messages with a peer; it is run
   once to see which calls the library makes, and then again for each of them and each fault that the
   call can have. What may come of it is the same for all scenarios, and judged here:

     EINTR, EAGAIN and short counts lose nothing, and are not told;
     an error is told by its code, and what was delivered is the beginning of what was sent;
     the end of the stream is 0 between two messages, and FDWIRE_E_TRUNCATED inside one;
     nothing hangs, no descriptor is left open, and none is closed twice.

   The program runs all of it, or with arguments, which it prints for what went wrong, one run alone:

     PROGRAM [SCENARIO INDEX FAULT]    PROGRAM lies

   FDWIRE_TEST_SCALE: 1 is every 256th run, in some of the scenarios; 256 is all of them. And with
   FDWIRE_TEST_SEED, random counts and times are others. C99, and C++. */
#ifndef SWEEP_H
#define SWEEP_H

#include "faulty.h"

enum { MESSAGES = 24, EVERY = 256, SPARSE = 32 };
#define ROOM ((size_t)1 << 16)

/* How a scenario differs. */
enum {
  NONBLOCKING = 1,
  LARGE = 2,         /* bodies that fill a buffer */
  MANY = 4,          /* so many messages that the kind of descriptor is not asked for any more */
  ALONE = 8,         /* FDWIRE_ONE_THREAD */
  POLLED = 16,       /* FDWIRE_POLLED */
  BATCHED = 32,      /* FDWIRE_BATCH */
  WITH_FDS = 64,     /* each message brings a descriptor */
  OWNED = 128,       /* FDWIRE_OWN */
  SPINNING = 256,    /* FDWIRE_SPIN */
  SMALL_READS = 512, /* FDWIRE_READ_SIZE */
  LIMITED = 1024,    /* FDWIRE_SEND_LIMIT */
  TURNS = 2048,      /* every other message has another format */
  UNREAD = 4096      /* the descriptor is read without the connection in the end */
};

/* How the library's side ends. */
enum { LEFT_OPEN, FINISHED, SHUT };

struct exchange;

struct scenario {
  const char *name;
  void (*play)(struct exchange *x);
  int (*step)(struct exchange *x); /* sends or receives some messages */
  const char *format;
  int way, timeout;
  size_t piece; /* so many bytes at a time come from the peer, or go to it; 0: all at once */
  int traits;
  int ending;
};

/* What is exchanged, and how far that has come. */
struct exchange {
  const struct scenario *scenario;
  fdwire_format *format, *other; /* and that of every other message, if they take turns */
  size_t count;
  fdwire_msg msgs[MESSAGES];
  uint8_t *stream; /* their frames */
  size_t len, ends[MESSAGES];
  int ours, theirs; /* descriptors; -1 when they are closed */
  int back[2];      /* the pipe back, if an echo has one: the peer's end, and ours */
  fdwire_conn *conn;
  size_t fed, fed_fds;     /* what the peer has sent of the stream */
  int ended, shown;        /* ... and its end; how it showed it */
  uint8_t *sink;           /* what the peer has received */
  size_t drained, got_fds;
  int sees_end;
  size_t sent, received;   /* messages, as the library says */
  int begun;               /* a message in parts */
  size_t part;             /* how far it is */
  int told;                /* the first result below 0 */
  int done;                /* all that there was to do was done */
  char complaint[300];
};

static struct exchange exchange;
static uint8_t room[ROOM];
static int null_fd;

static inline void complain(const char *what, long long is, long long should) {
  if (exchange.complaint[0] == 0)
    snprintf(exchange.complaint, sizeof exchange.complaint, "%s: %lld (%s), not %lld (%s)", what, is,
             fdwire_error_name((int)is), should, fdwire_error_name((int)should));
}

#define MUST(condition)                                                                   \
  do {                                                                                    \
    if (!(condition))                                                                     \
      complain(#condition, 0, 1);                                                         \
  } while (0)
#define MUST_BE(value, expected)                                                          \
  do {                                                                                    \
    long long is_ = (long long)(value), should_ = (long long)(expected);                  \
    if (is_ != should_)                                                                   \
      complain(#value, is_, should_);                                                     \
  } while (0)

/* ---- What is exchanged ---- */

static inline size_t body_len(const struct scenario *scenario, size_t i) {
  static const size_t lens[] = {5, 0, 40, 2, 131};
  if (strncmp(scenario->format, "fixed", 5) == 0)
    return 9;
  return scenario->traits & LARGE ? 9000 + i : scenario->traits & MANY ? i % 7 : lens[i % 5];
}

/* The format of this message. */
static inline const fdwire_format *format_at(const struct exchange *x, size_t i) {
  return x->other != NULL && i % 2 ? x->other : x->format;
}

/* Letters, each body with its own. */
static inline void write_messages(struct exchange *x) {
  static uint8_t bodies[MESSAGES * 9100];
  size_t at = 0;
  x->count = x->scenario->traits & MANY ? MESSAGES : x->scenario->traits & LARGE ? 3 : 5;
  for (size_t i = 0; i < x->count; i++) {
    fdwire_msg *msg = &x->msgs[i];
    memset(msg, 0, sizeof *msg);
    msg->body = bodies + at;
    msg->body_len = body_len(x->scenario, i);
    for (size_t j = 0; j < msg->body_len; j++)
      bodies[at++] = (uint8_t)('a' + (i * 5 + j + j / 26) % 26);
    size_t len = 0;
    NEED(fdwire_encode(format_at(x, i), msg, x->stream + x->len, ROOM - x->len, &len) == 0);
    x->len += len;
    x->ends[i] = x->len;
  }
}

static inline void prepare(const struct scenario *scenario) {
  static uint8_t stream[ROOM], sink[ROOM];
  memset(&exchange, 0, sizeof exchange);
  exchange.scenario = scenario;
  exchange.stream = stream;
  exchange.sink = sink;
  exchange.format = format_of(scenario->format);
  if (scenario->traits & TURNS)
    exchange.other = format_of("netstring");
  write_messages(&exchange);
}

static inline void put_away(void) {
  fdwire_format_free(exchange.format);
  fdwire_format_free(exchange.other);
}

/* ---- The peer ---- */

static inline void close_one(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

static inline ssize_t give_with_fd(int fd, const void *bytes, size_t len, int sent_fd) {
  struct iovec range = {(void *)bytes, len};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
  } control;
  struct msghdr msg;
  memset(&msg, 0, sizeof msg);
  memset(&control, 0, sizeof control);
  msg.msg_iov = &range;
  msg.msg_iovlen = 1;
  msg.msg_control = &control;
  msg.msg_controllen = sizeof control;
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &sent_fd, sizeof sent_fd);
  return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Sends the next piece, or, after the last one, the end. */
static inline int peer_feeds(void) {
  struct exchange *x = &exchange;
  size_t most = x->scenario->piece > 0 ? x->scenario->piece : SIZE_MAX;
  if (x->theirs < 0 || x->ended)
    return 0;
  if (x->fed == x->len) {
    x->ended = 1;
    if (x->scenario->way == PIPE)
      close_one(&x->theirs);
    else
      shutdown(x->theirs, SHUT_WR);
    return 1;
  }
  ssize_t n;
  if (x->scenario->traits & WITH_FDS) { /* one with each message, which is sent by itself */
    size_t end = x->ends[x->fed_fds];
    n = give_with_fd(x->theirs, x->stream + x->fed, end - x->fed, null_fd);
    NEED(n == (ssize_t)(end - x->fed));
    x->fed_fds++;
  } else
    n = write(x->theirs, x->stream + x->fed, least(most, x->len - x->fed));
  x->fed += n > 0 ? (size_t)n : 0;
  return n > 0;
}

static inline void close_received(struct msghdr *msg) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(msg); header != NULL; header = CMSG_NXTHDR(msg, header))
    for (size_t at = CMSG_LEN(0); at < header->cmsg_len; at += sizeof(int)) {
      int fd;
      memcpy(&fd, (char *)header + at, sizeof fd);
      close(fd);
      exchange.got_fds++;
    }
}

static inline int drains_from(const struct exchange *x) {
  return x->back[0] >= 0 ? x->back[0] : x->theirs;
}

static inline int writes_to(const struct exchange *x) { return x->back[1] >= 0 ? x->back[1] : x->ours; }

/* Receives a piece; at the end it ends as well. */
static inline int peer_drains(void) {
  struct exchange *x = &exchange;
  size_t most = x->scenario->piece > 0 ? x->scenario->piece : ROOM;
  int from = drains_from(x);
  if (from < 0 || x->sees_end)
    return 0;
  union {
    char bytes[256];
    struct cmsghdr header;
  } control;
  struct iovec range = {x->sink + x->drained, least(most, ROOM - x->drained)};
  struct msghdr msg;
  memset(&msg, 0, sizeof msg);
  msg.msg_iov = &range;
  msg.msg_iovlen = 1;
  msg.msg_control = &control;
  msg.msg_controllen = sizeof control;
  ssize_t n = x->scenario->way == PIPE ? read(from, range.iov_base, range.iov_len)
                                       : recvmsg(from, &msg, MSG_DONTWAIT);
  if (n > 0) {
    x->drained += (size_t)n;
    if (x->scenario->way != PIPE)
      close_received(&msg);
  }
  if (n == 0) {
    x->sees_end = 1;
    shutdown(from, SHUT_WR);
  }
  return n >= 0;
}

static inline int peer_does_both(void) {
  int fed = peer_feeds(), drained = peer_drains();
  return fed || drained;
}

/* ---- Connections to it ---- */

static inline void small_room(int fd) {
  int size = 1; /* which the system makes its least */
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* One end writes to the other; the peer's waits for nothing. */
static inline void open_exchange(struct exchange *x, int sends) {
  int fds[2];
  open_way(x->scenario->way, fds);
  x->ours = fds[sends];
  x->theirs = fds[!sends];
  int small = sends && x->scenario->timeout != 0; /* without time, a message has to fit */
  if (x->scenario->way == PIPE)
    fcntl(fds[1], F_SETPIPE_SZ, small ? 4096 : (int)ROOM);
  else if (x->scenario->way == UNIX_SOCKET && small)
    small_room(x->ours);
  else if (x->scenario->way == UNIX_SOCKET)
    fix_buffers(x->ours); /* many small pieces take much room */
  fcntl(x->theirs, F_SETFL, O_NONBLOCK);
  if (x->scenario->traits & NONBLOCKING)
    fcntl(x->ours, F_SETFL, fcntl(x->ours, F_GETFL) | O_NONBLOCK);
}

/* One pipe to us, and one back, both of which the peer never waits for. */
static inline void open_two_pipes(struct exchange *x) {
  open_exchange(x, 0);
  open_way(PIPE, x->back);
  fcntl(x->back[1], F_SETPIPE_SZ, x->scenario->timeout != 0 ? 4096 : (int)ROOM);
  fcntl(x->back[0], F_SETFL, O_NONBLOCK);
  if (x->scenario->traits & NONBLOCKING)
    fcntl(x->back[1], F_SETFL, O_NONBLOCK);
}

/* Resets what is left of a TCP connection, so that thousands of them leave nothing behind. */
static inline void close_exchange(struct exchange *x) {
  struct linger reset = {1, 0};
  if (x->scenario->way == TCP_SOCKET && x->theirs >= 0)
    setsockopt(x->theirs, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  close_one(&x->theirs);
  close_one(&x->ours);
  close_one(&x->back[0]);
  close_one(&x->back[1]);
}

static inline void tell(struct exchange *x, int result) {
  if (result < 0 && x->told == 0)
    x->told = result;
}

/* ---- A run, and what it is to look like ---- */

/* Whether no message of the stream is in part before this place. */
static inline int is_between(const struct exchange *x, uint64_t place) {
  int between = place == 0;
  for (size_t i = 0; i < x->count; i++)
    between |= x->ends[i] == place;
  return between;
}

static inline void judge_end(const struct exchange *x) {
  int inside = !is_between(x, run.taken);
  if (run.seen == run.taken || inside || (run.hit == PEEK && !is_between(x, run.seen)))
    MUST_BE(x->told, inside || run.seen > run.taken ? FDWIRE_E_TRUNCATED : 0);
  else if (x->told != 0) /* of a message that was in sight nothing could be taken: either is true */
    MUST_BE(x->told, FDWIRE_E_TRUNCATED);
}

/* Whether what the program saw is what the header says. */
static inline void judge(const struct exchange *x) {
  int code = 0;
  if (run.stuck)
    complain("it hangs after so many calls", run.calls, run.most);
  if (run.hit < 0) {
    MUST_BE(x->told, 0);
    MUST(x->done);
    return;
  }
  if (run.fault->sort == ERRNO)
    code = -told_as((enum call)run.hit, run.fault->error);
  else if (run.fault->sort == END)
    code = run.hit == PREAD ? FDWIRE_E_TRUNCATED : -EIO; /* nothing was written, and no reason why */
  switch (effect_of((enum call)run.hit, run.fault)) {
  case TOLD: MUST_BE(x->told, code); break;
  case MAY_PASS:
    MUST(x->told == code || x->done);
    MUST(x->told == code || x->told == 0);
    break;
  case ENDED: judge_end(x); break;
  default:
    MUST_BE(x->told, 0);
    MUST(x->done);
  }
}

/* The run that is on, and how many there were. */
static struct {
  const struct scenario *scenario;
  size_t number;
  long at;
  const char *fault;
  uint64_t seed, runs, injected, lies;
} sweep;

/* So that each run finds this thread as the first one did: what it knows of its last descriptor is
   forgotten by the use of another. */
static inline void forget_descriptor(void) {
  char byte;
  MUST_BE(fdwire_read_exact(null_fd, &byte, 1, NULL, 0), 0);
}

/* With what it owns. */
static inline void free_conn(struct exchange *x) {
  int owns = x->conn != NULL && (x->scenario->traits & OWNED);
  run.inside = 1;
  fdwire_conn_free(x->conn);
  run.inside = 0;
  if (!owns)
    return;
  MUST(fcntl(x->ours, F_GETFD) < 0 && fcntl(writes_to(x), F_GETFD) < 0);
  x->ours = x->back[1] = -1;
}

static inline void play(const struct scenario *scenario, long at, const struct fault *fault,
                        long most) {
  struct exchange *x = &exchange;
  int fds = check_open_fds();
  x->fed = x->fed_fds = x->drained = x->got_fds = x->sent = x->received = x->part = 0;
  x->ended = x->sees_end = x->begun = x->told = x->done = 0;
  x->ours = x->theirs = x->back[0] = x->back[1] = -1;
  x->conn = NULL;
  x->complaint[0] = 0;
  run_begins(at, fault, most, NULL);
  run.dice = dice_of(sweep.seed + (uint64_t)at);
  run.patience_ms = scenario->way != TCP_SOCKET ? 0 : fault != NULL && fault->sort == LIE ? 20 : 300;
  forget_descriptor();
  scenario->play(x);
  free_conn(x);
  close_exchange(x);
  judge(x);
  MUST_BE(check_open_fds(), fds);
}

/* ---- All runs ---- */

static inline void print_run(void) {
  const struct scenario *s = sweep.scenario;
  static const char *const ways[] = {"Unix socket", "TCP", "pipe"};
  printf("to see it again: %zu %ld %s (FDWIRE_TEST_SEED=%llu)\n", sweep.number, sweep.at, sweep.fault,
         (unsigned long long)(sweep.seed >> 20));
  printf("    %s, %s, %s, timeout %d, pieces of %zu, traits %d, ending %d", s->name, s->format,
         ways[s->way], s->timeout, s->piece, s->traits, s->ending);
  if (run.hit >= 0)
    printf("; %s goes wrong", call_names[run.hit]);
  printf("\n");
  fflush(stdout);
}

static inline void hangs(int signal) {
  (void)signal;
  printf("it hangs\n");
  print_run();
  _exit(1);
}

static inline void report(void) {
  printf("%s\n", exchange.complaint);
  print_run();
  check_failures++;
}

static inline void run_one(const struct scenario *scenario, size_t number, long at,
                           const struct fault *fault, long most) {
  sweep.scenario = scenario;
  sweep.number = number;
  sweep.at = at;
  sweep.fault = fault != NULL ? fault->name : "none";
  alarm(60);
  play(scenario, at, fault, most);
  sweep.runs++;
  sweep.injected += run.hit >= 0;
  int lies = fault != NULL && fault->sort == LIE && run.hit >= 0;
  sweep.lies += (uint64_t)lies;
  if (lies && exchange.complaint[0] == 0)
    complain("the lie was believed", 0, 1);
  else if (lies)
    exchange.complaint[0] = 0;
  if (exchange.complaint[0] != 0)
    report();
}

/* Counts the calls of a run in which all goes well. */
static inline long calls_of(const struct scenario *scenario, size_t number) {
  prepare(scenario);
  run_one(scenario, number, NEVER, NULL, 100000);
  NEED(run.calls < TRACE);
  return run.calls;
}

/* A call that makes no progress is repeated; but no run needs many more calls than the plain one, but
   where every byte takes its own. */
static inline long most_calls(long calls) { return 100 * calls + (long)(40 * exchange.len) + 1000; }

/* Whether a lie makes a difference: not about bytes that are dropped, or passed over. */
static inline int is_heard(const struct scenario *scenario, enum call call) {
  return !reads(call) || (scenario->ending != FINISHED && strncmp(scenario->format, "headers", 7) != 0);
}

static inline void sweep_scenario(const struct scenario *scenario, size_t number, int lies,
                                  size_t every) {
  static uint64_t turn;
  static uint8_t trace[TRACE];
  long calls = calls_of(scenario, number);
  memcpy(trace, run.trace, sizeof trace);
  for (long at = 0; at < calls && check_failures < 20; at++)
    EACH_FAULT(fault) {
      enum effect effect = effect_of((enum call)trace[at], fault);
      if (effect == NO_SUCH || (effect == EXPOSED) != lies || scattered(turn++) % every != 0)
        continue;
      if (!lies || is_heard(scenario, (enum call)trace[at]))
        run_one(scenario, number, at, fault, most_calls(calls));
    }
  put_away();
}

static inline void again(const struct scenario *scenarios, size_t count, char **arguments) {
  size_t number = (size_t)atol(arguments[0]);
  NEED(number < count);
  long calls = calls_of(&scenarios[number], number);
  EACH_FAULT(fault)
    if (strcmp(fault->name, arguments[2]) == 0)
      run_one(&scenarios[number], number, atol(arguments[1]), fault, most_calls(calls));
  printf("%d was told, and %s was done\n", exchange.told, exchange.done ? "all" : "not all");
  put_away();
}

static inline int sweep_all(const struct scenario *scenarios, size_t count, int argc, char **argv) {
  int lies = argc == 2 && strcmp(argv[1], "lies") == 0;
  size_t scale = scaled(1), every = scale < EVERY ? EVERY / scale : 1;
  /* To count the calls of a scenario takes a run, too: where little is run, most are left out. */
  size_t some = every > SPARSE ? every / SPARSE : 1;
  const char *seed = getenv("FDWIRE_TEST_SEED");
  sweep.seed = seed != NULL ? strtoull(seed, NULL, 10) << 20 : 0;
  signal(SIGALRM, hangs);
  signal(SIGPIPE, SIG_DFL);
  null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  NEED(null_fd >= 0);
  if (argc == 4)
    again(scenarios, count, argv + 1);
  else
    for (size_t number = 0; number < count && check_failures < 20; number++)
      if (scattered(number) % some == 0)
        sweep_scenario(&scenarios[number], number, lies, every / some);
  close(null_fd);
  printf("%llu faults in %zu scenarios, %llu of them lies\n", (unsigned long long)sweep.injected, count,
         (unsigned long long)sweep.lies);
  return check_end();
}

#endif
