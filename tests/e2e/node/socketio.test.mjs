// Socket.IO polls first and upgrades then, and a server knows only its own sessions: each request of a client must
// reach the server of its first one. Three servers without a shared adapter, fifty clients that keep cookies.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { io } from 'socket.io-client';

import { Windlass, config, makeCertificate, temporaryDirectory, within } from './harness.mjs';
import { startServer } from './socketio_server.mjs';

const CLIENTS = 50;

test('placed by a key and kept by the cookie, every client upgrades', async (t) => {
  const results = await connectAll(t, 'sticky_on = ["query:user"]\npin_cookie = "windlass_pin"');
  assert.deepEqual(errorsOf(results), []);
  for (const [name, count] of Object.entries(countByServer(results))) {
    assert.ok(count >= 5, `server ${name} has ${count} clients`);
  }
});

// Socket.IO's own parameter `t` is different in each poll and absent from the upgrade: only the cookie can hold a client.
test('placed at random and kept by the cookie, every client upgrades', async (t) => {
  const results = await connectAll(t, 'sticky_on = ["query:t"]\npin_cookie = "windlass_pin"');
  assert.deepEqual(errorsOf(results), []);
  const used = Object.values(countByServer(results)).filter((count) => count > 0);
  assert.ok(used.length > 1, 'the placement was random');
});

test('placed at random without a cookie, clients lose their session', async (t) => {
  const results = await connectAll(t, 'sticky_on = ["query:t"]');
  const lost = errorsOf(results).filter((error) => error.includes('Session ID unknown'));
  assert.ok(lost.length >= CLIENTS / 5, `only ${lost.length} of ${CLIENTS} lost their session: ${errorsOf(results)}`);
});

/** Connects all clients through one proxy; each result has the client's server, or its error. */
async function connectAll(t, upstream) {
  const directory = temporaryDirectory(t);
  const certificate = makeCertificate(directory);
  const endpoints = {};
  for (const name of ['a', 'b', 'c']) endpoints[name] = await startServer(t, name);
  const windlass = await Windlass.run(t, directory, config({ endpoints, certificate, upstream }));
  const url = `https://localhost:${await windlass.port()}`;
  const ca = readFileSync(certificate.chain);

  const users = Array.from({ length: CLIENTS }, (_, user) => `user-${user}`);
  const results = await Promise.all(users.map((user) => connectOne(t, url, ca, user)));
  await windlass.stop();
  return results;
}

/** Polls, upgrades, and talks over both transports; a lost session ends the attempt. */
async function connectOne(t, url, ca, user) {
  const socket = io(url, {
    ca,
    query: { user },
    withCredentials: true, // keeps cookies
    transports: ['polling', 'websocket'],
    reconnection: false,
    forceNew: true,
    autoConnect: false,
  });
  t.after(() => socket.disconnect());
  const failed = new Promise((fail) => {
    socket.on('connect_error', (error) => fail(describe(error)));
    socket.on('disconnect', (reason, details) => fail(`${reason}: ${details && describe(details)}`));
  });
  const talked = new Promise((upgraded) => {
    socket.io.on('open', () => socket.io.engine.once('upgrade', upgraded));
    socket.connect();
  }).then(async () => {
    if (!socket.connected) await once(socket, 'connect');
    for (let number = 0; number < 10; number += 1) {
      assert.equal(await socket.emitWithAck('echo', number), number);
    }
    assert.equal(socket.io.engine.transport.name, 'websocket');
    return { server: await socket.emitWithAck('who') };
  });
  return within(Promise.race([talked, failed.then((error) => ({ error }))]), `upgrade of ${user}`, 60_000);
}

/** What the server answered, where it answered at all: `{"code":1,"message":"Session ID unknown"}`. */
function describe(error) {
  const context = error.context;
  const body = context?.responseText ?? context?._response ?? context?.data ?? '';
  return `${error.message ?? ''} ${error.description?.message ?? error.description ?? ''} ${body}`;
}

function errorsOf(results) {
  return results.filter((result) => result.error).map((result) => result.error);
}

function countByServer(results) {
  const counts = { a: 0, b: 0, c: 0 };
  for (const { server } of results) counts[server] += 1;
  return counts;
}
