// A crowd of Socket.IO clients, and where each of them is.

import assert from 'node:assert/strict';

import { io } from 'socket.io-client';

import { within } from './harness.mjs';

export const CLIENTS = 40;

/** One client that comes back by itself, and knows which server it talks to. */
class Client {
  disconnects = 0;
  server = undefined;

  constructor(t, url, ca, user) {
    this.socket = io(url, {
      ca,
      query: { user },
      withCredentials: true, // keeps cookies
      transports: ['polling', 'websocket'],
      reconnectionDelay: 50,
      forceNew: true,
    });
    t.after(() => this.socket.disconnect());
    this.socket.on('disconnect', (reason) => {
      if (reason !== 'io client disconnect') this.disconnects += 1;
      this.server = undefined;
    });
  }

  /** Waits until it has upgraded. */
  async isIn() {
    while (!(this.socket.connected && this.socket.io.engine.transport.name === 'websocket')) {
      await new Promise((passed) => setTimeout(passed, 10));
    }
    this.server = await this.socket.timeout(10_000).emitWithAck('who');
  }

  async isElsewhere(than) {
    while (this.server === than || this.server === undefined) {
      await new Promise((passed) => setTimeout(passed, 10));
      if (this.socket.connected && this.server === undefined) await this.isIn().catch(() => {});
    }
  }
}

/** So many new clients, who have all upgraded. */
export async function settle(t, url, ca, from) {
  const clients = Array.from({ length: CLIENTS }, (_, index) => new Client(t, url, ca, `user-${from + index}`));
  await within(Promise.all(clients.map((client) => client.isIn())), 'upgrades of everybody', 60_000);
  return clients;
}

/** Each of them gets an echo. */
export async function allTalk(clients) {
  const echoes = clients.map(async (client) => {
    assert.equal(await client.socket.timeout(10_000).emitWithAck('echo', 'hello'), 'hello');
  });
  await within(Promise.all(echoes), 'echo for everybody');
}

/** The servers that they are at. */
export function serversOf(clients) {
  return [...new Set(clients.map((client) => client.server))].sort();
}
