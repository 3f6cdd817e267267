/* What these programs share: a connection to the peer at argv[1], a deadline on every wait, and
 * answers that are held against what they must be: the first that is not ends the program. */
#ifndef PEER_H
#define PEER_H

#include "fdwire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOON = 20000 }; /* milliseconds in which any peer answers, on a busy machine too */

static inline int must(const char *what, int result) {
  if (result < 0) {
    char why[200];
    fdwire_strerror(result, why, sizeof why);
    fprintf(stderr, "%s: %s (%s)\n", what, why, fdwire_error_name(result));
    exit(1);
  }
  return result;
}

static inline void expect(int holds, const char *what) {
  if (!holds) {
    fprintf(stderr, "not so: %s\n", what);
    exit(1);
  }
}

/* From now on, messages in these directions have the format with this text. */
static inline void set_format(fdwire_conn *conn, int directions, const char *text) {
  char why[300];
  fdwire_format *format;
  if (fdwire_format_new(text, &format, why, sizeof why) < 0) {
    fprintf(stderr, "%s: %s\n", text, why);
    exit(1);
  }
  must("set_format", fdwire_conn_set_format(conn, directions, format));
  fdwire_format_free(format);
}

/* The same for a block of so many bytes, as some protocols have behind a line that counts it. */
static inline void set_fixed(fdwire_conn *conn, int directions, size_t size) {
  char text[60];
  snprintf(text, sizeof text, "fixed size=%zu max=%zu", size, size);
  set_format(conn, directions, text);
}

/* The peer is at an address, or, where that is "-", it is a child with our input and output. */
static inline fdwire_conn *connect_to(int argc, char **argv, const char *format) {
  fdwire_conn *conn;
  int in = 0, out = 1;
  if (argc < 2) {
    fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
    exit(2);
  }
  if (strcmp(argv[1], "-") != 0)
    in = out = must(argv[1], fdwire_connect(argv[1], SOON));
  must("connection", fdwire_conn_new(in, out, NULL, &conn));
  must("own", fdwire_conn_set(conn, FDWIRE_OWN, FDWIRE_BOTH));
  set_format(conn, FDWIRE_BOTH, format);
  return conn;
}

/* ---- Sending ---- */

static inline fdwire_msg message(const void *head, size_t head_len, const void *body, size_t len) {
  fdwire_msg msg = {(const uint8_t *)head, (const uint8_t *)body, head_len, len, 0};
  return msg;
}

static inline void send_body(fdwire_conn *conn, const void *body, size_t len) {
  must("send", fdwire_conn_send(conn, body, len, SOON));
}

static inline void send_text(fdwire_conn *conn, const char *text) {
  send_body(conn, text, strlen(text));
}

static inline void send_all(fdwire_conn *conn, const fdwire_msg *msgs, size_t count) {
  must("send", fdwire_conn_send_many(conn, msgs, count, SOON));
}

/* ---- Receiving ---- */

/* The next message, lent until the one after it. */
static inline fdwire_msg receive(fdwire_conn *conn) {
  fdwire_msg msg;
  int result = fdwire_conn_recv(conn, &msg, SOON);
  if (result != 1) {
    char why[1000];
    fdwire_conn_explain(conn, why, sizeof why);
    fprintf(stderr, "receive: %s; %s\n", result == 0 ? "the end" : fdwire_error_name(result), why);
    exit(1);
  }
  return msg;
}

static inline int begins(fdwire_msg msg, const char *text) {
  return msg.body_len >= strlen(text) && memcmp(msg.body, text, strlen(text)) == 0;
}

static inline int is(fdwire_msg msg, const char *text) {
  return msg.body_len == strlen(text) && begins(msg, text);
}

/* Where a text is in the body, or NULL. */
static inline const char *find(fdwire_msg msg, const char *text) {
  size_t len = strlen(text);
  for (size_t i = 0; i + len <= msg.body_len; i++)
    if (memcmp(msg.body + i, text, len) == 0)
      return (const char *)msg.body + i;
  return NULL;
}

/* Whether the body has count bytes of this one from a place on. */
static inline int is_all(fdwire_msg msg, size_t from, size_t count, char byte) {
  if (from > msg.body_len || count > msg.body_len - from)
    return 0;
  for (size_t i = from; i < from + count; i++)
    if (msg.body[i] != (uint8_t)byte)
      return 0;
  return 1;
}

/* ---- The end ---- */

/* We have said all. The peer gets it, and ends as well. */
static inline void leave(fdwire_conn *conn) {
  must("finish", fdwire_conn_finish(conn, NULL, SOON));
  fdwire_conn_free(conn);
}

/* The peer is the one who ends, with nothing behind its last message. */
static inline void expect_end(fdwire_conn *conn) {
  fdwire_msg msg;
  expect(must("receive", fdwire_conn_recv(conn, &msg, SOON)) == 0, "the peer ends the stream");
  leave(conn);
}

#endif
