"""Random inputs for the catalogue: r is a Generator, sizes are those of reference.py."""

import numpy as np


def affine(r, shape=(3, 2, 5), M=7):
    """Examples of several axes, which the layer flattens; no two sizes are alike, so that a factor
    tells where it comes from."""
    D = int(np.prod(shape[1:]))
    return {"x": r.normal(size=shape), "w": r.normal(size=(D, M)), "b": r.normal(size=M)}


def unary(r, shape=(3, 4), scale=1.0):
    """Entries at least 0.2 from zero, where relu has its kink."""
    x = r.normal(size=shape)
    return {"x": scale * (x + 0.2 * np.sign(x))}


def norm(r, shape=(6, 5), param="bn_param", mode=None, stats=False, **settings):
    """Features of different spread, small enough to show where eps stands."""
    C, column = shape[1], (-1, *[1] * (len(shape) - 2))
    spread = np.linspace(0.1, 2, C).reshape(column)
    config = {**({"mode": mode} if mode else {}), **settings}
    if stats:
        config |= {"running_mean": r.normal(size=C), "running_var": r.uniform(0.5, 2, C)}
    x = spread * r.normal(size=shape) + 1
    return {"x": x, "gamma": r.normal(size=C) + 2, "beta": r.normal(size=C), param: config}


def groupnorm(r, shape=(2, 4, 3, 2), G=2, flat=False, **settings):
    """Images with one scale and shift for each channel; flat: as vectors."""
    values = norm(r, shape, "gn_param", **settings)
    scale = (-1,) if flat else (1, -1, 1, 1)
    gamma, beta = values["gamma"].reshape(scale), values["beta"].reshape(scale)
    return values | {"gamma": gamma, "beta": beta, "G": G}


def conv(r, image=(5, 5), kernel=(3, 3), N=2, C=3, F=2, pad=1, stride=1, last=False):
    """Images, filters and biases, with their stride and padding; last: channels stand last."""
    x, w = r.normal(size=(N, C, *image)), r.normal(size=(F, C, *kernel))
    return {
        "x": channels_last(x) if last else x,
        "w": w.transpose(2, 3, 1, 0).copy() if last else w,
        "b": r.normal(size=F),
        "conv_param": {"stride": stride, "pad": pad},
    }


def channels_last(x):
    """(N, C, H, W) -> (N, H, W, C)"""
    return x.transpose(0, 2, 3, 1).copy()


def pool(r, image=(4, 4), window=(2, 2), stride=2, N=2, C=3, top=0.3):
    """Distinct entries with a gap, so that no step changes which one is the largest."""
    shape = (N, C, *image)
    x = r.permutation(np.linspace(top - 1.5, top, int(np.prod(shape)))).reshape(shape)
    return {"x": x, "pool_param": pool_param(window, stride)}


def pool_param(window=(2, 2), stride=2):
    """The settings of a pooling layer."""
    return {"pool_height": window[0], "pool_width": window[1], "stride": stride}


def conv_pool(r, window=(2, 2), pool_stride=2, **options):
    """Inputs of a convolution with a pooling after it."""
    values = conv(r, **{"image": (4, 4), **options})
    return values | {"pool_param": pool_param(window, pool_stride)}


def conv_bn(r, **options):
    """Inputs of a convolution with a batch norm after it."""
    values = conv(r, **options)
    F = len(values["b"])
    scales = {"gamma": r.normal(size=F) + 2, "beta": r.normal(size=F)}
    return values | scales | {"bn_param": {"mode": "train"}}


def affine_bn(r, **options):
    """Inputs of an affine layer with a batch norm after it."""
    values = affine(r, **options)
    M = len(values["b"])
    scales = {"gamma": r.normal(size=M) + 2, "beta": r.normal(size=M)}
    return values | scales | {"bn_param": {"mode": "train"}}


def dropout(r, p=0.3, mode="train", seed=12):
    """Entries around 6, far from zero, so that a dropped one shows."""
    settings = {"p": p, "mode": mode, "seed": seed}
    return {"x": r.normal(size=(30, 30)) + 6, "dropout_param": settings}


def score(r, N=5, C=4, shift=0.0, shifted=None):
    """Scores and labels; shift is added to the first `shifted` examples, by default to all."""
    x = r.normal(size=(N, C))
    x[:shifted] += shift
    return {"x": x, "y": r.integers(C, size=N)}


def linear(r, N=6, D=4, C=3, reg=0.1, shift=0.0, shifted=None, columns=False):
    """A last feature of ones, by which `shift` moves the scores of the first `shifted` examples,
    by default of all; columns: one example a column."""
    X, W = r.normal(size=(N, D)), r.normal(size=(D, C))
    X[:, -1] = np.arange(N) < (N if shifted is None else shifted)
    W[-1] += shift
    X, W = (X.T.copy(), W.T.copy()) if columns else (X, W)
    return {"W": W, "X": X, "y": r.integers(C, size=N), "reg": reg}


def temporal_loss(r, N=3, T=4, V=5, keep=0.6, shift=0.0, shifted=None):
    """Scores and words of sequences; the mask keeps some, at least one.   shift: as in score."""
    mask = r.uniform(size=(N, T)) < keep
    mask[0, 0] = True
    x = r.normal(size=(N, T, V))
    x[:shifted] += shift
    return {"x": x, "y": r.integers(V, size=(N, T)), "mask": mask}


def step(r, N=3, D=4, H=5, gates=1):
    """One step of a recurrent net, an LSTM with gates=4."""
    values = {"x": r.normal(size=(N, D)), "prev_h": r.normal(size=(N, H))}
    return values | ({"prev_c": r.normal(size=(N, H))} if gates == 4 else {}) | maps(r, D, H, gates)


def sequence(r, N=2, T=3, D=4, H=5, gates=1):
    """Whole sequences with an initial state."""
    values = {"x": r.normal(size=(N, T, D)), "h0": r.normal(size=(N, H))}
    return values | maps(r, D, H, gates)


def maps(r, D, H, gates):
    """Weights small enough to leave tanh room to move."""
    sizes = {"Wx": (D, gates * H), "Wh": (H, gates * H), "b": (gates * H,)}
    return {name: 0.5 * r.normal(size=size) for name, size in sizes.items()}


def embedding(r, N=2, T=4, V=5, D=3):
    """Some word at least twice, and every word if there is room."""
    x = r.permutation(np.arange(N * T) % V).reshape(N, T)
    if x.size <= V:
        x.flat[-1] = x.flat[0]
    return {"x": x, "W": r.normal(size=(V, D))}


def temporal_affine(r, N=2, T=3, D=4, M=5):
    """Sequences for one affine map."""
    return {
        "x": r.normal(size=(N, T, D)),
        "w": r.normal(size=(D, M)),
        "b": r.normal(size=M),
    }
