/* Every fault at every system call of the calls that keep no state: one message, exact bytes,
   addresses, the end. See sweep.h. */
#include "sweep.h"

/* ---- Receiving ---- */

/* A body came: it is the next one that was sent. */
static void comes(struct exchange *x, const void *body, size_t len) {
  MUST(x->received < x->count);
  if (x->received < x->count) {
    const fdwire_msg *msg = &x->msgs[x->received++];
    MUST_BE(len, msg->body_len);
    MUST(len != msg->body_len || memcmp(body, msg->body, len) == 0);
  }
}

static int one_message_comes(struct exchange *x) {
  size_t len = 0;
  int result = IN(fdwire_recv(x->ours, x->format, room, sizeof room, &len, x->scenario->timeout));
  if (result == 1)
    comes(x, room, len);
  return result;
}

/* The whole frame, whose length the test knows. */
static int exact_bytes_come(struct exchange *x) {
  size_t begin = x->received > 0 ? x->ends[x->received - 1] : 0;
  size_t len = x->received < x->count ? x->ends[x->received] - begin : 1;
  int result = IN(fdwire_read_exact(x->ours, room, len, &x->part, x->scenario->timeout));
  if (result != 1)
    return result;
  MUST(memcmp(room, x->stream + begin, len) == 0);
  x->part = 0;
  x->received++;
  return result;
}

static void receives(struct exchange *x) {
  int result;
  open_exchange(x, 0);
  run.peer = peer_feeds;
  while (x->scenario->piece == 0 && peer_feeds()) {
  }
  do
    result = x->scenario->step(x);
  while (!run.stuck && (result == 1 || (result == -EAGAIN && x->scenario->timeout == 0 &&
                                        goes_on(x->ours, POLLIN))));
  tell(x, result);
  x->done = result == 0 && x->received == x->count;
}

/* ---- Sending ---- */

static int one_message_goes(struct exchange *x) {
  const fdwire_msg *msg = &x->msgs[x->sent];
  int result = IN(fdwire_send(x->ours, x->format, msg->body, msg->body_len, x->scenario->timeout));
  x->sent += result == 0;
  return result;
}

static int exact_bytes_go(struct exchange *x) {
  size_t begin = x->sent > 0 ? x->ends[x->sent - 1] : 0;
  int result = IN(fdwire_write_all(x->ours, x->stream + begin, x->ends[x->sent] - begin, &x->part,
                                   x->scenario->timeout));
  x->sent += result == 0;
  x->part = result == 0 ? 0 : x->part;
  return result;
}

static void ends(struct exchange *x) {
  int fd = x->ours;
  if (x->scenario->ending == FINISHED) {
    tell(x, IN(fdwire_finish(fd, 5000)));
    x->ours = -1;
  } else if (x->scenario->ending == SHUT) {
    if (x->scenario->way != PIPE)
      tell(x, IN(fdwire_shutdown(fd, FDWIRE_SHUT_WR)));
    tell(x, IN(fdwire_close(fd)));
    x->ours = -1;
  }
  MUST(x->ours >= 0 || fcntl(fd, F_GETFD) < 0);
}

static void sends(struct exchange *x) {
  int result = 0;
  open_exchange(x, 1);
  run.peer = peer_drains;
  while (x->sent < x->count && !run.stuck &&
         (result >= 0 || (result == -EAGAIN && x->scenario->timeout == 0 && goes_on(x->ours, POLLOUT))))
    result = x->scenario->step(x);
  tell(x, result);
  if (result == 0)
    ends(x);
  while (!x->sees_end && (peer_drains() || (x->drained < x->len && result == 0 &&
                                            is_ready(x->theirs, POLLIN, run.patience_ms)))) {
  }
  MUST(x->drained <= x->len && memcmp(x->sink, x->stream, x->drained) == 0);
  x->done = x->sent == x->count && x->drained == x->len && result == 0;
}

/* ---- Addresses ---- */

/* A connection is made, and a byte goes over it. */
static void meets(struct exchange *x) {
  char address[FDWIRE_ADDRESS_MAX], byte = 0;
  int timeout = x->scenario->timeout, tcp = x->scenario->way == TCP_SOCKET, server = -1;
  snprintf((char *)room, sizeof room, "unix:@fdwire-sweep-%d", (int)getpid());
  int listener = IN(fdwire_listen(tcp ? "127.0.0.1:0" : (const char *)room, 0));
  tell(x, listener);
  if (listener < 0)
    return;
  int result = IN(fdwire_local_address(listener, address, sizeof address));
  tell(x, result);
  if (result == 0) {
    x->ours = IN(fdwire_connect(address, timeout));
    tell(x, x->ours);
  }
  if (x->ours >= 0) {
    server = IN(fdwire_accept(listener, timeout));
    tell(x, server);
  }
  if (server >= 0 && write(x->ours, "x", 1) == 1)
    x->done = read(server, &byte, 1) == 1 && byte == 'x';
  x->theirs = server;
  tell(x, IN(fdwire_close(listener)));
}

/* ---- All of it ---- */

static const char *const formats[] = {
    "u32be",    "u32be max=4K", "u16be at=1 counts=field", "varint",
    "netstring", "fixed size=9", "u16le pad=8 tail='!'",    "hex digits=4",
    "line",     "crlf",         "delimited by='||','|;'",  "headers length='Content-Length'",
    "select u8 { 0: u16be at=1 pad=4; else: crlf }"};
#define FORMATS (sizeof formats / sizeof *formats)

static const int timeouts[] = {-1, 5000, 0};

static struct scenario scenarios[2000];
static size_t scenario_count;

static struct scenario *add(const char *name, void (*played)(struct exchange *x),
                            int (*step)(struct exchange *x), const char *format, int way) {
  struct scenario *scenario = &scenarios[scenario_count++];
  NEED(scenario_count < sizeof scenarios / sizeof *scenarios);
  scenario->name = name;
  scenario->play = played;
  scenario->step = step;
  scenario->format = format;
  scenario->way = way;
  scenario->timeout = -1;
  return scenario;
}

static int searched_ahead(const char *format) { return strchr(format, '|') != NULL; }

static void add_messages(const char *format, int way, int timeout, int traits) {
  struct scenario *scenario;
  if (way != PIPE || !searched_ahead(format)) {
    scenario = add("fdwire_recv", receives, one_message_comes, format, way);
    scenario->timeout = timeout;
    scenario->traits = traits;
    if (timeout != 0) { /* what has not all arrived is not taken in pieces without time */
      scenarios[scenario_count] = *scenario;
      scenarios[scenario_count++].piece = 7;
    }
  }
  scenario = add("fdwire_send", sends, one_message_goes, format, way);
  scenario->timeout = timeout;
  scenario->traits = traits;
  scenario->ending = way == TCP_SOCKET ? FINISHED : SHUT;
}

static void add_large(int way, int timeout) {
  static const char *const texts[] = {"u32be", "line"};
  for (size_t i = 0; i < 2; i++) {
    struct scenario *scenario = add("fdwire_recv", receives, one_message_comes, texts[i], way);
    scenario->timeout = timeout;
    scenario->traits = LARGE;
    scenario->piece = way == PIPE && i == 1 ? 9000 : 2000; /* it takes such a line byte by byte */
    scenario->step = way == PIPE && i == 1 ? exact_bytes_come : scenario->step;
    scenario = add("fdwire_send", sends, one_message_goes, texts[i], way);
    scenario->timeout = timeout;
    scenario->traits = LARGE;
    scenario->piece = 3000;
  }
}

static void add_exact(int way, int timeout, int traits) {
  struct scenario *scenario = add("fdwire_read_exact", receives, exact_bytes_come, "u32be", way);
  scenario->timeout = timeout;
  scenario->traits = traits;
  scenario->piece = traits & LARGE ? 2500 : 7;
  scenario = add("fdwire_write_all", sends, exact_bytes_go, "u32be", way);
  scenario->timeout = timeout;
  scenario->traits = traits;
  scenario->piece = 1500;
  scenario->ending = FINISHED;
}

int main(int argc, char **argv) {
  for (size_t i = 0; i < 3; i++)
    EACH_WAY(way) {
      for (size_t format = 0; format < FORMATS; format++)
        add_messages(formats[format], way, timeouts[i], format % 2 ? NONBLOCKING : 0);
      add_messages("u32be", way, timeouts[i], MANY);
      if (timeouts[i] != 0)
        add_large(way, timeouts[i]);
      for (int traits = 0; traits < 4; traits++)
        add_exact(way, timeouts[i], traits); /* NONBLOCKING, LARGE and both */
      if (way != PIPE && timeouts[i] != 0)
        add("fdwire_connect", meets, NULL, "u32be", way)->timeout = timeouts[i];
    }
  return sweep_all(scenarios, scenario_count, argc, argv);
}
