/* Formats: what they refuse and where, how they are drawn, the heads that they write. */
#include "check.h"

static void good_texts_are_taken(void) {
  static const char *const texts[] = {
      "u8", "u16be", "u16le", "u16ne", "u24be", "u32be", "u40le", "u48be", "u56be", "u64le", "i32be",
      "u32be at=1 counts=field", "u16be at=16 head=19 counts=frame max=frame:4096", "u32ne max=1M",
      "fixed size=128", "fixed size=0x10K max=1M", "\tu32le   adjust=-4\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    fdwire_format *format = NULL;
    char why[100] = "x";
    CHECK_IS(fdwire_format_new(texts[i], &format, why, sizeof why), 0);
    CHECK(format != NULL && why[0] == '\0');
    fdwire_format_free(format);
  }
}

static void refusals_point_at_the_column(void) {
  static const struct {
    const char *text, *why;
  } cases[] = {
      {"", "column 1, \"\": "},
      {"u33be", "column 1, \"u33be\": no such kind"},
      {"u32be heads=8", "column 7, \"heads=8\": no such key"},
      {"u32be at=1 at=1", "column 12, \"at=1\": this key was given before"},
      {"u32be head=3", "column 12, \"3\": the head ends before"},
      {"u32be counts=frame adjust=4", "column 27, \"4\": counts and adjust"},
      {"u8 adjust=-256", "column 11, \"-256\": no length reaches the end"},
      {"u32be max=16MB", "column 11, \"16MB\": a size is"},
      {"u32be max=99999999999G", "column 11, \"99999999999G\": this number does not fit"},
      {"fixed", "column 1, \"fixed\": fixed needs a size"},
      {"fixed size=0", "column 12, \"0\": a frame has at least one byte"},
      {"fixed size=128 max=64", "column 12, \"128\": the size is over the max"},
      {"fixed size=128 at=1", "column 16, \"at=1\": no such key"},
      {"u8 \377\1=2", "column 4, \"\\xff\\x01=2\": no such key"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fdwire_format *format = (fdwire_format *)&cases; /* to be left alone */
    char why[300];
    CHECK_IS(fdwire_format_new(cases[i].text, &format, why, sizeof why), FDWIRE_E_FORMAT);
    CHECK(format == (fdwire_format *)&cases);
    if (strncmp(why, cases[i].why, strlen(cases[i].why)) != 0) {
      printf("%s: %s\n", cases[i].text, why);
      CHECK(!"says why");
    }
  }
  fdwire_format *format = NULL;
  char why[10];
  CHECK_IS(fdwire_format_new("u32be heads=8", &format, why, sizeof why), FDWIRE_E_FORMAT);
  CHECK(strcmp(why, "column 7,") == 0); /* cut to fit, and ended */
  CHECK_IS(fdwire_format_new("u32be heads=8", &format, NULL, 0), FDWIRE_E_FORMAT);
}

/* A text has bytes that are none of ASCII, and whatever room there is ends behind a whole character. */
static void no_character_is_cut(void) {
  fdwire_format *format = NULL;
  char whole[300], cut[300];
  CHECK_IS(fdwire_format_new("delimited", &format, whole, sizeof whole), FDWIRE_E_FORMAT);
  int shorter = 0;
  for (size_t cap = 1; cap <= strlen(whole); cap++) {
    CHECK_IS(fdwire_format_new("delimited", &format, cut, cap), FDWIRE_E_FORMAT);
    size_t len = strlen(cut);
    CHECK(len < cap && strncmp(whole, cut, len) == 0 && ((unsigned char)whole[len] & 0xc0) != 0x80);
    shorter += len + 1 < cap;
  }
  CHECK(shorter > 0);
}

/* What is told of a text that begins so and goes on with so many of these. */
static void why_not(const char *start, const char *piece, size_t count, char why[200]) {
  size_t before = strlen(start), each = strlen(piece);
  fdwire_format *format = NULL;
  char *text = (char *)malloc(before + count * each + 1);
  NEED(text != NULL);
  memcpy(text, start, before);
  for (size_t i = 0; i < count; i++)
    memcpy(text + before + i * each, piece, each + 1);
  long long begin = now_ms();
  CHECK_IS(fdwire_format_new(text, &format, why, 200), FDWIRE_E_FORMAT);
  CHECK(now_ms() - begin < 2000);
  CHECK(strlen(why) < 200);
  free(text);
}

/* Up to 64 KiB it is read to its end before it is refused. */
static void a_very_long_text_is_no_trouble(void) {
  char why[200];
  why_not("", "a", 64500, why);
  CHECK(strstr(why, "no such kind") != NULL);
  why_not("u32be ", "at=1 ", 12900, why);
  CHECK(strstr(why, "this key was given before") != NULL);
  why_not("u32be ", "at=1 ", 1 << 18, why);
  CHECK(strstr(why, "at most 64K") != NULL);
}

static void the_picture_shows_the_frame(void) {
  fdwire_format *format = format_of("u32be at=1 counts=field max=1M");
  char picture[1000];
  size_t len = fdwire_format_describe(format, picture, sizeof picture);
  CHECK_IS(len, strlen(picture));
  CHECK(strcmp(picture, "u32be at=1 counts=field max=1048576\n"
                        "\n"
                        "0        1                             5\n"
                        "+--------+-----------------------------+------- - -\n"
                        "| 1 byte | length: 4 bytes, big-endian | body ...\n"
                        "+--------+-----------------------------+------- - -\n"
                        "\n"
                        "length  the bytes in the frame from the length field on\n"
                        "body    at most 1048576 bytes\n") == 0);
  CHECK_IS(fdwire_format_describe(format, NULL, 0), len);
  CHECK(fdwire_format_describe(NULL, picture, sizeof picture) > 0);
  CHECK(strncmp(picture, "u32be max=16777216\n", 19) == 0);
  fdwire_format_free(format);
}

static void the_picture_shows_padding(void) {
  fdwire_format *format = format_of("u16be pad=4");
  char picture[1000];
  CHECK(fdwire_format_describe(format, picture, sizeof picture) > 0);
  CHECK(strstr(picture, "| padding to 4 |") != NULL);
  fdwire_format_free(format);
  format = format_of("u16be");
  CHECK(fdwire_format_describe(format, picture, sizeof picture) > 0);
  CHECK(strstr(picture, "padding") == NULL);
  fdwire_format_free(format);
}

static void heads_are_written(void) {
  unsigned char out[8];
  size_t len = 99;
  CHECK_IS(fdwire_format_head(NULL, NULL, 0, 0x01020304 & 0xffffff, out, sizeof out, &len), 0);
  CHECK(len == 4 && memcmp(out, "\0\2\3\4", 4) == 0);

  fdwire_format *postgres = format_of("u32be at=1 counts=field");
  CHECK_IS(fdwire_format_head(postgres, NULL, 0, 6, out, sizeof out, &len), 0);
  CHECK(len == 5 && memcmp(out, "\0\0\0\0\12", 5) == 0);
  CHECK_IS(fdwire_format_head(postgres, "Q....", 5, 6, out, sizeof out, &len), 0);
  CHECK(len == 5 && memcmp(out, "Q\0\0\0\12", 5) == 0);
  CHECK_IS(fdwire_format_head(postgres, out, 5, 7, out, 5, &len), 0); /* in place */
  CHECK(memcmp(out, "Q\0\0\0\13", 5) == 0);

  len = 99;
  memset(out, 9, sizeof out);
  CHECK_IS(fdwire_format_head(postgres, NULL, 0, 6, out, 4, &len), -ENOBUFS);
  CHECK_IS(len, 5);
  CHECK_IS(fdwire_format_head(postgres, "Q...", 4, 6, out, sizeof out, &len), FDWIRE_E_MALFORMED);
  CHECK_IS(fdwire_format_head(postgres, NULL, 0, UINT64_MAX, out, sizeof out, &len), FDWIRE_E_TOO_LONG);
  CHECK(out[0] == 9);
  fdwire_format_free(postgres);

  fdwire_format *tiny = format_of("u16be");
  CHECK_IS(fdwire_format_head(tiny, NULL, 0, 65535, out, sizeof out, &len), 0);
  CHECK_IS(fdwire_format_head(tiny, NULL, 0, 65536, out, sizeof out, &len), FDWIRE_E_TOO_LONG);
  fdwire_format_free(tiny);

  fdwire_format *fixed = format_of("fixed size=3");
  CHECK_IS(fdwire_format_head(fixed, NULL, 0, 3, NULL, 0, &len), 0);
  CHECK_IS(len, 0);
  CHECK_IS(fdwire_format_head(fixed, NULL, 0, 2, NULL, 0, &len), FDWIRE_E_MALFORMED);
  CHECK_IS(fdwire_format_head(fixed, NULL, 0, 4, NULL, 0, &len), FDWIRE_E_TOO_LONG);
  fdwire_format_free(fixed);
}

static void what_cannot_be_said_is_not_sent(void) {
  fdwire_format *format = format_of("u16be");
  fdwire_format *small = format_of("u32be max=10");
  unsigned char *body = pattern(70000, 0);
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_send(fds[1], format, body, 70000, 1000), FDWIRE_E_TOO_LONG);
    CHECK_IS(fdwire_send(fds[1], small, body, 11, 1000), FDWIRE_E_TOO_LONG);
    struct pollfd nothing = {fds[0], POLLIN, 0};
    CHECK_IS(poll(&nothing, 1, 20), 0);
    close_way(fds);
  }
  free(body);
  fdwire_format_free(format);
  fdwire_format_free(small);
}

static void presets_are_names_of_texts(void) {
  size_t i = 0;
  for (; fdwire_preset_name(i) != NULL; i++) {
    CHECK(strstr(fdwire_preset_source(i), " ") != NULL);
    fdwire_format *named = format_of(fdwire_preset_name(i));
    fdwire_format *written = format_of(fdwire_preset_text(i));
    fdwire_format_free(named);
    fdwire_format_free(written);
  }
  CHECK(i > 10);
  CHECK(fdwire_preset_text(i) == NULL && fdwire_preset_source(i) == NULL);
  CHECK(fdwire_preset_name((size_t)-1) == NULL);
}

int main(void) {
  check_begin();
  RUN(good_texts_are_taken);
  RUN(refusals_point_at_the_column);
  RUN(no_character_is_cut);
  RUN(a_very_long_text_is_no_trouble);
  RUN(the_picture_shows_the_frame);
  RUN(the_picture_shows_padding);
  RUN(heads_are_written);
  RUN(what_cannot_be_said_is_not_sent);
  RUN(presets_are_names_of_texts);
  return check_end();
}
