"""The right forward and backward of every op the bank plants bugs in, each written once.

forward(**inputs) -> (y, cache); backward(d, cache, ...) -> {name: gradient}.  Where a bug sits
inside a backward, the right one has a keyword argument for that step: a bug is one argument.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

CATALOGUE: dict[str, "Op"] = {}


@dataclass(frozen=True)
class Op:
    """A right (forward, backward) pair; make(rng, *sizes) draws inputs, wrt names those checked."""

    name: str
    family: str
    make: Callable
    forward: Callable
    backward: Callable
    wrt: tuple[str, ...]
    unequal: tuple[int, ...] = (3, 4, 5)
    equal: tuple[int, ...] = (4, 4, 4)
    settings: dict = field(default_factory=dict)

    def inputs(self, rng, square):
        return self.make(rng, *(self.equal if square else self.unequal))


def op(family, make, forward, backward, wrt, **settings):
    """Enter an op into the catalogue under the name of its forward."""
    name = settings.pop("name", None) or forward.__name__
    CATALOGUE[name] = Op(name, family, make, forward, backward, tuple(wrt.split()), **settings)


def normal(**shapes):
    """make() for standard normal inputs: names, and their axes as letters of sizes."""
    return lambda rng, *sizes: {
        k: rng.standard_normal(tuple(sizes["NDM".index(a)] for a in axes))
        for k, axes in shapes.items()
    }


def away(a, margin=0.05):
    """Push entries away from zero, so that no kink lies within a step."""
    return a + margin * np.sign(a)


# ---------------------------------------------------------------- affine and products


def affine(x, W, b):
    return x @ W + b, (x, W)


def affine_back(d, c):
    x, W = c
    return {"x": d @ W.T, "W": x.T @ d, "b": d.sum(0)}


def temporal(x, W, b):
    return x @ W + b, (x, W)


def temporal_back(d, c):
    x, W = c
    return {"x": d @ W.T, "W": np.einsum("ntd,ntm->dm", x, d), "b": d.sum((0, 1))}


def make_temporal(rng, N, D, M):
    return {
        "x": rng.standard_normal((N, 2 if N != D else N, D)),
        "W": rng.standard_normal((D, M)),
        "b": rng.standard_normal(M),
    }


def batched_product(a, b):
    return np.einsum("nij,njk->nik", a, b), (a, b)


def batched_product_back(d, c, da="nik,njk->nij", db="nij,nik->njk"):
    a, b = c
    return {"a": np.einsum(da, d, b), "b": np.einsum(db, a, d)}


def make_batched(rng, N, D, M):
    return {
        "a": rng.standard_normal((2 if N != D else N, N, D)),
        "b": rng.standard_normal((2 if N != D else N, D, M)),
    }


def matvec(A, v):
    return A @ v, (A, v)


def matvec_back(d, c):
    A, v = c
    return {"A": np.outer(d, v), "v": A.T @ d}


op("affine", normal(x="ND", W="DM", b="M"), affine, affine_back, "x W b")
op("affine", make_temporal, temporal, temporal_back, "x W b")
op("affine", make_batched, batched_product, batched_product_back, "a b")
op("affine", normal(A="ND", v="D"), matvec, matvec_back, "A v")

# ---------------------------------------------------------------- elementwise


def sigma(x):
    return 1 / (1 + np.exp(-x))


def elementwise(name, f, slope, make=None, **parameters):
    """Enter y = f(x) with dx = d slope(x, y)."""

    def forward(x):
        y = f(x)
        return y, (x, y)

    def backward(d, c, slope=slope):
        return {"x": d * slope(*c)}

    op("elementwise", make or normal(x="ND"), forward, backward, "x", name=name, **parameters)


def positive(rng, N, D, M):
    return {"x": 0.3 + rng.random((N, D)) * 2}


def off_zero(rng, N, D, M):
    return {"x": away(rng.standard_normal((N, D)))}


ROOT = np.sqrt(2 / np.pi)
gelu_slope = lambda x, t: 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * ROOT * (1 + 3 * 0.044715 * x**2)


def gelu(x):
    t = np.tanh(ROOT * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + t), (x, t)


def gelu_back(d, c, slope=gelu_slope):
    return {"x": d * slope(*c)}


def divide(a, b):
    return a / b, (a, b)


def divide_back(d, c):
    a, b = c
    return {"a": d / b, "b": -d * a / b**2}


def product(a, b):
    return a * b, (a, b)


def product_back(d, c):
    a, b = c
    return {"a": d * b, "b": d * a}


def where(a, b, mask):
    return np.where(mask, a, b), mask


def where_back(d, mask):
    return {"a": d * mask, "b": d * ~mask}


def make_where(rng, N, D, M):
    mask = rng.random((N, D)) < 0.5
    mask.flat[:2] = True, False
    return {"a": rng.standard_normal((N, D)), "b": rng.standard_normal((N, D)), "mask": mask}


elementwise("sigmoid", sigma, lambda x, y: y * (1 - y))
elementwise("tanh", np.tanh, lambda x, y: 1 - y**2)
elementwise("relu", lambda x: x * (x > 0), lambda x, y: x > 0, off_zero)
elementwise(
    "leaky", lambda x: np.where(x > 0, x, 0.1 * x), lambda x, y: np.where(x > 0, 1, 0.1), off_zero
)
elementwise(
    "elu",
    lambda x: np.where(x > 0, x, 0.7 * np.expm1(x)),
    lambda x, y: np.where(x > 0, 1, y + 0.7),
    off_zero,
)
elementwise("absolute", lambda x: x * np.sign(x), lambda x, y: np.sign(x), off_zero)
elementwise("cube", lambda x: x**3, lambda x, y: 3 * x**2)
elementwise("clip", lambda x: np.clip(x, -0.5, 0.5), lambda x, y: abs(x) < 0.5, off_zero)
elementwise("exp", np.exp, lambda x, y: y)
elementwise("log", np.log, lambda x, y: 1 / x, positive)
elementwise("root", np.sqrt, lambda x, y: 0.5 / y, positive)
elementwise("softplus", lambda x: np.log1p(np.exp(x)), lambda x, y: sigma(x))
elementwise("silu", lambda x: x * sigma(x), lambda x, y: sigma(x) * (1 + x * (1 - sigma(x))))
op("elementwise", normal(x="ND"), gelu, gelu_back, "x")
op(
    "elementwise",
    lambda rng, N, D, M: {"a": rng.standard_normal((N, D)), "b": 0.5 + rng.random((N, D))},
    divide,
    divide_back,
    "a b",
)
op("elementwise", normal(a="ND", b="ND"), product, product_back, "a b")
op("elementwise", make_where, where, where_back, "a b")

# ---------------------------------------------------------------- losses


def make_scores(rng, N, D, M):
    return {"x": rng.standard_normal((N, D)), "t": rng.integers(0, D, N)}


def soft(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def onehot(t, D):
    return (t[:, None] == np.arange(D)) * 1.0


def softmax(x):
    y = soft(x)
    return y, y


def softmax_back(d, y, axis=-1):
    return {"x": y * (d - (d * y).sum(axis, keepdims=True))}


def log_softmax(x):
    y = np.log(soft(x))
    return y, y


def log_softmax_back(d, y):
    return {"x": d - np.exp(y) * d.sum(-1, keepdims=True)}


def cross_entropy(x, t):
    p = soft(x)
    return -np.log(p[np.arange(len(t)), t]).mean(), (p, t)


def cross_entropy_back(d, c):
    p, t = c
    return {"x": d * (p - onehot(t, p.shape[1])) / len(t)}


def masked_cross_entropy(x, t, mask):
    p = soft(x)
    return -(np.log(p[np.arange(len(t)), t]) * mask).sum() / mask.sum(), (p, t, mask)


def masked_cross_entropy_back(d, c):
    p, t, mask = c
    return {"x": d * (p - onehot(t, p.shape[1])) * mask[:, None] / mask.sum()}


def make_masked(rng, N, D, M):
    mask = np.arange(N + 2) % 3 > 0
    return {"x": rng.standard_normal((N + 2, D)), "t": rng.integers(0, D, N + 2), "mask": mask}


def mse(x, t):
    return ((x - t) ** 2).mean(), (x, t)


def mse_back(d, c):
    x, t = c
    return {"x": 2 * d * (x - t) / x.size, "t": -2 * d * (x - t) / x.size}


def hinge(x, t):
    margins = x - x[np.arange(len(t)), t][:, None] + 1
    margins[np.arange(len(t)), t] = 0
    return (margins * (margins > 0)).sum() / len(t), (margins > 0, t)


def hinge_back(d, c):
    g = c[0] * 1.0
    g[np.arange(len(g)), c[1]] = -c[0].sum(1)
    return {"x": d * g / len(g)}


def softmax_regression(x, W, t, reg=0.3):
    p = soft(x @ W)
    loss = -np.log(p[np.arange(len(t)), t]).mean() + 0.5 * reg * (W * W).sum()
    return loss, (x, W, p, t, reg)


def softmax_regression_back(d, c, decay=1.0):
    x, W, p, t, reg = c
    g = d * (p - onehot(t, p.shape[1])) / len(t)
    return {"x": g @ W.T, "W": x.T @ g + d * decay * reg * W}


def bce_logits(x, t):
    return (np.log1p(np.exp(-abs(x))) + np.maximum(x, 0) - x * t).mean(), (x, t)


def bce_logits_back(d, c):
    x, t = c
    return {"x": d * (sigma(x) - t) / x.size}


def logsumexp(x):
    m = x.max(1, keepdims=True)
    return np.log(np.exp(x - m).sum(1)) + m[:, 0], x


def logsumexp_back(d, x):
    return {"x": d[:, None] * soft(x)}


def distillation(x, target, T=3.0):
    q, p = soft(target / T), soft(x / T)
    return T**2 * (q * (np.log(q) - np.log(p))).sum(1).mean(), (q, p, T)


def distillation_back(d, c):
    q, p, T = c
    return {"x": d * T * (p - q) / len(p)}


def huber(x, t, delta=0.7):
    e = x - t
    small = abs(e) < delta
    loss = np.where(small, 0.5 * e * e, delta * (abs(e) - 0.5 * delta))
    return loss.sum(1), (e, delta)


def huber_back(d, c):
    e, delta = c
    return {"x": d[:, None] * np.clip(e, -delta, delta)}


op("loss", normal(x="ND"), softmax, softmax_back, "x")
op("loss", normal(x="ND"), log_softmax, log_softmax_back, "x")
op("loss", make_scores, cross_entropy, cross_entropy_back, "x")
op("loss", make_masked, masked_cross_entropy, masked_cross_entropy_back, "x")
op("loss", normal(x="ND", t="ND"), mse, mse_back, "x t")
op("loss", make_scores, hinge, hinge_back, "x")
op(
    "loss",
    lambda rng, N, D, M: {**normal(x="ND", W="DM")(rng, N, D, M), "t": rng.integers(0, M, N)},
    softmax_regression,
    softmax_regression_back,
    "x W",
)
op(
    "loss",
    lambda rng, N, D, M: {
        "x": away(rng.standard_normal((N, D))),
        "t": rng.integers(0, 2, (N, D)) * 1.0,
    },
    bce_logits,
    bce_logits_back,
    "x",
)
op("loss", normal(x="ND"), logsumexp, logsumexp_back, "x")
op("loss", normal(x="ND", target="ND"), distillation, distillation_back, "x")
op("loss", normal(x="ND", t="ND"), huber, huber_back, "x")

# ---------------------------------------------------------------- normalisation

EPS = 1e-3


def normalise(x, axis):
    mu, s = x.mean(axis, keepdims=True), np.sqrt(x.var(axis, keepdims=True) + EPS)
    return (x - mu) / s, s


def normalise_back(g, xhat, s, axis, mean=1.0, variance=1.0):
    """dx = (g - mean(g) - xhat mean(g xhat)) / s: the means are the paths through mu and s."""
    return (
        g
        - mean * g.mean(axis, keepdims=True)
        - variance * xhat * (g * xhat).mean(axis, keepdims=True)
    ) / s


def batch_norm(x, gamma, beta):
    xhat, s = normalise(x, 0)
    return gamma * xhat + beta, (xhat, s, gamma)


def batch_norm_back(d, c, **paths):
    xhat, s, gamma = c
    return {
        "x": normalise_back(d * gamma, xhat, s, 0, **paths),
        "gamma": (d * xhat).sum(0),
        "beta": d.sum(0),
    }


def layer_norm(x, gamma, beta):
    xhat, s = normalise(x, -1)
    return gamma * xhat + beta, (xhat, s, gamma)


def layer_norm_back(d, c, axis=-1, **paths):
    xhat, s, gamma = c
    lead = tuple(range(d.ndim - 1))
    return {
        "x": normalise_back(d * gamma, xhat, s, axis, **paths),
        "gamma": (d * xhat).sum(lead),
        "beta": d.sum(lead),
    }


def spatial_batch_norm(x, gamma, beta):
    xhat, s = normalise(x, (0, 2, 3))
    g = gamma[:, None, None]
    return g * xhat + beta[:, None, None], (xhat, s, g)


def spatial_batch_norm_back(d, c, axes=(0, 2, 3), **paths):
    xhat, s, g = c
    return {
        "x": normalise_back(d * g, xhat, s, axes, **paths),
        "gamma": (d * xhat).sum((0, 2, 3)),
        "beta": d.sum((0, 2, 3)),
    }


def make_images(rng, N, C, H, W):
    return {
        "x": rng.standard_normal((N, C, H, W)),
        "gamma": 0.5 + rng.random(C),
        "beta": rng.standard_normal(C),
    }


def batch_norm_eval(x, gamma, beta, mean, var):
    s = np.sqrt(var + EPS)
    xhat = (x - mean) / s
    return gamma * xhat + beta, (xhat, s, gamma)


def batch_norm_eval_back(d, c):
    xhat, s, gamma = c
    return {"x": d * gamma / s, "gamma": (d * xhat).sum(0), "beta": d.sum(0)}


def standardise(x):
    """Divide by the standard deviation of each column."""
    s = np.sqrt(x.var(0) + 1e-2)
    return x / s, (x, s)


def standardise_back(d, c):
    x, s = c
    return {"x": d / s - (x - x.mean(0)) * (d * x).sum(0) / (len(x) * s**3)}


def unit_length(x):
    r = np.sqrt((x * x).sum(1, keepdims=True))
    return x / r, (x / r, r)


def unit_length_back(d, c, tangent=1.0):
    y, r = c
    return {"x": (d - tangent * y * (d * y).sum(1, keepdims=True)) / r}


def affine_shape(rng, N, D, M):
    return {
        "x": rng.standard_normal((N, D)),
        "gamma": 0.5 + rng.random(D),
        "beta": rng.standard_normal(D),
    }


NORM = {"unequal": (6, 4, 5), "equal": (5, 5, 5)}
op("norm", affine_shape, batch_norm, batch_norm_back, "x gamma beta", **NORM)
op("norm", affine_shape, layer_norm, layer_norm_back, "x gamma beta", **NORM)
op(
    "norm",
    lambda rng, N, D, M: {
        **affine_shape(rng, N, D, M),
        "x": rng.standard_normal((2 if N != D else N, 3 if N != D else N, D)),
    },
    layer_norm,
    layer_norm_back,
    "x gamma beta",
    name="layer_norm_3d",
    **NORM,
)
op(
    "norm",
    make_images,
    spatial_batch_norm,
    spatial_batch_norm_back,
    "x gamma beta",
    unequal=(2, 3, 4, 5),
    equal=(3, 3, 3, 3),
)
op(
    "norm",
    lambda rng, N, D, M: {
        **affine_shape(rng, N, D, M),
        "mean": rng.standard_normal(D),
        "var": 0.5 + rng.random(D),
    },
    batch_norm_eval,
    batch_norm_eval_back,
    "x gamma beta",
    **NORM,
)
op("norm", normal(x="ND"), standardise, standardise_back, "x", **NORM)
op("norm", normal(x="ND"), unit_length, unit_length_back, "x", **NORM)

# ---------------------------------------------------------------- convolution and pooling


def windows(H, W, k, stride):
    """Top-left corners of the k x k windows."""
    return [
        (i, j, i * stride, j * stride)
        for i in range(1 + (H - k) // stride)
        for j in range(1 + (W - k) // stride)
    ]


def conv(x, w, b, stride=1, pad=1):
    k = w.shape[-1]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    corners = windows(*xp.shape[2:], k, stride)
    y = np.zeros((len(x), len(w), corners[-1][0] + 1, corners[-1][1] + 1), xp.dtype)
    for i, j, r, s in corners:
        y[:, :, i, j] = np.einsum("ncpq,ocpq->no", xp[:, :, r : r + k, s : s + k], w) + b
    return y, (xp, w, stride, pad, x.shape)


def conv_back(d, c, flip=False, step=None, crop=None, add=True):
    xp, w, stride, pad, shape = c
    k = w.shape[-1]
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    kernel = w[:, :, ::-1, ::-1] if flip else w
    for i, j, r, s in windows(*xp.shape[2:], k, stride):
        dw += np.einsum("no,ncpq->ocpq", d[:, :, i, j], xp[:, :, r : r + k, s : s + k])
        r, s = (r, s) if step is None else (i * step, j * step)
        here = dxp[:, :, r : r + k, s : s + k]
        here[...] = add * here + np.einsum("no,ocpq->ncpq", d[:, :, i, j], kernel)
    crop = pad if crop is None else crop
    H, W = shape[2:]
    return {"x": dxp[:, :, crop : crop + H, crop : crop + W], "w": dw, "b": d.sum((0, 2, 3))}


def make_conv(rng, N, C, O, H, W):
    return {
        "x": rng.standard_normal((N, C, H, W)),
        "w": rng.standard_normal((O, C, 3, 3)),
        "b": rng.standard_normal(O),
    }


def strided_conv(x, w, b):
    return conv(x, w, b, stride=2, pad=1)


def max_pool(x, k=2):
    N, C, H, W = x.shape
    y = x.reshape(N, C, H // k, k, W // k, k).max((3, 5))
    return y, (x, y, k)


def spread(a, k):
    return a.repeat(k, 2).repeat(k, 3)


def max_pool_back(d, c, winners=None):
    x, y, k = c
    winners = (x == spread(y, k)) if winners is None else winners(x, y, k)
    return {"x": spread(d, k) * winners}


def avg_pool(x, k=2):
    N, C, H, W = x.shape
    return x.reshape(N, C, H // k, k, W // k, k).mean((3, 5)), k


def avg_pool_back(d, k):
    return {"x": spread(d, k) / k**2}


def overlapping_pool(x):
    """Average over 3 x 3 windows, stride 2, padding 1, divided by the cells inside the image."""
    xp = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    ones = np.pad(np.ones(x.shape[2:]), 1)
    cells = [
        (i, j, r, s, ones[r : r + 3, s : s + 3].sum())
        for i, j, r, s in windows(*xp.shape[2:], 3, 2)
    ]
    y = np.zeros((*x.shape[:2], cells[-1][0] + 1, cells[-1][1] + 1), x.dtype)
    for i, j, r, s, n in cells:
        y[:, :, i, j] = xp[:, :, r : r + 3, s : s + 3].sum((2, 3)) / n
    return y, (xp.shape, cells)


def overlapping_pool_back(d, c, add=True, count=None):
    dxp = np.zeros(c[0], d.dtype)
    for i, j, r, s, n in c[1]:
        here = dxp[:, :, r : r + 3, s : s + 3]
        here[...] = add * here + (d[:, :, i, j] / (count or n))[..., None, None]
    return {"x": dxp[:, :, 1:-1, 1:-1]}


def upsample(x, k=2):
    return spread(x, k), k


def upsample_back(d, k):
    N, C, H, W = d.shape
    return {"x": d.reshape(N, C, H // k, k, W // k, k).sum((3, 5))}


IMAGE = {"unequal": (2, 3, 4, 6), "equal": (4, 4, 4, 4)}
make_image = lambda rng, N, C, H, W: {"x": rng.standard_normal((N, C, H, W))}
op("conv", make_conv, conv, conv_back, "x w b", unequal=(2, 3, 4, 5, 6), equal=(3, 3, 3, 5, 5))
op(
    "conv",
    make_conv,
    strided_conv,
    conv_back,
    "x w b",
    unequal=(2, 3, 4, 5, 7),
    equal=(3, 3, 3, 5, 5),
)
op("conv", make_image, max_pool, max_pool_back, "x", **IMAGE)
op("conv", make_image, avg_pool, avg_pool_back, "x", **IMAGE)
op(
    "conv",
    make_image,
    overlapping_pool,
    overlapping_pool_back,
    "x",
    unequal=(2, 3, 5, 7),
    equal=(3, 3, 5, 5),
)
op("conv", make_image, upsample, upsample_back, "x", unequal=(2, 3, 3, 4), equal=(3, 3, 3, 3))

# ---------------------------------------------------------------- recurrent


def rnn(x, h0, Wx, Wh, b):
    h = [h0]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx + h[-1] @ Wh + b))
    return np.stack(h[1:], 1), (x, np.stack(h, 1), Wx, Wh)


def rnn_back(d, c, carry=1.0, slope=lambda h: 1 - h * h, lag=0, matrix=lambda W: W.T):
    x, h, Wx, Wh = c
    T = x.shape[1]
    g = {"x": np.zeros_like(x), "Wx": 0 * Wx, "Wh": 0 * Wh, "b": np.zeros_like(Wh[0])}
    dh = np.zeros_like(h[:, 0])
    for t in reversed(range(T)):
        dz = (d[:, t] + carry * dh) * slope(h[:, t + 1])
        g["x"][:, t] = dz @ Wx.T
        g["Wx"] += x[:, t].T @ dz
        g["Wh"] += h[:, t + lag].T @ dz
        g["b"] += dz.sum(0)
        dh = dz @ matrix(Wh)
    return {**g, "h0": dh}


def make_rnn(rng, N, T, D, H):
    return {
        "x": rng.standard_normal((N, T, D)),
        "h0": rng.standard_normal((N, H)),
        "Wx": rng.standard_normal((D, H)) / 2,
        "Wh": rng.standard_normal((H, H)) / 2,
        "b": rng.standard_normal(H),
    }


def lstm_step(x, h, s, Wx, Wh, b):
    """s is the cell state; gates in the order i, f, o, g; y stacks the new h and the new s."""
    a = (x @ Wx + h @ Wh + b).reshape(len(x), 4, -1)
    i, f, o = sigma(a[:, 0]), sigma(a[:, 1]), sigma(a[:, 2])
    g = np.tanh(a[:, 3])
    s_new = f * s + i * g
    y = np.stack([o * np.tanh(s_new), s_new])
    return y, (x, h, s, Wx, Wh, i, f, o, g, s_new)


def lstm_step_back(d, c, squash=np.tanh, forget=None, from_h=1.0, order=(0, 1, 2, 3)):
    x, h, s, Wx, Wh, i, f, o, g, s_new = c
    ds = d[1] + from_h * d[0] * o * (1 - squash(s_new) ** 2)
    gates = [
        ds * g * i * (1 - i),
        ds * s * f * (1 - f),
        d[0] * np.tanh(s_new) * o * (1 - o),
        ds * i * (1 - g * g),
    ]
    da = np.concatenate([gates[k] for k in order], 1)
    return {
        "x": da @ Wx.T,
        "h": da @ Wh.T,
        "s": ds * (f if forget is None else forget(c)),
        "Wx": x.T @ da,
        "Wh": h.T @ da,
        "b": da.sum(0),
    }


def make_lstm(rng, N, D, H):
    return {
        "x": rng.standard_normal((N, D)),
        "h": rng.standard_normal((N, H)),
        "s": rng.standard_normal((N, H)),
        "Wx": rng.standard_normal((D, 4 * H)) / 2,
        "Wh": rng.standard_normal((H, 4 * H)) / 2,
        "b": rng.standard_normal(4 * H),
    }


def gru_step(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    z, r = sigma(x @ Wz + h @ Uz), sigma(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return (1 - z) * n + z * h, (x, h, Wz, Wr, Wn, Uz, Ur, Un, z, r, n)


def gru_step_back(d, c, reset=1.0, keep=lambda z: z):
    x, h, Wz, Wr, Wn, Uz, Ur, Un, z, r, n = c
    an = d * (1 - z) * (1 - n * n)
    az = d * (h - n) * z * (1 - z)
    rh = an @ Un.T
    ar = reset * rh * h * r * (1 - r)
    return {
        "x": az @ Wz.T + ar @ Wr.T + an @ Wn.T,
        "h": d * keep(z) + az @ Uz.T + ar @ Ur.T + rh * r,
        "Wz": x.T @ az,
        "Wr": x.T @ ar,
        "Wn": x.T @ an,
        "Uz": h.T @ az,
        "Ur": h.T @ ar,
        "Un": (r * h).T @ an,
    }


def make_gru(rng, N, D, H):
    w = {
        k: rng.standard_normal((D if k[0] == "W" else H, H)) / 2
        for k in ("Wz", "Wr", "Wn", "Uz", "Ur", "Un")
    }
    return {"x": rng.standard_normal((N, D)), "h": rng.standard_normal((N, H)), **w}


def bidirectional(x, w, v):
    """A decaying sum read left to right with weights w and right to left with weights v."""
    run = lambda a: np.stack(
        [sum(a[:, s] * 0.5 ** (t - s) for s in range(t + 1)) for t in range(a.shape[1])], 1
    )
    f, r = run(x), run(x[:, ::-1])[:, ::-1]
    return np.tanh(f * w) + np.tanh(r * v), (f, r, w, v, run)


def bidirectional_back(d, c, second=lambda d, dx: d):
    f, r, w, v, run = c
    gf = d * (1 - np.tanh(f * w) ** 2)
    dx = run((gf * w)[:, ::-1])[:, ::-1]
    gr = second(d, dx) * (1 - np.tanh(r * v) ** 2)
    return {"x": dx + run(gr * v), "w": (gf * f).sum((0, 1)), "v": (gr * r).sum((0, 1))}


op("recurrent", make_rnn, rnn, rnn_back, "x h0 Wx Wh b", unequal=(2, 3, 4, 5), equal=(3, 3, 3, 3))
op(
    "recurrent",
    make_lstm,
    lstm_step,
    lstm_step_back,
    "x h s Wx Wh b",
    unequal=(2, 3, 4),
    equal=(3, 3, 3),
)
op(
    "recurrent",
    make_gru,
    gru_step,
    gru_step_back,
    "x h Wz Wr Wn Uz Ur Un",
    unequal=(2, 3, 4),
    equal=(3, 3, 3),
)
op(
    "recurrent",
    lambda rng, N, T, D: {
        "x": rng.standard_normal((N, T, D)),
        "w": rng.standard_normal(D),
        "v": rng.standard_normal(D),
    },
    bidirectional,
    bidirectional_back,
    "x w v",
    unequal=(2, 4, 3),
    equal=(3, 3, 3),
)

# ---------------------------------------------------------------- indexing and structure


def embedding(W, ids):
    return W[ids], (W.shape, ids)


def embedding_back(d, c):
    g = np.zeros(c[0], d.dtype)
    np.add.at(g, c[1], d)
    return {"W": g}


def make_embedding(rng, N, T, D):
    ids = rng.integers(0, 6, (N, T))
    ids.flat[:3] = 1, 2, 1
    return {"W": rng.standard_normal((6, D)), "ids": ids}


def flatten(x):
    return x.reshape(len(x), -1), x.shape


def flatten_back(d, shape, order="C"):
    return {"x": d.reshape(shape, order=order)}


def transpose(x):
    return x.transpose(2, 0, 1), None


def transpose_back(d, c, axes=(1, 2, 0)):
    return {"x": d.transpose(axes)}


def mean(x):
    return x.mean(1), x.shape


def mean_back(d, shape):
    return {"x": np.broadcast_to(d[:, None] / shape[1], shape).copy()}


def cumsum(x):
    return x.cumsum(1), None


def cumsum_back(d, c):
    return {"x": d[:, ::-1].cumsum(1)[:, ::-1]}


def residual(x, W):
    h = np.tanh(x @ W)
    return x + h, (x, W, h)


def residual_back(d, c, skip=1.0):
    x, W, h = c
    g = d * (1 - h * h)
    return {"x": skip * d + g @ W.T, "W": x.T @ g}


def broadcast_add(a, b):
    """a: (N, D, M) plus b: (D, 1)."""
    return a + b, None


def broadcast_add_back(d, c):
    return {"a": d * 1.0, "b": d.sum((0, 2))[:, None]}


def gather(x, ids):
    """Pick column ids[n] of every row n."""
    return x[np.arange(len(ids)), ids], (x.shape, ids)


def gather_back(d, c):
    g = np.zeros(c[0], d.dtype)
    g[np.arange(len(c[1])), c[1]] = d
    return {"x": g}


def concat(a, b):
    return np.concatenate([a, b], 1), a.shape[1]


def concat_back(d, n):
    return {"a": d[:, :n] * 1.0, "b": d[:, n:] * 1.0}


def reused(x, w):
    """x is used twice: y = x * tanh(x w)."""
    t = np.tanh(x * w)
    return x * t, (x, w, t)


def reused_back(d, c, first=1.0, second=1.0):
    x, w, t = c
    g = d * x * (1 - t * t)
    return {"x": first * d * t + second * g * w, "w": (g * x).sum(0)}


def maximum(x):
    return x.max(1), (x == x.max(1, keepdims=True))


def maximum_back(d, winner):
    return {"x": d[:, None] * winner}


def identity(x):
    return x * 1.0, None


def identity_back(d, c):
    return {"x": d * 1.0}


op("index", make_embedding, embedding, embedding_back, "W", unequal=(3, 4, 5), equal=(4, 4, 4))
op("index", normal(x="NDM"), flatten, flatten_back, "x", unequal=(2, 3, 4))
op("index", normal(x="NDM"), transpose, transpose_back, "x", unequal=(2, 3, 4))
op("index", normal(x="ND"), mean, mean_back, "x")
op("index", normal(x="ND"), cumsum, cumsum_back, "x")
op("index", normal(x="ND", W="DD"), residual, residual_back, "x W")
op(
    "index",
    lambda rng, N, D, M: {"a": rng.standard_normal((N, D, M)), "b": rng.standard_normal((D, 1))},
    broadcast_add,
    broadcast_add_back,
    "a b",
)
op(
    "index",
    lambda rng, N, D, M: {"x": rng.standard_normal((N, D)), "ids": rng.integers(0, D, N)},
    gather,
    gather_back,
    "x",
)
op(
    "index",
    lambda rng, N, D, M: {"a": rng.standard_normal((N, D)), "b": rng.standard_normal((N, M))},
    concat,
    concat_back,
    "a b",
)
op("index", normal(x="ND", w="D"), reused, reused_back, "x w")
op("index", normal(x="ND"), maximum, maximum_back, "x")
op("index", normal(x="ND"), identity, identity_back, "x")

# ---------------------------------------------------------------- attention and dropout


def attention(q, k, v):
    r = np.sqrt(q.shape[-1])
    p = soft(q @ k.T / r)
    return p @ v, (q, k, v, p, r)


def attention_back(d, c, scale=1.0, centre=1.0, mix=lambda p: p.T, keys=lambda ds: ds.T):
    q, k, v, p, r = c
    dp = d @ v.T
    ds = p * (dp - centre * (dp * p).sum(-1, keepdims=True)) / r * (scale if scale == 1 else r)
    return {"q": ds @ k, "k": keys(ds) @ q, "v": mix(p) @ d}


def causal_attention(q, k, v):
    r = np.sqrt(q.shape[-1])
    a = np.where(np.tri(len(q), dtype=bool), q @ k.T / r, -1e9)
    p = soft(a)
    return p @ v, (q, k, v, p, r)


def merge_heads(x):
    """(heads, T, d) -> (T, heads * d)."""
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1), x.shape


def merge_heads_back(d, shape):
    h, T, k = shape
    return {"x": d.reshape(T, h, k).transpose(1, 0, 2)}


def dropout(x, seed=7, keep=0.6):
    mask = (np.random.default_rng(seed).random(x.shape) < keep) / keep
    return x * mask, (mask, keep)


def dropout_back(d, c):
    return {"x": d * c[0]}


ATTENTION = {"unequal": (4, 3, 5), "equal": (4, 4, 4)}
op("attention", normal(q="ND", k="ND", v="NM"), attention, attention_back, "q k v", **ATTENTION)
op(
    "attention",
    normal(q="ND", k="ND", v="NM"),
    causal_attention,
    attention_back,
    "q k v",
    **ATTENTION,
)
op("attention", normal(x="NDM"), merge_heads, merge_heads_back, "x", unequal=(2, 3, 4))
op("attention", normal(x="ND"), dropout, dropout_back, "x", unequal=(5, 6, 5), equal=(6, 6, 6))
