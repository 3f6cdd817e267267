/* Exact bytes: all of them or a reason, and how far it came. */
#include "check.h"

static void all_or_the_end(void) {
  static const int timeouts[] = {-1, 1000, 0};
  EACH_WAY(way) {
    for (size_t t = 0; t < 3; t++) {
      int fds[2];
      char buf[8];
      open_way(way, fds);
      CHECK_IS(fdwire_write_all(fds[1], "hello", 5, NULL, timeouts[t]), 0);
      close(fds[1]);
      sleep_ms(2);
      CHECK_IS(fdwire_read_exact(fds[0], buf, 3, NULL, timeouts[t]), 1);
      CHECK(memcmp(buf, "hel", 3) == 0);
      size_t done = 0;
      CHECK_IS(fdwire_read_exact(fds[0], buf, 3, &done, timeouts[t]), FDWIRE_E_TRUNCATED);
      CHECK(done == 2 && memcmp(buf, "lo", 2) == 0);
      CHECK_IS(fdwire_read_exact(fds[0], buf, 3, &done, timeouts[t]), FDWIRE_E_TRUNCATED); /* still 2 of 3 */
      CHECK_IS(done, 2);
      done = 0;
      CHECK_IS(fdwire_read_exact(fds[0], buf, 3, &done, timeouts[t]), 0);
      CHECK_IS(done, 0);
      close(fds[0]);
    }
  }
}

static void it_starts_where_done_says(void) {
  EACH_WAY(way) {
    int fds[2];
    char buf[7] = "......";
    open_way(way, fds);
    size_t done = 3;
    CHECK_IS(fdwire_write_all(fds[1], "abcdef", 6, &done, -1), 0);
    CHECK_IS(done, 6);
    done = 2;
    CHECK_IS(fdwire_read_exact(fds[0], buf, 5, &done, -1), 1);
    CHECK(done == 5 && memcmp(buf, "..def.", 6) == 0);
    CHECK_IS(fdwire_read_exact(fds[0], buf, 5, &done, 0), 1); /* nothing is left to do */
    done = 7;
    CHECK_IS(fdwire_read_exact(fds[0], buf, 6, &done, 0), -EINVAL);
    CHECK_IS(fdwire_write_all(fds[1], buf, 6, &done, 0), -EINVAL);
    CHECK_IS(done, 7);
    close_way(fds);
  }
}

static void nothing_is_easy(void) {
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    CHECK_IS(fdwire_read_exact(fds[0], NULL, 0, NULL, -1), 1);
    CHECK_IS(fdwire_write_all(fds[1], NULL, 0, NULL, -1), 0);
    close(fds[1]);
    CHECK_IS(fdwire_read_exact(fds[0], NULL, 0, NULL, -1), 1);
    close(fds[0]);
    CHECK_IS(fdwire_read_exact(fds[0], NULL, 0, NULL, -1), -EBADF);
    CHECK_IS(fdwire_write_all(fds[1], NULL, 0, NULL, -1), -EBADF);
  }
}

static void a_file_is_a_stream_too(void) {
  FILE *file = tmpfile();
  NEED(file != NULL);
  char buf[8];
  CHECK_IS(fdwire_write_all(fileno(file), "abc", 3, NULL, 100), 0);
  NEED(lseek(fileno(file), 0, SEEK_SET) == 0);
  CHECK_IS(fdwire_read_exact(fileno(file), buf, 3, NULL, 0), 1);
  CHECK_IS(fdwire_read_exact(fileno(file), buf, 1, NULL, 100), 0);
  fclose(file);
}

int main(void) {
  check_begin();
  RUN(all_or_the_end);
  RUN(it_starts_where_done_says);
  RUN(nothing_is_easy);
  RUN(a_file_is_a_stream_too);
  return check_end();
}
