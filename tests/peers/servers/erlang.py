"""Erlang's {packet, Type}: what its sockets cut, against what we cut.

Two connections for each type: every packet that Erlang cuts from the one comes out of the other behind a length of 4
bytes, and what goes into that one goes out of the first as it is.
"""

from needs import Debian
from wire import be, case, delimited, le, length, select

NEEDS = [Debian("erlang-base", "erl", "erlc")]
IN_CI = True

BEHIND_4 = length(4, strip=4)
SUNRM = length(4, mask=0x7FFFFFFF, preset="sunrpc")
CDR = select(  # its byte order is a flag in the seventh byte
    case(0, length(4, at=8)), case(1, length(4, at=8, endian="le")), at=6, mask=1, preset="giop"
)
TPKT = length(2, at=2, adjust=-4, preset="tpkt")
FCGI = length(2, at=4, header=8, adjust=2, add=[{"offset": 6, "width": 1}], preset="fastcgi")
ASN1 = select(
    case(0, length(1, at=1), 127), *[case(0x80 + width, length(width, at=2)) for width in (1, 2, 3, 4)], at=1
)
LINE = delimited(b"\n")

PROGRAM = """
-module(relay). -export([main/0]).
main() ->
  {ok, L} = gen_tcp:listen(0, [binary, {ip, {127,0,0,1}}, {packet, 4}, {active, false}, {reuseaddr, true}]),
  {ok, P} = inet:port(L),
  file:write_file("port.new", integer_to_list(P)), file:rename("port.new", "port"),
  loop(L).
loop(L) ->
  {ok, B} = gen_tcp:accept(L),
  spawn(fun() -> serve(B) end),
  loop(L).
serve(B) ->
  {ok, M} = gen_tcp:recv(B, 0),
  Type = binary_to_term(M, [safe]),
  {ok, L} = gen_tcp:listen(0, [binary, {ip, {127,0,0,1}}, {packet, Type}, {active, false}, {packet_size, 100000},
                               {recbuf, 200000}, {buffer, 200000}]),
  {ok, P} = inet:port(L),
  ok = gen_tcp:send(B, integer_to_list(P)),
  {ok, A} = gen_tcp:accept(L),
  spawn(fun() -> down(A, B) end),
  up(A, B).
up(A, B) ->
  case gen_tcp:recv(A, 0) of
    {ok, D} -> gen_tcp:send(B, [0, D]), up(A, B);
    {error, E} -> gen_tcp:send(B, [1, atom_to_list(E)])
  end.
down(A, B) ->
  case gen_tcp:recv(B, 0) of
    {ok, D} -> gen_tcp:send(A, D), down(A, B);
    _ -> gen_tcp:close(A)
  end.
"""


def start(peer):
    peer.write("relay.erl", PROGRAM)
    peer.run("erlc", "relay.erl")
    peer.start("erl", "-noshell", "-noinput", "+S", "1:1", "-s", "relay", "main")
    return "127.0.0.1:" + peer.wait_for_file("port")


def behind_4(body):
    return be(len(body), 4) + body


def number(value):
    """In Erlang's external format, as the next one."""
    return bytes([131, 97, value])


def atom(name):
    return bytes([131, 119, len(name)]) + name.encode()


def some(count):
    return bytes(i * 7 & 255 for i in range(count))


def fcgi(count, padding):
    return bytes([1, 6, 0, 1]) + be(count, 2) + bytes([padding, 0]) + some(count) + b"\xcc" * padding


def without_padding(record):
    return record[: len(record) - record[6]]


def cdr(count, little):
    return b"GIOP\1\2" + bytes([little, 0]) + (le if little else be)(count, 4) + some(count)


# A type's name and its term, its format, packets, and what Erlang puts before them or takes off them.
TYPES = [
    ("1", number(1), length(1, strip=1), [some(0), some(1), some(255)], lambda body: bytes([len(body)])),
    ("2", number(2), length(2, strip=2), [some(0), some(1), some(65535)], lambda body: be(len(body), 2)),
    ("4", number(4), BEHIND_4, [some(0), some(1), some(70000)], lambda body: be(len(body), 4)),
    ("line", atom("line"), LINE, [b"\n", b"abc\r\n", some(9) + b"\n", b"x" * 5000 + b"\n"], None),
    ("sunrm", atom("sunrm"), SUNRM, [b"\x80\0\0\0", b"\0\0\0\3abc", b"\x80\0\0\4wxyz"], None),
    ("cdr", atom("cdr"), CDR, [cdr(0, 0), cdr(300, 0), cdr(300, 1), cdr(1, 1)], None),
    ("tpkt", atom("tpkt"), TPKT, [b"\3\0\0\4", b"\3\0\0\7abc", b"\3\0\xff\xff" + some(65531)], None),
    ("fcgi", atom("fcgi"), FCGI, [fcgi(0, 0), fcgi(5, 3), fcgi(0, 255), fcgi(65535, 1)], None),
    ("asn1", atom("asn1"), ASN1, [b"0\0", b"0\3abc", b"0\x81\xc8" + some(200), b"0\x82\1\0" + some(256)], None),
]


def talk(peer, address):
    for name, term, fmt, packets, before in TYPES:
        typed, plain = connect_pair(peer, address, term)
        stream = b"".join((before(packet) if before else b"") + packet for packet in packets)
        typed.send(stream, fmt, len(packets))
        for packet in packets:
            expected = without_padding(packet) if name == "fcgi" else packet
            peer.check(plain.receive(BEHIND_4) == b"\0" + expected, "Erlang cuts %s as we do" % name)
        for packet in packets:
            plain.send(behind_4(packet), BEHIND_4)
        peer.check(typed.receive_many(len(packets), fmt) == packets, "and we as Erlang does")
    for name, term, bad, error in (
        ("tpkt", atom("tpkt"), b"\4\0\0\4", None),
        ("4", number(4), be(100001, 4) + b"\0", b"emsgsize"),
    ):
        typed, plain = connect_pair(peer, address, term)
        typed.send(bad)
        answer = plain.receive(BEHIND_4)
        peer.check(answer[:1] == b"\1" and error in (None, answer[1:]), "no packet of %s: %r" % (name, answer))


def connect_pair(peer, address, term):
    """What speaks the type, and what Erlang cut of it."""
    plain = peer.connect(address)
    plain.send(behind_4(term), BEHIND_4)
    return peer.connect("127.0.0.1:" + plain.receive(BEHIND_4).decode()), plain
