"""The second bank's bugs: one wrong step each, and the causes a teacher would accept for it.

The labels were written before the checker ran on any of these bugs, by somebody who had not
read its rules nor the first bank's bugs; the score of that first run is in first_score.txt.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from tests.gradcheck.bank.ops import Op, onehot, sigma

from . import ops
from .ops import CATALOGUE


@dataclass(frozen=True)
class Bug:
    """A planted mistake.

    contract: it shows without a comparison of gradients; acts: where, by the inputs.
    """

    id: str
    op: Op
    what: str
    causes: frozenset
    pair: Callable
    contract: bool = False
    acts: Callable = lambda inputs: True

    def make(self):
        """A fresh (forward, backward)."""
        return self.pair(self.op)


BUGS = []


def plant(id, name, what, causes, pair, **settings):
    BUGS.append(Bug(id, CATALOGUE[name], what, frozenset(causes.split()), pair, **settings))


def within(id, name, what, causes, **step):
    """A step inside the backward is replaced."""
    pair = lambda op: (op.forward, partial(op.backward, **step))
    plant(id, name, what, causes, pair)


def instead(id, name, what, causes, contract=False, **wrong):
    """The gradient of one argument is another formula of d and the cache."""

    def pair(op):
        def backward(d, c):
            return {**op.backward(d, c), **{k: f(d, c) for k, f in wrong.items()}}

        return op.forward, backward

    plant(id, name, what, causes, pair, contract=contract)


# ---------------------------------------------------------------- affine, products, matrices

instead(
    "A1",
    "linear",
    "dW left as (in, out) although W is (out, in)",
    "transposed shape",
    W=lambda d, c: c[0].T @ d,
)
instead(
    "A2",
    "linear",
    "db summed over everything, then spread over all outputs",
    "wrong-axis",
    b=lambda d, c: np.full(d.shape[1], d.sum()),
)
within("A3", "low_rank", "the adapter's scale forgotten in both factors", "scale", s_of_factors=1.0)
within("A4", "low_rank", "dx without the path through the adapter", "extra-term", adapter=0.0)
within(
    "A5",
    "bilinear",
    "A instead of A^T on the way to x",
    "forward-map wrong-operand",
    matrix=lambda A: A,
)
within(
    "A6",
    "quadratic",
    "2 A x: the matrix taken for symmetric",
    "wrong-operand forward-map",
    matrix=lambda A: 2 * A.T,
)
within("A7", "gram", "the second use of x forgotten", "extra-term", second=0.0)
instead(
    "A8",
    "outer",
    "da multiplied by a instead of b",
    "wrong-operand",
    a=lambda d, c: (d * c[0][:, :, None]).sum(2),
)
instead("A9", "inverse", "transposes forgotten: -Y d Y", "forward-map", A=lambda d, Y: -Y @ d @ Y)
instead(
    "A10",
    "solve",
    "db solved with A instead of its transpose",
    "forward-map wrong-operand",
    b=lambda d, c: c[0] @ d,
)
instead(
    "A11",
    "per_head",
    "dW summed over the heads of the upstream",
    "wrong-axis",
    W=lambda d, c: np.einsum("nhd,nkm->hdm", c[0], d),
)

# ---------------------------------------------------------------- elementwise

within("E1", "hard_sigmoid", "the slope 1/6 forgotten", "scale branch", slope=1.0)
instead(
    "E2",
    "prelu",
    "da also counts positive x",
    "leak wrong-operand branch",
    a=lambda d, c: (d * c[0]).sum(0),
)
instead(
    "E3",
    "arctan2",
    "da and db exchanged",
    "swapped",
    a=lambda d, c: -d * c[0] / (c[0] ** 2 + c[1] ** 2),
    b=lambda d, c: d * c[1] / (c[0] ** 2 + c[1] ** 2),
)
instead(
    "E4",
    "power",
    "p a^p instead of p a^(p-1)",
    "local-derivative wrong-operand",
    a=lambda d, c: d * c[1] * c[0] ** c[1],
)
instead(
    "E5",
    "logit",
    "a minus between 1/x and 1/(1-x)",
    "local-derivative",
    x=lambda d, x: d * (1 / x - 1 / (1 - x)),
)
within("E6", "selu", "the scale forgotten on the negative side", "branch", negative=ops.ALPHA)
instead(
    "E7",
    "softshrink",
    "nothing passes below -lambda",
    "zeroed branch",
    x=lambda d, x: d * (x > 0.4),
)
instead("E8", "larger", "db with the mask of a", "mask-inverted", b=lambda d, first: d * first)
instead(
    "E9",
    "swiglu",
    "silu's slope taken for sigma",
    "local-derivative wrong-operand",
    a=lambda d, c: d * c[1] * sigma(c[0]),
)
within("E10", "fourier", "cosine's slope without its minus", "sign shared-step", sign=1.0)
instead(
    "E11",
    "softsign",
    "the denominator's square forgotten",
    "local-derivative",
    x=lambda d, x: d / (1 + abs(x)),
)
instead(
    "E12",
    "swish",
    "dbeta with x once instead of squared",
    "wrong-operand local-derivative",
    beta=lambda d, c: (d * c[0] * c[2] * (1 - c[2])).sum(0),
)

# ---------------------------------------------------------------- losses and regularisers

instead(
    "L1",
    "smoothed_cross_entropy",
    "the hard label subtracted, not the smoothed one",
    "label-term extra-term",
    x=lambda d, c: d * (c[0] - onehot(c[2], c[0].shape[1])) / len(c[2]),
)
within(
    "L2",
    "focal",
    "the focusing factor taken for a constant",
    "local-derivative extra-term",
    factor=0.0,
)
instead(
    "L3",
    "weighted_cross_entropy",
    "divided by N instead of the sum of weights",
    "scale",
    x=lambda d, c: d * (c[0] - onehot(c[1], c[0].shape[1])) * c[2][:, None] / len(c[2]),
)
instead(
    "L4",
    "weighted_cross_entropy",
    "class weights forgotten",
    "axis-factor",
    x=lambda d, c: d * (c[0] - onehot(c[1], c[0].shape[1])) / c[2].sum(),
)
instead(
    "L5",
    "ignoring_cross_entropy",
    "ignored rows get a gradient",
    "leak",
    x=lambda d, c: d * (c[0] - onehot(c[1], c[0].shape[1])) / c[2].sum(),
)
within("L6", "smooth_l1", "1/beta forgotten in the quadratic part", "branch", inner=1.0)
instead(
    "L7",
    "triplet",
    "the anchor's gradient without the negative's term",
    "extra-term wrong-operand",
    a=lambda d, c: 2 * (d * c[3])[:, None] * (c[0] - c[1]),
)
within(
    "L8",
    "triplet",
    "triplets beyond the margin still get a gradient",
    "leak",
    active=lambda on: on | True,
)
within(
    "L9",
    "cosine",
    "lengths taken for constants",
    "variance-term coupling-missing",
    tangent=0.0,
)
within(
    "L10",
    "lasso",
    "the slope of the squared penalty",
    "extra-term wrong-operand",
    penalty=lambda W: W,
)
within("L11", "lasso", "the bias is regularised in the backward only", "extra-term", bias=1.0)
instead(
    "L12",
    "gaussian_nll",
    "exp(-s) forgotten in ds",
    "wrong-operand local-derivative",
    s=lambda d, c: 0.5 * d[:, None] * (1 - c[0] ** 2),
)
instead(
    "L13",
    "kl_to_standard_normal",
    "the -1 forgotten in ds",
    "extra-term local-derivative",
    s=lambda d, c: 0.5 * d[:, None] * np.exp(c[1]),
)
instead(
    "L14",
    "cross_entropies",
    "every sample's loss gets the mean of the upstream",
    "ones-upstream wrong-axis",
    x=lambda d, c: d.mean() * (c[0] - onehot(c[1], c[0].shape[1])),
)
instead(
    "L15",
    "log_softmax",
    "the upstream's mean subtracted instead of p times its sum",
    "mean-term",
    x=lambda d, y: d - d.mean(-1, keepdims=True),
)
within(
    "L16",
    "dice",
    "the denominator taken for a constant",
    "mean-term extra-term coupling-missing",
    through_bottom=0.0,
)
within("L17", "infonce", "the positives not subtracted", "label-term", positives=0.0)

# ---------------------------------------------------------------- normalisation

within(
    "N1",
    "rms_norm",
    "the root mean square taken for a constant",
    "variance-term coupling-missing",
    through_r=0.0,
)
instead(
    "N2",
    "rms_norm",
    "dgamma with x that is not normalised",
    "wrong-operand",
    gamma=lambda d, c: (d * c[0]).sum(0),
)
within(
    "N3",
    "group_norm",
    "means over each channel instead of each group",
    "wrong-axis normalisation-terms",
    groups_of_means=4,
)
instead(
    "N4",
    "instance_norm",
    "dbeta averaged over the batch",
    "scale mean-not-sum batch-reduction",
    beta=lambda d, c: d.sum(2).mean(0),
)
instead(
    "N5",
    "layer_norm",
    "the variance term divided by M - 1",
    "variance-term small-plateau",
    x=lambda d, c: CATALOGUE["layer_norm"].backward(d, c, variance=d.shape[1] / (d.shape[1] - 1))[
        "x"
    ],
)
within(
    "N6",
    "weight_norm",
    "dv not projected: the length taken for a constant",
    "variance-term coupling-missing",
    tangent=0.0,
)
within(
    "N7",
    "weight_norm",
    "dg not divided by the length of v",
    "axis-factor wrong-operand",
    length=lambda dW, u, r: (dW * u * r).sum(0),
)
within(
    "N8",
    "batch_norm",
    "the means taken of the upstream without gamma",
    "normalisation-terms mean-term variance-term",
    inner=lambda d, gamma: d,
)
within("N9", "layer_norm", "plus before the variance term", "variance-term", variance=-1.0)

# ---------------------------------------------------------------- convolution and resampling

within(
    "C1",
    "conv1d",
    "dw with the input shifted by the padding",
    "shifted wrong-operand",
    of_dw=lambda xp: np.roll(np.pad(xp, ((0, 0), (0, 0), (0, 1))), -1, 2)[:, :, :-1],
)
within("C2", "dilated", "dilation ignored in dx", "wrong-place", step=1)
instead(
    "C3",
    "conv1d",
    "db averaged over positions",
    "scale mean-not-sum",
    b=lambda d, c: d.mean(2).sum(0),
)
within(
    "C4",
    "depthwise",
    "dw with the upstream summed over channels",
    "wrong-axis",
    of_dw=lambda d: d.sum(1, keepdims=True),
)
within(
    "C5",
    "causal",
    "the same causal filter, not turned round in time",
    "forward-map flipped",
    turn=lambda a: a,
)
within("C6", "grouped", "the loop stops after the first group", "partial-slice zeroed", done=1)
within(
    "C7",
    "global_average",
    "divided by the height squared",
    "scale",
    area=lambda H, W: H * H,
)
instead(
    "C8",
    "norm_pool",
    "divided by the squared length",
    "axis-factor local-derivative",
    x=lambda d, c: ((d / c[1] ** 2)[..., None] * c[0]).reshape(*d.shape[:2], -1),
)
within("C9", "linear_upsample", "the repeated border forgotten", "border", border=0.0)
within("C10", "reflect_pad", "only cropped, mirrored cells forgotten", "border", mirrored=0.0)


def assigned(d, c):
    g = np.zeros(c[0])
    g[:, c[1]] = d
    return g


def assigned_winners(d, c):
    g = np.zeros(c[0])
    g[np.arange(len(d))[:, None], c[1]] = d
    return g


instead("C11", "frames", "overlapping frames overwrite each other", "overlap-assign", x=assigned)
instead(
    "C12",
    "running_max",
    "a cell that wins two windows keeps the last",
    "overlap-assign repeated-index",
    x=assigned_winners,
)
within(
    "C13",
    "pixel_shuffle",
    "rows and columns of the block exchanged",
    "reordered",
    order=(0, 1, 5, 3, 2, 4),
)

# ---------------------------------------------------------------- recurrent

within("R1", "rnn", "dWh assigned at every step", "overlap-assign one-sample", assign=True)
within(
    "R2",
    "rnn",
    "dh0 without the last product with Wh^T",
    "wrong-operand carry-lost",
    of_h0=lambda dz, dh: dz,
)
within("R3", "last_state", "stops after two steps", "carry-lost", steps=2)
within("R4", "lstm", "the cell's gradient is not carried", "carry-lost", carry_cell=0.0)
within(
    "R5",
    "lstm",
    "the forget gate's gradient with the new cell instead of the old",
    "shared-step partial-slice",
    before=lambda s, s_new: s_new,
)
within(
    "R6",
    "scan",
    "the carry multiplied by the next decay: off by one",
    "carry-lost",
    decay=lambda a, t: a[:, min(t + 1, a.shape[1] - 1)],
)
within(
    "R7",
    "smoothing",
    "dbeta takes the earlier outputs for constants",
    "carry-lost wrong-operand",
    carried=0.0,
)
within(
    "R8",
    "ragged_sums",
    "steps after the end get a gradient and give one",
    "leak",
    outer=lambda m: m | True,
    inner=lambda m: m | True,
)
within("R9", "gru_step", "n - h instead of h - n at the update gate", "sign", sign=-1.0)

# ---------------------------------------------------------------- indexing and structure


def first_half(d, shape):
    g = np.zeros(shape)
    g[:, : d.shape[1]] = d
    return g


instead("I1", "every_other", "written side by side, not to every other column", "wrong-place",
        x=first_half)  # fmt: skip
within("I2", "roll", "rolled on instead of back", "forward-map shifted", by=1)
within(
    "I3",
    "sort",
    "the sorting order instead of its inverse",
    "forward-map reordered",
    where=lambda order: order,
)
within("I4", "cumprod", "summed from the left", "forward-map flipped", turn=lambda a: a)
within("I5", "variance", "n instead of n - 1", "scale small-plateau", less=0)
instead(
    "I6",
    "prod",
    "the whole product, not divided by x",
    "local-derivative",
    x=lambda d, c: d[:, None] * c[1] * np.ones_like(c[0]),
)
instead(
    "I7",
    "repeat",
    "summed as if tiled",
    "reordered wrong-place",
    x=lambda d, shape: d.reshape(shape[0], 3, shape[1]).sum(1),
)
instead(
    "I8",
    "repeat",
    "only the first copy counts",
    "one-sample",
    x=lambda d, shape: d[:, ::3] * 1.0,
)
instead(
    "I9",
    "scale_rows",
    "da summed over the whole batch",
    "wrong-axis",
    a=lambda d, c: np.full(c[0].shape, (d * c[1]).sum()),
)
instead(
    "I10",
    "segment_mean",
    "not divided by the counts",
    "axis-factor",
    x=lambda d, c: c[0].T @ d,
)
instead("I11", "lower", "the upper triangle gets a gradient", "leak", x=lambda d, c: d * 1.0)
within(
    "I12",
    "padded_embedding",
    "the padding's row gets a gradient",
    "leak",
    mask=lambda ids: ids >= 0,
)
instead(
    "I13",
    "join",
    "b's slice starts one column early",
    "shifted",
    b=lambda d, n: d[:, n - 1 : -1] * 1.0,
)

# ---------------------------------------------------------------- attention, dropout

within("T1", "attention", "softmax centred over the queries", "wrong-axis", axis=0)
within(
    "T2",
    "attention",
    "dv with the scores before the softmax",
    "wrong-operand",
    values=lambda p, z: z,
)
within("T3", "rotary", "rotated forward again", "forward-map", sign=1)
within(
    "T4",
    "linear_attention",
    "the normalising sum taken for a constant",
    "mean-term coupling-missing",
    through_bottom=0.0,
)
within(
    "T5",
    "shared_keys",
    "k and v keep the last head's gradient only",
    "overlap-assign one-sample",
    add=False,
)
within(
    "T6",
    "shared_keys",
    "sqrt of all heads' width instead of one head's",
    "scale",
    r=lambda r, heads: r * np.sqrt(heads),
)
instead(
    "T7",
    "relative_bias",
    "d of a repeated distance kept once",
    "repeated-index overlap-assign",
    bias=assigned,
)
within(
    "T8",
    "drop_path",
    "the dropped samples' branch gets the gradient",
    "mask-inverted",
    mask=lambda on, keep: ~on / keep,
)
instead("T9", "dropout", "1/keep forgotten", "scale", x=lambda d, c: d * (c[0] > 0))

# ---------------------------------------------------------------- state and contract


def popped(op):
    def forward(**inputs):
        y, cache = op.forward(**inputs)
        return y, [cache]

    return forward, lambda d, stack: op.backward(d, stack.pop())


def upstream_cut(op):
    def backward(d, x):
        d[abs(x) <= 0.4] = 0
        return {"x": d * 1.0}

    return op.forward, backward


def inputs_centred(op):
    def forward(x, t):
        x -= x.max(1, keepdims=True)
        return op.forward(x, t)

    return forward, op.backward


def cache_reused(op):
    def backward(d, c):
        p, t = c
        p[np.arange(len(t)), t] -= 1
        return {"x": d[:, None] * p}

    return op.forward, backward


def forgotten(op):
    def backward(d, c):
        g = op.backward(d, c)
        del g["bias"]
        return g

    return op.forward, backward


def shared_cell(op):
    kept = {}

    def forward(**inputs):
        y, kept["cache"] = op.forward(**inputs)
        return y, None

    return forward, lambda d, c: op.backward(d, kept["cache"])


plant("S1", "swish", "the cache is popped from a list", "cache-consumed", popped, contract=True)
plant(
    "S2",
    "softshrink",
    "the upstream cut in place",
    "mutates-upstream",
    upstream_cut,
    contract=True,
    acts=lambda inputs: np.any(abs(inputs["x"]) <= 0.4),
)
plant(
    "S3",
    "smoothed_cross_entropy",
    "the scores centred in place",
    "mutates-input",
    inputs_centred,
    contract=True,
)
plant(
    "S4",
    "cross_entropies",
    "-1 written into the cached probabilities",
    "cache-modified",
    cache_reused,
    contract=True,
)
plant("S5", "relative_bias", "no gradient for the bias", "missing-gradient", forgotten,
      contract=True)  # fmt: skip
plant("S6", "low_rank", "the last forward's cache wins", "shared-cache", shared_cell, contract=True)
instead(
    "S7",
    "safe_log",
    "d mask / x: zero over zero where x is unused",
    "nan",
    contract=True,
    x=lambda d, c: d * c[1] / c[0],
)
instead(
    "S8",
    "bilinear",
    "the gradient cut to whole numbers by an integer buffer",
    "dtype",
    contract=True,
    A=lambda d, c: (c[0].T @ (d[:, None] * c[2])).astype(np.int64),
)
