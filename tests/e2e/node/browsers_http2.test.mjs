// Chromium and Firefox: their WebSockets really are over HTTP/2, stay there, and are over HTTP/1.1 where it is turned off.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBrowser, startEndpoint } from './chromium.mjs';
import { startFirefox } from './firefox.mjs';
import { Windlass, makeCertificate, temporaryDirectory, within } from './harness.mjs';
import { counted, http2Config } from './http2.mjs';

const SOCKETS = 5;

for (const [name, startOne] of [['Chromium', startBrowser], ['Firefox', startFirefox]]) {
  test(`${name} opens WebSockets over HTTP/2 and stays there`, async (t) => {
    const { directory, text, url, windlass } = await start(t);
    const browser = await startOne(t);
    const tabs = [await openTab(browser, url), await openTab(browser, url)];
    for (const tab of tabs) assert.deepEqual(await within(tab.evaluate(openSockets, SOCKETS), 'sockets'), Array(SOCKETS).fill('a'));
    assert.equal(await counted(directory, 'tunnels_open', 'h2'), 2 * SOCKETS);

    // One that closes, politely or with its tab, leaves the others where they are.
    assert.deepEqual(await tabs[0].evaluate(closeSocket, 0), { code: 1000, wasClean: true });
    await echoesOn(tabs[0], 1);
    await windlass.reload(text);
    for (let socket = 1; socket < SOCKETS; socket += 1) await echoesOn(tabs[0], socket);
    await tabs[1].close();
    await echoesOn(tabs[0], 1);

    // Those that come later find HTTP/2 again: nothing that went before has made the browser think otherwise.
    assert.deepEqual(await within(tabs[0].evaluate(openSockets, SOCKETS), 'more sockets'), Array(SOCKETS).fill('a'));
    const another = await openTab(browser, url);
    assert.deepEqual(await within(another.evaluate(openSockets, 1), 'a socket in another tab'), ['a']);
    assert.equal(await counted(directory, 'tunnels_opened_total', 'h2'), 3 * SOCKETS + 1);
    assert.equal(await counted(directory, 'tunnels_opened_total', 'http/1.1'), 0);
    assert.deepEqual(await tabs[0].evaluate(closes), [1000]);
    await windlass.stop();
  });

  test(`${name} opens WebSockets over HTTP/1.1 where HTTP/2 is turned off`, async (t) => {
    const { directory, url, windlass } = await start(t, 'http2 = false');
    const tab = await openTab(await startOne(t), url);
    assert.deepEqual(await within(tab.evaluate(openSockets, SOCKETS), 'sockets'), Array(SOCKETS).fill('a'));
    await echoesOn(tab, 0);
    assert.equal(await counted(directory, 'tunnels_open', 'http/1.1'), SOCKETS);
    assert.equal(await counted(directory, 'tunnels_opened_total', 'h2'), 0);
    await windlass.stop();
  });
}

/** The program before an endpoint with an empty page. */
async function start(t, listener = '') {
  const directory = temporaryDirectory(t);
  const endpoints = { a: await startEndpoint(t, 'a') };
  const text = http2Config(directory, { endpoints, certificate: makeCertificate(directory) }, listener);
  const windlass = await Windlass.run(t, directory, text);
  return { directory, text, windlass, url: `https://localhost:${await windlass.port()}/` };
}

async function openTab(browser, url) {
  const tab = await browser.newPage();
  await within(tab.goto(url), 'the page');
  return tab;
}

async function echoesOn(tab, socket) {
  assert.equal(await within(tab.evaluate(echo, { socket, message: 'ahoy' }), `an echo on socket ${socket}`), 'ahoy');
}

/** Runs in the page: opens so many more, and says what each was told first. */
function openSockets(count) {
  window.sockets ??= [];
  window.codes ??= [];
  return Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://${location.host}/`);
    window.sockets.push(socket);
    socket.onerror = () => reject(new Error('no WebSocket'));
    socket.onclose = ({ code }) => window.codes.push(code);
    socket.onmessage = ({ data }) => resolve(data);
  })));
}

/** Runs in the page. */
function echo({ socket, message }) {
  return new Promise((resolve, reject) => {
    window.sockets[socket].onmessage = ({ data }) => resolve(data);
    window.sockets[socket].onclose = ({ code }) => reject(new Error(`closed: ${code}`));
    window.sockets[socket].send(message);
  });
}

/** Runs in the page. */
function closeSocket(socket) {
  return new Promise((resolve) => {
    window.sockets[socket].addEventListener('close', ({ code, wasClean }) => resolve({ code, wasClean }));
    window.sockets[socket].close(1000);
  });
}

/** Runs in the page: the codes of those that have closed. */
function closes() {
  return window.codes;
}
