/* Every kind of format: its bytes on the wire, and one whole message there and back on every way that there is. */
#include "kinds.h"

#include <sys/ioctl.h>

static size_t frame_of(const struct kind *kind, unsigned char *frame) {
  memcpy(frame, kind->head, kind->head_len);
  memcpy(frame + kind->head_len, kind->body, kind->body_len);
  memcpy(frame + kind->head_len + kind->body_len, kind->tail, kind->tail_len);
  return kind->head_len + kind->body_len + kind->tail_len;
}

#define FRAME_MAX 300

static int same(const struct kind *kind, const void *got, const void *expected, size_t len) {
  int same = memcmp(got, expected, len) == 0;
  if (!same)
    printf("%s: other bytes\n", kind->text);
  return same;
}

static void check_encoding(const struct kind *kind, const fdwire_msg *msg) {
  unsigned char frame[FRAME_MAX], out[FRAME_MAX];
  fdwire_format *format = format_of(kind->text);
  size_t frame_len = frame_of(kind, frame), len = 99;
  memset(out, 9, sizeof out);
  if (frame_len > 0) {
    CHECK_IS(fdwire_encode(format, msg, out, frame_len - 1, &len), -ENOBUFS);
    CHECK(len == frame_len && out[0] == 9);
  }
  CHECK_IS(fdwire_encode(format, msg, out, frame_len, &len), 0);
  CHECK(len == frame_len && out[frame_len] == 9 && same(kind, out, frame, len));
  fdwire_format_free(format);
}

/* The same for programs that send the body themselves. */
static void check_head_and_tail(const struct kind *kind, const char *given, size_t given_len) {
  unsigned char out[FRAME_MAX];
  fdwire_format *format = format_of(kind->text);
  size_t head = 99, tail = 99;
  CHECK_IS(fdwire_format_head(format, given, given_len, kind->body_len, out, kind->head_len, &head), 0);
  CHECK(head == kind->head_len && same(kind, out, kind->head, head));
  CHECK_IS(fdwire_format_tail(format, out, head, kind->body_len, out + head, kind->tail_len, &tail), 0);
  CHECK(tail == kind->tail_len && same(kind, out + head, kind->tail, tail));
  if (head > 0)
    CHECK_IS(fdwire_format_head(format, given, given_len, kind->body_len, out, head - 1, &head), -ENOBUFS);
  if (tail > 0)
    CHECK_IS(fdwire_format_tail(format, kind->head, head, kind->body_len, out, tail - 1, &tail), -ENOBUFS);
  CHECK(head == kind->head_len && tail == kind->tail_len); /* what is needed */
  fdwire_format_free(format);
}

static void no_tail_behind_a_head_that_is_none(void) {
  static const struct {
    const char *text, *head;
    uint64_t body_len;
  } cases[] = {{"u8 at=1 magic='x' tail=';'", "z\5", 5},
               {"u8 at=1 magic='x' tail=';'", "x\5", 6},
               {"u8 at=1 magic='x' tail=';'", "x", 5},
               {"u8 at=1 magic='x' tail=';'", "", 5},
               {"delimited start='$' by='#'", "z", 5}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_format *format = format_of(cases[i].text);
    char out[8];
    size_t len = 9;
    CHECK_IS(fdwire_format_tail(format, cases[i].head, strlen(cases[i].head), cases[i].body_len, out, sizeof out, &len),
             FDWIRE_E_MALFORMED);
    CHECK_IS(len, 9);
    fdwire_format_free(format);
  }
}

static void bytes_on_the_wire(void) {
  EACH_KIND(kind) {
    fdwire_msg msg = {NULL, (const uint8_t *)kind->body, 0, kind->body_len, 0};
    check_encoding(kind, &msg);
    /* Without a body at hand, that the second select's line begins with 'h' cannot be told. */
    if (strncmp(kind->text, "select u8 { 'h'", 15) != 0)
      check_head_and_tail(kind, NULL, 0);
  }
}

static void heads_that_are_filled_in(void) {
  for (size_t i = 0; i < HEADED; i++) {
    const struct kind *kind = &headed[i].kind;
    size_t given = given_len(kind);
    fdwire_msg msg = {(const uint8_t *)headed[i].given, (const uint8_t *)kind->body, given, kind->body_len, 0};
    check_encoding(kind, &msg);
    check_head_and_tail(kind, headed[i].given, given);
    msg.head = (const uint8_t *)kind->head; /* and one that needs no filling in */
    msg.head_len = kind->head_len;
    check_encoding(kind, &msg);
  }
}

/* How many bytes wait to be read. */
static size_t waiting(int fd) {
  int there = 0;
  NEED(ioctl(fd, FIONREAD, &there) == 0);
  return (size_t)there;
}

/* Loopback is quick, not instant. */
static void arrive(int fd, size_t len) {
  for (int i = 0; i < 5000 && waiting(fd) < len; i++)
    sleep_ms(1);
  CHECK_IS(waiting(fd), len);
}

static void put(int fd, const void *bytes, size_t len) {
  NEED(len == 0 || write(fd, bytes, len) == (ssize_t)len);
}

static void check_received(int fd, const fdwire_format *format, const struct kind *kind, int timeout) {
  unsigned char body[FRAME_MAX];
  size_t len = 99;
  int result = fdwire_recv(fd, format, kind->body_len > 0 ? body : NULL, kind->body_len, &len, timeout);
  CHECK_IS(result, 1);
  if (result != 1 || len != kind->body_len || !same(kind, body, kind->body, len)) {
    printf("%s: %zu bytes, not %zu\n", kind->text, len, kind->body_len);
    CHECK(!"the body came");
  }
}

static void sending_writes_just_the_frame(void) {
  static const int timeouts[] = {-1, 1000, 0};
  EACH_KIND(kind) {
    fdwire_format *format = format_of(kind->text);
    EACH_WAY(way) {
      int fds[2];
      unsigned char frame[FRAME_MAX], got[4 * FRAME_MAX];
      size_t len = frame_of(kind, frame);
      open_way(way, fds);
      for (size_t t = 0; t < 3; t++)
        CHECK_IS(fdwire_send(fds[1], format, kind->body, kind->body_len, timeouts[t]), 0);
      arrive(fds[0], 3 * len);
      CHECK_IS(read(fds[0], got, sizeof got), 3 * len);
      for (size_t t = 0; t < 3; t++)
        CHECK(same(kind, got + t * len, frame, len));
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

/* Two messages and a byte at once, into buffers that have just the room. */
static void receiving_takes_just_the_message(void) {
  static const int timeouts[] = {-1, 2000, 0};
  EACH_KIND(kind) {
    fdwire_format *format = format_of(kind->text);
    EACH_WAY(way) {
      for (size_t t = 0; t < 3; t++) {
        int fds[2];
        unsigned char wire[2 * FRAME_MAX], next = 0;
        size_t len = frame_of(kind, wire);
        frame_of(kind, wire + len);
        wire[2 * len] = '!';
        open_way(way, fds);
        put(fds[1], wire, 2 * len + 1);
        arrive(fds[0], 2 * len + 1);
        check_received(fds[0], format, kind, timeouts[t]);
        CHECK_IS(waiting(fds[0]), len + 1);
        check_received(fds[0], format, kind, timeouts[t]);
        CHECK(read(fds[0], &next, 1) == 1 && next == '!');
        close_way(fds);
      }
    }
    fdwire_format_free(format);
  }
}

static void receiving_what_heads_say(void) {
  for (size_t i = 0; i < HEADED; i++) {
    const struct kind *kind = &headed[i].kind;
    fdwire_format *format = format_of(kind->text);
    EACH_WAY(way) {
      int fds[2];
      unsigned char wire[FRAME_MAX], next = 0;
      size_t len = frame_of(kind, wire);
      wire[len] = '!';
      open_way(way, fds);
      put(fds[1], wire, len + 1);
      check_received(fds[0], format, kind, 2000);
      CHECK(read(fds[0], &next, 1) == 1 && next == '!');
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

static void receiving_what_drips(void) {
  EACH_KIND(kind) {
    fdwire_format *format = format_of(kind->text);
    EACH_WAY(way) {
      int fds[2];
      unsigned char wire[FRAME_MAX], next = 0;
      size_t len = frame_of(kind, wire);
      struct writer_peer peer;
      wire[len] = '!';
      open_way(way, fds);
      peer_writes(&peer, fds[1], wire, len + 1, 1, len < 30, 0);
      check_received(fds[0], format, kind, way == PIPE ? -1 : 20000);
      CHECK(read(fds[0], &next, 1) == 1 && next == '!');
      peer_done(&peer);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

static void too_small_on_a_socket(const struct kind *kind, int way, int timeout) {
  fdwire_format *format = format_of(kind->text);
  unsigned char wire[2 * FRAME_MAX], body[FRAME_MAX];
  size_t len = frame_of(kind, wire), caps[] = {0, kind->body_len / 2, kind->body_len - 1};
  int fds[2];
  frame_of(kind, wire + len);
  open_way(way, fds);
  put(fds[1], wire, 2 * len);
  arrive(fds[0], 2 * len);
  for (size_t i = 0; i < 3; i++) {
    size_t needed = 99999;
    CHECK_IS(fdwire_recv(fds[0], format, body, caps[i], &needed, timeout), -ENOBUFS);
    CHECK_IS(needed, kind->body_len);
    CHECK_IS(waiting(fds[0]), 2 * len); /* nothing was taken */
  }
  check_received(fds[0], format, kind, timeout);
  check_received(fds[0], format, kind, timeout);
  close_way(fds);
  fdwire_format_free(format);
}

static void too_small_on_a_pipe(const struct kind *kind, int timeout) {
  fdwire_format *format = format_of(kind->text);
  unsigned char wire[2 * FRAME_MAX], body[FRAME_MAX];
  size_t len = frame_of(kind, wire), needed = 99999;
  int fds[2];
  frame_of(kind, wire + len);
  open_way(PIPE, fds);
  put(fds[1], wire, 2 * len);
  CHECK_IS(fdwire_recv(fds[0], format, body, kind->body_len - 1, &needed, timeout), -ENOBUFS);
  CHECK_IS(needed, kind->body_len);
  check_received(fds[0], format, kind, timeout); /* the next one */
  CHECK_IS(waiting(fds[0]), 0);
  close_way(fds);
  fdwire_format_free(format);
}

static void buffers_that_are_too_small(void) {
  static const int timeouts[] = {-1, 2000, 0};
  EACH_KIND(kind) {
    for (size_t t = 0; t < 3 && kind->body_len > 0; t++) {
      EACH_SOCKET(way)
        too_small_on_a_socket(kind, way, timeouts[t]);
      too_small_on_a_pipe(kind, timeouts[t]);
    }
  }
}

/* Where the end is searched for, what came in pieces was taken in pieces: it is dropped, and the next one comes. */
static void too_small_for_what_comes_in_pieces(void) {
  fdwire_format *format = format_of("line");
  EACH_SOCKET(way) {
    int fds[2];
    char body[8];
    size_t len = 99;
    struct writer_peer peer;
    open_way(way, fds);
    peer_writes(&peer, fds[1], "hello\nnext\n", 11, 4, 100, 0);
    CHECK_IS(fdwire_recv(fds[0], format, body, 3, &len, 10000), -EMSGSIZE);
    CHECK_IS(len, 99);
    CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 10000), 1);
    CHECK(len == 4 && memcmp(body, "next", 4) == 0);
    peer_done(&peer);
    close_way(fds);
  }
  fdwire_format_free(format);
}

/* Nothing is taken before all of it has come, however long the search for its end is. */
static void a_long_line_without_waiting(void) {
  fdwire_format *format = format_of("line");
  size_t size = 50000, len = 99;
  unsigned char *line = pattern(size, 0), *body = (unsigned char *)malloc(size);
  NEED(body != NULL);
  for (size_t i = 0; i < size; i++)
    line[i] |= 0x80;
  EACH_SOCKET(way) {
    int fds[2];
    open_way(way, fds);
    put(fds[1], line, size);
    arrive(fds[0], size);
    CHECK_IS(fdwire_recv(fds[0], format, body, size, &len, 0), -EAGAIN);
    CHECK_IS(waiting(fds[0]), size);
    put(fds[1], "\n", 1);
    arrive(fds[0], size + 1);
    CHECK_IS(fdwire_recv(fds[0], format, body, 100, &len, 0), -ENOBUFS);
    CHECK(len == size && waiting(fds[0]) == size + 1);
    CHECK_IS(fdwire_recv(fds[0], format, body, size, &len, 0), 1);
    CHECK(len == size && memcmp(body, line, size) == 0);
    close_way(fds);
  }
  free(line);
  free(body);
  fdwire_format_free(format);
}

static void no_waiting_on_sockets(void) {
  EACH_KIND(kind) {
    fdwire_format *format = format_of(kind->text);
    EACH_SOCKET(way) {
      int fds[2];
      unsigned char frame[FRAME_MAX], body[FRAME_MAX];
      size_t frame_len = frame_of(kind, frame), len = 99;
      open_way(way, fds);
      for (size_t at = 0; at < frame_len; at++) {
        CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 0), -EAGAIN);
        CHECK_IS(waiting(fds[0]), at);
        put(fds[1], frame + at, 1);
        arrive(fds[0], at + 1);
      }
      CHECK_IS(len, 99);
      check_received(fds[0], format, kind, 0);
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 0), -EAGAIN);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

/* -EAGAIN means that nothing was taken; where something was, time ran out. */
static void no_waiting_on_pipes(void) {
  EACH_KIND(kind) {
    fdwire_format *format = format_of(kind->text);
    unsigned char frame[FRAME_MAX], body[FRAME_MAX];
    size_t frame_len = frame_of(kind, frame), len = 99;
    for (size_t there = 0; there < frame_len; there++) {
      int fds[2];
      open_way(PIPE, fds);
      put(fds[1], frame, there);
      int result = fdwire_recv(fds[0], format, body, sizeof body, &len, 0);
      CHECK(result == -EAGAIN || result == -ETIMEDOUT);
      CHECK_IS(result == -EAGAIN, waiting(fds[0]) == there);
      if (there == 0)
        CHECK_IS(result, -EAGAIN);
      close_way(fds);
    }
    CHECK_IS(len, 99);
    fdwire_format_free(format);
  }
}

/* A peer that goes away after each byte. */
static void streams_that_are_cut_off(void) {
  EACH_KIND(kind) {
    fdwire_format *format = format_of(kind->text);
    unsigned char frame[FRAME_MAX], body[FRAME_MAX];
    size_t frame_len = frame_of(kind, frame);
    int ends_anywhere = strstr(kind->text, "eof=allow") != NULL;
    EACH_WAY(way) {
      for (size_t cut = 0; cut <= frame_len; cut += cut > 20 ? 37 : 1) {
        int fds[2];
        size_t len = 99;
        open_way(way, fds);
        put(fds[1], frame, cut);
        close(fds[1]);
        int expected = cut == 0 ? 0 : cut == frame_len || ends_anywhere ? 1 : FDWIRE_E_TRUNCATED;
        CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 5000), expected);
        CHECK_IS(len, expected < 1 ? 99 : ends_anywhere && cut < 5 ? cut : kind->body_len);
        close(fds[0]);
      }
    }
    fdwire_format_free(format);
  }
}

static void what_goes_on_to_the_end_of_the_stream(void) {
  fdwire_format *format = format_of("eof");
  EACH_WAY(way) {
    int fds[2];
    char body[8];
    size_t len = 99;
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], format, "hel", 3, -1), 0);
    arrive(fds[0], 3);
    if (way != PIPE)
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 0), -EAGAIN);
    put(fds[1], "lo", 2);
    close(fds[1]);
    CHECK_IS(fdwire_recv(fds[0], format, body, 5, &len, 5000), 1);
    CHECK(len == 5 && memcmp(body, "hello", 5) == 0);
    CHECK_IS(fdwire_recv(fds[0], format, body, 5, &len, 5000), 0);
    close(fds[0]);
  }
  fdwire_format_free(format);
}

static void too_small_for_what_goes_on_to_the_end(void) {
  fdwire_format *format = format_of("eof");
  EACH_WAY(way) {
    int fds[2], expected = way == PIPE ? -ENOBUFS : -EMSGSIZE;
    char body[8];
    size_t len = 99;
    open_way(way, fds);
    put(fds[1], "hello", 5);
    close(fds[1]);
    CHECK_IS(fdwire_recv(fds[0], format, body, 4, &len, 5000), expected);
    CHECK_IS(len, way == PIPE ? 5 : 99);
    CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 5000), 0); /* it was dropped */
    close(fds[0]);
  }
  fdwire_format_free(format);
}

/* Only what follows a CR tells whether it is the delimiter, and on a pipe that could not be put back. */
static void a_delimiter_that_begins_another(void) {
  fdwire_format *format = format_of("delimited by='\\r\\n','\\r'");
  EACH_WAY(way) {
    int fds[2];
    char body[8];
    size_t len = 99;
    open_way(way, fds);
    put(fds[1], "one\rtwo\r\n!", 10);
    arrive(fds[0], 10);
    if (way == PIPE) {
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 1000), -EOPNOTSUPP);
      CHECK_IS(waiting(fds[0]), 10);
    } else {
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 1000), 1);
      CHECK(len == 3 && memcmp(body, "one", 3) == 0);
      CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body, &len, 1000), 1);
      CHECK(len == 3 && memcmp(body, "two", 3) == 0);
      CHECK(read(fds[0], body, 8) == 1 && body[0] == '!');
    }
    close_way(fds);
  }
  fdwire_format_free(format);
}

/* Nor can what shows that a line goes on over its limit, which belongs to the next piece. */
static void a_line_in_pieces_of_its_limit(void) {
  static const struct {
    const char *text, *wire, *pieces[3];
  } cases[] = {
      {"line over=split max=5", "too l\rong\nok\n", {"too l", "\rong", "ok"}},
      {"line over=split max=frame:6", "too l\r\nong\n", {"too l", "", "ong"}},
      {"delimited by='\\r\\n\\r\\n' over=split max=frame:8", "long\r\n\rer\r\n\r\nok\r\n\r\n", {"long\r", "\n\rer", "ok"}},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    fdwire_format *format = format_of(cases[c].text);
    EACH_WAY(way) {
      int fds[2];
      struct writer_peer peer;
      open_way(way, fds);
      peer_writes(&peer, fds[1], cases[c].wire, strlen(cases[c].wire), 1, 2, 0);
      for (size_t i = 0; i < 3; i++) {
        const char *piece = cases[c].pieces[i];
        char body[8];
        size_t len = 99;
        int result = fdwire_recv(fds[0], format, body, sizeof body, &len, 5000);
        CHECK_IS(result, way == PIPE ? -EOPNOTSUPP : 1);
        CHECK(way == PIPE || (len == strlen(piece) && memcmp(body, piece, len) == 0));
      }
      peer_done(&peer);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

/* git's flush packet, lines that end as they like, columns filled on the other side. */
static void frames_that_nobody_sends_like_this(void) {
  static const struct {
    const char *text, *wire, *bodies[3];
  } cases[] = {
      {"hex digits=4 counts=field bodiless=0..3", "00000009hello0001", {"", "hello", ""}},
      {"line", "one\r\n\ntwo\r\r\n", {"one", "", "two\r"}},
      {"decimal digits=4 fill=' '", "5   hello 2  ok0000", {"hello", "ok", ""}},
      {"headers length='L' missing=empty", "l:5\r\n\r\nhello\r\nA: b\r\n\r\n", {"hello", "", ""}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_format *format = format_of(cases[i].text);
    EACH_WAY(way) {
      int fds[2];
      open_way(way, fds);
      put(fds[1], cases[i].wire, strlen(cases[i].wire));
      for (size_t m = 0; m < 3; m++) {
        char body[16] = "";
        size_t len = 99;
        CHECK_IS(fdwire_recv(fds[0], format, body, sizeof body - 1, &len, 5000), 1);
        if (len != strlen(cases[i].bodies[m]) || strcmp(body, cases[i].bodies[m]) != 0) {
          printf("%s: '%s', not '%s'\n", cases[i].text, body, cases[i].bodies[m]);
          CHECK(!"the body came");
        }
      }
      CHECK_IS(waiting(fds[0]), 0);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

static void bodies_that_cannot_be_sent(void) {
  static const struct {
    const char *text, *body;
    int code;
  } cases[] = {
      {"line", "a\nb", FDWIRE_E_MALFORMED},
      {"line", "a\r", FDWIRE_E_MALFORMED}, /* with the LF it would be another delimiter */
      {"crlf", "a\r\nb", FDWIRE_E_MALFORMED},
      {"delimited by='||'", "a|", FDWIRE_E_MALFORMED},
      {"delimited by='\\n',';'", "a;b", FDWIRE_E_MALFORMED},
      {"line max=4", "hello", FDWIRE_E_TOO_LONG},
      {"line max=frame:5", "hello", FDWIRE_E_TOO_LONG},
      {"u32be max=4", "hello", FDWIRE_E_TOO_LONG},
      {"u32be max=frame:8", "hello", FDWIRE_E_TOO_LONG},
      {"u8", HUNDRED HUNDRED HUNDRED, FDWIRE_E_TOO_LONG},
      {"u8 counts=frame", HUNDRED HUNDRED TEN TEN TEN TEN TEN "12345", FDWIRE_E_TOO_LONG},
      {"u8 unit=4", "hello", FDWIRE_E_MALFORMED},
      {"u8 adjust=6", "hello", FDWIRE_E_MALFORMED},
      {"u8 bodiless=5", "hello", FDWIRE_E_MALFORMED},
      {"varint digits=1", HUNDRED HUNDRED, FDWIRE_E_TOO_LONG},
      {"ber digits=1", HUNDRED HUNDRED HUNDRED, FDWIRE_E_TOO_LONG},
      {"decimal digits=2", HUNDRED, FDWIRE_E_TOO_LONG},
      {"hex digits=4 counts=body bodiless=0..3", "ab", FDWIRE_E_MALFORMED},
      {"netstring max=4", "hello", FDWIRE_E_TOO_LONG},
      {"fixed size=4", "hello", FDWIRE_E_TOO_LONG},
      {"fixed size=6", "hello", FDWIRE_E_MALFORMED},
      {"headers length='L' max=4", "hello", FDWIRE_E_TOO_LONG},
      {"eof max=4", "hello", FDWIRE_E_TOO_LONG},
      {"select u8 { 0..4: u8 }", "hello", FDWIRE_E_MALFORMED},
      {"select u8 { 'a': line; 'b': crlf }", "hello", FDWIRE_E_MALFORMED},
      {"select u8 max=4 { 1: u8 at=1; 2: line }", "hello", FDWIRE_E_TOO_LONG},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_format *format = format_of(cases[i].text);
    size_t size = strlen(cases[i].body), len = 99;
    fdwire_msg msg = {NULL, (const uint8_t *)cases[i].body, 0, size, 0};
    unsigned char out[2 * FRAME_MAX] = {9};
    int result = fdwire_encode(format, &msg, out, sizeof out, &len);
    if (result != cases[i].code)
      printf("%s\n", cases[i].text);
    CHECK_IS(result, cases[i].code);
    CHECK(len == 99 && out[0] == 9);
    EACH_WAY(way) {
      int fds[2];
      open_way(way, fds);
      CHECK_IS(fdwire_send(fds[1], format, cases[i].body, size, 1000), cases[i].code);
      CHECK_IS(waiting(fds[0]), 0);
      CHECK_IS(fdwire_send(fds[1], NULL, "!", 1, 1000), 0); /* the first that comes */
      arrive(fds[0], 5);
      close_way(fds);
    }
    fdwire_format_free(format);
  }
}

int main(void) {
  check_begin();
  RUN(bytes_on_the_wire);
  RUN(no_tail_behind_a_head_that_is_none);
  RUN(heads_that_are_filled_in);
  RUN(sending_writes_just_the_frame);
  RUN(receiving_takes_just_the_message);
  RUN(receiving_what_heads_say);
  RUN(receiving_what_drips);
  RUN(buffers_that_are_too_small);
  RUN(too_small_for_what_comes_in_pieces);
  RUN(a_long_line_without_waiting);
  RUN(no_waiting_on_sockets);
  RUN(no_waiting_on_pipes);
  RUN(streams_that_are_cut_off);
  RUN(what_goes_on_to_the_end_of_the_stream);
  RUN(too_small_for_what_goes_on_to_the_end);
  RUN(a_delimiter_that_begins_another);
  RUN(a_line_in_pieces_of_its_limit);
  RUN(frames_that_nobody_sends_like_this);
  RUN(bodies_that_cannot_be_sent);
  return check_end();
}
