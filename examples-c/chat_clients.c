/* Clients for chat_server, hundreds of them in one thread with poll(2). Each has to hear, in order,
 * all that every other says; but for one that never reads, and has to be dropped.
 *
 *     chat_clients ADDRESS FORMAT CLIENTS ROUNDS
 *     chat_clients 127.0.0.1:9000 "line max=8K" 200 20
 *
 * A client goes on to its next round when it has heard all others in this one. So two rounds at
 * most are on their way to it, and nobody falls behind but the one that does not read. */
#include "example.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

enum { TIMEOUT = 30000, TEXT_MAX = 1000 };

struct client {
  fdwire_conn *conn;
  int *heard; /* rounds, of each of the others */
  int said;   /* rounds */
  int left;   /* messages to be heard until the end of the chat */
};

static int count, rounds;
static struct client *clients;
static struct pollfd *polls;

static void need(int holds, int who, const char *what) {
  if (!holds) {
    fprintf(stderr, "client %d: %s\n", who, what);
    exit(1);
  }
}

static fdwire_conn *join(const char *address, const fdwire_format *format, int *fd) {
  fdwire_conn *conn;
  *fd = check(address, fdwire_connect(address, TIMEOUT));
  check("connection", fdwire_conn_new(*fd, *fd, format, &conn));
  check("own", fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH));
  return conn;
}

/* What a client says in a round: both numbers, and some dots, so that lengths differ. */
static size_t text_of(char text[TEXT_MAX], int who, int round) {
  int len = snprintf(text, TEXT_MAX, "%d %d ", who, round);
  int dots = (who * 37 + round * 101) % (TEXT_MAX - len);
  memset(text + len, '.', (size_t)dots);
  return (size_t)(len + dots);
}

static void say(int me) {
  char text[TEXT_MAX];
  size_t len = text_of(text, me, clients[me].said++);
  check("send", fdwire_conn_send(clients[me].conn, text, len, 0));
}

/* Whether this client's turn has come. Nobody begins before hearing somebody: the last that joined,
 * and when the server hears that one, it has let in all others. */
static int may_speak(int me) {
  if (clients[me].said == 0 || clients[me].said == rounds)
    return clients[me].said == 0;
  for (int who = 0; who < count; who++)
    if (who != me && clients[me].heard[who] < clients[me].said)
      return 0;
  return 1;
}

static void hear(int me, const fdwire_msg *msg) {
  char text[TEXT_MAX];
  fdwire_reader reader;
  fdwire_reader_init(&reader, msg->body, msg->body_len, FDWIRE_BIG);
  uint64_t who = fdwire_read_decimal(&reader);
  need(reader.status == 0 && who < (uint64_t)count && (int)who != me, me, "who said that?");
  size_t len = text_of(text, (int)who, clients[me].heard[who]++);
  need(msg->body_len == len && memcmp(msg->body, text, len) == 0, me, "that was not said");
  clients[me].left--;
  while (may_speak(me))
    say(me);
}

/* Until every client has heard everything. */
static void chat(void) {
  fdwire_msg msg;
  say(count - 1);
  for (int going = count; going > 0;) {
    for (int i = 0; i < count; i++)
      polls[i].events = (short)(fdwire_conn_events(clients[i].conn) & (POLLIN | POLLOUT));
    int ready = poll(polls, (nfds_t)count, TIMEOUT);
    check("poll", ready < 0 ? -errno : ready == 0 ? -ETIMEDOUT : 0);
    for (int i = 0; i < count; i++) {
      int result = -EAGAIN, before = clients[i].left;
      if (polls[i].revents & POLLOUT)
        fdwire_conn_flush(clients[i].conn, 0);
      if (polls[i].revents & ~POLLOUT)
        while ((result = fdwire_conn_recv(clients[i].conn, &msg, 0)) == 1)
          hear(i, &msg);
      need(result == -EAGAIN, i, result == 0 ? "was sent away" : fdwire_error_name(result));
      going -= before > 0 && clients[i].left == 0;
    }
  }
}

/* What the one that never read finds when it looks at last: less than all, and then an end. Its
 * number is the first that no other has. */
static void look_back(fdwire_conn *silent) {
  fdwire_msg msg;
  int result, found = 0;
  while ((result = fdwire_conn_recv(silent, &msg, TIMEOUT)) == 1)
    found++;
  need(found < count * rounds, count, "heard all, though it did not read");
  need(result == 0 || result == FDWIRE_E_TRUNCATED || result == -ECONNRESET, count,
       fdwire_error_name(result));
  printf("  the silent one found %d of %d messages, then %s\n", found, count * rounds,
         result == 0 ? "the end" : fdwire_error_name(result));
  fdwire_conn_free(silent);
}

int main(int argc, char **argv) {
  count = argc == 5 ? atoi(argv[3]) : 0;
  rounds = argc == 5 ? atoi(argv[4]) : 0;
  if (count < 2 || rounds < 1)
    return fprintf(stderr, "usage: chat_clients ADDRESS FORMAT CLIENTS ROUNDS\n"), 2;
  char why[300];
  int silent_fd;
  fdwire_format *format;
  if (fdwire_format_new(argv[2], &format, why, sizeof why) < 0)
    return fprintf(stderr, "%s\n", why), 2;
  fdwire_conn *silent = join(argv[1], format, &silent_fd);
  clients = calloc((size_t)count, sizeof *clients);
  polls = calloc((size_t)count, sizeof *polls);
  check("memory", clients == NULL || polls == NULL ? -ENOMEM : 0);
  for (int i = 0; i < count; i++) {
    clients[i].conn = join(argv[1], format, &polls[i].fd);
    clients[i].heard = calloc((size_t)count, sizeof *clients[i].heard);
    clients[i].left = (count - 1) * rounds;
    check("memory", clients[i].heard == NULL ? -ENOMEM : 0);
  }
  chat();
  for (int i = 0; i < count; i++) {
    need(fdwire_conn_finish(clients[i].conn, NULL, TIMEOUT) == 0, i, "no clean end");
    fdwire_conn_free(clients[i].conn);
    free(clients[i].heard);
  }
  printf("  %d clients heard %d messages each\n", count, (count - 1) * rounds);
  look_back(silent);
  free(clients);
  free(polls);
  fdwire_format_free(format);
  return 0;
}
