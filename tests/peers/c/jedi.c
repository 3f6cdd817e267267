/* A language server for Python over pipes: https://microsoft.github.io/language-server-protocol/
 *
 * A message is a few header lines, of which one says how long the JSON behind the empty one is. */
#include "peer.h"

enum { FUNCTIONS = 2000 };

/* The answer with this number; what else comes meanwhile is news that nobody waits for. */
static fdwire_msg answer(fdwire_conn *conn, int id) {
  char with_blank[20], without[20];
  snprintf(with_blank, sizeof with_blank, "\"id\": %d", id);
  snprintf(without, sizeof without, "\"id\":%d", id);
  for (;;) {
    fdwire_msg msg = receive(conn);
    expect(find(msg, "\"jsonrpc\"") != NULL, "JSON-RPC");
    if (find(msg, "\"method\"") == NULL &&
        (find(msg, with_blank) != NULL || find(msg, without) != NULL))
      return msg;
  }
}

/* A document of many functions. Two header lines: fdwire fills in the one that it knows. */
static void open_document(fdwire_conn *conn) {
  static const char head[] = "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n"
                             "Content-Length: 0\r\n\r\n";
  static char body[40 * FUNCTIONS + 400];
  int len = snprintf(body, sizeof body,
                     "{\"jsonrpc\":\"2.0\",\"method\":\"textDocument/didOpen\",\"params\":{"
                     "\"textDocument\":{\"uri\":\"file:///nowhere/a.py\",\"languageId\":\"python\","
                     "\"version\":1,\"text\":\"");
  for (int i = 0; i < FUNCTIONS; i++)
    len += snprintf(body + len, sizeof body - (size_t)len, "def f%d():\\n    pass\\n", i);
  len += snprintf(body + len, sizeof body - (size_t)len, "\"}}}");
  expect((size_t)len < sizeof body, "room for the document");
  fdwire_msg msg = message(head, sizeof head - 1, body, (size_t)len);
  send_all(conn, &msg, 1);
}

/* What it has to say about the document it writes from another thread: into the midst of a long answer,
   if one is on its way. */
static void await_diagnostics(fdwire_conn *conn) {
  while (find(receive(conn), "publishDiagnostics") == NULL) {
  }
}

static void symbols(fdwire_conn *conn) {
  send_text(conn, "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"textDocument/documentSymbol\","
                  "\"params\":{\"textDocument\":{\"uri\":\"file:///nowhere/a.py\"}}}");
  fdwire_msg found = answer(conn, 2);
  expect(found.body_len > 100 * FUNCTIONS, "a long answer");
  for (int i = 0; i < FUNCTIONS; i += FUNCTIONS / 10) {
    char name[20];
    snprintf(name, sizeof name, "\"f%d\"", i);
    expect(find(found, name) != NULL, "with every function");
  }
}

int main(int argc, char **argv) {
  fdwire_conn *conn = connect_to(argc, argv, "lsp");
  send_text(conn, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
                  "\"processId\":null,\"rootUri\":null,\"capabilities\":{}}}");
  expect(find(answer(conn, 1), "\"capabilities\"") != NULL, "it says what it can do");
  send_text(conn, "{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
  open_document(conn);
  await_diagnostics(conn);
  symbols(conn);
  send_text(conn, "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"no/such/method\",\"params\":{}}");
  expect(find(answer(conn, 3), "-32601") != NULL, "an error: there is no such method");
  send_text(conn, "{\"jsonrpc\":\"2.0\",\"id\":4,\"method\":\"shutdown\"}");
  expect(find(answer(conn, 4), "\"result\"") != NULL, "it gets ready to end");
  send_text(conn, "{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
  expect_end(conn);
  return 0;
}
