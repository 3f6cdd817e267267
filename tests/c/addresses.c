/* Addresses: TCP v4 and v6 and Unix, names with several addresses, and what is none. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

static char dir[] = "/tmp/fdwire-test-XXXXXX";

/* Connects through the text that the listener gives of itself, and exchanges a message. */
static void talk(const char *address, const char *begins) {
  char local[FDWIRE_ADDRESS_MAX], body[8];
  size_t len = 0;
  int listener = fdwire_listen(address, 5);
  if (listener == -EADDRNOTAVAIL || listener == -EAFNOSUPPORT) {
    printf("     (no %s on this machine)\n", address);
    return;
  }
  CHECK(listener >= 0);
  CHECK_IS(fdwire_local_address(listener, local, sizeof local), 0);
  CHECK(strncmp(local, begins, strlen(begins)) == 0);
  CHECK(strstr(local, ":0") == NULL || strcmp(local, address) == 0);
  for (int timeout = -1; timeout <= 2000; timeout += 2001) {
    int client = fdwire_connect(local, timeout);
    int server = fdwire_accept(listener, timeout);
    CHECK(client >= 0 && server >= 0);
    CHECK_IS(fdwire_send(client, NULL, "hello", 5, 1000), 0);
    CHECK_IS(fdwire_recv(server, NULL, body, sizeof body, &len, 1000), 1);
    CHECK_IS(fdwire_close(client), 0);
    CHECK_IS(fdwire_close(server), 0);
  }
  CHECK_IS(fdwire_local_address(listener, local, strlen(local)), -ENOBUFS);
  CHECK_IS(fdwire_close(listener), 0);
}

static void each_family(void) {
  char path[64];
  talk("127.0.0.1:0", "127.0.0.1:");
  talk("localhost:0", "");
  talk("[::1]:0", "[::1]:");
  snprintf(path, sizeof path, "unix:%s/socket", dir);
  talk(path, path);
  unlink(path + 5);
  snprintf(path, sizeof path, "unix:@fdwire-test-%d", (int)getpid());
  talk(path, path);
}

static void what_is_no_address(void) {
  static const char *const texts[] = {"", ":", "localhost", "127.0.0.1:", ":80", "127.0.0.1:http", "127.0.0.1:65536",
                                      "127.0.0.1:-1", "127.0.0.1:+1", "::1:80", "[::1]", "[::1:80", "unix:", "\xff:1"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    CHECK_IS(fdwire_connect(texts[i], 100), -EINVAL);
    CHECK_IS(fdwire_listen(texts[i], 1), -EINVAL);
  }
  char path[200] = "unix:/tmp/";
  memset(path + strlen(path), 'x', 150);
  CHECK_IS(fdwire_connect(path, 100), -ENAMETOOLONG);
  CHECK_IS(fdwire_listen(path, 1), -ENAMETOOLONG);
  CHECK_IS(fdwire_listen("127.0.0.1:0", -1), -EINVAL);
  CHECK_IS(fdwire_connect("no-such-host.invalid:1", 100), FDWIRE_E_RESOLVE);
  CHECK_IS(fdwire_listen("no-such-host.invalid:1", 1), FDWIRE_E_RESOLVE);
  CHECK_IS(fdwire_connect("unix:/no/such/socket", 100), -ENOENT);
}

static void what_does_not_answer(void) {
  char address[FDWIRE_ADDRESS_MAX];
  int listener = fdwire_listen("127.0.0.1:0", 1);
  NEED(fdwire_local_address(listener, address, sizeof address) == 0);
  CHECK_IS(fdwire_listen(address, 1), -EADDRINUSE);
  close(listener);
  CHECK_IS(fdwire_connect(address, -1), -ECONNREFUSED);
  CHECK_IS(fdwire_connect(address, 1000), -ECONNREFUSED);
}

/* A listener whose queue is full does not answer: the time is up when it is up. */
static void a_deadline_to_connect(void) {
  char path[64];
  snprintf(path, sizeof path, "unix:%s/full", dir);
  const char *addresses[2] = {"127.0.0.1:0", path};
  for (int i = 0; i < 2; i++) {
    char address[FDWIRE_ADDRESS_MAX];
    int listener = fdwire_listen(addresses[i], 1), fds[20], n = 0;
    NEED(listener >= 0 && fdwire_local_address(listener, address, sizeof address) == 0);
    while (n < 20 && (fds[n] = fdwire_connect(address, 100)) >= 0)
      n++;
    CHECK(n < 20);
    CHECK_IS(fds[n], -ETIMEDOUT);
    long long start = now_ms();
    CHECK_IS(fdwire_connect(address, 200), -ETIMEDOUT);
    CHECK(now_ms() - start >= 200 && now_ms() - start < 1000);
    start = now_ms();
    CHECK_IS(fdwire_connect(address, 0), -EAGAIN);
    CHECK(now_ms() - start < 100);
    while (n > 0)
      close(fds[--n]);
    close(listener);
  }
  unlink(path + 5);
}

/* What is connected with a deadline is an ordinary blocking socket without time-outs afterwards. */
static void no_traces_of_the_deadline(void) {
  char path[64];
  snprintf(path, sizeof path, "unix:%s/plain", dir);
  int listener = fdwire_listen(path, 1), client = fdwire_connect(path, 1000);
  NEED(listener >= 0 && client >= 0);
  struct timeval timeout = {1, 1};
  socklen_t size = sizeof timeout;
  NEED(getsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &timeout, &size) == 0);
  CHECK(timeout.tv_sec == 0 && timeout.tv_usec == 0);
  CHECK_IS(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
  close(client);
  close(listener);
  unlink(path + 5);
}

/* Names that would read as another one's, or as none, are not given. */
static void names_that_no_text_says(void) {
  static const struct {
    const char *name;
    size_t len;
  } names[] = {{"\0\xff\xff\xff", 4}, {"\0one\0two", 8}, {"@relative", 9}, {"\xff\xfe", 2}};
  char address[FDWIRE_ADDRESS_MAX], cwd[4096];
  NEED(getcwd(cwd, sizeof cwd) != NULL && chdir(dir) == 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    struct sockaddr_un name;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    memset(&name, 0, sizeof name);
    name.sun_family = AF_UNIX;
    memcpy(name.sun_path, names[i].name, names[i].len);
    NEED(bind(fd, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + names[i].len)) == 0);
    CHECK_IS(fdwire_local_address(fd, address, sizeof address), -EINVAL);
    close(fd);
    if (names[i].name[0] != '\0')
      unlink(names[i].name);
  }
  NEED(chdir(cwd) == 0);
}

static void what_does_not_listen(void) {
  int fds[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  char address[FDWIRE_ADDRESS_MAX];
  for (int timeout = -1; timeout <= 1000; timeout += timeout < 0 ? 1 : 1000)
    CHECK_IS(fdwire_accept(fds[0], timeout), -EINVAL);
  CHECK_IS(fdwire_local_address(fds[0], address, sizeof address), -EINVAL); /* it has no name */
  close_way(fds);
  NEED(pipe(fds) == 0);
  CHECK_IS(fdwire_accept(fds[0], -1), -ENOTSOCK);
  CHECK_IS(fdwire_accept(fds[0], 100), -ENOTSOCK);
  CHECK_IS(fdwire_local_address(fds[0], address, sizeof address), -ENOTSOCK);
  close_way(fds);
}

/* The name "several.test" has the addresses 127.0.0.3, which refuses, 127.0.0.2, which is silent where the test makes it so, and
 * 127.0.0.1: the shim that gives it to them is loaded by the test runner. */
static void every_address_of_a_name(void) {
  if (getenv("FDWIRE_TEST_NAMES") == NULL)
    return;
  char address[FDWIRE_ADDRESS_MAX], silent[FDWIRE_ADDRESS_MAX], name[64];
  int listener = fdwire_listen("127.0.0.1:0", 5);
  NEED(fdwire_local_address(listener, address, sizeof address) == 0);
  const char *port = strrchr(address, ':');
  snprintf(name, sizeof name, "several.test%s", port);

  int client = fdwire_connect(name, 5000); /* refused twice, then answered */
  CHECK(client >= 0);
  close(client);

  snprintf(silent, sizeof silent, "127.0.0.2%s", port);
  int full = fdwire_listen(silent, 1), fds[20], n = 0;
  NEED(full >= 0);
  while (n < 20 && (fds[n] = fdwire_connect(silent, 100)) >= 0)
    n++;
  long long start = now_ms();
  client = fdwire_connect(name, 5000); /* the silent one gets half of the time */
  CHECK(client >= 0);
  CHECK(now_ms() - start >= 1900 && now_ms() - start < 4000);
  close(client);
  close(listener);
  start = now_ms();
  CHECK_IS(fdwire_connect(name, 300), -ETIMEDOUT); /* the silent one took it all */
  CHECK(now_ms() - start >= 300 && now_ms() - start < 1000);
  while (n > 0)
    close(fds[--n]);
  close(full);
  CHECK_IS(fdwire_connect(name, 300), -ECONNREFUSED);
}

int main(void) {
  check_begin();
  NEED(mkdtemp(dir) != NULL);
  RUN(each_family);
  RUN(what_is_no_address);
  RUN(what_does_not_answer);
  RUN(a_deadline_to_connect);
  RUN(no_traces_of_the_deadline);
  RUN(names_that_no_text_says);
  RUN(what_does_not_listen);
  RUN(every_address_of_a_name);
  rmdir(dir);
  return check_end();
}
