/* Libraries that make their own sockets get the congestion control that all others have, by a
 * socket() of the program's own: the runner names it in CONGESTION. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int socket(int domain, int type, int protocol) __attribute__((visibility("default")));

int socket(int domain, int type, int protocol) {
  const char *name = getenv("CONGESTION");
  int fd = (int)syscall(SYS_socket, domain, type, protocol);
  if (fd >= 0 && name != NULL && (domain == AF_INET || domain == AF_INET6))
    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
  return fd;
}
