"""pymodbus, Modbus over TCP: a length at 4, of what follows it."""

from needs import PYTHON, Pip
from wire import be, length, string

NEEDS = [Pip("pymodbus", "3.16.1")]
IN_CI = True

UNIT = length(2, at=4, max=260, preset="modbus")
READ = 3

SERVER = """
import sys
from pymodbus.server import StartTcpServer
try:
    from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext
    try:
        from pymodbus.datastore import ModbusDeviceContext as Device
    except ImportError:  # before version 3.10
        from pymodbus.datastore import ModbusSlaveContext as Device
    context = ModbusServerContext(Device(hr=ModbusSequentialDataBlock(1, list(range(300)))), single=True)
except ImportError:  # from version 4 on
    from pymodbus.simulator import DataType, SimData, SimDevice
    context = SimDevice(0, [SimData(0, values=list(range(300)), datatype=DataType.REGISTERS)])
StartTcpServer(context, address=("127.0.0.1", int(sys.argv[1])))
"""


def start(peer):
    port = peer.port()
    peer.start(PYTHON, peer.write("server.py", SERVER), port)
    return "127.0.0.1:%d" % port


def talk(peer, address):
    stream = peer.connect(address)

    def ask(number, function, arguments=b""):
        """One at a time: of several at once, this server answers the first alone."""
        stream.send(be(number, 2) + be(0, 2) + string(2, bytes([1, function]) + arguments), UNIT)
        answer = stream.receive(UNIT)
        peer.check(answer[:4] == be(number, 2) + be(0, 2), "an answer by its number")
        return answer[7:]

    peer.check(ask(1, READ, be(5, 2) + be(2, 2)) == bytes([READ, 4]) + be(5, 2) + be(6, 2), "two registers")
    peer.check(len(ask(2, READ, be(0, 2) + be(125, 2))) == 2 + 250, "as many as there may be")
    refused = ask(3, 0x63)
    peer.check(refused[0] & 0x80 and len(refused) == 2, "an exception: %r" % refused)
