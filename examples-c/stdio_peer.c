/* A peer on standard input and output, as an editor starts a language server, or a browser its
 * native messaging host.
 *
 *     stdio_peer lsp                                stdio_peer chrome-native-messaging
 *     stdio_peer "headers length='Content-Length'"  stdio_peer "line max=8K"
 *
 * It answers "ping" with "pong", ends at "exit", quotes and all, and sends everything else back as
 * it is. Standard output belongs to the protocol: whatever a person should see goes to standard
 * error. */
#include "example.h"

#include <string.h>
#include <unistd.h>

static const char too_long[] = "\"too long\"";

static int is(const fdwire_msg *msg, const char *text) {
  return msg->body_len == strlen(text) && memcmp(msg->body, text, msg->body_len) == 0;
}

static void explain(fdwire_conn *conn) {
  char why[1000];
  fdwire_conn_explain(conn, why, sizeof why);
  fprintf(stderr, "%s\n", why);
}

/* 1: go on; 0: the end, asked for; below 0: nobody hears the answer. */
static int answer(fdwire_conn *conn, const fdwire_msg *msg) {
  if (is(msg, "\"exit\""))
    return 0;
  int sent = is(msg, "\"ping\"") ? fdwire_conn_send(conn, "\"pong\"", 6, -1)
                                 : fdwire_conn_send(conn, msg->body, msg->body_len, -1);
  return sent < 0 ? sent : 1;
}

/* 0: the requests have ended; below 0: why it cannot go on. */
static int serve(fdwire_conn *conn) {
  fdwire_msg msg;
  int result;
  do {
    result = fdwire_conn_recv(conn, &msg, -1);
    if (result == 1) {
      result = answer(conn, &msg);
    } else if (result == FDWIRE_E_TOO_LONG) {
      explain(conn);
      if (fdwire_conn_skip(conn) == 0 &&
          fdwire_conn_send(conn, too_long, sizeof too_long - 1, -1) >= 0)
        result = 1;
    }
  } while (result == 1);
  return result;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return fprintf(stderr, "usage: stdio_peer FORMAT\n"), 2;
  char why[300];
  fdwire_format *format;
  fdwire_conn *conn;
  if (fdwire_format_new(argv[1], &format, why, sizeof why) < 0)
    return fprintf(stderr, "%s\n", why), 2;
  check("connection", fdwire_conn_new(STDIN_FILENO, STDOUT_FILENO, format, &conn));
  /* The answers to requests that came together go out together, before it waits for the next. */
  check("batch", fdwire_conn_set(conn, FDWIRE_BATCH, 64 << 10));

  int result = serve(conn);
  if (result < 0)
    explain(conn);
  int end = fdwire_conn_finish(conn, NULL, 5000);
  if (end < 0)
    fprintf(stderr, "the last answers did not arrive: %s\n", fdwire_error_name(end));
  fdwire_conn_free(conn);
  fdwire_format_free(format);
  return result < 0 || end < 0;
}
