"""nginx speaks SCGI to us: a netstring of pairs, then a body as long as one of them says."""

from needs import Debian
from wire import digits, fixed, headers

NEEDS = [Debian("nginx-light", "nginx")]
IN_CI = True

PAIRS = digits(10, term=b":".hex(), trailer=b",".hex(), leading_zero=False, max=100000, strip="header", preset="scgi")
BODY = b"hello,3:abc"  # might be taken for a netstring, but is none

CONFIGURATION = """
daemon off; master_process off; pid %(folder)s/pid; error_log %(folder)s/error; events {}
http {
  access_log off;
  client_body_temp_path %(folder)s/body; proxy_temp_path %(folder)s/proxy; fastcgi_temp_path %(folder)s/fastcgi;
  scgi_temp_path %(folder)s/scgi; uwsgi_temp_path %(folder)s/uwsgi;
  server {
    listen 127.0.0.1:%(port)d;
    location / {
      scgi_pass 127.0.0.1:%(ours)d;
      scgi_param CONTENT_LENGTH $content_length; scgi_param REQUEST_METHOD $request_method; scgi_param X '%(long)s';
    }
  }
}
"""


def start(peer):
    port, (listener, ours) = peer.port(), peer.listen()
    settings = {"folder": peer.folder, "port": port, "ours": ours, "long": "v" * 900}
    conf = peer.write("conf", CONFIGURATION % settings)
    peer.start("nginx", "-c", conf, "-p", peer.folder, "-e", peer.path("error"))
    return "127.0.0.1:%d" % port, listener


def talk(peer, address, listener):
    client = peer.connect(address)
    client.send(b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY))
    script = peer.accept(listener)
    words = script.receive(PAIRS).split(b"\0")
    pairs = dict(zip(words[::2], words[1::2]))
    expected = {b"CONTENT_LENGTH": b"%d" % len(BODY), b"REQUEST_METHOD": b"POST", b"X": b"v" * 900}
    peer.check(expected.items() <= pairs.items(), "the pairs: %r" % pairs)
    peer.check(script.receive(fixed(len(BODY))) == BODY, "the body")
    script.send(b"Status: 201 Made\r\nContent-Length: 2\r\n\r\nok")
    script.close()
    answer = client.receive(headers())
    peer.check(answer.startswith(b"HTTP/1.1 201 Made") and answer.endswith(b"\r\n\r\nok"), "our answer to the client")
