/* nng: a pair, which has threads of its own and connects by itself. */
#include "peer.h"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

enum { UNDER_WAY = 1024 };

static nng_socket pair;
static void *last;
static size_t last_len;

static void okay(int result, const char *call) {
  if (result != 0) {
    fprintf(stderr, "%s: %s\n", call, nng_strerror(result));
    _exit(1);
  }
}

/* Enough under way to be fast, and no more than some memory for large ones. */
static void open_pair(struct end *end) {
  size_t most = 64 * MIB / end->size;
  int under_way = most < UNDER_WAY ? (int)most : UNDER_WAY;
  okay(nng_pair0_open(&pair), "nng_pair0_open");
  okay(nng_socket_set_int(pair, NNG_OPT_SENDBUF, under_way), NNG_OPT_SENDBUF);
  okay(nng_socket_set_int(pair, NNG_OPT_RECVBUF, under_way), NNG_OPT_RECVBUF);
  okay(nng_socket_set_size(pair, NNG_OPT_RECVMAXSZ, 0), NNG_OPT_RECVMAXSZ);
  if (end->sends) {
    await(end->go);
    okay(nng_dial(pair, end->endpoint, NULL, 0), "nng_dial");
  } else {
    okay(nng_listen(pair, end->endpoint, NULL, 0), "nng_listen");
    tell(end->go);
  }
}

static void say(struct end *end, const uint8_t *body, size_t len) {
  (void)end;
  okay(nng_send(pair, (void *)body, len, 0), "nng_send");
}

/* Lent, until the next. */
static const uint8_t *hear(struct end *end, size_t *len) {
  (void)end;
  if (last != NULL)
    nng_free(last, last_len);
  okay(nng_recv(pair, &last, &last_len, NNG_FLAG_ALLOC), "nng_recv");
  *len = last_len;
  return last;
}

static const struct way ways[] = {
    {"pair", open_pair, NULL, NULL, say, hear, NULL},
    {0},
};

int main(int argc, char **argv) {
  char version[40];
  snprintf(version, sizeof version, "nng %s", nng_version());
  return peer(argc, argv, ways, version);
}
