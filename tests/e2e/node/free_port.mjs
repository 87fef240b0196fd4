// A port that nobody listens on, of those that the system gives to nobody by itself: it stays free until it is listened on.

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port that is free for TCP and UDP. */
export async function freePort() {
  for (;;) {
    const port = randomInt(16_384, 32_768);
    if (await isFree(createServer().listen(port, '127.0.0.1')) && await isFree(createSocket('udp4').bind(port, '127.0.0.1'))) {
      return port;
    }
  }
}

/** Whether it comes to listen; it does so no more. */
async function isFree(socket) {
  try {
    await once(socket, 'listening');
  } catch {
    return false;
  }
  socket.close();
  await once(socket, 'close');
  return true;
}
