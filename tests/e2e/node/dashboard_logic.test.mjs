// What of the dashboard's script can be told without a page: numbers as people read them, percentiles, the history, the feed.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventParser, events } from '../../../src/admin/dashboard/page/event_stream.mjs';
import { History, SPAN } from '../../../src/admin/dashboard/page/history.mjs';
import { after, news } from '../../../src/admin/dashboard/page/model.mjs';
import { between, percentile } from '../../../src/admin/dashboard/page/percentiles.mjs';
import { age, bytes, clock, countdown, duration, latency, many, rate } from '../../../src/admin/dashboard/page/words.mjs';

test('numbers are told as people read them', () => {
  const told = (tell, cases) => assert.deepEqual(cases.map(([number]) => tell(number)), cases.map(([, text]) => text));
  told(rate, [[0, '0'], [0.01, '<0.1'], [0.4, '0.4'], [12.34, '12.3'], [99.96, '100'], [1234, '1,234'], [12_345, '12.3 k'], [2.5e6, '2.5 M']]);
  told(bytes, [[0, '0 B'], [1023, '1,023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [150 * 1024, '150 KiB'], [2 ** 30, '1 GiB'], [1024 ** 2 - 1, '1 MiB']]);
  told(duration, [[0, '0 s'], [59.9, '59 s'], [60, '1 min'], [61, '1 min 1 s'], [754, '12 min'], [3660, '1 h 1 min'], [90_000, '1 d 1 h'], [200 * 86_400, '200 d'], [-3, '0 s']]);
  told(age, [[59, '59 s'], [754, '12 min'], [3599, '59 min'], [3600, '1 h'], [12_000, '3.3 h'], [90_000, '1 d'], [86_400 * 150, '150 d']]);
  told(countdown, [[0, '0:00'], [9, '0:09'], [245, '4:05'], [3723, '1:02:03'], [0.2, '0:01']]);
  told(latency, [[0.0004, '0.4 ms'], [0.012, '12 ms'], [0.9996, '1 s'], [1.254, '1.25 s'], [12.34, '12.3 s']]);
  told((number) => many(number, 'tunnel'), [[0, '0 tunnels'], [1, '1 tunnel'], [1200, '1,200 tunnels']]);
  assert.equal(clock(Date.parse('2026-11-27T14:05:09') / 1e3, Date.parse('2026-11-27T23:00:00') / 1e3), '14:05:09');
  assert.equal(clock(Date.parse('2026-11-26T14:05:09') / 1e3, Date.parse('2026-11-27T23:00:00') / 1e3), '2026-11-26 14:05');
});

test('a percentile lies in the bucket that has it', () => {
  const borders = [0.01, 0.1, 1];
  assert.equal(percentile(borders, [0, 0, 0, 0], 0.5), undefined);
  assert.deepEqual(percentile(borders, [10, 0, 0, 0], 0.5), { value: 0.005, isAbove: false });
  assert.deepEqual(percentile(borders, [0, 4, 0, 0], 1), { value: 0.1, isAbove: false });
  assert.ok(Math.abs(percentile(borders, [50, 0, 50, 0], 0.75).value - 0.55) < 1e-9);
  assert.deepEqual(percentile(borders, [98, 0, 0, 2], 0.99), { value: 1, isAbove: true });
});

test('histograms of two processes have no difference', () => {
  assert.deepEqual(between([1, 2], [4, 2]), [3, 0]);
  assert.equal(between([1, 2], [0, 5]), undefined);
  assert.equal(between(undefined, [1]), undefined);
  assert.equal(between([1], [1, 2]), undefined);
});

/** A point whose counters have grown by one for each second. */
function point(time, { epoch = 'a', endings = new Map([['closed/client/1000', time]]) } = {}) {
  return { time, epoch, tunnels: 7, opened: time * 2, endings };
}

test('rates are differences within one process, and holes stay holes', () => {
  const history = new History();
  for (let time = 1000; time <= 1030; time += 1) history.note(point(time));
  assert.equal(history.rateNow((it) => it.opened), 2);
  assert.deepEqual(history.rates((it) => it.opened).map(({ value }) => value), [2, 2, 2, 2, 2, 2]);
  for (let time = 1060; time <= 1065; time += 1) history.note(point(time));
  for (let time = 1066; time <= 1075; time += 1) history.note(point(time, { epoch: 'b' }));
  const values = history.rates((it) => it.opened).map(({ value }) => value);
  assert.equal(values.filter((value) => value === undefined).length, 2, `a hole, and another process: ${values}`);
});

test('the history is bounded', () => {
  const history = new History();
  for (let time = 0; time <= 3 * SPAN; time += 1) history.note(point(time));
  assert.ok(history.values((it) => it.tunnels).length <= SPAN / 5 + 2);
  const [oldest, last] = history.since(SPAN);
  assert.ok(last.time - oldest.time <= SPAN);
});

test('endings are summed by when they were seen, and none is lost or counted twice', () => {
  const history = new History();
  for (let time = 1201; time <= 1500; time += 1) history.note(point(time));
  const sums = history.bins(30, (it) => it.endings).map(({ time, sums: them }) => [time, them.get('closed/client/1000') ?? 0]);
  assert.equal(sums.reduce((all, [, number]) => all + number, 0), 299);
  assert.equal(sums.length, SPAN / 30);
  assert.ok(sums.slice(-9, -1).every(([, number]) => number === 30), JSON.stringify(sums));
});

test('an ending of a kind that is new counts from nothing', () => {
  const history = new History();
  history.note(point(1000, { endings: new Map() }));
  history.note(point(1006, { endings: new Map([['gone/client/none', 3]]) }));
  assert.equal(history.bins(30, (it) => it.endings).at(-1).sums.get('gone/client/none'), 3);
});

test('events are read wherever the stream was cut', () => {
  const text = 'event: hello\ndata: {"may_steer":true}\n\n: nothing\n\ndata: 1\ndata: 2\n\n';
  const expected = [{ event: 'hello', data: '{"may_steer":true}' }, { event: 'message', data: '1\n2' }];
  for (let cut = 0; cut <= text.length; cut += 1) {
    const parser = new EventParser();
    assert.deepEqual([...parser.take(text.slice(0, cut)), ...parser.take(text.slice(cut))], expected, `cut at ${cut}`);
  }
});

test('a feed that falls silent has ended', async () => {
  const body = new ReadableStream({ start: (it) => it.enqueue(new TextEncoder().encode('data: 1\n\n')) });
  const heard = [];
  await assert.rejects(async () => {
    for await (const { data } of events({ body }, 50)) heard.push(data);
  }, /nothing comes any more/);
  assert.deepEqual(heard, ['1']);
});

test('an event continues the one before, and nothing else', () => {
  const first = { number: 3, at: 1, whole: true, drains: [], routes: ['a'] };
  assert.deepEqual(after(first, { number: 4, at: 2, whole: false, drains: [1] }), { number: 4, at: 2, whole: true, drains: [1], routes: ['a'] });
  assert.equal(after(first, { number: 5, at: 2, whole: false }), undefined);
  assert.equal(after(undefined, { number: 5, at: 2, whole: false }), undefined);
  assert.equal(after(first, { number: 1, at: 2, whole: true }).number, 1);
});

test('what is told aloud is what matters', () => {
  const model = (state, drain, process = {}) => ({
    process: { pid: 1, phase: 'serving', generation: 7, ...process },
    upstreams: [{ name: 'chat', endpoints: [{ name: 'a', state }] }],
    drains: [{ id: 1, scope: 'endpoint/chat/a', state: drain }],
  });
  const before = model('eligible', 'running');
  assert.deepEqual(news(undefined, before), []);
  assert.deepEqual(news(before, before), []);
  assert.deepEqual(news(before, model('down', 'running')), ['chat/a is down.']);
  assert.deepEqual(news(before, model('eligible', 'complete')), ['The drain of endpoint/chat/a is complete.']);
  assert.deepEqual(news(before, model('eligible', 'running', { pid: 2, generation: 8 })), ['Process 2 serves now.', 'Generation 8 is served.']);
});
