// What was chosen, and the page that follows from it.

const FIRST = "#0072b2", SECOND = "#b34e00", INK = "#222", NONE = "nothing";
const find = id => document.getElementById(id);
const KNOBS = { "": "no momentum", momentum: "momentum \u03c1", decay: "decay", betas: "\u03b2\u2081" };
let state = { landscape: "quadratic", rule: "Momentum", other: "SGD", lr: 0.04, momentum: 0.8,
              steepness: 20, x: 2, y: 2, steps: 100 };
let playing = null;                              // when it began, while the paths are played

// ---- what follows from the state ----------------------------------------------------------------

function compute(choice) {
  const place = data.landscapes[choice.landscape];
  const landscape = landscapes[choice.landscape](choice.steepness);
  const run = name => ({ name, ...trace(name, data.rules[name], landscape, choice) });
  const minima = place.minima.map(point => ({ point, loss: landscape.f(...point) }));
  const near = ({ point: [x, y] }) => Math.hypot(x - choice.x, y - choice.y);
  const nearest = minima.sort((a, b) => near(a) - near(b))[0];
  const floor = minima.length ? Math.min(...minima.map(m => m.loss)) : null;
  const curvature = nearest && curvatures(landscape, nearest.point);
  const multiplies = data.rules[choice.rule].unit === "gradient";
  const edge = curvature && multiplies ? stabilityEdge(choice.rule, curvature[1], choice.momentum) : null;
  const names = [choice.rule, choice.other].filter(name => name !== NONE);
  return { place, landscape, paths: names.map(run), floor, curvature, edge };
}

function defaults(name, rule) {                  // where a landscape begins
  const place = data.landscapes[name];
  const lr = { Adadelta: 1, Adagrad: 0.3 }[rule] || place.lr[data.rules[rule].unit];
  return { lr, x: place.start[0], y: place.start[1], steepness: place.steepness || 1 };
}

// ---- pictures -----------------------------------------------------------------------------------

function drawMap({ place, landscape, paths }, shown) {
  const [x, y] = place.bounds.map(([low, high]) => linear(low, high));
  const key = `${state.landscape} ${state.steepness}`;
  const { pen, X, Y, clipped } = panel(find("map"), x, y, ["x", "y"], (pen, box) => pen.drawImage(
    shade(key, landscape.f, place.bounds, box.width, box.height), box.left, box.top, box.width, box.height));
  clipped(() => {
    place.minima.forEach(([a, b]) => cross(pen, X(a), Y(b)));
    [...paths].reverse().forEach(path => {       // the chosen rule on top
      const main = path === paths[0];
      const colour = main ? FIRST : SECOND;
      const points = path.positions.slice(0, shown + 1).map(([a, b]) => [near(X(a)), near(Y(b))]);
      stroke(pen, points, colour, { dash: main ? [] : [7, 4] });
      if (main && points.length <= 101) points.forEach(point => dot(pen, point, 2.2, colour));
      square_(pen, points[points.length - 1], colour);
    });
    const [a, b] = [X(state.x), Y(state.y)];
    ring(pen, a, b);
  });
}

const near = pixels => Math.max(-1e5, Math.min(1e5, pixels)); // canvases dislike huge numbers

function cross(pen, x, y) {
  for (const [colour, width] of [["#fff", 6], [INK, 2.5]]) {
    [pen.strokeStyle, pen.lineWidth] = [colour, width];
    tick(pen, x - 6, y - 6, 12, 12);
    tick(pen, x - 6, y + 6, 12, -12);
  }
}

function dot(pen, [x, y], radius, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}

function ring(pen, x, y) {
  for (const [colour, width] of [["#fff", 5], [INK, 2]]) {
    [pen.strokeStyle, pen.lineWidth] = [colour, width];
    pen.beginPath();
    pen.arc(x, y, 7, 0, 7);
    pen.stroke();
  }
}

function square_(pen, [x, y], colour) {
  [pen.fillStyle, pen.strokeStyle, pen.lineWidth] = [colour, "#fff", 1.5];
  pen.fillRect(x - 5, y - 5, 10, 10);
  pen.strokeRect(x - 5, y - 5, 10, 10);
}

function showLegend(paths) {
  find("legend").replaceChildren(...paths.map((path, k) => {
    const name = document.createElement("span");
    [name.className, name.textContent] = [k ? "second" : "first", path.name];
    return name;
  }));
}

function drawLoss({ paths, floor }, shown) {
  const bottom = floor !== null;
  const values = paths.map(path => path.losses.map(v => bottom ? v - floor : v));
  const all = values.flat().filter(v => Number.isFinite(v) && (!bottom || v > 0));
  const begin = Math.max(...values.map(v => Math.abs(v[0])), 1e-300);
  const low = Math.max(Math.min(...all), bottom ? begin * 1e-18 : -1e6);
  const high = Math.min(Math.max(...all), bottom ? begin * 1e3 : 1e6);
  const y = (bottom ? logarithmic : twoSided)(bottom ? low / 2 : low - 1, bottom ? high * 2 : high + 1);
  const name = bottom ? "above the lowest" : "loss";
  const { pen, X, Y, clipped } = panel(find("loss"), linear(0, state.steps), y, ["steps", name]);
  clipped(() => values.map((v, k) => {
    const points = v.slice(0, shown + 1).map((value, t) => [X(t), near(Y(bottom ? Math.max(value, low / 10) : value))]);
    stroke(pen, points, [FIRST, SECOND][k], { dash: k ? [7, 4] : [], halo: false });
  }));
}

function drawRate(found) {
  const classic = found.edge !== null;
  find("rate-title").textContent = classic ? "Error left per step, at each \u03bb" : "Effective learning rate of x and y";
  find("rate-note").textContent = classic
    ? `Along the curvatures ${label(found.curvature[0])} (thin) and ${label(found.curvature[1])} (thick) at the nearest ` +
      "minimum, by theory. Above 1 it grows; the dashed line is the edge, the dot is your \u03bb."
    : "Change over minus gradient: x solid, y dashed. Gaps are steps against the gradient's advice.";
  if (classic) drawShrinkage(found);
  else drawEffective(found);
}

function drawShrinkage({ edge, curvature }) {
  const x = logarithmic(edge / 1e3, edge * 10), y = linear(0, 1.5);
  const { pen, X, Y, clipped } = panel(find("rate"), x, y, ["learning rate \u03bb", "error left per step"]);
  const at = (lr, h) => Math.min(2, shrinkage(state.rule, lr, state.momentum, h));
  clipped(() => {
    pen.fillStyle = "#f7e3d6";
    pen.fillRect(X(edge), TOP, 1e4, 1e4);
    stroke(pen, [[LEFT, Y(1)], [1e4, Y(1)]], "#777", { width: 1, halo: false });
    stroke(pen, [[X(edge), 0], [X(edge), 1e4]], SECOND, { width: 1.5, dash: [5, 4], halo: false });
    curvature.forEach((h, k) => {
      if (!(h > 0)) return;
      const points = range(0, 400).map(n => edge * 10 ** (n / 100 - 3)).map(lr => [X(lr), Y(at(lr, h))]);
      stroke(pen, points, FIRST, { width: k ? 2.5 : 1, halo: false });
      dot(pen, [X(state.lr), Y(Math.min(1.48, at(state.lr, h)))], 5, FIRST);
    });
  });
}

function drawEffective({ paths: [path] }) {
  const rates = [0, 1].map(i => path.changes.map((change, t) => -change[i] / path.gradients[t][i]));
  const good = rates.flat().filter(v => v > 0 && Number.isFinite(v));
  const [low, high] = good.length ? [Math.min(...good), Math.max(...good)] : [1, 1];
  const y = logarithmic(Math.max(low, high * 1e-8) / 2, high * 2);
  const { pen, X, Y, clipped } = panel(find("rate"), linear(0, state.steps), y, ["steps", "effective rate"]);
  clipped(() => rates.forEach((row, i) => {
    const points = row.map((v, t) => [X(t), v > 0 ? Y(v) : NaN]);
    stroke(pen, points, FIRST, { dash: i ? [4, 3] : [], width: i ? 1.5 : 2, halo: false });
  }));
}

// ---- words --------------------------------------------------------------------------------------

function story({ paths, place, floor, edge }) {
  const [[x0, x1], [y0, y1]] = place.bounds;
  const one = path => {
    const last = path.positions.length - 1, [x, y] = path.positions[last];
    const out = path.positions.findIndex(([a, b]) => !(a >= x0 && a <= x1 && b >= y0 && b <= y1));
    const loss = path.losses[last] - (floor || 0);
    if (last < state.steps || !(Math.abs(loss) < 1e12)) return `${path.name} left the map at step ${out} and diverges.`;
    const above = floor === null ? "" : " above the lowest";
    const left = out > 0 ? ` It left the map at step ${out}.` : "";
    return `${path.name}: after ${last} steps at (${label(x)}, ${label(y)}), ` +
           `loss ${label(loss)}${above}.${left}`;
  };
  return [verdict(edge, place), ...paths.map(path => ["", one(path)])];
}

function verdict(edge, place) {                  // [class, text]
  if (edge === null) {
    return data.rules[state.rule].unit === "gradient"
      ? ["", "There is no minimum here, so no learning rate is stable."]
      : ["", `${state.rule} divides by the size of its gradients: \u03bb has no fixed stability edge.`];
  }
  const share = `\u03bb is ${label(+(100 * state.lr / edge).toPrecision(3))} % of the stability edge ${label(+edge.toPrecision(3))}`;
  return state.lr < edge ? ["stable", `${share}: steps near the minimum shrink the error.`]
                         : ["beyond", `${share}: steps near the minimum enlarge the error.`];
}

function showWords(found) {
  find("status").replaceChildren(...story(found).map(([kind, text]) => {
    const line = document.createElement("span");
    [line.className, line.textContent, line.style.display] = [kind, text, "block"];
    return line;
  }));
  showLegend(found.paths);
  find("about").textContent = `${state.rule}: ${data.rules[state.rule].about}`;
  find("map").setAttribute("aria-label", `Paths over the contours of ${found.place.title}; arrow keys move the start`);
  const mark = find("edge-mark"), place = found.edge === null ? -1 : (Math.log10(found.edge) + 5) / 6;
  mark.hidden = !(place >= 0 && place <= 1);
  mark.style.left = `${100 * place}%`;
  mark.className = place > 0.8 ? "flip" : "";
  mark.textContent = place > 0.8 ? "edge \u25b2" : "\u25b2 edge";
}

// ---- controls -----------------------------------------------------------------------------------

function showControls({ place }) {
  const knob = data.rules[state.rule].knob;
  ["landscape", "rule", "other"].forEach(id => { find(id).value = state[id]; });
  ["momentum", "x", "y", "steps"].forEach(id => { find(id).value = state[id]; });
  ["x", "y"].forEach((id, i) => {
    [find(id).min, find(id).max] = place.bounds[i];
    find(id).value = state[id];
  });
  find("lr").value = Math.log10(state.lr);
  find("steepness").value = Math.log10(state.steepness);
  find("momentum").disabled = !knob && !(state.other !== NONE && data.rules[state.other].knob);
  find("steepness").disabled = place.steepness === null;
  find("momentum-name").textContent = knob || state.other === NONE ? KNOBS[knob] : KNOBS[data.rules[state.other].knob];
  const words = { lr: label(+state.lr.toPrecision(3)), momentum: state.momentum.toFixed(2), x: state.x.toFixed(2),
                  y: Math.abs(state.y) < 0.005 && state.y ? label(state.y) : state.y.toFixed(2), steps: state.steps,
                  steepness: place.steepness === null ? "fixed" : label(+state.steepness.toPrecision(3)) };
  for (const [id, text] of Object.entries(words)) {
    find(`${id}-value`).value = text;
    find(id).setAttribute("aria-valuetext", text);
  }
  find("shown").max = state.steps;
}

function render() {
  const found = compute(state);
  showControls(found);
  const shown = Math.min(Number(find("shown").value), state.steps);
  find("shown-value").value = `step ${shown}`;
  drawMap(found, shown);
  drawLoss(found, shown);
  drawRate(found);
  showWords(found);
}

let waiting = false;
function later() {                               // at most one drawing per frame of the screen
  if (!waiting) requestAnimationFrame(() => { waiting = false; render(); });
  waiting = true;
}

function choose(change) {
  stop();
  state = { ...state, ...change };
  find("shown").max = state.steps;
  find("shown").value = state.steps;
  history.replaceState(null, "", `#${new URLSearchParams(state)}`);
  later();
}

function stop() {
  playing = null;
  find("play").textContent = "Play";
}

function play(now) {
  if (playing === null) return;
  const shown = Math.min(state.steps, Math.round((now - playing) / 5000 * state.steps));
  find("shown").value = shown;
  render();
  if (shown < state.steps) requestAnimationFrame(play);
  else stop();
}

function connect() {
  const option = (name, title = name) => new Option(title, name);
  find("landscape").append(...Object.entries(data.landscapes).map(([name, x]) => option(name, x.title)));
  find("rule").append(...Object.keys(data.rules).map(name => option(name)));
  find("other").append(option(NONE), ...Object.keys(data.rules).map(name => option(name)));
  find("landscape").onchange = event => choose({ landscape: event.target.value, ...defaults(event.target.value, state.rule) });
  find("rule").onchange = event => choose({ rule: event.target.value, lr: defaults(state.landscape, event.target.value).lr });
  find("other").onchange = event => choose({ other: event.target.value });
  for (const id of ["momentum", "x", "y", "steps"]) {
    find(id).oninput = event => choose({ [id]: Number(event.target.value) });
  }
  for (const id of ["lr", "steepness"]) {
    find(id).oninput = event => choose({ [id]: 10 ** Number(event.target.value) });
  }
  find("shown").oninput = () => { stop(); later(); };
  find("reset").onclick = () => choose(defaults(state.landscape, state.rule));
  find("play").onclick = () => {
    if (playing !== null) return stop();
    find("play").textContent = "Pause";
    const shown = Number(find("shown").value);
    playing = performance.now() - (shown < state.steps ? 5000 * shown / state.steps : 0);
    requestAnimationFrame(play);
  };
  connectMap(find("map"));
  window.onresize = later;
  window.onhashchange = () => { state = fromAddress(); later(); };
}

function connectMap(map) {
  const move = (x, y) => {
    const [[x0, x1], [y0, y1]] = data.landscapes[state.landscape].bounds;
    choose({ x: Math.min(x1, Math.max(x0, x)), y: Math.min(y1, Math.max(y0, y)) });
  };
  const here = event => {
    const [[x0, x1], [y0, y1]] = data.landscapes[state.landscape].bounds;
    const [w, h] = [map.clientWidth - LEFT - RIGHT, map.clientHeight - TOP - BOTTOM];
    move(x0 + (x1 - x0) * (event.offsetX - LEFT) / w, y1 - (y1 - y0) * (event.offsetY - TOP) / h);
  };
  map.onpointerdown = event => { map.setPointerCapture(event.pointerId); here(event); };
  map.onpointermove = event => { if (event.buttons) here(event); };
  map.onkeydown = event => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const [[x0, x1], [y0, y1]] = data.landscapes[state.landscape].bounds;
    move(state.x + way[0] * (x1 - x0) / 100, state.y + way[1] * (y1 - y0) / 100);
  };
}

// ---- the address of the page --------------------------------------------------------------------

function fromAddress() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const known = (table, name) => Object.hasOwn(table, name ?? "");
  const landscape = known(data.landscapes, given.landscape) ? given.landscape : state.landscape;
  const rule = known(data.rules, given.rule) ? given.rule : state.rule;
  const other = known(data.rules, given.other) || given.other === NONE ? given.other : state.other;
  const found = { ...state, ...(given.landscape ? defaults(landscape, rule) : {}), landscape, rule, other };
  const allowed = { lr: v => v > 0, momentum: v => v >= 0 && v < 1, steepness: v => v > 0,
                    x: () => true, y: () => true, steps: v => v >= 1 && v <= 2000 && v % 1 === 0 };
  for (const [name, accept] of Object.entries(allowed)) {
    const value = Number(given[name] ?? NaN);
    if (Number.isFinite(value) && accept(value)) found[name] = value;
  }
  return found;
}

// What the page computes for a list of choices, for the tests: #report=[{...}, ...].
function report(choices) {
  const rows = choices.map(choice => {
    const { paths: [path], edge, curvature } = compute({ ...choice, other: NONE });
    const left = edge === null ? null : curvature.map(h => shrinkage(choice.rule, choice.lr, choice.momentum, h));
    return { positions: path.positions, losses: path.losses, edge, curvature, shrinkage: left };
  });
  find("report").textContent = JSON.stringify({ landscapes: Object.keys(landscapes), rules: Object.keys(rules), rows });
}

const asked = new URLSearchParams(location.hash.slice(1)).get("report");
connect();
state = fromAddress();
find("shown").max = state.steps;
find("shown").value = state.steps;
render();
if (asked) report(JSON.parse(asked));
