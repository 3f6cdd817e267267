/* The Python Socket HOWTO's MySocket in C: messages of a fixed length, however few bytes send and recv move at a time.
 * https://docs.python.org/3/howto/sockets.html */
#include "example.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MSGLEN 24

/* The HOWTO's mysend: a loop around send until all has moved. */
static void mysend(int fd, const char msg[MSGLEN]) {
  check("mysend", fdwire_write_all(fd, msg, MSGLEN, NULL, 5000));
}

/* The HOWTO's myreceive: a loop around recv; "socket connection broken" is told apart from a clean end. */
static int myreceive(int fd, char msg[MSGLEN]) {
  return check("myreceive", fdwire_read_exact(fd, msg, MSGLEN, NULL, 5000));
}

/* A peer as bad as the HOWTO fears: a byte at a time. */
static void dribble(int fd, const char *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    check("dribble", fdwire_write_all(fd, bytes + i, 1, NULL, 5000));
    usleep(1000);
  }
}

int main(void) {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
    return 1;
  char first[MSGLEN] = "a message, dribbled", second[MSGLEN] = "and its answer", msg[MSGLEN];

  if (fork() == 0) {
    fdwire_close(fds[0]);
    dribble(fds[1], first, MSGLEN);
    if (myreceive(fds[1], msg) == 1)
      printf("child:  \"%s\"\n", msg);
    fflush(stdout);
    dribble(fds[1], "cut", 3); /* goes away in the middle of a message */
    _exit(0);
  }
  fdwire_close(fds[1]);
  if (myreceive(fds[0], msg) == 1)
    printf("parent: \"%s\"\n", msg);
  fflush(stdout);
  mysend(fds[0], second);

  size_t done = 0;
  int result = fdwire_read_exact(fds[0], msg, MSGLEN, &done, 5000);
  printf("parent: %s after %zu of %d bytes\n", fdwire_error_name(result), done, MSGLEN);
  fdwire_close(fds[0]);
  int status = 1;
  wait(&status);
  return status == 0 && result == FDWIRE_E_TRUNCATED && done == 3 ? 0 : 1;
}
