/* What stands around one call of the table: descriptors, objects and memory as they are named there,
   and what is known afterwards of what the call left alone. */
#ifndef SCENE_H
#define SCENE_H

#include "../c/check.h"

#include <limits.h>
#include <math.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/un.h>

#define SLOTS 8
#define KEPT 255
#define SEEN 256 /* bytes before the end of a page, of which each is accounted for */
#define FILL 0x5a
#define LONG_TEXT ((size_t)1 << 20)

enum expect { ANY = 1, SAME = 2 }; /* or a code, which is below 0 */
enum sort { OTHER, A_CONN, A_DECODER, A_SIZE, A_TIMEOUT };
enum memory { UNUSED, INPUT, ROOM, OUTPUT };

struct parameter {
  int count;
  const char *const *texts;
  const int *expects;
  enum sort sort;
};

struct scene {
  unsigned char *pages[SLOTS + 1]; /* their ends; behind each is memory that is not there */
  unsigned char seen[SLOTS + 1][SEEN];
  struct {
    enum memory memory;
    const unsigned char *start;
    size_t len;
  } memory[SLOTS];
  int fds[64], fd_count;
  int peers[64], peer_count; /* whom a call may wait for */
  int listeners[16], listener_count;
  int events[16], event_count;
  fdwire_conn *conns[16];
  fdwire_decoder *decoders[16];
  fdwire_format *formats[32];
  int conn_count, decoder_count, format_count;
  char *long_text;
  fdwire_conn *kept_conn;
  fdwire_decoder *kept_decoder;
  fdwire_conn *calling; /* whose functions call it back */
  int last_good, shared;
  int is_busy, is_inside, patience_ms;
  long long since;
  int result;
  long double value;
  const char *text;
  const uint8_t *found;
  const char *wrong; /* why the call was not as it should be */
};

struct function {
  const char *name;
  void (*call)(struct scene *s, const unsigned char *pick);
  int count;
  const struct parameter *parameters;
  const int *codes;
  int of_system, most, has_code, closes, frees;
};

extern const struct function functions[];
extern const int function_count;

/* That of this thread, whatever ctx is. */
extern __thread struct scene *the_scene;

/* The call begins and ends; while it runs, somebody looks after those it may wait for. */
void enter(struct scene *s);
void leave(struct scene *s);
void give_code(struct scene *s, int code);

/* ---- Descriptors ---- */

static inline int keep_fd(struct scene *s, int fd) {
  NEED(fd >= 0 && s->fd_count < 64);
  return s->fds[s->fd_count++] = fd;
}

static inline int peer_fd(struct scene *s, int fd) {
  s->peers[s->peer_count++] = keep_fd(s, fd);
  return fd;
}

static const char three_frames[] = "\0\0\0\5hello\0\0\0\0\0\0\0\65a body that is long enough for whoever asks for 64 by";

static inline int good(struct scene *s) {
  int fds[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  NEED(write(fds[1], three_frames, sizeof three_frames - 1) > 0);
  peer_fd(s, fds[1]);
  return s->last_good = keep_fd(s, fds[0]);
}

/* A program that closes a descriptor under a call that uses it. */
static inline int close_good(struct scene *s) {
  for (int i = 0; i < s->fd_count; i++)
    if (s->fds[i] == s->last_good && close(s->fds[i]) == 0)
      s->fds[i] = s->fds[--s->fd_count];
  s->last_good = -1;
  return 0;
}

static inline int a_directory(struct scene *s) {
  return keep_fd(s, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static inline int a_file(struct scene *s, int flags) {
  char name[] = "/tmp/fdwire-hostile-XXXXXX";
  int made = mkstemp(name);
  NEED(made >= 0 && ftruncate(made, 1000) == 0);
  int fd = keep_fd(s, open(name, flags | O_CLOEXEC));
  unlink(name);
  close(made);
  return fd;
}

static inline int the_null_device(struct scene *s) {
  return keep_fd(s, open("/dev/null", O_RDWR | O_CLOEXEC));
}

static inline int an_eventfd(struct scene *s) {
  return s->events[s->event_count++] = keep_fd(s, eventfd(0, EFD_CLOEXEC));
}

static inline int an_epoll(struct scene *s) {
  struct epoll_event event = {EPOLLIN, {0}};
  int fd = keep_fd(s, epoll_create1(EPOLL_CLOEXEC));
  NEED(epoll_ctl(fd, EPOLL_CTL_ADD, an_eventfd(s), &event) == 0);
  return fd;
}

static inline int path_only(struct scene *s) {
  return keep_fd(s, open("/dev/null", O_PATH | O_CLOEXEC));
}

static inline int unconnected(struct scene *s) {
  return keep_fd(s, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static inline void connect_to(struct scene *s, int listener) {
  struct sockaddr_un name;
  socklen_t len = sizeof name;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  NEED(getsockname(listener, (struct sockaddr *)&name, &len) == 0);
  (void)connect(fd, (struct sockaddr *)&name, len);
  peer_fd(s, fd);
}

/* Somebody has connected already. */
static inline int a_listener(struct scene *s) {
  struct sockaddr_un name;
  int fd = keep_fd(s, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  memset(&name, 0, sizeof name);
  name.sun_family = AF_UNIX;
  NEED(bind(fd, (struct sockaddr *)&name, sizeof name.sun_family) == 0 && listen(fd, 9) == 0);
  connect_to(s, fd);
  return s->listeners[s->listener_count++] = fd;
}

static inline int with_boundaries(struct scene *s, int kind) {
  int fds[2];
  NEED(socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, fds) == 0);
  peer_fd(s, fds[1]);
  return keep_fd(s, fds[0]);
}

static inline int pipe_to_read(struct scene *s) {
  int fds[2];
  NEED(pipe2(fds, O_CLOEXEC) == 0 && write(fds[1], three_frames, sizeof three_frames - 1) > 0);
  peer_fd(s, fds[1]);
  return keep_fd(s, fds[0]);
}

static inline int pipe_to_write(struct scene *s) {
  int fds[2];
  NEED(pipe2(fds, O_CLOEXEC) == 0);
  peer_fd(s, fds[0]);
  return keep_fd(s, fds[1]);
}

/* A high number: nothing else that is opened meanwhile gets it. */
static inline int closed(struct scene *s) {
  (void)s;
  return 1000;
}

/* ---- Memory: it ends where its page does ---- */

static inline void *out(struct scene *s, int slot, size_t size) {
  return s->pages[slot] - size;
}

static inline void *odd(struct scene *s, int slot, size_t size) {
  return s->pages[slot] - size - 1;
}

static inline void *room(struct scene *s, int slot) {
  return out(s, slot, 64);
}

/* The head of a frame of u32be. */
static inline void *announcing(void *place, uint8_t body_len) {
  const uint8_t head[] = {0, 0, 0, body_len};
  return memcpy(place, head, sizeof head);
}

static inline size_t *number(struct scene *s, int slot, size_t value) {
  size_t *place = (size_t *)out(s, slot, sizeof *place);
  *place = value;
  return place;
}

static inline int *descriptors(struct scene *s, int slot, int second) {
  int *fds = (int *)out(s, slot, 2 * sizeof *fds);
  fds[0] = good(s);
  fds[1] = second;
  return fds;
}

static inline size_t *lengths(struct scene *s, int slot, size_t first, size_t second) {
  size_t *lens = (size_t *)out(s, slot, 2 * sizeof *lens);
  lens[0] = first;
  lens[1] = second;
  return lens;
}

/* The second is right. */
static inline fdwire_msg *messages_of(struct scene *s, int slot, fdwire_msg first) {
  fdwire_msg *msgs = (fdwire_msg *)out(s, slot, 2 * sizeof *msgs);
  memset(msgs, 0, 2 * sizeof *msgs);
  msgs[0] = first;
  msgs[1].body = (const uint8_t *)"second";
  msgs[1].body_len = 6;
  return msgs;
}

static inline fdwire_msg *messages(struct scene *s, int slot) {
  fdwire_msg msg = {NULL, (const uint8_t *)"first", 0, 5, 0};
  return messages_of(s, slot, msg);
}

static inline fdwire_msg *messages_of_body(struct scene *s, int slot, const void *body, size_t len) {
  fdwire_msg msg = {NULL, (const uint8_t *)body, 0, len, 0};
  return messages_of(s, slot, msg);
}

static inline fdwire_msg *messages_of_head(struct scene *s, int slot, const void *head, size_t len) {
  fdwire_msg msg = {(const uint8_t *)head, (const uint8_t *)"first", len, 5, 0};
  return messages_of(s, slot, msg);
}

static inline const char *long_text(struct scene *s, const char *start) {
  s->long_text = (char *)realloc(s->long_text, LONG_TEXT);
  NEED(s->long_text != NULL);
  memset(s->long_text, '7', LONG_TEXT);
  memcpy(s->long_text, start, strlen(start));
  s->long_text[LONG_TEXT - 1] = '\0';
  return s->long_text;
}

static inline const char *an_address(struct scene *s) {
  struct sockaddr_un name;
  socklen_t len = sizeof name;
  char *text = (char *)room(s, SLOTS);
  NEED(getsockname(a_listener(s), (struct sockaddr *)&name, &len) == 0);
  snprintf(text, 64, "unix:@%.*s", (int)(len - sizeof name.sun_family - 1), name.sun_path + 1);
  return text;
}

enum tampering { sound, past_its_end, without_bytes, of_no_order, too_large, stopped };

#define TAMPER(cursor, how)                                   \
  do {                                                        \
    (cursor)->pos = (how) == past_its_end ? SIZE_MAX : 0;     \
    if ((how) == without_bytes)                               \
      (cursor)->bytes = NULL;                                 \
    (cursor)->order = (how) == of_no_order ? -7 : FDWIRE_BIG; \
    if ((how) == too_large)                                   \
      (cursor)->len = SIZE_MAX;                               \
    (cursor)->status = (how) == stopped ? INT_MAX : 0;        \
  } while (0)

static inline fdwire_reader *reader(struct scene *s, int slot, enum tampering how) {
  fdwire_reader *r = (fdwire_reader *)out(s, slot, sizeof *r);
  r->bytes = (const uint8_t *)room(s, SLOTS);
  r->len = 64;
  TAMPER(r, how);
  return r;
}

static inline fdwire_writer *writer(struct scene *s, int slot, enum tampering how) {
  fdwire_writer *w = (fdwire_writer *)out(s, slot, sizeof *w);
  w->bytes = (uint8_t *)room(s, SLOTS);
  w->len = 64;
  TAMPER(w, how);
  return w;
}

/* ---- Functions of the program's own ---- */

static inline int64_t probe_lines(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  const void *end = memchr(bytes, '\n', len);
  (void)ctx, (void)head_len, (void)at_least;
  return end == NULL ? 0 : (const uint8_t *)end - bytes + 1;
}

#define PROBE(name, result)                                                                           \
  static inline int64_t name(void *ctx, const uint8_t *bytes, size_t len, size_t *head, size_t *least) { \
    (void)ctx, (void)bytes, (void)len, (void)head, (void)least;                                       \
    return result;                                                                                    \
  }
PROBE(probe_lowest, INT64_MIN)
PROBE(probe_highest, INT64_MAX)
PROBE(probe_beyond, (int64_t)len + 9)
PROBE(probe_nothing_ever, 0)
PROBE(probe_head_beyond, (*head = SIZE_MAX, 1))
PROBE(probe_at_least_all, (*least = SIZE_MAX, 0))
PROBE(probe_at_least_none, (*least = 0, 0))
PROBE(probe_at_random, (*head = (size_t)rand() % 9, *least = (size_t)rand() % 9, rand() % 9 - 1))
PROBE(probe_closes, close_good(the_scene))

#define MOVE(name, result)                                      \
  static inline int64_t name(void *ctx, void *buf, size_t len) { \
    (void)ctx, (void)buf, (void)len;                            \
    return result;                                              \
  }
MOVE(read_well, (len >= 9 && rand() % 2 ? (memcpy(buf, "\0\0\0\5hello", 9), 9) : -EAGAIN))
MOVE(read_malformed, (rand() % 2 ? (memset(buf, 0xff, len), (int64_t)len) : -EAGAIN))
MOVE(read_beyond, (int64_t)len + 1)
MOVE(move_lowest, INT64_MIN)
MOVE(move_highest, INT64_MAX)
MOVE(move_unknown, -4242)
MOVE(move_none, 0)

#define WRITE(name, result)                                                         \
  static inline int64_t name(void *ctx, const fdwire_slice *slices, size_t count) { \
    (void)ctx, (void)slices, (void)count;                                           \
    return result;                                                                  \
  }
WRITE(write_well, (int64_t)slices[0].len)
WRITE(write_lowest, INT64_MIN)
WRITE(write_highest, INT64_MAX)
WRITE(write_beyond, (int64_t)slices[0].len + (1 << 20))
WRITE(write_none, 0)

#define WAIT(name, result)                                           \
  static inline int name(void *ctx, int events, int timeout_ms) {    \
    (void)ctx, (void)events, (void)timeout_ms;                       \
    return result;                                                   \
  }
WAIT(wait_well, -ECANCELED)
WAIT(wait_lowest, INT_MIN)
WAIT(wait_highest, INT_MAX)

/* Whatever is called on the connection from inside is refused. */
static inline int calls_back(void) {
  struct scene *s = the_scene;
  if (s->calling != NULL) {
    fdwire_msg msg;
    if (fdwire_conn_recv(s->calling, &msg, 0) != -EDEADLK || fdwire_conn_send(s->calling, "x", 1, -1) != -EDEADLK)
      s->wrong = "it may call back";
  }
  return -EIO;
}
MOVE(read_calls_back, calls_back())
WRITE(write_calls_back, calls_back())
WAIT(wait_calls_back, calls_back())

/* ---- Objects ---- */

static inline fdwire_format *format(struct scene *s, const char *text) {
  NEED(s->format_count < 32);
  return s->formats[s->format_count++] = format_of(text);
}

static inline fdwire_format *garbage_format(struct scene *s) {
  fdwire_format *made = NULL;
  NEED(s->format_count < 32 && fdwire_format_new_custom(probe_at_random, s, 100, &made) == 0);
  return s->formats[s->format_count++] = made;
}

static inline fdwire_conn *keep_conn(struct scene *s, int in_fd, int out_fd, const fdwire_format *format) {
  NEED(s->conn_count < 16 && fdwire_conn_new(in_fd, out_fd, format, &s->conns[s->conn_count]) == 0);
  return s->conns[s->conn_count++];
}

static inline fdwire_conn *conn(struct scene *s) {
  int fd = good(s);
  return keep_conn(s, fd, fd, NULL);
}

static inline fdwire_conn *receive_only(struct scene *s) {
  return keep_conn(s, pipe_to_read(s), -1, NULL);
}

static inline fdwire_conn *send_only(struct scene *s) {
  return keep_conn(s, -1, pipe_to_write(s), NULL);
}

static inline fdwire_conn *of_garbage_format(struct scene *s) {
  int fd = good(s);
  return keep_conn(s, fd, fd, garbage_format(s));
}

static inline fdwire_conn *receiving_in_parts(struct scene *s) {
  fdwire_conn *made = conn(s);
  fdwire_msg head;
  uint64_t len;
  NEED(fdwire_conn_recv_begin(made, &head, &len, 0) == 1);
  return made;
}

static inline fdwire_conn *sending_in_parts(struct scene *s) {
  fdwire_conn *made = conn(s);
  NEED(fdwire_conn_send_begin(made, NULL, 0, 100, 0) >= 0);
  return made;
}

static inline fdwire_conn *finished(struct scene *s) {
  fdwire_conn *made = conn(s);
  NEED(fdwire_conn_finish(made, NULL, 0) != 1);
  return made;
}

static inline fdwire_conn *shut(struct scene *s) {
  fdwire_conn *made = conn(s);
  NEED(fdwire_conn_shutdown(made, FDWIRE_SHUT_RDWR, 0) == 0);
  return made;
}

static inline fdwire_conn *cancelled(struct scene *s) {
  fdwire_conn *made = conn(s);
  NEED(fdwire_conn_cancel(made) == 0);
  return made;
}

/* The first frame is read for one of another format. */
static inline fdwire_conn *failed(struct scene *s, const char *text, int code) {
  fdwire_msg msg;
  int fd = good(s);
  fdwire_conn *made = keep_conn(s, fd, fd, format(s, text));
  NEED(fdwire_conn_recv(made, &msg, 0) == code);
  return made;
}

static inline fdwire_conn *out_of_step(struct scene *s) {
  return failed(s, "u32be magic='x'@4 head=5", FDWIRE_E_MALFORMED);
}

static inline fdwire_conn *too_long(struct scene *s) {
  return failed(s, "u32be max=4", FDWIRE_E_TOO_LONG);
}

static inline fdwire_conn *without_peer(struct scene *s) {
  int fd = pipe_to_read(s), to = pipe_to_write(s);
  close(s->peers[s->peer_count - 1]);
  s->peer_count--;
  s->fds[s->fd_count - 2] = s->fds[s->fd_count - 1]; /* the peer's comes before */
  s->fd_count--;
  return keep_conn(s, fd, to, NULL);
}

static inline fdwire_conn *over(struct scene *s, fdwire_read_fn read, fdwire_writev_fn writev, fdwire_wait_fn wait) {
  NEED(s->conn_count < 16);
  NEED(fdwire_conn_new_over(read, writev, wait, s, NULL, &s->conns[s->conn_count]) == 0);
  return s->conns[s->conn_count++];
}

static inline fdwire_conn *over_garbage(struct scene *s) {
  return over(s, read_malformed, write_beyond, wait_lowest);
}

static inline fdwire_conn *over_callers(struct scene *s) {
  return s->calling = over(s, read_calls_back, write_calls_back, wait_calls_back);
}

static inline fdwire_decoder *decoder_of(struct scene *s, const fdwire_format *format, const char *bytes, size_t len) {
  fdwire_decoder *made = NULL;
  NEED(s->decoder_count < 16 && fdwire_decoder_new(format, &made) == 0);
  NEED(fdwire_decoder_feed(made, bytes, len) == 0);
  return s->decoders[s->decoder_count++] = made;
}

static inline fdwire_decoder *empty_decoder(struct scene *s) {
  return decoder_of(s, NULL, NULL, 0);
}

/* It has room to be committed. */
static inline fdwire_decoder *decoder(struct scene *s) {
  fdwire_decoder *made = decoder_of(s, NULL, three_frames, sizeof three_frames - 1);
  void *space;
  size_t cap;
  NEED(fdwire_decoder_space(made, &space, &cap) == 0 && cap >= 64);
  memset(space, 0, 64);
  return made;
}

static inline fdwire_decoder *finished_decoder(struct scene *s) {
  fdwire_decoder *made = decoder_of(s, NULL, "\0\0", 2);
  NEED(fdwire_decoder_finish(made) == FDWIRE_E_TRUNCATED);
  return made;
}

static inline fdwire_decoder *failed_decoder(struct scene *s, const char *text, int code) {
  fdwire_decoder *made = decoder_of(s, format(s, text), three_frames, sizeof three_frames - 1);
  fdwire_msg msg;
  NEED(fdwire_decoder_next(made, &msg) == code);
  return made;
}

static inline fdwire_decoder *broken_decoder(struct scene *s) {
  return failed_decoder(s, "u32be magic='x'@4 head=5", FDWIRE_E_MALFORMED);
}

static inline fdwire_decoder *too_long_decoder(struct scene *s) {
  return failed_decoder(s, "u32be max=4", FDWIRE_E_TOO_LONG);
}

static inline fdwire_decoder *skipping_decoder(struct scene *s) {
  fdwire_decoder *made = too_long_decoder(s);
  NEED(fdwire_decoder_skip(made) == 0);
  return made;
}

static inline fdwire_decoder *garbage_decoder(struct scene *s) {
  return decoder_of(s, garbage_format(s), three_frames, sizeof three_frames - 1);
}

/* ---- What a call gave ---- */

static inline void forget(struct scene *s, const void *freed) {
  for (int i = 0; i < 16; i++) {
    if (s->conns[i] == freed)
      s->conns[i] = NULL;
    if (s->decoders[i] == freed)
      s->decoders[i] = NULL;
  }
  for (int i = 0; i < 32; i++)
    if (s->formats[i] == freed)
      s->formats[i] = NULL;
}

static inline void use_conn(struct scene *s, fdwire_conn *made) {
  char text[100];
  fdwire_msg msg;
  size_t len;
  give_code(s, fdwire_conn_send(made, "body", 4, 0));
  give_code(s, fdwire_conn_recv(made, &msg, 0));
  give_code(s, fdwire_conn_recv_into(made, text, sizeof text, &len, 0));
  give_code(s, fdwire_conn_flush(made, 1));
  fdwire_conn_explain(made, text, sizeof text);
  fdwire_conn_free(made);
}

static inline void use_decoder(struct scene *s, fdwire_decoder *made) {
  char text[100];
  fdwire_msg msg;
  give_code(s, fdwire_decoder_feed(made, three_frames, sizeof three_frames - 1));
  give_code(s, fdwire_decoder_next(made, &msg));
  give_code(s, fdwire_decoder_finish(made));
  fdwire_decoder_explain(made, text, sizeof text);
  fdwire_decoder_free(made);
}

static inline void use_format(struct scene *s, fdwire_format *made) {
  char text[100];
  fdwire_decoder *decoder = NULL;
  size_t len;
  fdwire_msg msg = {NULL, (const uint8_t *)"line\n", 0, 5, 0};
  give_code(s, fdwire_encode(made, &msg, text, sizeof text, &len));
  give_code(s, fdwire_send(good(s), made, "line\n", 5, 0));
  give_code(s, fdwire_recv(good(s), made, text, sizeof text, &len, 0));
  fdwire_format_describe(made, text, sizeof text);
  if (fdwire_decoder_new(made, &decoder) == 0)
    use_decoder(s, decoder);
  fdwire_format_free(made);
}

/* What is lent can be read, where nobody else receives. */
static inline void read_lent(struct scene *s, const fdwire_msg *msg) {
  volatile uint8_t sink = 0;
  for (size_t i = 0; !s->shared && i < msg->body_len; i++)
    sink = (uint8_t)(sink + msg->body[i]);
}

static inline void close_taken(const int *fds, size_t count) {
  for (size_t i = 0; i < count; i++)
    close(fds[i]);
}

static inline size_t room_of(size_t count, size_t size) {
  return count > SEEN ? SEEN : count * size;
}

static inline void expect_memory(struct scene *s, int slot, const void *start, size_t len, enum memory memory) {
  s->memory[slot].start = (const unsigned char *)start;
  s->memory[slot].len = len;
  s->memory[slot].memory = memory;
}

#endif
