// Node's own client of HTTP/2: WebSockets as RFC 8441 has them, and exchanges.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import http2 from 'node:http2';
import { test } from 'node:test';

import { startEndpoint } from './chromium.mjs';
import { Windlass, makeCertificate, temporaryDirectory, within } from './harness.mjs';
import { answered, connect, counted, http2Config } from './http2.mjs';

const STREAMS = 100;

test('a hundred WebSockets share a connection, and one that is reset hurts no other', async (t) => {
  const { directory, port, text, windlass } = await start(t, { a: await startEndpoint(t, 'a') });
  const session = await connect(t, port);
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  const sockets = await Promise.all(Array.from({ length: STREAMS }, (_, number) => open(session, `/${number}`)));
  for (const [number, socket] of sockets.entries()) await socket.echoes(`message ${number}`);
  assert.equal(await counted(directory, 'tunnels_open', 'h2'), STREAMS);
  sockets[0].stream.close(http2.constants.NGHTTP2_CANCEL);
  await once(sockets[0].stream, 'close');
  await windlass.reload(text);
  for (const socket of sockets.slice(1)) await socket.echoes('still here');
  for (const socket of sockets.slice(1)) await socket.leave();
  assert.deepEqual(session.goaways, []);
  assert.equal(await counted(directory, 'tunnels_opened_total', 'h2'), STREAMS);
  assert.equal(await counted(directory, 'connections_total', 'h2'), 1);
  await windlass.stop();
});

test('exchanges share a connection with a WebSocket', async (t) => {
  const server = createServer(async (request, response) => {
    let size = 0;
    for await (const piece of request) size += piece.length;
    response.setHeader('X-Seen', `${request.method} ${request.url} ${request.headers.host} ${size}`);
    response.end(Buffer.alloc(100_000, '.'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { directory, port, windlass } = await start(t, { a: server.address().port });
  const session = await connect(t, port);
  const exchange = async (number) => {
    const stream = session.request({ ':method': 'POST', ':path': `/${number}?a=b` });
    stream.end(Buffer.alloc(number * 1000));
    const headers = await answered(stream);
    const pieces = await within(stream.toArray(), 'a body');
    return [headers[':status'], headers['x-seen'], Buffer.concat(pieces).length];
  };
  const seen = await Promise.all(Array.from({ length: STREAMS }, (_, number) => exchange(number)));
  for (const [number, each] of seen.entries()) {
    assert.deepEqual(each, [200, `POST /${number}?a=b localhost:${port} ${number * 1000}`, 100_000]);
  }
  assert.equal(await counted(directory, 'exchanges_total', 'h2'), STREAMS);
  assert.equal(await counted(directory, 'connections_total', 'h2'), 1);
  await windlass.stop();
});

/** The program with one TLS listener. */
async function start(t, endpoints) {
  const directory = temporaryDirectory(t);
  const text = http2Config(directory, { endpoints, certificate: makeCertificate(directory) });
  const windlass = await Windlass.run(t, directory, text);
  return { directory, text, windlass, port: await windlass.port() };
}

/** A WebSocket on a stream of `session`. */
async function open(session, path) {
  const stream = session.request({
    ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, 'sec-websocket-version': '13',
  });
  const headers = await answered(stream);
  assert.equal(headers[':status'], 200);
  assert.equal(headers['sec-websocket-accept'], undefined);
  const socket = new Socket(stream);
  assert.equal(await socket.message(), 'a');
  return socket;
}

/** Short messages, and the closing handshake. */
class Socket {
  constructor(stream) {
    this.stream = stream;
    this.input = stream.iterator({ destroyOnReturn: false });
    this.held = Buffer.alloc(0);
  }

  async echoes(message) {
    this.#send(0x81, Buffer.from(message));
    assert.equal(await this.message(), message);
  }

  async message() {
    const [opcode, payload] = await this.#frame();
    assert.equal(opcode, 1);
    return payload.toString();
  }

  /** Close from both, then END_STREAM from both and no RST_STREAM. */
  async leave() {
    const ended = once(this.stream, 'close');
    this.#send(0x88, Buffer.from([0x03, 0xe8]));
    const [opcode, payload] = await this.#frame();
    assert.deepEqual([opcode, payload.readUInt16BE()], [8, 1000]);
    assert.equal((await within(this.input.next(), 'END_STREAM')).done, true);
    this.stream.end();
    await within(ended, 'the end of a stream');
    assert.equal(this.stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  }

  /** A frame whose mask is zero. */
  #send(first, payload) {
    this.stream.write(Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
  }

  async #frame() {
    while (this.held.length < 2 || this.held.length < 2 + this.held[1]) {
      const { value, done } = await within(this.input.next(), 'a frame');
      assert.ok(!done, 'the stream ended within a frame');
      this.held = Buffer.concat([this.held, value]);
    }
    const payload = this.held.subarray(2, 2 + this.held[1]);
    const opcode = this.held[0] & 0x0f;
    this.held = this.held.subarray(2 + payload.length);
    return [opcode, payload];
  }
}
