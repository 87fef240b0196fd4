// Server-sent events over fetch: an EventSource could not say who asks. Nothing here touches the page.

/** Takes text as it comes, and yields `{event, data}` for each event that is whole. */
export class EventParser {
  #rest = '';

  *take(text) {
    this.#rest += text;
    for (;;) {
      const end = this.#rest.indexOf('\n\n');
      if (end < 0) return;
      const lines = this.#rest.slice(0, end).split('\n');
      this.#rest = this.#rest.slice(end + 2);
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
      const name = lines.find((line) => line.startsWith('event:'));
      if (data.length > 0) yield { event: name ? name.slice(6).trim() : 'message', data: data.join('\n') };
    }
  }
}

/** The answer was another than a stream of events. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/**
 * Reads the events of `answer` until it ends. A stream that says nothing for `silence` milliseconds has ended too: a process
 * that is stopped, or a network that is gone, says nothing at all.
 */
export async function* events(answer, silence) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), silence);
      if (done) return;
      yield* parser.take(value);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function withinSilence(reading, silence) {
  let timer;
  const silent = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('nothing comes any more')), silence);
  });
  return Promise.race([reading, silent]).finally(() => clearTimeout(timer));
}
