/* Whatever a caller passes: a code, never a crash. */
#include "check.h"

#include <limits.h>
#include <sys/resource.h>

static const int timeouts[] = {-1, 0, 50};
#define EACH_TIMEOUT(t) for (size_t t = 0; t < 3; t++)

static void null_pointers(void) {
  int fds[2];
  char buf[16];
  size_t len = 99;
  fdwire_format *format = NULL;
  open_way(UNIX_SOCKET, fds);
  CHECK_IS(fdwire_format_new(NULL, &format, buf, sizeof buf), -EINVAL);
  CHECK_IS(fdwire_format_new("u8", NULL, buf, sizeof buf), -EINVAL);
  CHECK_IS(fdwire_format_new("u8", NULL, NULL, 99), -EINVAL);
  CHECK_IS(fdwire_format_new("bad", &format, NULL, 99), FDWIRE_E_FORMAT);
  CHECK_IS(fdwire_format_new("bad", &format, buf, 0), FDWIRE_E_FORMAT);
  CHECK(format == NULL);
  fdwire_format_free(NULL);
  CHECK(fdwire_format_describe(NULL, NULL, 0) > 0);
  CHECK(fdwire_format_describe(NULL, NULL, 99) > 0);
  CHECK_IS(fdwire_format_head(NULL, NULL, 0, 5, NULL, 99, &len), -EINVAL);
  CHECK_IS(fdwire_format_head(NULL, NULL, 0, 5, buf, sizeof buf, NULL), -EINVAL);
  CHECK_IS(fdwire_format_head(NULL, NULL, 4, 5, buf, sizeof buf, &len), -EINVAL);
  CHECK_IS(fdwire_strerror(-EPERM, NULL, 99), strlen(strerror(EPERM)));
  EACH_TIMEOUT(t) {
    int timeout = timeouts[t];
    CHECK_IS(fdwire_connect(NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_read_exact(fds[0], NULL, 5, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_write_all(fds[0], NULL, 5, NULL, timeout), -EINVAL);
    CHECK_IS(fdwire_send(fds[0], NULL, NULL, 5, timeout), -EINVAL);
    CHECK_IS(fdwire_recv(fds[0], NULL, NULL, 5, &len, timeout), -EINVAL);
    CHECK_IS(fdwire_recv(fds[0], NULL, buf, sizeof buf, NULL, timeout), -EINVAL);
  }
  CHECK_IS(fdwire_listen(NULL, 1), -EINVAL);
  CHECK_IS(fdwire_local_address(fds[0], NULL, 0), -EINVAL);
  CHECK_IS(fdwire_local_address(fds[0], NULL, 99), -EINVAL);
  CHECK_IS(len, 99);
  close_way(fds);
}

static void null_in_byte_order(void) {
  char buf[8] = "abcdefg";
  CHECK(fdwire_get_u16be(NULL) == 0 && fdwire_get_u16le(NULL) == 0);
  CHECK(fdwire_get_u24be(NULL) == 0 && fdwire_get_u24le(NULL) == 0);
  CHECK(fdwire_get_u32be(NULL) == 0 && fdwire_get_u32le(NULL) == 0);
  CHECK(fdwire_get_u64be(NULL) == 0 && fdwire_get_u64le(NULL) == 0);
  CHECK(fdwire_get_f32be(NULL) == 0 && fdwire_get_f32le(NULL) == 0);
  CHECK(fdwire_get_f64be(NULL) == 0 && fdwire_get_f64le(NULL) == 0);
  fdwire_put_u16be(NULL, 1), fdwire_put_u16le(NULL, 1);
  fdwire_put_u24be(NULL, 1), fdwire_put_u24le(NULL, 1);
  fdwire_put_u32be(NULL, 1), fdwire_put_u32le(NULL, 1);
  fdwire_put_u64be(NULL, 1), fdwire_put_u64le(NULL, 1);
  fdwire_put_f32be(NULL, 1), fdwire_put_f32le(NULL, 1);
  fdwire_put_f64be(NULL, 1), fdwire_put_f64le(NULL, 1);
  static const size_t counts[] = {0, 1, SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4 + 1};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    fdwire_copy_be16(NULL, buf, counts[i]), fdwire_copy_le16(buf, NULL, counts[i]);
    fdwire_copy_be32(NULL, buf, counts[i]), fdwire_copy_le32(buf, NULL, counts[i]);
    fdwire_copy_be64(NULL, buf, counts[i]), fdwire_copy_le64(buf, NULL, counts[i]);
    if (counts[i] > 1) { /* no such array can be */
      fdwire_copy_be16(buf, buf, counts[i]), fdwire_copy_le16(buf, buf, counts[i]);
      fdwire_copy_be32(buf, buf, counts[i]), fdwire_copy_le32(buf, buf, counts[i]);
      fdwire_copy_be64(buf, buf, counts[i]), fdwire_copy_le64(buf, buf, counts[i]);
    }
  }
  CHECK(memcmp(buf, "abcdefg", 8) == 0);
}

static void bad_cursors(void) {
  char buf[8] = "abcdefg";
  fdwire_reader r;
  fdwire_writer w;
  CHECK_IS(fdwire_reader_init(NULL, buf, 8, FDWIRE_BIG), -EINVAL);
  CHECK_IS(fdwire_writer_init(NULL, buf, 8, FDWIRE_BIG), -EINVAL);
  CHECK(fdwire_read_u8(NULL) == 0 && fdwire_read_u16(NULL) == 0 && fdwire_read_u24(NULL) == 0);
  CHECK(fdwire_read_u32(NULL) == 0 && fdwire_read_u64(NULL) == 0 && fdwire_read_varint(NULL) == 0);
  CHECK(fdwire_read_f32(NULL) == 0 && fdwire_read_f64(NULL) == 0 && fdwire_read_decimal(NULL) == 0);
  CHECK(fdwire_read_bytes(NULL, 0) == NULL && fdwire_reader_left(NULL) == 0);
  fdwire_write_u8(NULL, 1), fdwire_write_u16(NULL, 1), fdwire_write_u24(NULL, 1), fdwire_write_u32(NULL, 1);
  fdwire_write_u64(NULL, 1), fdwire_write_f32(NULL, 1), fdwire_write_f64(NULL, 1), fdwire_write_varint(NULL, 1);
  fdwire_write_decimal(NULL, 1), fdwire_write_bytes(NULL, "x", 1), fdwire_write_bytes(NULL, NULL, 0);

  CHECK_IS(fdwire_reader_init(&r, NULL, 5, FDWIRE_BIG), -EINVAL);
  CHECK(r.status == -EINVAL && fdwire_read_u8(&r) == 0 && r.status == -EINVAL);
  CHECK_IS(fdwire_reader_init(&r, buf, 8, 7), -EINVAL);
  CHECK_IS(fdwire_reader_init(&r, buf, SIZE_MAX, FDWIRE_BIG), -EINVAL);
  CHECK_IS(fdwire_reader_init(&r, NULL, 0, FDWIRE_BIG), 0);
  CHECK(fdwire_read_u8(&r) == 0 && r.status == FDWIRE_E_TRUNCATED);
  fdwire_reader_init(&r, buf, 8, FDWIRE_BIG);
  CHECK(fdwire_read_bytes(&r, SIZE_MAX) == NULL && r.status == FDWIRE_E_TRUNCATED);
  fdwire_reader_init(&r, buf, 8, FDWIRE_BIG);
  r.pos = SIZE_MAX; /* tampered with */
  CHECK(fdwire_reader_left(&r) == 0 && fdwire_read_u16(&r) == 0 && r.status == FDWIRE_E_TRUNCATED);
  fdwire_reader_init(&r, buf, 8, FDWIRE_BIG);
  r.order = -3;
  CHECK(fdwire_read_u16(&r) == 0 && r.status == -EINVAL);

  CHECK_IS(fdwire_writer_init(&w, NULL, 5, FDWIRE_BIG), -EINVAL);
  fdwire_write_u8(&w, 1);
  CHECK_IS(fdwire_writer_init(&w, buf, SIZE_MAX, FDWIRE_LITTLE), -EINVAL);
  CHECK_IS(fdwire_writer_init(&w, NULL, 0, FDWIRE_LITTLE), 0);
  fdwire_write_bytes(&w, NULL, 0);
  CHECK_IS(w.status, 0);
  fdwire_write_u8(&w, 1);
  CHECK_IS(w.status, -ENOBUFS);
  fdwire_writer_init(&w, buf, 8, FDWIRE_BIG);
  fdwire_write_bytes(&w, "x", SIZE_MAX);
  CHECK_IS(w.status, -EINVAL);
  fdwire_writer_init(&w, buf, 8, FDWIRE_BIG);
  fdwire_write_bytes(&w, NULL, 1);
  CHECK_IS(w.status, -EINVAL);
  fdwire_writer_init(&w, buf, 8, FDWIRE_BIG);
  w.pos = 9;
  fdwire_write_u8(&w, 1);
  CHECK_IS(w.status, -ENOBUFS);
  CHECK(memcmp(buf, "abcdefg", 8) == 0);
}

/* Calls everything with a descriptor that is good for nothing. */
static void every_call_refuses(int fd, int reading, int writing) {
  char buf[FDWIRE_ADDRESS_MAX] = "";
  size_t len = 0;
  EACH_TIMEOUT(t) {
    CHECK_IS(fdwire_recv(fd, NULL, buf, sizeof buf, &len, timeouts[t]), reading);
    CHECK_IS(fdwire_read_exact(fd, buf, sizeof buf, NULL, timeouts[t]), reading);
    CHECK_IS(fdwire_send(fd, NULL, buf, sizeof buf, timeouts[t]), writing);
    CHECK_IS(fdwire_write_all(fd, buf, sizeof buf, NULL, timeouts[t]), writing);
  }
}

static void bad_descriptors(void) {
  char buf[FDWIRE_ADDRESS_MAX];
  int closed = dup(0);
  NEED(closed >= 0);
  close(closed);
  static const int numbers[] = {-1, -2, -100, INT_MIN, INT_MAX, 123456789};
  for (size_t i = 0; i < 7; i++) {
    int fd = i < 6 ? numbers[i] : closed;
    every_call_refuses(fd, -EBADF, -EBADF);
    EACH_TIMEOUT(t) {
      CHECK_IS(fdwire_accept(fd, timeouts[t]), -EBADF);
      CHECK_IS(fdwire_finish(fd, timeouts[t]), -EBADF);
    }
    CHECK_IS(fdwire_local_address(fd, buf, sizeof buf), -EBADF);
    CHECK_IS(fdwire_shutdown(fd, FDWIRE_SHUT_WR), -EBADF);
    CHECK_IS(fdwire_close(fd), -EBADF);
  }
}

static void descriptors_of_the_wrong_kind(void) {
  int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fds[2];
  NEED(dir >= 0);
  every_call_refuses(dir, -EISDIR, -EBADF);
  CHECK_IS(fdwire_accept(dir, 50), -ENOTSOCK);
  CHECK_IS(fdwire_shutdown(dir, FDWIRE_SHUT_RD), -ENOTSOCK);
  close(dir);

  NEED(pipe(fds) == 0); /* each end is good for one direction only */
  char buf[8];
  size_t len = 0;
  EACH_TIMEOUT(t) {
    CHECK_IS(fdwire_send(fds[0], NULL, "x", 1, timeouts[t]), -EBADF);
    CHECK_IS(fdwire_write_all(fds[0], "x", 1, NULL, timeouts[t]), -EBADF);
    CHECK_IS(fdwire_read_exact(fds[1], buf, 1, NULL, timeouts[t]), -EBADF);
    int result = fdwire_recv(fds[1], NULL, buf, sizeof buf, &len, timeouts[t]);
    CHECK(result == -EBADF || (timeouts[t] == 0 && result == -EAGAIN));
  }
  close_way(fds);

  int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EACH_TIMEOUT(t)
    CHECK_IS(fdwire_send(file, NULL, "x", 1, timeouts[t]), -EBADF);
  close(file);

  int lonely = socket(AF_INET, SOCK_STREAM, 0); /* not connected */
  every_call_refuses(lonely, -ENOTCONN, -EPIPE);
  close(lonely);
}

static void impossible_sizes(void) {
  int fds[2];
  char buf[8] = "";
  size_t len = 99;
  open_way(UNIX_SOCKET, fds);
  static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 1, (size_t)PTRDIFF_MAX + 1};
  for (size_t i = 0; i < 3; i++) {
    EACH_TIMEOUT(t) {
      CHECK_IS(fdwire_send(fds[0], NULL, buf, sizes[i], timeouts[t]), -EINVAL);
      CHECK_IS(fdwire_recv(fds[0], NULL, buf, sizes[i], &len, timeouts[t]), -EINVAL);
      CHECK_IS(fdwire_read_exact(fds[0], buf, sizes[i], NULL, timeouts[t]), -EINVAL);
      CHECK_IS(fdwire_write_all(fds[0], buf, sizes[i], NULL, timeouts[t]), -EINVAL);
    }
    CHECK_IS(fdwire_format_head(NULL, buf, sizes[i], 5, buf, sizeof buf, &len), -EINVAL);
    fdwire_strerror(-1, buf, sizes[i]);
    fdwire_format_describe(NULL, buf, sizes[i]);
  }
  fdwire_format *all = format_of("u64be max=0xffffffffffffffff");
  CHECK_IS(fdwire_format_head(all, NULL, 0, UINT64_MAX, buf, sizeof buf, &len), 0);
  CHECK_IS(len, 8);
  CHECK_IS(fdwire_send(fds[0], all, buf, SIZE_MAX, 50), -EINVAL);
  /* A body of 2^64 - 1 bytes and its head are more than any count can say. */
  NEED(write(fds[1], "\xff\xff\xff\xff\xff\xff\xff\xff", 8) == 8);
  CHECK_IS(fdwire_recv(fds[0], all, buf, sizeof buf, &len, 50), -ENOBUFS);
  CHECK(len == SIZE_MAX);
  fdwire_format_free(all);
  close_way(fds);
  CHECK_IS(fdwire_shutdown(fds[0], 3), -EINVAL);
  CHECK_IS(fdwire_shutdown(fds[0], -1), -EINVAL);
  CHECK_IS(fdwire_shutdown(fds[0], INT_MIN), -EINVAL);
}

/* An announced length costs nothing, however large: only what arrives does. */
static void hostile_lengths_cost_no_memory(void) {
  struct rusage before, after;
  fdwire_format *format = format_of("u64be max=0x7fffffffffffffff");
  char *body = (char *)malloc(1 << 20);
  NEED(body != NULL);
  getrusage(RUSAGE_SELF, &before);
  EACH_WAY(way) {
    int fds[2];
    open_way(way, fds);
    size_t len = 0;
    NEED(write(fds[1], "\x7f\xff\xff\xff\xff\xff\xff\xff", 8) == 8);
    int result = fdwire_recv(fds[0], format, body, 1 << 20, &len, 20);
    CHECK_IS(result, way == PIPE ? -ETIMEDOUT : -ENOBUFS); /* a pipe waits for what it is to drop */
    close_way(fds);
    open_way(way, fds);
    NEED(write(fds[1], "\x80\0\0\0\0\0\0\0", 8) == 8); /* 2^63 */
    CHECK_IS(fdwire_recv(fds[0], format, body, 1 << 20, &len, 20), FDWIRE_E_TOO_LONG);
    close_way(fds);
  }
  getrusage(RUSAGE_SELF, &after);
  CHECK(after.ru_maxrss - before.ru_maxrss < 2048); /* KiB */
  free(body);
  fdwire_format_free(format);
}

int main(void) {
  check_begin();
  RUN(null_pointers);
  RUN(null_in_byte_order);
  RUN(bad_cursors);
  RUN(bad_descriptors);
  RUN(descriptors_of_the_wrong_kind);
  RUN(impossible_sizes);
  if (getenv("FDWIRE_TEST_EMULATED") == NULL)
    RUN(hostile_lengths_cost_no_memory);
  else
    printf("skip hostile_lengths_cost_no_memory: the memory is the emulator's\n");
  return check_end();
}
