// Chromium over wss://: a connection pinned by a cookie, and everything that frames may carry.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keptCookie, startBrowser, startEndpoint } from './chromium.mjs';
import { Windlass, config, makeCertificate, temporaryDirectory, within } from './harness.mjs';

const RECONNECTS = 10;

// The affinity key is the attempt's number: the hash alone would spread the attempts over the endpoints.
const SPREAD = 'sticky_on = ["query:attempt"]';

test('with pin_cookie ten reconnects find the same endpoint', async (t) => {
  const { page, stop } = await openPage(t, `${SPREAD}\npin_cookie = "windlass_pin"`);
  const found = await connectAgain(page);
  assert.equal(new Set(found).size, 1, `the endpoints were ${found}`);
  await stop();
});

test('a cookie set by the answer to an upgrade pins too', async (t) => {
  const { page, context, stop } = await openPage(t, `${SPREAD}\npin_cookie = "windlass_pin"`);
  await context.clearCookies();
  const first = await within(page.evaluate(endpointOf, 'first'), 'the first connect');
  await within(keptCookie(context, page.url(), 'windlass_pin'), 'the cookie of the 101');
  const found = [first, ...(await connectAgain(page))];
  assert.equal(new Set(found).size, 1, `the endpoints were ${found}`);
  assert.deepEqual((await context.cookies()).map((cookie) => cookie.name), ['windlass_pin']);
  await stop();
});

test('without pin_cookie the same reconnects find several endpoints', async (t) => {
  const { page, stop } = await openPage(t, SPREAD);
  const found = await connectAgain(page);
  assert.ok(new Set(found).size > 1, `the endpoints were ${found}`);
  await stop();
});

test('a page sends and receives text, binary and large messages', async (t) => {
  const { page, stop } = await openPage(t, '');
  const echoed = await within(page.evaluate(exchangeMessages), 'echoes', 60_000);
  assert.deepEqual(echoed, { text: 'Grüße 🛶', binary: 3, large: 16 << 20, extensions: '', code: 4000, reason: 'enough' });
  await stop();
});

/** Three endpoints behind one proxy, and a page that came through it. */
async function openPage(t, upstream) {
  const directory = temporaryDirectory(t);
  const certificate = makeCertificate(directory);
  const endpoints = {};
  for (const name of ['a', 'b', 'c']) endpoints[name] = await startEndpoint(t, name);
  const windlass = await Windlass.run(t, directory, config({ endpoints, certificate, upstream }));
  const context = await startBrowser(t);
  const page = await context.newPage();
  await page.goto(`https://localhost:${await windlass.port()}/`);
  return { page, context, stop: () => windlass.stop() };
}

/** The names of the endpoints that one first connect and ten reconnects find. */
async function connectAgain(page) {
  const found = [];
  for (let attempt = 0; attempt <= RECONNECTS; attempt += 1) {
    found.push(await within(page.evaluate(endpointOf, attempt), `attempt ${attempt}`));
  }
  return found;
}

/** Runs in the page. */
function endpointOf(attempt) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://${location.host}/?attempt=${attempt}`);
    socket.onerror = () => reject(new Error('no WebSocket'));
    socket.onmessage = ({ data }) => {
      socket.onclose = () => resolve(data);
      socket.close();
    };
  });
}

/** Runs in the page. */
async function exchangeMessages() {
  const socket = new WebSocket(`wss://${location.host}/`);
  socket.binaryType = 'arraybuffer';
  const next = () => new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = ({ code }) => reject(new Error(`closed: ${code}`));
  });
  await next(); // the endpoint's name
  const echo = (message) => {
    const answer = next();
    socket.send(message);
    return answer;
  };
  const text = await echo('Grüße 🛶');
  const binary = (await echo(new Uint8Array([0, 255, 128]))).byteLength;
  const large = (await echo(new Uint8Array(16 << 20))).byteLength;
  const closed = new Promise((resolve) => { socket.onclose = resolve; });
  socket.close(4000, 'enough');
  const { code, reason } = await closed;
  return { text, binary, large, extensions: socket.extensions, code, reason };
}
