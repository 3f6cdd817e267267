/* Every allocation that a call of the library can make fails once, and then from there on: the call
   says -ENOMEM and has done nothing, and is done when there is memory again. Nothing aborts, nothing
   leaks.

   Each scenario calls some functions, with one preset or format, and checks all that they give. It
   runs once to count what is allocated, then once for each allocation and each way to fail, in a
   process of its own, so that one that ends is told by its name and numbers:

     out_of_memory SCENARIO                     runs the cases of one
     out_of_memory SCENARIO WHICH NUMBER 0|1    runs a case again: with which format or preset, the
                                                allocation that fails, 1 from there on */
#include "samples.h"

#include <sys/mman.h>

#ifdef __cplusplus
#define LIBC extern "C"
#define NOTHROW noexcept
#else
#define LIBC extern
#define NOTHROW
#endif

/* ---- Memory that runs out -------------------------------------------------------------------- */

static __thread struct {
  int counts; /* this thread's allocations are counted, and refused as follows */
  int back;   /* none is refused any more */
  int gone;   /* all are refused, and not counted */
  long count, fails_at;
  int for_good; /* from there on */
  long refused, told;
  size_t largest;
} memory;

/* Blocks that are there. */
static long blocks;

/* For a debugger to stop at. */
static __attribute__((noinline)) void is_refused_here(void) { __asm__ volatile(""); }

static int refuses(size_t size) {
  int is_refused = memory.gone;
  if (!memory.counts)
    return 0;
  if (!memory.gone) {
    memory.count++;
    memory.largest = size > memory.largest ? size : memory.largest;
    is_refused = !memory.back && memory.fails_at > 0 &&
                 (memory.count == memory.fails_at || (memory.for_good && memory.count > memory.fails_at));
  }
  memory.refused += is_refused;
  if (is_refused) {
    is_refused_here();
    errno = ENOMEM;
  }
  return is_refused;
}

static void *counted(void *block) {
  if (block != NULL)
    __atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
  return block;
}

LIBC void *__libc_malloc(size_t size) NOTHROW;
LIBC void *__libc_calloc(size_t count, size_t size) NOTHROW;
LIBC void *__libc_realloc(void *block, size_t size) NOTHROW;
LIBC void *__libc_memalign(size_t align, size_t size) NOTHROW;
LIBC void __libc_free(void *block) NOTHROW;

LIBC void *malloc(size_t size) NOTHROW {
  return refuses(size) ? NULL : counted(__libc_malloc(size));
}

LIBC void *calloc(size_t count, size_t size) NOTHROW {
  return refuses(count * size) ? NULL : counted(__libc_calloc(count, size));
}

LIBC void *realloc(void *block, size_t size) NOTHROW {
  if (refuses(size))
    return NULL;
  return block == NULL ? counted(__libc_realloc(block, size)) : __libc_realloc(block, size);
}

LIBC void *memalign(size_t align, size_t size) NOTHROW {
  return refuses(size) ? NULL : counted(__libc_memalign(align, size));
}

LIBC void *aligned_alloc(size_t align, size_t size) NOTHROW { return memalign(align, size); }

LIBC int posix_memalign(void **out, size_t align, size_t size) NOTHROW {
  void *block = memalign(align, size);
  if (block == NULL)
    return ENOMEM;
  *out = block;
  return 0;
}

LIBC void free(void *block) NOTHROW {
  if (block != NULL)
    __atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
  __libc_free(block);
}

/* What the test itself does, or another thread's start, is none of the library's. */
static void test_begins(void) { memory.counts = 0; }
static void test_ends(void) { memory.counts = 1; }

/* Once a call has said that there is none, it says so as long as that is so. */
static void check_still(int result) {
  if (result != -ENOMEM) {
    printf("told -ENOMEM, and then, with no more memory than before, %d\n", result);
    check_failures++;
  }
}

/* A call, made again with memory if there was none for it. */
static int result_;
#define DONE(call)                                                                        \
  ((result_ = (call)) != -ENOMEM                                                          \
       ? result_                                                                          \
       : (memory.told++, memory.for_good ? check_still((call)) : (void)0, memory.back = 1, result_ = (call)))

/* What is freed needs no memory to be freed. */
static void memory_is_gone(int is_gone) { memory.gone = is_gone; }

/* ---- Scenarios ------------------------------------------------------------------------------- */

#define MANY 20

/* No message here is so long, and what is announced costs nothing. */
#define LARGEST (1 << 20)

/* The number of the preset or format that a scenario is run with. */
static size_t which;

/* Some of these bodies are larger than what is kept at hand. */
static size_t length_of(int i) {
  static const size_t lengths[] = {5, 0, 300, 5000, 1, 20000, 64};
  return lengths[i % 7];
}

static char *texts; /* without an end of line, so that any format can have it */

static const uint8_t *body_of(int i) { return (const uint8_t *)texts + i; }

static void check_body_is(int i, const void *body, size_t len) {
  CHECK_IS(len, length_of(i));
  CHECK(len == 0 || memcmp(body, body_of(i), len) == 0);
}

static fdwire_format *format_made(const char *text) {
  fdwire_format *format = NULL;
  char why[200];
  CHECK_IS(DONE(fdwire_format_new(text, &format, why, sizeof why)), 0);
  return format;
}

static void every_preset(void) {
  char picture[4000], head[64];
  size_t len;
  fdwire_format *format = format_made(fdwire_preset_text(which));
  fdwire_format *same = format_made(fdwire_preset_name(which));
  CHECK(fdwire_format_describe(format, picture, sizeof picture) > 20 && picture[0] != '\0');
  int result = DONE(fdwire_format_head(format, NULL, 0, 4, head, sizeof head, &len));
  CHECK(result == 0 || result == -ENOBUFS || result == FDWIRE_E_MALFORMED || result == FDWIRE_E_TOO_LONG);
  if (result == 0) {
    result = DONE(fdwire_format_tail(format, head, len, 4, head, sizeof head, &len));
    CHECK(result == 0 || result == -ENOBUFS || result == FDWIRE_E_MALFORMED);
  }
  fdwire_format_free(same);
  fdwire_format_free(format);
}

static void every_kind(void) {
  const struct sample *sample = &samples[which];
  fdwire_format *format = format_made(sample->text);
  fdwire_msg msg = msg_of(sample);
  uint8_t frame[FRAME_MAX];
  size_t len = 0;
  CHECK_IS(DONE(fdwire_encode(format, &msg, frame, sizeof frame, &len)), 0);
  CHECK(len > 0);
  fdwire_format_free(format);
}

static void texts_that_are_wrong(void) {
  static const char *const wrong[] = {
      "",        "u9be",         "u32be heads=8", "line max=",  "select u8 { 1: line",
      "u8 at=-1", "delimited by=", "fixed",       "select u8 { 1..0: line }",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    fdwire_format *format = NULL;
    char why[200] = "";
    CHECK_IS(DONE(fdwire_format_new(wrong[i], &format, why, sizeof why)), FDWIRE_E_FORMAT);
    CHECK(format == NULL && why[0] != '\0');
  }
}

/* A digit, then so many bytes. */
static int64_t digit_probe(void *ctx, const uint8_t *bytes, size_t len, size_t *head_len, size_t *at_least) {
  (void)ctx, (void)at_least;
  *head_len = 1;
  return len == 0 ? 0 : bytes[0] < '0' || bytes[0] > '9' ? -1 : bytes[0] - '0' + 1;
}

static void own_formats(void) {
  fdwire_format *format = NULL;
  fdwire_decoder *decoder = NULL;
  fdwire_msg msg = {(const uint8_t *)"3", (const uint8_t *)"abc", 1, 3, 0};
  char frame[10];
  size_t len;
  CHECK_IS(DONE(fdwire_format_new_custom(digit_probe, NULL, 9, &format)), 0);
  CHECK_IS(DONE(fdwire_encode(format, &msg, frame, sizeof frame, &len)), 0);
  CHECK_IS(len, 4);
  CHECK_IS(DONE(fdwire_decoder_new(format, &decoder)), 0);
  CHECK_IS(DONE(fdwire_decoder_feed(decoder, "3abc1", 5)), 0);
  CHECK_IS(DONE(fdwire_decoder_next(decoder, &msg)), 1);
  CHECK_IS(fdwire_format_describe(format, NULL, 0) > 0, 1);
  memory_is_gone(1);
  fdwire_decoder_free(decoder);
  fdwire_format_free(format);
  memory_is_gone(0);
}

/* Formats of which the bodies above are messages. */
static const char *const carriers[] = {"u32be",     "line max=64K", "netstring",
                                       "varint",    "delimited by='||' trail=1",
                                       "headers length='Content-Length'",
                                       "select u8 { 7: u32be at=1; else: crlf max=64K }"};
#define WITH_CARRIER(format)                                                              \
  for (fdwire_format *format = format_made(carriers[which]); format != NULL;              \
       fdwire_format_free(format), format = NULL)

static void decoders(void) {
  WITH_CARRIER(format) {
    fdwire_decoder *decoder = NULL;
    fdwire_msg msg, msgs[MANY];
    const void *left = NULL;
    uint8_t *stream = (uint8_t *)__libc_malloc(1 << 17);
    size_t len = 0, at = 0, count;
    char text[300];
    int taken = 0, result;
    NEED(stream != NULL);
    for (int i = 0; i < MANY; i++) {
      fdwire_msg one = {NULL, body_of(i), 0, length_of(i), 0};
      size_t more = 0;
      CHECK_IS(DONE(fdwire_encode(format, &one, stream + len, (1 << 17) - len, &more)), 0);
      len += more;
    }
    CHECK_IS(DONE(fdwire_decoder_new(format, &decoder)), 0);
    while (at < len) {
      void *room = NULL;
      size_t cap = 0, piece = least(len - at, 777);
      if (at % 2 == 0) {
        CHECK_IS(DONE(fdwire_decoder_feed(decoder, stream + at, piece)), 0);
      } else {
        CHECK_IS(DONE(fdwire_decoder_space(decoder, &room, &cap)), 0);
        piece = least(piece, cap);
        NEED(room != NULL);
        memcpy(room, stream + at, piece);
        CHECK_IS(DONE(fdwire_decoder_commit(decoder, piece)), 0);
      }
      at += piece;
      while ((result = DONE(fdwire_decoder_next_many(decoder, msgs, 2, &count))) == 1)
        for (size_t i = 0; i < count; i++, taken++)
          check_body_is(taken, msgs[i].body, msgs[i].body_len);
      CHECK_IS(result, 0);
      fdwire_decoder_needed(decoder);
      CHECK(fdwire_decoder_explain(decoder, text, sizeof text) > 10 && text[0] != '\0');
    }
    CHECK_IS(taken, MANY);
    CHECK_IS(fdwire_decoder_offset(decoder), len);
    CHECK_IS(DONE(fdwire_decoder_set_format(decoder, NULL)), 0);
    CHECK_IS(DONE(fdwire_decoder_feed(decoder, "\xff\xff\xff\xff", 4)), 0);
    CHECK_IS(DONE(fdwire_decoder_next(decoder, &msg)), FDWIRE_E_TOO_LONG);
    CHECK(fdwire_decoder_explain(decoder, text, sizeof text) > 10 && text[0] != '\0');
    CHECK_IS(DONE(fdwire_decoder_skip(decoder)), 0);
    CHECK_IS(DONE(fdwire_decoder_feed(decoder, "dropped", 7)), 0);
    CHECK_IS(DONE(fdwire_decoder_next(decoder, &msg)), 0);
    CHECK_IS(DONE(fdwire_decoder_finish(decoder)), FDWIRE_E_TRUNCATED);
    CHECK_IS(DONE(fdwire_decoder_unread(decoder, &left, &len)), 0);
    __libc_free(stream);
    memory_is_gone(1);
    fdwire_decoder_free(decoder);
    memory_is_gone(0);
  }
}

static void open_quietly(int way, int fds[2]) {
  test_begins();
  open_way(way, fds);
  test_ends();
}

/* One message at a time, over each way. One whose end is searched for, and is not looked at, may be
   lost: on a pipe, and beyond 16 KiB. */
static void one_message(void) {
  char *room = (char *)__libc_malloc(30000);
  NEED(room != NULL);
  WITH_CARRIER(format) EACH_WAY(way) {
    int fds[2], is_searched_for = strchr("ldhs", carriers[which][0]) != NULL, result = 1;
    size_t len = 0;
    open_quietly(way, fds);
    for (int i = 0; i < 7 && result == 1; i++) {
      CHECK_IS(DONE(fdwire_send(fds[1], format, body_of(i), length_of(i), 1000)), 0);
      if (length_of(i) == 5000 && way != PIPE)
        CHECK_IS(DONE(fdwire_recv(fds[0], format, room, 10, &len, 1000)), -ENOBUFS);
      if (is_searched_for && (way == PIPE || length_of(i) > 16 << 10))
        result = fdwire_recv(fds[0], format, room, 30000, &len, 1000);
      else
        result = DONE(fdwire_recv(fds[0], format, room, 30000, &len, 1000));
      if (result == 1)
        check_body_is(i, room, len);
      else
        CHECK_IS(result, -ENOMEM);
    }
    CHECK(result == 1 || memory.refused > 0);
    close_way(fds);
  }
  __libc_free(room);
}

static const struct {
  int option;
  int64_t value;
} settings[] = {
    {FDWIRE_OWN, 0},    {FDWIRE_BATCH, 4096}, {FDWIRE_ONE_THREAD, FDWIRE_BOTH},
    {FDWIRE_SPIN, 20},  {FDWIRE_POLLED, 1},   {FDWIRE_READ_SIZE, 4096},
    {FDWIRE_TAKE_FDS, 1},
};

/* Two connections that talk over a socket, whose buffers hold all that a scenario sends. */
struct talk {
  fdwire_conn *from, *to;
  int fds[2];
};

static struct talk talk_of(int way, const fdwire_format *format) {
  struct talk talk;
  memset(&talk, 0, sizeof talk);
  open_quietly(way, talk.fds);
  CHECK_IS(DONE(fdwire_conn_new(way == PIPE ? -1 : talk.fds[1], talk.fds[1], format, &talk.from)), 0);
  CHECK_IS(DONE(fdwire_conn_new(talk.fds[0], way == PIPE ? -1 : talk.fds[0], format, &talk.to)), 0);
  return talk;
}

static void talk_set(struct talk *talk, int option, int64_t value) {
  CHECK_IS(DONE(fdwire_conn_set(talk->from, option, value)), 0);
  CHECK_IS(DONE(fdwire_conn_set(talk->to, option, value)), 0);
}

static void talk_ends(struct talk *talk) {
  memory_is_gone(1);
  fdwire_conn_free(talk->from);
  fdwire_conn_free(talk->to);
  memory_is_gone(0);
  close_way(talk->fds);
}

static void check_sent(int result) {
  if (result != FDWIRE_PENDING)
    CHECK_IS(result, 0);
}

/* Receives what was sent, some by each call that receives whole messages. */
static void receive_all(fdwire_conn *conn, int first, int last) {
  static char room[60000];
  fdwire_msg msg, msgs[3];
  size_t len, lens[3], count, at;
  for (int i = first; i < last;) {
    switch (i % 4) {
    case 0:
      CHECK_IS(DONE(fdwire_conn_recv(conn, &msg, 1000)), 1);
      check_body_is(i++, msg.body, msg.body_len);
      break;
    case 1:
      count = 0;
      CHECK_IS(DONE(fdwire_conn_recv_many(conn, msgs, least(3, (size_t)(last - i)), &count, 1000)), 1);
      for (size_t j = 0; j < count; j++)
        check_body_is(i++, msgs[j].body, msgs[j].body_len);
      break;
    case 2:
      CHECK_IS(DONE(fdwire_conn_recv_into(conn, room, sizeof room, &len, 1000)), 1);
      check_body_is(i++, room, len);
      break;
    default:
      count = at = 0;
      CHECK_IS(DONE(fdwire_conn_recv_packed(conn, room, sizeof room, lens, least(3, (size_t)(last - i)), &count, 1000)), 1);
      for (size_t j = 0; j < count; at += lens[j++])
        check_body_is(i++, room + at, lens[j]);
      break;
    }
    if (result_ < 0)
      return;
  }
}

static void messages_of(int first, int count, fdwire_msg *msgs) {
  for (int i = 0; i < count; i++) {
    memset(&msgs[i], 0, sizeof msgs[i]);
    msgs[i].body = body_of(first + i);
    msgs[i].body_len = length_of(first + i);
  }
}

static void connections(int way) {
  fdwire_msg msgs[4];
  char text[300];
  WITH_CARRIER(format) { /* each with a setting of its own, another one over each way */
    size_t s = (which + (size_t)way) % (sizeof settings / sizeof *settings);
    struct talk talk = talk_of(way, format);
    talk_set(&talk, settings[s].option, settings[s].value);
    for (int i = 0; i < 8; i += 4) {
      static char packed[40000];
      size_t lens[2] = {length_of(i + 2), length_of(i + 3)};
      messages_of(i, 4, msgs);
      check_sent(DONE(fdwire_conn_send(talk.from, msgs[0].body, msgs[0].body_len, 1000)));
      check_sent(DONE(fdwire_conn_send_many(talk.from, msgs + 1, 1, 1000)));
      memcpy(packed, body_of(i + 2), lens[0]);
      memcpy(packed + lens[0], body_of(i + 3), lens[1]);
      check_sent(DONE(fdwire_conn_send_packed(talk.from, packed, lens, 2, 1000)));
      CHECK_IS(DONE(fdwire_conn_flush(talk.from, 1000)), 0);
      receive_all(talk.to, i, i + 4);
    }
    messages_of(8, 4, msgs);
    CHECK_IS(DONE(fdwire_conn_queue(talk.from, msgs, 4)), FDWIRE_PENDING);
    CHECK(fdwire_conn_pending(talk.from) > 0);
    CHECK_IS(DONE(fdwire_conn_flush(talk.from, 1000)), 0);
    receive_all(talk.to, 8, 12);
    CHECK(fdwire_conn_explain(talk.to, text, sizeof text) > 10 && text[0] != '\0');
    CHECK(fdwire_conn_events(talk.to) > 0 || way == PIPE);
    CHECK_IS(DONE(fdwire_conn_set_format(talk.to, way == PIPE ? FDWIRE_IN : FDWIRE_BOTH, NULL)), 0);
    talk_ends(&talk);
  }
}

static void over_unix_sockets(void) { connections(UNIX_SOCKET); }
static void over_tcp(void) { connections(TCP_SOCKET); }
static void over_pipes(void) { connections(PIPE); }

/* Into the queue, as nobody reads: it grows, and what does not fit is refused whole. A message of
   which part is on its way already cannot be refused: without memory for the rest, sending is at its
   end, and what was received is the beginning of what was sent. */
static void a_full_peer(void) {
  static char room[30000];
  fdwire_msg msgs[2];
  size_t len;
  int sent = 0, received = 0, result = 0, is_broken;
  struct talk talk = talk_of(UNIX_SOCKET, NULL);
  CHECK_IS(DONE(fdwire_conn_set(talk.from, FDWIRE_SEND_LIMIT, 200000)), 0);
  while (sent < 400) {
    messages_of(sent, 2, msgs);
    result = DONE(fdwire_conn_send_many(talk.from, msgs, 2, 0));
    if (result < 0)
      break;
    sent += 2;
  }
  is_broken = result == -ENOMEM && memory.told > 0;
  if (!is_broken)
    CHECK_IS(result, -ENOBUFS);
  while (received < sent) {
    result = DONE(fdwire_conn_flush(talk.from, 0));
    CHECK(result == 0 || result == -EAGAIN || (is_broken && result == -ENOMEM));
    while (received < sent && (result = DONE(fdwire_conn_recv_into(talk.to, room, sizeof room, &len, 0))) == 1)
      check_body_is(received++, room, len);
    if (received < sent)
      CHECK_IS(result, -EAGAIN);
    if (is_broken || (result != 1 && result != -EAGAIN))
      break;
  }
  CHECK(received == sent || is_broken);
  talk_ends(&talk);
}

/* What a full socket does not take, and has no memory to wait in, was not accepted, and nothing is lost. */
static void a_full_socket(void) {
  static char room[65536];
  struct talk talk = talk_of(UNIX_SOCKET, NULL);
  for (size_t len = sizeof room; len > 0; len /= 2)
    while (send(talk.fds[1], room, len, MSG_DONTWAIT) > 0) {
    }
  CHECK_IS(DONE(fdwire_conn_send(talk.from, "hello", 5, 0)), FDWIRE_PENDING);
  CHECK_IS(DONE(fdwire_conn_send(talk.from, room, 1000, 0)), FDWIRE_PENDING);
  while (recv(talk.fds[0], room, sizeof room, MSG_DONTWAIT) > 0) {
  }
  CHECK_IS(DONE(fdwire_conn_flush(talk.from, 0)), 0);
  CHECK_IS(recv(talk.fds[0], room, sizeof room, MSG_DONTWAIT), 4 + 5 + 4 + 1000);
  CHECK(memcmp(room, "\0\0\0\5hello\0\0\3\xe8", 13) == 0);
  talk_ends(&talk);
}

static void in_parts(void) {
  static char room[20000];
  WITH_CARRIER(format) {
    struct talk talk = talk_of(UNIX_SOCKET, format);
    fdwire_msg head;
    uint64_t body_len = 0;
    size_t at = 0, got = 0;
    int result = DONE(fdwire_conn_send_begin(talk.from, NULL, 0, 20000, 1000));
    if (result == -EOPNOTSUPP) {
      result = DONE(fdwire_conn_send(talk.from, body_of(5), 20000, 1000));
      check_sent(result);
    } else {
      check_sent(result);
      check_sent(DONE(fdwire_conn_send_part(talk.from, body_of(5), 7000, 1000)));
      check_sent(DONE(fdwire_conn_send_part(talk.from, body_of(5) + 7000, 13000, 1000)));
    }
    CHECK_IS(DONE(fdwire_conn_flush(talk.from, 1000)), 0);
    CHECK_IS(DONE(fdwire_conn_recv_begin(talk.to, &head, &body_len, 1000)), 1);
    CHECK_IS(body_len, 20000);
    while ((result = DONE(fdwire_conn_recv_part(talk.to, room + at, least(6000, sizeof room - at) + (at == sizeof room), &got, 1000))) == 1)
      at += got;
    CHECK_IS(result, 0);
    check_body_is(5, room, at);
    talk_ends(&talk);
  }
}

static void files_and_descriptors(void) {
  char name[] = "/tmp/fdwire-out-of-memory-XXXXXX";
  int file = mkstemp(name), got[3]; /* which allocates nothing */
  fdwire_msg msg;
  size_t count = 0;
  NEED(file >= 0 && unlink(name) == 0 && write(file, body_of(5), 20000) == 20000);
  struct talk talk = talk_of(UNIX_SOCKET, NULL);
  talk_set(&talk, FDWIRE_TAKE_FDS, 1);
  check_sent(DONE(fdwire_conn_send_file(talk.from, file, 0, 20000, 1000)));
  CHECK_IS(DONE(fdwire_conn_flush(talk.from, 1000)), 0);
  receive_all(talk.to, 5, 6);
  for (int i = 0; i < 2; i++) {
    int fds[] = {file, talk.fds[0]};
    check_sent(DONE(fdwire_conn_send_fds(talk.from, "two", 3, fds, 2, 1000)));
    CHECK_IS(DONE(fdwire_conn_flush(talk.from, 1000)), 0);
    CHECK_IS(DONE(fdwire_conn_recv(talk.to, &msg, 1000)), 1);
    CHECK(msg.body_len == 3 && memcmp(msg.body, "two", 3) == 0);
    int result = DONE(fdwire_conn_take_fds(talk.to, got, 3, &count));
    if (result == -EMFILE) { /* there was no memory to note them down */
      CHECK(memory.refused > 0);
      continue;
    }
    CHECK_IS(result, 1);
    CHECK_IS(count, 2);
    for (size_t j = 0; j < count; j++)
      close(got[j]);
  }
  close(file);
  talk_ends(&talk);
}

static void errors_and_ends(void) {
  fdwire_msg msg;
  char text[300];
  const void *left = NULL;
  size_t len = 0;
  uint64_t unsent = 9;
  fdwire_stats stats;
  struct talk talk = talk_of(UNIX_SOCKET, NULL);
  CHECK_IS(write(talk.fds[1], "\0\0\0\2ok\xff\xff\xff\xff", 10), 10);
  CHECK_IS(DONE(fdwire_conn_recv(talk.to, &msg, 1000)), 1);
  CHECK_IS(DONE(fdwire_conn_recv(talk.to, &msg, 1000)), FDWIRE_E_TOO_LONG);
  CHECK(fdwire_conn_explain(talk.to, text, sizeof text) > 10 && text[0] != '\0');
  CHECK_IS(DONE(fdwire_conn_skip(talk.to)), 0);
  CHECK_IS(DONE(fdwire_conn_recv(talk.to, &msg, 0)), -EAGAIN);
  CHECK_IS(DONE(fdwire_conn_stats(talk.to, &stats, sizeof stats)), 0);
  CHECK_IS(DONE(fdwire_conn_cancel(talk.from)), 0);
  CHECK_IS(DONE(fdwire_conn_recv(talk.from, &msg, 1000)), -ECANCELED);
  CHECK_IS(DONE(fdwire_conn_set(talk.from, FDWIRE_CANCELLED, 0)), 0);
  CHECK_IS(DONE(fdwire_conn_shutdown(talk.from, FDWIRE_SHUT_WR, 1000)), 0);
  CHECK_IS(DONE(fdwire_conn_recv(talk.to, &msg, 1000)), FDWIRE_E_TRUNCATED);
  CHECK_IS(DONE(fdwire_conn_unread(talk.to, &left, &len)), 0);
  CHECK_IS(DONE(fdwire_conn_finish(talk.to, &unsent, 1000)), 0);
  CHECK_IS(unsent, 0);
  CHECK_IS(DONE(fdwire_conn_finish(talk.from, NULL, 1000)), 0);
  talk_ends(&talk);
}

/* Another thread, which has memory: it sends a message in parts, and ends it when it may. */
struct other_sender {
  fdwire_conn *conn;
  int has_begun, may_end, result;
};

static void *sends_in_parts(void *arg) {
  struct other_sender *other = (struct other_sender *)arg;
  other->result = fdwire_conn_send_begin(other->conn, NULL, 0, length_of(0), 1000);
  __atomic_store_n(&other->has_begun, 1, __ATOMIC_RELEASE);
  while (!__atomic_load_n(&other->may_end, __ATOMIC_ACQUIRE))
    sleep_ms(1);
  if (other->result >= 0)
    other->result = fdwire_conn_send_part(other->conn, body_of(0), length_of(0), 1000);
  return NULL;
}

/* For what does not come, for a peer that is late, and for the turn of another thread to end. */
static void calls_that_wait(void) {
  struct talk talk = talk_of(UNIX_SOCKET, NULL);
  struct other_sender other = {talk.from, 0, 0, 0};
  struct writer_peer peer;
  pthread_t thread;
  fdwire_msg msg;
  CHECK_IS(DONE(fdwire_conn_recv(talk.to, &msg, 1)), -ETIMEDOUT);
  test_begins();
  peer_writes(&peer, talk.fds[1], "\0\0\0\4late", 8, 8, 0, 0);
  test_ends();
  CHECK_IS(DONE(fdwire_conn_recv(talk.to, &msg, 1000)), 1);
  CHECK(msg.body_len == 4 && memcmp(msg.body, "late", 4) == 0);
  test_begins();
  peer_done(&peer);
  NEED(pthread_create(&thread, NULL, sends_in_parts, &other) == 0);
  while (!__atomic_load_n(&other.has_begun, __ATOMIC_ACQUIRE))
    sleep_ms(1);
  test_ends();
  CHECK_IS(DONE(fdwire_conn_send(talk.from, body_of(1), length_of(1), 1)), -ETIMEDOUT);
  test_begins();
  __atomic_store_n(&other.may_end, 1, __ATOMIC_RELEASE);
  NEED(pthread_join(thread, NULL) == 0);
  test_ends();
  check_sent(other.result);
  check_sent(DONE(fdwire_conn_send(talk.from, body_of(1), length_of(1), 1000)));
  CHECK_IS(DONE(fdwire_conn_flush(talk.from, 1000)), 0);
  receive_all(talk.to, 0, 2);
  talk_ends(&talk);
}

struct other_receiver {
  fdwire_conn *conn;
  void *room;
  int result;
  long long took;
};

static void *receives_behind(void *arg) {
  struct other_receiver *other = (struct other_receiver *)arg;
  size_t len;
  sleep_ms(10);
  long long start = now_ms();
  other->result = fdwire_conn_recv_into(other->conn, other->room, LARGEST, &len, 10000);
  other->took = now_ms() - start;
  return NULL;
}

/* Half of a body came when time ran out: where there is no memory to keep it, that lasts, and whoever waits behind is told. */
static void a_body_that_cannot_be_kept(void) {
  enum { HALF = 40000 };
  struct talk talk = talk_of(UNIX_SOCKET, NULL);
  char *room = (char *)__libc_malloc(2 * LARGEST), *wire = (char *)__libc_calloc(1, 4 + 2 * HALF);
  struct other_receiver other = {talk.to, room + LARGEST, 0, 0};
  pthread_t thread;
  size_t len;
  test_begins();
  NEED(room != NULL && wire != NULL);
  fdwire_put_u32be(wire, 2 * HALF);
  NEED(write(talk.fds[1], wire, 4 + HALF) == 4 + HALF);
  NEED(pthread_create(&thread, NULL, receives_behind, &other) == 0);
  test_ends();
  int result = fdwire_conn_recv_into(talk.to, room, LARGEST, &len, 30);
  test_begins();
  CHECK(result == -ETIMEDOUT || (result == -ENOMEM && memory.refused > 0));
  memory.told += result == -ENOMEM;
  sleep_ms(20);
  NEED(write(talk.fds[1], wire, HALF) == HALF);
  NEED(pthread_join(thread, NULL) == 0);
  CHECK(other.result == 1 || (result == -ENOMEM && other.result == -ENOMEM));
  CHECK(other.took < 5000);
  test_ends();
  __libc_free(room);
  __libc_free(wire);
  talk_ends(&talk);
}

/* The connection closes what it owns, memory or none. */
static void owned_descriptors(void) {
  int fds[2];
  fdwire_conn *conn = NULL;
  open_way(UNIX_SOCKET, fds);
  CHECK_IS(DONE(fdwire_conn_new(fds[0], fds[0], NULL, &conn)), 0);
  CHECK_IS(DONE(fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH)), 0);
  check_sent(DONE(fdwire_conn_send(conn, "hello", 5, 0)));
  memory_is_gone(1);
  fdwire_conn_free(conn);
  memory_is_gone(0);
  CHECK(fcntl(fds[0], F_GETFD) < 0);
  close(fds[1]);
}

static void over_functions(void) {
  struct tube tube;
  struct end end;
  fdwire_conn *conn = NULL;
  fdwire_msg msg;
  memset(&end, 0, sizeof end);
  test_begins();
  tube_open(&tube, 1 << 16);
  test_ends();
  end.in = end.out = &tube;
  CHECK_IS(DONE(fdwire_conn_new_over(end_read, end_writev, NULL, &end, NULL, &conn)), 0);
  for (int i = 0; i < 5; i++) {
    check_sent(DONE(fdwire_conn_send(conn, body_of(i), length_of(i), 0)));
    CHECK_IS(DONE(fdwire_conn_flush(conn, 0)), 0);
    CHECK_IS(DONE(fdwire_conn_recv(conn, &msg, 0)), 1);
    check_body_is(i, msg.body, msg.body_len);
  }
  fdwire_conn_free(conn);
  free(tube.bytes);
}

static void addresses(void) {
  char address[FDWIRE_ADDRESS_MAX], path[64];
  snprintf(path, sizeof path, "unix:@fdwire-out-of-memory-%d", (int)getpid());
  const char *const texts_of[] = {"127.0.0.1:0", "[::1]:0", path};
  for (size_t i = 0; i < 3; i++) {
    int listener = DONE(fdwire_listen(texts_of[i], 5)), fd, accepted;
    if (i == 1 && (listener == -EADDRNOTAVAIL || listener == -EAFNOSUPPORT))
      continue; /* no IPv6 here */
    CHECK(listener >= 0);
    if (listener < 0)
      continue;
    CHECK_IS(DONE(fdwire_local_address(listener, address, sizeof address)), 0);
    fd = DONE(fdwire_connect(address, 1000));
    accepted = DONE(fdwire_accept(listener, 1000));
    CHECK(fd >= 0 && accepted >= 0);
    CHECK_IS(DONE(fdwire_shutdown(fd, FDWIRE_SHUT_WR)), 0);
    CHECK_IS(DONE(fdwire_close(fd)), 0);
    CHECK_IS(DONE(fdwire_finish(accepted, 1000)), 0);
    close(listener);
  }
}

/* The system's resolver looks for them, and has other words too for memory that it does not get.
   What it makes with a process's first look-up is left to it: glibc 2.36 ends the program where
   there is no memory for that. */
static void names(void) {
  int listener = fdwire_listen("localhost:0", 1);
  memory.told += listener < 0;
  if (memory.refused == 0)
    CHECK(listener >= 0);
  else
    CHECK(listener >= 0 || listener == -ENOMEM || listener == FDWIRE_E_RESOLVE);
  if (listener >= 0)
    close(listener);
}

static void addresses_that_are_wrong(void) {
  CHECK_IS(DONE(fdwire_connect("nonsense", 10)), -EINVAL);
  CHECK_IS(DONE(fdwire_listen("unix:", 1)), -EINVAL);
}

static void nothing_is_allocated(void) {
  char text[100], bytes[32] = "", room[32];
  fdwire_reader r;
  fdwire_writer w;
  int fds[2];
  size_t done = 0;
  open_way(UNIX_SOCKET, fds);
  long before = memory.count;
  CHECK(fdwire_version() != NULL && fdwire_error_name(-EPIPE) != NULL);
  CHECK(fdwire_strerror(-EPIPE, text, sizeof text) > 0 && fdwire_strerror(FDWIRE_E_TRUNCATED, text, sizeof text) > 0);
  CHECK(fdwire_preset_source(0) != NULL);
  CHECK_IS(fdwire_write_all(fds[1], bytes, 16, &done, 1000), 0);
  done = 0;
  CHECK_IS(fdwire_read_exact(fds[0], room, 16, &done, 1000), 1);
  CHECK(fdwire_ntoh16(fdwire_hton16(1)) == 1 && fdwire_ntoh32(fdwire_hton32(2)) == 2);
  CHECK(fdwire_ntoh64(fdwire_hton64(3)) == 3);
  fdwire_put_u16be(room, 1), fdwire_put_u24be(room + 2, 2), fdwire_put_u32be(room + 5, 3);
  fdwire_put_u64be(room + 9, 4), fdwire_put_f32be(room + 17, 5), fdwire_put_f64be(room + 21, 6);
  CHECK(fdwire_get_u16be(room) == 1 && fdwire_get_u24be(room + 2) == 2);
  CHECK(fdwire_get_u32be(room + 5) == 3 && fdwire_get_u64be(room + 9) == 4);
  CHECK(fdwire_get_f32be(room + 17) > 4 && fdwire_get_f64be(room + 21) > 5);
  fdwire_put_u16le(room, 1), fdwire_put_u24le(room + 2, 2), fdwire_put_u32le(room + 5, 3);
  fdwire_put_u64le(room + 9, 4), fdwire_put_f32le(room + 17, 5), fdwire_put_f64le(room + 21, 6);
  CHECK(fdwire_get_u16le(room) == 1 && fdwire_get_u24le(room + 2) == 2);
  CHECK(fdwire_get_u32le(room + 5) == 3 && fdwire_get_u64le(room + 9) == 4);
  CHECK(fdwire_get_f32le(room + 17) > 4 && fdwire_get_f64le(room + 21) > 5);
  fdwire_writer_init(&w, bytes, sizeof bytes, FDWIRE_BIG);
  fdwire_write_u32(&w, 4), fdwire_write_u64(&w, 5);
  fdwire_write_f32(&w, 6), fdwire_write_f64(&w, 7);
  CHECK(w.status == 0);
  fdwire_reader_init(&r, bytes, sizeof bytes, FDWIRE_BIG);
  CHECK(fdwire_read_u32(&r) == 4 && fdwire_read_u64(&r) == 5);
  CHECK(fdwire_read_f32(&r) > 5 && fdwire_read_f64(&r) > 6);
  memset(bytes, 0, sizeof bytes);
  fdwire_writer_init(&w, bytes, 16, FDWIRE_BIG);
  fdwire_write_u8(&w, 1), fdwire_write_u16(&w, 2), fdwire_write_u24(&w, 3);
  fdwire_write_varint(&w, 300), fdwire_write_decimal(&w, 12), fdwire_write_bytes(&w, "x", 1);
  fdwire_reader_init(&r, bytes, 16, FDWIRE_BIG);
  CHECK(fdwire_read_u8(&r) == 1 && fdwire_read_u16(&r) == 2 && fdwire_read_u24(&r) == 3);
  CHECK(fdwire_read_varint(&r) == 300 && fdwire_reader_left(&r) == 8);
  CHECK(fdwire_read_decimal(&r) == 12 && *fdwire_read_bytes(&r, 1) == 'x');
  fdwire_copy_be16(room, bytes, 8), fdwire_copy_be32(room, bytes, 4);
  fdwire_copy_be64(room, bytes, 2);
  fdwire_copy_le16(room, bytes, 8), fdwire_copy_le32(room, bytes, 4);
  fdwire_copy_le64(room, bytes, 2);
  CHECK_IS(memory.count, before);
  close_way(fds);
}

static size_t presets(void) {
  size_t count = 0;
  while (fdwire_preset_name(count) != NULL)
    count++;
  return count;
}
static size_t kinds(void) { return sizeof samples / sizeof *samples; }
static size_t formats(void) { return sizeof carriers / sizeof *carriers; }

struct scenario {
  const char *name;
  void (*run)(void);
  size_t (*times)(void); /* with how many presets or formats; NULL: once */
};
#define SCENARIO(name) {#name, name, NULL}
static const struct scenario scenarios[] = {
    {"every_preset", every_preset, presets},
    {"every_kind", every_kind, kinds},
    {"decoders", decoders, formats},
    {"one_message", one_message, formats},
    {"over_unix_sockets", over_unix_sockets, formats},
    {"over_tcp", over_tcp, formats},
    {"over_pipes", over_pipes, formats},
    {"in_parts", in_parts, formats},
    SCENARIO(texts_that_are_wrong),  SCENARIO(own_formats),
    SCENARIO(a_full_peer),           SCENARIO(a_full_socket),
    SCENARIO(files_and_descriptors), SCENARIO(errors_and_ends),
    SCENARIO(calls_that_wait),
    SCENARIO(a_body_that_cannot_be_kept),
    SCENARIO(owned_descriptors),     SCENARIO(over_functions),
    SCENARIO(addresses),             SCENARIO(addresses_that_are_wrong),
    SCENARIO(names),
    SCENARIO(nothing_is_allocated),
};
#define SCENARIOS (sizeof scenarios / sizeof *scenarios)

/* ---- The sweep ------------------------------------------------------------------------------- */

/* One run, in which an allocation fails (0: none; below 0: none, and some things are made once). */
static void run_with(const struct scenario *scenario, long fails_at, int for_good) {
  long blocks_before = blocks;
  int failures = check_failures, fds = check_open_fds();
  memset(&memory, 0, sizeof memory);
  memory.fails_at = fails_at;
  memory.for_good = for_good;
  alarm(20);
  test_ends();
  scenario->run();
  test_begins();
  if (fails_at >= 0 && scenario->run != names) /* the resolver keeps some */
    CHECK_IS(blocks, blocks_before);
  CHECK_IS(check_open_fds(), fds);
  CHECK(fails_at <= 0 || memory.refused > 0);
  if (check_failures > failures)
    printf("out_of_memory %s %zu %ld %d\n", scenario->name, which, fails_at, for_good);
}

/* What is known of a scenario, shared with the process that runs it. */
struct sweep {
  long allocations;
  long at; /* which is refused now */
  int for_good;
  long cases, refused, told;
};

static void run_cases(const struct scenario *scenario, struct sweep *sweep) {
  run_with(scenario, -1, 0);
  long at_first = memory.count;
  run_with(scenario, 0, 0);
  sweep->allocations = memory.count;
  if (scenario->run != names) /* what were made once, would never fail here */
    CHECK_IS(at_first, memory.count);
  CHECK(memory.largest <= LARGEST);
  for (; sweep->for_good < 2; sweep->for_good++, sweep->at = 0)
    while (++sweep->at <= sweep->allocations) {
      run_with(scenario, sweep->at, sweep->for_good);
      sweep->cases++;
      sweep->refused += memory.refused;
      sweep->told += memory.told;
    }
}

#define DEATHS_MAX 30

/* All cases of a scenario, in processes of their own: one that ends goes on with the next case. */
static void sweep_of(const struct scenario *scenario, struct sweep *sweep) {
  memset(sweep, 0, sizeof *sweep);
  fflush(stdout);
  for (int deaths = 0; deaths < DEATHS_MAX && sweep->for_good < 2; deaths++) {
    int status = 0;
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
      check_failures = 0;
      run_cases(scenario, sweep);
      fflush(stdout);
      _exit(check_failures > 0);
    }
    NEED(waitpid(child, &status, 0) == child);
    check_failures += status != 0;
    if (sweep->for_good < 2)
      printf("ended, by signal %d: out_of_memory %s %zu %ld %d\n", WTERMSIG(status),
             scenario->name, which, sweep->at, sweep->for_good);
  }
  CHECK_IS(sweep->for_good, 2);
}

static void one_again(char **argv) {
  for (size_t i = 0; i < SCENARIOS; i++)
    if (strcmp(scenarios[i].name, argv[1]) == 0) {
      which = (size_t)atol(argv[2]);
      run_with(&scenarios[i], -1, 0);
      run_with(&scenarios[i], atol(argv[3]), atoi(argv[4]));
    }
}

int main(int argc, char **argv) {
  struct sweep *sweep, all;
  static char out[1 << 14];
  setvbuf(stdout, out, _IOLBF, sizeof out); /* or the first line would be the one that allocates it */
  texts = (char *)pattern(1 << 16, 1);
  for (size_t i = 0; i < 1 << 16; i++)
    texts[i] = (char)('a' + (uint8_t)texts[i] % 26);
  if (argc == 5) {
    one_again(argv);
    return check_end();
  }
  memset(&all, 0, sizeof all);
  sweep = (struct sweep *)mmap(NULL, sizeof *sweep, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  NEED(sweep != MAP_FAILED);
  for (size_t i = 0; i < SCENARIOS; i++) {
    int failures = check_failures;
    if (argc == 2 && strcmp(scenarios[i].name, argv[1]) != 0)
      continue;
    size_t times = scenarios[i].times != NULL ? scenarios[i].times() : 1;
    long cases = all.cases, told = all.told;
    for (which = 0; which < times; which++) {
      sweep_of(&scenarios[i], sweep);
      all.cases += sweep->cases;
      all.refused += sweep->refused;
      all.told += sweep->told;
    }
    printf("%s %s: %ld cases, %ld calls told\n", check_failures == failures ? "ok  " : "FAIL",
           scenarios[i].name, all.cases - cases, all.told - told);
  }
  CHECK(argc == 2 || (all.cases > 1000 && all.told > 1000));
  figure("allocations.cases", all.cases, "runs in which an allocation failed, once or from there on");
  figure("allocations.refused", all.refused, "allocations that failed");
  figure("allocations.told", all.told, "calls that said -ENOMEM, and were done with memory");
  return check_end();
}
