/* A conversation, and the three files that it is in: talk.c has the loop, receive.c and send.c what
 * is done in it, a step at a time, without waiting. */
#ifndef TALK_H
#define TALK_H

#include "wirecat.h"

enum {
  ENOUGH = 1 << 20, /* bytes that wait to be sent: more are not read */
  PART = 256 << 10, /* of a large body */
  STEPS = 64        /* in one direction, before it is the other's turn */
};

struct talk {
  const struct options *options;
  const struct formats *formats;
  const struct peer *peer;
  struct input *input;
  struct show *show;
  fdwire_conn *conn;
  int status, interrupts;
  bool receiving, sending, stop; /* stop: whatever is still to be said */
  /* Receiving. */
  bool in_body, awaiting; /* an answer */
  uint64_t received, number, body_done;
  struct progress progress_in;
  /* Sending. */
  bool input_done;
  struct message message;
  uint64_t sent, left; /* left: of the file that is being sent */
  struct bytes frame;  /* to be shown */
  struct progress progress_out;
  /* The last time that something moved. */
  uint64_t moved;
  double moved_at;
};

/* ---- talk.c ---------------------------------------------------------------------------------- */

void fail(struct talk *t, int status); /* the first failure is how it ends */
void explain(struct talk *t, const char *before);
void progress_over(struct talk *t);
fdwire_stats stats_of(const struct talk *t);

/* ---- receive.c ------------------------------------------------------------------------------- */

void receive(struct talk *t);

/* ---- send.c ---------------------------------------------------------------------------------- */

void transmit(struct talk *t);
void deaf(struct talk *t);
bool held_back(const struct talk *t);

#endif
