#!/usr/bin/env perl
# Messages from Perl, with FFI::Platypus (Debian: libffi-platypus-perl).
#
#     FDWIRE_LIBRARY=target/release/libfdwire.so perl tests/ffi/perl/talk.pl unix:target/hall perl 1
#
# It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
# back one by one and in batches, and meets some errors.
use v5.36;

# The binding: what is used here of fdwire.h.
package Fdwire {
    use FFI::Platypus 2.00;
    use FFI::Platypus::Buffer qw(grow scalar_to_pointer);
    use constant { OWN => 1, BOTH => 3, SHUT_WR => 1, TIMEOUT => 30_000 };
    use constant { ROOM => 1 << 20, MOST => 256, SIZE => length pack 'J', 0 };    # of what one call receives

    my $ffi = FFI::Platypus->new(api => 2, lib => $ENV{FDWIRE_LIBRARY} // 'libfdwire.so.0');
    $ffi->mangler(sub ($name) { "fdwire_$name" });
    $ffi->attach(error_name       => ['int']                                        => 'string');
    $ffi->attach(format_new       => ['string', 'opaque*', 'opaque', 'size_t']      => 'int');
    $ffi->attach(format_free      => ['opaque']                                     => 'void');
    $ffi->attach(connect          => ['string', 'int']                              => 'int');
    $ffi->attach(close            => ['int']                                        => 'int');
    $ffi->attach(conn_new         => ['int', 'int', 'opaque', 'opaque*']            => 'int');
    $ffi->attach(conn_set         => ['opaque', 'int', 'sint64']                    => 'int');
    $ffi->attach(conn_send        => ['opaque', 'opaque', 'size_t', 'int']          => 'int');
    $ffi->attach(conn_send_packed => ['opaque', 'opaque', 'opaque', 'size_t', 'int'] => 'int');
    $ffi->attach(conn_recv_into   => ['opaque', 'opaque', 'size_t', 'size_t*', 'int'] => 'int');
    $ffi->attach(conn_recv_packed => ['opaque', 'opaque', 'size_t', 'opaque', 'size_t', 'size_t*', 'int'] => 'int');
    $ffi->attach(conn_shutdown    => ['opaque', 'int', 'int']                       => 'int');
    $ffi->attach(conn_free        => ['opaque']                                     => 'void');

    # Dies with the code's name, and why, if more is known.
    sub check ($result, $why = undef) {
        return $result if $result >= 0;
        my $name = error_name($result);
        die bless { name => $name, why => $why // $name }, 'Fdwire::Error';
    }

    sub new_format ($text) {
        grow(my $why, 200);    # memory of its own: "\0" x 200 may share another string's
        my $result = format_new($text, \my $format, scalar_to_pointer($why), length $why);
        check($result, unpack 'Z*', $why);
        return $format;    # for format_free
    }
}

package Fdwire::Error {
    use overload '""' => sub ($self, @) { $self->{why} };
}

# Messages to and from an address. The connection ends with the object.
package Fdwire::Connection {
    use FFI::Platypus::Buffer qw(grow scalar_to_pointer);

    sub new ($class, $address, $format) {
        my $fd     = Fdwire::check(Fdwire::connect($address, Fdwire::TIMEOUT));
        my $result = Fdwire::conn_new($fd, $fd, $format, \my $conn);
        Fdwire::close($fd) if $result < 0;
        Fdwire::check($result);
        Fdwire::check(Fdwire::conn_set($conn, Fdwire::OWN, Fdwire::BOTH));    # it closes $fd
        my $self = bless { conn => $conn, room => '', lens => '' }, $class;
        grow($self->{room}, Fdwire::ROOM);
        grow($self->{lens}, Fdwire::MOST * Fdwire::SIZE);
        return $self;
    }

    sub DESTROY ($self) { Fdwire::conn_free($self->{conn}) }

    # Bodies are bytes: text is to be encoded before.
    sub send ($self, $body) {
        Fdwire::check(Fdwire::conn_send($self->{conn}, scalar_to_pointer($body), length $body, Fdwire::TIMEOUT));
    }

    sub send_many ($self, @bodies) {
        my ($packed, $lens) = (join('', @bodies), pack 'J*', map { length } @bodies);    # J is as wide as size_t
        my @where = map { scalar_to_pointer($_) } $packed, $lens;
        Fdwire::check(Fdwire::conn_send_packed($self->{conn}, @where, scalar @bodies, Fdwire::TIMEOUT));
    }

    # The next message, or undef at the end of the stream.
    sub recv ($self, $timeout_ms = Fdwire::TIMEOUT) {
        my $room = scalar_to_pointer($self->{room});
        my $more = Fdwire::check(Fdwire::conn_recv_into($self->{conn}, $room, Fdwire::ROOM, \my $len, $timeout_ms));
        return $more ? substr($self->{room}, 0, $len) : undef;
    }

    # As many messages as are there, at least one; none at the end of the stream.
    sub recv_many ($self) {
        my ($room, $lens) = map { scalar_to_pointer($_) } @$self{qw(room lens)};
        my $more = Fdwire::check(Fdwire::conn_recv_packed(
            $self->{conn}, $room, Fdwire::ROOM, $lens, Fdwire::MOST, \my $count, Fdwire::TIMEOUT));
        return () if !$more;
        return unpack join(' ', map { "a$_" } unpack "J$count", $self->{lens}), $self->{room};
    }

    sub shutdown ($self) {
        Fdwire::check(Fdwire::conn_shutdown($self->{conn}, Fdwire::SHUT_WR, Fdwire::TIMEOUT));
    }
}

# The program.

sub expect ($what, $true) {
    die "not as it should be: $what\n" if !$true;
}

sub error_of ($code) {
    eval { $code->(); 1 } and die "an error was expected\n";
    die $@ if ref $@ ne 'Fdwire::Error';
    return $@;
}

my ($address, $name, $participants) = @ARGV;
my $wrong  = error_of(sub { Fdwire::new_format('u32le maxx=1M') });
my $format = Fdwire::new_format('u32le max=1M');

my $conn    = Fdwire::Connection->new($address, $format);
my $nothing = error_of(sub { $conn->recv(0) });
expect('nothing is there yet', $nothing->{name} eq 'EAGAIN');

$conn->send("hello from $name");
my @met = sort map { $conn->recv =~ /^hello from (.+)/s ? $1 : die "this is no greeting\n" } 1 .. $participants;

my $binary = pack 'C*', 0 .. 255;
my @echoes = ('', $binary, $binary x 400);
for my $body (@echoes) {
    $conn->send($body);
    expect('a message that comes back', $conn->recv eq $body);
}

my (@batch, @received) = map { $_ x ($_ % 8) } 0 .. 999;
$conn->send_many(@batch);
$conn->shutdown;
while (my @some = $conn->recv_many) {    # until the end of the stream
    push @received, @some;
}
expect('a batch that comes back', @received == @batch && !grep { $received[$_] ne $batch[$_] } 0 .. $#batch);

$conn = Fdwire::Connection->new($address, $format);
$conn->send('too much, please');
my $too_long = error_of(sub { $conn->recv });
expect('more than the format allows', $too_long->{name} eq 'FDWIRE_E_TOO_LONG');
undef $conn;
Fdwire::format_free($format);

my ($met, $echoes, $received) = (join(', ', @met), scalar @echoes, scalar @received);
say "$name met $met; $echoes echoes, $received in batches; $nothing, $too_long; $wrong";
