// Making elements, and changing as little as possible of those that are there: what has the focus keeps it, and nobody who
// listens to the page hears the same again.

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

/** An element with attributes and children; `text` and `on` (listeners by event) are no attributes. */
export function element(tag, { text, on = {}, ...attributes } = {}, ...children) {
  return fitted(document.createElement(tag), text, on, attributes, children);
}

/** The same of SVG. */
export function drawn(tag, { text, on = {}, ...attributes } = {}, ...children) {
  return fitted(document.createElementNS(SVG, tag), text, on, attributes, children);
}

/** Sets a text where it is another one. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute where it is another one; `undefined` takes it away. */
export function mark(node, name, value) {
  if (value === undefined || value === false) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Sets a custom property that the style sheet reads. */
export function tune(node, name, value) {
  if (node.style.getPropertyValue(name) !== String(value)) node.style.setProperty(name, value);
}

/**
 * Has `parent` show one child for each of `items`, in their order. A child stays the same as long as `keyOf` its item does:
 * `make(item)` makes it, `update(child, item)` brings it up to date.
 */
export function keyed(parent, items, keyOf, make, update) {
  const children = (parent.keyedChildren ??= new Map());
  const wanted = new Set(items.map(keyOf));
  for (const [key, child] of children) {
    if (wanted.has(key)) continue;
    child.remove();
    children.delete(key);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = children.get(key);
    if (!child) children.set(key, (child = make(item)));
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

/** A table with a caption that is heard, not seen, and columns `{name, kind, isHidden}`; rows go into its `body`. */
export function table(caption, columns, kind = '') {
  const body = element('tbody');
  const heads = columns.map(({ name, kind: columnKind = '', isHidden = false }) =>
    element('th', { scope: 'col', class: columnKind }, element('span', { class: isHidden ? 'hidden' : '', text: name })));
  const head = element('thead', {}, element('tr', {}, ...heads));
  const root = element('table', { class: kind }, element('caption', { class: 'hidden', text: caption }), head, body);
  return { root, body };
}

function fitted(node, text, listeners, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(name, value);
  for (const [event, listener] of Object.entries(listeners)) node.addEventListener(event, listener);
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
}
