# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   lesson: {number: 2, title: "Kinks, seeds and other traps", minutes: 105, needs: "lesson 1"}
# ---

# %% [markdown]
# # Lesson 2: Kinks, seeds and other traps
#
# After this lesson you can
#
# - recognise when a finite difference has stepped over a kink, and what to do then,
# - check the gradient of something random,
# - stop one term of a loss from hiding the errors of another,
# - choose the point, the entries and the direction of a check so that mistakes cannot hide,
# - read a report of `gradcheck`.
#
# A gradient check can fail in two ways. It can *raise a false alarm*: the gradient is right, the
# check says no, and you search for a mistake that is not there. Or it can *give false comfort*:
# the gradient is wrong, and the check says yes. The second is worse. Each section of this lesson
# shows one trap, so that you fall into it once, here. Five exercises each repair a broken check.
#
# We need the two tools of lesson 1: the centred difference, and an error that is relative. For a
# whole array we divide by its largest slope, so that an entry which is zero up to rounding does no
# harm.

# %%
import matplotlib.pyplot as plt
import numpy as np
from minnet_lessons import YourTurn
from minnet_lessons.checks import lesson_02 as check

import gradcheck
from minnet.plot import COLOURS

plt.rcParams["axes.prop_cycle"] = plt.cycler(color=COLOURS)
plt.rcParams["figure.constrained_layout.use"] = True


def numeric(f, x, h=1e-5):
    """The centred slope of f along each entry of x: the numerical gradient of lesson 1."""
    return gradcheck.numerical_grad(f, x, method="central", step=h).value


def error(a, n):
    """The largest difference, relative to the largest slope; 0 if all slopes are zero."""
    largest = max(np.max(np.abs(a)), np.max(np.abs(n)))
    return np.max(np.abs(a - n)) / (largest if largest > 0 else 1)

# %% [markdown]
# ## 1. Kinks
#
# Networks are full of a simple function, the *rectified linear unit*:
# $\mathrm{relu}(x) = \max(x, 0)$. It has a corner, a *kink*, at 0: slope 0 on the left, 1 on the
# right. What does a centred difference see near the kink?

# %% tags=["picture"] covers=["A12", "P12"]
relu = lambda x: np.maximum(x, 0)
x, h = -1e-6, 1e-5
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.3))
t = np.linspace(-2e-5, 2e-5, 201)
left.plot(t * 1e6, relu(t) * 1e6, color="black", label="relu")
ends = np.array([x - h, x + h])
left.plot(ends * 1e6, relu(ends) * 1e6, "s--", label="x ± h")
left.plot(x * 1e6, 0, "o", color=COLOURS[1], label="x")
right.plot(t * 1e6, t > 0, color="black", label="true slope")
right.plot(t * 1e6, (relu(t + h) - relu(t - h)) / (2 * h), "--", label="centred, h = 1e-5")
left.set(xlabel="x (millionths)", ylabel="relu(x) (millionths)", title="a step over the kink")
right.set(xlabel="x (millionths)", ylabel="slope", title="what is measured")
left.legend(), right.legend()
slope = (relu(x + h) - relu(x - h)) / (2 * h)
assert np.isclose(slope, 0.45) and np.isclose(slope, (h - 1e-6) / (2 * h))  # the true slope is 0

# %% [markdown]
# At $x = -10^{-6}$ the true slope is 0. The step $h = 10^{-5}$ reaches over the kink, and the
# measured slope is 0.45. Any $h$ larger than $10^{-6}$ gives something between 0 and ½. This is a
# false alarm, and a large one.
#
# (The notes of CS231n describe this example, but print $x = -10^{6}$, a slip. Far from the kink
# nothing happens, as the next cell shows.)
#
# How do we notice? A maximum has a *winner*: for $\max(x, 0)$ it is either $x$ or 0. On one side
# of the kink the winner is always the same. So: **if $x - h$, $x$ and $x + h$ have the same
# winner, no kink was crossed.**

# %% covers=["A12", "P12"]
# Predict: at which of these points does a step of 1e-5 change the winner?
for x in (-1e6, -1.0, -1e-4, -1e-6, 3e-6, 0.5):
    winners = [point > 0 for point in (x - 1e-5, x, x + 1e-5)]
    slope = (relu(x + 1e-5) - relu(x - 1e-5)) / 2e-5
    print(f"x = {x:8.0e}: slope {slope:.3f}, x is the winner at x-h, x, x+h: {winners}")
    assert (len(set(winners)) > 1) == (abs(x) < 1e-5)
    assert len(set(winners)) > 1 or np.isclose(slope, x > 0)

# %% [markdown]
# In a network the input of `relu` is computed. Take examples $X$ (one a row) and *weights* $W$, the
# numbers that the network learns. A *layer* of it computes $\mathrm{relu}(X W)$. Moving a single
# weight $W_{ij}$ moves the whole column $j$ of $X W$: one number for each example, and each may step
# over its own kink.
#
# ### Exercise 2.1: Track the winners
#
# Return an array of booleans of the shape of $W$: `True` where moving that weight by $+h$ or by
# $-h$ changes the winner of any entry of $\mathrm{relu}(X W)$. Leave `W` as it was.

# %% exercise="2.1"
def crossed(X, W, h):
    """Which weights, moved by h to either side, change the winner of some relu?"""
    ### BEGIN SOLUTION
    winners = lambda W: X @ W > 0
    result = np.zeros(W.shape, dtype=bool)
    for i in np.ndindex(W.shape):
        for step in (h, -h):
            moved = W.copy()
            moved[i] += step
            result[i] |= np.any(winners(moved) != winners(W))
    return result
    ### END SOLUTION

# %% check="2.1" covers=["A12"]
check.crossed(crossed)

# %% [markdown]
# How many kinks are there to step over? Take a program that sorts pictures into $C$ *classes*: cat,
# dog, and so on. It gives each picture a *score* $s_j$ for each class $j$, and wants that of the right
# class $y$ to be the largest, by at least 1. A *support vector machine* therefore pays
# $\max(0, s_j - s_y + 1)$ for each wrong class $j$ of each example. With $N$ examples that is
# $N (C - 1)$ kinks.

# %% covers=["A13", "A14"]
# Predict: 50 000 examples, 10 classes. How many kinks?  And do fewer examples help?
winners = np.zeros((50_000, 10 - 1), dtype=bool)  # one winner for each example and wrong class
print(f"{gradcheck.count_kinks([winners]):,} kinks")
rng = np.random.default_rng(0)
W = rng.normal(size=(8, 6))
share = {n: crossed(rng.normal(size=(n, 8)), W, 1e-2).mean() for n in (3, 30, 300, 3000)}
for n, part in share.items():
    print(f"{n:5} examples: {part:6.1%} of the weights cross a kink at h = 1e-2")
assert gradcheck.count_kinks([winners]) == 450_000
assert share[3] < share[300] < share[3000]

# %% [markdown]
# So **check with two or three examples.** There are fewer kinks to cross, each check is faster,
# and a mistake in the code is as visible as with a thousand.
#
# What if a kink was crossed nevertheless? Leaving the entry out would be easy, and dangerous: if
# the checker leaves out all of them, nothing is tested and all seems well. First try a smaller
# step: it may fit between $x$ and the kink. Only if none fits, say so.
#
# ### Exercise 2.2: Repair the check that trips over kinks
#
# Here is a check of one slope. `f` is a function of a number, `slope` the claimed derivative, and
# `winner(x)` says which side of its kinks `f` takes.

# %%
def broken_kink_check(f, slope, winner, x):
    h = 1e-5
    n = (f(x + h) - f(x - h)) / (2 * h)
    return "right" if gradcheck.relative_error(slope(x), n) < 1e-4 else "wrong"


step = lambda x: float(x > 0)  # the right derivative of relu, and its winner
for x in (0.7, -0.7, -1e-6):
    print(f"x = {x}: the right derivative is called {broken_kink_check(relu, step, step, x)}")
assert broken_kink_check(relu, step, step, -1e-6) == "wrong"  # a false alarm

# %% [markdown]
# Repair it. Try $h = 10^{-5}, 10^{-6}, 10^{-7}, 10^{-8}$ in this order and judge by the first that
# crosses no kink, with the same tolerance as above. If all of them cross one, the answer is
# `"undecided"`. (Two results of `winner` may be compared with `==`.)

# %% exercise="2.2"
def kink_check(f, slope, winner, x):
    """Is slope(x) the derivative of f at x?  "right", "wrong" or "undecided"."""
    ### BEGIN SOLUTION
    for h in (1e-5, 1e-6, 1e-7, 1e-8):
        if winner(x - h) == winner(x) == winner(x + h):
            n = (f(x + h) - f(x - h)) / (2 * h)
            return "right" if gradcheck.relative_error(slope(x), n) < 1e-4 else "wrong"
    return "undecided"
    ### END SOLUTION

# %% check="2.2" covers=["A12"]
check.kinks(kink_check)

# %% [markdown]
# `gradcheck` does this without being told: it notices that a slope changes with $h$ as slopes do
# across a kink. It takes the winners too, if you have them (`branches=`). Exactly on a kink it
# accepts any slope between those of the two sides, and says so.
#
# It wants the function as `forward(x)`, which returns the result and whatever the derivative will
# need (the *cache*), and the claimed derivative as `backward(d, cache)`. Here `d` holds one number
# for each output; each slope is to be multiplied by its own. Section 5 says why.

# %% covers=["A12", "A14"]
# Predict: which of the four backward functions pass?  Some entries of x lie very near the kink.
x = np.array([[0.3, -0.8, 1e-6], [-1e-6, 1.2, -0.5]])
forward = lambda x: (np.maximum(x, 0), x)  # the result, and what backward will need
claims = {
    "right": lambda d, x: d * (x > 0),
    "without the mask": lambda d, x: d,
    "mask inverted": lambda d, x: d * (x <= 0),
    "1 % off": lambda d, x: 1.01 * d * (x > 0),
}
for name, backward in claims.items():
    report = gradcheck.check_vjp(forward, backward, (x,), branches=lambda x: x > 0)
    print(f"{name:18} {report.status:5} kinks met: {report.params['x'].kinked}")
    assert report.ok == (name == "right") and report.params["x"].kinked >= 2
smooth = gradcheck.check_grad(lambda x: np.sum(np.tanh(x)), lambda x: 1 - np.tanh(x) ** 2, x)
assert smooth.ok and smooth.params["x"].kinked == 0  # where there is no kink, none is seen

# %% [markdown]
# ## 2. Random numbers
#
# *Dropout* is a trick against learning by heart: each time the network is evaluated, a random half
# of the numbers that a layer returns is set to zero and the others are doubled. A new evaluation
# draws a new half. Now $f(x+h)$ and $f(x-h)$ are values of two *different functions*.

# %% covers=["A19"]
# Predict: the gradient is right. What does a naive check find?
def dropout_loss(x, rng):
    keep = (rng.random(x.shape) < 0.5) / 0.5  # 0 or 2
    return np.sum(np.tanh(x) * keep)


def dropout_gradient(x, rng):
    keep = (rng.random(x.shape) < 0.5) / 0.5
    return (1 - np.tanh(x) ** 2) * keep


x, rng = np.linspace(-1, 1, 6), np.random.default_rng(0)
n = numeric(lambda x: dropout_loss(x, rng), x)
print("measured slopes:", np.round(n), " error:", error(dropout_gradient(x, rng), n).round(3))
assert error(dropout_gradient(x, rng), n) > 1e-2 and abs(n).max() > 1e3

# %% [markdown]
# Slopes of tens of thousands: the jump between two random halves, divided by $2h$. A good checker
# notices before it measures anything. It evaluates $f$ twice at the same point; if the values
# differ, there is no function to differentiate, and it says *that* instead of "wrong gradient".
#
# There are two ways out. Switch dropout off; but then its own gradient is never tested. Or use the
# **same seed** before every evaluation: a random generator with the same seed draws the same half
# each time.

# %% covers=["A19", "A20"]
# Predict: what are the two verdicts?
def forward(x):
    keep = (np.random.rand(*x.shape) < 0.5) / 0.5  # from NumPy's global generator
    return np.tanh(x) * keep, (x, keep)


backward = lambda d, cache: d * cache[1] * (1 - np.tanh(cache[0]) ** 2)
x = np.linspace(-1, 1, 6).reshape(2, 3)
unseeded = gradcheck.check_vjp(forward, backward, (x,))
seeded = gradcheck.check_vjp(forward, backward, (x,), reseed=3)  # seed 3 before every evaluation
print("unseeded:", unseeded.status, "-", unseeded.findings[0].message)
print("seeded:  ", seeded.status, "- in words:", seeded.params["x"].band)
assert unseeded.status == "inconclusive" and unseeded.findings[0].code == "forward-not-repeatable"
assert seeded.ok and seeded.params["x"].band == "happy"

# %% [markdown]
# ### Exercise 2.3: Repair the check of something random
#
# Here is the naive check as a function. `loss(x, rng)` and `gradient(x, rng)` draw from the
# generator they are given.

# %%
def broken_dropout_check(loss, gradient, x, seed):
    rng = np.random.default_rng(seed)
    n = numeric(lambda x: loss(x, rng), x)
    return error(gradient(x, rng), n)


x = np.linspace(-1, 1, 6)
for seed in (0, 1, 2):
    found = broken_dropout_check(dropout_loss, dropout_gradient, x, seed)
    print(f"seed {seed}: error {found:.2f}, for a right gradient")
    assert found > 0.01

# %% [markdown]
# It has a seed, and that does not help. Why? Repair it.

# %% exercise="2.3"
def dropout_check(loss, gradient, x, seed):
    """The error of the gradient, every evaluation with the same random numbers."""
    ### BEGIN SOLUTION
    n = numeric(lambda x: loss(x, np.random.default_rng(seed)), x)
    return error(gradient(x, np.random.default_rng(seed)), n)
    ### END SOLUTION

# %% check="2.3" covers=["A20"]
check.dropout(dropout_check)

# %% [markdown]
# ## 3. The loud term and the quiet term
#
# The number that says how wrong a network is, its error so far, is usually called its *loss*. The
# loss is often a sum: a *data* term, which says how bad the predictions are, and
# a *regularisation* term such as $\tfrac{\alpha}{2}\lVert w \rVert^2$, which keeps the weights
# small. The gradient of the second is simply $\alpha w$. With a large $\alpha$ it is loud:

# %% covers=["A18"]
# Predict: the data gradient is 10 % too large.  At which alpha does the check of the sum notice?
rng = np.random.default_rng(0)
X, w = rng.normal(size=(6, 3)), rng.normal(size=3) + 5  # w is far from 0: alpha w is loud
data = lambda w: (np.mean(np.sin(X @ w)), 1.1 * np.cos(X @ w) @ X / 6)  # (loss, gradient)
for alpha in (0.0, 1.0, 1e4):
    total = lambda w, a=alpha: data(w)[0] + a / 2 * w @ w
    claimed = data(w)[1] + alpha * w
    found = error(claimed, numeric(total, w))
    print(f"alpha = {alpha:7g}: error {found:.1e}")
    assert (found > 0.05) if alpha == 0 else found < 1e-2
assert found < 1e-4

# %% [markdown]
# The mistake is the same in all three lines. What grows is the gradient of the other term, and the
# error is measured relative to the sum. The reverse happens too: with $\alpha = 10^{-9}$, a wrong
# regularisation gradient cannot be seen beside the data. **Check the terms apart, and compare the
# lengths of their gradients.**
#
# ### Exercise 2.4: Repair the check that listens to the sum
#
# `data(w)` and `reg(w)` each return a pair: a loss and its gradient.

# %%
def broken_sum_check(data, reg, w):
    claimed = data(w)[1] + reg(w)[1]
    return error(claimed, numeric(lambda w: data(w)[0] + reg(w)[0], w))


reg = lambda w: (1e4 / 2 * w @ w, 1e4 * w)
print(f"error {broken_sum_check(data, reg, w):.1e}: all seems well")
assert broken_sum_check(data, reg, w) < 1e-4  # and data's gradient is 10 % off
right_data = lambda w: (data(w)[0], data(w)[1] / 1.1)
quiet = lambda w: (1e-9 / 2 * w @ w, 2e-9 * w)  # its gradient is twice too large
assert broken_sum_check(right_data, quiet, w) < 1e-4

# %% [markdown]
# Return three numbers: the error of the data gradient, the error of the regularisation gradient,
# and the ratio $\lVert \nabla \mathrm{reg} \rVert / \lVert \nabla \mathrm{data} \rVert$ of the
# lengths of the two gradients (`np.linalg.norm`).

# %% exercise="2.4"
def split_check(data, reg, w):
    """(error of data, error of reg, length of reg's gradient over that of data's)"""
    ### BEGIN SOLUTION
    data_error = error(data(w)[1], numeric(lambda w: data(w)[0], w))
    reg_error = error(reg(w)[1], numeric(lambda w: reg(w)[0], w))
    return data_error, reg_error, np.linalg.norm(reg(w)[1]) / np.linalg.norm(data(w)[1])
    ### END SOLUTION

# %% check="2.4" covers=["A18"]
check.terms(split_check)

# %% covers=["A18"]
# Predict: gradcheck gets the same loss, and is told its terms.  What does it say about each?
# (w stands for the sum.  tol: the largest relative error that passes.)
total = lambda w: (data(w)[0] + reg(w)[0], data(w)[1] + reg(w)[1])
together = gradcheck.check(total, w, names=["w"], tol=1e-4)
apart = gradcheck.check(total, w, names=["w"], tol=1e-4, terms={"data": data, "reg": reg})
print("together:", together.status, "  apart:", {k: p.status for k, p in apart.params.items()})
ratio = next(finding for finding in apart.findings if finding.code == "term-ratio")
print(ratio.message)
assert together.ok and ratio.evidence["ratio"] > 10
assert [p.status for p in apart.params.values()] == ["pass", "fail", "pass"]

# %% [markdown]
# ## 4. The first moment is not typical
#
# Before training, the weights of a network are small random numbers, and some are zero. At such a
# point parts of the gradient vanish, and a mistake in those parts vanishes with them. Take two
# layers, the second with weights $v = 0$, and let $t$ be the numbers that should be predicted:
#
# $$h = \tanh(X W), \qquad \text{prediction} = h\,v, \qquad
# \text{loss} = \tfrac{1}{2}\,\text{mean of } (\text{prediction} - t)^2$$
#
# The slope with respect to $W$ has $v$ as a factor.

# %%
rng = np.random.default_rng(0)
X, t = rng.normal(size=(8, 4)), rng.normal(size=8)
start = {"W": rng.normal(size=(4, 5)), "v": np.zeros(5)}


def forgetful(p):
    """The loss and its gradients; somebody forgot to write that of W."""
    h = np.tanh(X @ p["W"])
    r = h @ p["v"] - t
    return 0.5 * np.mean(r**2), {"W": np.zeros((4, 5)), "v": h.T @ r / len(t)}

# %% covers=["A17"]
# Predict: does the check notice the missing gradient?  And after ten steps of training?
before = gradcheck.check(forgetful, start)
after = gradcheck.check(forgetful, start, burn_in=10)
print("before training:", before.status, " with ten steps:", after.params["W"].status)
print(before.findings[0].message)
assert before.ok and after.params["W"].status == "fail"
assert not np.any(start["v"])  # the steps were taken on a copy

# %% [markdown]
# Right at the start, zero happens to be the true slope of $W$. So **let the network learn for a
# moment, then check again**: until its loss has begun to fall. CS231n calls this the
# *characteristic mode* of operation.
#
# ### Exercise 2.5: Repair the check that comes too early
#
# The arrays of numbers that a network learns are its *parameters*; `params` is a dict of them, such
# as `start` above. `loss(params)` returns the loss and a dict of gradients, one for each parameter.

# %%
def worst(loss, params):
    """The error of the worst parameter's gradient."""
    def one(name):
        f = lambda p: loss({**params, name: p})[0]  # all other parameters stay
        return error(loss(params)[1][name], numeric(f, params[name]))
    return max(one(name) for name in params)


broken_early_check = worst  # checks where it is, and that is at the start
print(f"error at the start: {broken_early_check(forgetful, start):.0e}")
assert worst(forgetful, start) < 1e-6 < worst(forgetful, {**start, "v": np.ones(5)})

# %% [markdown]
# Return two errors: that at `params`, and that after `steps` steps of training. A step asks `loss`
# once for all gradients, and then moves every parameter a little downhill:
# $p \leftarrow p - \lambda \cdot \text{gradient}$, with the *learning rate* $\lambda$ = `lr`. The caller's
# `params` and its arrays stay as they are.

# %% exercise="2.5"
def early_and_late(loss, params, steps, lr):
    """(error at params, error after training a copy of params)"""
    ### BEGIN SOLUTION
    early = worst(loss, params)
    for _ in range(steps):
        gradients = loss(params)[1]
        params = {name: p - lr * gradients[name] for name, p in params.items()}
    return early, worst(loss, params)
    ### END SOLUTION

# %% check="2.5" covers=["A17"]
check.burn_in(early_and_late)

# %% [markdown]
# ## 5. Few entries, and many outputs
#
# Many layers compute $X W + b$ before the relu: besides the weights they have *biases* $b$, one for
# each column. A network has too many entries in all its parameters to check each, so take a few at
# random. From where?

# %% covers=["A21"]
# Predict: a million weights, ten biases, 20 entries from all.  How often is a bias among them?
weights, biases, hits = 1_000_000, 10, 0
for seed in range(50):
    drawn = np.random.default_rng(seed).choice(weights + biases, size=20, replace=False)
    hits += np.any(drawn >= weights)  # the biases come last
chance = 20 * biases / (weights + biases)
print(f"a bias was checked in {hits} of 50 runs; one run in {1 / chance:,.0f} has one")
assert hits <= 1 and round(1 / chance, -2) == 5000

# %% [markdown]
# A mistake in the gradient of the biases would be found about once in 5000 runs. **Draw from each
# parameter separately.** (Statisticians call this *stratified* sampling.)
#
# The second choice concerns the output. Most layers return an array, and an array has no single
# slope. So multiply it by some array $g$ of the same shape and add up: $\sum g \cdot
# \mathrm{layer}(x)$ is one number. The array $g$ is called the *upstream gradient*, and
# `backward(g, ...)` is the code that claims to know the slopes of this sum. Which $g$ should a
# check use? Many take all ones: just sum the output.

# %% covers=["A22", "P12"]
# Predict: softmax makes each row positive, with sum 1.  How steep is the sum of its output?
def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


rng = np.random.default_rng(0)
x = rng.normal(size=(5, 4))
ones = numeric(lambda x: np.sum(softmax(x)), x)
g = rng.normal(size=(5, 4))
random = numeric(lambda x: np.sum(g * softmax(x)), x)
print(f"largest slope with ones: {abs(ones).max():.0e}, with random g: {abs(random).max():.2f}")
assert abs(ones).max() < 1e-10 < 0.1 < abs(random).max()

# %% [markdown]
# Each row sums to 1 whatever $x$ is, so the sum of all outputs is constant and its slope is zero.
# With ones, a `backward` that returns nothing but zeros agrees with the measurement. Batch
# normalisation, which you will meet in lesson 3, has the same property. **Use a random $g$, with
# both signs.** (`gradcheck` draws one. If you insist on ones it will not call such a gradient
# right, only `inconclusive`: there was nothing to measure.)

# %% covers=["A22"]
# Predict: backward returns nothing but zeros.  Which upstream finds it out?
forward = lambda x: (softmax(x), x)
zeros = lambda g, x: np.zeros_like(x)
for upstream in ("ones", "random"):
    report = gradcheck.check_vjp(forward, zeros, (x,), upstream=upstream)
    print(f"{upstream:7} {report.status}")
    assert report.status == {"ones": "inconclusive", "random": "fail"}[upstream]

# %% [markdown]
# ### Exercise 2.6: Repair the check that looks in one place
#
# `forward(params)` returns an output and a cache; `backward(g, cache)` a dict of gradients.
# `slope` below measures one of them. The broken check makes every mistake of this section.

# %%
def slope(forward, params, name, i, g, h=1e-5):
    """The centred slope of sum(g * output) along entry i of one parameter."""
    def f(step):
        moved = params[name].copy()
        moved[i] += step
        return np.sum(g * forward({**params, name: moved})[0])
    return (f(h) - f(-h)) / (2 * h)


def broken_sampled_check(forward, backward, params, k, rng):
    output, cache = forward(params)
    g = np.ones_like(output)
    name, p = next(iter(params.items()))
    indices = list(np.ndindex(p.shape))[:k]
    a = np.array([backward(g, cache)[name][i] for i in indices])
    return {name: error(a, np.array([slope(forward, params, name, i, g) for i in indices]))}

# %% [markdown]
# Repair it: a random upstream of both signs, and from **every** parameter `k` different entries at
# random (all of them, if it has fewer). Draw both from `rng`. Return a dict with the error of each
# parameter. (`rng.choice(size, count, replace=False)` draws without repetition;
# `np.unravel_index(j, shape)` turns the number of an entry into its index.)

# %% exercise="2.6"
def sampled_check(forward, backward, params, k, rng):
    """{name: error over k random entries of that parameter}"""
    ### BEGIN SOLUTION
    output, cache = forward(params)
    g = rng.normal(size=output.shape)
    gradients = backward(g, cache)
    errors = {}
    for name, p in params.items():
        drawn = rng.choice(p.size, min(k, p.size), replace=False)
        indices = [np.unravel_index(j, p.shape) for j in drawn]
        a = np.array([gradients[name][i] for i in indices])
        n = np.array([slope(forward, params, name, i, g) for i in indices])
        errors[name] = error(a, n)
    return errors
    ### END SOLUTION

# %% check="2.6" covers=["A21", "A22"]
check.sampling(sampled_check)

# %% [markdown]
# ## 6. A checker with manners, and its report
#
# A check runs somebody else's code thousands of times. Afterwards nothing may have changed: not
# the parameters, not their precision, not the random numbers drawn next; not even if that code
# breaks down in the middle.

# %% covers=["A23"]
# Predict: forward breaks down at its fourth call.  Is w still float32, and what is drawn next?
def forward(x, w):
    forward.calls += 1
    np.random.rand()
    if forward.calls > 3:
        raise RuntimeError("out of patience")
    return x * w, (x, w)


w, forward.calls = np.ones(3, dtype=np.float32), 0
next_number = np.random.RandomState(0).rand()
np.random.seed(0)
try:
    gradcheck.check_vjp(forward, lambda d, c: (d * c[1], d * c[0]), (np.ones(3), w))
except gradcheck.CallError as trouble:
    print(str(trouble).splitlines()[0])
assert w.dtype == np.float32 and np.all(w == 1) and np.random.rand() == next_number

# %% [markdown]
# And when a gradient *is* wrong, the report should lead you to the place: which parameter, which
# entry, both numbers, the step, and what the difference looks like. The table below has a row for
# each parameter:
#
# - `checked`: how many of its entries were measured; `max rel`: the largest relative error among
#   them; `norm rel`: the length of the difference of the two gradients, relative to theirs,
# - `worst index`: where the largest error is; `analytic`: what backward said there; `numeric`: what
#   was measured, and `+-` how far that may be off.
#
# `reference` says how it was measured, and with which $h$. The lines that begin with FAIL look at the
# pattern of the differences, and say which mistakes leave such a pattern. Read them as a doctor's
# first guess: the place in the table is a fact, the cause an opinion.

# %% covers=["A24"]
# Predict: one of 12 entries is three times too large. What do you need to know to find it?
def backward(g, x):
    dx = 2 * x * g
    dx[2, 1] *= 3
    return dx


x = np.random.default_rng(0).normal(size=(4, 3))
report = gradcheck.check_vjp(lambda x: (x**2, x), backward, {"weights": x})
print(report)
name, entry = report.worst(1)[0]
assert (name, entry.index) == ("weights", (2, 1)) and np.isclose(entry.analytic, 3 * entry.numeric)
assert report.to_dict()["params"]["weights"]["worst"][0]["index"] == [2, 1]

# %% [markdown]
# In a test, use `gradcheck.assert_vjp`: it raises an error that carries this report.
#
# ## Summary
#
# | trap | what you see | what to do |
# |---|---|---|
# | a kink within $x \pm h$ | false alarm | winners; smaller $h$; no silent omission |
# | random numbers | absurd slopes | the same seed before every evaluation |
# | a loud regularisation term | false comfort | check the terms apart |
# | the start of training | false comfort | check again after a few steps |
# | entries drawn from one heap | false comfort | draw from every parameter |
# | an upstream of ones | false comfort | a random upstream with both signs |
# | a check that leaves traces | trouble elsewhere | copies; restore what was borrowed |
#
# ## Sources
#
# - CS231n notes, [Neural networks part 3](https://cs231n.github.io/neural-networks-3/#gradcheck),
#   "Gradient checks": kinks and winners, few data points, burn-in, regularisation, dropout and
#   seeds, few dimensions.
# - N. Srivastava and others (2014), [Dropout](https://jmlr.org/papers/v15/srivastava14a.html),
#   Journal of Machine Learning Research 15.
# - F. H. Clarke (1990), *Optimization and Nonsmooth Analysis*: the interval of slopes at a kink.
#
# ## Where it leads
#
# You now own a checker that is hard to fool. **Lesson 3** gives it something to do: we derive
# gradients by hand, the chain rule, matrix products, softmax, batch normalisation, and hunt
# planted mistakes with `gradcheck`.
