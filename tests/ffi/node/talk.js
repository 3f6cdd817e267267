#!/usr/bin/env node
// Messages from Node.js, with koffi (npm install koffi).
//
//     FDWIRE_LIBRARY=target/release/libfdwire.so node tests/ffi/node/talk.js unix:target/hall node 1
//
// It talks to tests/ffi/server.c, started as "server unix:target/hall 1": greets all who take part, has messages sent
// back one by one and in batches, and meets some errors.
'use strict';

const assert = require('node:assert/strict');
const { promisify } = require('node:util');
const koffi = require('koffi');

// The binding: what is used here of fdwire.h. Memory that is passed as void * is a Buffer or a typed array.

const library = koffi.load(process.env.FDWIRE_LIBRARY ?? 'libfdwire.so.0');
koffi.opaque('fdwire_format');
koffi.opaque('fdwire_conn');
const declare = (prototype) => library.func(prototype);
const fdwire = {
  errorName: declare('const char *fdwire_error_name(int code)'),
  formatNew: declare('int fdwire_format_new(const char *text, _Out_ fdwire_format **out, void *why, size_t why_cap)'),
  formatFree: declare('void fdwire_format_free(fdwire_format *format)'),
  connect: declare('int fdwire_connect(const char *address, int timeout_ms)'),
  close: declare('int fdwire_close(int fd)'),
  connNew: declare('int fdwire_conn_new(int in_fd, int out_fd, fdwire_format *format, _Out_ fdwire_conn **out)'),
  connSet: declare('int fdwire_conn_set(fdwire_conn *conn, int option, int64_t value)'),
  connSend: declare('int fdwire_conn_send(fdwire_conn *conn, void *body, size_t len, int timeout_ms)'),
  connSendPacked: declare(
    'int fdwire_conn_send_packed(fdwire_conn *conn, void *bodies, void *lens, size_t count, int timeout_ms)'),
  connRecvInto: declare(
    'int fdwire_conn_recv_into(fdwire_conn *conn, void *body, size_t cap, void *len, int timeout_ms)'),
  connRecvPacked: declare('int fdwire_conn_recv_packed(' +
    'fdwire_conn *conn, void *bodies, size_t cap, void *lens, size_t most, void *count, int timeout_ms)'),
  connShutdown: declare('int fdwire_conn_shutdown(fdwire_conn *conn, int how, int timeout_ms)'),
  connFree: declare('void fdwire_conn_free(fdwire_conn *conn)'),
};

const OWN = 1, BOTH = 3, SHUT_WR = 1;
const ROOM = 1 << 20, MOST = 256; // bytes, messages: what one call receives
const TIMEOUT = 30_000;

class FdwireError extends Error {
  constructor(code, why) {
    const name = fdwire.errorName(code);
    super(why ?? name);
    this.name = name;
  }
}

function check(result, why) {
  if (result < 0)
    throw new FdwireError(result, why);
  return result;
}

/** Calls on one of koffi's threads, so that waiting does not keep the event loop. */
async function call(name, ...parameters) {
  return check(await promisify(fdwire[name].async)(...parameters));
}

/** To be freed with fdwire.formatFree. */
function newFormat(text) {
  const [out, why] = [[null], Buffer.alloc(200)];
  const result = fdwire.formatNew(text, out, why, why.length);
  check(result, why.toString('utf8', 0, why.indexOf(0)));
  return out[0];
}

/** Messages to and from an address. To be closed when no call is waiting. */
class Connection {
  static async open(address, format) {
    const [fd, out] = [await call('connect', address, TIMEOUT), [null]];
    const result = fdwire.connNew(fd, fd, format, out);
    if (result < 0)
      fdwire.close(fd);
    check(result);
    check(fdwire.connSet(out[0], OWN, BOTH)); // it closes fd
    return new Connection(out[0]);
  }

  constructor(conn) {
    this.conn = conn;
    this.room = Buffer.allocUnsafeSlow(ROOM); // memory that stays as long as this object: calls may outlive a variable
    this.lens = new BigUint64Array(MOST); // size_t
    this.count = new BigUint64Array(1);
  }

  close() {
    fdwire.connFree(this.conn);
    this.conn = null;
  }

  async send(body) {
    await call('connSend', this.conn, body, body.length, TIMEOUT);
  }

  async sendMany(bodies) {
    const [packed, lens] = [Buffer.concat(bodies), BigUint64Array.from(bodies, (body) => BigInt(body.length))];
    await call('connSendPacked', this.conn, packed, lens, bodies.length, TIMEOUT);
  }

  /** The next message, or null at the end of the stream. */
  async receive(timeout = TIMEOUT) {
    const result = await call('connRecvInto', this.conn, this.room, ROOM, this.count, timeout);
    return result === 1 ? Buffer.from(this.room.subarray(0, Number(this.count[0]))) : null;
  }

  /** Arrays of messages, as many as are there, until the end of the stream. */
  async *batches() {
    while (await call('connRecvPacked', this.conn, this.room, ROOM, this.lens, MOST, this.count, TIMEOUT) === 1) {
      const bodies = [];
      let at = 0;
      for (const len of this.lens.subarray(0, Number(this.count[0])))
        bodies.push(Buffer.from(this.room.subarray(at, at += Number(len))));
      yield bodies;
    }
  }

  async shutdown() {
    await call('connShutdown', this.conn, SHUT_WR, TIMEOUT);
  }
}

// The program.

async function errorOf(action) {
  try {
    await action();
  } catch (error) {
    assert(error instanceof FdwireError, error);
    return error;
  }
  assert.fail('an error was expected');
}

async function main(address, name, participants) {
  const wrong = await errorOf(() => newFormat('u32le maxx=1M'));
  const format = newFormat('u32le max=1M');

  let conn = await Connection.open(address, format);
  const nothing = await errorOf(() => conn.receive(0));
  assert.equal(nothing.name, 'EAGAIN');

  await conn.send(Buffer.from(`hello from ${name}`));
  const met = [];
  while (met.length < participants)
    met.push((await conn.receive()).toString().match(/^hello from (.+)$/)[1]);

  const binary = Buffer.from([...Array(256).keys()]);
  const echoes = [Buffer.alloc(0), binary, Buffer.alloc(102_400, binary)];
  for (const body of echoes) {
    await conn.send(body);
    assert.deepEqual(await conn.receive(), body);
  }

  const batch = Array.from(Array(1000).keys(), (i) => Buffer.from(String(i).repeat(i % 8)));
  const received = [];
  await conn.sendMany(batch);
  await conn.shutdown();
  for await (const bodies of conn.batches())
    received.push(...bodies);
  assert.deepEqual(received, batch);
  conn.close();

  conn = await Connection.open(address, format);
  await conn.send(Buffer.from('too much, please'));
  const tooLong = await errorOf(() => conn.receive());
  assert.equal(tooLong.name, 'FDWIRE_E_TOO_LONG');
  conn.close();
  fdwire.formatFree(format);

  console.log(`${name} met ${met.sort().join(', ')}; ${echoes.length} echoes, ${received.length} in batches; ` +
    `${nothing.message}, ${tooLong.message}; ${wrong.message}`);
}

main(process.argv[2], process.argv[3], Number(process.argv[4]));
