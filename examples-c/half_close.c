/* An exchange as in HTTP: the client sends its request and shuts down writing, the server sees the end of the stream, answers,
 * and finishes so that the answer arrives whole. */
#include "example.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void server(int fd) {
  char line[64], answer[32];
  size_t len = 0, lines = 0, bytes = 0;
  while (check("request", fdwire_recv(fd, NULL, line, sizeof line, &len, 5000)) == 1) {
    lines++;
    bytes += len;
  }
  /* 0: the client has sent all that it had to say, and still listens. */
  int n = snprintf(answer, sizeof answer, "%zu lines, %zu bytes", lines, bytes);
  check("answer", fdwire_send(fd, NULL, answer, (size_t)n, 5000));
  check("finish", fdwire_finish(fd, 5000));
}

static void client(const char *address) {
  static const char *const request[] = {"GET / HTTP/1.1", "Host: localhost", ""};
  char answer[64];
  size_t len = 0;
  int fd = check("connect", fdwire_connect(address, 5000));
  for (size_t i = 0; i < 3; i++)
    check("send", fdwire_send(fd, NULL, request[i], strlen(request[i]), 5000));
  check("shutdown", fdwire_shutdown(fd, FDWIRE_SHUT_WR));

  check("receive", fdwire_recv(fd, NULL, answer, sizeof answer, &len, 5000));
  printf("the server has seen %.*s\n", (int)len, answer);
  if (check("end", fdwire_recv(fd, NULL, answer, sizeof answer, &len, 5000)) == 0)
    printf("and has ended the stream as well\n");
  fdwire_close(fd);
}

int main(void) {
  char address[FDWIRE_ADDRESS_MAX];
  int listener = check("listen", fdwire_listen("127.0.0.1:0", 1)), status = 1;
  check("address", fdwire_local_address(listener, address, sizeof address));
  if (fork() == 0) {
    client(address);
    return 0;
  }
  server(check("accept", fdwire_accept(listener, 5000)));
  fdwire_close(listener);
  wait(&status);
  return status == 0 ? 0 : 1;
}
