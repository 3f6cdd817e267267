/* Where the programs of this folder meet: one server, many languages, one Unix socket.
 *
 *     server ADDRESS PARTICIPANTS [LIE]      server unix:target/hall 12
 *
 * Frames are u32le. The first message of a connection says what it comes for:
 *
 *     hello from NAME     It takes part. When as many have said so as are expected, each gets all
 *                         these greetings; from then on, what it sends comes back to it, until it
 *                         ends sending.
 *     too much, please    It gets 2 MiB, more than the format of the programs allows.
 *
 * It serves until its standard input ends, and then says what it did. A LIE is told to everybody,
 * to see that the programs notice:
 *
 *     greeting   the first byte of one of them is another
 *     byte       a bit of the large message is another
 *     lost       a message of the batch does not come back
 *     order      two of them come back in the wrong order
 *     end        the stream ends inside a message
 *     limit      who asks for too much gets what is allowed
 */
#include "fdwire.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64, SHORT = 100, TOO_MUCH = 2 << 20 };
enum { LARGE = 2, IN_THE_BATCH = 500 }; /* the numbers of messages to lie about */

struct text {
  uint8_t bytes[SHORT];
  size_t len;
};

struct client {
  fdwire_conn *conn;
  int fd;
  enum { STRANGER, WAITING, GUEST, GREEDY } state;
  int over;         /* it has ended sending */
  int echoes;       /* messages that it sent as a guest */
  struct text kept; /* the one that a liar holds back */
};

static const char *lie = "";
static fdwire_format *format;
static struct client *clients[CLIENTS_MAX];
static struct text greetings[CLIENTS_MAX];
static int present, expected, joined;
static int ended, echoed, greedy, broken;

static int check(const char *what, int result) {
  if (result >= 0)
    return result;
  fprintf(stderr, "server: %s: %s\n", what, fdwire_error_name(result));
  exit(1);
}

static int tells(const char *which) { return strcmp(lie, which) == 0; }

static void queue(struct client *client, const void *bytes, size_t len) {
  fdwire_msg msg = {NULL, (const uint8_t *)bytes, 0, len, 0};
  check("queue", fdwire_conn_queue(client->conn, &msg, 1));
}

static struct text keep(const fdwire_msg *msg) {
  struct text text;
  text.len = msg->body_len < SHORT ? msg->body_len : SHORT;
  memcpy(text.bytes, msg->body, text.len);
  return text;
}

/* All are there: nobody who came late has missed anything. */
static void introduce_all(void) {
  if (tells("greeting"))
    greetings[0].bytes[0] ^= 1;
  for (int i = 0; i < present; i++) {
    if (clients[i]->state != WAITING)
      continue;
    for (int from = 0; from < joined; from++)
      queue(clients[i], greetings[from].bytes, greetings[from].len);
    clients[i]->state = GUEST;
  }
}

static void queue_with_a_wrong_bit(struct client *client, const fdwire_msg *msg) {
  uint8_t *copy = (uint8_t *)malloc(msg->body_len + 1);
  check("memory", copy == NULL ? -ENOMEM : 0);
  memcpy(copy, msg->body, msg->body_len);
  copy[msg->body_len / 2] ^= 1;
  queue(client, copy, msg->body_len);
  free(copy);
}

static void echo(struct client *client, const fdwire_msg *msg) {
  int number = client->echoes++;
  echoed++;
  if (tells("byte") && number == LARGE)
    queue_with_a_wrong_bit(client, msg);
  else if (tells("order") && number == IN_THE_BATCH)
    client->kept = keep(msg);
  else if (!tells("lost") || number != IN_THE_BATCH)
    queue(client, msg->body, msg->body_len);
  if (tells("order") && number == IN_THE_BATCH + 1)
    queue(client, client->kept.bytes, client->kept.len);
}

static int begins(const fdwire_msg *msg, const char *text) {
  size_t len = strlen(text);
  return msg->body_len >= len && memcmp(msg->body, text, len) == 0;
}

/* 1, or below 0 for somebody who does not know what to say here. */
static int get_to_know(struct client *client, const fdwire_msg *msg) {
  static const uint8_t bytes[TOO_MUCH];
  if (begins(msg, "too much, please")) {
    client->state = GREEDY;
    greedy++;
    queue(client, bytes, tells("limit") ? SHORT : TOO_MUCH);
    return 1;
  }
  if (!begins(msg, "hello from ") || joined == expected)
    return FDWIRE_E_MALFORMED;
  client->state = WAITING;
  greetings[joined++] = keep(msg);
  if (joined == expected)
    introduce_all();
  return 1;
}

/* Takes what came. Who waits is not listened to: the kernel keeps what it says meanwhile. */
static int listen_to(struct client *client) {
  fdwire_msg msg;
  while (client->state != WAITING) {
    int result = fdwire_conn_recv(client->conn, &msg, 0);
    if (result == 1 && client->state == STRANGER)
      result = get_to_know(client, &msg);
    else if (result == 1 && client->state == GUEST)
      echo(client, &msg);
    if (result == 0)
      client->over = 1;
    if (result != 1)
      return result == -EAGAIN ? 0 : result;
  }
  return 0;
}

/* 1: it stays; 0: all was said; below 0: it broke off. */
static int attend(struct client *client, int revents) {
  int result = 0;
  if (client->state == WAITING && (revents & (POLLHUP | POLLERR)))
    return -ECONNRESET;
  if (!client->over && (result = listen_to(client)) < 0)
    return result;
  result = fdwire_conn_flush(client->conn, 0);
  if (result < 0 && result != -EAGAIN)
    return result;
  return client->over && result == 0 ? 0 : 1;
}

static void end_inside_a_message(struct client *client) {
  check("begin", fdwire_conn_send_begin(client->conn, NULL, 0, SHORT, -1));
  check("part", fdwire_conn_send_part(client->conn, "half", 4, -1));
}

/* Whoever got too much goes away with most of it unread, which is how it should be. */
static void part_with(struct client *client, int result) {
  if (client->state == GUEST && result == 0) {
    ended++;
    if (tells("end"))
      end_inside_a_message(client);
  } else if (client->state != GREEDY) {
    broken++;
    fprintf(stderr, "server: one broke off: %s\n", fdwire_error_name(result));
  }
  fdwire_conn_free(client->conn);
  free(client);
}

static void welcome(int listener) {
  int fd = fdwire_accept(listener, 0);
  if (fd == -EAGAIN)
    return;
  struct client *client = (struct client *)calloc(1, sizeof *client);
  check("memory", client == NULL ? -ENOMEM : 0);
  client->fd = check("accept", fd);
  check("connection", fdwire_conn_new(fd, fd, format, &client->conn));
  check("own", fdwire_conn_set(client->conn, FDWIRE_OWN, FDWIRE_BOTH));
  clients[present++] = client;
}

static void serve(int listener) {
  struct pollfd polled[2 + CLIENTS_MAX] = {{0, POLLIN, 0}, {listener, POLLIN, 0}};
  while (polled[0].revents == 0) {
    int timeout = -1;
    for (int i = 0; i < present; i++) {
      int events = check("events", fdwire_conn_events(clients[i]->conn));
      if (clients[i]->over || clients[i]->state == WAITING)
        events &= POLLOUT;
      if (events & FDWIRE_READY)
        timeout = 0;
      polled[2 + i].fd = clients[i]->fd;
      polled[2 + i].events = (short)(events & (POLLIN | POLLOUT));
    }
    polled[1].events = present < CLIENTS_MAX ? POLLIN : 0;
    if (poll(polled, 2 + (nfds_t)present, timeout) < 0)
      check("poll", errno == EINTR ? 0 : -errno);
    for (int i = present; i-- > 0;) {
      int result = attend(clients[i], polled[2 + i].revents);
      if (result > 0)
        continue;
      part_with(clients[i], result);
      clients[i] = clients[--present];
    }
    if (polled[1].revents)
      welcome(listener);
  }
}

int main(int argc, char **argv) {
  if (argc < 3 || argc > 4)
    return fprintf(stderr, "usage: server ADDRESS PARTICIPANTS [LIE]\n"), 2;
  expected = atoi(argv[2]);
  if (expected < 1 || expected > CLIENTS_MAX / 2)
    return fprintf(stderr, "server: 1 to %d participants\n", CLIENTS_MAX / 2), 2;
  lie = argc > 3 ? argv[3] : "";
  check("format", fdwire_format_new("u32le", &format, NULL, 0));
  int listener = check(argv[1], fdwire_listen(argv[1], 0));
  puts("listening");
  fflush(stdout);
  serve(listener);
  while (present > 0)
    part_with(clients[--present], -ECANCELED);
  printf("%d came, %d ended, %d messages came back, %d got too much, %d broke off\n", joined, ended,
         echoed, greedy, broken);
  fdwire_close(listener);
  fdwire_format_free(format);
  if (strncmp(argv[1], "unix:", 5) == 0)
    unlink(argv[1] + 5);
  return 0;
}
