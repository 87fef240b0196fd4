// A Node server at a unix socket: WebSockets, Socket.IO, and its restart.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';

import { io } from 'socket.io-client';
import { WebSocket, WebSocketServer } from 'ws';

import { Windlass, config, makeCertificate, temporaryDirectory, within } from './harness.mjs';
import { startServer } from './socketio_server.mjs';

/** A proxy in front of the endpoint at this address; the URL of it, and what its clients trust. */
async function proxyTo(t, directory, address, upstream = '') {
  const certificate = makeCertificate(directory);
  const text = config({ endpoints: { app: 1 }, certificate, upstream }).replace('127.0.0.1:1', address);
  const windlass = await Windlass.run(t, directory, text);
  return { windlass, authority: `localhost:${await windlass.port()}`, ca: readFileSync(certificate.chain) };
}

/** An HTTP server that echoes what it hears over WebSockets, and answers everything else with the Host that it reads. */
async function startEcho(path) {
  const http = createServer((asked, response) => response.end(asked.headers.host));
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
  http.listen(path);
  await once(http, 'listening');
  return {
    stop: () => {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      http.close();
    },
  };
}

/** The body of a plain request's answer. */
async function get({ authority, ca }) {
  const [response] = await once(request(`https://${authority}/`, { ca }).end(), 'response');
  let body = '';
  for await (const piece of response.setEncoding('utf8')) body += piece;
  return body;
}

async function echoes({ authority, ca }) {
  const client = new WebSocket(`wss://${authority}/`, { ca });
  await within(once(client, 'open'), 'open');
  for (const message of ['hello', 'x'.repeat(4 << 20)]) {
    client.send(message);
    const [echo] = await within(once(client, 'message'), 'echo');
    assert.equal(echo.toString(), message);
  }
  client.close(1000, 'done');
  const [code, reason] = await within(once(client, 'close'), 'close');
  assert.deepEqual([code, reason.toString()], [1000, 'done']);
}

test('WebSockets reach a server at a unix socket', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'app.sock');
  const server = await startEcho(path);
  t.after(() => server.stop());
  const proxy = await proxyTo(t, directory, `unix:${path}`, 'host = "endpoint"');
  await echoes(proxy);
  const host = await within(get(proxy), 'answer');
  assert.equal(host, 'localhost');
  await proxy.windlass.stop();
});

test('a server that comes back at its path is found again', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'app.sock');
  let server = await startEcho(path);
  t.after(() => server.stop());
  const proxy = await proxyTo(t, directory, `unix:${path}`);
  await echoes(proxy);
  server.stop();
  const refused = new WebSocket(`wss://${proxy.authority}/`, { ca: proxy.ca });
  const [error] = await within(once(refused, 'error'), 'refusal');
  assert.match(error.message, /502/);
  const said = await within(proxy.windlass.log.first((line) => /cannot be reached/.test(line.message)), 'word of it');
  assert.equal(said.error, `unix:${path}: there is no such file`);
  server = await startEcho(path);
  await echoes(proxy);
});

test('Socket.IO polls and upgrades with a server at a unix socket', async (t) => {
  const directory = temporaryDirectory(t);
  const path = join(directory, 'app.sock');
  await startServer(t, 'app', { path });
  const { authority, ca } = await proxyTo(t, directory, `unix:${path}`);
  const socket = io(`https://${authority}`, { ca, reconnection: false, forceNew: true });
  t.after(() => socket.disconnect());
  await within(once(socket, 'connect'), 'connect');
  if (socket.io.engine.transport.name !== 'websocket') {
    await within(new Promise((upgraded) => socket.io.engine.once('upgrade', upgraded)), 'upgrade');
  }
  for (let number = 0; number < 10; number += 1) {
    assert.equal(await within(socket.emitWithAck('echo', number), 'echo'), number);
  }
  assert.equal(await within(socket.emitWithAck('who'), 'name'), 'app');
});
