/* Messages inside TLS: OpenSSL moves bytes, fdwire turns them into messages and back. A client and a server that sends
 * every message back, each a process with one end of a socket pair. */
#include "tls_example.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* The whole frame at once, so that head and body share a record of TLS. */
static void send_message(SSL *ssl, const fdwire_format *format, const fdwire_msg *msg) {
  size_t len = msg->body_len + 16, written; /* this format's heads are shorter */
  uint8_t *frame = malloc(len);
  check_tls("memory", frame != NULL);
  check("encode", fdwire_encode(format, msg, frame, len, &len));
  check_tls("SSL_write", SSL_write_ex(ssl, frame, len, &written));
  free(frame);
}

/* 1: a message, lent until the next call. 0: the peer has said goodbye, and not inside a message. A stream that ends
 * without a goodbye may have been cut off by somebody, and OpenSSL makes that an error. */
static int receive_message(SSL *ssl, fdwire_decoder *decoder, fdwire_msg *msg) {
  void *room;
  size_t cap, n;
  while (check("message", fdwire_decoder_next(decoder, msg)) == 0) {
    check("space", fdwire_decoder_space(decoder, &room, &cap));
    if (SSL_read_ex(ssl, room, cap, &n) == 1) {
      check("commit", fdwire_decoder_commit(decoder, n));
    } else {
      check_tls("SSL_read", SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN);
      return check("finish", fdwire_decoder_finish(decoder));
    }
  }
  return 1;
}

static void serve(SSL *ssl, const fdwire_format *format, fdwire_decoder *decoder) {
  fdwire_msg msg;
  int messages = 0;
  check_tls("SSL_accept", SSL_accept(ssl));
  for (; receive_message(ssl, decoder, &msg) == 1; messages++)
    send_message(ssl, format, &msg);
  printf("server: %d messages, and the client's goodbye\n", messages);
  SSL_shutdown(ssl);
}

static void ask(SSL *ssl, const fdwire_format *format, fdwire_decoder *decoder) {
  static const size_t lengths[] = {5, 0, 1, 127, 128, 16384, 100000, 1 << 20};
  static uint8_t body[1 << 20];
  fdwire_msg msg;
  for (size_t i = 0; i < sizeof body; i++)
    body[i] = (uint8_t)(i * i / 251);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
  check_tls("SSL_set1_host", SSL_set1_host(ssl, "localhost"));
  check_tls("SSL_connect", SSL_connect(ssl));
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    send_message(ssl, format, &(fdwire_msg){.body = body, .body_len = lengths[i]});
    check_tls("an answer", receive_message(ssl, decoder, &msg));
    check_tls("the same bytes", msg.body_len == lengths[i] && memcmp(msg.body, body, msg.body_len) == 0);
    printf("client: %zu bytes came back through %s\n", msg.body_len, SSL_get_version(ssl));
  }
  SSL_shutdown(ssl);
  check_tls("the server's goodbye", receive_message(ssl, decoder, &msg) == 0);
}

int main(void) {
  int fds[2], status = 0;
  fdwire_format *format;
  fdwire_decoder *decoder;
  signal(SIGPIPE, SIG_IGN); /* OpenSSL writes with write(2) */
  check("format", fdwire_format_new("varint max=1M", &format, NULL, 0));
  check("decoder", fdwire_decoder_new(format, &decoder));
  SSL_CTX *context = new_context();
  SSL *ssl = SSL_new(context);
  check_tls("a socket pair", ssl != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);

  pid_t child = fork(); /* the client; each of the two has its own copy of all this from here on */
  check_tls("fork", child >= 0);
  int end = child == 0;
  fdwire_close(fds[!end]);
  check_tls("SSL_set_fd", SSL_set_fd(ssl, fds[end]));
  (child == 0 ? ask : serve)(ssl, format, decoder);
  SSL_free(ssl);
  SSL_CTX_free(context);
  fdwire_decoder_free(decoder);
  fdwire_format_free(format);
  fdwire_close(fds[end]);
  return child > 0 && (waitpid(child, &status, 0) != child || status != 0);
}
