# frozen_string_literal: true

# Messages from Ruby, with fiddle and nothing else.
#
#     FDWIRE_LIBRARY=target/release/libfdwire.so ruby tests/ffi/ruby/talk.rb unix:target/hall ruby 1
#
# It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
# back one by one and in batches, and meets some errors.

require "fiddle/import"

# The binding: what is used here of fdwire.h. Where it has a struct of its own, fiddle says void.
module Fdwire
  extend Fiddle::Importer
  dlload ENV.fetch("FDWIRE_LIBRARY", "libfdwire.so.0")
  extern "const char *fdwire_error_name(int code)"
  extern "int fdwire_format_new(const char *text, void **out, char *why, size_t why_cap)"
  extern "void fdwire_format_free(void *format)"
  extern "int fdwire_connect(const char *address, int timeout_ms)"
  extern "int fdwire_close(int fd)"
  extern "int fdwire_conn_new(int in_fd, int out_fd, const void *format, void **out)"
  extern "int fdwire_conn_set(void *conn, int option, long long value)"
  extern "int fdwire_conn_send(void *conn, const void *body, size_t len, int timeout_ms)"
  extern "int fdwire_conn_send_packed(void *conn, const void *bodies, const size_t *lens, size_t count, " \
         "int timeout_ms)"
  extern "int fdwire_conn_recv_into(void *conn, void *body, size_t cap, size_t *len, int timeout_ms)"
  extern "int fdwire_conn_recv_packed(void *conn, void *bodies, size_t cap, size_t *lens, size_t most, " \
         "size_t *count, int timeout_ms)"
  extern "int fdwire_conn_shutdown(void *conn, int how, int timeout_ms)"
  extern "void fdwire_conn_free(void *conn)"

  OWN, BOTH, SHUT_WR = 1, 3, 1
  ROOM, MOST = 1 << 20, 256 # bytes, messages: what one call receives
  SIZE = Fiddle::SIZEOF_SIZE_T
  TIMEOUT = 30_000

  class Error < StandardError
    attr_reader :name

    def initialize(code, why = nil)
      @name = Fdwire.fdwire_error_name(code).to_s
      super(why || @name)
    end
  end

  # Memory of C's, which the garbage collector frees and never moves.
  def self.memory(size) = Fiddle::Pointer.malloc(size, Fiddle::RUBY_FREE)

  def self.check(result, why = nil)
    raise Error.new(result, why) if result.negative?

    result
  end

  class Format
    attr_reader :pointer

    def initialize(text)
      out, why = Fdwire.memory(Fiddle::SIZEOF_VOIDP), Fdwire.memory(200)
      result = Fdwire.fdwire_format_new(text, out, why, why.size)
      Fdwire.check(result, why.to_s)
      @pointer = out.ptr
      @pointer.free = Fdwire["fdwire_format_free"]
    end
  end

  # Messages to and from an address.
  class Connection
    def self.open(address, format)
      conn = new(address, format)
      yield conn
    ensure
      conn&.close
    end

    def initialize(address, format)
      out, fd = Fdwire.memory(Fiddle::SIZEOF_VOIDP), Fdwire.check(Fdwire.fdwire_connect(address, TIMEOUT))
      result = Fdwire.fdwire_conn_new(fd, fd, format.pointer, out)
      Fdwire.fdwire_close(fd) if result.negative?
      Fdwire.check(result)
      @conn = out.ptr
      Fdwire.check(Fdwire.fdwire_conn_set(@conn, OWN, BOTH)) # it closes fd
      @room, @lens, @count = Fdwire.memory(ROOM), Fdwire.memory(MOST * SIZE), Fdwire.memory(SIZE)
    end

    def close
      Fdwire.fdwire_conn_free(@conn)
      @conn = nil
    end

    def send(body)
      Fdwire.check(Fdwire.fdwire_conn_send(@conn, body, body.bytesize, TIMEOUT))
    end

    def send_many(bodies)
      lens = bodies.map(&:bytesize).pack("J*") # J is as wide as size_t
      Fdwire.check(Fdwire.fdwire_conn_send_packed(@conn, bodies.join, lens, bodies.size, TIMEOUT))
    end

    # The next message, or nil at the end of the stream.
    def receive(timeout_ms = TIMEOUT)
      result = Fdwire.check(Fdwire.fdwire_conn_recv_into(@conn, @room, ROOM, @count, timeout_ms))
      @room[0, count] if result == 1
    end

    # Each message until the end of the stream, many a call.
    def each_message(&block)
      while Fdwire.check(Fdwire.fdwire_conn_recv_packed(@conn, @room, ROOM, @lens, MOST, @count, TIMEOUT)) == 1
        at = 0
        bodies = @lens[0, count * SIZE].unpack("J*").map { |len| @room[(at += len) - len, len] }
        bodies.each(&block)
      end
    end

    def shutdown
      Fdwire.check(Fdwire.fdwire_conn_shutdown(@conn, SHUT_WR, TIMEOUT))
    end

    private

    def count = @count[0, SIZE].unpack1("J")
  end
end

# The program.

def expect(what, true_or_not)
  abort "not as it should be: #{what}" unless true_or_not
end

def error_of
  yield
  abort "an error was expected"
rescue Fdwire::Error => e
  e
end

address, name, participants = ARGV
wrong = error_of { Fdwire::Format.new("u32le maxx=1M") }
format = Fdwire::Format.new("u32le max=1M")
nothing, too_long, met, received = nil, nil, [], []
binary = (0..255).to_a.pack("C*")
echoes = ["".b, binary, binary * 400]
batch = (0...1000).map { |i| i.to_s.b * (i % 8) }

Fdwire::Connection.open(address, format) do |conn|
  nothing = error_of { conn.receive(0) }
  expect "nothing is there yet", nothing.name == "EAGAIN"

  conn.send("hello from #{name}")
  met = Array.new(participants.to_i) { conn.receive[/\Ahello from (.+)\z/, 1] }
  expect "greetings", met.all?

  echoes.each do |body|
    conn.send(body)
    expect "a message that comes back", conn.receive == body
  end

  conn.send_many(batch)
  conn.shutdown
  conn.each_message { |body| received << body }
  expect "a batch that comes back", received == batch
end

Fdwire::Connection.open(address, format) do |conn|
  conn.send("too much, please")
  too_long = error_of { conn.receive }
  expect "more than the format allows", too_long.name == "FDWIRE_E_TOO_LONG"
end

puts "#{name} met #{met.sort.join(", ")}; #{echoes.size} echoes, #{received.size} in batches; " \
     "#{nothing}, #{too_long}; #{wrong}"
