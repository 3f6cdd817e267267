/* Messages between a parent and its child over two pipes: the child squares numbers until there are no more. */
#include "example.h"

#include <sys/wait.h>
#include <unistd.h>

/* One number a message, 8 bytes in network order, behind a length of one byte. */
static void put(int fd, const fdwire_format *format, uint64_t number) {
  unsigned char body[8];
  fdwire_put_u64be(body, number);
  check("send", fdwire_send(fd, format, body, sizeof body, 5000));
}

static int get(int fd, const fdwire_format *format, uint64_t *number) {
  unsigned char body[8];
  size_t len = 0;
  int result = check("receive", fdwire_recv(fd, format, body, sizeof body, &len, 5000));
  *number = fdwire_get_u64be(body);
  return result == 1 && len == sizeof body;
}

int main(void) {
  int down[2], up[2], status = 1;
  uint64_t number, sum = 0;
  fdwire_format *format = NULL;
  check("format", fdwire_format_new("u8", &format, NULL, 0));
  if (pipe(down) < 0 || pipe(up) < 0)
    return 1;

  if (fork() == 0) {
    fdwire_close(down[1]);
    fdwire_close(up[0]);
    while (get(down[0], format, &number))
      put(up[1], format, number * number);
    _exit(0);
  }
  fdwire_close(down[0]);
  fdwire_close(up[1]);
  for (uint64_t i = 1; i <= 100; i++) {
    put(down[1], format, i);
    if (get(up[0], format, &number))
      sum += number;
  }
  fdwire_close(down[1]); /* the end of the stream is the child's end of work */
  wait(&status);
  fdwire_close(up[0]);
  fdwire_format_free(format);
  printf("the sum of the first 100 squares is %llu\n", (unsigned long long)sum);
  return status == 0 && sum == 338350 ? 0 : 1;
}
