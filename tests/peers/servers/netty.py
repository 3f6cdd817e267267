"""Netty's decoders: what they cut comes back reversed; where they throw, an E and the initial of the exception does."""

import json
import os

from needs import Debian
from wire import be, delimited, le, length, varint, varint_length

NEEDS = [Debian("libnetty-java", "/usr/share/java/netty-all.jar"), Debian("default-jdk-headless", "javac", "java")]
IN_CI = True

COUNTING_ITSELF = length(2, at=1, adjust=-3, max=60000)
TWO_ZEROS = delimited(b"\0\0", strip=True, max=64)
VARINT = varint_length(max_bytes=5, strip="header", preset="protobuf-delimited")
LITTLE = length(4, endian="le", adjust=-4, strip=4, max=70000)

JARS = "all buffer codec common transport handler resolver transport-native-unix-common".split()
SERVER = r"""
import io.netty.bootstrap.*;
import io.netty.buffer.*;
import io.netty.channel.*;
import io.netty.channel.nio.*;
import io.netty.channel.socket.*;
import io.netty.channel.socket.nio.*;
import io.netty.handler.codec.*;
import io.netty.handler.codec.protobuf.*;
import java.net.InetSocketAddress;
import java.nio.ByteOrder;
import java.nio.file.*;
import java.util.Arrays;

public class Server {
  static ChannelHandler[] decoders(int kind) {
    switch (kind) {
      case 0: return new ChannelHandler[] {new LengthFieldBasedFrameDecoder(60000, 1, 2, -3, 0)};
      case 1: return new ChannelHandler[] {new DelimiterBasedFrameDecoder(64, Unpooled.wrappedBuffer(new byte[2]))};
      case 2: return new ChannelHandler[] {
        new ProtobufVarint32LengthFieldPrepender(), new ProtobufVarint32FrameDecoder()};
      default: return new ChannelHandler[] {
        new LengthFieldPrepender(ByteOrder.LITTLE_ENDIAN, 4, 0, true),
        new LengthFieldBasedFrameDecoder(ByteOrder.LITTLE_ENDIAN, 70000, 0, 4, -4, 4, true)};
    }
  }

  static class Echo extends ChannelInboundHandlerAdapter {
    final int kind;
    Echo(int kind) { this.kind = kind; }

    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf frame = (ByteBuf) message;
      byte[] bytes = new byte[frame.readableBytes()];
      frame.readBytes(bytes);
      frame.release();
      for (int i = kind == 0 ? 3 : 0, j = bytes.length - 1; i < j; i++, j--) {
        byte one = bytes[i];
        bytes[i] = bytes[j];
        bytes[j] = one;
      }
      answer(context, bytes);
    }

    public void exceptionCaught(ChannelHandlerContext context, Throwable thrown) {
      byte initial = (byte) thrown.getClass().getSimpleName().charAt(0);
      answer(context, kind == 0 ? new byte[] {'E', 0, 4, initial} : new byte[] {'E', initial});
    }

    void answer(ChannelHandlerContext context, byte[] bytes) {
      int size = kind == 1 ? bytes.length + 2 : bytes.length;
      context.writeAndFlush(Unpooled.wrappedBuffer(Arrays.copyOf(bytes, size)));
    }
  }

  static int start(EventLoopGroup group, final int kind) throws Exception {
    ServerBootstrap server = new ServerBootstrap().group(group).channel(NioServerSocketChannel.class);
    server.childHandler(new ChannelInitializer<SocketChannel>() {
      public void initChannel(SocketChannel channel) {
        channel.pipeline().addLast(decoders(kind)).addLast(new Echo(kind));
      }
    });
    return ((InetSocketAddress) server.bind("127.0.0.1", 0).sync().channel().localAddress()).getPort();
  }

  public static void main(String[] arguments) throws Exception {
    EventLoopGroup group = new NioEventLoopGroup(1);
    int[] ports = new int[4];
    for (int i = 0; i < 4; i++) ports[i] = start(group, i);
    Files.write(Paths.get("ports.new"), Arrays.toString(ports).getBytes());
    Files.move(Paths.get("ports.new"), Paths.get("ports"));
  }
}
"""


def start(peer):
    jars = ":".join("/usr/share/java/netty-%s.jar" % name for name in JARS)
    peer.write("Server.java", SERVER)
    peer.run("javac", "-J-XX:TieredStopAtLevel=1", "-cp", jars, "Server.java")
    peer.start("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", jars + ":" + peer.folder, "Server")
    return tuple("127.0.0.1:%d" % port for port in json.loads(peer.wait_for_file("ports")))


def talk(peer, counting_itself, two_zeros, varints, little):
    length_that_counts_itself(peer, peer.connect(counting_itself))
    stream = peer.connect(two_zeros)
    stream.send(b"ab\0\0\0\0y\0x\0\0", TWO_ZEROS, 3)
    peer.check(stream.receive_many(3, TWO_ZEROS) == [b"ba", b"", b"x\0y"], "two zeros end a frame, one does not")
    stream.send(b"v" * 65)
    peer.check(stream.receive(TWO_ZEROS) == b"ET", "TooLongFrameException")
    for address, fmt, sizes, before in (
        (varints, VARINT, (0, 1, 127, 128, 20000), varint),
        (little, LITTLE, (0, 5, 69990), lambda size: le(size + 4, 4)),
    ):
        stream = peer.connect(address)
        for size in sizes:
            body = os.urandom(size)
            stream.send(before(size) + body, fmt)
            peer.check(stream.receive(fmt) == body[::-1], "%d bytes come back reversed" % size)


def length_that_counts_itself(peer, stream):
    def frame(first, body):
        return first + be(len(body) + 3, 2) + body

    long = bytes(range(256)) * 200
    stream.send(frame(b"x", b"") + frame(b"y", b"abc") + frame(b"z", long), COUNTING_ITSELF, 3)
    echoes = [frame(b"x", b""), frame(b"y", b"cba"), frame(b"z", long[::-1])]
    peer.check(stream.receive_many(3, COUNTING_ITSELF) == echoes, "they come back reversed")
    stream.send(frame(b"L", bytes(60001 - 3)))
    peer.check(stream.receive(COUNTING_ITSELF) == frame(b"E", b"T"), "TooLongFrameException")
    stream.send(frame(b"k", b"ok"), COUNTING_ITSELF)
    peer.check(stream.receive(COUNTING_ITSELF) == frame(b"k", b"ko"), "it goes on behind it")
    stream.send(b"q\0\2")
    peer.check(stream.receive(COUNTING_ITSELF) == frame(b"E", b"C"), "CorruptedFrameException")
