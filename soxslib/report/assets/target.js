'use strict';
(() => {
  const canvas = document.getElementById('spectrum');
  if (!canvas) return;
  const data = JSON.parse(document.getElementById('data').textContent);
  const BAD = 3, QUALITY = ['good', 'telluric', 'weak estimate', 'bad', 'no data'];
  const LINES = [['Hδ', 410.17], ['Hγ', 434.05], ['Hβ', 486.13], ['Hα', 656.28], ['Paδ', 1004.94], ['Paγ', 1093.81], ['Paβ', 1281.81], ['Paα', 1875.1],
    ['He II', 468.57], ['He I', 587.56], ['He I', 667.82], ['He I', 706.52], ['He I', 1083.03], ['[O II]', 372.74], ['[O III]', 495.89], ['[O III]', 500.68],
    ['[O I]', 630.03], ['O I', 777.4], ['O I', 844.6], ['Na I', 589.3], ['Mg II', 448.1], ['Si II', 635.5], ['S II', 564.0], ['Fe II', 516.9],
    ['Ca II', 393.37], ['Ca II', 396.85], ['Ca II', 849.8], ['Ca II', 854.21], ['Ca II', 866.21], ['[S II]', 671.64], ['[S II]', 673.08], ['[N II]', 658.35]];
  const HALF = new Float32Array(65536);
  for (let k = 0; k < 65536; k++) {
    const sign = k & 0x8000 ? -1 : 1, power = (k >> 10) & 31, part = k & 1023;
    HALF[k] = power === 31 ? (part ? NaN : sign * Infinity) : sign * (power ? 2 ** (power - 15) * (1 + part / 1024) : 2 ** -14 * (part / 1024));
  }
  const bytes = (text) => Uint8Array.from(atob(text), (ch) => ch.charCodeAt(0));
  const halves = (text) => { const b = bytes(text); return Float32Array.from(new Uint16Array(b.buffer), (v) => HALF[v]); };

  const decode = (s) => {
    if (s.values) return s.values;
    const flux = halves(s.flux), error = halves(s.error), sky = halves(s.sky), flags = bytes(s.flags);
    for (let i = 0; i < flux.length; i++) { flux[i] *= s.scale; error[i] *= s.scale; }
    return (s.values = { flux, error, sky, flags });
  };
  const kinds = ['flux', 'counts'].filter((k) => data.series.some((s) => s.kind === k));
  const state = { kind: kinds[0], smooth: 1, log: false, error: true, sky: true, lines: false, z: 0 };
  const chosen = () => data.series.filter((s) => s.kind === state.kind && !s.hidden);
  const range = (s) => [s.start, s.start + s.step * (decode(s).flux.length - 1)];
  const armColour = (plot, arm) => plot.colour(arm === 'NIR' ? 'nir' : 'vis');
  const several = () => { const arms = chosen().map((s) => s.arm); return new Set(arms).size < arms.length; };

  function smoothed(s) {
    const v = decode(s), n = v.flux.length, half = (state.smooth - 1) / 2;
    if (half === 0) return v;
    if (s.smooth && s.smooth.width === state.smooth) return s.smooth;
    const sum = new Float64Array(n + 1), square = new Float64Array(n + 1), count = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) {
      const ok = v.flags[i] < BAD && Number.isFinite(v.flux[i]) && v.error[i] > 0;
      sum[i + 1] = sum[i] + (ok ? v.flux[i] : 0);
      square[i + 1] = square[i] + (ok ? v.error[i] ** 2 : 0);
      count[i + 1] = count[i] + (ok ? 1 : 0);
    }
    const flux = new Float32Array(n).fill(NaN), error = new Float32Array(n).fill(NaN);
    for (let i = 0; i < n; i++) {
      const a = Math.max(0, i - half), b = Math.min(n, i + half + 1), m = count[b] - count[a];
      if (m) { flux[i] = (sum[b] - sum[a]) / m; error[i] = Math.sqrt(square[b] - square[a]) / m; }
    }
    return (s.smooth = { ...v, flux, error, width: state.smooth });
  }
  const inView = (s, [a, b]) => {
    const n = decode(s).flux.length;
    return [Math.max(0, Math.floor((a - s.start) / s.step) - 1), Math.min(n, Math.ceil((b - s.start) / s.step) + 2)];
  };
  const isDrawn = (v, i) => v.flags[i] < BAD && Number.isFinite(v.flux[i]);

  function all() {
    const ends = chosen().map(range);
    return ends.length ? [Math.min(...ends.map((e) => e[0])), Math.max(...ends.map((e) => e[1]))] : [350, 2000];
  }
  function yRange(plot) {
    const seen = [];
    let peak = 0;  // of lines: two neighbours high above their noise, so that no stray bin sets the scale
    for (const s of chosen()) {
      const v = smoothed(s), [a, b] = inView(s, plot.view), stride = Math.max(1, Math.floor((b - a) / 6000));
      for (let i = a; i < b; i += stride) if (isDrawn(v, i) && v.flags[i] === 0) seen.push(v.flux[i]);
      for (let i = a; i + 1 < b; i++) {
        const both = Math.min(v.flux[i], v.flux[i + 1]);
        if (both > peak && v.flags[i] === 0 && v.flags[i + 1] === 0 && both > 8 * v.error[i] && both > 8 * v.error[i + 1]) peak = both;
      }
    }
    if (!seen.length) return state.log ? [1, 10] : [0, 1];
    seen.sort((p, q) => p - q);
    const low = quantile(seen, 0.004), most = quantile(seen, seen.length > 3000 ? 0.985 : 0.997);
    const high = Math.max(most, Math.min(peak, seen.length > 3000 ? 5 * most : peak));  // a line must not flatten all the rest
    if (state.log) { const top = Math.max(high * 1.6, 1e-30), floor = seen.find((f) => f > 0) || top / 100; return [Math.max(floor * 0.7, top / 1e5), top]; }
    const bottom = Math.min(low, low > 0 && low < 0.5 * high ? 0 : low), room = 0.07 * (high - bottom || 1);
    return [bottom - room, high + 1.8 * room];
  }
  function bounds(orders) {  // where one order's colour ends and the next begins: the middle of their overlap
    return orders.map((o, i) => [i ? 0.5 * (orders[i - 1][2] + o[1]) : -Infinity, i + 1 < orders.length ? 0.5 * (o[2] + orders[i + 1][1]) : Infinity, o]);
  }
  function paint(plot, c) {
    const { top, height } = plot.area, bottom = top + height, arms = new Set(chosen().map((s) => s.arm));
    c.fillStyle = plot.colour('shade');
    const bands = new Map();
    for (const arm of arms) for (const [p, q] of data.arms[arm].telluric) bands.set(p, q);
    for (const [p, q] of bands) c.fillRect(plot.px(p), top, plot.px(q) - plot.px(p), height);
    if (state.sky) paintSky(plot, c, arms, bottom);
    c.strokeStyle = plot.colour('soft');
    if (plot.y[0] < 0 && !plot.isLog) { c.globalAlpha = 0.6; plot.line(c, plot.area.left, plot.py(0), plot.area.left + plot.area.width, plot.py(0)); c.globalAlpha = 1; }
    const many = several();
    chosen().forEach((s, k) => paintSeries(plot, c, s, many ? k : -1));
    paintOrders(plot, c, arms);
    if (state.lines) paintLines(plot, c);
  }
  function paintSeries(plot, c, s, number) {
    const v = smoothed(s), [a, b] = inView(s, plot.view), orders = data.arms[s.arm].orders;
    for (const [first, last, order] of bounds(orders)) {
      const p = Math.max(a, Math.floor((first - s.start) / s.step)), q = Math.min(b, Math.ceil((last - s.start) / s.step) + 1);
      if (!(q > p)) continue;
      c.strokeStyle = c.fillStyle = number < 0 ? order[3] : seriesColour(plot, s, number);
      if (state.error) fillBand(plot, c, s, v, p, q);
      strokeCurve(plot, c, s, v, p, q);
    }
  }
  const CYCLE = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#56B4E9', '#B8860B'];
  const seriesColour = (plot, s, k) => CYCLE[k % CYCLE.length];
  function strokeCurve(plot, c, s, v, p, q) {
    c.lineWidth = 1.15;
    c.beginPath();
    const perPixel = (q - p) / Math.max(1, plot.px(s.start + q * s.step) - plot.px(s.start + p * s.step));
    let pen = false, column = NaN, low = 0, high = 0;
    const flush = () => { if (column === column) { c.moveTo(column, low); c.lineTo(column, high + 0.5); } };
    for (let i = p; i < q; i++) {
      if (!isDrawn(v, i)) { pen = false; continue; }
      const x = plot.px(s.start + i * s.step), y = plot.py(v.flux[i]);
      if (perPixel <= 3) { if (pen) c.lineTo(x, y); else c.moveTo(x, y); pen = true; continue; }
      const at = Math.round(x);
      if (at !== column) { const previous = 0.5 * (low + high); flush(); if (pen) { c.moveTo(column, previous); c.lineTo(at, y); } column = at; low = high = y; pen = true; }
      low = Math.min(low, y); high = Math.max(high, y);
    }
    if (perPixel > 3) flush();
    c.stroke();
  }
  function fillBand(plot, c, s, v, p, q) {
    const stride = Math.max(1, Math.floor((q - p) / (plot.area.width * 2))), parts = [];
    let part = null;
    for (let i = p; i < q; i += stride) {
      if (!isDrawn(v, i) || !(v.error[i] > 0)) { part = null; continue; }
      if (!part) parts.push((part = []));
      part.push([plot.px(s.start + i * s.step), v.flux[i], v.error[i]]);
    }
    c.globalAlpha = 0.22;
    for (const points of parts) {
      c.beginPath();
      points.forEach(([x, f, e], i) => (i ? c.lineTo(x, plot.py(f + e)) : c.moveTo(x, plot.py(f + e))));
      for (let i = points.length - 1; i >= 0; i--) c.lineTo(points[i][0], plot.py(points[i][1] - points[i][2]));
      c.fill();
    }
    c.globalAlpha = 1;
  }
  function paintSky(plot, c, arms, bottom) {
    const height = Math.min(56, plot.area.height * 0.16);
    c.strokeStyle = c.fillStyle = plot.colour('sky');
    c.lineWidth = 1;
    const done = new Set();
    for (const s of chosen()) {
      if (done.has(s.arm)) continue;
      done.add(s.arm);
      const v = decode(s), [a, b] = inView(s, plot.view), stride = Math.max(1, Math.floor((b - a) / (plot.area.width * 3)));
      let most = 0;
      for (let i = a; i < b; i++) if (v.flags[i] !== 4 && v.sky[i] > most) most = v.sky[i];
      if (!(most > 0)) continue;
      c.beginPath();
      for (let i = a; i < b; i += stride) {
        let value = 0;
        for (let k = i; k < Math.min(b, i + stride); k++) if (v.flags[k] !== 4 && v.sky[k] > value) value = v.sky[k];
        const x = plot.px(s.start + i * s.step), y = bottom - height * (value / most);
        if (i === a) c.moveTo(x, y); else c.lineTo(x, y);
      }
      c.stroke();
    }
    const ticks = [];
    for (const arm of arms) for (const [nm, strength] of data.arms[arm].sky) if (nm > plot.view[0] && nm < plot.view[1]) ticks.push([nm, strength]);
    ticks.sort((p, q) => q[1] - p[1]);
    for (const [nm] of ticks.slice(0, 60)) plot.line(c, plot.px(nm), bottom - 5, plot.px(nm), bottom);
  }
  function paintOrders(plot, c, arms) {
    c.font = '11px system-ui, "DejaVu Sans", sans-serif';
    c.textAlign = 'center';
    c.textBaseline = 'top';
    for (const arm of arms) for (const [i, [name, first, last, colour]] of data.arms[arm].orders.entries()) {
      const a = plot.px(first), b = plot.px(last), y = plot.area.top + 2 + 4 * (i % 2);
      c.fillStyle = colour;
      c.fillRect(a, y, b - a, 3);
      const x = Math.min(Math.max(0.5 * (a + b), plot.area.left + 12), plot.area.left + plot.area.width - 12);
      if (b - a > 26 && x > a && x < b) { c.fillStyle = plot.colour('soft'); c.fillText(name, x, plot.area.top + 11); }
    }
  }
  function paintLines(plot, c) {
    c.strokeStyle = c.fillStyle = plot.colour('ink');
    c.textAlign = 'left';
    c.textBaseline = 'middle';
    LINES.forEach(([name, rest], k) => {
      const nm = rest * (1 + state.z), x = plot.px(nm);
      if (nm < plot.view[0] || nm > plot.view[1]) return;
      c.globalAlpha = 0.45;
      c.setLineDash([2, 3]);
      plot.line(c, x, plot.area.top + 24, x, plot.area.top + plot.area.height);
      c.setLineDash([]);
      c.globalAlpha = 1;
      c.fillText(name, x + 2, plot.area.top + 32 + 12 * (k % 3));
    });
  }
  function read(plot) {
    const out = document.getElementById('readout'), x = plot.cursor, parts = [];
    for (const s of chosen()) {
      const v = smoothed(s), i = Math.round((x - s.start) / s.step);
      if (i < 0 || i >= v.flux.length || v.flags[i] === 4 || !Number.isFinite(v.flux[i])) continue;
      const nm = s.start + i * s.step, names = data.arms[s.arm].orders.filter((o) => nm >= o[1] && nm <= o[2]).map((o) => o[0]);
      parts.push(`${several() ? `${s.label} · ` : ''}λ ${nm.toFixed(2)} nm (${s.medium}) · ${v.flux[i].toPrecision(4)} ± ${v.error[i].toPrecision(2)} ${s.unit}`
        + ` · S/N ${(v.flux[i] / v.error[i]).toFixed(1)} · ${s.arm} order ${names.join('/') || '–'} · ${QUALITY[v.flags[i]]}`);
    }
    out.textContent = parts.length ? parts.join(' | ') : `λ ${x.toFixed(2)} nm: no data`;
  }
  const next = (plot, x, direction) => {
    const s = chosen().find((t) => x >= range(t)[0] - t.step && x <= range(t)[1] + t.step) || chosen()[0];
    const i = Math.round((x - s.start) / s.step), jump = Math.max(1, Math.round((plot.view[1] - plot.view[0]) / s.step / plot.area.width));
    return s.start + (i + direction * jump) * s.step;
  };
  const plot = new Plot(canvas, {
    all, yRange, paint, read, next, least: 2e-4, xLabel: () => 'wavelength [nm]', isLog: () => state.log,
    yLabel: () => (chosen()[0] ? chosen()[0].unit : ''),
    onView: ([a, b]) => { try { history.replaceState(null, '', `#nm=${a.toFixed(2)},${b.toFixed(2)}`); } catch { /* some browsers forbid it for files */ } },
  });
  window.soxsPlot = plot;

  const check = (text, key, after) => element('label', {}, element('input', { type: 'checkbox', checked: state[key], id: key,
    onchange: (e) => { state[key] = e.target.checked; if (after) after(); plot.draw(); } }), text);
  const tools = document.getElementById('tools');
  if (kinds.length > 1) {
    const names = { flux: 'flux-calibrated', counts: 'counts' };
    tools.append(element('select', { id: 'kind', ariaLabel: 'what is shown', onchange: (e) => { state.kind = e.target.value; plot.draw(); } },
      ...kinds.map((k) => element('option', { value: k, textContent: names[k] }))));
  }
  tools.append(zoomButtons(plot));
  const arms = Object.keys(data.arms).filter((arm) => data.series.some((s) => s.arm === arm));
  const stems = [...new Map(data.series.map((s) => [s.stem, s])).values()];
  if (stems.length > 1) for (const s of stems) {
    tools.append(element('label', {}, element('input', { type: 'checkbox', checked: true,
      onchange: (e) => { for (const t of data.series) if (t.stem === s.stem) t.hidden = !e.target.checked; plot.draw(); } }), s.label));
  }
  if (arms.length > 1) for (const arm of arms) {
    const fit = () => { const ends = chosen().filter((s) => s.arm === arm).map(range); if (ends.length) plot.show(Math.min(...ends.map((e) => e[0])), Math.max(...ends.map((e) => e[1]))); };
    tools.append(element('button', { type: 'button', textContent: arm, onclick: fit }));
  }
  const width = element('output', { textContent: 'off' });
  tools.append(element('label', {}, 'smooth', element('input', { type: 'range', id: 'smooth', min: 0, max: 25, value: 0,
    oninput: (e) => { state.smooth = 2 * Number(e.target.value) + 1; width.textContent = state.smooth > 1 ? `${state.smooth} bins` : 'off'; plot.draw(); } }), width));
  tools.append(check('error', 'error'), check('sky', 'sky'), check('log', 'log'), element('span', { className: 'set' }, check('lines at z', 'lines'),
    element('input', { type: 'number', id: 'z', value: '0', step: '0.001', min: '-0.01', max: '10', ariaLabel: 'redshift of the lines',
      oninput: (e) => { state.z = Number(e.target.value) || 0; if (!state.lines) document.getElementById('lines').click(); plot.draw(); } })));
  const wanted = /nm=([\d.]+),([\d.]+)/.exec(location.hash);
  if (wanted) plot.show(Number(wanted[1]), Number(wanted[2])); else plot.view = all();
  plot.draw();
})();
