"""Right answers to lesson 5, written in other ways than the solution."""

import numpy as np

import minnet as mn


def prior_up_to_a_constant(y, classes):
    return [np.log(max(sum(int(label) == k for label in y), 0.5)) for k in range(classes)]


def prior_in_float32(y, classes):
    share = np.array([np.mean(y == k) for k in range(classes)], "float32")
    return np.log(np.maximum(share, 0.5 / len(y)))


def beyond_by_counts(correct, n, classes):
    return correct - n / classes > 3 * np.sqrt(n * (classes - 1)) / classes


def leaks_by_exchange(model, x):
    y = model(mn.tensor(x)).numpy()
    for j in range(len(x)):
        other = x.copy()
        other[j] += np.random.default_rng(j).normal(size=x.shape[1])
        changed = np.abs(model(mn.tensor(other)).numpy() - y).max(1) > 0
        if np.delete(changed, j).any():
            return True
    return False


def leaks_by_gradient(model, x):
    for i in range(x.shape[0]):
        leaf = mn.tensor(x, requires_grad=True)
        row = model(leaf)[i]
        weights = mn.tensor(np.array([0.3, -1.0, 2.0, 0.7])[: row.shape[0]])
        loss = (row * row).sum() + (row * weights).sum()
        loss.backward()
        if any(leaf.grad.numpy()[j].any() for j in range(x.shape[0]) if j != i):
            return True
    return False


def leaks_output_by_output(model, x):
    leaf = mn.tensor(x, requires_grad=True)
    n, outputs = model(leaf).shape
    for i, k in np.ndindex(n, outputs):
        slope = mn.grad(model(leaf)[i, k], [leaf])[0].numpy()
        if not np.allclose(np.delete(slope, i, axis=0), 0):
            return True
    return False


def dead_by_maxima(batches):
    return float(np.mean(np.max([x.max(axis=0) for x in batches], axis=0) == 0))


def dead_one_by_one(batches):
    units = len(batches[0][0])
    dead = [all(row[k] == 0 for x in batches for row in x) for k in range(units)]
    return sum(dead) / units


def dead_remembered(batches):
    active = np.zeros(batches[0].shape[1], bool)
    for x in batches:
        active |= (x > 0).any(axis=0)
    return np.float32(1 - active.mean())


def dead_by_sums(batches):
    total = sum(x.sum(axis=0) for x in batches)
    return np.count_nonzero(total == 0) / total.size


PATIENTS = dict(
    zip(
        "JIHGFEDCBA",
        ["mode", "dead", "healthy", "labels", "optimizer"]
        + ["rate", "gradients", "healthy", "loss", "inputs"],
        strict=True,
    )
)
RIGHT = {
    "5.1": [({"a": 2.30, "b": 9.0, "c": 1.5, "d": 0.69, "e": 5.0, "f": 0.33},)],
    "5.2": [(prior_up_to_a_constant,), (prior_in_float32,)],
    "5.3": [(beyond_by_counts,)],
    "5.4": [(leaks_by_exchange,), (leaks_by_gradient,), (leaks_output_by_output,)],
    "5.5": [(PATIENTS,)],
    "5.6": [(dead_by_maxima,), (dead_one_by_one,), (dead_remembered,), (dead_by_sums,)],
}
