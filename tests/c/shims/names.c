/* Loaded by LD_PRELOAD: the name "several.test" has the addresses 127.0.0.3, 127.0.0.2 and 127.0.0.1, in that order. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static struct addrinfo entries[3];
static struct sockaddr_in addresses[3];

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  if (name == NULL || strcmp(name, "several.test") != 0) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
    return next(name, service, hints, result);
  }
  for (int i = 0; i < 3; i++) {
    addresses[i].sin_family = AF_INET;
    addresses[i].sin_port = htons((unsigned short)(service ? atoi(service) : 0));
    addresses[i].sin_addr.s_addr = htonl(0x7f000003u - (unsigned)i);
    entries[i].ai_family = AF_INET;
    entries[i].ai_socktype = SOCK_STREAM;
    entries[i].ai_addr = (struct sockaddr *)&addresses[i];
    entries[i].ai_addrlen = sizeof addresses[i];
    entries[i].ai_next = i < 2 ? &entries[i + 1] : NULL;
  }
  *result = entries;
  return 0;
}

void freeaddrinfo(struct addrinfo *result) {
  if (result == entries)
    return;
  void (*next)(struct addrinfo *);
  *(void **)&next = dlsym(RTLD_NEXT, "freeaddrinfo");
  next(result);
}
