// Asking the process: with the token, where the listener wants one. It is kept until the tab is closed, and sent as a header.

import { byId, say } from './elements.mjs';

const KEPT = 'windlass.token';
const entry = byId('entry');
const input = byId('token');

let token = kept();

/** Asks; `body` makes it a POST of JSON. */
export function ask(path, { body, signal } = {}) {
  const headers = { accept: path === '/events' ? 'text/event-stream' : 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  if (body === undefined) return fetch(path, { headers, signal, cache: 'no-store' });
  headers['content-type'] = 'application/json';
  return fetch(path, { method: 'POST', headers, signal, body: JSON.stringify(body) });
}

/** The same where an answer of JSON is expected; anything else is thrown with the reason that the process gave. */
export async function askForJson(path, options) {
  const answer = await ask(path, options).catch(() => {
    throw new Error('the process cannot be reached');
  });
  if (answer.ok) return answer.json();
  throw new Error(await reasonOf(answer));
}

/** Why it was refused, in the words of the process. */
export async function reasonOf(answer) {
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `the answer was ${answer.status}`;
}

/** Waits until a token was entered. */
export function enterToken() {
  const isWrong = Boolean(token);
  token = undefined;
  say(byId('entry-problem'), isWrong ? 'That token is not the one.' : '');
  entry.hidden = false;
  input.focus();
  return new Promise((entered) => {
    entry.addEventListener('submit', (event) => {
      event.preventDefault();
      token = input.value.trim();
      input.value = '';
      entry.hidden = true;
      keep(token);
      entered();
    }, { once: true });
  });
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT) ?? undefined;
  } catch {
    return undefined; // No storage for this page: it is asked for again.
  }
}

function keep(text) {
  try {
    sessionStorage.setItem(KEPT, text);
  } catch {
    // It holds until the page is left.
  }
}
