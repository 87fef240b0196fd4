// Chromium and tokens: a page that renews its token keeps its WebSocket, another is closed, and a page of another site is not let in.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { keptCookie, startEndpoint, startProfile } from './chromium.mjs';
import { Windlass, config, makeCertificate, temporaryDirectory, within } from './harness.mjs';

const SECRET = '0123456789abcdef'.repeat(2);

test('a page that renews its token keeps its WebSockets and one that does not reads 4401', async (t) => {
  const site = await startSite(t);
  const [renews, rests] = [await site.visitor(t), await site.visitor(t)];
  const tabs = [await renews.tab(), await renews.tab()];
  const other = await rests.tab();
  for (const visitor of [renews, rests]) await visitor.getToken('ada', 9);
  assert.equal(await within(other.evaluate(open, '/ws'), 'WebSocket'), 'a');
  assert.equal(await within(tabs[0].evaluate(open, '/ws'), 'WebSocket'), 'a');
  // A browser may keep it a moment after it says that the WebSocket is open; the second tab is to bring it along.
  const { httpOnly, secure, sameSite, path, value } = await within(renews.name(), 'cookie of the tunnel');
  assert.equal(await within(tabs[1].evaluate(open, '/ws'), 'second WebSocket'), 'a');
  assert.deepEqual({ httpOnly, secure, sameSite, path }, { httpOnly: true, secure: true, sameSite: 'Strict', path: '/ws' });
  assert.match(value, /^[\w-]{22}$/);

  await renews.getToken('eve', 600);
  assert.equal((await within(tabs[0].evaluate(renew), 'refusal')).status, 403);
  await renews.getToken('ada', 600);
  const renewed = await within(tabs[0].evaluate(renew), 'renewal');
  assert.equal(renewed.status, 200, renewed.text);
  const { tunnels, expires_in_seconds: left } = JSON.parse(renewed.text);
  assert.ok(tunnels === 2 && left > 500 && left < 600, renewed.text);

  const closed = await within(other.evaluate(firstClose), 'Close');
  assert.deepEqual(closed, { code: 4401, reason: 'expired', wasClean: true });
  for (const tab of tabs) {
    assert.equal(await within(tab.evaluate(echo, 'still there'), 'echo'), 'still there');
    assert.deepEqual(await tab.evaluate(() => window.closes), []);
  }
  await site.stop();
});

test('a page of another site is refused with its cookies on, and the page of the site gets in', async (t) => {
  const site = await startSite(t);
  const visitor = await site.visitor(t);
  await visitor.getToken('ada', 600);
  const page = await visitor.tab();
  assert.equal(await within(page.evaluate(open, '/ws'), 'WebSocket of the site'), 'a');

  const foreign = await visitor.context.newPage();
  await foreign.goto(`http://127.0.0.1:${site.endpoint}/`);
  // Where nobody asks for the origin, the cookies of the visitor let it in: it is the origin that keeps it out, and nothing else.
  assert.equal(await within(foreign.evaluate(open, `${site.wss}/unguarded`), 'WebSocket without a guard'), 'a');
  await assert.rejects(within(foreign.evaluate(open, `${site.wss}/ws`), 'refusal'), /no WebSocket/);

  const refused = ({ message, refusal }) => message === 'refused' && refusal === 'foreign_origin';
  const line = await within(site.windlass.log.first(refused), 'line about the refusal');
  assert.deepEqual([line.status, line.path], [403, '/ws']);
  assert.equal(await within(page.evaluate(echo, 'undisturbed'), 'echo'), 'undisturbed');
  await site.stop();
});

/** A proxy whose routes ask for a token in a cookie, `/ws` for the origin too; its pages are at `/`. */
async function startSite(t) {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'secret'), SECRET);
  const endpoint = await startEndpoint(t, 'a');
  const jwt = `jwt = { secret = "secret", from = ["cookie:session"], leeway = "1s", close_code = 4401 }`;
  const routes = `
    [route.ws]
    path = "/ws"
    upstream = "main"
    allowed_origins = ["self"]
    renew_path = "/ws/renew"
    ${jwt}
    [route.unguarded]
    path = "/unguarded"
    upstream = "main"
    ${jwt}
  `;
  const certificate = makeCertificate(directory);
  const windlass = await Windlass.run(t, directory, config({ endpoints: { a: endpoint }, certificate, upstream: routes }));
  const host = `localhost:${await windlass.port()}`;
  const url = `https://${host}`;
  /** Somebody with a browser of their own. */
  const visitor = async (test) => {
    const context = await startProfile(test);
    const tab = async () => {
      const page = await context.newPage();
      await page.goto(`${url}/`);
      return page;
    };
    // A cookie that comes along from every page: the worst case.
    const getToken = (user, seconds) =>
      context.addCookies([{ name: 'session', value: token(user, seconds), url, secure: true, sameSite: 'None' }]);
    /** The cookie that names its tunnels, once it has one. */
    const name = () => keptCookie(context, `${url}/ws`, 'windlass-tunnel');
    return { context, tab, getToken, name };
  };
  return { windlass, endpoint, url, wss: `wss://${host}`, visitor, stop: () => windlass.stop() };
}

/** A token that holds for so long, signed by HS256. */
function token(sub, seconds) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const message = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, exp })}`;
  return `${message}.${createHmac('sha256', SECRET).update(message).digest('base64url')}`;
}

/** Runs in the page: opens a WebSocket that stays, and returns the name of its endpoint. */
function open(target) {
  return new Promise((resolve, reject) => {
    window.socket = new WebSocket(target.startsWith('wss:') ? target : `wss://${location.host}${target}`);
    window.socket.onerror = () => reject(new Error('no WebSocket'));
    window.socket.onmessage = ({ data }) => resolve(data);
  });
}

/** Runs in the page. */
function echo(text) {
  return new Promise((resolve, reject) => {
    window.socket.onmessage = ({ data }) => resolve(data);
    window.socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    window.socket.send(text);
  });
}

/** Runs in the page. */
async function renew() {
  const answer = await fetch('/ws/renew', { method: 'POST', credentials: 'same-origin' });
  return { status: answer.status, text: await answer.text() };
}

/** Runs in the page: how its WebSocket is closed, or was. */
function firstClose() {
  return new Promise((resolve) => {
    const tell = () => resolve(window.closes[0]);
    if (window.closes.length > 0) tell();
    else window.socket.addEventListener('close', tell);
  });
}
