"""Recurrence, attention, transformer blocks and embeddings equal PyTorch's: values and gradients.

Random configurations in float64 to 1e-10 and float32 to 1e-4, relative.  Weights go through the
documented mapping, there and back, so that it is tested too.
"""

import numpy as np
import pytest

import minnet as mn
import minnet.functional as F
from minnet import nn
from minnet.nn.convert import load_torch_state_dict, torch_state_dict

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.oracle

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
DTYPES = list(TOLERANCE)
SEEDS = range(20)


def close(ours, theirs, dtype):
    """Relative to the largest entry: the error of a sum is that of its terms."""
    a, b = np.asarray(ours), np.asarray(theirs)
    assert a.shape == b.shape and str(a.dtype) == dtype
    assert np.max(np.abs(a - b), initial=0) <= TOLERANCE[dtype] * max(1, np.abs(b).max(initial=0))


def twins(ours, theirs, dtype):
    """Both modules with the same weights; the mapping back returns what PyTorch has."""
    theirs = theirs.to(getattr(torch, dtype))
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.randn_like(p) * 0.5)
    ours.astype(dtype)
    load_torch_state_dict(ours, theirs.state_dict())
    back = torch_state_dict(ours)
    for name, value in theirs.state_dict().items():
        assert np.array_equal(back[name], value.numpy()), name
    return ours, theirs


def leaves(arrays, dtype):
    ours = [mn.tensor(a.astype(dtype), requires_grad=True) for a in arrays]
    return ours, [torch.tensor(a.astype(dtype), requires_grad=True) for a in arrays]


def compare_gradients(ours, theirs, inputs, weights, rng, dtype):
    """Outputs, and gradients of inputs and weights from one random upstream for all outputs."""
    (a_in, b_in), (a_model, b_model) = inputs, weights
    gs = [rng.standard_normal(y.shape).astype(dtype) for y in ours]
    for y, z in zip(ours, theirs, strict=True):
        close(y.numpy(), z.detach().numpy(), dtype)
    sum((y * g).sum() for y, g in zip(ours, gs, strict=True)).backward()
    sum((z * torch.from_numpy(g)).sum() for z, g in zip(theirs, gs, strict=True)).backward()
    for a, b in zip(a_in, b_in, strict=True):
        close(a.grad.numpy(), b.grad.numpy(), dtype)
    wanted = {name: p.grad.numpy() for name, p in b_model.named_parameters()}
    for p in a_model.parameters():
        p.data = p.grad.data
    for name, value in torch_state_dict(a_model).items():
        close(value, wanted[name], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_sequences(kind, seed, dtype):
    """Layers, directions, batch_first, biases, initial states, unequal lengths."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    pick = lambda *options: options[rng.integers(len(options))]
    I, H, N, T, layers = (int(n) for n in rng.integers(1, 6, 5))
    layers = min(layers, 3)
    settings = {
        "num_layers": layers,
        "bias": pick(True, True, False),
        "batch_first": pick(True, False),
        "bidirectional": pick(True, False),
    }
    if kind == "RNN":
        settings["nonlinearity"] = pick("tanh", "relu")
    models = twins(
        getattr(nn, kind)(I, H, rng=0, **settings), getattr(torch.nn, kind)(I, H, **settings), dtype
    )
    first = settings["batch_first"]
    rows = layers * (1 + settings["bidirectional"])
    arrays = [rng.standard_normal((N, T, I) if first else (T, N, I))]
    given = pick(True, False)
    if given:
        arrays += [rng.standard_normal((rows, N, H)) for _ in range(1 + (kind == "LSTM"))]
    (x, *s), (tx, *ts) = inputs = leaves(arrays, dtype)
    pack = lambda s: None if not s else tuple(s) if kind == "LSTM" else s[0]
    lengths = rng.integers(1, T + 1, N) if pick(True, False) else None
    if lengths is not None:
        lengths[rng.integers(N)] = T
    y, end = models[0](x, pack(s), lengths=lengths)
    if lengths is None:
        z, last = models[1](tx, pack(ts))
    else:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            tx, torch.from_numpy(lengths), batch_first=first, enforce_sorted=False
        )
        z, last = models[1](packed, pack(ts))
        z, _ = torch.nn.utils.rnn.pad_packed_sequence(z, batch_first=first, total_length=T)
    ends, lasts = (end, last) if kind == "LSTM" else ((end,), (last,))
    compare_gradients([y, *ends], [z, *lasts], inputs, models, rng, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells(kind, seed, dtype):
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    I, H, N = (int(n) for n in rng.integers(1, 6, 3))
    settings = {"bias": bool(seed % 3)}
    models = twins(
        getattr(nn, kind)(I, H, rng=0, **settings), getattr(torch.nn, kind)(I, H, **settings), dtype
    )
    states = 1 + (kind == "LSTMCell")
    inputs = leaves([rng.standard_normal((N, n)) for n in (I, *[H] * states)], dtype)
    outputs = []
    for model, (x, *s) in zip(models, inputs, strict=True):
        y = model(x, tuple(s) if states > 1 else s[0])
        outputs.append(list(y) if states > 1 else [y])
    compare_gradients(*outputs, inputs, models, rng, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_multihead_attention(seed, dtype):
    """Self- and cross-attention, masks of each shape, causal; PyTorch's masks mark the opposite."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    heads, d, N, L, S = (int(n) for n in rng.integers(1, 5, 5))
    E, first, cross = heads * d, bool(seed % 2), bool(seed % 3)
    S = S if cross else L
    settings = {"bias": bool(seed % 4), "batch_first": first}
    models = twins(
        nn.MultiheadAttention(E, heads, rng=0, **settings),
        torch.nn.MultiheadAttention(E, heads, **settings),
        dtype,
    )
    shape = lambda T: (N, T, E) if first else (T, N, E)
    arrays = [rng.standard_normal(shape(n)) for n in ((L, S, S) if cross else (L,))]
    inputs = leaves(arrays, dtype)
    full = (N, heads, L, S)
    mask = rng.random([(L, S), (N, L, S), full, full][seed % 4]) < 0.7
    mask[..., 0] = True                               # PyTorch has NaN where nothing is allowed
    wide = mask if mask.ndim == 2 else (mask[:, None] if mask.ndim == 3 else mask)
    blocked = ~(wide if mask.ndim == 2 else np.broadcast_to(wide, full).reshape(-1, L, S))
    y = models[0](*inputs[0], mask=mask)
    z, _ = models[1](
        *(inputs[1] if cross else inputs[1] * 3), attn_mask=torch.from_numpy(blocked.copy())
    )
    compare_gradients([y], [z], inputs, models, rng, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_scaled_dot_product_attention(seed, dtype):
    """The same meaning of boolean masks; random leading axes, scales, causal."""
    rng = np.random.default_rng(seed)
    lead = tuple(int(n) for n in rng.integers(1, 4, seed % 3))
    L, S, E, V = (int(n) for n in rng.integers(1, 6, 4))
    causal = bool(seed % 2)
    settings = {"is_causal": causal, "scale": [None, 0.3][seed % 4 == 1]}
    arrays = [rng.standard_normal((*lead, *n)) for n in ((L, E), (S, E), (S, V))]
    (ours, theirs) = leaves(arrays, dtype)
    mask = rng.random((L, S)) < 0.6
    mask[:, 0] = True
    mask = None if causal else mask
    y = F.scaled_dot_product_attention(*ours, mask=mask, **settings)
    z = torch.nn.functional.scaled_dot_product_attention(
        *theirs, attn_mask=None if mask is None else torch.from_numpy(mask), **settings
    )
    g = rng.standard_normal(y.shape).astype(dtype)
    close(y.numpy(), z.detach().numpy(), dtype)
    y.backward(g)
    z.backward(torch.from_numpy(g))
    for a, b in zip(ours, theirs, strict=True):
        close(a.grad.numpy(), b.grad.numpy(), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", SEEDS)
def test_transformer_encoder_layers(seed, dtype):
    """Norm first and last, relu and gelu, causal or not, both layouts."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    heads, d, N, T = (int(n) for n in rng.integers(1, 5, 4))
    E, causal = heads * d + heads, bool(seed % 3 == 0)
    settings = {
        "dim_feedforward": int(rng.integers(1, 9)),
        "dropout": 0.0,
        "activation": ["relu", "gelu"][seed % 2],
        "norm_first": bool(seed // 2 % 2),
        "batch_first": bool(seed // 4 % 2),
        "layer_norm_eps": [1e-5, 1e-3][seed % 2],
    }
    models = twins(
        nn.TransformerEncoderLayer(E, heads, rng=0, **settings),
        torch.nn.TransformerEncoderLayer(E, heads, **settings),
        dtype,
    )
    inputs = leaves([rng.standard_normal((N, T, E))], dtype)
    y = models[0](inputs[0][0], is_causal=causal)
    steps = T if settings["batch_first"] else N
    future = torch.triu(torch.ones(steps, steps, dtype=torch.bool), 1) if causal else None
    z = models[1](inputs[1][0], src_mask=future)
    compare_gradients([y], [z], inputs, models, rng, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("seed", range(10))
def test_embeddings(seed, dtype):
    """Repeated ids, with and without a padding row."""
    rng = np.random.default_rng(seed)
    V, d = (int(n) for n in rng.integers(1, 6, 2))
    padding = int(rng.integers(V)) if seed % 2 else None
    models = twins(
        nn.Embedding(V, d, padding_idx=padding), torch.nn.Embedding(V, d, padding), dtype
    )
    ids = rng.integers(0, V, (3, 4))
    y, z = models[0](ids), models[1](torch.from_numpy(ids))
    compare_gradients([y], [z], ([], []), models, rng, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gelu(dtype):
    """The form for float32 is PyTorch's to its precision, far out and near 0."""
    x = np.concatenate([np.linspace(-12, 12, 40001), [0.0, 1e-20, -1e-20]])
    ours, theirs = leaves([x], dtype)
    for form in "none", "tanh":
        y = F.gelu(ours[0], approximate=form)
        z = torch.nn.functional.gelu(theirs[0], approximate=form)
        tolerance = {"float64": 1e-14, "float32": 3e-6}[dtype]
        assert np.abs(y.numpy() - z.detach().numpy()).max() <= tolerance
        ours[0].grad = theirs[0].grad = None
        y.sum().backward()
        z.sum().backward()
        assert np.abs(ours[0].grad.numpy() - theirs[0].grad.numpy()).max() <= tolerance
