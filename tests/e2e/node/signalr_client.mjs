// Clients of SignalR, one after the other, each with its own cookies: `signalr_client.mjs URL COUNT` prints what the hub has answered
// them, or the error of the first that fails. A process of its own, since Microsoft's client asks by `fetch`, which trusts what
// NODE_EXTRA_CA_CERTS has at its start, and nothing else.

import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';

const [url, count] = process.argv.slice(2);
const answers = [];
try {
  for (let number = 0; number < Number(count); number += 1) {
    const connection = new HubConnectionBuilder().withUrl(url).configureLogging(LogLevel.None).build();
    await connection.start();
    answers.push(await connection.invoke('Who'));
    await connection.stop();
  }
  console.log(JSON.stringify({ answers }));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}
