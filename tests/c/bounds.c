/* Memory follows the bytes that came, never those that were announced, and time grows no faster than they do. */
#include "check.h"

#include <malloc.h>

/* Bytes that are allocated; 0 where that cannot be asked. */
static size_t held(void) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#else
  return 0;
#endif
}

/* Whether memory and time are to be measured: not where a sanitizer or valgrind has put its own malloc in place. */
static int is_measured(const char *test) {
  size_t before = held();
  char *volatile probe = (char *)malloc(100000);
  NEED(probe != NULL);
  int moved = held() - before >= 100000;
  free(probe);
  if (!moved)
    printf("skip %s: no malloc of glibc's own\n", test);
  return moved;
}

static fdwire_decoder *decoder_of(const char *text) {
  fdwire_format *format = format_of(text);
  fdwire_decoder *decoder = NULL;
  NEED(fdwire_decoder_new(format, &decoder) == 0);
  fdwire_format_free(format);
  return decoder;
}

static int next_of(fdwire_decoder *decoder) {
  fdwire_msg msg;
  return fdwire_decoder_next(decoder, &msg);
}

/* How bytes get into a decoder: by feed, or by space and commit. */
enum { FEEDS, READS };

/* Puts in as many of the bytes as there is room for, and says how many those were. */
static size_t put(fdwire_decoder *decoder, const char *bytes, size_t len, int how) {
  void *room = NULL;
  size_t cap = 0;
  if (how == FEEDS) {
    NEED(fdwire_decoder_feed(decoder, bytes, len) == 0);
    return len;
  }
  NEED(fdwire_decoder_space(decoder, &room, &cap) == 0 && cap > 0);
  len = len < cap ? len : cap;
  memcpy(room, bytes, len);
  NEED(fdwire_decoder_commit(decoder, len) == 0);
  return len;
}

/* Puts in len bytes, in which a text repeats itself, until there is more to say than "not yet", and says what. */
static int take(fdwire_decoder *decoder, const char *text, size_t len, size_t piece, int how) {
  size_t period = strlen(text);
  char *bytes = (char *)malloc(piece + period);
  int result = 0;
  NEED(bytes != NULL);
  for (size_t i = 0; i < piece + period; i++)
    bytes[i] = text[i % period];
  for (size_t at = 0; at < len && result == 0;) {
    at += put(decoder, bytes + at % period, len - at < piece ? len - at : piece, how);
    result = next_of(decoder);
  }
  free(bytes);
  return result;
}

static void an_idle_decoder_holds_no_buffer(void) {
  if (!is_measured(__func__))
    return;
  size_t before = held();
  fdwire_decoder *decoder = decoder_of("line max=1G");
  CHECK(held() - before < 1024);
  CHECK_IS(next_of(decoder), 0);
  CHECK(held() - before < 1024);
  fdwire_decoder_free(decoder);
}

/* 1 KiB of a message that announces 2 GiB, or as good as that. */
static void announced_bytes_cost_nothing(void) {
  static const struct {
    const char *text, *head;
    size_t len;
  } cases[] = {
      {"u32be max=4G", "\200\0\0\0", 4},
      {"u64be max=0xffffffffffffffff", "\377\377\377\377\377\377\377\377", 8},
      {"varint max=4G", "\200\200\200\200\10", 5},
      {"decimal until=':' max=4G", "2147483648:", 11},
      {"netstring max=4G", "2147483648:", 11},
      {"headers length='L' max=4G", "L: 2147483648\r\n\r\n", 17},
      {"fixed size=2G", "", 0},
      {"select u8 max=4G { 1: u32be at=1; else: line }", "\1\200\0\0\0", 5},
  };
  if (!is_measured(__func__))
    return;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int how = FEEDS; how <= READS; how++) {
      size_t before = held();
      fdwire_decoder *decoder = decoder_of(cases[i].text);
      CHECK_IS(fdwire_decoder_feed(decoder, cases[i].head, cases[i].len), 0);
      CHECK_IS(next_of(decoder), 0);
      CHECK_IS(take(decoder, "x", 1024 - cases[i].len, 100, how), 0);
      CHECK(fdwire_decoder_needed(decoder) > 2147480000);
      CHECK(held() - before < 8192);
      fdwire_decoder_free(decoder);
    }
  }
}

/* Twice the max, for it grows by doubling, and what is read ahead. */
static void a_message_that_never_ends_holds_its_max(void) {
  static const struct {
    const char *text, *beginning;
    size_t max;
  } cases[] = {
      {"line max=1K", "", 1 << 10},
      {"line max=1M", "", 1 << 20},
      {"delimited by='abcab','xyz' max=1M", "", 1 << 20},
      {"delimited start='$' by='#' trail=2 max=100K", "$", 100 << 10},
      {"eof max=1M", "", 1 << 20},
      {"headers length='L'", "", 64 << 10},
      {"decimal until=':' max=0xffffffffffffffff", "0", 64},
      {"hex until='\\r\\n' max=100", "0", 64},
  };
  if (!is_measured(__func__))
    return;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int how = FEEDS; how <= READS; how++) {
      size_t before = held();
      fdwire_decoder *decoder = decoder_of(cases[i].text);
      CHECK_IS(fdwire_decoder_feed(decoder, cases[i].beginning, strlen(cases[i].beginning)), 0);
      CHECK(take(decoder, "0", 2 * cases[i].max, how == FEEDS ? 100 : 1 << 20, how) < 0);
      CHECK(held() - before <= 2 * cases[i].max + (64 << 10));
      fdwire_decoder_free(decoder);
    }
  }
}

/* A buffer grows with a large message, and is given back behind it. */
static void a_large_message_leaves_nothing_behind(void) {
  if (!is_measured(__func__))
    return;
  size_t before = held();
  fdwire_decoder *decoder = decoder_of("u32be");
  CHECK_IS(fdwire_decoder_feed(decoder, "\1\0\0\0", 4), 0);
  CHECK_IS(take(decoder, "x", 16 << 20, 4096, FEEDS), 1);
  CHECK(held() - before <= (32 << 20) + (64 << 10));
  CHECK_IS(fdwire_decoder_feed(decoder, "\0\0\0\1", 4), 0);
  CHECK(held() - before <= 256 << 10);
  CHECK_IS(take(decoder, "x", 1, 1, FEEDS), 1);
  fdwire_decoder_free(decoder);
}

/* However long it is, and whether its end is known or searched for. */
static void what_is_skipped_is_not_held(void) {
  static const struct {
    const char *text, *head;
    size_t head_len, len;
    const char *filler;
  } cases[] = {
      {"u32be max=1M", "\100\0\0\0", 4, 1 << 30, "x"},
      {"netstring max=1K", "67108864:", 9, 64 << 20, "x"},
      {"headers length='L' max=1K", "L: 67108864\r\n\r\n", 15, 64 << 20, "x"},
      {"line max=1K", "", 0, 64 << 20, "x\r"},
      {"delimited by='abcab','xyz' max=1K", "", 0, 4 << 20, "abcaxy"},
      {"select u8 max=1K { 'x': nul; else: u8 }", "", 0, 64 << 20, "xy"},
      {"eof max=1K", "", 0, 64 << 20, "x"},
  };
  if (!is_measured(__func__))
    return;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t before = held();
    fdwire_decoder *decoder = decoder_of(cases[i].text);
    CHECK_IS(fdwire_decoder_feed(decoder, cases[i].head, cases[i].head_len), 0);
    if (cases[i].head_len > 0)
      CHECK_IS(next_of(decoder), FDWIRE_E_TOO_LONG);
    else
      CHECK_IS(take(decoder, cases[i].filler, 3000, 3000, FEEDS), FDWIRE_E_TOO_LONG);
    CHECK_IS(fdwire_decoder_skip(decoder), 0);
    for (int part = 0; part < 8; part++) {
      CHECK_IS(take(decoder, cases[i].filler, cases[i].len / 8, 4096, part % 2 == 0 ? FEEDS : READS), 0);
      CHECK(held() - before < 32 << 10);
    }
    fdwire_decoder_free(decoder);
  }
}

/* Seconds of processor time to take so many bytes of a message that goes on. */
static double cost(const char *text, const char *beginning, const char *filler, size_t len, size_t piece) {
  fdwire_decoder *decoder = decoder_of(text);
  CHECK_IS(fdwire_decoder_feed(decoder, beginning, strlen(beginning)), 0);
  clock_t start = clock();
  CHECK_IS(take(decoder, filler, len, piece, FEEDS), 0);
  clock_t end = clock();
  fdwire_decoder_free(decoder);
  return (double)(end - start + 1) / CLOCKS_PER_SEC;
}

/* Four times as many bytes take about four times as long, where a search that began anew would take sixteen times. The
   best of three, for the machine has other things to do. */
static void check_linear(const char *text, const char *beginning, const char *filler, size_t len, size_t piece) {
  double best = 99;
  for (int i = 0; i < 3 && best >= 8; i++) {
    double few = cost(text, beginning, filler, len, piece), many = cost(text, beginning, filler, 4 * len, piece);
    best = many / few < best ? many / few : best;
  }
  if (best >= 8)
    printf("%s, in pieces of %zu: four times the bytes take %.1f times as long\n", text, piece, best);
  CHECK(best < 8);
}

static void time_grows_with_the_bytes(void) {
  static const struct {
    const char *text, *beginning, *filler;
  } cases[] = {
      {"line max=64M", "", "x\r"},
      {"nul max=64M", "", "x"},
      {"delimited by='abcab','xyz' max=64M", "", "abcaxy0123456789"},
      {"delimited start='$' by='\\r\\n.\\r\\n' max=64M", "$", "text\r\n"},
      {"select u8 { 'x': line; else: u8 } max=64M", "", "x"},
      {"eof max=64M", "", "x"},
      {"netstring max=64M", "67000000:", "x"},
      {"headers length='L' max=64M", "L: 67000000\r\n\r\n", "x"},
  };
  if (!is_measured(__func__))
    return;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    check_linear(cases[i].text, cases[i].beginning, cases[i].filler, 16 << 10, 1);
    check_linear(cases[i].text, cases[i].beginning, cases[i].filler, 512 << 10, 4096);
  }
  /* Lines that say no length, up to the most that a head may have. */
  check_linear("headers length='L'", "", "A: b\r\n", 15 << 10, 1);
  check_linear("headers length='L'", "", "x", 15 << 10, 1);
}

/* Seconds of processor time to look at so many bytes of a line that goes on; 0 where a socket may not hold them. */
static double cost_of_looking(size_t len) {
  int fds[2], size = 8 << 20, result = 0;
  char *body = (char *)pattern(len, 1);
  size_t got = 0;
  fdwire_format *format = format_of("nul max=16M");
  memset(body, 'x', len);
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  clock_t start = clock(), end = start;
  if (setsockopt(fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) == 0) {
    NEED(send(fds[1], body, len, MSG_DONTWAIT) == (ssize_t)len);
    start = clock();
    for (int i = 0; i < 5; i++)
      result = fdwire_recv(fds[0], format, body, len, &got, 0);
    end = clock();
    CHECK_IS(result, -EAGAIN);
  }
  close_way(fds);
  fdwire_format_free(format);
  free(body);
  return (double)(end - start) / CLOCKS_PER_SEC;
}

/* Each look at a socket begins at the first byte: so they must not be many. */
static void looking_grows_with_the_bytes(void) {
  double best = 99;
  if (!is_measured(__func__))
    return;
  for (int i = 0; i < 3 && best >= 8; i++) {
    double few = cost_of_looking(512 << 10), many = cost_of_looking(2 << 20);
    if (few == 0) {
      printf("skip %s: a large buffer takes a privilege\n", __func__);
      return;
    }
    best = many / few < best ? many / few : best;
  }
  if (best >= 8)
    printf("four times the bytes take %.1f times as long\n", best);
  CHECK(best < 8);
}

/* A reader that asks how much is needed before each read, and for the message only when it is there. */
static double cost_of_asking(size_t len) {
  fdwire_decoder *decoder = decoder_of("line");
  clock_t start = clock();
  for (size_t at = 0; at < len; at++) {
    CHECK_IS(fdwire_decoder_needed(decoder), 1);
    CHECK_IS(fdwire_decoder_feed(decoder, "x", 1), 0);
  }
  clock_t end = clock();
  fdwire_decoder_free(decoder);
  return (double)(end - start + 1) / CLOCKS_PER_SEC;
}

static void asking_what_is_needed_costs_no_more(void) {
  double best = 99;
  if (!is_measured(__func__))
    return;
  for (int i = 0; i < 3 && best >= 8; i++) {
    double few = cost_of_asking(8 << 10), many = cost_of_asking(32 << 10);
    best = many / few < best ? many / few : best;
  }
  CHECK(best < 8);
}

int main(void) {
  check_begin();
  RUN(an_idle_decoder_holds_no_buffer);
  RUN(announced_bytes_cost_nothing);
  RUN(a_message_that_never_ends_holds_its_max);
  RUN(a_large_message_leaves_nothing_behind);
  RUN(what_is_skipped_is_not_held);
  RUN(time_grows_with_the_bytes);
  RUN(looking_grows_with_the_bytes);
  RUN(asking_what_is_needed_costs_no_more);
  return check_end();
}
