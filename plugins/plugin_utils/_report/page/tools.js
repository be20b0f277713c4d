// Values that nobody vouches for, and elements that only ever get text.

const MISSING = 'unknown';

const object = (value) => (value !== null && typeof value === 'object' && !Array.isArray(value) ? value : {});
const list = (value) => (Array.isArray(value) ? value : []);
const number = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);
// A name somebody chose may be that of what every object has, such as __proto__.
const own = (table, key, otherwise) => (Object.hasOwn(table, key) ? table[key] : otherwise);
const known = (value) => value !== null && value !== undefined;

// What cannot be seen, or turns the direction of what is read, is written out: a name looks like no other.
const visible = (text) => String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (char === '\n' ? char : `\\u${char.codePointAt(0).toString(16).padStart(4, '0')}`));

// make('p', {class: 'x'}, 'text', child): strings become text nodes, never markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (known(value) && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter(known).map((child) => (child instanceof Node ? child : visible(child))));
  return element;
}

function draw(tag, attributes = {}, text = null) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== null) element.textContent = visible(text);
  return element;
}

// Half a character can be in a name, and in no address.
const wellFormed = (text) => text.replace(/\p{Cs}/gu, '\ufffd');

const count = (total, one, many = `${one}s`) => `${total.toLocaleString('en')} ${total === 1 ? one : many}`;

const collator = new Intl.Collator('en', {numeric: true});

// What is not known comes last, whichever way the rest is sorted.
function compare(one, other, direction) {
  if (!known(one) || !known(other)) return known(one) ? -1 : known(other) ? 1 : 0;
  const order = typeof one === 'number' ? one - other : collator.compare(one, other);
  return order * direction;
}

function tally(items, keysOf) {
  const counts = new Map();
  for (const item of items) for (const key of keysOf(item)) counts.set(key, (counts.get(key) || 0) + 1);
  return counts;
}

function laterOnce(run, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, wait);
  };
}
