// The landscapes and rules of the page, each formula in the letters of minnet's own.
// tests/dynamics/test_explore.py holds the paths computed here to those of minnet.dynamics.trace.

const square = x => x * x;

const landscapes = {                       // steepness: what the conditioning slider sets
  quadratic: steepness => ({
    f: (x, y) => (square(x) + steepness * square(y)) / 2,
    gradient: (x, y) => [x, steepness * y],
  }),
  rosenbrock: steepness => ({
    f: (x, y) => square(1 - x) + steepness * square(y - square(x)),
    gradient: (x, y) => {
      const r = y - square(x);
      return [-2 * (1 - x) - 4 * steepness * x * r, 2 * steepness * r];
    },
  }),
  beale: () => {
    const terms = [[1, 1.5], [2, 2.25], [3, 2.625]];
    return {
      f: (x, y) => terms.reduce((sum, [k, c]) => sum + square(c - x + x * y ** k), 0),
      gradient: (x, y) => terms.reduce(([gx, gy], [k, c]) => {
        const r = c - x + x * y ** k;
        return [gx + 2 * r * (y ** k - 1), gy + 2 * r * x * k * y ** (k - 1)];
      }, [0, 0]),
    };
  },
  himmelblau: () => ({
    f: (x, y) => square(square(x) + y - 11) + square(x + square(y) - 7),
    gradient: (x, y) => {
      const [r, q] = [square(x) + y - 11, x + square(y) - 7];
      return [4 * x * r + 2 * q, 2 * r + 4 * y * q];
    },
  }),
  long_valley: () => ({
    f: (x, y) => square(x) / 200 + 10 * square(y),
    gradient: (x, y) => [x / 100, 20 * y],
  }),
  saddle: () => ({
    f: (x, y) => square(x) - square(y),
    gradient: (x, y) => [2 * x, -2 * y],
  }),
  monkey_saddle: () => ({
    f: (x, y) => x ** 3 - 3 * x * square(y),
    gradient: (x, y) => [3 * square(x) - 3 * square(y), -6 * x * y],
  }),
  double_well: () => ({
    f: (x, y) => square(square(x) - 1) + x / 4 + square(y),
    gradient: (x, y) => [4 * x * (square(x) - 1) + 0.25, 2 * y],
  }),
};

// The change of one number.   g: its gradient, s: what the rule remembers, t = 1, 2, ...
const rules = {
  SGD: (g, s, t, { lr }) => -lr * g,
  Momentum: (g, s, t, { lr, momentum: mu }) => {
    s.v = mu * s.v - lr * g;
    return s.v;
  },
  Nesterov: (g, s, t, { lr, momentum: mu }) => {
    const before = s.v;
    s.v = mu * s.v - lr * g;
    return -mu * before + (1 + mu) * s.v;
  },
  Adagrad: (g, s, t, { lr, eps }) => {
    s.cache = s.cache + square(g);
    return -lr * g / (Math.sqrt(s.cache) + eps);
  },
  RMSprop: (g, s, t, { lr, decay, eps }) => {
    s.cache = decay * s.cache + (1 - decay) * square(g);
    return -lr * g / (Math.sqrt(s.cache) + eps);
  },
  Adadelta: (g, s, t, { lr, decay: rho, eps }) => {
    s.v = rho * s.v + (1 - rho) * square(g);
    const d = -Math.sqrt(s.m + eps) / Math.sqrt(s.v + eps) * g;
    s.m = rho * s.m + (1 - rho) * square(d);
    return lr * d;
  },
  Adam: (g, s, t, { lr, betas: [beta1, beta2], eps }) => {
    s.m = beta1 * s.m + (1 - beta1) * g;
    s.v = beta2 * s.v + (1 - beta2) * square(g);
    const m_hat = s.m / (1 - beta1 ** t);
    const v_hat = s.v / (1 - beta2 ** t);
    return -lr * m_hat / (Math.sqrt(v_hat) + eps);
  },
  AMSGrad: (g, s, t, { lr, betas: [beta1, beta2], eps }) => {
    s.m = beta1 * s.m + (1 - beta1) * g;
    s.v = beta2 * s.v + (1 - beta2) * square(g);
    s.cache = Math.max(s.cache, s.v);
    const m_hat = s.m / (1 - beta1 ** t);
    const v_hat = s.cache / (1 - beta2 ** t);
    return -lr * m_hat / (Math.sqrt(v_hat) + eps);
  },
  NAdam: (g, s, t, { lr, betas: [beta1, beta2], eps, warmup }) => {
    const mu = t => beta1 * (1 - 0.96 ** (warmup * t) / 2);
    s.product = s.product * mu(t);
    s.m = beta1 * s.m + (1 - beta1) * g;
    s.v = beta2 * s.v + (1 - beta2) * square(g);
    const ahead = mu(t + 1) * s.m / (1 - s.product * mu(t + 1));
    const m_hat = ahead + (1 - mu(t)) * g / (1 - s.product);
    const v_hat = s.v / (1 - beta2 ** t);
    return -lr * m_hat / (Math.sqrt(v_hat) + eps);
  },
  Lion: (g, s, t, { lr, betas: [beta1, beta2] }) => {
    const c = beta1 * s.m + (1 - beta1) * g;
    s.m = beta2 * s.m + (1 - beta2) * g;
    return -lr * Math.sign(c);
  },
};

// A path: positions and losses at t = 0 ... steps, changes and gradients of each step; it ends
// early where it leaves the numbers.   row: the rule's row of the page's data.
function trace(name, row, landscape, { lr, momentum, x, y, steps }) {
  const settings = { ...row.settings, lr };
  if (row.knob === "betas") settings.betas = [momentum, settings.betas[1]];
  else if (row.knob) settings[row.knob] = momentum;
  const memory = [0, 1].map(() => ({ v: 0, m: 0, cache: 0, product: 1 }));
  const path = { positions: [[x, y]], losses: [landscape.f(x, y)], gradients: [], changes: [] };
  for (let t = 1; t <= steps; t++) {
    const at = path.positions[t - 1];
    const g = landscape.gradient(...at);
    const change = g.map((gi, i) => rules[name](gi, memory[i], t, settings));
    const next = at.map((xi, i) => xi + change[i]);
    if (!next.every(Number.isFinite)) break;
    path.positions.push(next);
    path.losses.push(landscape.f(...next));
    path.gradients.push(g);
    path.changes.push(change);
  }
  return path;
}

// Curvatures at a point, the smaller first: the Hessian by central differences of the gradient.
function curvatures({ gradient }, [x, y]) {
  const h = 1e-5;
  const along = (dx, dy) => {
    const [forward, back] = [gradient(x + dx, y + dy), gradient(x - dx, y - dy)];
    return forward.map((g, i) => (g - back[i]) / (2 * h));
  };
  const [[a, b], [c, d]] = [along(h, 0), along(0, h)];
  const [mean, off] = [(a + d) / 2, (b + c) / 2];
  const spread = Math.hypot((a - d) / 2, off);
  return [mean - spread, mean + spread];
}

// The learning rate from which on a quadratic of curvature h diverges; see minnet.dynamics.theory.
function stabilityEdge(rule, h, rho) {
  return { SGD: 2, Momentum: 2 + 2 * rho, Nesterov: (2 + 2 * rho) / (1 + 2 * rho) }[rule] / h;
}

// The factor by which each step shrinks the error in the end: the larger root of
// z^2 - trace z + determinant, of the matrix that takes (x_t, x_(t-1)) to (x_(t+1), x_t).
function shrinkage(rule, lr, rho, h) {
  const [trace, determinant] = {
    SGD: [1 - lr * h, 0],
    Momentum: [1 + rho - lr * h, rho],
    Nesterov: [(1 - lr * h) * (1 + rho), (1 - lr * h) * rho],
  }[rule];
  const inside = square(trace) / 4 - determinant;
  return inside < 0 ? Math.sqrt(determinant) : Math.abs(trace) / 2 + Math.sqrt(inside);
}
