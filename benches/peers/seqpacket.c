/* A Unix socket that keeps messages apart by itself, as far as its buffer allows: no head, and as
 * many messages a call as there are in a stream. */
#include "peer.h"

#include <sys/socket.h>

enum { MANY = 64 };

static struct mmsghdr many[MANY];
static struct iovec parts[MANY];
static uint8_t *rooms;

static void open_socket(struct end *end) {
  rooms = room_for(MANY * end->size);
  for (int i = 0; i < MANY; i++) {
    parts[i].iov_base = rooms + (size_t)i * end->size;
    parts[i].iov_len = end->size;
    many[i].msg_hdr.msg_iov = &parts[i];
    many[i].msg_hdr.msg_iovlen = 1;
  }
}

static void send_stream(struct end *end, long n) {
  for (int sent; n > 0; n -= sent) {
    int count = n < MANY ? (int)n : MANY;
    for (int i = 0; i < count; i++)
      parts[i].iov_base = (void *)next_body(end);
    for (sent = 0; sent < count;) {
      int went = sendmmsg(end->fd, many + sent, (unsigned)(count - sent), MSG_NOSIGNAL);
      if (went < 0)
        die_of("sendmmsg");
      sent += went;
    }
  }
}

static void receive_stream(struct end *end, long n) {
  for (int count; n > 0; n -= count) {
    count = recvmmsg(end->fd, many, n < MANY ? (unsigned)n : MANY, MSG_WAITFORONE, NULL);
    if (count < 0)
      die_of("recvmmsg");
    for (int i = 0; i < count; i++) {
      if (many[i].msg_len == 0)
        die("the stream ended early");
      take(end, parts[i].iov_base, many[i].msg_len);
    }
  }
}

static void say(struct end *end, const uint8_t *body, size_t len) {
  if (send(end->fd, body, len, MSG_NOSIGNAL) != (ssize_t)len)
    die_of("send");
}

static const uint8_t *hear(struct end *end, size_t *len) {
  ssize_t n = recv(end->fd, rooms, end->size, 0);
  if (n < 0)
    die_of("recv");
  if (n == 0)
    die("the stream ended early");
  *len = (size_t)n;
  return rooms;
}

static const struct way ways[] = {
    {"packets", open_socket, send_stream, receive_stream, say, hear, NULL},
    {0},
};

int main(int argc, char **argv) {
  return peer(argc, argv, ways, "the kernel's");
}
