// A Socket.IO cluster that scales 2 → 4 → 3 by the addresses of its name: nobody who is at a server that stays notices.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Windlass, makeCertificate, temporaryDirectory, within } from './harness.mjs';
import { Knot } from './knot.mjs';
import { CLIENTS, allTalk, serversOf, settle } from './socketio_crowd.mjs';
import { startServer } from './socketio_server.mjs';

const HOSTS = ['127.0.0.21', '127.0.0.22', '127.0.0.23', '127.0.0.24'];

test('a cluster scales 2 → 4 → 3 by its DNS records, and nobody else notices', async (t) => {
  const directory = temporaryDirectory(t);
  const certificate = makeCertificate(directory);
  let port = 0;
  for (const host of HOSTS) port = await startServer(t, host, { host, port });
  const [a, b, c, d] = HOSTS;
  const knot = await Knot.start(t, directory);
  knot.update(`add io A ${a}`, `add io A ${b}`);
  const windlass = await Windlass.run(t, directory, `
    [listener.public]
    bind = "127.0.0.1:0"
    tls = { chain = "${certificate.chain}", key = "${certificate.key}" }
    [route.main]
    upstream = "main"
    [upstream.main]
    endpoints = { dns = "io.app.test:${port}", servers = ["127.0.0.1:${knot.port}"] }
    sticky_on = ["query:user"]
    pin_cookie = "windlass_pin"
    [drain.discovery]
    deadline = "10s"
    spread = "1s"
  `);
  const url = `https://localhost:${await windlass.port()}`;
  const ca = readFileSync(certificate.chain);

  const first = await settle(t, url, ca, 0);
  assert.deepEqual(serversOf(first), [a, b]);

  knot.update(`add io A ${c}`, `add io A ${d}`);
  await within(arrival(t, url, ca, [c, d]), 'newcomers at the new servers', 60_000);
  await allTalk(first);
  assert.ok(first.every((client) => client.disconnects === 0), 'who was there stays');

  const second = await settle(t, url, ca, 10 * CLIENTS);
  const all = [...first, ...second];
  const leaving = all.filter((client) => client.server === b);
  knot.update(`delete io A ${b}`);
  await within(Promise.all(leaving.map((client) => client.isElsewhere(b))), 'the clients of the one that leaves at others');
  await allTalk(all);
  assert.ok(leaving.every((client) => client.disconnects === 1), 'its clients were told once');
  const others = all.filter((client) => !leaving.includes(client));
  assert.ok(others.every((client) => client.disconnects === 0), 'and nobody else');
  for (const client of all) client.socket.disconnect();
  await windlass.stop();
});

/** Newcomers come until they are at each of these servers. */
async function arrival(t, url, ca, servers) {
  for (let round = 1; ; round += 1) {
    const newcomers = await settle(t, url, ca, round * CLIENTS);
    const used = serversOf(newcomers);
    for (const client of newcomers) client.socket.disconnect();
    if (servers.every((server) => used.includes(server))) return;
  }
}
