/* Sends a file, however large, as one message, and then its checksum, and holds the receiver's
 * checksum against it. receive_file is the other end.
 *
 *     send_file [--parts] [--progress] ADDRESS FILE      send_file 127.0.0.1:9000 disk.img
 *
 * fdwire_conn_send_file takes the descriptor, and sends what is in the file. With --parts the
 * program reads the file, and sends what it has read; then it could change it on the way. Either
 * way, never more than a part of it is in memory. */
#define _FILE_OFFSET_BITS 64
#include "file_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static size_t read_part(int file, uint8_t part[PART]) {
  ssize_t n = read(file, part, PART);
  check("read", n < 0 ? -errno : 0);
  return (size_t)n;
}

static uint64_t send_parts(fdwire_conn *conn, int file, uint64_t size, struct progress *progress) {
  static uint8_t part[PART];
  uint64_t sum = CHECKSUM_START, done = 0;
  check("begin", fdwire_conn_send_begin(conn, NULL, 0, size, TIMEOUT));
  while (done < size) {
    size_t n = read_part(file, part);
    check("the file was cut short", n == 0 ? FDWIRE_E_TRUNCATED : 0);
    n = n < size - done ? n : (size_t)(size - done);
    int result = fdwire_conn_send_part(conn, part, n, TIMEOUT);
    check("part", result == FDWIRE_PENDING ? -ETIMEDOUT : result);
    sum = checksum(sum, part, n);
    show_progress(progress, done += n);
  }
  return sum;
}

/* The message is accepted at once, and pending is what the kernel has not taken of it. While the
 * socket is full, the program reads the file for the checksum. */
static uint64_t send_whole(fdwire_conn *conn, int file, uint64_t size, struct progress *progress) {
  static uint8_t part[PART];
  uint64_t sum = CHECKSUM_START, before = UINT64_MAX;
  size_t n = PART;
  int result = check("send", fdwire_conn_send_file(conn, file, 0, size, 0)), idle = 0;
  while (n > 0 || result < 0) {
    n = n > 0 ? read_part(file, part) : 0;
    sum = checksum(sum, part, n);
    result = fdwire_conn_flush(conn, n > 0 ? 0 : STEP);
    uint64_t left = fdwire_conn_pending(conn);
    idle = left < before || n > 0 ? 0 : idle + STEP;
    if (result != -EAGAIN && (result != -ETIMEDOUT || idle >= TIMEOUT))
      check("send", result);
    show_progress(progress, left < size ? size - left : 0);
    before = left;
  }
  return sum;
}

static void exchange_checksums(fdwire_conn *conn, uint64_t sum) {
  uint8_t bytes[8];
  fdwire_msg theirs;
  fdwire_put_u64be(bytes, sum);
  int result = fdwire_conn_send(conn, bytes, sizeof bytes, TIMEOUT);
  check("checksum", result == FDWIRE_PENDING ? -ETIMEDOUT : result);
  result = check("answer", fdwire_conn_recv(conn, &theirs, TIMEOUT));
  check("the receiver ended without an answer", result == 0 ? FDWIRE_E_TRUNCATED : 0);
  int same = theirs.body_len == sizeof bytes && memcmp(theirs.body, bytes, sizeof bytes) == 0;
  check("the receiver has another checksum", same ? 0 : FDWIRE_E_MALFORMED);
}

int main(int argc, char **argv) {
  int parts = 0, forced = 0, arg = 1;
  if (arg < argc && strcmp(argv[arg], "--parts") == 0)
    parts = arg++;
  if (arg < argc && strcmp(argv[arg], "--progress") == 0)
    forced = arg++;
  if (argc - arg != 2)
    return fprintf(stderr, "usage: send_file [--parts] [--progress] ADDRESS FILE\n"), 2;
  struct stat status;
  int file = open(argv[arg + 1], O_RDONLY | O_CLOEXEC);
  check(argv[arg + 1], file < 0 || fstat(file, &status) < 0 ? -errno : 0);
  uint64_t size = (uint64_t)status.st_size;

  fdwire_format *format;
  fdwire_conn *conn;
  check("format", fdwire_format_new(TRANSFER_FORMAT, &format, NULL, 0));
  int fd = check(argv[arg], fdwire_connect(argv[arg], 5000));
  check("connection", fdwire_conn_new(fd, fd, format, &conn));
  struct progress progress = new_progress(size, forced);
  uint64_t sum = (parts ? send_parts : send_whole)(conn, file, size, &progress);
  exchange_checksums(conn, sum);
  check("finish", fdwire_conn_finish(conn, NULL, TIMEOUT));
  fdwire_conn_free(conn);
  fdwire_format_free(format);
  fdwire_close(fd);
  close(file);
  printf("sent %llu bytes, checksum %016llx\n", (unsigned long long)size, (unsigned long long)sum);
  return 0;
}
