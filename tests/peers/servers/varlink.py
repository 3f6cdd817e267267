"""varlink: JSON that ends with a 0."""

import json

from needs import PYTHON, Pip
from wire import delimited

NEEDS = [Pip("varlink", "31.0.0")]
IN_CI = True

MESSAGE = delimited(b"\0", strip=True, max=1 << 20, preset="varlink")

SERVER = """
import sys, varlink

service = varlink.Service(vendor="v", product="p", version="1", url="u", interface_dir=".")

class Handler(varlink.RequestHandler):
    service = service

@service.interface("org.wire.test")
class Test:
    def Reverse(self, text):
        return {"text": text[::-1]}

varlink.ThreadingServer("unix:" + sys.argv[1], Handler).serve_forever()
"""


def start(peer):
    peer.write("org.wire.test.varlink", "interface org.wire.test\n\nmethod Reverse(text: string) -> (text: string)\n")
    peer.start(PYTHON, peer.write("server.py", SERVER), peer.path("socket"))
    return "unix:" + peer.path("socket")


def message(method, **parameters):
    return json.dumps({"method": method, "parameters": parameters}).encode() + b"\0"


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(message("org.varlink.service.GetInfo") + message("org.wire.test.Reverse", text="a\0\nb"), MESSAGE, 2)
    info, reversed_text = map(json.loads, stream.receive_many(2, MESSAGE))
    peer.check("org.wire.test" in info["parameters"]["interfaces"], "what it offers")
    peer.check(reversed_text == {"parameters": {"text": "b\n\0a"}}, "a text comes back reversed")
    stream.send(message("org.wire.No"), MESSAGE)
    peer.check("error" in json.loads(stream.receive(MESSAGE)), "an error")
