// Asking before something is done that others feel: a dialog that stays until it is done, refused, or taken back.

import { byId, element, say } from './elements.mjs';

const dialog = byId('question');
const parts = {
  form: byId('question-form'),
  title: byId('question-title'),
  text: byId('question-text'),
  fields: byId('question-fields'),
  problem: byId('question-problem'),
  no: byId('question-no'),
  yes: byId('question-yes'),
};

let current;

/** Asks, and carries out `act(values)` where the answer is yes; what it throws is shown, and it may be tried again. */
export function question({ title, text, verb, fields = [], act }) {
  say(parts.title, title);
  say(parts.text, text);
  say(parts.yes, verb);
  say(parts.problem, '');
  parts.fields.replaceChildren(...fields.map(({ name, label, hint }) => {
    const input = element('input', { id: `question-${name}`, name, placeholder: hint, autocomplete: 'off' });
    return element('div', {}, element('label', { for: input.id, text: label }), input);
  }));
  current = act;
  // Whoever presses Enter without reading has taken nothing away. The browser gives the focus back afterwards.
  dialog.showModal();
  parts.no.focus();
}

parts.no.addEventListener('click', () => dialog.close());
// It is told a moment later: by then another question may stand there.
dialog.addEventListener('close', () => { if (!dialog.open) current = undefined; });
parts.form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const act = current;
  const values = Object.fromEntries([...new FormData(parts.form)].filter(([, value]) => value.trim() !== ''));
  parts.yes.disabled = true;
  say(parts.problem, '');
  try {
    await act(values);
    if (current === act) dialog.close();
  } catch (error) {
    say(parts.problem, error.message);
  } finally {
    parts.yes.disabled = false;
  }
});
