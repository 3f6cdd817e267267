/* ZeroMQ: a PAIR of sockets, which have a thread of their own and connect by themselves. Large
 * bodies are not copied when they are sent. */
#include "peer.h"

#include <zmq.h>

enum { REFERRED = 64 * KIB, LENT = KIB, UNDER_WAY = 10000 };

static void *pair;
static uint8_t *room;
static zmq_msg_t last;

static void okay(int result, const char *call) {
  if (result < 0) {
    fprintf(stderr, "%s: %s\n", call, zmq_strerror(zmq_errno()));
    _exit(1);
  }
}

static void set(int option, int value) {
  okay(zmq_setsockopt(pair, option, &value, sizeof value), "zmq_setsockopt");
}

/* Enough under way to be fast, and no more than some memory for large ones. */
static void open_pair(struct end *end) {
  size_t most = 64 * MIB / end->size;
  room = room_for(end->size);
  pair = zmq_socket(zmq_ctx_new(), ZMQ_PAIR);
  if (pair == NULL || zmq_msg_init(&last) < 0)
    die("zmq_socket");
  set(ZMQ_SNDHWM, most < UNDER_WAY ? (int)most : UNDER_WAY);
  set(ZMQ_RCVHWM, most < UNDER_WAY ? (int)most : UNDER_WAY);
  if (end->sends) {
    await(end->go);
    okay(zmq_connect(pair, end->endpoint), "zmq_connect");
  } else {
    okay(zmq_bind(pair, end->endpoint), "zmq_bind");
    tell(end->go);
  }
}

static void leave(void *data, void *hint) {
  (void)data;
  (void)hint;
}

static void say(struct end *end, const uint8_t *body, size_t len) {
  zmq_msg_t message;
  (void)end;
  if (len < REFERRED) {
    okay(zmq_send(pair, body, len, 0), "zmq_send");
    return;
  }
  okay(zmq_msg_init_data(&message, (void *)body, len, leave, NULL), "zmq_msg_init_data");
  okay(zmq_msg_send(&message, pair, 0), "zmq_msg_send");
}

/* Small ones are cheaper copied than lent. */
static const uint8_t *hear(struct end *end, size_t *len) {
  if (end->size < LENT) {
    int n = zmq_recv(pair, room, end->size, 0);
    okay(n, "zmq_recv");
    *len = (size_t)n;
    return room;
  }
  okay(zmq_msg_close(&last), "zmq_msg_close");
  okay(zmq_msg_init(&last), "zmq_msg_init");
  okay(zmq_msg_recv(&last, pair, 0), "zmq_msg_recv");
  *len = zmq_msg_size(&last);
  return zmq_msg_data(&last);
}

static const struct way ways[] = {
    {"pair", open_pair, NULL, NULL, say, hear, NULL},
    {0},
};

int main(int argc, char **argv) {
  char version[40];
  int major, minor, patch;
  zmq_version(&major, &minor, &patch);
  snprintf(version, sizeof version, "libzmq %d.%d.%d", major, minor, patch);
  return peer(argc, argv, ways, version);
}
