// Firefox, headless, by WebDriver BiDi: as many of its words as the tests need, spoken to a stock Firefox.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import WebSocket from 'ws';

import { within } from './harness.mjs';

const EXECUTABLE = process.env.FIREFOX || '/usr/bin/firefox-esr';

// It looks for nothing in the world outside, and believes nothing about it.
const PREFERENCES = {
  'app.normandy.enabled': false,
  'app.update.disabledForTesting': true,
  'browser.region.network.url': '',
  'browser.safebrowsing.update.enabled': false,
  'browser.search.update': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'extensions.update.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.server': '',
};

/** A fresh browser profile that accepts self-signed certificates. */
export async function startFirefox(t) {
  if (!existsSync(EXECUTABLE)) throw new Error(`no Firefox at ${EXECUTABLE}: install it, or set FIREFOX`);
  const profile = mkdtempSync(join(tmpdir(), 'windlass-firefox-'));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const firefox = spawn(
    EXECUTABLE,
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' } },
  );
  const exited = once(firefox, 'exit');
  let driver;
  t.after(async () => {
    // Its other processes end with it; killed, it would leave them to write into the profile for a while.
    await driver?.ask('browser.close', {}).catch(() => {});
    if (!driver) firefox.kill();
    await within(exited, 'exit of Firefox');
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  const listening = new Promise((found) => {
    createInterface({ input: firefox.stderr }).on('line', (line) => {
      const said = /WebDriver BiDi listening on (ws:\S+)/.exec(line);
      if (said) found(said[1]);
    });
  });
  driver = await Driver.connect(`${await within(listening, 'WebDriver BiDi of Firefox', 60_000)}/session`);
  await driver.ask('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } });
  return { newPage: () => Page.open(driver) };
}

/** One connection of WebDriver BiDi. */
class Driver {
  #asked = new Map();
  #last = 0;

  static async connect(url) {
    const driver = new Driver();
    driver.socket = new WebSocket(url);
    driver.socket.on('message', (text) => driver.#answered(JSON.parse(text)));
    await within(once(driver.socket, 'open'), 'session of WebDriver BiDi');
    return driver;
  }

  /** What the browser answers to one command. */
  ask(method, params) {
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
    this.socket.send(JSON.stringify({ id, method, params }));
    return within(answer, `answer to ${method}`, 60_000);
  }

  #answered({ id, type, result, error, message }) {
    const asked = this.#asked.get(id);
    if (!asked) return; // an event
    this.#asked.delete(id);
    if (type === 'success') asked.resolve(result);
    else asked.reject(new Error(`${error}: ${message}`));
  }
}

/** A tab. */
class Page {
  static async open(driver) {
    const page = new Page();
    page.driver = driver;
    page.context = (await driver.ask('browsingContext.create', { type: 'tab' })).context;
    return page;
  }

  async goto(url) {
    await this.driver.ask('browsingContext.navigate', { context: this.context, url, wait: 'complete' });
  }

  /** What the function returns in the page; arguments and result travel as JSON. */
  async evaluate(run, ...given) {
    const { type, result, exceptionDetails } = await this.driver.ask('script.evaluate', {
      expression: `(async () => JSON.stringify(await (${run})(...${JSON.stringify(given)})) ?? 'null')()`,
      target: { context: this.context },
      awaitPromise: true,
    });
    if (type === 'exception') throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }

  async close() {
    await this.driver.ask('browsingContext.close', { context: this.context });
  }
}
