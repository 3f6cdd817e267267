"""jedi-language-server over pipes: header lines, one of which says how long the JSON behind the empty line is."""

import json
import os

from needs import HOME, Pip
from wire import headers

NEEDS = [Pip("jedi-language-server", "0.47.0", "jedi_language_server")]
IN_CI = True

MESSAGE = headers(max=1 << 20, strip=True, preset="lsp")


def start(peer):
    return peer.start(os.path.join(HOME, "venv/bin/jedi-language-server"), pipes=True)


def message(method, number=None, params=None, header=b""):
    fields = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    body = json.dumps({name: value for name, value in fields.items() if value is not None}).encode()
    return b"%sContent-Length: %d\r\n\r\n%s" % (header, len(body), body)


def answer(stream, number):
    """What else comes is news that nobody waits for."""
    while True:
        got = json.loads(stream.receive(MESSAGE))
        if got.get("id") == number and "method" not in got:
            return got["result"]


def talk(peer, pipes):
    stream = peer.connect(pipes)
    stream.send(message("initialize", 1, {"processId": None, "rootUri": None, "capabilities": {}}), MESSAGE)
    peer.check("capabilities" in answer(stream, 1), "it says what it can do")
    uri = "file:///nowhere/a.py"
    document = {"uri": uri, "languageId": "python", "version": 1, "text": "def fé():\n  pass\n"}
    typed = b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n"
    stream.send(message("initialized", params={}), MESSAGE)
    stream.send(message("textDocument/didOpen", params={"textDocument": document}, header=typed), MESSAGE)
    stream.send(message("textDocument/documentSymbol", 2, {"textDocument": {"uri": uri}}), MESSAGE)
    peer.check(answer(stream, 2)[0]["name"] == "fé", "it finds the function, whose length is in bytes")
    stream.send(message("shutdown", 3), MESSAGE)
    peer.check(answer(stream, 3) is None, "it gets ready to end")
    stream.send(message("exit"), MESSAGE)
