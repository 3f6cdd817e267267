/* Receives a file, however large, through a buffer that never grows, and compares its checksum with
 * the sender's. send_file is the other end.
 *
 *     receive_file [--progress] ADDRESS FILE       receive_file 0.0.0.0:9000 disk.img
 *
 * It prints the address that it listens on, and ends with 0 only if the file is there, whole. */
#define _FILE_OFFSET_BITS 64
#include "file_transfer.h"

#include <errno.h>
#include <fcntl.h>

/* What comes is hashed and written, a part at a time; a body of 0 bytes has no part. */
static uint64_t receive_parts(fdwire_conn *conn, int file, struct progress *progress) {
  static uint8_t part[PART];
  uint64_t sum = CHECKSUM_START, done = 0;
  size_t n;
  while (check("part", fdwire_conn_recv_part(conn, part, sizeof part, &n, TIMEOUT)) == 1) {
    sum = checksum(sum, part, n);
    check("write", fdwire_write_all(file, part, n, NULL, -1));
    show_progress(progress, done += n);
  }
  return sum;
}

/* The sender's checksum is its second message; it gets ours in any case. */
static int same_checksum(fdwire_conn *conn, uint64_t sum) {
  fdwire_msg theirs;
  uint8_t ours[8];
  fdwire_put_u64be(ours, sum);
  int result = check("checksum", fdwire_conn_recv(conn, &theirs, TIMEOUT));
  check("the sender ended without a checksum", result == 0 ? FDWIRE_E_TRUNCATED : 0);
  check("answer", fdwire_conn_send(conn, ours, sizeof ours, TIMEOUT));
  return theirs.body_len == sizeof ours && memcmp(theirs.body, ours, sizeof ours) == 0;
}

int main(int argc, char **argv) {
  int forced = argc > 1 && strcmp(argv[1], "--progress") == 0;
  if (argc - forced != 3)
    return fprintf(stderr, "usage: receive_file [--progress] ADDRESS FILE\n"), 2;
  const char *name = argv[argc - 1];
  char address[FDWIRE_ADDRESS_MAX];
  int listener = check(argv[argc - 2], fdwire_listen(argv[argc - 2], 1));
  check("address", fdwire_local_address(listener, address, sizeof address));
  printf("listening on %s\n", address);
  fflush(stdout);
  int fd = check("accept", fdwire_accept(listener, -1));
  fdwire_close(listener);
  if (strncmp(address, "unix:/", 6) == 0)
    unlink(address + 5);

  fdwire_format *format;
  fdwire_conn *conn;
  fdwire_msg head;
  uint64_t size = 0;
  check("format", fdwire_format_new(TRANSFER_FORMAT, &format, NULL, 0));
  check("connection", fdwire_conn_new(fd, fd, format, &conn));
  int result = check("receive", fdwire_conn_recv_begin(conn, &head, &size, TIMEOUT));
  check("the sender has sent nothing", result == 0 ? FDWIRE_E_TRUNCATED : 0);
  int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  check(name, file < 0 ? -errno : 0);
  struct progress progress = new_progress(size, forced);
  uint64_t sum = receive_parts(conn, file, &progress);
  check(name, fdwire_close(file)); /* the last chance of the disk to say that it is full */

  int same = same_checksum(conn, sum);
  check("finish", fdwire_conn_finish(conn, NULL, TIMEOUT));
  fdwire_conn_free(conn);
  fdwire_format_free(format);
  fdwire_close(fd);
  printf("received %llu bytes, checksum %016llx, which is %sthat of the sender\n",
         (unsigned long long)size, (unsigned long long)sum, same ? "" : "NOT ");
  return !same;
}
