# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   lesson: {number: 10, title: "Per-parameter rates and the saddle", minutes: 75, needs: "lesson 7, or gradient descent and momentum"}
# ---

# %% [markdown]
# # Lesson 10: Per-parameter rates and the saddle
#
# After this lesson you can
#
# - write Adagrad, RMSprop and Adam from their formulas, and say what each added to the one
#   before;
# - say what the square root, the bias correction and epsilon are for, and what happens without
#   them;
# - explain who leaves a saddle point fast, who slowly, and who never;
# - find a mistake in a widely copied line of Adam, and a gap in a widely quoted bound on its
#   steps.

# %%
import math

import numpy as np
from minnet_lessons import YourTurn
from minnet_lessons.checks import lesson_10 as check

from minnet import data, dynamics, nn, optim, plot, train
from minnet import functional as F
from minnet.plot.base import COLOURS, INK, label_axes, make_axes

# %% [markdown]
# ## 1. One learning rate does not fit two directions
#
# A network has many parameters, and their gradients differ in size by orders of magnitude: a bias
# that every example moves, a weight that belongs to a rare word. Plain gradient descent
# multiplies all of them by the same learning rate $\lambda$ (`lr`). The picture shows a valley
# whose slope is 100 times as steep in $y$ as in $x$. The steepest direction sets the limit for
# $\lambda$, and the shallow one has to wait.

# %% tags=["picture"] covers=["G12"]
rules = {
    "SGD": lambda p: optim.SGD(p, lr=0.015),
    "momentum": lambda p: optim.Momentum(p, lr=0.015),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.6),
    "Adam": lambda p: optim.Adam(p, lr=0.15),
}
valley = dynamics.quadratic([1.0, 100.0], start=(-2.0, 0.6))
paths = dynamics.compare(rules, valley, steps=60)
past = {name: path.positions[:, 0].max() for name, path in paths.items()}
assert past["momentum"] > 0 > past["SGD"]      # momentum runs past the minimum, descent never
for name, lr in (("Adagrad", 0.6), ("Adam", 0.15)):
    assert np.allclose(np.abs(paths[name].positions[1] - paths[name].positions[0]), lr)
plot.contour(paths, bounds=((-2.2, 1.2), (-0.8, 0.8)), size=(7.5, 4.2))

# %% [markdown]
# The same paths, moving. The ring is the start, the cross the minimum. Watch the first three
# steps of each rule: SGD and momentum jump across the valley, while the first step of Adagrad and
# of Adam is equally long in both directions.

# %%
plot.animate(paths, bounds=((-2.2, 1.2), (-0.8, 0.8)), frames=60)

# %% [markdown]
# ## 2. Adagrad: divide by what you have seen
#
# What if each parameter had its own learning rate, smaller where gradients have been large?
# Adagrad (Duchi, Hazan and Singer, 2011) keeps for each parameter a **cache**, the sum of its
# squared gradients, and divides by the cache's root:
#
# $$ c \leftarrow c + g^2 \qquad x \leftarrow x - \lambda\, \frac{g}{\sqrt{c} + \varepsilon} $$
#
# $g$ is the gradient; all operations are element by element. $\varepsilon$ (`eps`, about
# $10^{-8}$) guards against a division by zero.
#
# **Exercise 10.1.** Write one step. So that you can try it without the root later, the exponent
# is an argument: divide by `cache ** power + eps`; `power=0.5` is Adagrad.

# %% exercise="10.1"
def adagrad_step(x, g, cache, lr, eps, power=0.5):
    """One step from x with gradient g. Returns the new x and the new cache."""
    ### BEGIN SOLUTION
    cache = cache + g**2
    x = x - lr * g / (cache**power + eps)
    return x, cache
    ### END SOLUTION

# %% check="10.1" covers=["G01"]
check.adagrad(adagrad_step)

# %% [markdown]
# ### What Adagrad does to a constant gradient
#
# Predict: the gradient is 1 at every step, $\lambda = 1$. How long is the first step? And the
# hundredth? How far has $x$ travelled after 100 steps: 100, 50, 20 or 10?

# %% covers=["G01", "G04", "P07"]
def travel(steps, g=1.0, power=0.5):
    """How far 0 moves under a constant gradient."""
    x = cache = 0.0
    for _ in range(steps):
        x, cache = adagrad_step(x, g, cache, lr=1.0, eps=0.0, power=power)
    return abs(x)


print(f"first {travel(1):.4f}, hundredth {travel(100) - travel(99):.4f}, sum {travel(100):.5f}")
assert travel(1) == 1.0                                        # lr, whatever the size of g
assert math.isclose(travel(100), sum(1 / math.sqrt(k) for k in range(1, 101)))
assert round(travel(100), 5) == 18.5896
assert abs(travel(16000) / travel(4000) - 2) < 0.02           # four times the steps, twice as far

# %% [markdown]
# The step at time $k$ is $\lambda/\sqrt{k}$, so that the way travelled grows like
# $2\lambda\sqrt{T}$. The rate of every parameter can only fall. On a **convex** loss (one valley,
# curved upwards everywhere) this is a virtue: the proof that Adagrad arrives needs it. A network
# has to cross wide, flat regions late in training, and there Adagrad can come to a halt long before
# it arrives.
#
# ### Why the square root?
#
# Predict: you multiply the loss by 8, and with it every gradient. What happens to Adagrad's path?
# And without the root?

# %% covers=["G03"]
assert travel(100, g=8.0) == travel(100, g=1.0)                # with the root: the same path
assert travel(1, g=8.0, power=1) == travel(1, g=1.0, power=1) / 8
print(f"without the root, 100 steps: {travel(100, power=1):.3f} instead of {travel(100):.3f}")
assert round(travel(100, power=1), 3) == 5.187                 # 1 + 1/2 + 1/3 + ... + 1/100

# %% [markdown]
# $g/\sqrt{g^2}$ has no unit: the step depends on the *sign* of the gradient and on its history,
# but not on the scale of the loss. Without the root the step is $g/g^2 = 1/g$, and a steep loss
# makes small steps. The root is what makes one value of $\lambda$ useful for many problems.
#
# The same division helps what is rare. Suppose one weight gets a gradient at every step and
# another only at every ninth. Predict: by how much is the rare one's step longer, when it comes?

# %% covers=["G02"]
x, cache = np.zeros(2), np.zeros(2)
for t in range(9 * 900 + 1):
    before = x
    x, cache = adagrad_step(x, np.array([1.0, float(t % 9 == 0)]), cache, lr=1.0, eps=1e-10)
often, rarely = np.abs(x - before)
print(f"the rare step is {rarely / often:.3f} times as long")
assert abs(rarely / often - math.sqrt(9)) < 0.003

# %% [markdown]
# ## 3. RMSprop: forget
#
# Hinton's remedy for the halt (2012, in a lecture) is an average in place of the sum. A **moving
# average** keeps the share `decay` of itself and takes $1 - $ `decay` of the new value, so that
# old gradients fade away:
#
# $$ c \leftarrow \text{decay} \cdot c + (1 - \text{decay})\, g^2 \qquad x \leftarrow x - \lambda\, \frac{g}{\sqrt{c} + \varepsilon} $$
#
# **Exercise 10.2.** Write one step.

# %% exercise="10.2"
def rmsprop_step(x, g, cache, lr, decay, eps):
    """One step from x with gradient g. Returns the new x and the new cache."""
    ### BEGIN SOLUTION
    cache = decay * cache + (1 - decay) * g**2
    x = x - lr * g / (np.sqrt(cache) + eps)
    return x, cache
    ### END SOLUTION

# %% check="10.2" covers=["G05", "P09"]
check.rmsprop(rmsprop_step)

# %% [markdown]
# Predict: the gradient is constant, $\lambda = 1$. What length do RMSprop's steps have in the
# long run? And the *first* one, with `decay` 0.9, 0.99, 0.999?

# %% covers=["G05", "G04", "P07"]
for decay, first in ((0.9, 3.1623), (0.99, 10.0), (0.999, 31.6228)):
    x, cache = rmsprop_step(0.0, 1.0, 0.0, lr=1.0, decay=decay, eps=0.0)
    print(f"decay {decay}: the first step is {abs(x):.4f} lr")
    assert round(abs(x), 4) == first
for _ in range(20_000):
    before = x
    x, cache = rmsprop_step(x, 1.0, cache, lr=1.0, decay=0.999, eps=0.0)
assert math.isclose(before - x, 1.0, rel_tol=1e-6)             # in the long run: lr

# %% [markdown]
# In the long run each step is $\lambda$: the way grows with $T$, not with $\sqrt{T}$. But the
# first step is $1/\sqrt{1 - \text{decay}}$ times too long. The cache starts at zero, and after
# one step the average has seen only a thousandth of $g^2$. Keep this in mind: Adam mends it.
#
# ## 4. Adam: average the gradient too, and correct the start
#
# Kingma and Ba (2015) combine two averages: $m$ of the gradient (momentum, lesson 7) and $v$ of
# its square (RMSprop). Both start at zero. After $t$ steps under a constant gradient, $m = (1 -
# \beta_1^t)\, g$. So divide by that factor:
#
# $$ t \leftarrow t + 1 \qquad m \leftarrow \beta_1 m + (1 - \beta_1)\, g \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2 $$
#
# $$ \hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t} \qquad x \leftarrow x - \lambda\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon} $$
#
# **Exercise 10.3.** Write one step. `t` on entry is the number of steps made *before* this one.

# %% exercise="10.3"
def adam_step(x, g, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """One step from x with gradient g. Returns the new x, m, v and t."""
    ### BEGIN SOLUTION
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    x = x - lr * m_hat / (np.sqrt(v_hat) + eps)
    return x, m, v, t
    ### END SOLUTION

# %% check="10.3" covers=["G07", "P09"]
check.adam(adam_step)

# %% [markdown]
# Predict: how long is Adam's first step under a gradient of 1000? Under 0.001? And without the
# correction?

# %% covers=["G06", "G07", "P07"]
for g in (1000.0, 1.0, 0.001):
    x, m, v, t = adam_step(0.0, g, 0.0, 0.0, 0, lr=1.0)
    print(f"gradient {g:8}: the first step is {abs(x):.6f} lr")
    assert math.isclose(abs(x), g / (g + 1e-8))                # lr g / (|g| + eps)
simplified = (1 - 0.9) * 1.0 / math.sqrt((1 - 0.999) * 1.0**2)
print(f"without the correction: {simplified:.4f} lr")
assert round(simplified, 4) == 3.1623

# %% [markdown]
# Adam contains what came before it. With $\beta_1 = 0$ nothing is left of the first average, and
# without corrections what remains is RMSprop, to the last bit. Adam also inherits Adagrad's
# indifference: multiply the gradient of any one parameter by a constant, and its path stays (but
# for $\varepsilon$, which is 0 in the second test below).

# %% covers=["G08", "G09"]
rosenbrock = dynamics.rosenbrock()


def end(rule, landscape=rosenbrock, steps=500):
    return dynamics.trace(rule, landscape, steps=steps).positions[-1]


plain = end(lambda p: optim.Adam(p, 0.01, betas=(0.0, 0.97), bias_correction=False))
assert np.array_equal(plain, end(lambda p: optim.RMSprop(p, 0.01, decay=0.97)))
small, large = (dynamics.quadratic([c, 7 * c], start=(1.0, 1.0)) for c in (1e-3, 1e3))
adam = lambda p: optim.Adam(p, 0.01, eps=0.0)
assert np.allclose(end(adam, small), end(adam, large), rtol=1e-9)

# %% [markdown]
# The two factors are Adam's **betas**. In code they are one pair, `betas=(0.9, 0.999)`, and nothing
# complains if they are exchanged. Predict: one gradient of 1, then a hundred of 0. How long is the
# last step, with either order?

# %%
last = {}
for betas in ((0.9, 0.999), (0.999, 0.9)):
    x, m, v, t = 0.0, 0.0, 0.0, 0
    for g in [1.0] + 100 * [0.0]:
        before = x
        x, m, v, t = adam_step(x, g, m, v, t, 1.0, *betas)
    last[betas] = abs(x - before)
    print(f"betas {betas}: the last step is {last[betas]:.6f} lr")
assert last[0.9, 0.999] < 1e-4 and 5 < last[0.999, 0.9] < 7

# %% [markdown]
# The first average is the step's direction, the second its size. Exchanged ($\beta_1 > \beta_2$),
# the direction remembers about a thousand gradients and the size about ten. So Adam rolls on where
# nothing pushes it any more, and its steps *grow*: past the minimum and far up the other side. The
# doctor of lesson 5 takes this for a momentum too high (lesson 7).
#
# Is our Adam the Adam that others use? The end points after 500 steps on Rosenbrock's function
# are known from PyTorch's optimizers in double precision; ours agree in every digit that is
# printed. `AdamW` shrinks the weights apart from the gradient (decoupled weight decay), Adam with
# an L2 term lets the penalty's gradient pass through the averages. They are not the same rule:

# %% covers=["G10", "P10"]
known = {
    "Adam": ((-0.81097723, 0.66357085), lambda p: optim.Adam(p, lr=1e-2)),
    "Adagrad": ((-0.70042343, 0.49608176), lambda p: optim.Adagrad(p, lr=0.1)),
}
for name, (point, rule) in known.items():
    assert np.allclose(end(rule), point, atol=5e-9), name
decoupled = end(lambda p: optim.AdamW(p, lr=1e-2, weight_decay=0.1))
penalty = end(lambda p: optim.Adam(p, lr=1e-2, weight_decay=0.1))
print("AdamW ends at", decoupled.round(4), "and Adam with L2 at", penalty.round(4))
assert np.abs(decoupled - penalty).max() > 0.01

# %% [markdown]
# ## 5. Epsilon on the loose
#
# Here is a line that has been copied into many programs. Compare it with the formula:
#
# ```python
# x = x - lr * m_hat / sqrt(v_hat) + eps
# ```
#
# In Python, division comes before addition. The line divides by $\sqrt{\hat v}$ alone, and adds
# $\varepsilon$ to $x$ at every step. With $\varepsilon = 10^{-8}$ training looks normal; nobody
# notices until someone raises $\varepsilon$, or a gradient is exactly zero.
#
# **Exercise 10.4.** Write a test that finds this fault in *any* rule `step(g, s, lr, eps)`, which
# returns the change of $x$ for a gradient `g` and a cache `s`; a right rule returns, for instance,
# `-lr * g / (sqrt(s) + eps)`. You choose the four arguments, all of them numbers. Some authors put
# $\varepsilon$ under the root; that is another convention and no fault, so your test must not
# accuse it. And a loose $\varepsilon$ may be added or subtracted, and multiplied by the learning
# rate. Do not compare formulas: think of an input for which every right rule gives the same, known
# change.

# %% exercise="10.4"
def epsilon_is_loose(step):
    """Whether eps moves x by itself. step(g, s, lr, eps) returns the change of x."""
    ### BEGIN SOLUTION
    return step(0.0, 1.0, 1.0, 0.1) != 0
    ### END SOLUTION

# %% check="10.4"
check.epsilon(epsilon_is_loose)

# %% [markdown]
# ## 6. The saddle
#
# At a **saddle point** the loss goes up in one direction and down in another. The gradient is zero,
# and it is no minimum. In many dimensions most points with a zero gradient are thought to be
# saddles (Dauphin and others, 2014). Who gets away? The loss is $f = x^2 - y^2$. All rules start at
# $x = 1$ and a hair beside the ridge, $y_0 = 10^{-6}$, and we count the steps until $|y| > 1$.
#
# Predict the order of SGD, momentum, Nesterov, Adagrad, RMSprop and Adam, all with $\lambda =
# 0.01$.

# %%
saddle_rules = {
    "SGD": lambda p: optim.SGD(p, 0.01),
    "momentum": lambda p: optim.Momentum(p, 0.01),
    "Nesterov": lambda p: optim.Nesterov(p, 0.01),
    "Adagrad": lambda p: optim.Adagrad(p, 0.01),
    "RMSprop": lambda p: optim.RMSprop(p, 0.01, decay=0.9),
    "Adam": lambda p: optim.Adam(p, 0.01),
}


def steps_to_leave(rule, y0):
    path = dynamics.trace(rule, dynamics.saddle(), (1.0, y0), steps=1500)
    return path.first(lambda x: abs(x[1]) > 1)

# %% covers=["P08"]
near = {name: steps_to_leave(rule, 1e-6) for name, rule in saddle_rules.items()}
nearer = {name: steps_to_leave(rule, 1e-12) for name, rule in saddle_rules.items()}
on_the_ridge = {name: steps_to_leave(rule, 0.0) for name, rule in saddle_rules.items()}
print(f"{'':9} y0 = 1e-6   1e-12     0")
for name in saddle_rules:
    print(f"{name:9} {near[name]:10} {nearer[name]:7} {on_the_ridge[name]!s:>5}")
assert list(near.values()) == [698, 140, 132, 1263, 72, 77]
assert list(nearer.values()) == [1396, 276, 260, 1264, 73, 78]
assert set(on_the_ridge.values()) == {None}

# %% [markdown]
# The race, as a film. Every rule stands beside the ridge, the line y = 0, at first. Watch who waits.

# %% covers=["G13"]
racers = {k: saddle_rules[k] for k in ("SGD", "momentum", "Adagrad", "RMSprop", "Adam")}
race = dynamics.compare(racers, dynamics.saddle(), (1.0, 1e-6), steps=740)
left = {name: path.first(lambda x: abs(x[1]) > 1) for name, path in race.items()}
assert left == {k: near[k] if near[k] <= 740 else None for k in racers}
plot.animate(race, bounds=((-0.6, 1.1), (-0.2, 1.2)), frames=120, seconds=12)

# %% [markdown]
# Three things in the table want an explanation: Adagrad is *slower* than SGD. A start a million
# times closer to the ridge doubles the count of SGD and costs the adaptive rules one step. And
# from $y_0 = 0$ nobody escapes.
#
# **Exercise 10.5.** (a) Under SGD, $y$ is multiplied by the same factor at every step. Write
# `sgd_steps(lr, y0)`, the first $t$ at which $|y_t| > 1$, as a formula without a loop, for $|y_0| <
# 1$ of either sign; `math.inf` if that never happens. (b) Give each entry of `reasons` the letter
# of its explanation:
#
# - **A** The first step is already $\lambda$, whatever $y_0$. After it the sum of squares, which never
#   forgets, keeps the steps short while $y$ grows.
# - **B** The first steps are $\lambda$ or longer, whatever $y_0$, and the cache forgets the tiny
#   gradients of the beginning, so that the steps stay near $\lambda$.
# - **C** The step is proportional to $y$: starting $10^6$ times closer takes as many more steps
#   as growing by $10^6$.
# - **D** The gradient in $y$ is exactly zero, and every rule makes a step of zero from it.

# %% exercise="10.5"
def sgd_steps(lr, y0):
    """The number of steps of x - lr g until |y| > 1 on f = x^2 - y^2."""
    ### BEGIN SOLUTION
    if y0 == 0:
        return math.inf
    return math.floor(-math.log(abs(y0)) / math.log(1 + 2 * lr)) + 1
    ### END SOLUTION


reasons = {"SGD": ..., "Adagrad": ..., "RMSprop": ..., "y0 = 0": ...}
### BEGIN SOLUTION
reasons = {"SGD": "C", "Adagrad": "A", "RMSprop": "B", "y0 = 0": "D"}
### END SOLUTION

# %% check="10.5" covers=["P08"]
check.saddle(sgd_steps, reasons)

# %% [markdown]
# Real training never sits exactly on the ridge: the noise of mini-batches pushes it off. That is
# one reason why noise helps.
#
# ## 7. How far can Adam step?
#
# Adam's steps are often said to be at most about $\lambda$ long. The paper gives a bound for the
# worst case, $\lambda (1 - \beta_1)/\sqrt{1 - \beta_2} = 3.16\,\lambda$ at the default betas: a
# single gradient after many zeros. Is it really a bound? `check.longest_step(gradients)` plays a
# row of gradients through Adam and gives the longest step in units of $\lambda$. The picture shows
# it for several gradients after 9,000 zeros: falling, equal and growing ones.

# %%
zeros = np.zeros(9000)
spike = np.append(zeros, 1.0)
print(f"one spike after 9,000 zeros: {check.longest_step(spike):.3f} lr")
assert round(check.longest_step(spike), 3) == 3.162
picture, (ax,) = make_axes(size=(6.5, 3.0))
for colour, factor in zip(COLOURS, (0.9, 1.0, 1.5, 3.0), strict=False):
    after = [check.longest_step(np.append(zeros, factor ** np.arange(n))) for n in range(1, 21)]
    ax.plot(range(1, 21), after, ".-", color=colour, label=f"{factor:g} times the one before")
ax.axhline(3.162, color=INK, linestyle="--", label="the paper's bound")
ax.set_xticks(range(0, 21, 5))
ax.legend(fontsize="small")
label_axes(ax, "gradients after 9,000 zeros", "longest step (lr)")
picture

# %% [markdown]
# **Exercise 10.6.** Make a row of gradients (at most 100,000) under which Adam with its default
# betas makes a step longer than $7\,\lambda$.

# %% exercise="10.6"
gradients = ...
### BEGIN SOLUTION
growth = 0.999 / 0.9
gradients = np.append(np.zeros(9000), growth ** np.arange(60))
### END SOLUTION

# %% check="10.6" covers=["G09"]
check.long_step(gradients)

# %% [markdown]
# The true bound follows from the inequality of Cauchy and Schwarz. With $g_k$ for the gradient $k$
# steps ago (and the corrections near 1), split each term of $m$ in two factors:
#
# $$ |m| = (1 - \beta_1) \Big|\sum_k \frac{\beta_1^k}{\beta_2^{k/2}} \cdot \beta_2^{k/2} g_k\Big|
# \le (1 - \beta_1) \sqrt{\sum_k \Big(\frac{\beta_1^2}{\beta_2}\Big)^k}\, \sqrt{\sum_k \beta_2^k g_k^2} $$
#
# The first root is that of a geometric series, the second is $\sqrt{v/(1 - \beta_2)}$. Divide by
# $\sqrt v$:
#
# $$ |\Delta x| \le \lambda\, \frac{1 - \beta_1}{\sqrt{(1 - \beta_2)(1 - \beta_1^2/\beta_2)}} = 7.27\, \lambda $$
#
# Both sides are equal when the two factors are in proportion, that is for gradients that grow by
# $\beta_2/\beta_1$ from step to step.

# %% covers=["G09"]
bound = (1 - 0.9) / math.sqrt((1 - 0.999) * (1 - 0.9**2 / 0.999))
best = np.append(np.zeros(9000), (0.999 / 0.9) ** np.arange(120))
print(f"bound {bound:.4f}, reached {check.longest_step(best):.4f}")
assert round(bound, 2) == 7.27 == round(dynamics.theory.adam_step_bound(), 2)
assert 0.99 * bound < check.longest_step(best) <= bound

# %% [markdown]
# ## 8. What to use
#
# Two defaults serve most problems: **SGD with Nesterov momentum** (lesson 7) with a learning rate
# that is tuned, and *annealed* (lowered on the way), or **Adam**, which asks for less tuning. On
# handwritten digits a small network learns with either:

# %% covers=["G11"]
def digits_after_five_epochs(make_optimizer):
    train_set, test_set = data.digits()
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Linear(64, 10, rng=rng))
    loader = data.Loader(train_set, batch_size=32, rng=rng)
    optimizer = make_optimizer(model.parameters())
    train.fit(model, F.cross_entropy, optimizer, loader, epochs=5, progress=False)
    return (train.predict(model, test_set.x).argmax(-1) == test_set.y).mean()


nesterov = digits_after_five_epochs(lambda p: optim.Nesterov(p, lr=0.05))
adam = digits_after_five_epochs(lambda p: optim.Adam(p, lr=0.003))
print(f"right on digits of unseen writers: Nesterov {nesterov:.1%}, Adam {adam:.1%}")
assert min(nesterov, adam) > 0.93

# %% [markdown]
# ## Summary
#
# | rule | divides by | under a constant gradient | first step |
# |---|---|---|---|
# | Adagrad | root of the *sum* of squares | steps $\lambda/\sqrt{t}$, travel $2\lambda\sqrt{T}$ | $\lambda$ |
# | RMSprop | root of an *average* of squares | steps of $\lambda$ | $\lambda/\sqrt{1 - \text{decay}}$ |
# | Adam | the same, corrected; numerator averaged too | steps of $\lambda$ | $\lambda$ |
#
# The root removes the scale of the loss. The average forgets, and so steps do not die out. The
# correction mends the start. Adam's steps are about $\lambda$ and never longer than $7.27\,\lambda$
# (at the default betas). Epsilon only guards a division: it must never move $x$ by itself. All
# three rules leave saddles at a speed that hardly depends on how close they start, and none of them
# leaves from a gradient of exactly zero.
#
# ## Sources
#
# - Duchi, Hazan, Singer: [Adaptive subgradient
#   methods](https://jmlr.org/papers/v12/duchi11a.html), 2011 (Adagrad)
# - Hinton, Srivastava, Swersky: [Lecture 6e of Neural Networks for Machine
#   Learning](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf), 2012
#   (RMSprop)
# - Kingma, Ba: [Adam](https://arxiv.org/abs/1412.6980), 2015; Loshchilov, Hutter: [Decoupled
#   weight decay](https://arxiv.org/abs/1711.05101), 2019 (AdamW)
# - Dauphin and others: [Identifying and attacking the saddle point
#   problem](https://arxiv.org/abs/1406.2572), 2014
# - [CS231n, notes on learning](https://cs231n.github.io/neural-networks-3/) (the update rules as
#   the course states them; the saddle animation there is by Alec Radford)
#
# ## Where it leads
#
# `minnet.optim` holds these rules, each body its formula: open `minnet/optim/adaptive.py` and
# compare with yours. `minnet explore` writes a page with sliders for all of them.
# `minnet.optim.Lion`, `NAdam` and `AMSGrad` continue the line. Back to lesson 7 for momentum, to
# lesson 5 for what to do before any optimizer runs.
