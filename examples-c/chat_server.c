/* A chat: what one client says, all others get. Hundreds of clients, one thread, one epoll.
 *
 *     chat_server ADDRESS FORMAT [CLIENTS]      chat_server 127.0.0.1:9000 "line max=8K"
 *                                               chat_server unix:/tmp/chat.sock "u32be max=8K" 200
 *
 * Only epoll_wait waits. What a client has no room for waits in its connection, up to SEND_LIMIT;
 * one that lets more come together is dropped, and the others go on. The server ends after so many
 * clients, if told how many. chat_clients talks to it; with lines, nc(1) does as well. */
#include "example.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { SEND_LIMIT = 1 << 20, CLIENTS_MAX = 1000, EVENTS_MAX = 64 };

struct client {
  fdwire_conn *conn;
  int fd, number;
  int polled; /* the events that epoll watches for */
  int full;   /* its socket takes no more, until epoll says so */
  int over;   /* no more is received from it, nor told to it, and why: */
  int result;
};

static struct client *clients[CLIENTS_MAX];
static int present, accepted, crowded, epoll;

static void watch(int operation, int fd, int events, struct client *client) {
  struct epoll_event event = {.events = (uint32_t)events, .data.ptr = client};
  check("epoll_ctl", epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0);
}

/* It stays until the events in hand are done with: one of them may be its own. */
static void leave(struct client *client, int result) {
  client->over = 1;
  client->result = result;
}

static void tell_others(struct client *from, const fdwire_msg *msg) {
  for (int i = 0; i < present; i++) {
    struct client *to = clients[i];
    int result = to == from || to->over ? 0 : fdwire_conn_queue(to->conn, msg, 1);
    if (result == -ENOBUFS)
      leave(to, result);
    if (result == -EMSGSIZE)
      leave(from, result);
    /* Other errors are those of a client that went away: receiving will say how it ended. */
  }
}

/* Takes what one read brings and goes back to epoll, so that no client keeps the others waiting.
 * All of it: epoll knows nothing of messages that are inside already. */
static void listen_to(struct client *client) {
  fdwire_msg msg;
  do {
    int result = fdwire_conn_recv(client->conn, &msg, 0);
    if (result == 1)
      tell_others(client, &msg);
    else if (result != -EAGAIN)
      leave(client, result);
  } while (!client->over && (fdwire_conn_events(client->conn) & FDWIRE_READY));
}

/* 0 is a client that has said all; what the others said meanwhile has reached it by now. */
static void farewell(struct client *client) {
  char why[400] = "";
  uint64_t unsent = 0;
  fdwire_stats stats;
  fdwire_conn_stats(client->conn, &stats, sizeof stats);
  if (client->result < 0 && client->result != -ENOBUFS)
    fdwire_conn_explain(client->conn, why, sizeof why);
  int end = fdwire_conn_finish(client->conn, &unsent, 0);
  printf("client %d said %llu, was told %llu: ", client->number,
         (unsigned long long)stats.messages_in, (unsigned long long)stats.messages_out);
  if (client->result == -ENOBUFS)
    printf("dropped, since it reads too slowly");
  else if (client->result < 0)
    printf("%s, %s", fdwire_error_name(client->result), why);
  else
    printf("%s", end == 0 ? "ended" : fdwire_error_name(end));
  if (unsent > 0)
    printf("; %llu bytes never left", (unsigned long long)unsent);
  putchar('\n');
  fdwire_conn_free(client->conn);
  free(client);
  crowded = 0;
}

/* Sends what a client was told, and decides what to wait for: for room only while bytes wait. */
static int stays(struct client *client) {
  if (!client->full)
    client->full = fdwire_conn_flush(client->conn, 0) == -EAGAIN;
  if (client->over && (client->result < 0 || !client->full))
    return 0;
  int events = fdwire_conn_events(client->conn) & (EPOLLIN | EPOLLOUT);
  if (events != client->polled)
    watch(EPOLL_CTL_MOD, client->fd, client->polled = events, client);
  return 1;
}

static void welcome(int fd, const fdwire_format *format) {
  struct client *client = calloc(1, sizeof *client);
  check("memory", client == NULL ? -ENOMEM : 0);
  check("connection", fdwire_conn_new(fd, fd, format, &client->conn));
  check("limit", fdwire_conn_set(client->conn, FDWIRE_SEND_LIMIT, SEND_LIMIT));
  check("own", fdwire_conn_set(client->conn, FDWIRE_OWN, FDWIRE_BOTH));
  check("one thread", fdwire_conn_set(client->conn, FDWIRE_ONE_THREAD, FDWIRE_BOTH));
  client->fd = fd;
  client->number = ++accepted;
  client->polled = EPOLLIN;
  watch(EPOLL_CTL_ADD, fd, EPOLLIN, client);
  clients[present++] = client;
}

/* Where descriptors run out, the next client waits until one leaves. */
static void accept_all(int listener, const fdwire_format *format, int wanted) {
  while (present < CLIENTS_MAX && accepted != wanted) {
    int fd = fdwire_accept(listener, 0);
    if (fd == -EAGAIN)
      return;
    crowded = present > 0 && (fd == -EMFILE || fd == -ENFILE);
    if (crowded)
      return;
    welcome(check("accept", fd), format);
  }
}

static void serve(int listener, const fdwire_format *format, int wanted) {
  struct epoll_event events[EVENTS_MAX];
  int listening = 0;
  while (accepted != wanted || present > 0) {
    int room = present < CLIENTS_MAX && accepted != wanted && !crowded;
    if (room != listening)
      watch(EPOLL_CTL_MOD, listener, (listening = room) ? EPOLLIN : 0, NULL);
    int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
    for (int i = 0; i < count; i++) {
      struct client *client = events[i].data.ptr;
      if (client == NULL) {
        accept_all(listener, format, wanted);
        continue;
      }
      if (events[i].events & ~(uint32_t)EPOLLIN)
        client->full = 0;
      if (!client->over && (events[i].events & ~(uint32_t)EPOLLOUT))
        listen_to(client);
    }
    for (int i = present; i-- > 0;) {
      if (stays(clients[i]))
        continue;
      farewell(clients[i]);
      clients[i] = clients[--present];
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4)
    return fprintf(stderr, "usage: chat_server ADDRESS FORMAT [CLIENTS]\n"), 2;
  char address[FDWIRE_ADDRESS_MAX], why[300];
  fdwire_format *format;
  if (fdwire_format_new(argv[2], &format, why, sizeof why) < 0)
    return fprintf(stderr, "%s\n", why), 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  int listener = check(argv[1], fdwire_listen(argv[1], 0));
  check("address", fdwire_local_address(listener, address, sizeof address));
  epoll = epoll_create1(EPOLL_CLOEXEC);
  check("epoll", epoll < 0 ? -errno : 0);
  watch(EPOLL_CTL_ADD, listener, 0, NULL);
  printf("listening on %s\n", address);
  serve(listener, format, argc > 3 ? atoi(argv[3]) : -1);
  fdwire_close(epoll);
  fdwire_close(listener);
  fdwire_format_free(format);
  if (strncmp(argv[1], "unix:/", 6) == 0)
    unlink(argv[1] + 5);
  return 0;
}
