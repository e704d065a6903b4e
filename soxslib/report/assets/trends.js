'use strict';
(() => {
  const canvas = document.getElementById('trend');
  const data = JSON.parse(document.getElementById('data').textContent);
  const AXES = { time: ['date (UT)', 2], rotator: ['rotator angle [°]', 3], detector: ['detector temperature [K]', 4], bench: ['common path temperature [°C]', 5] };
  const CYCLE = ['#0072B2'];
  const loaded = {}, state = { step: '', arm: '', metric: '', order: '', axis: 'time', log: false };
  let points = [], legend = [], plot = null, nearest = null;

  window.trendData = (step, table) => { loaded[step] = table; if (step === state.step) fillArms(); };
  function load(step) {
    state.step = step;
    if (loaded[step]) { fillArms(); return; }
    document.head.append(element('script', { src: `${data.folder}/${step}.js` }));
  }
  const select = (id, label, action) => element('select', { id, ariaLabel: label, onchange: (e) => action(e.target.value) });
  const fill = (box, rows, value) => {
    box.replaceChildren(...rows.map(([v, text]) => element('option', { value: v, textContent: text })));
    if (rows.some(([v]) => v === value)) box.value = value;
    return box.value;
  };
  const boxes = {
    step: select('step', 'step', load), arm: select('arm', 'arm', (v) => { state.arm = v; fillMetrics(); }),
    metric: select('metric', 'metric', (v) => { state.metric = v; fillOrders(); }), order: select('order', 'order', (v) => { state.order = v; update(); }),
    axis: select('axis', 'against', (v) => { state.axis = v; update(); }),
  };
  const dates = ['from', 'to'].map((id) => element('input', { type: 'date', id, ariaLabel: id, onchange: () => showDates() }));
  const table = () => loaded[state.step][state.arm];
  function fillArms() { state.arm = fill(boxes.arm, Object.keys(loaded[state.step]).sort().reverse().map((a) => [a, a]), state.arm); fillMetrics(); }
  function fillMetrics() { 
    const names = Object.keys(table().metrics).sort(), first = names.find((m) => table().metrics[m].limits.whole[0] && !m.includes('TEMP'));
    state.metric = fill(boxes.metric, names.map((m) => [m, m]), names.includes(state.metric) ? state.metric : first);
    fillOrders();
  }
  function fillOrders() {
    const orders = Object.keys(table().metrics[state.metric].values), each = orders.filter(Boolean);
    const rows = [...(orders.includes('') ? [['', 'whole product']] : []), ...(each.length ? [['*', 'all orders']] : []), ...each.map((o) => [o, `order ${((data.orders[state.arm] || []).find((s) => s[0] === o) || [o, o])[1]}`])];
    state.order = fill(boxes.order, rows, state.order);
    update();
  }
  function limits() { const l = table().metrics[state.metric].limits; return state.order === '' ? l.whole : l.each; }
  const beyond = (v, range) => range && ((range[0] !== null && v < range[0]) || (range[1] !== null && v > range[1]));
  const known = (ranked, values) => [...new Set([...ranked, ...Object.keys(values)])].filter((o) => o && o in values);
  function update() {
    const metric = table().metrics[state.metric], tasks = table().tasks, column = AXES[state.axis][1], [warn, fail] = limits();
    const styles = data.orders[state.arm] || [], style = (o) => styles.find((s) => s[0] === o) || [o, o, CYCLE[0]];
    const names = state.order === '*' ? known(styles.map((s) => s[0]), metric.values) : [state.order];
    legend = state.order === '' ? [] : names.map(style);
    points = [];
    names.forEach((name) => {
      const values = metric.values[name] || [], known = values.filter((v) => v !== null).sort((a, b) => a - b), middle = quantile(known, 0.5);
      const spread = 1.4826 * quantile(known.map((v) => Math.abs(v - middle)).sort((a, b) => a - b), 0.5);
      values.forEach((v, i) => {
        const x = tasks[i][column];
        if (v === null || x === null || x === undefined) return;
        const level = beyond(v, fail) ? 'fail' : beyond(v, warn) ? 'warn' : known.length >= 5 && spread > 0 && Math.abs(v - middle) > 5 * spread ? 'odd' : '';
        points.push({ x, v, level, task: tasks[i], order: name, colour: style(name)[2] });
      });
    });
    points.sort((p, q) => p.x - q.x);
    nearest = null;
    dates.forEach((d) => { d.disabled = state.axis !== 'time'; });
    if (!plot) start();
    plot.options.xTicks = state.axis === 'time' ? dateTicks : undefined;
    plot.cursor = null;
    plot.reset();
    const odd = points.filter((p) => p.level).length;
    document.getElementById('readout').textContent = points.length ? `${points.length} value${points.length === 1 ? "" : "s"}, ${odd} marked. ${metric.meaning}` : 'No values against this axis.';
  }
  function all() {
    if (!points.length) return [0, 1];
    const a = points[0].x, b = points[points.length - 1].x, room = 0.03 * (b - a) || (state.axis === 'time' ? 0.25 : 1);
    return [a - room, b + room];
  }
  function yRange(p) {
    const seen = points.filter((q) => q.x >= p.view[0] && q.x <= p.view[1]).map((q) => q.v);
    if (!seen.length) return state.log ? [1, 10] : [0, 1];
    let low = Math.min(...seen), high = Math.max(...seen);
    if (state.log) { const floor = Math.min(...seen.filter((v) => v > 0), high > 0 ? high : 1); return [floor * 0.7, Math.max(high, floor * 1.1) * 1.4]; }
    const span = high - low || Math.abs(high) * 0.1 || 1;
    for (const range of limits()) for (const v of range || []) if (v !== null && v > low - 0.8 * span && v < high + 0.8 * span) { low = Math.min(low, v); high = Math.max(high, v); }
    const room = 0.09 * (high - low || span);
    return [low - room, high + room];
  }
  function paint(p, c) {
    const [warn, fail] = limits();
    for (const [range, name, dash] of [[warn, 'warn', [6, 4]], [fail, 'fail', [2, 3]]]) for (const v of range || []) {
      if (v === null || v < p.y[0] || v > p.y[1] || (p.isLog && v <= 0)) continue;
      c.strokeStyle = c.fillStyle = p.colour(name);
      c.setLineDash(dash);
      p.line(c, p.area.left, p.py(v), p.area.left + p.area.width, p.py(v));
      c.setLineDash([]);
      const right = name === 'fail';  // both may lie on one line
      c.textAlign = right ? 'right' : 'left';
      c.textBaseline = 'bottom';
      c.fillText(`${name} ${v}`, right ? p.area.left + p.area.width - 4 : p.area.left + 4, p.py(v) - 2);
    }
    paintLegend(p, c);
    for (const q of points) {
      const x = p.px(q.x), y = p.py(q.v);
      c.fillStyle = q.colour;
      c.beginPath();
      c.arc(x, y, points.length > 800 ? 2 : 3.5, 0, 2 * Math.PI);
      c.fill();
      if (q.level || q === nearest) {
        c.strokeStyle = q === nearest ? p.colour('ink') : p.colour(q.level === 'odd' ? 'soft' : q.level);
        c.lineWidth = q === nearest ? 2.5 : 1.6;
        c.beginPath();
        c.arc(x, y, 7, 0, 2 * Math.PI);
        c.stroke();
        c.lineWidth = 1;
      }
    }
  }
  function paintLegend(p, c) {
    let x = p.area.left + 8;
    c.textAlign = 'left';
    c.textBaseline = 'top';
    for (const [, name, colour] of legend) {
      c.fillStyle = colour;
      c.fillRect(x, p.area.top + 8, 8, 8);
      c.fillStyle = p.colour('soft');
      c.fillText(name, x + 11, p.area.top + 6);
      x += 20 + c.measureText(name).width;
    }
  }
  function tell() {
    const out = document.getElementById('readout'), metric = table().metrics[state.metric];
    if (!nearest) return;
    const level = { fail: ' · fails', warn: ' · warns', odd: ' · unlike the others' }[nearest.level] || '';
    const when = dateOf(nearest.task[2]).toISOString().slice(0, 16).replace('T', ' ');
    const other = state.axis === 'time' ? '' : ` · ${AXES[state.axis][0]} ${nearest.x}`;
    out.replaceChildren(`${when}${other} · ${state.metric} ${nearest.v} ${metric.unit}${nearest.order ? ` · order ${nearest.order}` : ''}${level} · `,
      element('a', { href: nearest.task[1], textContent: nearest.task[0] }));
  }
  function read(p) {
    if (!points.length) return;
    const score = (q) => Math.abs(p.px(q.x) - p.px(p.cursor)) + (p.cursorY === undefined ? 0 : Math.abs(p.py(q.v) - p.cursorY));
    if (p.cursorY !== undefined) nearest = points.reduce((best, q) => (score(q) < score(best) ? q : best), points[0]);
    tell();
  }
  function next(p, x, direction) {
    const k = nearest ? points.indexOf(nearest) + direction : 0;
    nearest = points[Math.min(points.length - 1, Math.max(0, k))] || null;
    return nearest ? nearest.x : x;
  }
  function start() {
    plot = new Plot(canvas, { all, yRange, paint, read, next, cursorLine: false, least: 1e-5, isLog: () => state.log, xLabel: () => AXES[state.axis][0],
      yLabel: () => { const m = table().metrics[state.metric]; return `${state.metric}${m.unit ? ` [${m.unit}]` : ''}`; },
      open: () => { if (nearest) location.href = nearest.task[1]; }, onView: ([a, b]) => {
        if (state.axis !== 'time') return;
        [a, b].forEach((v, i) => { dates[i].value = dateOf(v).toISOString().slice(0, 10); });
      } });
    document.getElementById('tools').append(zoomButtons(plot));
    window.soxsPlot = plot;
  }
  function showDates() {
    const [a, b] = dates.map((d) => Date.parse(`${d.value}T00:00Z`));
    if (a && b && b >= a) plot.show((a - MJD_EPOCH) / DAY, (b - MJD_EPOCH) / DAY + 1);
  }
  const steps = Object.keys(data.steps);
  document.getElementById('tools').append(boxes.step, boxes.arm, boxes.metric, boxes.order, element('label', {}, 'against', boxes.axis),
    element('label', {}, 'from', dates[0]), element('label', {}, 'to', dates[1]),
    element('label', {}, element('input', { type: 'checkbox', onchange: (e) => { state.log = e.target.checked; plot.draw(); } }), 'log'));
  fill(boxes.axis, Object.entries({ time: 'time', rotator: 'rotator angle', detector: 'detector temperature', bench: 'common path temperature' }), 'time');
  if (steps.length) load(fill(boxes.step, steps.map((s) => [s, s.replaceAll('_', ' ')]), steps.find((s) => s === 'dispersion_solution') || steps[0]));
  else document.getElementById('readout').textContent = 'Nothing has been measured yet.';
})();
