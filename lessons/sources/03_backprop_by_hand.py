# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   lesson: {number: 3, title: "Backprop by hand", minutes: 135, needs: "lessons 1 and 2: finite differences, and how to check a gradient"}
# ---

# %% [markdown]
# # Lesson 3: Backprop by hand
#
# After this lesson you can
#
# - take a computation apart and send a gradient back through it, step by step,
# - write the backward of a product, of a matrix product and of a broadcast, without looking it up,
# - compute softmax and cross-entropy so that no score is too large for them,
# - derive the gradient of batch normalisation in one line, from a picture,
# - check every piece before you train, and train a network whose gradients are all your own,
# - read a checker's report well enough to find ten bugs that somebody else made.
#
# **Why by hand, when a library does it?** A library computes gradients for you until it does not:
# you write an operation that it lacks, or your loss does not fall and you have to know what should
# have come out. Then it helps to have done it once yourself.
#
# Lessons 1 and 2 built and sharpened the tool, a check by finite differences. Here we use it
# through `gradcheck`, which runs the same check and also says what it thinks went wrong.

# %%
import json

import matplotlib.pyplot as plt
import numpy as np
from minnet_lessons import YourTurn
from minnet_lessons.checks import lesson_03 as check
from minnet_lessons.figures import graph, shapes
from minnet_lessons.zoo.gradients import CAUSES, LAYERS, table

import gradcheck
from minnet import data
from minnet.plot import COLOURS

plt.rcParams["axes.prop_cycle"] = plt.cycler(color=COLOURS)  # colours that everybody can tell apart
plt.rcParams["figure.constrained_layout.use"] = True
rng = np.random.default_rng(0)

# %% [markdown]
# ## 1. One neuron, taken apart
#
# A *neuron* takes a number $x$, multiplies it by a *weight* $w$, adds a *bias* $b$, and bends the
# result with a function such as $\tanh$. We want its output to be the *target* $t$. How far it is
# off is measured by a *loss*, here the squared difference:
#
# $$L = \bigl(\tanh(w x + b) - t\bigr)^2$$
#
# To improve the neuron we need $\partial L/\partial w$ and $\partial L/\partial b$. Nobody wants to
# differentiate this in one go. Take it apart instead, until each step is trivial, and give each
# intermediate result a name:

# %%
x, w, b, t = 2.0, -0.5, 0.3, 1.0
u = w * x
z = u + b
a = np.tanh(z)
L = (a - t) ** 2
print(f"u = {u}, z = {z:.1f}, a = {a:.3f}, L = {L:.3f}")

# %%
steps = {  # name: (what it is, what it is made from, where to draw it)
    "x": ("x", (), (0, 0)),
    "w": ("w", (), (0, 1)),
    "u": ("u = w x", ("w", "x"), (1, 0.5)),
    "b": ("b", (), (1, 1.5)),
    "z": ("z = u + b", ("u", "b"), (2, 1)),
    "a": ("a = tanh z", ("z",), (3, 1)),
    "t": ("t", (), (3, 2)),
    "L": ("L = (a - t)²", ("a", "t"), (4, 1.5)),
}
values = {"x": x, "w": w, "u": u, "b": b, "z": z, "a": a, "t": t, "L": L}
graph(steps, values)

# %% [markdown]
# This picture is a *computation graph*. Reading it from left to right is the *forward pass*.
#
# Now ask at each box: **if this number grew by a little, by how much would $L$ grow?** At the right
# end the answer is 1, because $L$ grows exactly as much as $L$. From there walk left. If we know the
# answer at the output of a step, one multiplication gives the answer at its input. That is the
# chain rule:
#
# $$\frac{\partial L}{\partial z} =
# \underbrace{\frac{\partial L}{\partial a}}_{\text{already known}} \cdot
# \underbrace{\frac{\partial a}{\partial z}}_{\text{one step's own slope}}$$
#
# The known factor comes from above, so it is called the *upstream gradient*. The other one is the
# *local* slope. It concerns one step only, and you know it by heart: $\tanh' = 1 - \tanh^2$.
# In code we write `da` for $\partial L/\partial a$, and so on.

# %%
# Predict: a = -0.60 should rise to t = 1. Must w grow or shrink for that? So, the sign of dw?
dL = 1.0
da = dL * 2 * (a - t)
dz = da * (1 - a**2)
du, db = dz * 1, dz * 1  # a sum passes the gradient on, to both
dw, dx = du * x, du * w  # a product: times the other factor
loss = lambda w, b: (np.tanh(w * x + b) - t) ** 2
h = 1e-5
assert np.isclose(dw, (loss(w + h, b) - loss(w - h, b)) / (2 * h), rtol=1e-8)
assert np.isclose(db, (loss(w, b + h) - loss(w, b - h)) / (2 * h), rtol=1e-8)
slopes = {"x": dx, "w": dw, "u": du, "b": db, "z": dz, "a": da, "t": -da, "L": dL}
graph(steps, values, slopes)

# %% [markdown]
# One walk to the left gave *all* the slopes, with one multiplication per arrow. Finite differences
# need two evaluations of the whole graph for *each* slope. A network has millions of weights, so
# this is what makes training possible. The walk is called *backpropagation*, the *backward pass*.
#
# ### When a value is used twice
#
# One rule is still missing. In $y = x \cdot \tanh x$ the input goes two ways. If it grows, $y$
# changes for two reasons, and the changes **add**:

# %%
# Predict: two arrows leave x. Which two numbers arrive back at it, and what is dx?
x = 0.8
s = np.tanh(x)
y = x * s
dy = 1.0
ds, dx_direct = dy * x, dy * s
dx_through_tanh = ds * (1 - s**2)
dx = dx_direct + dx_through_tanh
slope = ((x + h) * np.tanh(x + h) - (x - h) * np.tanh(x - h)) / (2 * h)
assert np.isclose(dx, slope, rtol=1e-8) and not np.isclose(dx_direct, slope, rtol=0.1)
fork = {"x": ("x", (), (0, 0)), "s": ("s = tanh x", ("x",), (1.2, 0.9))}
fork["y"] = ("y = x s", ("s", "x"), (2.4, 0))
print(f"{dx_direct:.3f} directly, {dx_through_tanh:.3f} through tanh: {dx:.3f} in all")
graph(fork, {"x": x, "s": s, "y": y}, {"x": dx, "s": ds, "y": dy})

# %% [markdown]
# So backpropagation has two rules. **Along a path, multiply. Where paths meet again, add.**
# Everything below is these two rules, applied to arrays.
#
# ## 2. An operation is a pair of functions
#
# In a network the boxes hold arrays: a *batch* of examples, one in each row. We write each operation
# as two functions.
#
# - `forward(inputs)` returns the output `y` and a *cache*: whatever the way back will need.
# - `backward(g, cache)` gets `g`, which is $\partial L/\partial y$, in the shape of `y`. It returns
#   $\partial L/\partial(\text{input})$ for each input, in the shape of that input.
#
# Notice that `backward` does not know what $L$ is. It need not: `g` says all about the rest of the
# graph. That is why operations can be combined at will. (With one input, the result is a tuple of
# one, such as `(dx,)`.)
#
# Here is one that you will meet in almost every network, the *rectified linear unit* or ReLU. It
# keeps what is positive and replaces the rest by 0. Its local slope is 1 or 0, so `backward` lets
# `g` through or stops it:

# %% covers=["A24"]
def relu_forward(x):
    return np.maximum(x, 0), x > 0


def relu_backward(g, cache):
    return (g * cache,)


x = rng.normal(size=(3, 4))
report = gradcheck.check_vjp(relu_forward, relu_backward, {"x": x})
print(report)
assert report.status == "pass" and report.params["x"].n_checked == x.size

# %% [markdown]
# `check_vjp` calls both functions and compares what `backward` says with finite differences. If all is
# well, it says so in one line, with the worst relative error of all entries. The initials stand for
# *vector-Jacobian product*, the name of what a backward computes: the vector `g` times the matrix of
# all local slopes.
#
# And if `backward` is wrong? Then you get a table. For each input it names the worst entry, with what
# `backward` said (*analytic*), what the difference says (*numeric*), and the difference's own
# uncertainty. Below stand the opinions of the report on the cause, the most likely first.

# %% covers=["A24"]
# Predict: the mask is forgotten here. At which entries is the gradient wrong?
def forgetful(g, cache):
    return (g,)


report = gradcheck.check_vjp(relu_forward, forgetful, {"x": x})
print(report)
name, worst = report.worst(1)[0]  # the worst entry of all
assert report.status == "fail" and x[worst.index] < 0 and worst.numeric == 0
assert "leak" in {found["code"] for found in json.loads(report.to_json())["findings"]}

# %% [markdown]
# Wrong where $x<0$, as you predicted: there gradient *leaks* through. The report is an object, too.
# `report.status`, `report.findings` and `report.params["x"].worst` are made for programs to read,
# and in a test of your own `gradcheck.assert_vjp` raises an error that carries all of it:

# %% covers=["A24"]
try:
    gradcheck.assert_vjp(relu_forward, forgetful, {"x": x})
except gradcheck.GradientMismatch as error:
    caught = error.report
assert caught.status == "fail" and caught.params["x"].worst[0].rel_error == 1
print(caught.summary())

# %% [markdown]
# ### Exercise 3.1: Backward of a product
#
# The forward multiplies two arrays of the same shape, entry by entry, and caches both.
# Return $\partial L/\partial x$ and $\partial L/\partial y$, in this order.

# %% exercise="3.1"
def multiply_forward(x, y):
    return x * y, (x, y)


def multiply_backward(g, cache):
    """g: dL/d(x y).   cache: (x, y).   Returns dx, dy."""
    x, y = cache
    ### BEGIN SOLUTION
    return g * y, g * x
    ### END SOLUTION

# %% check="3.1"
check.multiply(multiply_backward)

# %% [markdown]
# ## 3. What to send in from above
#
# To check a backward we have to choose a `g`. The easiest choice is all ones: then $L$ is simply the
# sum of the outputs. Several teaching frameworks test their gradients in this way. Let us see what
# it is worth.
#
# The *softmax* turns a row of scores into positive numbers with sum 1: $y_j = e^{x_j} / \sum_k
# e^{x_k}$. Look at this backward:

# %% covers=["A22", "P12"]
# Predict: with g = 1 everywhere, by how much does the sum of a row of y change when x changes?
def softmax_forward(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    y = e / e.sum(axis=1, keepdims=True)
    return y, y


lazy = lambda g, y: (np.zeros_like(y),)  # computes nothing at all
measure = lambda g: gradcheck.numerical_grad(lambda x: softmax_forward(x)[0], x, upstream=g).value
ones, random = measure(np.ones((3, 4))), measure(rng.normal(size=(3, 4)))
print(f"largest slope with ones: {abs(ones).max():.0e}, with a random g: {abs(random).max():.2f}")
assert abs(ones).max() < 1e-10  # so zeros look right
assert abs(random).max() > 0.1  # and are not

# %% [markdown]
# The sum of a row is 1 and stays 1. So with `g` all ones the true gradient is zero, and a backward
# that does nothing passes the test. Batch norm (section 7) has the same blind spot.
#
# A random `g` with both signs has none. It is what `gradcheck` uses. Ask it for ones, and it refuses
# to say "pass":

# %% covers=["A22"]
softmax_backward = lambda g, y: (y * (g - (g * y).sum(axis=1, keepdims=True)),)
statuses = {
    (name, upstream): gradcheck.check_vjp(softmax_forward, f, {"x": x}, upstream=upstream).status
    for name, f in {"right": softmax_backward, "lazy": lazy}.items()
    for upstream in ("ones", "random")
}
for (name, upstream), status in statuses.items():
    print(f"{name:6} checked with {upstream:7} {status}")
assert statuses["right", "random"] == "pass" and statuses["lazy", "random"] == "fail"
assert statuses["right", "ones"] == statuses["lazy", "ones"] == "inconclusive"

# %% [markdown]
# ## 4. Matrices
#
# A *layer* of $M$ neurons computes $y = x W + b$: `x` has one example in each of its $N$ rows, `W`
# has one column per neuron, and `b` is added to every row. Such a map is called *affine*.
#
# There is a way to find its gradients that needs hardly any thought: **a gradient has the shape
# of its array.** `dW` must have the shape of `W`, it must contain `g` and the other factor, `x`.
# If $N$, $D$ and $M$ differ, there is only one way to multiply them so that the shapes fit.
# (Colours: `x` blue, `W` orange, `y` and `g` green; the bias comes later.)

# %%
N, D, M = 9, 6, 4
shapes(
    [
        [("y", N, M, 2), "=", ("x", N, D, 0), ("W", D, M, 1)],
        [("dx", N, D, 0), "=", ("g", N, M, 2), ("Wᵀ", M, D, 1)],
        [("dW", D, M, 1), "=", ("xᵀ", D, N, 0), ("g", N, M, 2)],
    ]
)

# %% [markdown]
# Shapes suggest a formula, and the two rules prove it. $W_{dm}$ acts on the loss through $y_{nm}$,
# for every example $n$. On each of these paths the local slope is $x_{nd}$. Multiply along the path,
# add over the paths:
#
# $$\frac{\partial L}{\partial W_{dm}} = \sum_n x_{nd}\, g_{nm} \qquad\text{which is}\qquad
# \mathrm{d}W = x^\top g$$
#
# In the same way $x_{nd}$ acts through $y_{nm}$ for every neuron $m$, with slope $W_{dm}$:
# $\mathrm{d}x = g\, W^\top$.
#
# And the bias? One number $b_m$ is used by all $N$ examples. Here for three of them:

# %%
# Predict: the three outputs get gradients 2, -1 and 4. What does b get?
copies = {"b": ("b", (), (0, 1))}
copies |= {f"y{n}": (f"y{n} = ... + b", ("b",), (1.6, 3 - n)) for n in (1, 2, 3)}
g = {"y1": 2.0, "y2": -1.0, "y3": 4.0}
assert sum(g.values()) == 5
graph(copies, {}, g | {"b": sum(g.values())})

# %% [markdown]
# ### Exercise 3.2: Backward of an affine map
#
# Return `dx`, `dW` and `db`, in this order. `b` has shape `(M,)`, and so must `db`.

# %% exercise="3.2"
def affine_forward(x, W, b):
    return x @ W + b, (x, W)


def affine_backward(g, cache):
    """g: (N, M).   cache: x (N, D) and W (D, M).   Returns dx, dW, db."""
    x, W = cache
    ### BEGIN SOLUTION
    return g @ W.T, x.T @ g, g.sum(axis=0)
    ### END SOLUTION

# %% check="3.2"
check.affine(affine_backward)

# %% [markdown]
# ## 5. Broadcasting
#
# The bias was a special case. Whenever NumPy combines arrays of different shapes, it *broadcasts*:
# it puts missing axes in front, and repeats axes of length 1. Each repeated entry takes several paths
# to the loss. So on the way back, **what was copied is summed**.

# %%
# Predict: the shape of scale + shift, and over which axes the gradient of each has to be summed.
scale, shift = np.ones((3, 1)), np.ones(4)
y = scale + shift
g = np.arange(12.0).reshape(y.shape)
d_scale = g.sum(axis=1, keepdims=True)  # axis 1 was repeated, and stays as an axis of length 1
d_shift = g.sum(axis=0)  # axis 0 was put in front, and goes away
assert d_scale.shape == scale.shape and d_shift.shape == shift.shape
print(d_scale.ravel(), d_shift)

# %% [markdown]
# ### Exercise 3.3: Undo a broadcast
#
# Write this once, for all shapes, and no operation needs to think of it again: sum `g` until it has
# the given `shape`. First the axes that were put in front; then those of length 1, which stay.
# (`keepdims=True` keeps an axis that is summed over.) `shape` is a tuple, and `()` for a number.

# %% exercise="3.3"
def unbroadcast(g, shape):
    """The gradient of an array of this shape that was broadcast to the shape of g."""
    ### BEGIN SOLUTION
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    ones = tuple(axis for axis, length in enumerate(shape) if length == 1)
    return g.sum(axis=ones, keepdims=True)
    ### END SOLUTION

# %% check="3.3"
check.unbroadcast(unbroadcast)

# %% [markdown]
# Now the product of exercise 3.1 can take any two shapes that fit:

# %%
def multiply_any_backward(g, cache):
    x, y = cache
    return unbroadcast(g * y, x.shape), unbroadcast(g * x, y.shape)


point = {"x": rng.normal(size=(2, 3, 4)), "y": rng.normal(size=(3, 1))}
report = gradcheck.check_vjp(multiply_forward, multiply_any_backward, point)
print(report.summary())
assert report.status == "pass"

# %% [markdown]
# ## 6. Softmax and cross-entropy
#
# A network that tells apart $C$ classes ends in $C$ *scores* per example, one for each class; they
# are also called *logits*. The softmax makes probabilities $p$ of them. The *label* says which class
# is right, and the loss of an example is $-\log p_{\text{label}}$: nothing if the network was sure of
# the right class, a lot if it was sure of a wrong one. It is called *cross-entropy*. The loss of a
# batch is the mean over its examples.
#
# What does its gradient look like? Before the formula, measure it:

# %%
# Predict: which of the four bars on the right is negative? What is the sum of all four?
scores, label = np.array([1.0, 2.0, 0.5, -1.0]), 2
p = softmax_forward(scores[None])[0][0]
loss = lambda s: -np.log(softmax_forward(s[None])[0][0, label])
slopes = gradcheck.numerical_grad(loss, scores).value
fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.8), sharey=True)
for ax, bars, title in zip(axes, (p, slopes), ("probability p", "dL / d score"), strict=True):
    colours = [COLOURS[1] if k == label else COLOURS[0] for k in range(4)]
    for k, bar in enumerate(ax.bar(range(4), bars, color=colours)):
        ax.annotate(f"{bars[k]:.2f}", (k, max(bar.get_height(), 0)), ha="center", va="bottom")
    ax.axhline(0, color="black", lw=0.8)
    ax.set(xlabel="class (orange: the right one)", title=title, xticks=range(4), ylim=(-1, 1))
assert np.allclose(slopes, p - (np.arange(4) == label), atol=1e-8) and abs(slopes.sum()) < 1e-8

# %% [markdown]
# The gradient is the probability, with 1 subtracted at the right class. The proof takes two lines
# if you begin with the logarithm:
#
# $$-\log p_{\text{label}} = \log \sum_k e^{s_k} \;-\; s_{\text{label}}
# \qquad\Longrightarrow\qquad
# \frac{\partial}{\partial s_j} = \frac{e^{s_j}}{\sum_k e^{s_k}} - [\,j = \text{label}\,]
# = p_j - [\,j = \text{label}\,]$$
#
# where $[\dots]$ is 1 if true and 0 if not. For a batch of $N$ examples the loss is a mean, so
# everything is divided by $N$.
#
# One thing can go wrong. A float ends near $10^{308}$, and $e^{710}$ is beyond that:

# %%
# Predict: what do these three print?
with np.errstate(over="ignore", invalid="ignore"):
    print(np.exp(709.0), np.exp(710.0), np.exp(710.0) / np.exp(710.0))
    assert np.isfinite(np.exp(709.0)) and np.isinf(np.exp(710.0))
p, shifted = softmax_forward(scores[None]), softmax_forward(scores[None] + 1e4)
assert np.allclose(p[0], shifted[0])  # a constant added to a row of scores changes nothing

# %% [markdown]
# The way out is in the last line. A constant added to all scores of a row cancels in the softmax, so
# subtract the row's largest score first. Then no exponential exceeds 1. The opposite end bites, too:
# if the right class is far behind, its $p$ is rounded to 0, and $\log 0 = -\infty$. But the left
# formula above contains no $\log p$ at all.
#
# ### Exercise 3.4: Softmax and cross-entropy
#
# Return the mean loss of the batch and its gradient with respect to the scores. It has to work for
# scores of any size, without NaN, without infinity, and without a small number added to hide them.
# `labels` holds one class number for each row.

# %% exercise="3.4"
def softmax_cross_entropy(scores, labels):
    """scores: (N, C).   labels: (N,) integers below C.   Returns loss, dscores."""
    ### BEGIN SOLUTION
    rows = np.arange(len(scores))
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dscores / len(scores)
    ### END SOLUTION

# %% check="3.4"
check.cross_entropy(softmax_cross_entropy)

# %% [markdown]
# ## 7. Batch norm, from a picture
#
# *Batch normalisation* takes a batch `x` of shape $(N, D)$ and brings each column to mean 0 and
# standard deviation 1; then it scales and shifts the column by two numbers that are learned:
#
# $$\hat x = \frac{x - \operatorname{mean}(x)}{s}, \qquad s = \sqrt{\operatorname{var}(x) + 10^{-5}},
# \qquad y = \gamma\, \hat x + \beta$$
#
# Mean and variance run over the $N$ examples, separately for each column. So every $y_i$
# depends on *every* $x_j$ of its column. Textbooks take it apart into about ten steps, and walk
# back through each; lecture notes fill a page with it. There is a shorter way.

# %%
def batchnorm_forward(x, gamma, beta):
    s = np.sqrt(x.var(axis=0) + 1e-5)
    x_hat = (x - x.mean(axis=0)) / s
    return gamma * x_hat + beta, (x_hat, gamma, s)


# Predict: we add 7 to a column, then we double it. What happens to y?
x, gamma, beta = rng.normal(size=(12, 1)), np.ones(1), np.zeros(1)
y, cache = batchnorm_forward(x, gamma, beta)
assert np.allclose(batchnorm_forward(x + 7, gamma, beta)[0], y, atol=1e-12)
assert np.allclose(batchnorm_forward(2 * x, gamma, beta)[0], y, atol=1e-4)  # but for the 1e-5

# %% [markdown]
# Nothing happens. Batch norm *forgets* the height and the scale of a column. If the loss cannot feel
# a change, the gradient cannot ask for one. So `dx` has no component along these two
# directions: not along $(1, \dots, 1)$, which shifts the column, and not along $\hat x$, which
# stretches it. Any other change of the column, at right angles to these two, moves neither the mean
# nor, to first order, the standard deviation: then $\hat x$ just changes by $1/s$ times as much, and
# $y$ by $\gamma/s$ times.
#
# Hence: take `g`, remove what is constant, remove what is proportional to $\hat x$, and multiply the
# rest by $\gamma/s$. Have you ever fitted a straight line? Then you have done just that:

# %% tags=["picture"]
x_hat, g = cache[0][:, 0], rng.normal(size=12) + 0.8 * cache[0][:, 0] + 1
slope, height = np.polyfit(x_hat, g, 1)
rest = g - height - slope * x_hat
fig, ax = plt.subplots(figsize=(7, 3.8))
ax.axline((0, height), slope=slope, color=COLOURS[0], label="the straight line that fits best")
ax.vlines(x_hat, g - rest, g, color=COLOURS[1], lw=3, label="what is left: dx, times s / gamma")
ax.plot(x_hat, g, "o", color="black", label="one example")
ax.set(xlabel="x_hat of the example", ylabel="g, what arrives from above")
ax.set_title("Batch norm backward: what a straight line leaves over", loc="left")
ax.legend(fontsize="small")
forward = lambda x: batchnorm_forward(x, gamma, beta)[0]
measured = gradcheck.numerical_grad(forward, x, upstream=g[:, None]).value[:, 0]
assert np.allclose(measured, rest / cache[2], atol=1e-4)

# %% [markdown]
# The assert compares what is left with the measured gradient. They agree (but for the $10^{-5}$
# under the root, which the line does not know about).
#
# The line is easy to write down, because $\hat x$ has mean 0 and its mean square is 1. Its height is
# the mean of $g$, its slope is the mean of $g\,\hat x$. Put together, for each column:
#
# $$\mathrm{d}x = \frac{\gamma}{s}\,\Bigl(g \;-\; \operatorname{mean}(g) \;-\; \hat x\,
# \operatorname{mean}(g\,\hat x)\Bigr)$$
#
# With the two means written like this the formula is exact, $10^{-5}$ included.
# $\gamma$ and $\beta$ you know already: a product and a sum, both broadcast over the rows.
#
# ### Exercise 3.5: Batch norm in one line
#
# Return `dx`, `dgamma`, `dbeta`, in this order. One line each is enough.

# %% exercise="3.5"
def batchnorm_backward(g, cache):
    """g: (N, D).   cache: x_hat (N, D), gamma (D,), s (D,).   Returns dx, dgamma, dbeta."""
    x_hat, gamma, s = cache
    ### BEGIN SOLUTION
    dx = gamma / s * (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0))
    return dx, (g * x_hat).sum(axis=0), g.sum(axis=0)
    ### END SOLUTION

# %% check="3.5"
check.batch_norm(batchnorm_backward)

# %% [markdown]
# ## 8. Check first, then train
#
# You now have all the pieces of a network that reads handwritten digits. The pictures have 8 x 8
# pixels, so an example is a row of 64 numbers; there are ten classes. The first five lines of the
# function go forward and keep the caches. The next four come back in reverse order, each handing its
# result to the one before, through the very functions that you wrote:

# %%
def network(P, x, labels):
    """Loss and gradients of: affine, batch norm, ReLU, affine, softmax and cross-entropy."""
    z, affine_1 = affine_forward(x, P["W1"], P["b1"])
    n, norm = batchnorm_forward(z, P["gamma"], P["beta"])
    h, relu = relu_forward(n)
    scores, affine_2 = affine_forward(h, P["W2"], P["b2"])
    loss, dscores = softmax_cross_entropy(scores, labels)
    dh, dW2, db2 = affine_backward(dscores, affine_2)
    (dn,) = relu_backward(dh, relu)
    dz, dgamma, dbeta = batchnorm_backward(dn, norm)
    _, dW1, db1 = affine_backward(dz, affine_1)
    grads = {"W1": dW1, "b1": db1, "gamma": dgamma, "beta": dbeta, "W2": dW2, "b2": db2}
    return loss, grads

# %% [markdown]
# The right order of work: **first check the gradients of the whole, on a handful of examples; train
# only when they are right.** A few examples are enough for the check, they make it fast, and they
# cross fewer of ReLU's kinks (lesson 2).

# %% covers=["A26", "A24"]
# Predict: one of the six parameters does not influence the loss at all. Which one, and why?
train, test = data.digits()
# / 8 and / 7: about the roots of 64 and 50, so that sums of so many terms stay of size 1
P = {"W1": rng.normal(size=(64, 50)) / 8, "b1": np.zeros(50), "gamma": np.ones(50)}
P |= {"beta": np.zeros(50), "W2": rng.normal(size=(50, 10)) / 7, "b2": np.zeros(10)}
few_x, few_labels = train.x[:5].astype(float), train.y[:5]
report = gradcheck.check(lambda P: network(P, few_x, few_labels), P, name="network")
print(report)
no_influence = [f.param for f in report.findings if f.code == "no-influence"]
assert {name for name, p in report.params.items() if p.unresolved} == {"b1"}
assert report.ok and no_influence == ["b1"]

# %% [markdown]
# It is `b1`. It adds a constant to a column, and batch norm takes it away again. Its true gradient is
# zero, both sides are rounding errors, and the report says so instead of calling it wrong. (In
# networks with batch norm the bias before it is usually left out.)
#
# Of the 3,200 numbers in `W1` the report looked at 20, and at slopes along random directions, which
# contain all the others. That is enough, and it is fast. Its line `reference` says what it set aside:
# a few lines of measurement crossed a kink of ReLU, and slopes that are zero but for rounding, all
# of `b1`, could not be judged.
#
# All gradients are right. So train: take 64 examples or so, go forward and backward, and move each
# parameter a little against its gradient. One pass over all examples is called an *epoch*.

# %% covers=["A26"]
assert report.ok  # the gate: no training with unchecked gradients


def accuracy(x, labels):
    n, _ = batchnorm_forward(affine_forward(x, P["W1"], P["b1"])[0], P["gamma"], P["beta"])
    return (affine_forward(relu_forward(n)[0], P["W2"], P["b2"])[0].argmax(axis=1) == labels).mean()


for epoch in range(5):
    for rows in np.array_split(rng.permutation(len(train.x)), 60):
        loss, grads = network(P, train.x[rows], train.y[rows])
        P = {name: P[name] - 0.5 * grads[name] for name in P}
    print(f"epoch {epoch + 1}: {accuracy(test.x, test.y):.1%} of the test digits are right")
assert accuracy(test.x, test.y) > 0.95

# %% [markdown]
# More than 95 % of digits by people whose handwriting it has never seen, with gradients that you
# derived yourself. (We let batch norm use the mean of the test set here, for simplicity. Real layers
# keep a running average from training; `minnet.nn.BatchNorm1d` does.)
#
# ## 9. How good is a check?
#
# We trusted a "pass". Should we? Test the tester: plant faults on purpose and count how many it
# finds. Each planted fault is called a *mutant*. A check that lets a mutant live is a bad check; a
# check that complains about right code is no good, either.

# %%
normal = lambda *shape: lambda rng: rng.normal(size=shape)
OPERATIONS = {  # forward, backward, and how to draw each input
    "multiply": (multiply_forward, multiply_backward, {"x": normal(3, 4), "y": normal(3, 4)}),
    "relu": (relu_forward, relu_backward, {"x": normal(3, 4)}),
    "affine": (affine_forward, affine_backward, {"x": normal(3, 4), "W": normal(4, 5), "b": normal(5)}),
    "softmax": (softmax_forward, softmax_backward, {"x": normal(3, 4)}),
    "batch norm": (
        batchnorm_forward,
        batchnorm_backward,
        {"x": normal(5, 4), "gamma": normal(4), "beta": normal(4)},
    ),
}
MUTATIONS = {"sign": lambda d: -d, "1 % too large": lambda d: 1.01 * d, "doubled": lambda d: 2 * d}
MUTATIONS |= {"zero": lambda d: 0 * d, "reversed": lambda d: d[::-1]}
MUTATIONS |= {"first row only": lambda d: np.concatenate([d[:1], 0 * d[1:]])}

# %%
def mutant(backward, k, change):
    return lambda g, cache: tuple(change(d) if i == k else d for i, d in enumerate(backward(g, cache)))


def status(forward, backward, draw, upstream, seed):
    point = {name: f(np.random.default_rng([seed, i])) for i, (name, f) in enumerate(draw.items())}
    fast = {"contract": False, "diagnose": False, "probe": False}  # verdicts only, no reasons
    return gradcheck.check_vjp(forward, backward, point, upstream=upstream, rng=seed, **fast).status


mutants = [
    (forward, mutant(backward, k, change), draw)
    for forward, backward, draw in OPERATIONS.values()
    for k in range(len(draw))
    for change in MUTATIONS.values()
]

# %% covers=["A25", "A22"]
# Predict: ten gradients, six mutations each. How many of the 60 are found with g all ones?
alive = [status(*m, "ones", 0) != "fail" for m in mutants]
print(f"all ones:   {len(mutants) - sum(alive)} of {len(mutants)} mutants found")
found = sum(status(*m, "random", seed) == "fail" for m in mutants for seed in range(20))
print(f"random g: {found} of {20 * len(mutants)} found, in 20 rounds with fresh inputs")
right = [status(*op, "random", seed) for op in OPERATIONS.values() for seed in range(20)]
print(f"random g: {100 - right.count('pass')} false alarms in {len(right)} checks of right code")
assert len(mutants) == 60 and found == 1200 and right.count("pass") == 100
assert abs(sum(alive) / len(mutants) - 1 / 3) < 0.05
assert sum(alive[-24:]) > 0.8 * sum(alive)  # the last 24: softmax, and the three of batch norm

# %% [markdown]
# With a random `g`, every mutant is found, in every round, and right code is left alone. With ones, a
# third of them live: nearly all in softmax and batch norm, whose gradients are then zero, and some
# that only put equal numbers in another order.
#
# ## 10. The bug hunt
#
# The last exercise is what you will do in practice: read somebody else's code, and say what is wrong
# with it. Here are fifteen layers. Ten have one planted bug in their backward, five are right. Some
# of the right ones look odd.

# %%
print(table())
print()
for cause, meaning in CAUSES.items():
    print(f"{cause:20} {meaning}")
assert len(LAYERS) == 15

# %% [markdown]
# Each layer brings inputs to check it on. A layer's code and report:

# %%
layer = LAYERS["softmax"]  # change the name, and run this cell again
print(layer.code)
print(gradcheck.check_vjp(layer.forward, layer.backward, layer.inputs()))

# %% [markdown]
# ### Exercise 3.6: The bug hunt
#
# Give each layer a verdict: the short name of its cause, or `"right"`. Each cause fits at most one
# layer, and some causes fit none.
#
# Ten points: 0.4 for each bug that you call broken, 0.6 more for its cause. A healthy layer that you
# call broken costs 0.8, and one without a verdict costs 0.1. So calling everything broken earns nothing.
# The check tells you how many are right, but not which.
#
# Three habits of people who find bugs fast: read the first FAIL line of the report. Look at which
# parameters are *right*: the bug is not in their lines. And before you look at the code, say aloud
# what you expect to see.

# %% exercise="3.6"
verdicts = {}  # such as {"affine": "right", "clip": "sign", ...}, one for each of the fifteen
### BEGIN SOLUTION
for layer in LAYERS.values():
    report = gradcheck.check_vjp(layer.forward, layer.backward, layer.inputs())
    print(f"{layer.name:12} {report.status:5}", *(f.message for f in report.findings[:1]))
verdicts = dict.fromkeys(LAYERS, "right") | {
    "affine": "averaged",
    "clip": "no mask",
    "embedding": "repeated",
    "layer norm": "frozen",
    "relu": "overwrites",
    "residual": "path lost",
    "scores": "transposed",
    "sigmoid": "wrong argument",
    "softplus": "ignores g",
    "swish": "forward's leftovers",
}
### END SOLUTION

# %% check="3.6"
check.hunt(verdicts)

# %% [markdown]
# ## Summary
#
# - Along a path of the graph multiply, where paths meet add. That is all of backpropagation.
# - `backward(g, cache)` turns the gradient of an operation's output into the gradients of its inputs.
#   It need not know the rest of the graph.
# - A gradient has the shape of its array. What was broadcast forward is summed backward.
# - Softmax and cross-entropy together: $p$ minus one-hot label, divided by $N$; subtract each row's
#   maximum first, and never take the log of a probability.
# - Batch norm: what is left of `g` after a straight line has been taken out.
# - Check with a random upstream gradient, never with ones. Check the whole on a few examples, then
#   train.
#
# ## Sources
#
# - D. E. Rumelhart, G. E. Hinton, R. J. Williams (1986), *Learning representations by back-propagating
#   errors*, Nature 323: [doi:10.1038/323533a0](https://doi.org/10.1038/323533a0)
# - S. Ioffe, C. Szegedy (2015), *Batch normalization*: [arXiv:1502.03167](https://arxiv.org/abs/1502.03167)
# - CS231n, Stanford: [backpropagation](https://cs231n.github.io/optimization-2/) and
#   [gradient checks](https://cs231n.github.io/neural-networks-3/)
# - K. Clark, [Computing neural network gradients](https://web.stanford.edu/class/cs224n/readings/gradient-notes.pdf):
#   more derivations by matrix shapes
#
# ## Where it leads
#
# - Lesson 5, *Before you train*: what else to check before you spend hours on a run.
# - A machine can do the walk through the graph. `minnet.tensor` has an engine that does, in few enough
#   lines to read; `minnet.functional` has the pairs of this lesson, one formula each.
# - `gradcheck your_file.py` on the command line finds forward-backward pairs in a file and checks them.
