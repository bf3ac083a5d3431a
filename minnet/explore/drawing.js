// Drawing on canvases: axes, lines, shaded contours.   A scale takes a value to [0, 1].

const linear = (low, high) => ({
  at: v => (v - low) / (high - low),
  ticks: niceTicks(low, high),
});
const logarithmic = (low, high) => {
  const [a, b] = [Math.log10(low), Math.log10(high)];
  const every = Math.max(1, Math.ceil((b - a) / 5));
  const powers = range(Math.ceil(a - 1e-9), Math.floor(b + 1e-9)).filter(k => k % every === 0);
  return { at: v => (Math.log10(v) - a) / (b - a), ticks: powers.map(k => 10 ** k), label: power };
};
const twoSided = (low, high) => {                // linear near 0, logarithmic far from it
  const [a, b] = [Math.asinh(low), Math.asinh(high)];
  const powers = [-1e6, -1e4, -100, -10, -1, 0, 1, 10, 100, 1e4, 1e6];
  return { at: v => (Math.asinh(v) - a) / (b - a), ticks: powers.filter(v => v >= low && v <= high) };
};

function range(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => first + k);
}

function niceTicks(low, high) {
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(k => k * power).find(k => k >= raw);
  return range(Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)).map(k => k * step);
}

function label(v) {                              // 1e-5, 0.01, 20, 1e+4 as 1e4
  if (v === 0) return "0";
  const size = Math.abs(v);
  const text = size >= 1e4 || size < 1e-3 ? v.toExponential(1) : String(+v.toPrecision(3));
  return text.replace(".0e", "e").replace("e+", "e").replace("-", "\u2212").replace("e-", "e\u2212");
}

function power(v) {                              // of ten, for logarithmic axes
  const k = Math.round(Math.log10(v));
  return Math.abs(k) < 2 ? label(v) : `1e${k}`.replace("-", "\u2212");
}

const LEFT = 58, RIGHT = 14, TOP = 8, BOTTOM = 36; // margins in CSS pixels

// A canvas ready to be drawn on, with its axes.   names: of the axes.   under: draws below them.
function panel(canvas, x, y, names, under = () => {}) {
  const scale = window.devicePixelRatio || 1;
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  [canvas.width, canvas.height] = [Math.round(w * scale), Math.round(h * scale)];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const box = { left: LEFT, top: TOP, width: w - LEFT - RIGHT, height: h - TOP - BOTTOM };
  const X = v => box.left + box.width * x.at(v);
  const Y = v => box.top + box.height * (1 - y.at(v));
  under(pen, box);
  drawAxes(pen, box, x, y, X, Y, names);
  const clipped = draw => {
    pen.save();
    pen.beginPath();
    pen.rect(box.left, box.top, box.width, box.height);
    pen.clip();
    draw();
    pen.restore();
  };
  return { pen, box, X, Y, clipped };
}

function drawAxes(pen, box, x, y, X, Y, [xName, yName]) {
  pen.strokeStyle = "#555";
  pen.lineWidth = 1;
  pen.strokeRect(box.left, box.top, box.width, box.height);
  pen.fillStyle = "#333";
  pen.font = "12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "top";
  for (const v of x.ticks) {
    tick(pen, X(v), box.top + box.height, 0, 4);
    pen.fillText((x.label || label)(v), X(v), box.top + box.height + 6);
  }
  pen.fillText(xName, box.left + box.width / 2, box.top + box.height + 20);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const v of y.ticks) {
    tick(pen, box.left, Y(v), -4, 0);
    pen.fillText((y.label || label)(v), box.left - 6, Y(v));
  }
  pen.save();
  pen.translate(8, box.top + box.height / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = "center";
  pen.fillText(yName, 0, 0);
  pen.restore();
}

function tick(pen, x, y, dx, dy) {
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + dx, y + dy);
  pen.stroke();
}

// A line through points [x, y] in pixels, set off from what is behind it; a point that is not a
// number breaks it.
function stroke(pen, points, colour, { dash = [], width = 2, halo = true } = {}) {
  pen.beginPath();
  let down = false;
  for (const point of points) {
    const seen = point.every(Number.isFinite);
    if (seen) down ? pen.lineTo(...point) : pen.moveTo(...point);
    down = seen;
  }
  pen.lineJoin = "round";
  if (halo) {
    pen.setLineDash([]);
    [pen.strokeStyle, pen.lineWidth] = ["rgba(255, 255, 255, .85)", width + 2.5];
    pen.stroke();
  }
  pen.setLineDash(dash);
  [pen.strokeStyle, pen.lineWidth] = [colour, width];
  pen.stroke();
  pen.setLineDash([]);
}

// Shaded bands with lines between them, as an image; kept until the landscape or size changes.
const shaded = { key: "", canvas: document.createElement("canvas") };

function shade(key, f, [[x0, x1], [y0, y1]], width, height) {
  const [w, h] = [Math.round(width), Math.round(height)];
  if (shaded.key === `${key} ${w} ${h}`) return shaded.canvas;
  const heights = new Float64Array(w * h);
  for (let j = 0; j < h; j++) {
    for (let i = 0; i < w; i++) {
      heights[j * w + i] = f(x0 + (x1 - x0) * (i + .5) / w, y1 - (y1 - y0) * (j + .5) / h);
    }
  }
  const levels = bandLevels(heights);
  const band = Uint8Array.from(heights, v => levels.findIndex(level => v <= level));
  const image = new ImageData(w, h);
  band.forEach((k, n) => {
    const line = (n % w && band[n - 1] !== k) || (n >= w && band[n - w] !== k);
    const grey = (line ? 165 : 188) + 62 * k / levels.length;
    image.data.set([grey, grey, grey, 255], 4 * n);
  });
  shaded.key = `${key} ${w} ${h}`;
  [shaded.canvas.width, shaded.canvas.height] = [w, h];
  shaded.canvas.getContext("2d").putImageData(image, 0, 0);
  return shaded.canvas;
}

// The k-th level is not topped by a share (k/14)^2 of the heights, as in minnet.plot.contour.
function bandLevels(heights) {
  const some = heights.filter((_, n) => n % 7 === 0).sort();
  const levels = range(1, 14).map(k => some[Math.floor((some.length - 1) * (k / 14) ** 2)]);
  return [...levels.slice(0, -1), Infinity];
}
