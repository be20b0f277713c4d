// A table over any number of rows, of which only those in sight are in the document.

const ROW = 40; // pixels, as in the style sheet
const SPARE = 8; // rows above and below those in sight
const PRINTED = 500;

class Table {
  // columns: {label, style, optional, value(row) to sort by, first: 1 or -1 for the first click, fill(row, cell)}
  // paper(row): what the table has no room for and a print has, as elements
  constructor({name, noun, columns, open, paper}) {
    this.columns = columns;
    this.name = name;
    this.noun = noun;
    this.open = open;
    this.paper = paper;
    this.sorted = null;
    this.all = this.rows = [];
    this.active = 0;
    this.body = make('tbody');
    [this.above, this.below] = [0, 1].map(() => make('tr', {class: 'gap', 'aria-hidden': 'true'}, make('td')));
    this.heads = columns.map((column, index) => make('th', {scope: 'col', class: this.classes(column)},
      make('button', {class: 'sort', type: 'button', onclick: () => this.sortBy(index)}, column.label)));
    this.table = make('table', {}, make('caption', {class: 'unseen'}, name), make('thead', {}, make('tr', {'aria-rowindex': 1}, ...this.heads)), this.body);
    this.scroller = make('div', {class: 'scroller', tabindex: 0, role: 'region', 'aria-label': `${name}, scrolls`}, this.table);
    this.empty = make('p', {class: 'none', hidden: true}, `No ${noun} fits these filters.`);
    this.scroller.append(this.empty);
    this.hits = make('span', {role: 'status'});
    this.line = make('p', {class: 'hits'}, this.hits);
    this.notice = make('p', {class: 'paper notice', hidden: true});
    this.say = laterOnce(() => { this.hits.textContent = this.summary(); }, 200);
    this.listen();
  }

  classes(column) {
    return [column.style, column.optional ? 'optional' : ''].filter(Boolean).join(' ') || null;
  }

  listen() {
    let waiting = false;
    const soon = () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; this.render(); });
    };
    this.scroller.addEventListener('scroll', soon, {passive: true});
    addEventListener('resize', soon);
    this.scroller.addEventListener('keydown', (event) => this.key(event));
    this.body.addEventListener('click', (event) => {
      const row = event.target.closest('tr[data-row]');
      if (row) this.choose(Number(row.dataset.row));
    });
    addEventListener('beforeprint', () => this.print(true));
    addEventListener('afterprint', () => this.print(false));
  }

  choose(index) {
    this.active = index;
    this.render(true);
    this.open(this.rows, index, () => this.focus(this.active));
  }

  // Go to a row, also where the filters have left it out.
  visit(row, filters) {
    if (!this.rows.includes(row)) filters.reset();
    this.scroller.scrollIntoView({block: 'center'});
    this.focus(this.rows.indexOf(row));
    this.choose(this.active);
  }

  load(rows) {
    this.all = rows;
    this.filter(() => true);
    this.hits.textContent = this.summary();
  }

  filter(fits) {
    this.fits = fits;
    this.rows = this.all.filter(fits);
    this.arrange();
    this.say();
  }

  summary() {
    const total = count(this.all.length, this.noun);
    return this.rows.length === this.all.length ? total : `${this.rows.length.toLocaleString('en')} of ${total}`;
  }

  sortBy(index) {
    const first = this.columns[index].first || 1;
    const {column, direction} = this.sorted || {};
    this.sorted = {column: index, direction: column === index ? -direction : first};
    this.arrange();
  }

  arrange() {
    if (this.sorted) {
      const {column, direction} = this.sorted;
      const value = this.columns[column].value;
      // Equal ones stay in the report's order, the worst first.
      this.rows.sort((one, other) => compare(value(one), value(other), direction) || one.index - other.index);
    }
    this.heads.forEach((head, index) => {
      const mine = this.sorted && this.sorted.column === index;
      if (mine) head.setAttribute('aria-sort', this.sorted.direction > 0 ? 'ascending' : 'descending');
      else head.removeAttribute('aria-sort');
    });
    this.table.setAttribute('aria-rowcount', this.rows.length + 1);
    this.empty.hidden = this.rows.length > 0;
    this.active = 0;
    this.scroller.scrollTop = 0;
    this.render(true);
  }

  range() {
    if (this.printing) return [0, Math.min(PRINTED, this.rows.length)];
    const height = this.scroller.clientHeight || 600;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - SPARE);
    return [first, Math.min(this.rows.length, first + Math.ceil(height / ROW) + 2 * SPARE)];
  }

  render(anew = false) {
    const [first, last] = this.range();
    if (!anew && this.first === first && this.last === last) return;
    [this.first, this.last] = [first, last];
    const focused = this.body.contains(document.activeElement);
    const top = this.scroller.scrollTop;
    if (anew) this.drawAll(first, last);
    else this.drawNew(first, last);
    this.above.style.height = `${first * ROW}px`;
    this.below.style.height = `${this.printing ? 0 : (this.rows.length - last) * ROW}px`;
    // Chromium lays out an empty table when the focused row goes, and scrolls back to its start.
    if (anew) this.scroller.scrollTop = top;
    // The row that had the focus may be out of sight now: the keys go on working from the table.
    if (focused && !this.body.contains(document.activeElement)) (this.buttonOf(this.active) || this.scroller).focus({preventScroll: true});
  }

  drawAll(first, last) {
    this.drawn = new Map();
    const rows = [];
    for (let index = first; index < last; index += 1) {
      this.drawn.set(index, this.row(index));
      rows.push(this.drawn.get(index));
      if (this.printing) rows.push(make('tr', {class: 'more-on-paper'}, make('td', {colspan: this.columns.length}, ...this.paper(this.rows[index]))));
    }
    this.body.replaceChildren(this.above, ...rows, this.below);
  }

  // Rows that stay in sight stay as they are: to scroll by a row makes one row.
  drawNew(first, last) {
    for (const [index, row] of this.drawn) {
      if (index >= first && index < last) continue;
      row.remove();
      this.drawn.delete(index);
    }
    let before = this.above;
    for (let index = first; index < last; index += 1) {
      if (!this.drawn.has(index)) {
        this.drawn.set(index, this.row(index));
        before.after(this.drawn.get(index));
      }
      before = this.drawn.get(index);
    }
  }

  row(index) {
    const row = make('tr', {'aria-rowindex': index + 2, 'data-row': index});
    this.columns.forEach((column, place) => {
      const cell = make(place ? 'td' : 'th', {class: this.classes(column), scope: place ? null : 'row'});
      if (place) column.fill(this.rows[index], cell);
      else cell.append(make('button', {class: 'link', type: 'button', tabindex: index === this.active ? 0 : -1}, column.value(this.rows[index])));
      cell.title = cell.textContent;
      row.append(cell);
    });
    return row;
  }

  buttonOf(index) {
    return this.body.querySelector(`tr[data-row="${index}"] button`);
  }

  key(event) {
    if (event.target.closest('thead') || event.ctrlKey || event.altKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW) - 2);
    const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity};
    if (!(event.key in steps) || !this.rows.length) return;
    event.preventDefault();
    const start = event.target === this.scroller && event.key === 'ArrowDown' && !this.buttonOf(this.active) ? this.active - 1 : this.active;
    const onTable = event.target === this.scroller && Math.abs(steps[event.key]) === 1;
    this.focus(onTable ? start : start + steps[event.key]);
  }

  focus(wanted) {
    this.active = Math.max(0, Math.min(this.rows.length - 1, wanted));
    const head = this.heads[0].offsetHeight;
    const [top, height] = [this.active * ROW, this.scroller.clientHeight - head];
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW > this.scroller.scrollTop + height) this.scroller.scrollTop = top + ROW - height;
    this.render(true);
    const button = this.buttonOf(this.active);
    if (button) button.focus({preventScroll: true});
  }

  print(printing) {
    this.printing = printing;
    const left = this.rows.length - PRINTED;
    this.notice.hidden = !printing || left <= 0;
    this.notice.textContent = `Printed are the first ${count(PRINTED, this.noun)} of ${this.rows.length.toLocaleString('en')}; report.json has all of them.`;
    this.render(true);
  }
}

// A search box and what else narrows the rows; ``read`` turns their state into a test of one row.
class Filters {
  constructor(table, fields) {
    this.fields = fields;
    this.element = make('form', {class: 'filters', role: 'search', 'aria-label': table.name, onsubmit: (event) => event.preventDefault()},
      ...fields.map((field) => field.element));
    this.all = make('button', {class: 'link', type: 'button', hidden: true, onclick: () => this.reset()}, 'Show all');
    table.line.append(' ', this.all);
    this.apply = () => {
      const tests = fields.map((field) => field.test()).filter(Boolean);
      this.all.hidden = !tests.length;
      table.filter((row) => tests.every((test) => test(row)));
    };
    const typed = laterOnce(this.apply, 80);
    this.element.addEventListener('input', (event) => (event.target.type === 'search' ? typed() : this.apply()));
    // Not for the search box: it changes as the reader leaves it, perhaps with a click on a row that would be gone then.
    this.element.addEventListener('change', (event) => { if (event.target.matches('select')) this.apply(); });
  }

  reset() {
    for (const field of this.fields) field.reset();
    // The button is about to go, and with it the focus.
    if (document.activeElement === this.all) this.element.querySelector('input').focus();
    this.apply();
  }
}

function searchField(label, textOf) {
  const input = make('input', {type: 'search', autocomplete: 'off', spellcheck: 'false'});
  return {
    element: make('label', {class: 'field'}, label, input),
    reset: () => { input.value = ''; },
    test: () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      return words.length ? (row) => words.every((one) => textOf(row).includes(one)) : null;
    },
  };
}

function chooseField(label, any, options, fits) {
  const select = make('select', {}, make('option', {value: ''}, any), ...options.map(([value, text]) => make('option', {value}, text)));
  return {
    element: make('label', {class: 'field'}, label, select),
    reset: () => { select.value = ''; },
    set: (value) => { select.value = value; },
    test: () => (select.value ? (row) => fits(row, select.value) : null),
  };
}

function tickField(label, options, valueOf) {
  const boxes = options.map(([value, text, kind]) => {
    const box = make('input', {type: 'checkbox', value});
    return {box, element: make('label', {class: 'chip'}, box, make('span', {class: `word ${kind}`}, text))};
  });
  return {
    element: make('fieldset', {}, make('legend', {}, label), ...boxes.map((one) => one.element)),
    reset: () => boxes.forEach((one) => { one.box.checked = false; }),
    set: (value) => boxes.forEach((one) => { one.box.checked = one.box.value === value; }),
    test: () => {
      const ticked = new Set(boxes.filter((one) => one.box.checked).map((one) => one.box.value));
      return ticked.size ? (row) => ticked.has(valueOf(row)) : null;
    },
  };
}
