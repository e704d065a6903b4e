'use strict';
// A canvas with axes that can be moved, zoomed and read off by mouse, touch and keys. What is drawn in it is the caller's.
function niceStep(span, count) {
  const raw = span / Math.max(count, 1), size = 10 ** Math.floor(Math.log10(raw));
  return size * ([1, 2, 5, 10].find((m) => m * size >= raw) || 10);
}
function numberTicks(low, high, count) {
  const step = niceStep(high - low || 1, count), out = [], digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) out.push([k * step, tickText(k * step, digits)]);
  return out;
}
function tickText(v, digits) {
  const size = Math.abs(v);
  if (v === 0) return '0';
  return size >= 1e5 || size < 1e-3 ? v.toExponential(1).replace('e', 'e') : v.toFixed(Math.min(digits, 6));
}
function logTicks(low, high) {
  const out = [], a = Math.floor(Math.log10(low)), b = Math.ceil(Math.log10(high)), many = b - a > 3;
  for (let k = a; k <= b; k++) for (const m of many ? [1] : [1, 2, 5]) {
    const v = m * 10 ** k;
    if (v >= low && v <= high) out.push([v, tickText(v, Math.max(0, -k))]);
  }
  return out;
}
const MJD_EPOCH = Date.UTC(1858, 10, 17), DAY = 86400000;
const dateOf = (mjd) => new Date(MJD_EPOCH + mjd * DAY);
const mjdOf = (date) => (date.getTime() - MJD_EPOCH) / DAY;
function dateTicks(low, high, count) {
  const span = (high - low) / Math.max(count, 1), out = [], iso = (m) => dateOf(m).toISOString();
  if (span < 20) {
    const step = [1 / 24, 2 / 24, 3 / 24, 6 / 24, 0.5, 1, 2, 5, 10, 20].find((s) => s >= span) || 20;
    for (let k = Math.ceil(low / step); k * step <= high; k++) {
      const text = iso(k * step + 1e-7);
      const isDate = step >= 1 || !out.length || text.slice(11, 16) === '00:00';
      out.push([k * step, isDate ? text.slice(0, 10) : text.slice(11, 16)]);
    }
    return out;
  }
  const months = [1, 2, 3, 6, 12, 24, 60, 120].find((m) => m * 30.4 >= span) || 240, start = dateOf(low);
  for (let k = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months; ; k += months) {
    const at = mjdOf(new Date(Date.UTC(Math.floor(k / 12), k % 12, 1)));
    if (at > high) return out;
    if (at >= low) out.push([at, months < 12 ? iso(at).slice(0, 7) : iso(at).slice(0, 4)]);
  }
}
class Plot {
  // options: all() -> [x0, x1]; yRange(plot) -> [y0, y1]; paint(plot, context); read(plot); xTicks, xLabel(), yLabel(), isLog()
  constructor(canvas, options) {
    Object.assign(this, { canvas, options, context: canvas.getContext('2d'), cursor: null, pointers: new Map() });
    this.view = options.all();
    canvas.addEventListener('wheel', (e) => { e.preventDefault(); this.zoom(Math.exp(e.deltaY * 0.0015), this.xAt(e)); }, { passive: false });
    canvas.addEventListener('dblclick', () => this.reset());
    canvas.addEventListener('keydown', (e) => this.key(e));
    canvas.addEventListener('pointerdown', (e) => { canvas.setPointerCapture(e.pointerId); this.pointers.set(e.pointerId, e.offsetX); this.point(e); });
    canvas.addEventListener('pointermove', (e) => this.move(e));
    for (const kind of ['pointerup', 'pointercancel']) canvas.addEventListener(kind, (e) => this.pointers.delete(e.pointerId));
    new ResizeObserver(() => this.draw()).observe(canvas);
    addEventListener('themechange', () => this.draw());
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }
  colour(name) { return this.colours.getPropertyValue(`--${name}`).trim(); }
  xAt(e) { return this.view[0] + ((e.offsetX - this.area.left) / this.area.width) * (this.view[1] - this.view[0]); }
  px(x) { return this.area.left + ((x - this.view[0]) / (this.view[1] - this.view[0])) * this.area.width; }
  py(y) {
    const [low, high] = this.y;
    const part = this.isLog ? Math.log(Math.max(y, low * 0.5) / low) / Math.log(high / low) : (y - low) / (high - low);
    return this.area.top + this.area.height * (1 - part);
  }
  show(a, b) {
    const all = this.options.all(), room = 0.02 * (all[1] - all[0]), least = (this.options.least || 1e-4) * (all[1] - all[0]);
    let width = Math.min(Math.max(b - a, least), all[1] - all[0] + 2 * room), left = 0.5 * (a + b) - 0.5 * width;
    left = Math.min(Math.max(left, all[0] - room), all[1] + room - width);
    this.view = [left, left + width];
    if (this.options.onView) this.options.onView(this.view);
    this.draw();
  }
  reset() { this.show(...this.options.all()); }
  zoom(factor, at) { const [a, b] = this.view, x = at ?? this.cursor ?? 0.5 * (a + b); this.show(x - (x - a) * factor, x + (b - x) * factor); }
  pan(part) { const [a, b] = this.view; this.show(a + part * (b - a), b + part * (b - a)); }
  point(e) { this.cursor = this.xAt(e); this.cursorY = e.offsetY; this.options.read(this); this.draw(); }
  move(e) {
    if (!this.pointers.has(e.pointerId)) { this.point(e); return; }
    const before = [...this.pointers.values()], old = this.pointers.get(e.pointerId);
    this.pointers.set(e.pointerId, e.offsetX);
    const now = [...this.pointers.values()], scale = (this.view[1] - this.view[0]) / this.area.width;
    if (now.length === 1) this.show(this.view[0] - (e.offsetX - old) * scale, this.view[1] - (e.offsetX - old) * scale);
    else if (now.length === 2 && Math.abs(now[0] - now[1]) > 10) {
      const middle = this.view[0] + (0.5 * (before[0] + before[1]) - this.area.left) * scale;
      this.zoom(Math.abs(before[0] - before[1]) / Math.abs(now[0] - now[1]), middle);
    }
  }
  key(e) {
    const steps = { ArrowLeft: -1, ArrowRight: 1 };
    if (e.key in steps && e.shiftKey) this.pan(0.2 * steps[e.key]);
    else if (e.key in steps) this.step(steps[e.key]);
    else if (e.key === '+' || e.key === '=') this.zoom(0.6);
    else if (e.key === '-' || e.key === '_') this.zoom(1 / 0.6);
    else if (e.key === '0' || e.key === 'Home') this.reset();
    else if (e.key === 'Enter' && this.options.open) this.options.open(this);
    else return;
    e.preventDefault();
  }
  step(direction) {
    const [a, b] = this.view, x = this.cursor === null || this.cursor < a || this.cursor > b ? 0.5 * (a + b) : this.cursor;
    this.cursorY = undefined;
    this.cursor = this.options.next ? this.options.next(this, x, direction) : x + (direction * (b - a)) / 200;
    if (this.cursor < a || this.cursor > b) this.pan(0.3 * direction); else this.draw();
    this.options.read(this);
  }
  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.paint(); });
  }
  paint() {
    const box = this.canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1, c = this.context;
    if (!box.width) return;
    const size = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) [this.canvas.width, this.canvas.height] = size;
    this.colours = getComputedStyle(document.documentElement);
    const small = box.width < 560;
    this.area = { left: small ? 50 : 66, top: 16, width: box.width - (small ? 60 : 80), height: box.height - 56 };
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    c.clearRect(0, 0, box.width, box.height);
    c.font = `${small ? 11 : 12}px system-ui, "DejaVu Sans", sans-serif`;
    this.isLog = Boolean(this.options.isLog && this.options.isLog());
    this.y = this.options.yRange(this);
    this.axes(c, small);
    c.save();
    c.beginPath();
    c.rect(this.area.left, this.area.top, this.area.width, this.area.height);
    c.clip();
    this.options.paint(this, c);
    if (this.cursor !== null && this.options.cursorLine !== false) {
      c.strokeStyle = this.colour('soft');
      c.setLineDash([3, 3]);
      this.line(c, this.px(this.cursor), this.area.top, this.px(this.cursor), this.area.top + this.area.height);
      c.setLineDash([]);
    }
    c.restore();
    c.strokeStyle = this.colour('soft');
    c.lineWidth = 1;
    c.strokeRect(this.area.left, this.area.top, this.area.width, this.area.height);
  }
  line(c, x0, y0, x1, y1) { c.beginPath(); c.moveTo(x0, y0); c.lineTo(x1, y1); c.stroke(); }
  axes(c, small) {
    const { left, top, width, height } = this.area, o = this.options;
    c.lineWidth = 1;
    c.strokeStyle = this.colour('grid');
    c.fillStyle = this.colour('soft');
    c.textAlign = 'center';
    c.textBaseline = 'top';
    for (const [x, text] of (o.xTicks || numberTicks)(...this.view, Math.max(2, Math.floor(width / 95)))) {
      this.line(c, this.px(x), top, this.px(x), top + height);
      c.fillText(text, this.px(x), top + height + 5);
    }
    c.textAlign = 'right';
    c.textBaseline = 'middle';
    for (const [y, text] of this.isLog ? logTicks(...this.y) : numberTicks(...this.y, Math.max(2, Math.floor(height / 55)))) {
      const at = this.py(y);
      if (at < top - 1 || at > top + height + 1) continue;
      this.line(c, left, at, left + width, at);
      c.fillText(text, left - 6, at);
    }
    c.textBaseline = 'bottom';
    c.textAlign = 'right';
    c.fillText(o.xLabel(), left + width, top + height + 38);
    c.textAlign = 'left';
    c.fillText(o.yLabel(), small ? 4 : 6, 13);
  }
}
function element(name, attributes = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) e.addEventListener(key.slice(2), value);
    else if (key in e && key !== 'list') e[key] = value;
    else e.setAttribute(key, value);
  }
  e.append(...children);
  return e;
}
function zoomButtons(plot) {
  const button = (text, label, action) => element('button', { type: 'button', ariaLabel: label, title: label, textContent: text, onclick: action });
  return element('span', { className: 'set' }, button('◀', 'to the left', () => plot.pan(-0.3)), button('−', 'zoom out', () => plot.zoom(1.7)),
    button('all', 'show all', () => plot.reset()), button('+', 'zoom in', () => plot.zoom(0.6)), button('▶', 'to the right', () => plot.pan(0.3)));
}
function quantile(sorted, q) { return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))]; }
