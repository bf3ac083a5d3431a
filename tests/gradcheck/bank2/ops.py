"""The right forward and backward of the second bank's ops; a bug replaces one step of a backward.

Steps that sit inside a backward have a keyword argument, whose default is the right step.
"""

import numpy as np

from tests.gradcheck.bank import ops as first
from tests.gradcheck.bank.ops import Op, away, normal, onehot, sigma, soft

CATALOGUE: dict[str, Op] = {}


def op(family, make, forward, backward, wrt, **settings):
    """Enter an op into this bank's catalogue under the name of its forward."""
    name = settings.pop("name", None) or forward.__name__
    CATALOGUE[name] = Op(name, family, make, forward, backward, tuple(wrt.split()), **settings)


# ---------------------------------------------------------------- affine, products, matrices


def linear(x, W, b):
    """W: (out, in)."""
    return x @ W.T + b, (x, W)


def linear_back(d, c):
    x, W = c
    return {"x": d @ W, "W": d.T @ x, "b": d.sum(0)}


def low_rank(x, W, A, B, s=0.4):
    return x @ W + s * (x @ A) @ B, (x, W, A, B, s)


def low_rank_back(d, c, s_of_factors=None, adapter=1.0):
    x, W, A, B, s = c
    f = s if s_of_factors is None else s_of_factors
    return {
        "x": d @ W.T + adapter * s * (d @ B.T) @ A.T,
        "W": x.T @ d,
        "A": f * x.T @ (d @ B.T),
        "B": f * (x @ A).T @ d,
    }


def make_low_rank(rng, N, D, M):
    shapes = {"x": (N, D), "W": (D, M), "A": (D, 2), "B": (2, M)}
    return {k: rng.standard_normal(s) for k, s in shapes.items()}


def bilinear(x, A, z):
    """y_n = x_n^T A z_n."""
    return ((x @ A) * z).sum(1), (x, A, z)


def bilinear_back(d, c, matrix=lambda A: A.T):
    x, A, z = c
    g = d[:, None]
    return {"x": (g * z) @ matrix(A), "A": x.T @ (g * z), "z": g * (x @ A)}


def quadratic(x, A):
    """y_n = x_n^T A x_n."""
    return ((x @ A) * x).sum(1), (x, A)


def quadratic_back(d, c, matrix=lambda A: A + A.T):
    x, A = c
    return {"x": d[:, None] * (x @ matrix(A)), "A": x.T @ (d[:, None] * x)}


def gram(x):
    return x @ x.T, x


def gram_back(d, x, second=1.0):
    return {"x": d @ x + second * d.T @ x}


def outer(a, b):
    return a[:, :, None] * b[:, None, :], (a, b)


def outer_back(d, c):
    a, b = c
    return {"a": (d * b[:, None, :]).sum(2), "b": (d * a[:, :, None]).sum(1)}


def inverted(A):
    """Gauss-Jordan without pivoting, for any dtype; A is dominated by its diagonal."""
    n = len(A)
    B = np.concatenate([A, np.eye(n, dtype=A.dtype)], 1)
    for k in range(n):
        row = B[k] / B[k, k]
        B = B - np.outer(B[:, k], row)
        B[k] = row
    return B[:, n:]


def inverse(A):
    Y = inverted(A)
    return Y, Y


def inverse_back(d, Y):
    return {"A": -Y.T @ d @ Y.T}


def solve(A, b):
    """x with A x = b."""
    Y = inverted(A)
    return Y @ b, (Y, Y @ b)


def solve_back(d, c):
    Y, x = c
    g = Y.T @ d
    return {"A": -g @ x.T, "b": g}


def make_matrix(rng, N, D, M):
    return {"A": 4 * np.eye(D) + rng.standard_normal((D, D))}


def per_head(x, W):
    """Head h of x: (N, H, D) has its own W[h]: (D, M)."""
    return np.einsum("nhd,hdm->nhm", x, W), (x, W)


def per_head_back(d, c):
    x, W = c
    return {"x": np.einsum("nhm,hdm->nhd", d, W), "W": np.einsum("nhd,nhm->hdm", x, d)}


op("affine", normal(x="ND", W="MD", b="M"), linear, linear_back, "x W b")
op("affine", make_low_rank, low_rank, low_rank_back, "x W A B")
op("affine", normal(x="ND", A="DD", z="ND"), bilinear, bilinear_back, "x A z")
op("affine", normal(x="ND", A="DD"), quadratic, quadratic_back, "x A")
op("affine", normal(x="ND"), gram, gram_back, "x")
op("affine", normal(a="ND", b="NM"), outer, outer_back, "a b")
op("affine", make_matrix, inverse, inverse_back, "A")
op(
    "affine",
    lambda rng, N, D, M: {**make_matrix(rng, N, D, M), "b": rng.standard_normal((D, M))},
    solve,
    solve_back,
    "A b",
)
op(
    "affine",
    lambda rng, N, D, M: {
        "x": rng.standard_normal((N, 2, D)),
        "W": rng.standard_normal((2, D, M)),
    },
    per_head,
    per_head_back,
    "x W",
)

# ---------------------------------------------------------------- elementwise


def hard_sigmoid(x):
    return np.clip(x / 6 + 0.5, 0, 1), x


def hard_sigmoid_back(d, x, slope=1 / 6):
    return {"x": d * slope * (abs(x) < 3)}


def prelu(x, a):
    return np.where(x > 0, x, a * x), (x, a)


def prelu_back(d, c):
    x, a = c
    return {"x": d * np.where(x > 0, 1, a), "a": (d * x * (x <= 0)).sum(0)}


def arctan2(a, b):
    return np.arctan2(a, b), (a, b)


def arctan2_back(d, c):
    a, b = c
    r = a * a + b * b
    return {"a": d * b / r, "b": -d * a / r}


def power(a, p):
    return a**p, (a, p)


def power_back(d, c):
    a, p = c
    return {"a": d * p * a ** (p - 1), "p": d * a**p * np.log(a)}


def logit(x):
    return np.log(x / (1 - x)), x


def logit_back(d, x):
    return {"x": d * (1 / x + 1 / (1 - x))}


SCALE, ALPHA = 1.0507, 1.6733


def selu(x):
    return SCALE * np.where(x > 0, x, ALPHA * np.expm1(x)), x


def selu_back(d, x, negative=SCALE * ALPHA):
    return {"x": d * np.where(x > 0, SCALE, negative * np.exp(x))}


def softshrink(x):
    return np.sign(x) * np.maximum(abs(x) - 0.4, 0), x


def softshrink_back(d, x):
    return {"x": d * (abs(x) > 0.4)}


def larger(a, b):
    return np.maximum(a, b), a > b


def larger_back(d, first):
    return {"a": d * first, "b": d * ~first}


def swiglu(a, b):
    return a * sigma(a) * b, (a, b)


def swiglu_back(d, c):
    a, b = c
    s = sigma(a)
    return {"a": d * b * (s + a * s * (1 - s)), "b": d * a * s}


def fourier(x, W):
    """Sines and cosines of x W, side by side."""
    z = x @ W
    return np.concatenate([np.sin(z), np.cos(z)], 1), (x, W, z)


def fourier_back(d, c, sign=-1.0):
    x, W, z = c
    m = W.shape[1]
    g = d[:, :m] * np.cos(z) + sign * d[:, m:] * np.sin(z)
    return {"x": g @ W.T, "W": x.T @ g}


def softsign(x):
    return x / (1 + abs(x)), x


def softsign_back(d, x):
    return {"x": d / (1 + abs(x)) ** 2}


def swish(x, beta):
    """beta: one per column."""
    s = sigma(beta * x)
    return x * s, (x, beta, s)


def swish_back(d, c):
    x, beta, s = c
    return {"x": d * (s + beta * x * s * (1 - s)), "beta": (d * x * x * s * (1 - s)).sum(0)}


draw = lambda scale: lambda rng, N, D, M: {"x": away(scale * rng.standard_normal((N, D)))}
op("elementwise", draw(3), hard_sigmoid, hard_sigmoid_back, "x")
op(
    "elementwise",
    lambda rng, N, D, M: {"x": away(rng.standard_normal((N, D))), "a": rng.random(D)},
    prelu,
    prelu_back,
    "x a",
)
op(
    "elementwise",
    lambda rng, N, D, M: {
        "a": away(rng.standard_normal((N, D)), 0.3),
        "b": away(rng.standard_normal((N, D)), 0.3),
    },
    arctan2,
    arctan2_back,
    "a b",
)
op(
    "elementwise",
    lambda rng, N, D, M: {"a": 0.3 + 2 * rng.random((N, D)), "p": rng.standard_normal((N, D))},
    power,
    power_back,
    "a p",
)
op(
    "elementwise",
    lambda rng, N, D, M: {"x": 0.1 + 0.8 * rng.random((N, D))},
    logit,
    logit_back,
    "x",
)
op("elementwise", draw(1), selu, selu_back, "x")
op("elementwise", draw(1), softshrink, softshrink_back, "x")
op("elementwise", normal(a="ND", b="ND"), larger, larger_back, "a b")
op("elementwise", normal(a="ND", b="ND"), swiglu, swiglu_back, "a b")
op("elementwise", normal(x="ND", W="DM"), fourier, fourier_back, "x W")
op("elementwise", draw(1), softsign, softsign_back, "x")
op("elementwise", normal(x="ND", beta="D"), swish, swish_back, "x beta")

# ---------------------------------------------------------------- losses and regularisers


def picked(p, t):
    return p[np.arange(len(t)), t]


def smoothed_cross_entropy(x, t, eps=0.3):
    p, D = soft(x), x.shape[1]
    q = (1 - eps) * onehot(t, D) + eps / D
    return -(q * np.log(p)).sum(1).mean(), (p, q, t)


def smoothed_cross_entropy_back(d, c):
    p, q, t = c
    return {"x": d * (p - q) / len(t)}


def focal(x, t, gamma=2):
    s = 2 * t - 1
    p = sigma(s * x)
    return (-((1 - p) ** gamma) * np.log(p)).mean(), (p, s, gamma)


def focal_back(d, c, factor=1.0):
    p, s, gamma = c
    through = gamma * (1 - p) ** gamma * p * np.log(p)
    return {"x": d * s * (factor * through - (1 - p) ** (gamma + 1)) / p.size}


def weighted_cross_entropy(x, t, weights):
    p, w = soft(x), weights[t]
    return -(w * np.log(picked(p, t))).sum() / w.sum(), (p, t, w)


def weighted_cross_entropy_back(d, c):
    p, t, w = c
    return {"x": d * (p - onehot(t, p.shape[1])) * w[:, None] / w.sum()}


def ignoring_cross_entropy(x, t):
    """Rows with t = -1 do not count."""
    p, keep = soft(x), t >= 0
    return -(np.log(picked(p, t)) * keep).sum() / keep.sum(), (p, t, keep)


def ignoring_cross_entropy_back(d, c):
    p, t, keep = c
    return {"x": d * (p - onehot(t, p.shape[1])) * keep[:, None] / keep.sum()}


def make_ignored(rng, N, D, M):
    t = rng.integers(0, D, N + 2)
    t[[1, -1]] = -1
    return {"x": rng.standard_normal((N + 2, D)), "t": t}


def smooth_l1(x, t, beta=0.6):
    e = x - t
    return np.where(abs(e) < beta, e * e / (2 * beta), abs(e) - beta / 2).mean(1), (e, beta)


def smooth_l1_back(d, c, inner=None):
    e, beta = c
    g = d[:, None] * np.where(abs(e) < beta, e / (inner or beta), np.sign(e)) / e.shape[1]
    return {"x": g, "t": -g}


def triplet(a, p, n, margin=1.0):
    m = ((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + margin
    return np.maximum(m, 0), (a, p, n, m > 0)


def triplet_back(d, c, active=lambda on: on):
    a, p, n, on = c
    g = (2 * d * active(on))[:, None]
    return {"a": g * (n - p), "p": g * (p - a), "n": g * (a - n)}


def cosine(x, z):
    r, s = (np.sqrt((v * v).sum(1, keepdims=True)) for v in (x, z))
    y = (x * z).sum(1, keepdims=True) / (r * s)
    return y[:, 0], (x, z, r, s, y)


def cosine_back(d, c, tangent=1.0):
    x, z, r, s, y = c
    g = d[:, None]
    return {
        "x": g * (z / s - tangent * y * x / r) / r,
        "z": g * (x / r - tangent * y * z / s) / s,
    }


def lasso(x, W, b, t, reg=0.2):
    """Mean squared error plus reg times the sum of absolute weights."""
    e = x @ W + b - t
    return (e * e).mean() + reg * abs(W).sum(), (x, W, b, e, reg)


def lasso_back(d, c, penalty=np.sign, bias=0.0):
    x, W, b, e, reg = c
    g = 2 * d * e / e.size
    return {
        "x": g @ W.T,
        "W": x.T @ g + d * reg * penalty(W),
        "b": g.sum(0) + d * bias * reg * b,
    }


def gaussian_nll(mu, s, t):
    """s is the logarithm of the variance."""
    e = mu - t
    return 0.5 * (np.exp(-s) * e * e + s).sum(1), (e, s)


def gaussian_nll_back(d, c):
    e, s = c
    g = d[:, None]
    return {"mu": g * np.exp(-s) * e, "s": 0.5 * g * (1 - np.exp(-s) * e * e)}


def kl_to_standard_normal(mu, s):
    return 0.5 * (np.exp(s) + mu * mu - 1 - s).sum(1), (mu, s)


def kl_to_standard_normal_back(d, c):
    mu, s = c
    return {"mu": d[:, None] * mu, "s": 0.5 * d[:, None] * (np.exp(s) - 1)}


def cross_entropies(x, t):
    """One loss per sample."""
    p = soft(x)
    return -np.log(picked(p, t)), (p, t)


def cross_entropies_back(d, c):
    p, t = c
    return {"x": d[:, None] * (p - onehot(t, p.shape[1]))}


def dice(x, t):
    p = sigma(x)
    top, bottom = 2 * (p * t).sum(1), p.sum(1) + t.sum(1) + 1
    return 1 - top / bottom, (p, t, top, bottom)


def dice_back(d, c, through_bottom=1.0):
    p, t, top, bottom = (v[:, None] if v.ndim == 1 else v for v in c)
    g = -2 * t / bottom + through_bottom * top / bottom**2
    return {"x": d[:, None] * g * p * (1 - p)}


def infonce(a, b, tau=0.7):
    """Row n of a should match row n of b, among all rows of b."""
    p = soft(a @ b.T / tau)
    return -np.log(np.diagonal(p)).mean(), (a, b, p, tau)


def infonce_back(d, c, positives=1.0):
    a, b, p, tau = c
    g = d * (p - positives * np.eye(len(p))) / (tau * len(p))
    return {"a": g @ b, "b": g.T @ a}


NLL = {"unequal": (3, 4, 5), "equal": (4, 4, 4)}
labels = lambda rng, N, D: rng.integers(0, D, N)
binary = lambda rng, N, D, M: {
    "x": rng.standard_normal((N, D)),
    "t": (rng.random((N, D)) < 0.5) * 1.0,
}
scores = lambda rng, N, D, M: {"x": rng.standard_normal((N, D)), "t": labels(rng, N, D)}
op("loss", scores, smoothed_cross_entropy, smoothed_cross_entropy_back, "x", **NLL)
op("loss", binary, focal, focal_back, "x")
op(
    "loss",
    lambda rng, N, D, M: {**scores(rng, N, D, M), "weights": 0.3 + 2 * rng.random(D)},
    weighted_cross_entropy,
    weighted_cross_entropy_back,
    "x",
    unequal=(5, 4, 5),
    equal=(5, 5, 5),
)
op("loss", make_ignored, ignoring_cross_entropy, ignoring_cross_entropy_back, "x")
op("loss", normal(x="ND", t="ND"), smooth_l1, smooth_l1_back, "x t")
op(
    "loss",
    normal(a="ND", p="ND", n="ND"),
    triplet,
    triplet_back,
    "a p n",
    unequal=(6, 3, 2),
    equal=(5, 5, 5),
)
op("loss", normal(x="ND", z="ND"), cosine, cosine_back, "x z")
op(
    "loss",
    lambda rng, N, D, M: {
        "x": rng.standard_normal((N, D)),
        "W": away(rng.standard_normal((D, M))),
        "b": rng.standard_normal(M),
        "t": rng.standard_normal((N, M)),
    },
    lasso,
    lasso_back,
    "x W b",
)
op("loss", normal(mu="ND", s="ND", t="ND"), gaussian_nll, gaussian_nll_back, "mu s")
op("loss", normal(mu="ND", s="ND"), kl_to_standard_normal, kl_to_standard_normal_back, "mu s")
op("loss", scores, cross_entropies, cross_entropies_back, "x", **NLL)
op("loss", normal(x="ND"), first.log_softmax, first.log_softmax_back, "x")
op("loss", binary, dice, dice_back, "x")
op("loss", normal(a="ND", b="ND"), infonce, infonce_back, "a b")

# ---------------------------------------------------------------- normalisation

EPS = 1e-3


def rms_norm(x, gamma):
    r = np.sqrt((x * x).mean(-1, keepdims=True) + EPS)
    return gamma * x / r, (x, r, gamma)


def rms_norm_back(d, c, through_r=1.0):
    x, r, gamma = c
    g = d * gamma
    return {
        "x": g / r - through_r * x * (g * x).mean(-1, keepdims=True) / r**3,
        "gamma": (d * x / r).sum(0),
    }


def group_norm(x, gamma, beta, groups=2):
    """x: (N, C, L), normalised over the channels of a group and over L."""
    N, C, L = x.shape
    xhat, s = first.normalise(x.reshape(N, groups, -1), -1)
    xhat = xhat.reshape(x.shape)
    return gamma[:, None] * xhat + beta[:, None], (xhat, s, gamma, groups)


def group_norm_back(d, c, groups_of_means=None):
    xhat, s, gamma, groups = c
    N, C, L = d.shape
    n = groups_of_means or groups
    s = s.repeat(n // groups, 1)
    cells = lambda a: a.reshape(N, n, -1)
    dx = first.normalise_back(cells(d * gamma[:, None]), cells(xhat), s, -1)
    return {"x": dx.reshape(d.shape), "gamma": (d * xhat).sum((0, 2)), "beta": d.sum((0, 2))}


def make_channels(rng, N, C, L):
    return {
        "x": rng.standard_normal((N, C, L)),
        "gamma": 0.5 + rng.random(C),
        "beta": rng.standard_normal(C),
    }


def instance_norm(x, gamma, beta):
    xhat, s = first.normalise(x, -1)
    return gamma[:, None] * xhat + beta[:, None], (xhat, s, gamma)


def instance_norm_back(d, c):
    xhat, s, gamma = c
    return {
        "x": first.normalise_back(d * gamma[:, None], xhat, s, -1),
        "gamma": (d * xhat).sum((0, 2)),
        "beta": d.sum((0, 2)),
    }


def weight_norm(x, v, g):
    """y = x W with the columns of W of length g and direction v."""
    r = np.sqrt((v * v).sum(0))
    u = v / r
    return x @ (g * u), (x, u, r, g)


def weight_norm_back(d, c, tangent=1.0, length=lambda dW, u, r: (dW * u).sum(0)):
    x, u, r, g = c
    dW = x.T @ d
    return {
        "x": d @ (g * u).T,
        "v": g / r * (dW - tangent * u * (dW * u).sum(0)),
        "g": length(dW, u, r),
    }


def batch_norm_back(d, c, inner=lambda d, gamma: d * gamma):
    """inner: the upstream that the two means are taken of."""
    xhat, s, gamma = c
    g = inner(d, gamma)
    dx = (d * gamma - g.mean(0) - xhat * (g * xhat).mean(0)) / s
    return {"x": dx, "gamma": (d * xhat).sum(0), "beta": d.sum(0)}


GROUPS = {"unequal": (3, 4, 5), "equal": (4, 4, 4)}
op(
    "norm",
    lambda rng, N, D, M: {"x": rng.standard_normal((N, D)), "gamma": 0.5 + rng.random(D)},
    rms_norm,
    rms_norm_back,
    "x gamma",
    **first.NORM,
)
op("norm", make_channels, group_norm, group_norm_back, "x gamma beta", **GROUPS)
op("norm", make_channels, instance_norm, instance_norm_back, "x gamma beta", **GROUPS)
op("norm", normal(x="ND", v="DM", g="M"), weight_norm, weight_norm_back, "x v g")
op("norm", first.affine_shape, first.batch_norm, batch_norm_back, "x gamma beta", **first.NORM)
op(
    "norm",
    first.affine_shape,
    first.layer_norm,
    first.layer_norm_back,
    "x gamma beta",
    **first.NORM,
)

# ---------------------------------------------------------------- convolution and resampling


def conv1d(x, w, b, pad=1, dilation=1):
    """x: (N, C, L), w: (O, C, K)."""
    K = w.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad)))
    L = xp.shape[2] - dilation * (K - 1)
    y = sum(
        np.einsum("ncl,oc->nol", xp[:, :, k * dilation : k * dilation + L], w[:, :, k])
        for k in range(K)
    )
    return y + b[:, None], (xp, w, pad, dilation)


def conv1d_back(d, c, step=None, of_dw=lambda xp: xp):
    xp, w, pad, dilation = c
    L, K = d.shape[2], w.shape[2]
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for k in range(K):
        at = k * (step or dilation)
        dxp[:, :, at : at + L] += np.einsum("nol,oc->ncl", d, w[:, :, k])
        at = k * dilation
        dw[:, :, k] = np.einsum("nol,ncl->oc", d, of_dw(xp)[:, :, at : at + L])
    return {"x": dxp[:, :, pad : dxp.shape[2] - pad], "w": dw, "b": d.sum((0, 2))}


def dilated(x, w, b):
    return conv1d(x, w, b, pad=2, dilation=2)


def make_conv1d(rng, N, C, O, L):
    return {
        "x": rng.standard_normal((N, C, L)),
        "w": rng.standard_normal((O, C, 3)),
        "b": rng.standard_normal(O),
    }


def depthwise(x, w):
    """Every channel has its own kernel w: (C, K)."""
    L = x.shape[2] - w.shape[1] + 1
    return sum(x[:, :, k : k + L] * w[:, k, None] for k in range(w.shape[1])), (x, w)


def depthwise_back(d, c, of_dw=lambda d: d):
    x, w = c
    L = d.shape[2]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(w.shape[1]):
        dx[:, :, k : k + L] += d * w[:, k, None]
        dw[:, k] = (of_dw(d) * x[:, :, k : k + L]).sum((0, 2))
    return {"x": dx, "w": dw}


def causal(x, w):
    """y_t = sum_k w_k x_{t-k}, per channel; w: (C, K)."""
    return causal_sum(x, w), (x, w)


def causal_sum(x, w):
    K, L = w.shape[1], x.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (K - 1, 0)))
    return sum(w[:, k, None] * xp[:, :, K - 1 - k : K - 1 - k + L] for k in range(K))


def causal_back(d, c, turn=lambda a: a[:, :, ::-1]):
    x, w = c
    K, L = w.shape[1], x.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (K - 1, 0)))
    dw = [(d * xp[:, :, K - 1 - k : K - 1 - k + L]).sum((0, 2)) for k in range(K)]
    return {"x": turn(causal_sum(turn(d), w)), "w": np.stack(dw, 1)}


def grouped(x, w):
    """Channels in two groups, each with its own w: (2, O, C)."""
    N, C, L = x.shape
    xg = x.reshape(N, 2, C // 2, L)
    y = np.einsum("ngcl,goc->ngol", xg, w)
    return y.reshape(N, -1, L), (xg, w)


def grouped_back(d, c, done=2):
    """done: the number of groups that the loop goes through."""
    xg, w = c
    N, _, C, L = xg.shape
    dg = d.reshape(N, 2, -1, L)
    dx, dw = np.zeros_like(xg), np.zeros_like(w)
    for g in range(done):
        dx[:, g] = np.einsum("nol,oc->ncl", dg[:, g], w[g])
        dw[g] = np.einsum("nol,ncl->oc", dg[:, g], xg[:, g])
    return {"x": dx.reshape(N, -1, L), "w": dw}


def make_grouped(rng, N, C, O, L):
    return {"x": rng.standard_normal((N, 2 * C, L)), "w": rng.standard_normal((2, O, C))}


def global_average(x):
    return x.mean((2, 3)), x.shape


def global_average_back(d, shape, area=lambda H, W: H * W):
    return {"x": np.ones(shape) * d[:, :, None, None] / area(*shape[2:])}


def norm_pool(x):
    """Length of the vectors of two neighbours."""
    pairs = x.reshape(*x.shape[:2], -1, 2)
    y = np.sqrt((pairs * pairs).sum(-1))
    return y, (pairs, y)


def norm_pool_back(d, c):
    pairs, y = c
    return {"x": ((d / y)[..., None] * pairs).reshape(*d.shape[:2], -1)}


def linear_upsample(x):
    """Twice as long; new points are means of neighbours, the last repeats the border."""
    right = np.concatenate([x[:, :, 1:], x[:, :, -1:]], 2)
    return np.stack([x, (x + right) / 2], 3).reshape(*x.shape[:2], -1), None


def linear_upsample_back(d, c, border=1.0):
    own, half = d[:, :, ::2], d[:, :, 1::2] / 2
    dx = own + half
    dx[:, :, 1:] += half[:, :, :-1]
    dx[:, :, -1] += border * half[:, :, -1]
    return {"x": dx}


def reflect_pad(x):
    return np.pad(x, ((0, 0), (0, 0), (1, 1)), mode="reflect"), None


def reflect_pad_back(d, c, mirrored=1.0):
    dx = d[:, :, 1:-1].copy()
    dx[:, :, 1] += mirrored * d[:, :, 0]
    dx[:, :, -2] += mirrored * d[:, :, -1]
    return {"x": dx}


def frames(x, size=3, hop=2):
    """Overlapping frames of a signal: (N, L) -> (N, frames, size)."""
    at = np.arange(0, x.shape[1] - size + 1, hop)[:, None] + np.arange(size)
    return x[:, at], (x.shape, at)


def frames_back(d, c):
    g = np.zeros(c[0])
    np.add.at(g, (slice(None), c[1]), d)
    return {"x": g}


def pixel_shuffle(x, r=2):
    """(N, C r r, H, W) -> (N, C, H r, W r)."""
    N, C, H, W = x.shape
    y = x.reshape(N, -1, r, r, H, W).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(N, C // r**2, H * r, W * r), (x.shape, r)


def pixel_shuffle_back(d, c, order=(0, 1, 3, 5, 2, 4)):
    (N, C, H, W), r = c
    g = d.reshape(N, C // r**2, H, r, W, r).transpose(order)
    return {"x": g.reshape(N, C, H, W)}


def running_max(x):
    """Maximum over windows of three, stride one."""
    at = np.arange(x.shape[1] - 2)[:, None] + np.arange(3)
    return x[:, at].max(2), (x.shape, at[:, 0] + x[:, at].argmax(2))


def running_max_back(d, c):
    g = np.zeros(c[0])
    np.add.at(g, (np.arange(len(d))[:, None], c[1]), d)
    return {"x": g}


SIGNAL = {"unequal": (2, 3, 4, 7), "equal": (4, 4, 4, 4)}
op("conv", make_conv1d, conv1d, conv1d_back, "x w b", **SIGNAL)
op("conv", make_conv1d, dilated, conv1d_back, "x w b", **SIGNAL)
kernels = lambda rng, N, C, L: {
    "x": rng.standard_normal((N, C, L)),
    "w": rng.standard_normal((C, 3)),
}
op("conv", kernels, depthwise, depthwise_back, "x w", unequal=(2, 3, 7), equal=(5, 5, 5))
op("conv", kernels, causal, causal_back, "x w", unequal=(2, 3, 7), equal=(5, 5, 5))
op("conv", make_grouped, grouped, grouped_back, "x w", unequal=(3, 2, 4, 5), equal=(4, 2, 2, 4))
op("conv", first.make_image, global_average, global_average_back, "x", **first.IMAGE)
op("conv", normal(x="NDM"), norm_pool, norm_pool_back, "x", unequal=(2, 3, 8))
op("conv", normal(x="NDM"), linear_upsample, linear_upsample_back, "x", unequal=(2, 3, 5))
op("conv", normal(x="NDM"), reflect_pad, reflect_pad_back, "x", unequal=(2, 3, 6))
op("conv", normal(x="ND"), frames, frames_back, "x", unequal=(3, 7, 1), equal=(5, 5, 5))
op(
    "conv",
    first.make_image,
    pixel_shuffle,
    pixel_shuffle_back,
    "x",
    unequal=(2, 8, 3, 4),
    equal=(4, 4, 4, 4),
)
op("conv", normal(x="ND"), running_max, running_max_back, "x", unequal=(3, 8, 1), equal=(6, 6, 6))

# ---------------------------------------------------------------- recurrent


def rnn_back(d, c, assign=False, of_h0=lambda dz, dh: dh):
    """The backward of first.rnn.   of_h0: what is returned for h0."""
    x, h, Wx, Wh = c
    g = {"x": np.zeros_like(x), "Wx": 0 * Wx, "Wh": 0 * Wh, "b": np.zeros_like(Wh[0])}
    dh = np.zeros_like(h[:, 0])
    for t in reversed(range(x.shape[1])):
        dz = (d[:, t] + dh) * (1 - h[:, t + 1] ** 2)
        g["x"][:, t] = dz @ Wx.T
        g["Wx"] += x[:, t].T @ dz
        g["Wh"] = h[:, t].T @ dz + (0 if assign else g["Wh"])
        g["b"] += dz.sum(0)
        dh = dz @ Wh.T
    return {**g, "h0": of_h0(dz, dh)}


def last_state(x, Wx, Wh):
    """The last state of a tanh network that starts at zero."""
    h = [np.zeros_like(x[:, 0] @ Wx)]
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t] @ Wx + h[-1] @ Wh))
    return h[-1], (x, h, Wx, Wh)


def last_state_back(d, c, steps=None):
    """steps: how far back the loop goes (all the way by default)."""
    x, h, Wx, Wh = c
    T = x.shape[1]
    g = {"x": np.zeros_like(x), "Wx": 0 * Wx, "Wh": 0 * Wh}
    for t in reversed(range(T - (steps or T), T)):
        dz = d * (1 - h[t + 1] ** 2)
        g["x"][:, t] = dz @ Wx.T
        g["Wx"] += x[:, t].T @ dz
        g["Wh"] += h[t].T @ dz
        d = dz @ Wh.T
    return g


def lstm(x, Wx, Wh, b):
    """All hidden states of an LSTM that starts at zero; gates in the order i, f, o, g."""
    N, H = len(x), len(Wh)
    h = s = np.zeros((N, H), x.dtype)
    steps = []
    for t in range(x.shape[1]):
        y, c = first.lstm_step(x[:, t], h, s, Wx, Wh, b)
        steps.append((y, c))
        h, s = y
    return np.stack([y[0] for y, c in steps], 1), [c for y, c in steps]


def lstm_back(d, cells, carry_cell=1.0, before=lambda s, s_new: s):
    g = {}
    dx, dh = [], np.zeros_like(d[:, 0])
    ds = np.zeros_like(dh)
    for t, c in reversed(list(enumerate(cells))):
        x, h, s, Wx, Wh, i, f, o, u, s_new = c
        c = x, h, before(s, s_new), Wx, Wh, i, f, o, u, s_new
        step = first.lstm_step_back(np.stack([d[:, t] + dh, carry_cell * ds]), c)
        dh, ds = step["h"], step["s"]
        dx.insert(0, step["x"])
        g = {k: g.get(k, 0) + step[k] for k in ("Wx", "Wh", "b")}
    return {**g, "x": np.stack(dx, 1)}


def make_lstm(rng, N, T, D, H):
    return {
        "x": rng.standard_normal((N, T, D)),
        "Wx": rng.standard_normal((D, 4 * H)) / 2,
        "Wh": rng.standard_normal((H, 4 * H)) / 2,
        "b": rng.standard_normal(4 * H),
    }


def scan(a, x):
    """h_t = a_t h_{t-1} + x_t over (N, T)."""
    h = [np.zeros_like(x[:, 0])]
    for t in range(x.shape[1]):
        h.append(a[:, t] * h[-1] + x[:, t])
    return np.stack(h[1:], 1), (a, np.stack(h, 1))


def scan_back(d, c, decay=lambda a, t: a[:, t]):
    a, h = c
    da, dx = np.zeros_like(a), np.zeros_like(a)
    carry = 0
    for t in reversed(range(a.shape[1])):
        dx[:, t] = d[:, t] + carry
        da[:, t] = dx[:, t] * h[:, t]
        carry = dx[:, t] * decay(a, t)
    return {"a": da, "x": dx}


def smoothing(x, beta):
    """y_t = beta y_{t-1} + (1 - beta) x_t with one beta per column of x: (T, D)."""
    y = [np.zeros_like(x[0])]
    for row in x:
        y.append(beta * y[-1] + (1 - beta) * row)
    return np.stack(y[1:]), (x, np.stack(y), beta)


def smoothing_back(d, c, carried=1.0):
    """carried: whether beta's gradient goes through the earlier outputs."""
    x, y, beta = c
    dx, dbeta, carry = np.zeros_like(x), 0 * beta, 0
    for t in reversed(range(len(x))):
        g = d[t] + carry
        dx[t] = (1 - beta) * g
        dbeta = dbeta + (d[t] + carried * carry) * (y[t] - x[t])
        carry = beta * g
    return {"x": dx, "beta": dbeta}


def ragged_sums(x, lengths):
    """Running sums of sequences x: (N, T, D), nothing after their lengths."""
    mask = (np.arange(x.shape[1]) < lengths[:, None])[..., None]
    return (x * mask).cumsum(1) * mask, mask


def ragged_sums_back(d, mask, outer=lambda m: m, inner=lambda m: m):
    g = (d * inner(mask))[:, ::-1].cumsum(1)[:, ::-1]
    return {"x": g * outer(mask)}


def gru_step_back(d, c, sign=1.0):
    x, h, Wz, Wr, Wn, Uz, Ur, Un, z, r, n = c
    an = d * (1 - z) * (1 - n * n)
    az = sign * d * (h - n) * z * (1 - z)
    rh = an @ Un.T
    ar = rh * h * r * (1 - r)
    return {
        "x": az @ Wz.T + ar @ Wr.T + an @ Wn.T,
        "h": d * z + az @ Uz.T + ar @ Ur.T + rh * r,
        "Wz": x.T @ az,
        "Wr": x.T @ ar,
        "Wn": x.T @ an,
        "Uz": h.T @ az,
        "Ur": h.T @ ar,
        "Un": (r * h).T @ an,
    }


STEPS = {"unequal": (2, 4, 3, 5), "equal": (3, 3, 3, 3)}
op("recurrent", first.make_rnn, first.rnn, rnn_back, "x h0 Wx Wh b", **STEPS)
op(
    "recurrent",
    lambda rng, *sizes: {
        k: v for k, v in first.make_rnn(rng, *sizes).items() if k in ("x", "Wx", "Wh")
    },
    last_state,
    last_state_back,
    "x Wx Wh",
    **STEPS,
)
op("recurrent", make_lstm, lstm, lstm_back, "x Wx Wh b", unequal=(2, 3, 4, 2), equal=(3, 3, 3, 3))
op("recurrent", normal(a="ND", x="ND"), scan, scan_back, "a x", unequal=(3, 5, 1))
op(
    "recurrent",
    lambda rng, T, D, M: {"x": rng.standard_normal((T, D)), "beta": 0.2 + 0.7 * rng.random(D)},
    smoothing,
    smoothing_back,
    "x beta",
    unequal=(5, 3, 1),
)
op(
    "recurrent",
    lambda rng, N, T, D: {
        "x": rng.standard_normal((N, T, D)),
        "lengths": 1 + np.arange(N) % (T - 1),
    },
    ragged_sums,
    ragged_sums_back,
    "x",
    unequal=(3, 5, 2),
)
op(
    "recurrent",
    first.make_gru,
    first.gru_step,
    gru_step_back,
    "x h Wz Wr Wn Uz Ur Un",
    unequal=(2, 3, 4),
    equal=(3, 3, 3),
)

# ---------------------------------------------------------------- indexing and structure


def every_other(x):
    return x[:, ::2] * 1.0, x.shape


def every_other_back(d, shape):
    g = np.zeros(shape)
    g[:, ::2] = d
    return {"x": g}


def roll(x):
    return np.roll(x, 1, 1), None


def roll_back(d, c, by=-1):
    return {"x": np.roll(d, by, 1)}


def sort(x):
    order = x.argsort(1)
    return np.take_along_axis(x, order, 1), order


def sort_back(d, order, where=lambda order: order.argsort(1)):
    return {"x": np.take_along_axis(d, where(order), 1)}


def cumprod(x):
    y = x.cumprod(1)
    return y, (x, y)


def cumprod_back(d, c, turn=lambda a: a[:, ::-1]):
    x, y = c
    return {"x": turn(turn(d * y).cumsum(1)) / x}


def variance(x):
    """Of each row, with n - 1."""
    return x.var(1, ddof=1), x


def variance_back(d, x, less=1):
    e = x - x.mean(1, keepdims=True)
    return {"x": 2 * d[:, None] * e / (x.shape[1] - less)}


def prod(x):
    y = x.prod(1, keepdims=True)
    return y[:, 0], (x, y)


def prod_back(d, c):
    x, y = c
    return {"x": d[:, None] * y / x}


def repeat(x):
    """Every column three times, side by side."""
    return x.repeat(3, 1), x.shape


def repeat_back(d, shape):
    return {"x": d.reshape(*shape, 3).sum(2)}


def scale_rows(x, a):
    """a: (N, 1)."""
    return a * x, (a, x)


def scale_rows_back(d, c):
    a, x = c
    return {"x": a * d, "a": (d * x).sum(1, keepdims=True)}


def segment_mean(x, ids):
    """Mean of the rows of x with the same id, of 0, 1, 2."""
    member = (ids == np.arange(3)[:, None]) * 1.0
    counts = member.sum(1, keepdims=True)
    return member @ x / counts, (member, counts)


def segment_mean_back(d, c):
    member, counts = c
    return {"x": member.T @ (d / counts)}


def lower(x):
    return np.tril(x), None


def lower_back(d, c):
    return {"x": np.tril(d)}


def padded_embedding(W, ids):
    """Id 0 is padding and stands for zeros."""
    return W[ids] * (ids > 0)[..., None], (W.shape, ids)


def padded_embedding_back(d, c, mask=lambda ids: ids > 0):
    g = np.zeros(c[0])
    np.add.at(g, c[1], d * mask(c[1])[..., None])
    return {"W": g}


def make_padded(rng, N, T, D):
    ids = rng.integers(0, 5, (N, T))
    ids.flat[:3] = 0, 1, 0
    return {"W": rng.standard_normal((5, D)), "ids": ids}


def join(a, b):
    return np.concatenate([a, b], 1), a.shape[1]


def join_back(d, n):
    return {"a": d[:, :n] * 1.0, "b": d[:, n:] * 1.0}


def safe_log(x, mask):
    """log x where the mask is true, else 0; x may be zero elsewhere."""
    return np.where(mask, np.log(np.where(mask, x, 1)), 0), (x, mask)


def safe_log_back(d, c):
    x, mask = c
    return {"x": np.where(mask, d / np.where(mask, x, 1), 0)}


def make_safe_log(rng, N, D, M):
    mask = rng.random((N, D)) < 0.6
    mask.flat[:2] = True, False
    return {"x": np.where(mask, 0.5 + rng.random((N, D)), 0), "mask": mask}


op("index", normal(x="ND"), every_other, every_other_back, "x", unequal=(3, 6, 1))
op("index", normal(x="ND"), roll, roll_back, "x", unequal=(3, 5, 1))
op("index", normal(x="ND"), sort, sort_back, "x", unequal=(3, 5, 1), equal=(5, 5, 5))
op(
    "index",
    lambda rng, N, D, M: {"x": away(rng.standard_normal((N, D)), 0.3)},
    cumprod,
    cumprod_back,
    "x",
)
op("index", normal(x="ND"), variance, variance_back, "x")
op("index", draw(1), prod, prod_back, "x")
op("index", normal(x="ND"), repeat, repeat_back, "x")
op(
    "index",
    lambda rng, N, D, M: {"x": rng.standard_normal((N, D)), "a": rng.standard_normal((N, 1))},
    scale_rows,
    scale_rows_back,
    "x a",
)
op(
    "index",
    lambda rng, N, D, M: {
        "x": rng.standard_normal((N + 3, D)),
        "ids": np.array([0, 1, 1, 2, 2, 2, 0, 2])[: N + 3],
    },
    segment_mean,
    segment_mean_back,
    "x",
)
op("index", normal(x="DD"), lower, lower_back, "x")
op("index", make_padded, padded_embedding, padded_embedding_back, "W")
op("index", normal(a="ND", b="ND"), join, join_back, "a b")
op("index", make_safe_log, safe_log, safe_log_back, "x")

# ---------------------------------------------------------------- attention, dropout


def attention_back(d, c, axis=-1, values=lambda p, z: p):
    """The backward of first.attention."""
    q, k, v, p, r = c
    dp = d @ v.T
    ds = p * (dp - (dp * p).sum(axis, keepdims=True)) / r
    return {"q": ds @ k, "k": ds.T @ q, "v": values(p, q @ k.T / r).T @ d}


def rotary(x):
    """Pairs of columns of x: (T, D), rotated by angles that grow with the position."""
    half = x.shape[1] // 2
    angle = (1 + np.arange(len(x)))[:, None] * 0.5 ** np.arange(half)
    return turned(x, angle), angle


def turned(x, angle):
    a, b = np.split(x, 2, 1)
    co, si = np.cos(angle), np.sin(angle)
    return np.concatenate([a * co - b * si, a * si + b * co], 1)


def rotary_back(d, angle, sign=-1):
    return {"x": turned(d, sign * angle)}


def linear_attention(q, k, v):
    """Positive features in place of a softmax: y = f(q) (f(k)^T v) / f(q) sum f(k)."""
    f, g = np.exp(q / 2), np.exp(k / 2)
    bottom = f @ g.sum(0)[:, None]
    y = f @ (g.T @ v) / bottom
    return y, (f, g, v, bottom, y)


def linear_attention_back(d, c, through_bottom=1.0):
    f, g, v, bottom, y = c
    dtop = d / bottom
    dbottom = -through_bottom * (d * y).sum(1, keepdims=True) / bottom
    df = dtop @ (g.T @ v).T + dbottom * g.sum(0)
    dg = v @ (f.T @ dtop).T + (f * dbottom).sum(0)
    return {"q": df * f / 2, "k": dg * g / 2, "v": g @ (f.T @ dtop)}


def shared_keys(q, k, v):
    """Heads of q: (H, T, D) attend to the same k: (T, D) and v: (T, M)."""
    caches, ys = [], []
    for qh in q:
        y, c = first.attention(qh, k, v)
        ys.append(y)
        caches.append(c)
    return np.stack(ys), caches


def shared_keys_back(d, caches, add=True, r=None):
    g = {"k": 0, "v": 0}
    dq = []
    for dh, c in zip(d, caches, strict=True):
        one = first.attention_back(dh, (*c[:4], r(c[4], len(d)) if r else c[4]))
        dq.append(one["q"])
        g = {n: one[n] + (g[n] if add else 0) for n in g}
    return {"q": np.stack(dq), **g}


def make_shared(rng, H, T, D):
    return {
        "q": rng.standard_normal((H, T, D)),
        "k": rng.standard_normal((T, D)),
        "v": rng.standard_normal((T, D)),
    }


def relative_bias(scores, bias):
    """scores: (H, T, T) plus bias[h, i - j] of H x (2 T - 1) learned numbers."""
    T = scores.shape[1]
    at = np.subtract.outer(np.arange(T), np.arange(T)) + T - 1
    return scores + bias[:, at], (bias.shape, at)


def relative_bias_back(d, c):
    g = np.zeros(c[0])
    np.add.at(g, (slice(None), c[1]), d)
    return {"scores": d * 1.0, "bias": g}


def drop_path(x, W, seed=3, keep=0.5):
    """x + branch(x), the branch dropped for some samples and scaled by 1/keep for the others."""
    on = np.random.default_rng(seed).permutation(len(x))[:, None] % 2 == 0
    h = np.tanh(x @ W)
    return x + h * on / keep, (x, W, h, on, keep)


def drop_path_back(d, c, mask=lambda on, keep: on / keep):
    x, W, h, on, keep = c
    g = d * mask(on, keep) * (1 - h * h)
    return {"x": d + g @ W.T, "W": x.T @ g}


QKV = {"unequal": (4, 3, 5), "equal": (4, 4, 4)}
op("attention", normal(q="ND", k="ND", v="NM"), first.attention, attention_back, "q k v", **QKV)
op("attention", normal(x="ND"), rotary, rotary_back, "x", unequal=(5, 6, 1), equal=(4, 4, 4))
op(
    "attention",
    normal(q="ND", k="ND", v="NM"),
    linear_attention,
    linear_attention_back,
    "q k v",
    **QKV,
)
op(
    "attention",
    make_shared,
    shared_keys,
    shared_keys_back,
    "q k v",
    unequal=(2, 4, 3),
    equal=(3, 3, 3),
)
op(
    "attention",
    lambda rng, H, T, D: {
        "scores": rng.standard_normal((H, T, T)),
        "bias": rng.standard_normal((H, 2 * T - 1)),
    },
    relative_bias,
    relative_bias_back,
    "scores bias",
    unequal=(2, 4, 1),
    equal=(3, 3, 3),
)
op("attention", normal(x="ND", W="DD"), drop_path, drop_path_back, "x W")
op("attention", normal(x="ND"), first.dropout, first.dropout_back, "x", unequal=(5, 6, 5))
