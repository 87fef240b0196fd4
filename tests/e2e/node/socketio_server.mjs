// A Socket.IO server that knows only its own sessions, and says its name.

import { once } from 'node:events';
import { createServer } from 'node:http';

import { Server } from 'socket.io';

/** Starts one, at a host and a port if they are told, or at the unix socket of a path; returns its port. */
export async function startServer(t, name, { host = '127.0.0.1', port = 0, path } = {}) {
  const http = createServer();
  const server = new Server(http, { pingInterval: 1_000 }); // so that no poll is held longer than that
  server.on('connection', (socket) => {
    socket.on('echo', (value, answer) => answer(value));
    socket.on('who', (answer) => answer(name));
  });
  if (path) http.listen(path);
  else http.listen(port, host);
  await once(http, 'listening');
  t.after(() => server.close());
  return http.address().port;
}
