"""SMPP 3.4, with the npm package smpp for a server: a length that counts itself, in a head of 16 bytes."""

from needs import NODE_MODULES, Debian, Npm
from wire import be, length, string

NEEDS = [Debian("nodejs", "node"), Npm("smpp", "0.5.1")]
IN_CI = True

UNIT = length(4, adjust=-4, max=16384, preset="smpp")
BIND, SUBMIT, ENQUIRE, ANSWER = 9, 4, 0x15, 0x80000000

SERVER = """
const smpp = require(process.argv[2] + '/smpp');
smpp.createServer({}, session => {
  session.on('bind_transceiver', unit => session.send(unit.response({system_id: 'server'})));
  session.on('submit_sm', unit => session.send(unit.response({message_id: 'id' + unit.sequence_number})));
  session.on('enquire_link', unit => session.send(unit.response()));
  session.on('error', () => {});
}).listen(Number(process.argv[3]), '127.0.0.1');
"""


def start(peer):
    port = peer.port()
    peer.start("node", peer.write("server.js", SERVER), NODE_MODULES, port)
    return "127.0.0.1:%d" % port


def unit(command, number, body=b""):
    return be(16 + len(body), 4) + be(command, 4) + be(0, 4) + be(number, 4) + body


def message(text):
    return b"\0" + b"\0\0a\0" + b"\0\0b\0" + bytes(9) + string(1, text)


def talk(peer, address):
    stream = peer.connect(address)
    stream.send(unit(BIND, 1, b"user\0password\0\0\x34\0\0\0"), UNIT)
    bound = stream.receive(UNIT)
    peer.check(bound[4:12] == be(ANSWER | BIND, 4) + be(0, 4) and bound[16:].startswith(b"server\0"), "bound")
    stream.send(unit(SUBMIT, 2, message(b"hi")) + unit(ENQUIRE, 3) + unit(SUBMIT, 4, message(b"m" * 254)), UNIT, 3)
    answers = {answer[12:16]: answer for answer in stream.receive_many(3, UNIT)}
    peer.check(set(answers) == {be(number, 4) for number in (2, 3, 4)}, "an answer to each")
    peer.check(answers[be(4, 4)][16:] == b"id4\0", "the number of a message")
