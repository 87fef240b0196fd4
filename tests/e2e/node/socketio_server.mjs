// A Socket.IO server that knows only its own sessions, and says its name.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { Server } from 'socket.io';

/** Starts one; returns its port. */
export async function startServer(t, name) {
  const http = createServer();
  const server = new Server(http, { pingInterval: 1_000 }); // so that no poll is held longer than that
  server.on('connection', (socket) => {
    socket.on('echo', (value, answer) => answer(value));
    socket.on('who', (answer) => answer(name));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => server.close());
  return http.address().port;
}
