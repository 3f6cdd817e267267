/* Sends every message back to where it came from.
 *
 *     echo_server ADDRESS [CONNECTIONS]        echo_server 127.0.0.1:9000
 *                                              echo_server unix:/tmp/echo.sock 1
 *
 * It prints the address that it listens on (port 0 chooses one) and ends after that many connections, if told how many. */
#include "example.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The next message, in a buffer that grows as messages do. Nothing of one that is too long for it is lost on a socket:
 * the call says how much room it needs, and the next call gets it. */
static int receive(int fd, char **buf, size_t *cap, size_t *len) {
  int result;
  while ((result = fdwire_recv(fd, NULL, *buf, *cap, len, -1)) == -ENOBUFS) {
    char *larger = realloc(*buf, *len);
    if (larger == NULL)
      return result;
    *buf = larger;
    *cap = *len;
  }
  return result;
}

static void serve(int fd) {
  char *buf = NULL;
  size_t cap = 0, len = 0, messages = 0, bytes = 0;
  int result;
  while ((result = receive(fd, &buf, &cap, &len)) == 1 && (result = fdwire_send(fd, NULL, buf, len, -1)) == 0) {
    messages++;
    bytes += len;
  }
  free(buf);
  printf("served %zu messages, %zu bytes; the client %s\n", messages, bytes,
         result == 0 ? "ended" : fdwire_error_name(result));
  result = fdwire_finish(fd, 1000);
  if (result < 0)
    printf("and the connection ended with %s\n", fdwire_error_name(result));
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: echo_server ADDRESS [CONNECTIONS]\n");
    return 2;
  }
  char address[FDWIRE_ADDRESS_MAX];
  int listener = check(argv[1], fdwire_listen(argv[1], 0));
  check("address", fdwire_local_address(listener, address, sizeof address));
  printf("listening on %s\n", address);
  fflush(stdout);

  for (long left = argc > 2 ? atol(argv[2]) : -1; left != 0; left -= left > 0)
    serve(check("accept", fdwire_accept(listener, -1)));
  fdwire_close(listener);
  if (strncmp(argv[1], "unix:/", 6) == 0)
    unlink(argv[1] + 5);
  return 0;
}
