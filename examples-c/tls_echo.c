/* A connection over TLS: OpenSSL moves bytes, fdwire_conn_new_over makes a connection of them, and
 * one thread sends on it while another receives. A client, and a server that sends every message
 * back, each a process with one end of a socket pair; then two more clients, since a stream can end
 * in more ways than one. */
#include "tls_example.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGES = 10000, LONGEST = 100000, RECORD = 16384, TIMEOUT = 30000 };

/* ---- The three functions ----
 *
 * OpenSSL lets one thread at a time use the SSL object. The descriptor does not block, so that the
 * lock is free again soon. */

struct tls {
  SSL *ssl;
  int fd;
  pthread_mutex_t lock;
  short read_needs, write_needs; /* what to poll for: TLS may have to write to read, and so on */
  uint8_t record[RECORD];
  size_t len; /* bytes in the record that were not written yet */
};

/* After a call that failed: 0 is the peer's goodbye. Without one, anybody on the way may have cut
 * the stream off. */
static int reason(struct tls *tls, short *needs) {
  int system = errno, error = SSL_get_error(tls->ssl, 0);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    *needs = error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    return -EAGAIN;
  }
  if (error == SSL_ERROR_ZERO_RETURN)
    return 0;
  if (error == SSL_ERROR_SYSCALL && system != 0)
    return -system;
  int cut_off = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  return cut_off ? -ECONNRESET : -EPROTO;
}

static int64_t tls_read(void *ctx, void *buf, size_t len) {
  struct tls *tls = ctx;
  size_t n = 0;
  pthread_mutex_lock(&tls->lock);
  ERR_clear_error();
  int ok = SSL_read_ex(tls->ssl, buf, len, &n);
  int64_t result = ok ? (int64_t)n : reason(tls, &tls->read_needs);
  pthread_mutex_unlock(&tls->lock);
  return result;
}

/* As many bytes of the slices as a record holds, without the first so many. Heads and small bodies
 * then share a record. */
static size_t fill(uint8_t record[RECORD], const fdwire_slice *slices, size_t count, size_t done) {
  size_t len = 0;
  for (size_t i = 0; i < count && len < RECORD; i++) {
    size_t skip = done < slices[i].len ? done : slices[i].len, n = slices[i].len - skip;
    n = n < RECORD - len ? n : RECORD - len;
    memcpy(record + len, (const uint8_t *)slices[i].base + skip, n);
    done -= skip;
    len += n;
  }
  return len;
}

/* OpenSSL insists on a record that it could not write: it is kept, and next time it goes first. It
 * has the bytes that fdwire gives first then, since it was told that none of them were written. */
static int64_t tls_writev(void *ctx, const fdwire_slice *slices, size_t count) {
  struct tls *tls = ctx;
  size_t done = 0, n = 0;
  int ok = 1, result = 0;
  pthread_mutex_lock(&tls->lock);
  while (ok && (tls->len > 0 || (tls->len = fill(tls->record, slices, count, done)) > 0)) {
    ERR_clear_error();
    ok = SSL_write_ex(tls->ssl, tls->record, tls->len, &n);
    if (ok) {
      done += n;
      tls->len = 0;
    } else {
      result = reason(tls, &tls->write_needs);
    }
  }
  pthread_mutex_unlock(&tls->lock);
  return done > 0 ? (int64_t)done : result < 0 ? result : -EPIPE;
}

static int tls_wait(void *ctx, int events, int timeout_ms) {
  struct tls *tls = ctx;
  struct pollfd poll_fd = {tls->fd, 0, 0};
  pthread_mutex_lock(&tls->lock);
  int inside = (events & POLLIN) && SSL_pending(tls->ssl) > 0; /* poll knows nothing of these */
  if (events & POLLIN)
    poll_fd.events |= tls->read_needs;
  if (events & POLLOUT)
    poll_fd.events |= tls->write_needs;
  pthread_mutex_unlock(&tls->lock);
  int result = inside ? 1 : poll(&poll_fd, 1, timeout_ms);
  return result < 0 && errno != EINTR ? -errno : 0;
}

/* Tells the peer that nothing more comes (close_notify); it can still answer. */
static void say_goodbye(struct tls *tls) {
  int result;
  do {
    pthread_mutex_lock(&tls->lock);
    ERR_clear_error();
    result = SSL_shutdown(tls->ssl) >= 0 ? 0 : reason(tls, &tls->write_needs);
    pthread_mutex_unlock(&tls->lock);
  } while (result == -EAGAIN && tls_wait(tls, POLLOUT, TIMEOUT) == 0);
  check("goodbye", result);
}

/* ---- What the clients do ---- */

static uint8_t pattern[LONGEST + 256];

/* From nothing to the longest, and most of them small. */
static size_t size_of(unsigned i) {
  unsigned mixed = i * 2654435761u;
  return i < 2 ? i * LONGEST : (mixed >> 8) % (LONGEST + 1) >> mixed % 8;
}

static void *send_all(void *conn) {
  for (unsigned i = 0; i < MESSAGES; i++)
    check("send", fdwire_conn_send(conn, pattern + i % 256, size_of(i), TIMEOUT));
  check("flush", fdwire_conn_flush(conn, TIMEOUT));
  return NULL;
}

static void receive(fdwire_conn *conn, unsigned i) {
  fdwire_msg msg;
  int result = check("receive", fdwire_conn_recv(conn, &msg, TIMEOUT));
  int same = result == 1 && msg.body_len == size_of(i) &&
             memcmp(msg.body, pattern + i % 256, msg.body_len) == 0;
  check("the same message", same ? 0 : FDWIRE_E_MALFORMED);
}

static void receive_goodbye(fdwire_conn *conn) {
  fdwire_msg msg;
  int result = check("the server's goodbye", fdwire_conn_recv(conn, &msg, TIMEOUT));
  check("nothing before it", result == 0 ? 0 : FDWIRE_E_MALFORMED);
}

/* All messages there and back: one thread sends, while another, this one, receives. */
static void echo(struct tls *tls, fdwire_conn *conn) {
  pthread_t sender;
  check("thread", -pthread_create(&sender, NULL, send_all, conn));
  for (unsigned i = 0; i < MESSAGES; i++)
    receive(conn, i);
  pthread_join(sender, NULL);
  say_goodbye(tls);
  receive_goodbye(conn);
  fdwire_stats stats;
  check("stats", fdwire_conn_stats(conn, &stats, sizeof stats));
  printf("client: %d messages, %llu bytes came back through %s\n", MESSAGES,
         (unsigned long long)stats.bytes_in, SSL_get_version(tls->ssl));
}

/* Goes away without a goodbye: the server cannot know that this was all. */
static void vanish(struct tls *tls, fdwire_conn *conn) {
  (void)tls;
  check("send", fdwire_conn_send(conn, pattern + 1, size_of(1), TIMEOUT));
  receive(conn, 1);
}

/* Says goodbye in the middle of a message. */
static void stop_inside(struct tls *tls, fdwire_conn *conn) {
  check("begin", fdwire_conn_send_begin(conn, NULL, 0, 1000, TIMEOUT));
  check("part", fdwire_conn_send_part(conn, pattern, 500, TIMEOUT));
  check("flush", fdwire_conn_flush(conn, TIMEOUT));
  say_goodbye(tls);
  receive_goodbye(conn);
}

/* ---- Sessions ---- */

/* Sends every message back until the stream ends, and says how it did. */
static int serve(struct tls *tls, fdwire_conn *conn) {
  fdwire_msg msg;
  int result, messages = 0;
  for (; (result = fdwire_conn_recv(conn, &msg, TIMEOUT)) == 1; messages++)
    check("send", fdwire_conn_send(conn, msg.body, msg.body_len, TIMEOUT));
  printf("server: %d messages, then %s\n", messages,
         result == 0 ? "a goodbye" : fdwire_error_name(result));
  if (result != -ECONNRESET)
    say_goodbye(tls);
  return result;
}

/* One end of a session. For the server (client is NULL) it is the result of its last receive. */
static int take_part(SSL_CTX *context, int fd, void (*client)(struct tls *, fdwire_conn *)) {
  struct tls tls = {.fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER};
  tls.ssl = SSL_new(context);
  tls.read_needs = POLLIN;
  tls.write_needs = POLLOUT;
  check_tls("SSL_set_fd", tls.ssl != NULL && SSL_set_fd(tls.ssl, fd));
  if (client != NULL) {
    SSL_set_verify(tls.ssl, SSL_VERIFY_PEER, NULL);
    check_tls("SSL_set1_host", SSL_set1_host(tls.ssl, "localhost"));
  }
  check_tls("handshake", client != NULL ? SSL_connect(tls.ssl) : SSL_accept(tls.ssl));
  check("O_NONBLOCK", fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0);

  fdwire_conn *conn;
  int result = 0;
  check("connection", fdwire_conn_new_over(tls_read, tls_writev, tls_wait, &tls, NULL, &conn));
  if (client != NULL)
    client(&tls, conn);
  else
    result = serve(&tls, conn);
  fdwire_conn_free(conn);
  SSL_free(tls.ssl);
  fdwire_close(fd);
  return result;
}

/* A client in a process of its own; whether the server saw the end that it should. */
static int session(SSL_CTX *context, void (*client)(struct tls *, fdwire_conn *), int end) {
  int fds[2], status = 0;
  check("socket pair", socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ? -errno : 0);
  fflush(stdout);
  pid_t child = fork();
  check("fork", child < 0 ? -errno : 0);
  if (child == 0) {
    fdwire_close(fds[0]);
    exit(take_part(context, fds[1], client));
  }
  fdwire_close(fds[1]);
  int result = take_part(context, fds[0], NULL);
  return waitpid(child, &status, 0) == child && status == 0 && result == end;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
  for (size_t i = 0; i < sizeof pattern; i++)
    pattern[i] = (uint8_t)(i * i / 251);
  SSL_CTX *context = new_context();
  int ok = session(context, echo, 0) && session(context, vanish, -ECONNRESET) &&
           session(context, stop_inside, FDWIRE_E_TRUNCATED);
  SSL_CTX_free(context);
  return !ok;
}
