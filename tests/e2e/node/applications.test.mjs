// docs/applications.md: real applications behind the configurations that stand there, and what goes wrong without a key of them.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { io } from 'socket.io-client';
import { createServer as createVite } from 'vite';
import WebSocket, { WebSocketServer } from 'ws';

import { blockOf, configOf } from './applications.mjs';
import { Windlass, makeCertificate, temporaryDirectory, within } from './harness.mjs';
import { startServer } from './socketio_server.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));

test('Socket.IO: clients that poll and then upgrade stay at their server', async (t) => {
  const ports = {
    '10.0.0.11:3000': await startServer(t, 'a'),
    '10.0.0.12:3000': await startServer(t, 'b'),
  };
  const { url, ca } = await behind(t, 'Socket.IO', ports);
  const servers = await Promise.all(Array.from({ length: 12 }, async () => {
    const socket = io(url, { ca, withCredentials: true, transports: ['polling', 'websocket'], forceNew: true, reconnection: false });
    t.after(() => socket.disconnect());
    await within(once(socket, 'connect'), 'a connection by polling');
    const transport = socket.io.engine.transport;
    if (transport.name !== 'websocket') await within(once(socket.io.engine, 'upgrade'), 'an upgrade');
    return within(socket.emitWithAck('who'), 'an answer');
  }));
  // By turns at first: it is the cookie that keeps them, not their address.
  assert.deepEqual([...new Set(servers)].sort(), ['a', 'b']);
});

test('Socket.IO: without the cookie sessions are lost', async (t) => {
  const ports = {
    '10.0.0.11:3000': await startServer(t, 'a'),
    '10.0.0.12:3000': await startServer(t, 'b'),
  };
  const { url, ca } = await behind(t, 'Socket.IO', ports, (text) => text.replace(/^pin_cookie.*$/m, ''));
  const path = '/socket.io/?EIO=4&transport=polling';
  const { sid } = JSON.parse((await ask({ url, ca }, path)).body.slice(1));
  assert.deepEqual(await ask({ url, ca }, `${path}&sid=${sid}`), { status: 400, body: '{"code":1,"message":"Session ID unknown"}' });
  const socket = io(url, { ca, withCredentials: true, transports: ['polling'], forceNew: true, reconnection: false });
  t.after(() => socket.disconnect());
  const lost = Promise.race([once(socket, 'connect_error'), once(socket, 'disconnect')]);
  await within(lost, 'a lost session');
});

test('Vite: a host that it does not know is blocked, one of allowedHosts gets pages and updates', async (t) => {
  const root = temporaryDirectory(t);
  writeFileSync(join(root, 'index.html'), '<script type="module" src="/main.js"></script>');
  writeFileSync(join(root, 'main.js'), 'export const word = "before";\nimport.meta.hot.accept();\n');
  writeFileSync(join(root, 'vite.config.mjs'), blockOf('Vite', 'js'));
  const vite = async (configFile) => {
    const server = await createVite({ root, configFile, logLevel: 'silent', server: { host: '127.0.0.1', port: 0 } });
    await server.listen();
    t.after(() => server.close());
    return server;
  };
  const host = 'dev.example.com';
  const origin = `https://${host}`;

  const closed = await vite(false);
  const refused = await behind(t, 'Vite', { '127.0.0.1:5173': portOf(closed) });
  const answer = await ask(refused, '/', { host });
  assert.equal(answer.status, 403);
  assert.match(answer.body, /^Blocked request\. This host \("dev\.example\.com"\) is not allowed\./);
  const denied = upgrade(refused, `/?token=${closed.config.webSocketToken}`, 'vite-hmr', { host, origin });
  assert.equal(await within(refusalOf(denied), 'a refused upgrade'), 400);

  const renamed = await behind(t, 'Vite', { '127.0.0.1:5173': portOf(closed) }, (text) => `${text}host = "localhost"\n`);
  assert.equal((await ask(renamed, '/', { host })).status, 200);
  const other = upgrade(renamed, `/?token=${closed.config.webSocketToken}`, 'vite-hmr', { host, origin });
  await within(messagesOf(other)((message) => message.type === 'connected'), 'a word of Vite');
  other.close();

  const open = await vite(join(root, 'vite.config.mjs'));
  const { url, ca, windlass } = await behind(t, 'Vite', { '127.0.0.1:5173': portOf(open) });
  const page = await ask({ url, ca }, '/', { host });
  assert.equal(page.status, 200);
  assert.match(page.body, /\/@vite\/client/);
  assert.match((await ask({ url, ca }, '/main.js', { host })).body, /before/);

  const socket = upgrade({ url, ca }, `/?token=${open.config.webSocketToken}`, 'vite-hmr', { host, origin });
  const messages = messagesOf(socket);
  await within(messages((message) => message.type === 'connected'), 'a word of Vite');
  assert.equal(socket.protocol, 'vite-hmr');
  writeFileSync(join(root, 'main.js'), 'export const word = "after";\nimport.meta.hot.accept();\n');
  const { updates } = await within(messages((message) => message.type === 'update'), 'an update');
  assert.equal(updates[0].path, '/main.js');
  socket.close();
  await windlass.stop();
});

test('GraphQL: a subscription, by its subprotocol', async (t) => {
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { nothing: { type: GraphQLString } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        count: {
          type: GraphQLString,
          async *subscribe() {
            for (const count of ['one', 'two', 'three']) yield { count };
          },
        },
      },
    }),
  });
  const http = createServer((_, response) => response.writeHead(404).end());
  const server = new WebSocketServer({ server: http, path: '/graphql' });
  const served = useServer({ schema }, server);
  t.after(() => served.dispose());
  const { url, ca } = await behind(t, 'GraphQL subscriptions', { '127.0.0.1:4000': await listening(t, http) });
  const address = `${url.replace('https', 'wss')}/graphql`;

  class Trusting extends WebSocket {
    constructor(target, protocols) {
      super(target, protocols, { ca });
    }
  }
  const client = createClient({ url: address, webSocketImpl: Trusting, retryAttempts: 0 });
  t.after(() => client.dispose());
  const counts = [];
  const all = (async () => {
    for await (const { data } of client.iterate({ query: 'subscription { count }' })) counts.push(data.count);
  })();
  await within(all, 'the end of the subscription');
  assert.deepEqual(counts, ['one', 'two', 'three']);

  // What a client reads that names no subprotocol, or that of the older library.
  const [code, reason] = await within(once(new WebSocket(address, { ca }), 'close'), 'a Close');
  assert.deepEqual([code, reason.toString()], [4406, 'Subprotocol not acceptable']);
});

test('SignalR: who negotiates with one server connects to the same', async (t) => {
  const ports = {
    '10.0.0.11:5000': await startHub(t, 'a'),
    '10.0.0.12:5000': await startHub(t, 'b'),
  };
  const { url, chain } = await behind(t, 'SignalR', ports);
  const { answers } = await callHub(`${url}/hub`, chain, 4);
  assert.deepEqual(answers?.sort(), ['a', 'a', 'b', 'b']);

  const loose = await behind(t, 'SignalR', ports, (text) => text.replace(/^pin_cookie.*$/m, ''));
  const { error } = await callHub(`${loose.url}/hub`, loose.chain, 1);
  assert.match(error, /the connection ID is not present on the server/);
});

/** Windlass with the configuration of that application, `changed` by the test. */
async function behind(t, application, ports, changed = (text) => text) {
  const directory = temporaryDirectory(t);
  const certificate = makeCertificate(directory);
  const text = configOf(application, certificate, ports);
  const windlass = await Windlass.run(t, directory, `${changed(text)}\n[admin]\nlisten = "off"\n`);
  return { windlass, url: `https://localhost:${await windlass.port()}`, chain: certificate.chain, ca: readFileSync(certificate.chain) };
}

/** Asks for a page, and reads all of the answer. */
async function ask({ url, ca }, path, headers) {
  const asked = request(`${url}${path}`, { ca, headers, agent: false, servername: 'localhost' });
  asked.end();
  const [response] = await within(once(asked, 'response'), `an answer to ${path}`);
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk;
  return { status: response.statusCode, body };
}

/** A WebSocket of a page at another host than the one that it is connected to. */
function upgrade({ url, ca }, path, protocol, { host, origin }) {
  return new WebSocket(`${url.replace('https', 'wss')}${path}`, protocol, { ca, origin, headers: { host }, servername: 'localhost' });
}

async function refusalOf(socket) {
  const [asked, response] = await once(socket, 'unexpected-response');
  asked.destroy();
  return response.statusCode;
}

/** `await messages(matches)`: the first message of JSON, from the start on, that matches. */
function messagesOf(socket) {
  const all = [];
  const waiting = new Set();
  socket.on('message', (data) => {
    all.push(JSON.parse(data));
    for (const look of waiting) look();
  });
  return (matches) => new Promise((found, lost) => {
    socket.on('error', lost);
    const look = () => {
      const message = all.find(matches);
      if (message) found(message);
    };
    waiting.add(look);
    look();
  });
}

function portOf(vite) {
  return vite.httpServer.address().port;
}

async function listening(t, http) {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => http.close());
  return http.address().port;
}

/** A hub as ASP.NET Core has it, of what its protocol needs: it knows the connections that were negotiated with it, and no others. */
async function startHub(t, name) {
  const END = '\x1e';
  const negotiated = new Set();
  const http = createServer((asked, response) => {
    if (asked.method === 'POST' && asked.url.startsWith('/hub/negotiate')) {
      const connectionToken = randomUUID();
      negotiated.add(connectionToken);
      const availableTransports = [{ transport: 'WebSockets', transferFormats: ['Text', 'Binary'] }];
      response.end(JSON.stringify({ negotiateVersion: 1, connectionId: randomUUID(), connectionToken, availableTransports }));
    } else {
      response.writeHead(404).end('No Connection with that ID');
    }
  });
  const sockets = new WebSocketServer({ noServer: true });
  http.on('upgrade', (asked, socket, head) => {
    const id = new URL(asked.url, 'http://hub').searchParams.get('id');
    if (!negotiated.has(id)) {
      const body = 'No Connection with that ID';
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
      return;
    }
    sockets.handleUpgrade(asked, socket, head, (client) => {
      client.on('message', (data) => {
        for (const text of data.toString().split(END).filter(Boolean)) {
          const message = JSON.parse(text);
          if (message.protocol) client.send(`{}${END}`);
          if (message.type === 1) client.send(JSON.stringify({ type: 3, invocationId: message.invocationId, result: name }) + END);
        }
      });
    });
  });
  return listening(t, http);
}

/** What so many of Microsoft's clients are answered, which ask by POST first and open a WebSocket then. */
async function callHub(url, chain, count) {
  const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: chain };
  const client = spawn(process.execPath, [join(HERE, 'signalr_client.mjs'), url, count], { stdio: ['ignore', 'pipe', 'inherit'], env });
  let said = '';
  client.stdout.setEncoding('utf8').on('data', (chunk) => { said += chunk; });
  await within(once(client, 'close'), 'the answers of the hub');
  return JSON.parse(said);
}
