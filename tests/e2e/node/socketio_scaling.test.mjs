// A Socket.IO cluster that scales while its clients talk: 2 → 4 → 3 servers. Nobody loses a session whose server survives; those
// of the one that leaves are told, and are elsewhere a moment later.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Windlass, config, makeCertificate, temporaryDirectory, within } from './harness.mjs';
import { CLIENTS, allTalk, serversOf, settle } from './socketio_crowd.mjs';
import { startServer } from './socketio_server.mjs';

for (const [policy, upstream] of [
  ['sticky', 'sticky_on = ["query:user"]'],
  ['sticky with bounded_load', 'sticky_on = ["query:user"]\nbounded_load = 1.25'],
  ['least_tunnels', 'policy = "least_tunnels"'],
]) {
  test(`a cluster scales 2 → 4 → 3 under ${policy}, and nobody else notices`, async (t) => {
    const directory = temporaryDirectory(t);
    const certificate = makeCertificate(directory);
    const servers = {};
    for (const name of ['a', 'b', 'c', 'd']) servers[name] = await startServer(t, name);
    const site = (names) =>
      config({
        endpoints: Object.fromEntries(names.map((name) => [name, servers[name]])),
        certificate,
        upstream: `${upstream}\npin_cookie = "windlass_pin"`,
      });
    const windlass = await Windlass.run(t, directory, site(['a', 'b']));
    const url = `https://localhost:${await windlass.port()}`;
    const ca = readFileSync(certificate.chain);

    const first = await settle(t, url, ca, 0);
    assert.deepEqual(serversOf(first), ['a', 'b']);

    await windlass.reload(site(['a', 'b', 'c', 'd']));
    await allTalk(first);
    assert.ok(first.every((client) => client.disconnects === 0), 'who was there stays');
    const second = await settle(t, url, ca, CLIENTS);
    const used = serversOf(second);
    assert.ok(used.includes('c') && used.includes('d'), `the new servers take newcomers: ${used}`);

    const all = [...first, ...second];
    const leaving = all.filter((client) => client.server === 'b');
    await windlass.reload(site(['a', 'c', 'd']));
    await within(Promise.all(leaving.map((client) => client.isElsewhere('b'))), 'the clients of b at other servers');
    await allTalk(all);
    assert.ok(leaving.every((client) => client.disconnects === 1), 'the clients of b were told once');
    const others = all.filter((client) => !leaving.includes(client));
    assert.ok(others.every((client) => client.disconnects === 0), 'and nobody else');
    for (const client of all) client.socket.disconnect();
    await windlass.stop();
  });
}
