// Messages from Java, with JNA (Debian: libjna-java).
//
//     FDWIRE_LIBRARY=target/release/libfdwire.so \
//         java -cp /usr/share/java/jna.jar tests/ffi/java/Talk.java unix:target/hall java 1
//
// It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
// back one by one and in batches, and meets some errors.

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

public final class Talk {
    /** The binding: what is used here of fdwire.h. A size_t is a long, as on every 64-bit system. */
    public interface Fdwire extends Library {
        Fdwire C = Native.load(System.getenv().getOrDefault("FDWIRE_LIBRARY", "fdwire"), Fdwire.class);

        int OWN = 1, BOTH = 3, SHUT_WR = 1;

        String fdwire_error_name(int code);
        int fdwire_format_new(String text, PointerByReference out, byte[] why, long whyCap);
        void fdwire_format_free(Pointer format);
        int fdwire_connect(String address, int timeoutMs);
        int fdwire_close(int fd);
        int fdwire_conn_new(int inFd, int outFd, Pointer format, PointerByReference out);
        int fdwire_conn_set(Pointer conn, int option, long value);
        int fdwire_conn_send(Pointer conn, byte[] body, long len, int timeoutMs);
        int fdwire_conn_send_packed(Pointer conn, byte[] bodies, long[] lens, long count, int timeoutMs);
        int fdwire_conn_recv_into(Pointer conn, Pointer body, long cap, LongByReference len, int timeoutMs);
        int fdwire_conn_recv_packed(
            Pointer conn, Pointer bodies, long cap, long[] lens, long most, LongByReference count, int timeoutMs);
        int fdwire_conn_shutdown(Pointer conn, int how, int timeoutMs);
        void fdwire_conn_free(Pointer conn);
    }

    static final int TIMEOUT = 30_000;

    @SuppressWarnings("serial")
    static final class FdwireException extends RuntimeException {
        final String name;

        FdwireException(int code, String why) {
            super(why);
            name = Fdwire.C.fdwire_error_name(code);
        }
    }

    static int check(int result) {
        if (result < 0) {
            throw new FdwireException(result, Fdwire.C.fdwire_error_name(result));
        }
        return result;
    }

    static final class Format implements AutoCloseable {
        final Pointer pointer;

        Format(String text) {
            PointerByReference out = new PointerByReference();
            byte[] why = new byte[200];
            int result = Fdwire.C.fdwire_format_new(text, out, why, why.length);
            if (result < 0) {
                throw new FdwireException(result, Native.toString(why, "UTF-8"));
            }
            pointer = out.getValue();
        }

        @Override
        public void close() {
            Fdwire.C.fdwire_format_free(pointer);
        }
    }

    /** Messages to and from an address. */
    static final class Connection implements AutoCloseable {
        private static final int ROOM = 1 << 20, MOST = 256; // bytes, messages: what one call receives

        private final Pointer conn;
        private final Memory room = new Memory(ROOM); // C's memory: arrays are copied to and fro in every call
        private final long[] lens = new long[MOST];
        private final LongByReference count = new LongByReference();

        Connection(String address, Format format) {
            int fd = check(Fdwire.C.fdwire_connect(address, TIMEOUT));
            PointerByReference out = new PointerByReference();
            int result = Fdwire.C.fdwire_conn_new(fd, fd, format.pointer, out);
            if (result < 0) {
                Fdwire.C.fdwire_close(fd);
            }
            check(result);
            conn = out.getValue();
            check(Fdwire.C.fdwire_conn_set(conn, Fdwire.OWN, Fdwire.BOTH)); // it closes fd
        }

        @Override
        public void close() {
            Fdwire.C.fdwire_conn_free(conn);
            room.close();
        }

        void send(byte[] body) {
            check(Fdwire.C.fdwire_conn_send(conn, body, body.length, TIMEOUT));
        }

        void sendMany(List<byte[]> bodies) {
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            bodies.forEach(packed::writeBytes);
            long[] lens = bodies.stream().mapToLong(body -> body.length).toArray();
            check(Fdwire.C.fdwire_conn_send_packed(conn, packed.toByteArray(), lens, lens.length, TIMEOUT));
        }

        /** The next message, or null at the end of the stream. */
        byte[] receive(int timeoutMs) {
            int result = check(Fdwire.C.fdwire_conn_recv_into(conn, room, ROOM, count, timeoutMs));
            return result == 1 ? room.getByteArray(0, (int) count.getValue()) : null;
        }

        /** As many messages as are there, at least one; none at the end of the stream. */
        List<byte[]> receiveMany() {
            int result = check(Fdwire.C.fdwire_conn_recv_packed(conn, room, ROOM, lens, MOST, count, TIMEOUT));
            List<byte[]> bodies = new ArrayList<>();
            long at = 0;
            for (int i = 0; result == 1 && i < count.getValue(); at += lens[i++]) {
                bodies.add(room.getByteArray(at, (int) lens[i]));
            }
            return bodies;
        }

        void shutdown() {
            check(Fdwire.C.fdwire_conn_shutdown(conn, Fdwire.SHUT_WR, TIMEOUT));
        }
    }

    // The program.

    static void expect(String what, boolean isSo) {
        if (!isSo) {
            throw new IllegalStateException("not as it should be: " + what);
        }
    }

    static FdwireException errorOf(Runnable action) {
        try {
            action.run();
        } catch (FdwireException error) {
            return error;
        }
        throw new IllegalStateException("an error was expected");
    }

    static byte[] bytes(int count) {
        byte[] bytes = new byte[count];
        for (int i = 0; i < count; i++) {
            bytes[i] = (byte) i;
        }
        return bytes;
    }

    public static void main(String[] arguments) {
        String address = arguments[0], name = arguments[1];
        int participants = Integer.parseInt(arguments[2]);
        FdwireException wrong = errorOf(() -> new Format("u32le maxx=1M")), nothing, tooLong;
        List<String> met = new ArrayList<>();
        List<byte[]> echoes = List.of(bytes(0), bytes(256), bytes(102_400)), received = new ArrayList<>();
        List<byte[]> batch =
            IntStream.range(0, 1000).mapToObj(i -> Integer.toString(i).repeat(i % 8).getBytes()).toList();

        try (Format format = new Format("u32le max=1M")) {
            try (Connection conn = new Connection(address, format)) {
                nothing = errorOf(() -> conn.receive(0));
                expect("nothing is there yet", nothing.name.equals("EAGAIN"));

                conn.send(("hello from " + name).getBytes());
                while (met.size() < participants) {
                    String greeting = new String(conn.receive(TIMEOUT));
                    expect("greetings", greeting.startsWith("hello from "));
                    met.add(greeting.substring("hello from ".length()));
                }
                met.sort(null);

                for (byte[] body : echoes) {
                    conn.send(body);
                    expect("a message that comes back", Arrays.equals(conn.receive(TIMEOUT), body));
                }

                conn.sendMany(batch);
                conn.shutdown();
                for (var some = conn.receiveMany(); !some.isEmpty(); some = conn.receiveMany()) {
                    received.addAll(some);
                }
                expect("a batch that comes back", Arrays.deepEquals(received.toArray(), batch.toArray()));
            }
            try (Connection conn = new Connection(address, format)) {
                conn.send("too much, please".getBytes());
                tooLong = errorOf(() -> conn.receive(TIMEOUT));
                expect("more than the format allows", tooLong.name.equals("FDWIRE_E_TOO_LONG"));
            }
        }
        System.out.printf(
            "%s met %s; %d echoes, %d in batches; %s, %s; %s%n", name, String.join(", ", met), echoes.size(),
            received.size(), nothing.getMessage(), tooLong.getMessage(), wrong.getMessage());
    }
}
