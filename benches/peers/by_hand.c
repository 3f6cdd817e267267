/* Hand-written C: the limit, which moves the same bytes and finds nothing in them, and the ways to
 * write the loop around send and recv, from the one that everybody writes first to the best. */
#include "bytes.h"

#include <sched.h>

enum { COPIED = 2 * KIB, PARTS = 1024 };
static const double SPIN = 50e-6;

/* What waits to be sent, what was read, and where a large body is read to. */
static struct {
  uint8_t *out, *in, *body;
  size_t batch, waiting, cap, from, to;
} mine;

static void open_buffers_of(struct end *end, size_t batch) {
  mine.batch = batch;
  mine.cap = end->size > batch / 2 ? end->size + 4 + batch : batch;
  mine.in = room_for(mine.cap);
  mine.out = room_for(batch);
  mine.body = room_for(end->size);
}

static void open_buffers(struct end *end) {
  open_buffers_of(end, BATCH);
}

static void open_large_buffers(struct end *end) {
  open_buffers_of(end, MIB);
}

/* The limit. */

static void bytes_send(struct end *end, long n, size_t most) {
  size_t left = (size_t)n * (4 + end->size);
  end->sent += left;
  for (size_t piece; left > 0; left -= piece) {
    piece = left < most ? left : most;
    write_all(end->fd, mine.out, piece);
  }
}

static void bytes_receive(struct end *end, long n, size_t most) {
  size_t left = (size_t)n * (4 + end->size), got;
  end->received += left;
  for (; left > 0; left -= got)
    got = read_some(end->fd, mine.in, left < most ? left : most);
}

static void bytes_64k_send(struct end *end, long n) {
  bytes_send(end, n, 64 * KIB);
}

static void bytes_64k_receive(struct end *end, long n) {
  bytes_receive(end, n, 64 * KIB);
}

static void bytes_256k_send(struct end *end, long n) {
  bytes_send(end, n, 256 * KIB);
}

static void bytes_256k_receive(struct end *end, long n) {
  bytes_receive(end, n, 256 * KIB);
}

/* A call for each head and one for each body. */

static void loop_say(struct end *end, const uint8_t *body, size_t len) {
  uint8_t head[4];
  put_head(head, len);
  write_all(end->fd, head, 4);
  write_all(end->fd, body, len);
}

static void loop_send(struct end *end, long n) {
  for (; n > 0; n--)
    loop_say(end, next_body(end), end->size);
}

static size_t checked(const struct end *end, size_t len) {
  if (len > end->size)
    die("a message is too long");
  return len;
}

static const uint8_t *loop_hear(struct end *end, size_t *len) {
  uint8_t head[4];
  read_all(end->fd, head, 4);
  *len = checked(end, get_head(head));
  read_all(end->fd, mine.body, *len);
  return mine.body;
}

static void loop_receive(struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    const uint8_t *body = loop_hear(end, &len);
    take(end, body, len);
  }
}

/* One writev for both. */

static void writev_say(struct end *end, const uint8_t *body, size_t len) {
  uint8_t head[4];
  put_head(head, len);
  write_two(end->fd, head, 4, body, len);
}

static void writev_send(struct end *end, long n) {
  for (; n > 0; n--)
    writev_say(end, next_body(end), end->size);
}

/* Each sent at once; a small one is copied behind its head, which is cheaper than two parts. */
static void now_say(struct end *end, const uint8_t *body, size_t len) {
  uint8_t frame[4 + COPIED];
  if (len > COPIED) {
    writev_say(end, body, len);
    return;
  }
  put_head(frame, len);
  memcpy(frame + 4, body, len);
  write_all(end->fd, frame, 4 + len);
}

/* Batches into which bodies are copied; a body as large as half a batch goes from where it is,
   behind what waits. */
static void copy_send(struct end *end, long n) {
  uint8_t *at = mine.out, *full = mine.out + mine.batch;
  size_t size = end->size;
  for (; n > 0; n--) {
    const uint8_t *body = next_body(end);
    if ((size_t)(full - at) < 4 + size) {
      if (size > mine.batch / 2) {
        put_head(at, size);
        write_two(end->fd, mine.out, (size_t)(at - mine.out) + 4, body, size);
        at = mine.out;
        continue;
      }
      write_all(end->fd, mine.out, (size_t)(at - mine.out));
      at = mine.out;
    }
    put_head(at, size);
    memcpy(at + 4, body, size);
    at += 4 + size;
  }
  write_all(end->fd, mine.out, (size_t)(at - mine.out));
}

static void copy_flush(struct end *end) {
  write_all(end->fd, mine.out, mine.waiting);
  mine.waiting = 0;
}

static void copy_say(struct end *end, const uint8_t *body, size_t len) {
  if (mine.batch - mine.waiting < 4 + len)
    copy_flush(end);
  put_head(mine.out + mine.waiting, len);
  memcpy(mine.out + mine.waiting + 4, body, len);
  mine.waiting += 4 + len;
}

/* Batches that refer to the bodies where they are. */
static void gather_send(struct end *end, long n) {
  struct iovec parts[PARTS];
  size_t count = 0, waiting = 0;
  for (; n > 0; n--) {
    uint8_t *head = mine.out + 2 * count; /* two parts a message, 4 bytes a head */
    put_head(head, end->size);
    parts[count].iov_base = head;
    parts[count++].iov_len = 4;
    parts[count].iov_base = (void *)next_body(end);
    parts[count++].iov_len = end->size;
    waiting += 4 + end->size;
    if (waiting >= BATCH || count == PARTS || n == 1) {
      write_parts(end->fd, parts, count);
      count = waiting = 0;
    }
  }
}

/* Reads all there is, and finds the messages where it was read to. */

static size_t read_or_wait(int fd, void *room, size_t cap) {
  return read_some(fd, room, cap);
}

/* Looks again and again for a while before it waits. Another process on the same core gets its
   turn in between. */
static size_t read_or_spin(int fd, void *room, size_t cap) {
  double until = now() + SPIN;
  do {
    size_t got = came(recv(fd, room, cap, MSG_DONTWAIT), "recv");
    if (got > 0)
      return got;
    sched_yield();
  } while (now() < until);
  return read_some(fd, room, cap);
}

static void in_place_receive(struct end *end, long n) {
  uint8_t *room = mine.in;
  size_t from = mine.from, to = mine.to, cap = mine.cap;
  for (;;) {
    size_t need = 4;
    for (; n > 0 && to - from >= 4; n--) {
      size_t len = checked(end, get_head(room + from));
      if (to - from - 4 < len) {
        need = 4 + len;
        break;
      }
      take(end, room + from + 4, len);
      from += 4 + len;
    }
    if (n == 0)
      break;
    if (from > 0 && (from == to || cap - from < need || cap - to < mine.batch / 2)) {
      memmove(room, room + from, to - from);
      to -= from;
      from = 0;
    }
    to += read_some(end->fd, room + to, cap - to);
  }
  mine.from = from;
  mine.to = to;
}

static inline const uint8_t *in_place(struct end *end, size_t *len,
                                      size_t (*read_more)(int, void *, size_t)) {
  for (;;) {
    size_t here = mine.to - mine.from;
    if (here >= 4) {
      *len = checked(end, get_head(mine.in + mine.from));
      if (here - 4 >= *len) {
        const uint8_t *body = mine.in + mine.from + 4;
        mine.from += 4 + *len;
        return body;
      }
    }
    if (mine.waiting > 0)
      copy_flush(end);
    memmove(mine.in, mine.in + mine.from, here);
    mine.from = 0;
    mine.to = here + read_more(end->fd, mine.in + here, mine.cap - here);
  }
}

static const uint8_t *in_place_hear(struct end *end, size_t *len) {
  return in_place(end, len, read_or_wait);
}

static const uint8_t *spin_hear(struct end *end, size_t *len) {
  return in_place(end, len, read_or_spin);
}

/* Reads large bodies straight to where they end up, and what comes behind them to the buffer. */
static void straight_receive(struct end *end, long n) {
  uint8_t *room = mine.in;
  for (; n > 0; n--) {
    while (mine.to - mine.from < 4) {
      memmove(room, room + mine.from, mine.to - mine.from);
      mine.to -= mine.from;
      mine.from = 0;
      mine.to += read_some(end->fd, room + mine.to, BATCH - mine.to);
    }
    size_t len = checked(end, get_head(room + mine.from)), here = mine.to - mine.from - 4;
    size_t got = here < len ? here : len;
    memcpy(mine.body, room + mine.from + 4, got);
    mine.from += 4 + got;
    if (got < len) {
      while (got < len)
        got += read_two(end->fd, mine.body + got, len - got, room, BATCH);
      mine.from = 0;
      mine.to = got - len;
    }
    take(end, mine.body, len);
  }
}

static const struct way ways[] = {
    {"bytes-64k", open_buffers, bytes_64k_send, bytes_64k_receive, NULL, NULL, NULL},
    {"bytes-256k", open_buffers, bytes_256k_send, bytes_256k_receive, NULL, NULL, NULL},
    {"loop", open_buffers, loop_send, loop_receive, loop_say, loop_hear, NULL},
    {"writev", open_buffers, writev_send, loop_receive, writev_say, loop_hear, NULL},
    {"batch", open_buffers, copy_send, in_place_receive, copy_say, in_place_hear, copy_flush},
    {"batch-1m", open_large_buffers, copy_send, in_place_receive, NULL, NULL, NULL},
    {"gather", open_buffers, gather_send, in_place_receive, NULL, NULL, NULL},
    {"straight", open_buffers, gather_send, straight_receive, NULL, NULL, NULL},
    {"now", open_buffers, NULL, in_place_receive, now_say, in_place_hear, NULL},
    {"spin", open_buffers, NULL, NULL, now_say, spin_hear, NULL},
    {0},
};

int main(int argc, char **argv) {
  return peer(argc, argv, ways, __VERSION__);
}
