// Clocks drawn: the offset of every host with its bound, and how one clock went over time.
// However many hosts there are, a plot is a handful of paths.

const STEP = 30; // seconds of a TOTP step
const LINEAR = 1e-4; // seconds around zero that are drawn to scale; beyond, each power of ten takes the same room
const FARTHEST = 1e12; // seconds
const NAMED = 24; // hosts that get a line and a name each
const TICKS = [[1e-3, '1 ms'], [1, '1 s'], [60, '1 min'], [3600, '1 h'], [86400, '1 d'], [31536000, '1 y']];

// bound_s counts from true time: what it exceeds the offset by is what is not known of the offset.
const spread = (offset, bound) => (known(bound) ? Math.max(0, bound - Math.abs(offset)) : 0);

// A host may send any number: what is beyond all sense is drawn at the edge, and keeps the others in the picture.
const squash = (value) => Math.sign(value) * Math.log10(1 + Math.min(Math.abs(value), FARTHEST) / LINEAR);

// The share of codes taken at first try by a validator that allows one past step: as facts.totp, for any offset.
function accepted(offset) {
  const ahead = offset / STEP;
  return Math.min(1, Math.max(0, 1 - Math.abs(ahead)) + Math.max(0, 1 - Math.abs(ahead + 1)));
}

function scale(low, high, start, end) {
  const [first, last] = [squash(low), squash(high)];
  return (value) => start + ((squash(value) - first) / (last - first)) * (end - start);
}

class DriftPlot {
  constructor(root, hosts, open) {
    this.root = root;
    this.open = open;
    this.hosts = hosts.filter((host) => host.offset !== null && host.verdict !== 'unknown')
      .sort((one, other) => one.offset - other.offset);
    this.tip = make('div', {class: 'tip', hidden: true});
    if (!this.hosts.length) {
      root.append(make('p', {class: 'none'}, 'The offset of no host is known, so there is nothing to draw.'));
      return;
    }
    new ResizeObserver(laterOnce(() => this.draw(), 60)).observe(root);
    this.draw();
    root.addEventListener('pointermove', (event) => this.point(event));
    root.addEventListener('pointerleave', () => this.unpoint());
    root.addEventListener('click', (event) => {
      const index = this.nearest(event);
      if (index !== null) this.open(this.hosts, index);
    });
  }

  draw() {
    const width = Math.max(280, this.root.clientWidth - 26);
    if (width === this.width) return;
    this.width = width;
    this.named = this.hosts.length <= NAMED;
    const left = this.named ? Math.min(190, width * 0.3) : 8;
    this.area = {left, right: width - 10, top: 26, bottom: this.named ? 34 + this.hosts.length * 26 : 420};
    const reach = (sign) => this.hosts.reduce((far, host) => Math.max(far, sign * host.offset + spread(host.offset, host.bound)), 90);
    this.x = scale(-reach(-1) * 1.3, reach(1) * 1.3, left, this.area.right);
    const room = (this.area.bottom - this.area.top - 8) / this.hosts.length;
    this.y = (index) => this.area.top + 4 + room * (index + 0.5);
    const svg = draw('svg', {viewBox: `0 0 ${width} ${this.area.bottom + 28}`, role: 'img', 'aria-label': this.told()});
    svg.append(this.window(), ...this.axis(), ...this.marks());
    if (this.named) svg.append(...this.names());
    this.ring = draw('circle', {class: 'ring', r: 7, visibility: 'hidden'});
    svg.append(this.ring);
    this.root.replaceChildren(svg, this.tip);
  }

  told() {
    const [slow, fast] = [this.hosts[0], this.hosts[this.hosts.length - 1]];
    return `Offsets of ${count(this.hosts.length, 'host')}, from ${seconds(slow.offset, true)} (${slow.name}) to `
      + `${seconds(fast.offset, true)} (${fast.name}). The table of hosts has each of them.`;
  }

  window() {
    const {left, right, top, bottom} = this.area;
    const points = [];
    for (const edge of [-2 * STEP, -STEP, 0, STEP]) points.push([this.x(edge), accepted(edge)]);
    for (let at = -2 * STEP; at <= STEP; at += 1) points.push([this.x(at), accepted(at)]);
    points.sort((one, other) => one[0] - other[0]);
    const inside = points.filter(([at]) => at >= left && at <= right);
    const path = inside.map(([at, share]) => `L${at.toFixed(1)} ${(bottom - share * (bottom - top)).toFixed(1)}`).join('');
    return draw('path', {class: 'window', d: `M${inside[0][0].toFixed(1)} ${bottom}${path}V${bottom}Z`});
  }

  axis() {
    const {left, right, top, bottom} = this.area;
    const parts = [];
    let taken = [];
    const label = (at, text, height) => {
      if (at < left || at > right || taken.some((other) => Math.abs(other - at) < 46)) return;
      taken.push(at);
      parts.push(draw('text', {x: at, y: height, 'text-anchor': at > right - 20 ? 'end' : 'middle'}, text));
    };
    const line = (at, kind) => {
      if (at >= left && at <= right) parts.push(draw('path', {class: kind, d: `M${at.toFixed(1)} ${top}V${bottom}`}));
    };
    line(this.x(0), 'zero');
    label(this.x(0), '0', bottom + 18);
    for (const sign of [1, -1]) {
      for (const [size, text] of [...TICKS].reverse()) {
        line(this.x(sign * size), 'axis');
        label(this.x(sign * size), `${sign < 0 ? '\u2212' : '+'}${text}`, bottom + 18);
      }
    }
    parts.push(draw('text', {x: this.x(-STEP) + 8, y: bottom - 10}, 'TOTP window'));
    taken = [];
    for (const edge of [STEP, -STEP, -2 * STEP]) {
      line(this.x(edge), 'step');
      label(this.x(edge), seconds(edge, true).replace('.0', ''), top - 8);
    }
    return parts;
  }

  marks() {
    const parts = [];
    const size = this.named ? 9 : this.hosts.length > 1000 ? 4 : 6;
    for (const verdict of ['compliant', 'noncompliant']) {
      let [dots, bounds] = ['', ''];
      this.hosts.forEach((host, index) => {
        if (host.verdict !== verdict) return;
        const y = this.y(index).toFixed(1);
        dots += `M${this.x(host.offset).toFixed(1)} ${y}h0`;
        const half = spread(host.offset, host.bound);
        if (half) bounds += `M${this.x(host.offset - half).toFixed(1)} ${y}H${this.x(host.offset + half).toFixed(1)}`;
      });
      const color = `stroke-${verdict}`;
      parts.push(draw('path', {class: `bounds ${color}${this.named ? '' : ' many'}`, d: bounds}), draw('path', {class: `dots ${color}`, d: dots, 'stroke-width': size}));
    }
    return parts;
  }

  names() {
    const most = Math.floor((this.area.left - 12) / 7);
    return this.hosts.map((host, index) => {
      const text = host.name.length > most ? `${host.name.slice(0, most - 1)}\u2026` : host.name;
      return draw('text', {class: 'name', x: 0, y: this.y(index) + 4}, text);
    });
  }

  nearest(event) {
    const svg = this.root.querySelector('svg');
    if (!svg) return null;
    const box = svg.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((value) => (value * this.width) / box.width);
    if (y < this.area.top || y > this.area.bottom) return null;
    const reach = this.named ? 0 : Math.ceil(this.hosts.length / 60);
    const middle = Math.round(((y - this.area.top - 4) / (this.area.bottom - this.area.top - 8)) * this.hosts.length - 0.5);
    const far = (index) => (this.x(this.hosts[index].offset) - x) ** 2 + (this.y(index) - y) ** 2;
    let best = null;
    for (let index = Math.max(0, middle - reach); index <= Math.min(this.hosts.length - 1, middle + reach); index += 1) {
      if (best === null || far(index) < far(best)) best = index;
    }
    return best;
  }

  point(event) {
    const index = this.nearest(event);
    if (index === null) return this.unpoint();
    const host = this.hosts[index];
    const [x, y] = [this.x(host.offset), this.y(index)];
    this.ring.setAttribute('cx', x);
    this.ring.setAttribute('cy', y);
    this.ring.setAttribute('visibility', 'visible');
    this.root.style.cursor = 'pointer';
    this.tip.textContent = visible(`${host.name}: ${seconds(host.offset, true)}, ${host.bound === null ? 'bound unknown' : `at most ${seconds(host.bound)} off`}`);
    this.tip.hidden = false;
    this.tip.style.left = `${Math.max(4, Math.min(x + 14, this.width - this.tip.offsetWidth))}px`;
    this.tip.style.top = `${y + 18}px`;
    return undefined;
  }

  unpoint() {
    this.tip.hidden = true;
    this.root.style.cursor = '';
    if (this.ring) this.ring.setAttribute('visibility', 'hidden');
  }
}

// One clock over time: [[seconds since 1970, offset, bound], ...]; where the offset is not known the curve has a gap.
function historyPlot(points, {width, height, name}) {
  const svg = draw('svg', {viewBox: `0 0 ${width} ${height + 22}`, role: 'img', 'aria-label': historyTold(points, name)});
  const reach = points.reduce((far, [, offset, bound]) => Math.max(far, Math.abs(offset || 0) + spread(offset || 0, bound)), 1e-3);
  const y = scale(-reach, reach, height - 2, 2);
  const [start, end] = [points[0][0], points[points.length - 1][0]];
  const x = (at) => 4 + ((at - start) / Math.max(1, end - start)) * (width - 8);
  svg.append(draw('path', {class: 'zero', d: `M4 ${y(0)}H${width - 4}`}));
  for (const edge of [STEP, -STEP, -2 * STEP].filter((one) => Math.abs(one) < reach)) svg.append(draw('path', {class: 'step', d: `M4 ${y(edge)}H${width - 4}`}));
  let [curve, pen] = ['', 'M'];
  const above = [];
  const below = [];
  for (const [at, offset, bound] of points) {
    if (offset === null) {
      pen = 'M';
      continue;
    }
    curve += `${pen}${x(at).toFixed(1)} ${y(offset).toFixed(1)}${pen === 'M' ? 'h.01' : ''}`;
    pen = 'L';
    above.push(`${x(at).toFixed(1)} ${y(offset + spread(offset, bound)).toFixed(1)}`);
    below.unshift(`${x(at).toFixed(1)} ${y(offset - spread(offset, bound)).toFixed(1)}`);
  }
  if (above.length) svg.append(draw('path', {class: 'band', d: `M${above.concat(below).join('L')}Z`}));
  svg.append(draw('path', {class: 'curve', d: curve}));
  if (height > 100) {
    for (const [edge, at] of [[reach, 14], [-reach, height - 4]]) svg.append(draw('text', {x: width - 4, y: at, 'text-anchor': 'end'}, seconds(edge, true)));
  }
  svg.append(draw('text', {x: 4, y: height + 16}, moment(start)), draw('text', {x: width - 4, y: height + 16, 'text-anchor': 'end'}, moment(end)));
  return svg;
}

const moment = (at) => new Date(at * 1000).toISOString().slice(0, 16).replace('T', ' ');

function historyTold(points, name) {
  const offsets = points.map((point) => point[1]).filter(known);
  const range = offsets.length ? `from ${seconds(offsets.reduce((one, other) => Math.min(one, other)), true)} to ${seconds(offsets.reduce((one, other) => Math.max(one, other)), true)}` : 'offset never known';
  return `${name}: ${count(points.length, 'check')} between ${moment(points[0][0])} and ${moment(points[points.length - 1][0])} UTC, ${range}`;
}
