<?php
// Messages from PHP, with its FFI extension and nothing else.
//
//     FDWIRE_LIBRARY=target/release/libfdwire.so php tests/ffi/php/talk.php unix:target/hall php 1
//
// It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
// back one by one and in batches, and meets some errors.

declare(strict_types=1);

// The binding: what is used here of fdwire.h, as it stands there.

final class Fdwire
{
    public const OWN = 1, BOTH = 3, SHUT_WR = 1;
    public const MOST = 256, TIMEOUT = 30_000;
    private const HEADER = <<<'C'
        typedef struct fdwire_format fdwire_format;
        typedef struct fdwire_conn fdwire_conn;
        typedef struct fdwire_msg {
          const uint8_t *head, *body;
          size_t head_len, body_len, tail_len;
        } fdwire_msg;
        const char *fdwire_error_name(int code);
        int fdwire_format_new(const char *text, fdwire_format **out, char *why, size_t why_cap);
        void fdwire_format_free(fdwire_format *format);
        int fdwire_connect(const char *address, int timeout_ms);
        int fdwire_close(int fd);
        int fdwire_conn_new(int in_fd, int out_fd, const fdwire_format *format, fdwire_conn **out);
        int fdwire_conn_set(fdwire_conn *conn, int option, int64_t value);
        int fdwire_conn_send(fdwire_conn *conn, const void *body, size_t len, int timeout_ms);
        int fdwire_conn_send_packed(
            fdwire_conn *conn, const void *bodies, const size_t *lens, size_t count, int timeout_ms);
        int fdwire_conn_recv(fdwire_conn *conn, fdwire_msg *msg, int timeout_ms);
        int fdwire_conn_recv_many(fdwire_conn *conn, fdwire_msg *msgs, size_t cap, size_t *count, int timeout_ms);
        int fdwire_conn_shutdown(fdwire_conn *conn, int how, int timeout_ms);
        void fdwire_conn_free(fdwire_conn *conn);
        C;
    private static ?FFI $library = null;

    public static function library(): FFI
    {
        return self::$library ??= FFI::cdef(self::HEADER, getenv('FDWIRE_LIBRARY') ?: 'libfdwire.so.0');
    }

    public static function check(int $result, ?string $why = null): int
    {
        return $result >= 0 ? $result : throw new FdwireError($result, $why);
    }
}

final class FdwireError extends RuntimeException
{
    public readonly string $name;

    public function __construct(int $code, ?string $why)
    {
        $this->name = Fdwire::library()->fdwire_error_name($code);
        parent::__construct($why ?? $this->name, $code);
    }
}

final class Format
{
    public readonly FFI\CData $pointer;

    public function __construct(string $text)
    {
        [$out, $why] = [Fdwire::library()->new('fdwire_format *'), Fdwire::library()->new('char[200]')];
        $result = Fdwire::library()->fdwire_format_new($text, FFI::addr($out), $why, FFI::sizeof($why));
        Fdwire::check($result, FFI::string($why));
        $this->pointer = $out;
    }

    public function __destruct()
    {
        if (isset($this->pointer)) {
            Fdwire::library()->fdwire_format_free($this->pointer);
        }
    }
}

/** Messages to and from an address. The connection ends with the object. */
final class Connection
{
    private FFI $c;
    private FFI\CData $conn, $msgs, $count;

    public function __construct(string $address, Format $format)
    {
        $this->c = Fdwire::library();
        $conn = $this->c->new('fdwire_conn *');
        $fd = Fdwire::check($this->c->fdwire_connect($address, Fdwire::TIMEOUT));
        $result = $this->c->fdwire_conn_new($fd, $fd, $format->pointer, FFI::addr($conn));
        if ($result < 0) {
            $this->c->fdwire_close($fd);
        }
        Fdwire::check($result);
        $this->conn = $conn;
        Fdwire::check($this->c->fdwire_conn_set($conn, Fdwire::OWN, Fdwire::BOTH)); // it closes $fd
        [$this->msgs, $this->count] = [$this->c->new('fdwire_msg[' . Fdwire::MOST . ']'), $this->c->new('size_t')];
    }

    public function __destruct()
    {
        if (isset($this->conn)) {
            $this->c->fdwire_conn_free($this->conn);
        }
    }

    public function send(string $body): void
    {
        Fdwire::check($this->c->fdwire_conn_send($this->conn, $body, strlen($body), Fdwire::TIMEOUT));
    }

    /** @param list<string> $bodies */
    public function sendMany(array $bodies): void
    {
        $count = count($bodies);
        $lens = $this->c->new("size_t[$count]");
        foreach ($bodies as $i => $body) {
            $lens[$i] = strlen($body);
        }
        $sent = $this->c->fdwire_conn_send_packed($this->conn, implode($bodies), $lens, $count, Fdwire::TIMEOUT);
        Fdwire::check($sent);
    }

    /** The next message, or null at the end of the stream. */
    public function receive(int $timeoutMs = Fdwire::TIMEOUT): ?string
    {
        $more = Fdwire::check($this->c->fdwire_conn_recv($this->conn, FFI::addr($this->msgs[0]), $timeoutMs));
        return $more ? self::body($this->msgs[0]) : null;
    }

    /** Each message until the end of the stream, many a call. */
    public function each(): Generator
    {
        $call = [$this->conn, $this->msgs, Fdwire::MOST, FFI::addr($this->count), Fdwire::TIMEOUT];
        while (Fdwire::check($this->c->fdwire_conn_recv_many(...$call))) {
            for ($i = 0; $i < $this->count->cdata; $i++) {
                yield self::body($this->msgs[$i]);
            }
        }
    }

    public function shutdown(): void
    {
        Fdwire::check($this->c->fdwire_conn_shutdown($this->conn, Fdwire::SHUT_WR, Fdwire::TIMEOUT));
    }

    /** A copy: what lies there is lent until the next receive. */
    private static function body(FFI\CData $msg): string
    {
        return $msg->body_len > 0 ? FFI::string($msg->body, $msg->body_len) : '';
    }
}

// The program. What it throws ends it.

function expect(string $what, bool $true): void
{
    $true || throw new LogicException("not as it should be: $what");
}

function error_of(callable $function): FdwireError
{
    try {
        $function();
    } catch (FdwireError $error) {
        return $error;
    }
    throw new LogicException('an error was expected');
}

[, $address, $name, $participants] = $argv;
$wrong = error_of(fn () => new Format('u32le maxx=1M'));
$format = new Format('u32le max=1M');

$conn = new Connection($address, $format);
$nothing = error_of(fn () => $conn->receive(0));
expect('nothing is there yet', $nothing->name === 'EAGAIN');

$conn->send("hello from $name");
$met = [];
while (count($met) < (int) $participants) {
    expect('greetings', sscanf($conn->receive() ?? '', 'hello from %s', $met[]) === 1);
}
sort($met);

$binary = pack('C*', ...range(0, 255));
$echoes = ['', $binary, str_repeat($binary, 400)];
foreach ($echoes as $body) {
    $conn->send($body);
    expect('a message that comes back', $conn->receive() === $body);
}

$batch = array_map(fn (int $i) => str_repeat((string) $i, $i % 8), range(0, 999));
$conn->sendMany($batch);
$conn->shutdown();
$received = iterator_to_array($conn->each());
expect('a batch that comes back', $received === $batch);

$conn = new Connection($address, $format);
$conn->send('too much, please');
$tooLong = error_of(fn () => $conn->receive());
expect('more than the format allows', $tooLong->name === 'FDWIRE_E_TOO_LONG');

printf(
    "%s met %s; %d echoes, %d in batches; %s, %s; %s\n",
    $name, implode(', ', $met), count($echoes), count($received),
    $nothing->getMessage(), $tooLong->getMessage(), $wrong->getMessage(),
);
