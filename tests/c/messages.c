/* Whole messages: the traps of the Python Socket HOWTO, one test each, and never a byte past the message. */
#include "check.h"

#include <sys/uio.h>

/* Every kind of format that there is, with a body that it has. */
static const struct {
  const char *text, *body;
  size_t len;
} formats[] = {
    {"u8", "hello", 5},
    {"u16be", "hello", 5},
    {"u16le counts=frame", "hello", 5},
    {"u16ne", "hello", 5},
    {"u24be head=9", "hello", 5},
    {"u32be", "hello", 5},
    {"u32be at=1 counts=field", "hello", 5},
    {"u32le at=3 head=12 counts=body", "hello", 5},
    {"u40be", "hello", 5},
    {"u48le adjust=2", "hello", 5},
    {"u56be adjust=-3", "hello", 5},
    {"u64be", "hello", 5},
    {"i64le", "hello", 5},
    {"u16be at=100 head=200", "hello", 5},
    {"fixed size=5", "hello", 5},
    {"fixed size=1", "x", 1},
};
#define FORMATS (sizeof formats / sizeof *formats)

static void never_past_the_message(void) {
  for (size_t i = 0; i < FORMATS; i++) {
    fdwire_format *format = format_of(formats[i].text);
    EACH_WAY(way) {
      int fds[2];
      open_way(way, fds);
      CHECK_IS(fdwire_send(fds[1], format, formats[i].body, formats[i].len, -1), 0);
      NEED(write(fds[1], "!next", 5) == 5);
      char body[16], next[5];
      size_t len = 0;
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, -1), 1);
      CHECK(len == formats[i].len && memcmp(body, formats[i].body, len) == 0);
      CHECK(read(fds[0], next, 5) == 5 && memcmp(next, "!next", 5) == 0);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

/* Also where the message arrives byte by byte, so that each look sees less than it wants. */
static void never_past_a_message_in_pieces(void) {
  for (size_t i = 0; i < FORMATS; i++) {
    fdwire_format *format = format_of(formats[i].text);
    EACH_WAY(way) {
      int fds[2], wire[2];
      unsigned char frame[400];
      open_way(way, fds);
      NEED(pipe(wire) == 0);
      CHECK_IS(fdwire_send(wire[1], format, formats[i].body, formats[i].len, -1), 0);
      ssize_t n = read(wire[0], frame, sizeof frame);
      NEED(n > 0);
      memcpy(frame + n, "!", 1);
      close_way(wire);
      struct writer_peer peer;
      peer_writes(&peer, fds[1], frame, (size_t)n + 1, n > 50 ? 37 : 1, 1, 0);
      char body[16], next = 0;
      size_t len = 0;
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 10000), 1);
      CHECK(len == formats[i].len && memcmp(body, formats[i].body, len) == 0);
      CHECK(read(fds[0], &next, 1) == 1 && next == '!');
      peer_done(&peer);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

static void a_prefix_that_arrives_in_pieces(void) {
  EACH_WAY(way) {
    for (size_t first = 1; first <= 8; first++) {
      int fds[2];
      open_way(way, fds);
      NEED(write(fds[1], "\0\0\0\5hello", first) == (ssize_t)first);
      struct writer_peer peer;
      peer_writes_late(&peer, 5, fds[1], &"\0\0\0\5hello"[first], 9 - first, 9, 0, 0);
      char body[16];
      size_t len = 0;
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 1);
      CHECK(len == 5 && memcmp(body, "hello", 5) == 0);
      peer_done(&peer);
      close_way(fds);
    }
  }
}

struct big {
  int fd;
  unsigned char *body;
  size_t len;
  int result;
};

static void *send_big(void *arg) {
  struct big *big = (struct big *)arg;
  big->result = fdwire_send(big->fd, NULL, big->body, big->len, 60000);
  return NULL;
}

static void *recv_big(void *arg) {
  struct big *big = (struct big *)arg;
  size_t len = 0;
  big->result = fdwire_recv(big->fd, NULL, big->body, big->len, &len, 60000);
  if (big->result == 1 && len != big->len)
    big->result = -9999;
  return NULL;
}

static void a_send_that_moves_only_part(void) {
  unsigned char *body = pattern(4 << 20, 1);
  EACH_WAY(way) {
    size_t size = 4 << 20;
    int fds[2], tiny = 2048;
    open_way(way, fds);
    if (way == PIPE) {
      fcntl(fds[1], F_SETPIPE_SZ, 4096);
    } else {
      setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny);
      setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny);
      size = way == TCP_SOCKET ? 48 << 10 : 1 << 20; /* tiny windows are slow */
    }
    struct big out = {fds[1], body, size, 0};
    pthread_t sender;
    NEED(pthread_create(&sender, NULL, send_big, &out) == 0);
    unsigned char *got = (unsigned char *)calloc(1, size);
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[0], NULL, got, size, &len, 60000), 1);
    CHECK(len == size && memcmp(got, body, size) == 0);
    NEED(pthread_join(sender, NULL) == 0);
    CHECK_IS(out.result, 0);
    free(got);
    close_way(fds);
  }
  free(body);
}

static void a_head_larger_than_the_receive_buffer(void) {
  fdwire_format *format = format_of("u16be head=60000 counts=body");
  EACH_SOCKET(way) {
    int fds[2], tiny = 2048;
    open_way(way, fds);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &tiny, sizeof tiny);
    unsigned char *frame = (unsigned char *)calloc(1, 60005);
    memcpy(frame, "\0\5", 2);
    memcpy(frame + 60000, "hello", 5);
    struct writer_peer peer;
    peer_writes(&peer, fds[1], frame, 60005, 60005, 0, 0);
    char body[8];
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 20000), 1);
    CHECK(len == 5 && memcmp(body, "hello", 5) == 0);
    peer_done(&peer);
    free(frame);
    close_way(fds);
  }
  fdwire_format_free(format);
}

static void zero_bytes_are_bytes(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], NULL, "\0a\0\0b\0", 6, -1), 0);
    char body[16];
    size_t len = 0;
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 1);
    CHECK(len == 6 && memcmp(body, "\0a\0\0b\0", 6) == 0);
    close_way(fds);
  }
}

static void messages_back_to_back(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    for (unsigned i = 0; i < 200; i++) {
      unsigned char *body = pattern(i, i);
      CHECK_IS(fdwire_send(fds[1], NULL, body, i, -1), 0);
      free(body);
    }
    close(fds[1]);
    for (unsigned i = 0; i < 200; i++) {
      unsigned char got[256], *body = pattern(i, i);
      size_t len = 999;
      CHECK_IS(fdwire_recv(fds[0], NULL, got, sizeof got, &len, -1), 1);
      CHECK(len == i && memcmp(got, body, i) == 0);
      free(body);
    }
    unsigned char got[1];
    size_t len = 999;
    CHECK_IS(fdwire_recv(fds[0], NULL, got, sizeof got, &len, -1), 0);
    CHECK_IS(len, 999); /* written on success only */
    close(fds[0]);
  }
}

/* A peer that goes away after each of the bytes of a frame: the clean end and the cut-off one are told apart. */
static void a_peer_that_goes_away(void) {
  static const int timeouts[] = {-1, 2000, 0};
  EACH_WAY(way) {
    for (size_t t = 0; t < 3; t++) {
      for (size_t sent = 0; sent <= 9; sent++) {
        int fds[2];
        open_way(way, fds);
        NEED(sent == 0 || write(fds[1], "\0\0\0\5hello", sent) == (ssize_t)sent);
        close(fds[1]);
        if (timeouts[t] == 0)
          sleep_ms(2); /* loopback is quick, not instant */
        char body[16];
        size_t len = 0;
        int expected = sent == 0 ? 0 : sent < 9 ? FDWIRE_E_TRUNCATED : 1;
        CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, timeouts[t]), expected);
        close(fds[0]);
      }
    }
  }
}

static void a_peer_that_goes_away_later(void) {
  EACH_WAY(way) {
    for (size_t sent = 0; sent <= 8; sent++) {
      int fds[2];
      open_way(way, fds);
      struct writer_peer peer;
      peer_writes(&peer, fds[1], "\0\0\0\5hello", sent, 1, 1, 1);
      char body[16];
      size_t len = 0;
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), sent == 0 ? 0 : FDWIRE_E_TRUNCATED);
      peer_done(&peer);
      close(fds[0]);
    }
  }
}

static void a_fixed_record_ends_cleanly_or_not(void) {
  fdwire_format *format = format_of("fixed size=5");
  static const int timeouts[] = {-1, 2000, 0};
  EACH_WAY(way) {
    for (size_t t = 0; t < 3; t++) {
      for (size_t sent = 0; sent <= 5; sent++) {
        int fds[2];
        open_way(way, fds);
        NEED(sent == 0 || write(fds[1], "hello", sent) == (ssize_t)sent);
        close(fds[1]);
        if (timeouts[t] == 0)
          sleep_ms(2);
        char body[16];
        size_t len = 0;
        int expected = sent == 0 ? 0 : sent < 5 ? FDWIRE_E_TRUNCATED : 1;
        CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, timeouts[t]), expected);
        close(fds[0]);
      }
    }
  }
  fdwire_format_free(format);
}

/* What came before the stream ended is wrong already, or too long. */
static void what_is_wrong_before_it_ends(void) {
  static const struct {
    const char *format, *bytes;
    int result;
  } streams[] = {{"docker-stream", "hello", FDWIRE_E_MALFORMED},
                 {"docker-stream", "\1", FDWIRE_E_TRUNCATED},
                 {"u8 tail='abc'", "\1xaX", FDWIRE_E_MALFORMED},
                 {"u8 tail='abc'", "\1xab", FDWIRE_E_TRUNCATED},
                 {"eof max=8", "123456789", FDWIRE_E_TOO_LONG},
                 {"eof max=8", "12345678", 1},
                 {"delimited by=';' start='<'", "[", FDWIRE_E_MALFORMED}};
  EACH_WAY(way) {
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
      fdwire_format *format = format_of(streams[i].format);
      int fds[2];
      open_way(way, fds);
      NEED(write(fds[1], streams[i].bytes, strlen(streams[i].bytes)) > 0);
      close(fds[1]);
      char body[64];
      size_t len = 0;
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, -1), streams[i].result);
      close(fds[0]);
      fdwire_format_free(format);
    }
  }
}

static void an_empty_message_is_not_the_end(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], NULL, NULL, 0, -1), 0);
    CHECK_IS(fdwire_send(fds[1], NULL, "", 0, -1), 0);
    close(fds[1]);
    size_t len = 99;
    CHECK_IS(fdwire_recv(fds[0], NULL, NULL, 0, &len, -1), 1);
    CHECK_IS(len, 0);
    char body[4];
    len = 99;
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 1);
    CHECK_IS(len, 0);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 0);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 0); /* and stays so */
    close(fds[0]);
  }
}

static void large_messages_both_ways_at_once(void) {
  size_t size = 8 << 20;
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    unsigned char *a = pattern(size, 3), *b = pattern(size, 4);
    unsigned char *got_a = (unsigned char *)calloc(1, size), *got_b = (unsigned char *)calloc(1, size);
    struct big calls[4] = {{fds[0], a, size, 0}, {fds[1], b, size, 0}, {fds[1], got_a, size, 0}, {fds[0], got_b, size, 0}};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
      NEED(pthread_create(&threads[i], NULL, i < 2 ? send_big : recv_big, &calls[i]) == 0);
    for (int i = 0; i < 4; i++) {
      NEED(pthread_join(threads[i], NULL) == 0);
      CHECK_IS(calls[i].result, i < 2 ? 0 : 1);
    }
    CHECK(memcmp(a, got_a, size) == 0 && memcmp(b, got_b, size) == 0);
    free(a);
    free(b);
    free(got_a);
    free(got_b);
    close_way(fds);
  }
}

static void hostile_lengths_are_refused(void) {
  fdwire_format *wide = format_of("u64be");
  fdwire_format *self = format_of("u32be counts=frame");
  fdwire_format *negative = format_of("i32be");
  EACH_WAY(way) {
    int fds[2];
    char body[8];
    size_t len = 99;
    open_way(way, fds);
    NEED(write(fds[1], "\x80\0\0\0\0\0\0\0", 8) == 8); /* 2^63 */
    CHECK_IS(fdwire_recv(fds[0], wide, body, sizeof body, &len, 1000), FDWIRE_E_TOO_LONG);
    if (way != PIPE) /* nothing was taken, so it is found again */
      CHECK_IS(fdwire_recv(fds[0], wide, body, sizeof body, &len, 1000), FDWIRE_E_TOO_LONG);
    close_way(fds);
    open_way(way, fds);
    NEED(write(fds[1], "\0\0\0\3", 4) == 4); /* inside its own head */
    CHECK_IS(fdwire_recv(fds[0], self, body, sizeof body, &len, 1000), FDWIRE_E_MALFORMED);
    close_way(fds);
    open_way(way, fds);
    NEED(write(fds[1], "\xff\xff\xff\xff", 4) == 4);
    CHECK_IS(fdwire_recv(fds[0], negative, body, sizeof body, &len, 1000), FDWIRE_E_MALFORMED);
    close_way(fds);
    open_way(way, fds);
    NEED(write(fds[1], "GET / HTTP/1.1\r\n", 16) == 16);
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, 1000), FDWIRE_E_TOO_LONG);
    close_way(fds);
    CHECK_IS(len, 99);
  }
  fdwire_format_free(wide);
  fdwire_format_free(self);
  fdwire_format_free(negative);
}

static void send_with_descriptor(int fd, const char *bytes, size_t len) {
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec part = {(void *)bytes, len};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  memset(control, 0, sizeof control);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &fd, sizeof(int));
  NEED(sendmsg(fd, &message, 0) == (ssize_t)len);
}

/* A look at a Unix socket stops at the bytes that descriptors came with, which may be in the middle of a head. */
static void head_with_descriptors(int small_buffer) {
  static const int timeouts[] = {-1, 2000, 0};
  for (size_t t = 0; t < 3; t++) {
    int fds[2];
    open_way(UNIX_SOCKET, fds);
    send_with_descriptor(fds[1], "\0\0", 2);
    NEED(write(fds[1], "\0\5hello!", 8) == 8);
    char body[16], next = 0;
    size_t len = 99;
    if (small_buffer) {
      CHECK_IS(fdwire_recv(fds[0], NULL, body, 4, &len, timeouts[t]), -EMSGSIZE); /* dropped, and in step */
      CHECK_IS(len, 99);
    } else {
      CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, timeouts[t]), 1);
      CHECK(len == 5 && memcmp(body, "hello", 5) == 0);
    }
    CHECK(read(fds[0], &next, 1) == 1 && next == '!');
    close_way(fds);
  }
}

static void a_head_with_descriptors_in_it(void) {
  head_with_descriptors(0);
  head_with_descriptors(1);
}

/* A line is split at four bytes, but not before its end: what would tell whether that is next is hidden. */
static void a_split_line_with_descriptors_in_it(void) {
  static const int timeouts[] = {-1, 2000, 0};
  fdwire_format *format = format_of("line over=split max=4");
  for (size_t t = 0; t < 3; t++) {
    int fds[2];
    char body[16];
    size_t len = 99;
    open_way(UNIX_SOCKET, fds);
    for (int i = 0; i < 6; i++)
      send_with_descriptor(fds[1], &"abcd\r\n"[i], 1);
    CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, timeouts[t]), -EOPNOTSUPP);
    CHECK_IS(len, 99);
    close_way(fds);
  }
  fdwire_format_free(format);
}

/* Of what follows a delimiter that another begins with, nothing is taken. */
static void one_delimiter_in_another(void) {
  static const char *const formats[] = {"delimited by='$\\r@@','$'",
                                        "select u8 { 97..100: delimited by='$\\r@@','$' }"};
  static const char stream[] = "ab$c$\r@@d$\r";
  static const char *const bodies[] = {"ab", "c", "d"};
  for (size_t f = 0; f < 2; f++) {
    fdwire_format *format = format_of(formats[f]);
    EACH_SOCKET(way) {
      for (size_t piece = 1; piece < sizeof stream; piece++) {
        struct writer_peer peer;
        char body[16];
        size_t len = 0;
        int fds[2];
        open_way(way, fds);
        peer_writes(&peer, fds[1], stream, sizeof stream - 1, piece, 2, 1);
        for (size_t i = 0; i < 3; i++) {
          CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, -1), 1);
          CHECK(len == strlen(bodies[i]) && memcmp(body, bodies[i], len) == 0);
        }
        int last = fdwire_recv(fds[0], format, body, sizeof body, &len, -1);
        CHECK_IS(last, f == 0 ? FDWIRE_E_TRUNCATED : FDWIRE_E_MALFORMED); /* no case is '\r' */
        peer_done(&peer);
        close_way(fds);
      }
    }
    fdwire_format_free(format);
  }
}

/* A few hundred bytes that were sent one by one fill a Unix socket's buffer: then the rest comes only if they are taken. */
static void a_long_head_in_small_writes(void) {
  enum { HEAD = 1002 };
  fdwire_format *format = format_of("u16be at=1000");
  char wire[HEAD + 6] = "";
  memcpy(wire + HEAD - 2, "\0\5hello!", 8);
  EACH_SOCKET(way) {
    for (int fits = way == TCP_SOCKET; fits < 2; fits++) {
      int fds[2];
      struct writer_peer peer;
      char body[16], next = 0;
      size_t len = 99;
      open_way(way, fds);
      peer_writes(&peer, fds[1], wire, sizeof wire, 1, 0, 0);
      if (fits)
        CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 10000), 1);
      else
        CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, 10000), -EMSGSIZE); /* dropped, and in step */
      CHECK(fits ? len == 5 && memcmp(body, "hello", 5) == 0 : len == 99);
      CHECK(read(fds[0], &next, 1) == 1 && next == '!');
      peer_done(&peer);
      close_way(fds);
    }
  }
  fdwire_format_free(format);
}

static void *closes(void *fd) {
  CHECK_IS(fdwire_close(*(int *)fd), 0);
  return NULL;
}

/* What a thread knows of a number is no longer true when another thread has closed it. */
static void a_number_that_another_thread_closed(void) {
  int fds[2], datagrams[2], number;
  char body[16];
  size_t len = 0;
  pthread_t thread;
  open_way(UNIX_SOCKET, fds);
  for (int i = 0; i < 40; i++)
    CHECK_IS(fdwire_send(fds[1], NULL, "x", 1, -1), 0);
  for (int i = 0; i < 40; i++)
    CHECK_IS(fdwire_recv(fds[0], NULL, body, sizeof body, &len, -1), 1);
  number = fds[0];
  NEED(pthread_create(&thread, NULL, closes, &number) == 0 && pthread_join(thread, NULL) == 0);
  NEED(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, datagrams) == 0 && datagrams[0] == number);
  NEED(send(datagrams[1], "\0\0\0\3abc and more", 16, 0) == 16);
  CHECK_IS(fdwire_recv(number, NULL, body, sizeof body, &len, 1000), -EPROTOTYPE);
  CHECK_IS(fdwire_send(number, NULL, "x", 1, 1000), -EPROTOTYPE);
  close_way(datagrams);
  close(fds[1]);
}

static void messages_in_a_file(void) {
  FILE *file = tmpfile();
  NEED(file != NULL);
  int fd = fileno(file);
  unsigned char *body = pattern(10000, 5);
  CHECK_IS(fdwire_send(fd, NULL, "first", 5, -1), 0);
  CHECK_IS(fdwire_send(fd, NULL, body, 10000, 1000), 0);
  CHECK_IS(fdwire_send(fd, NULL, NULL, 0, 0), 0);
  NEED(lseek(fd, 0, SEEK_SET) == 0);
  unsigned char got[10000];
  size_t len = 0;
  CHECK_IS(fdwire_recv(fd, NULL, got, sizeof got, &len, 0), 1);
  CHECK(len == 5 && memcmp(got, "first", 5) == 0);
  CHECK_IS(fdwire_recv(fd, NULL, got, sizeof got, &len, 1000), 1);
  CHECK(len == 10000 && memcmp(got, body, len) == 0);
  CHECK_IS(fdwire_recv(fd, NULL, got, sizeof got, &len, -1), 1);
  CHECK_IS(len, 0);
  CHECK_IS(fdwire_recv(fd, NULL, got, sizeof got, &len, -1), 0);
  CHECK_IS(fdwire_recv(fd, NULL, got, sizeof got, &len, 0), 0);
  free(body);
  fclose(file);
}

int main(void) {
  check_begin();
  RUN(never_past_the_message);
  RUN(never_past_a_message_in_pieces);
  RUN(a_prefix_that_arrives_in_pieces);
  RUN(a_send_that_moves_only_part);
  RUN(a_head_larger_than_the_receive_buffer);
  RUN(zero_bytes_are_bytes);
  RUN(messages_back_to_back);
  RUN(a_peer_that_goes_away);
  RUN(a_peer_that_goes_away_later);
  RUN(a_fixed_record_ends_cleanly_or_not);
  RUN(what_is_wrong_before_it_ends);
  RUN(an_empty_message_is_not_the_end);
  RUN(large_messages_both_ways_at_once);
  RUN(hostile_lengths_are_refused);
  RUN(a_head_with_descriptors_in_it);
  RUN(a_split_line_with_descriptors_in_it);
  RUN(one_delimiter_in_another);
  RUN(a_long_head_in_small_writes);
  RUN(a_number_that_another_thread_closed);
  RUN(messages_in_a_file);
  return check_end();
}
