// What a client of HTTP/2 and the proxy's own counts need.

import { request } from 'node:http';
import http2 from 'node:http2';

import { config, within } from './harness.mjs';

/** A configuration as `config` makes it, with more lines for its listener, and an admin socket in `directory`. */
export function http2Config(directory, given, listener = '') {
  return `${config(given).replace('[route.main]', `${listener}\n    [route.main]`)}
    [admin]
    listen = "unix:${directory}/admin.sock"
  `;
}

/** What the program counts of those who speak this: `counted(directory, 'tunnels_open', 'h2')`. */
export async function counted(directory, name, protocol) {
  const text = await within(new Promise((resolve, reject) => {
    request({ socketPath: `${directory}/admin.sock`, path: '/metrics' }, async (answer) => {
      const pieces = await answer.setEncoding('utf8').toArray();
      resolve(pieces.join(''));
    }).on('error', reject).end();
  }), 'metrics');
  const series = `windlass_client_${name}{protocol="${protocol}"} `;
  const line = text.split('\n').find((each) => each.startsWith(series));
  if (line === undefined) throw new Error(`no ${series}in the metrics`);
  return Number(line.slice(series.length));
}

/** A session of Node's own client, which ends with the test; `goaways` fills with what it is told. */
export async function connect(t, port, settings = {}) {
  const session = http2.connect(`https://localhost:${port}`, { rejectUnauthorized: false, settings });
  session.goaways = [];
  session.on('goaway', (code) => session.goaways.push(code));
  t.after(() => session.destroy());
  await within(new Promise((resolve, reject) => {
    session.once('remoteSettings', resolve);
    session.once('error', reject);
  }), 'SETTINGS');
  return session;
}

/** A stream and the lines that answer it. */
export async function answered(stream) {
  const headers = await within(new Promise((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
  }), 'an answer');
  return headers;
}
