-- Messages from LuaJIT, with its ffi library and nothing else.
--
--     FDWIRE_LIBRARY=target/release/libfdwire.so luajit tests/ffi/luajit/talk.lua unix:target/hall luajit 1
--
-- It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
-- back one by one and in batches, and meets some errors.

local ffi = require("ffi")

-- The binding: what is used here of fdwire.h, as it stands there.

ffi.cdef([[
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
int fdwire_conn_send_many(fdwire_conn *conn, const fdwire_msg *msgs, size_t count, int timeout_ms);
int fdwire_conn_recv(fdwire_conn *conn, fdwire_msg *msg, int timeout_ms);
int fdwire_conn_recv_many(fdwire_conn *conn, fdwire_msg *msgs, size_t cap, size_t *count, int timeout_ms);
int fdwire_conn_shutdown(fdwire_conn *conn, int how, int timeout_ms);
void fdwire_conn_free(fdwire_conn *conn);
]])
local lib = ffi.load(os.getenv("FDWIRE_LIBRARY") or "libfdwire.so.0")

local OWN, BOTH, SHUT_WR = 1, 3, 1
local MOST, TIMEOUT = 256, 30000

-- Errors are tables: the name of the code, and why, if more is known.
local Error = { __tostring = function(self) return self.why or self.name end }

local function check(result, why)
  if result < 0 then
    error(setmetatable({ name = ffi.string(lib.fdwire_error_name(result)), why = why }, Error), 0)
  end
  return result
end

-- To be freed by lib.fdwire_format_free. No finalizer: at the exit they run when the library is gone already.
local function new_format(text)
  local out, why = ffi.new("fdwire_format *[1]"), ffi.new("char[200]")
  local result = lib.fdwire_format_new(text, out, why, ffi.sizeof(why))
  check(result, ffi.string(why))
  return out[0]
end

local Connection = {}
Connection.__index = Connection

-- Messages to and from an address, for as long as body runs.
local function with_connection(address, format, body)
  local fd, out = check(lib.fdwire_connect(address, TIMEOUT)), ffi.new("fdwire_conn *[1]")
  local result = lib.fdwire_conn_new(fd, fd, format, out)
  if result < 0 then
    lib.fdwire_close(fd)
  end
  check(result)
  check(lib.fdwire_conn_set(out[0], OWN, BOTH)) -- it closes fd
  local self = { conn = out[0], msgs = ffi.new("fdwire_msg[?]", MOST), count = ffi.new("size_t[1]") }
  local ok, err = pcall(body, setmetatable(self, Connection))
  lib.fdwire_conn_free(out[0])
  if not ok then
    error(err, 0)
  end
end

function Connection:send(body)
  check(lib.fdwire_conn_send(self.conn, body, #body, TIMEOUT))
end

-- The structs point into the strings, which the table of bodies keeps alive until the call is over.
function Connection:send_many(bodies)
  local msgs = ffi.new("fdwire_msg[?]", #bodies)
  for i, body in ipairs(bodies) do
    msgs[i - 1].body, msgs[i - 1].body_len = ffi.cast("const uint8_t *", body), #body
  end
  check(lib.fdwire_conn_send_many(self.conn, msgs, #bodies, TIMEOUT))
end

-- The next message, or nil at the end of the stream.
function Connection:recv(timeout_ms)
  local msg = self.msgs[0]
  if check(lib.fdwire_conn_recv(self.conn, msg, timeout_ms or TIMEOUT)) == 1 then
    return ffi.string(msg.body, msg.body_len)
  end
end

-- Each of the messages that are there, many a call, until the end of the stream.
function Connection:each()
  return coroutine.wrap(function()
    while check(lib.fdwire_conn_recv_many(self.conn, self.msgs, MOST, self.count, TIMEOUT)) == 1 do
      for i = 0, tonumber(self.count[0]) - 1 do
        coroutine.yield(ffi.string(self.msgs[i].body, self.msgs[i].body_len))
      end
    end
  end)
end

function Connection:shutdown()
  check(lib.fdwire_conn_shutdown(self.conn, SHUT_WR, TIMEOUT))
end

-- The program.

local function error_of(...)
  local ok, err = pcall(...)
  assert(not ok, "an error was expected")
  assert(getmetatable(err) == Error, err)
  return err
end

local address, name, participants = arg[1], arg[2], tonumber(arg[3])
local wrong = error_of(new_format, "u32le maxx=1M")
local format = new_format("u32le max=1M")
local met, batch, received, nothing, too_long = {}, {}, {}

local bytes = {}
for i = 0, 255 do
  bytes[i + 1] = string.char(i)
end
local binary = table.concat(bytes)
local echoes = { "", binary, binary:rep(400) }
for i = 0, 999 do
  batch[i + 1] = tostring(i):rep(i % 8)
end

with_connection(address, format, function(conn)
  nothing = error_of(conn.recv, conn, 0)
  assert(nothing.name == "EAGAIN", "nothing is there yet")

  conn:send("hello from " .. name)
  for i = 1, participants do
    met[i] = assert(conn:recv():match("^hello from (.+)$"), "greetings")
  end
  table.sort(met)

  for _, body in ipairs(echoes) do
    conn:send(body)
    assert(conn:recv() == body, "a message that comes back")
  end

  conn:send_many(batch)
  conn:shutdown()
  for body in conn:each() do
    received[#received + 1] = body
    assert(body == batch[#received], "a batch that comes back")
  end
  assert(#received == #batch, "all of the batch comes back")
end)

with_connection(address, format, function(conn)
  conn:send("too much, please")
  too_long = error_of(conn.recv, conn)
  assert(too_long.name == "FDWIRE_E_TOO_LONG", "more than the format allows")
end)
lib.fdwire_format_free(format)

print(("%s met %s; %d echoes, %d in batches; %s, %s; %s"):format(
  name, table.concat(met, ", "), #echoes, #received, tostring(nothing), tostring(too_long), tostring(wrong)
))
