// Knot DNS with one zone, app.test, that is changed by knsupdate.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from './free_port.mjs';
import { within } from './harness.mjs';

// Where Debian puts what daemons are, is not on everybody's path.
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

export class Knot {
  /** Starts one; it ends with the test. */
  static async start(t, directory) {
    const self = new Knot();
    self.port = await freePort();
    const zone = ['$ORIGIN app.test.', '$TTL 1', '@ SOA ns admin 1 3600 600 86400 1', '@ NS ns', 'ns A 127.0.0.1', ''];
    writeFileSync(join(directory, 'zone'), zone.join('\n'));
    const file = join(directory, 'knot.conf');
    writeFileSync(file, `
server:
    listen: 127.0.0.1@${self.port}
    rundir: "${directory}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: error
database:
    storage: "${directory}"
acl:
  - id: update
    address: 127.0.0.1
    action: update
zone:
  - domain: app.test
    file: "${directory}/zone"
    acl: update
`);
    self.process = spawn('knotd', ['-c', file], { env: ENV, stdio: 'ignore' });
    t.after(() => self.process.kill('SIGKILL'));
    await once(self.process, 'spawn');
    await within(self.#answers(), 'answer of knot');
    return self;
  }

  /** Changes the zone, all at once: `add ws A 127.0.0.1`, `delete ws A 127.0.0.1`. */
  update(...changes) {
    const lines = changes.map((change) => {
      const [verb, name, ...record] = change.split(' ');
      return `update ${verb} ${name}.app.test. ${record.join(' ')}`;
    });
    const input = [`server 127.0.0.1 ${this.port}`, 'zone app.test.', 'ttl 1', ...lines, 'send', 'quit', ''].join('\n');
    const { status, stdout, stderr } = spawnSync('knsupdate', { env: ENV, input, encoding: 'utf8', timeout: 10_000 });
    assert.equal(status, 0, `${changes}: ${stdout}${stderr}`);
    assert.ok(!/error/i.test(stdout + stderr), `${changes}: ${stdout}${stderr}`);
  }

  async #answers() {
    const command = [`@127.0.0.1#${this.port}`, '+short', '+retry=0', '+time=1', 'ns.app.test'];
    while (spawnSync('kdig', command, { env: ENV, encoding: 'utf8' }).stdout?.trim() !== '127.0.0.1') {
      assert.equal(this.process.exitCode, null, 'knot has ended');
      await new Promise((passed) => setTimeout(passed, 50));
    }
  }
}
