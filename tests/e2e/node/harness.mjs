// The program under test as an object: start it, stop it, read its log.
//
// Readiness is what systemd would see: the harness plays the notify socket and waits for READY=1 on it. Nothing here sleeps to be on the safe side; every wait has a deadline and names what it
// waited for.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const DEADLINE = 20_000;

/** The program under test: $WINDLASS, or what `cargo build --profile e2e` made. */
export function binary() {
  const path = resolve(process.env.WINDLASS || join(HERE, '../../../target/e2e/windlass'));
  assert.ok(existsSync(path), `no program at ${path}: run \`cargo build --profile e2e\`, or set WINDLASS`);
  return path;
}

/** A promise with a deadline that says what was missing. */
export async function within(waiting, what, milliseconds = DEADLINE) {
  let timer;
  const deadline = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([waiting, deadline]).finally(() => clearTimeout(timer));
}

/** A folder that goes away with the test. */
export function temporaryDirectory(test) {
  const directory = mkdtempSync(join(tmpdir(), 'windlass-e2e-'));
  test.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A self-signed certificate for localhost. */
export function makeCertificate(directory) {
  const made = { chain: join(directory, 'chain.pem'), key: join(directory, 'key.pem') };
  execFileSync('openssl', [
    ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-days', '7'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', made.key, '-out', made.chain],
  ], { stdio: 'pipe' });
  return made;
}

/** A configuration with one TLS listener, one route and one upstream; `endpoints` maps names to ports. */
export function config({ endpoints, certificate, upstream = '' }) {
  const addresses = Object.entries(endpoints)
    .map(([name, port]) => `{ name = "${name}", address = "127.0.0.1:${port}" }`)
    .join(', ');
  return `
    [listener.public]
    bind = "127.0.0.1:0"
    tls = { chain = "${certificate.chain}", key = "${certificate.key}" }
    [route.main]
    upstream = "main"
    [upstream.main]
    endpoints = [${addresses}]
    ${upstream}
    [drain.stop]
    deadline = "10s"
    spread = "100ms"
    [drain.reload]
    deadline = "10s"
    spread = "100ms"
  `;
}

/** Facts that arrive one by one, and those who wait for one of them. */
class Facts extends EventEmitter {
  all = [];

  add(fact) {
    this.all.push(fact);
    this.emit('fact', fact);
  }

  first(matches, since = 0) {
    const known = this.all.slice(since).find(matches);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((found) => {
      const look = (fact) => {
        if (!matches(fact)) return;
        this.off('fact', look);
        found(fact);
      };
      this.on('fact', look);
    });
  }
}

/** One running program. */
export class Windlass {
  log = new Facts();
  notifications = new Facts();

  /** Starts `windlass run` with this configuration, and returns when it says that it is ready. */
  static async run(test, directory, configText) {
    const file = join(directory, 'windlass.toml');
    writeFileSync(file, configText);
    const self = await Windlass.start(test, directory, ['run', '-c', file]);
    self.file = file;
    return self;
  }

  /** Starts the program with these arguments, and returns when it says that it is ready. */
  static async start(test, directory, commandLine) {
    const self = new Windlass();
    const notifyPath = join(directory, 'notify');
    self.relay = spawn('python3', [join(HERE, 'notify_relay.py'), notifyPath], { stdio: ['ignore', 'pipe', 'inherit'] });
    test.after(() => self.#dispose());
    const bound = once(self.relay.stdout, 'data');
    createInterface({ input: self.relay.stdout }).on('line', (line) => self.notifications.add(JSON.parse(line)));
    await within(bound, 'notify socket');

    self.process = spawn(binary(), commandLine, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, NOTIFY_SOCKET: notifyPath, RUST_BACKTRACE: '1' },
    });
    self.exited = once(self.process, 'exit');
    createInterface({ input: self.process.stdout }).on('line', (line) => self.log.add(parsed(line)));
    createInterface({ input: self.process.stderr }).on('line', (line) => self.log.add(parsed(line)));
    await self.#notified('READY=1', 0);
    return self;
  }

  /** The port of a listener, as the log tells it. */
  async port(listener = 'public') {
    const listening = (line) => line.message === 'listening' && line.listener === listener;
    const line = await within(this.log.first(listening), `address of listener ${listener}`);
    return Number(line.address.split(':').at(-1));
  }

  /** Writes another configuration, and waits until it is served. */
  async reload(configText) {
    writeFileSync(this.file, configText);
    const since = this.notifications.all.length;
    this.process.kill('SIGHUP');
    await this.#notified('READY=1', since);
  }

  /** Asks it to stop, and holds it to a clean exit. */
  async stop() {
    this.process.kill('SIGTERM');
    const [code] = await within(this.exited, 'exit after SIGTERM');
    assert.equal(code, 0, this.#tail());
  }

  async #notified(field, since) {
    const ready = this.notifications.first((datagram) => datagram.split('\n').includes(field), since);
    const died = this.exited.then(([code]) => Promise.reject(new Error(`exit code ${code} before ${field}; ${this.#tail()}`)));
    died.catch(() => {});
    await within(Promise.race([ready, died]), `${field}; ${this.#tail()}`);
  }

  async #dispose() {
    if (this.process && this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await this.exited;
    }
    this.relay.kill();
    const panic = this.log.all.find((line) => JSON.stringify(line).includes('panicked at'));
    assert.equal(panic, undefined, `the program panicked; ${this.#tail()}`);
  }

  #tail() {
    return `log:\n${this.log.all.slice(-30).map((line) => JSON.stringify(line)).join('\n')}`;
  }
}

function parsed(line) {
  try {
    const { fields, ...event } = JSON.parse(line);
    return { ...event, ...fields };
  } catch {
    return { message: line };
  }
}
