// The dashboard: reads the feed of the process, and shows what it says once a second.

import { ask, enterToken, reasonOf } from './access.mjs';
import { showCertificates } from './certificates.mjs';
import { showDrains } from './drains.mjs';
import { byId, say } from './elements.mjs';
import { showEndings } from './endings.mjs';
import { showEndpoints } from './endpoints.mjs';
import { events } from './event_stream.mjs';
import { showFigures } from './figures.mjs';
import { History } from './history.mjs';
import { after, news, pointOf } from './model.mjs';
import { showProcess } from './process.mjs';
import { showRefusals } from './refusals.mjs';
import { showReloads } from './reloads.mjs';
import { steering } from './steer.mjs';
import { showTunnels } from './tunnels.mjs';
import { showPredecessors, showWays } from './ways.mjs';

/** Until the next try, in seconds. */
const TRY_AGAIN = 3;
/** How long the feed may say nothing, in milliseconds. */
const SILENCE = 10_000;

const seen = { model: undefined, history: new History(), steer: undefined };

for (;;) {
  const end = await watch();
  if (end.needsToken) {
    state('locked', 'needs a token');
    byId('board').hidden = true;
    await enterToken();
    state('connecting', 'connecting…');
  } else {
    await waitAndSay(end);
  }
}

/** Reads the feed until it ends; how it ended. */
async function watch() {
  let said;
  try {
    const answer = await ask('/events');
    if (answer.status === 401) return { needsToken: true };
    if (!answer.ok) return { state: 'lost', why: await reasonOf(answer) };
    for await (const { event, data } of events(answer, SILENCE)) {
      if (event === 'hello') seen.steer = JSON.parse(data).may_steer ? steering(tell) : undefined;
      else if (event === 'end') said = JSON.parse(data).why;
      else take(JSON.parse(data));
    }
  } catch {
    // However it broke, what follows is the same.
  }
  if (said === 'handed over') return { state: 'handed-over', why: 'handed over to another process' };
  if (said) return { state: 'stopped', why: said };
  return { state: 'lost', why: seen.model ? `process ${seen.model.process.pid} does not answer` : 'the process does not answer' };
}

function take(event) {
  const model = after(seen.model, event);
  // Something was missed: the next connection begins with everything.
  if (!model) throw new Error('an event is missing');
  const told = news(seen.model, model);
  seen.model = model;
  seen.history.note(pointOf(model));
  if (told.length > 0) tell(told.join(' '));
  state('live', 'live');
  byId('board').hidden = false;
  show();
}

function show() {
  const { model, steer } = seen;
  const now = model.at / 1e3;
  document.title = `${model.now.tunnels} open · windlass`;
  showProcess(seen, now);
  showFigures(seen);
  showDrains(model);
  showEndpoints(model, now, steer);
  showTunnels(steer);
  showEndings(seen);
  showRefusals(seen);
  showReloads(model, now);
  showCertificates(model, now);
  showWays(model);
  showPredecessors(model);
}

/** Says something to those who do not look, too. */
function tell(text) {
  say(byId('news'), text);
}

function state(word, text) {
  document.body.dataset.feed = word;
  say(byId('feed'), text);
}

async function waitAndSay({ state: word, why }) {
  if (document.body.dataset.feed !== word) tell(`${why}.`);
  for (let left = TRY_AGAIN; left > 0; left -= 1) {
    state(word, `${why}; tries again in ${left} s`);
    await new Promise((passed) => setTimeout(passed, 1000));
  }
  state(word, `${why}; tries again`);
}
