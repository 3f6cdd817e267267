/* Codes have names and texts, and keep their values. */
#include "check.h"

static void the_version_is_that_of_the_header(void) {
  char version[32];
  CHECK(strcmp(fdwire_version(), FDWIRE_VERSION) == 0);
  snprintf(version, sizeof version, "%d.%d.%d", FDWIRE_VERSION_MAJOR, FDWIRE_VERSION_MINOR, FDWIRE_VERSION_PATCH);
  CHECK(strcmp(version, FDWIRE_VERSION) == 0);
}

static void values_never_change(void) {
  CHECK_IS(FDWIRE_E_TRUNCATED, -5001);
  CHECK_IS(FDWIRE_E_MALFORMED, -5002);
  CHECK_IS(FDWIRE_E_TOO_LONG, -5003);
  CHECK_IS(FDWIRE_E_FORMAT, -5004);
  CHECK_IS(FDWIRE_E_BROKEN, -5005);
  CHECK_IS(FDWIRE_E_PANIC, -5006);
  CHECK_IS(FDWIRE_E_RESOLVE, -5007);
  CHECK_IS(FDWIRE_SHUT_RD, SHUT_RD);
  CHECK_IS(FDWIRE_SHUT_WR, SHUT_WR);
  CHECK_IS(FDWIRE_SHUT_RDWR, SHUT_RDWR);
}

static void names(void) {
  CHECK(strcmp(fdwire_error_name(FDWIRE_E_TOO_LONG), "FDWIRE_E_TOO_LONG") == 0);
  CHECK(strcmp(fdwire_error_name(-ECONNRESET), "ECONNRESET") == 0);
  CHECK(strcmp(fdwire_error_name(-EPROTOTYPE), "EPROTOTYPE") == 0);
  CHECK(strcmp(fdwire_error_name(-EAGAIN), "EAGAIN") == 0);
  CHECK(strcmp(fdwire_error_name(0), "OK") == 0);
  CHECK(strcmp(fdwire_error_name(1), "OK") == 0);
  CHECK(strcmp(fdwire_error_name(-4000), "UNKNOWN") == 0);
  CHECK(strcmp(fdwire_error_name(-4999), "UNKNOWN") == 0);
  CHECK(strcmp(fdwire_error_name(-2147483647 - 1), "UNKNOWN") == 0);
  for (int code = FDWIRE_E_RESOLVE; code <= FDWIRE_E_TRUNCATED; code++)
    CHECK(strncmp(fdwire_error_name(code), "FDWIRE_E_", 9) == 0);
}

#ifdef __GLIBC__
extern const char *strerrorname_np(int number); /* a GNU extension since glibc 2.32 */

static void every_errno_has_its_name(void) {
  int names = 0;
  for (int number = 1; number < 4096; number++) {
    const char *name = strerrorname_np(number);
    if (name != NULL && strcmp(name, fdwire_error_name(-number)) != 0)
      printf("%d is %s, not %s\n", number, name, fdwire_error_name(-number)), check_failures++;
    names += name != NULL;
  }
  CHECK(names > 100);
}
#endif

static void texts(void) {
  char text[200];
  CHECK_IS(fdwire_strerror(-EPIPE, text, sizeof text), strlen(strerror(EPIPE)));
  CHECK(strcmp(text, strerror(EPIPE)) == 0);
  for (int code = FDWIRE_E_RESOLVE; code <= FDWIRE_E_TRUNCATED; code++) {
    CHECK(fdwire_strerror(code, text, sizeof text) == strlen(text) && strlen(text) > 10);
    CHECK(strcmp(text, "not a code of fdwire") != 0);
  }
  fdwire_strerror(-9999, text, sizeof text);
  CHECK(strcmp(text, "not a code of fdwire") == 0);
  fdwire_strerror(0, text, sizeof text);
  CHECK(strcmp(text, "no error") == 0);
}

static void texts_are_cut_and_ended(void) {
  char text[200], whole[200];
  size_t len = fdwire_strerror(FDWIRE_E_TRUNCATED, whole, sizeof whole);
  for (size_t cap = 1; cap <= len + 2; cap++) {
    memset(text, 'x', sizeof text);
    CHECK_IS(fdwire_strerror(FDWIRE_E_TRUNCATED, text, cap), len);
    size_t kept = cap - 1 < len ? cap - 1 : len;
    CHECK(strlen(text) == kept && memcmp(text, whole, kept) == 0 && text[cap] == 'x');
  }
  CHECK_IS(fdwire_strerror(FDWIRE_E_TRUNCATED, NULL, 0), len);
}

int main(void) {
  check_begin();
  RUN(the_version_is_that_of_the_header);
  RUN(values_never_change);
  RUN(names);
#ifdef __GLIBC__
  RUN(every_errno_has_its_name);
#endif
  RUN(texts);
  RUN(texts_are_cut_and_ended);
  return check_end();
}
