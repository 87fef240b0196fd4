// What can be done from the page, each behind a question.

import { askForJson } from './access.mjs';
import { question } from './question.mjs';
import { duration, many } from './words.mjs';

/** `tell` says what came of it. */
export function steering(tell) {
  return {
    drain(endpoint, tunnels) {
      question({
        title: `Drain ${endpoint}?`,
        text: `It takes no newcomers from now on, and its ${many(tunnels, 'tunnel')} ${tunnels === 1 ? 'is' : 'are'} told to reconnect `
          + 'elsewhere. What is left at the deadline is cut. Undrain takes it back.',
        verb: 'Drain',
        fields: [
          { name: 'spread', label: 'Told over', hint: 'as configured, or 1min' },
          { name: 'deadline', label: 'Cut after', hint: 'as configured, or 5min' },
        ],
        async act(values) {
          const drain = await askForJson('/drain', { body: { scope: `endpoint/${endpoint}`, ...values } });
          tell(`${endpoint} drains: ${many(drain.tunnels, 'tunnel')}, cut after ${duration(drain.deadline_seconds)}.`);
        },
      });
    },

    undrain(endpoint) {
      question({
        title: `Undrain ${endpoint}?`,
        text: 'It takes newcomers again. Who was not told yet stays; who has left comes back only when it reconnects.',
        verb: 'Undrain',
        async act() {
          await askForJson('/undrain', { body: { endpoint } });
          tell(`${endpoint} takes newcomers again.`);
        },
      });
    },

    close(tunnel, client) {
      question({
        title: `Close tunnel ${tunnel}?`,
        text: `Its client, ${client}, reads a Close at once, and its endpoint too.`,
        verb: 'Close it',
        fields: [
          { name: 'close_code', label: 'Code', hint: '4403' },
          { name: 'reason', label: 'Reason', hint: 'revoked' },
        ],
        async act({ close_code: code, reason }) {
          const body = { tunnel, ...(code && { close_code: Number(code) }), ...(reason && { reason }) };
          await askForJson('/close', { body });
          tell(`Tunnel ${tunnel} is closed.`);
        },
      });
    },
  };
}
