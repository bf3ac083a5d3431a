"""W7: an optimizer's update alone, against torch.optim (default, foreach and fused).

"NumPy's calls" are Adam's twelve passes with nothing around them, which no update in NumPy beats.

    python -m tests.benchmarks.optimizers --threads 1 [--json]
"""

import numpy as np

import minnet as mn
from minnet import optim

from .timing import compare, main

WORKLOADS = {"W7a": (10, 1_000_000), "W7b": (200, 1_000)}  # tensors, numbers in each
LR = 1e-6  # so small that the numbers stay alike over all rounds
TARGETS = {"W7a": 0.95, "W7b": 0.06}


def arrays(count, size, seed):
    """Random float32 arrays."""
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(size).astype(np.float32) for _ in range(count)]


def minnet_step(values, grads):
    """One Adam step of ours, on its own copies."""
    params = [mn.tensor(x, requires_grad=True) for x in values]
    for p, g in zip(params, grads, strict=True):
        p.grad = mn.tensor(g)
    return optim.Adam(params, lr=LR), params


def torch_step(values, grads, **settings):
    """One Adam step of torch, on its own copies."""
    import torch

    params = [torch.tensor(x, requires_grad=True) for x in values]
    for p, g in zip(params, grads, strict=True):
        p.grad = torch.tensor(g)
    return torch.optim.Adam(params, lr=LR, **settings), params


def numpys_calls(grads, block=45_056):
    """Adam's twelve passes over blocks of rows, after the gradients were gathered in one.

    The factors are those of the first step: this shows a time, not an update.
    """
    theta, m, v, g = (np.full(sum(d.size for d in grads), 0.5, np.float32) for _ in range(4))
    scratch = np.empty(block, np.float32)
    factors = (0.9, 0.1, 0.999, 0.001, 1e-8, -LR)
    b1, c1, b2, c2, eps, rate = (np.array(factor, np.float32) for factor in factors)
    cuts = [slice(i, min(i + block, g.size)) for i in range(0, g.size, block)]
    blocks = [(theta[k], m[k], v[k], g[k], scratch[: k.stop - k.start]) for k in cuts]

    def step():
        np.concatenate(grads, out=g)
        for theta_k, m_k, v_k, g_k, s in blocks:
            np.multiply(m_k, b1, m_k)
            np.multiply(g_k, c1, s)
            np.add(m_k, s, m_k)
            np.multiply(g_k, g_k, s)
            np.multiply(s, c2, s)
            np.multiply(v_k, b2, v_k)
            np.add(v_k, s, v_k)
            np.sqrt(v_k, s)
            np.add(s, eps, s)
            np.divide(m_k, s, s)
            np.multiply(s, rate, s)
            np.add(theta_k, s, theta_k)

    return step


def require_equal(candidates):
    """After three steps all stand at the same place."""
    for optimizer, _ in candidates.values():
        for _ in range(3):
            optimizer.step()
    expected = [p.numpy() for p in candidates["minnet"][1]]
    for _, params in candidates.values():
        for p, q in zip(params, expected, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q, rtol=0, atol=1e-6)


def measure():
    """Adam on 10 tensors of 1M floats and on 200 of 1,000; ratios to torch's default."""
    for name, (count, size) in WORKLOADS.items():
        data = arrays(count, size, 0), arrays(count, size, 1)
        candidates = {
            "minnet": minnet_step(*data),
            "torch fused": torch_step(*data, fused=True),
            "torch foreach": torch_step(*data, foreach=True),
            "torch": torch_step(*data),
        }
        require_equal(candidates)
        steps = {key: optimizer.step for key, (optimizer, _) in candidates.items()}
        steps["NumPy's calls"] = numpys_calls(data[1])
        title = f"{name} (target {TARGETS[name]})"
        yield compare(steps, title=title, reference="torch", rounds=31)


if __name__ == "__main__":
    main(measure)
