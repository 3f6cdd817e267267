/* libevent: a bufferevent, filled and emptied by its callbacks. */
#include "peer.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <fcntl.h>

enum { LOW = 64 * KIB, REFERRED = 64 * KIB };

static struct event_base *base;
static struct bufferevent *events;
static long to_send;
static uint8_t *room;

static void put(const uint8_t *body, size_t len) {
  struct evbuffer *out = bufferevent_get_output(events);
  uint8_t head[4];
  put_head(head, len);
  if (evbuffer_add(out, head, 4) < 0 ||
      (len < REFERRED ? evbuffer_add(out, body, len)
                      : evbuffer_add_reference(out, body, len, NULL, NULL)) < 0)
    die("evbuffer_add");
}

/* Fills the output up again whenever it gets low, and ends the loop when all is with the kernel. */
static void on_write(struct bufferevent *event, void *arg) {
  struct end *end = arg;
  struct evbuffer *out = bufferevent_get_output(event);
  for (; to_send > 0 && evbuffer_get_length(out) < BATCH; to_send--)
    put(next_body(end), end->size);
  if (to_send == 0)
    bufferevent_setwatermark(event, EV_WRITE, 0, 0);
  if (to_send == 0 && evbuffer_get_length(out) == 0)
    event_base_loopbreak(base);
}

/* Whether a message was there; it is copied out. */
static int next_message(struct end *end, size_t *len) {
  struct evbuffer *in = bufferevent_get_input(events);
  uint8_t head[4];
  size_t here = evbuffer_get_length(in);
  if (here < 4 || evbuffer_copyout(in, head, 4) != 4)
    return 0;
  *len = get_head(head);
  if (*len > end->size)
    die("a message is too long");
  if (here - 4 < *len)
    return 0;
  evbuffer_drain(in, 4);
  if (evbuffer_remove(in, room, *len) != (int)*len)
    die("evbuffer_remove");
  return 1;
}

static void on_read(struct bufferevent *event, void *arg) {
  (void)event;
  (void)arg;
  event_base_loopbreak(base);
}

static void on_event(struct bufferevent *event, short what, void *arg) {
  (void)event;
  (void)what;
  (void)arg;
  die("the stream ended early");
}

static void open_events(struct end *end) {
  room = room_for(end->size);
  base = event_base_new();
  if (base == NULL || fcntl(end->fd, F_SETFL, O_NONBLOCK) < 0)
    die("event_base_new");
  events = bufferevent_socket_new(base, end->fd, 0);
  if (events == NULL)
    die("bufferevent_socket_new");
  bufferevent_set_max_single_read(events, BATCH);
  bufferevent_set_max_single_write(events, BATCH);
  bufferevent_setcb(events, on_read, on_write, on_event, end);
  bufferevent_enable(events, EV_READ | EV_WRITE);
}

static void turn(void) {
  if (event_base_dispatch(base) < 0)
    die("event_base_dispatch");
}

static void send_stream(struct end *end, long n) {
  to_send = n;
  bufferevent_setwatermark(events, EV_WRITE, LOW, 0);
  on_write(events, end);
  while (to_send > 0 || evbuffer_get_length(bufferevent_get_output(events)) > 0)
    turn();
}

static void say(struct end *end, const uint8_t *body, size_t len) {
  (void)end;
  put(body, len);
}

static const uint8_t *hear(struct end *end, size_t *len) {
  while (!next_message(end, len))
    turn();
  return room;
}

static void receive_stream(struct end *end, long n) {
  size_t len;
  for (; n > 0; n--) {
    const uint8_t *body = hear(end, &len);
    take(end, body, len);
  }
}

static void flush(struct end *end) {
  send_stream(end, 0);
}

static const struct way ways[] = {
    {"bufferevent", open_events, send_stream, receive_stream, say, hear, flush},
    {0},
};

int main(int argc, char **argv) {
  char version[40];
  snprintf(version, sizeof version, "libevent %s", event_get_version());
  return peer(argc, argv, ways, version);
}
