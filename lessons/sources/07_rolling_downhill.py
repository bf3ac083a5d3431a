# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   lesson: {number: 7, title: "Rolling downhill: SGD, momentum, Nesterov", minutes: 120, needs: "calculus, a little Python and NumPy; eigenvalues help in sections 4 and 5"}
# ---

# %% [markdown]
# # Lesson 7: Rolling downhill: SGD, momentum, Nesterov
#
# After this lesson you can
#
# - write a step of gradient descent, of momentum and of Nesterov's momentum;
# - say from three numbers, before anything runs, whether a path creeps, oscillates or diverges;
# - choose the best learning rate and momentum for a valley, and say why nothing is better;
# - translate between the three ways in which momentum is written, and say when the translation
#   breaks;
# - show that Nesterov's method, published in two forms, is one walk seen from two places.

# %%
import gc
import math

import numpy as np
from minnet_lessons import YourTurn
from minnet_lessons.checks import lesson_07 as check

import minnet as mn
from minnet import data, dynamics, optim, plot, schedules
from minnet.dynamics import theory
from minnet.plot.base import COLOURS, INK, STYLES, label_axes, make_axes

# %% [markdown]
# ## 1. One step downhill
#
# Training a network means: find numbers $x$, its **parameters**, for which a number $f(x)$, the
# **loss**, is small. The loss says how badly the network does. There may be millions of
# parameters, so nobody can look at the whole landscape. What we can compute is the slope where we
# stand: the **gradient** $g = \nabla f(x)$, one derivative for each parameter. It points uphill. So
# we step the other way, and again, and again.
#
# How long should a step be? The picture shows the bowl $f = \frac12 x^2$, where the gradient is
# $g = x$, and three choices. Only one number differs.

# %%
bowl = dynamics.quadratic([1.0])
picture, axes = make_axes(3, columns=3, size=(2.6, 2.4))
xs = np.linspace(-2.4, 2.4, 100)
for ax, lr in zip(axes, (0.1, 1.7, 2.05), strict=True):
    path = dynamics.trace(lambda p, lr=lr: optim.SGD(p, lr), bowl, (2.0,), steps=7)
    ax.plot(xs, xs**2 / 2, color=INK, linewidth=0.8)
    ax.plot(path.positions[:, 0], path.losses, ".-", color=COLOURS[1])
    ax.plot(2.0, 2.0, "o", color=COLOURS[1], fillstyle="none")
    label_axes(ax, "x", "loss f(x)", f"learning rate {lr}")
picture

# %% [markdown]
# A ring marks the start. Left: safe and slow. Middle: every step jumps over the bottom, and still
# ends lower. Right: every step lands higher than the one before.
#
# The number is the **learning rate** $\lambda$, in code `lr`: the share of the gradient that a step
# takes. With a **learning rate too low** one stands nearly still; with a **learning rate too high**
# one jumps to and fro, or away.
#
# $$ x \leftarrow x - \lambda\, g $$
#
# This is **gradient descent**. All operations are element by element.
#
# **Exercise 7.1.** Write the step.

# %% exercise="7.1"
def sgd_step(x, g, lr):
    """Where a step from x leads. g: the gradient at x. Returns the new x."""
    ### BEGIN SOLUTION
    return x - lr * g
    ### END SOLUTION

# %% check="7.1" covers=["D01"]
check.descent(sgd_step)

# %% [markdown]
# ### All examples, some, or one
#
# A loss is usually a mean over **examples**. Here: find the line $y = wx + b$ that fits 60 points;
# the loss is the mean squared error, and the parameters are $w$ and $b$. The gradient can be
# computed from
#
# - all $M$ examples (**batch** descent): exact, and one step costs $M$ evaluations;
# - one example, drawn at random (**stochastic** gradient descent, **SGD**): cheap and noisy;
# - a **mini-batch** of $b$ examples: in between, and what everybody uses. It is called SGD as well.
#
# One pass over all examples is an **epoch**.
#
# Predict: 60 examples in mini-batches of 16. How many steps has an epoch, and how large is the last
# batch? With mini-batches of 1, which of the paths arrives first, and which stays calm?

# %%
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, 60)
Y = 1.5 * X - 0.5 + 0.3 * rng.normal(size=60)


def slope(p, x, y):
    """The gradient of the mean of (w x + b - y)^2 at p = (w, b)."""
    error = p[0] * x + p[1] - y
    return 2 * np.array([(error * x).mean(), error.mean()])

# %%
def descend(batch_size, epochs=20, lr=0.15, shuffle=True):
    """The path of (w, b), one row a step."""
    loader = data.Loader((X, Y), batch_size=batch_size, shuffle=shuffle, rng=0)
    path = [np.array([-1.0, 1.0])]
    for _ in range(epochs):
        for x, y in loader:
            path.append(sgd_step(path[-1], slope(path[-1], x, y), lr))
    return np.array(path)

# %% covers=["D02"]
loader = data.Loader((X, Y), batch_size=16, rng=0)
batches = [y for _, y in loader]
assert [len(y) for y in batches] == [16, 16, 16, 12]
assert sorted(np.concatenate(batches)) == sorted(Y)     # every example exactly once
whole = descend(60, shuffle=False)
p = whole[0]
for step in whole[1:]:                                  # the same without any loader
    p = sgd_step(p, slope(p, X, Y), 0.15)
    assert np.array_equal(p, step)                      # to the last bit
assert np.allclose(descend(60), whole, atol=1e-12)      # another order: rounding only

# %% [markdown]
# Now the three paths, each over 20 epochs, so that each has read the same number of examples.

# %%
names = {"one example": 1, "16 examples": 16, "all 60 examples": 60}
paths = {name: descend(size) for name, size in names.items()}
best = tuple(float(c) for c in np.polyfit(X, Y, 1))
last = {}
for name, path in paths.items():
    epoch = path[-(len(path) // 20):]
    last[name] = np.linalg.norm(epoch - best, axis=1).mean()
    print(f"{name:16}{len(path) - 1:5} steps, {last[name]:.3f} from the best in the last epoch")
assert 3 * last["16 examples"] < min(last["one example"], last["all 60 examples"])

# %%
# The mean of (w x + b - y)^2, multiplied out, so that a whole grid of (w, b) costs little:
xx, xy, mx, my, yy = (X * X).mean(), (X * Y).mean(), X.mean(), Y.mean(), (Y * Y).mean()
mse = lambda w, b: w * w * xx + 2 * w * b * mx + b * b - 2 * w * xy - 2 * b * my + yy
around = ((-1.3, 2.2), (-1.0, 1.5))
fit = dynamics.Landscape("mean squared error", mse, (-1.0, 1.0), (best,), around)
walks = {k: dynamics.Trajectory(fit, p, p[1:], fit.grid(p.T)) for k, p in paths.items()}
picture = plot.contour(walks, size=(6.5, 4.2))
label_axes(picture.axes[0], "slope w", "height b", "mean squared error of the line")
picture

# %% [markdown]
# One example at a time makes 60 times as many steps for the same reading, arrives early, and then
# shivers around the best point. All examples together walk calmly, and are not there yet. The
# mini-batches are the best of the three. A learning rate that falls on the way cures the shivering
# (`minnet.schedules`). For the rest of this lesson gradients are exact, so that we see what the
# *rule* does.
#
# ## 2. How long may a step be, and how many will it take?
#
# Near a minimum every smooth loss looks like a bowl $\frac12 h x^2$ in each of certain directions;
# $h$ is the **curvature** there (an eigenvalue of the matrix of second derivatives). The gradient
# is $hx$, and the step becomes
#
# $$ x \leftarrow (1 - \lambda h)\, x $$
#
# The error is multiplied by $1 - \lambda h$ at every step. It shrinks if that is between $-1$ and
# $1$: for $\lambda < 2/h$. With several directions the steepest, of curvature $L$, sets the limit.
#
# Predict: $L = 10$. What does the loss do with $\lambda = 0.19$, $0.2$ and $0.201$?

# %% covers=["D03", "P05"]
def losses_of(rule, curvatures, steps):
    """The losses of a walk on a quadratic that starts at (1, 1, ...)."""
    f = dynamics.quadratic(curvatures, start=(1.0,) * len(curvatures))
    return dynamics.trace(rule, f, steps=steps).losses


for lr in (0.19, 0.2, 0.201):
    f = losses_of(lambda p, lr=lr: optim.SGD(p, lr), [10.0], steps=100)
    print(f"lr {lr}: loss {f[0]:.3f}, {f[1]:.3f}, {f[2]:.3f}, ..., {f[100]:.3g}")
    assert (np.diff(f) <= 1e-14).all() == (lr <= 0.2)   # never up, to the edge 2/L
f = losses_of(lambda p: optim.SGD(p, lr=0.2), [10.0], steps=100)
assert np.allclose(f, f[0])                             # at the edge: for ever the same
assert theory.stability_edge(10.0) == 0.2

# %% [markdown]
# Below the edge, with exact gradients, the loss never goes up: that is worth remembering when a
# real loss curve does.
#
# The flattest direction, of curvature $m$, sets the time. The **condition number** $\kappa = L/m$
# says how long the valley is compared with its width. The best learning rate makes both ends
# equally bad, $1 - \lambda m = -(1 - \lambda L)$:
#
# $$ \lambda = \frac{2}{m + L} \qquad \text{error per step: } \frac{\kappa - 1}{\kappa + 1} $$
#
# Predict: how many steps until the error is a millionth, for $\kappa = 10$, $100$ and $1000$?

# %% covers=["P01"]
expected = {10: (0.8181818, 69), 100: (0.9801980, 691), 1000: (0.9980020, 6908)}
for kappa, (rate, steps) in expected.items():
    rule = lambda p, kappa=kappa: optim.SGD(p, lr=2 / (1 + kappa))
    f = dynamics.quadratic([1.0, kappa], start=(1.0, 1.0))
    path = dynamics.trace(rule, f, steps=steps)
    error = np.linalg.norm(path.positions, axis=1)
    print(f"kappa {kappa:4}: each step leaves {path.rate():.7f}, a millionth in {steps}")
    assert abs(path.rate() - rate) < 1e-6
    assert error[steps] <= 1e-6 * error[0] < error[steps - 1]       # not one fewer

# %% [markdown]
# Ten times the condition number, ten times the steps. Losses of networks have condition numbers of
# thousands and more. Something better is needed.
#
# ## 3. A ball with a velocity
#
# Look at descent in a valley that is 80 times as curved in $y$ as in $x$. It runs to and fro across
# the valley, and hardly gets on along it. Beside it, with the same learning rate, a ball that
# rolls: what pushes to and fro cancels, what pushes along adds up.

# %%
rules = {
    "descent": lambda p: optim.SGD(p, lr=0.023),
    "ball": lambda p: optim.Momentum(p, lr=0.023, momentum=0.7),
}
narrow = dynamics.quadratic([1.0, 80.0], start=(-2.0, 0.4))
paths = dynamics.compare(rules, narrow, steps=30)
left = {name: np.linalg.norm(path.positions[-1]) for name, path in paths.items()}
print("distance from the minimum:", {name: f"{d:.2f}" for name, d in left.items()})
assert left["ball"] < left["descent"] / 5
plot.contour(paths, bounds=((-2.2, 0.6), (-0.5, 0.5)), size=(7.0, 3.6))

# %% [markdown]
# The ball has a **velocity** $v$. At each step the slope pushes it, and it keeps the share $\mu$
# of the velocity it had; the rest is lost to friction. $\mu$ (`mu` or `momentum`, often 0.9) is
# called **momentum**. This is Polyak's method of 1964:
#
# $$ v \leftarrow \mu v - \lambda g \qquad x \leftarrow x + v $$
#
# **Exercise 7.2.** Write one step. The velocity starts at 0; the function gets it from the step
# before.

# %% exercise="7.2"
def momentum_step(x, v, g, lr, mu):
    """A step from x with velocity v and gradient g. Returns the new x and the new v."""
    ### BEGIN SOLUTION
    v = mu * v - lr * g
    x = x + v
    return x, v
    ### END SOLUTION

# %% check="7.2" covers=["D04", "P09"]
check.momentum(momentum_step)

# %% [markdown]
# ### On a slope that never ends
#
# The gradient is 1 everywhere, $\lambda = 1$, $\mu = 0.9$. Predict: how fast is the ball after the
# first step? After 100? Does it get faster for ever?

# %% covers=["D05", "D06", "P07"]
speeds = {}
for mu in (0.5, 0.9, 0.95, 0.99):
    x, v, speeds[mu] = 0.0, 0.0, []
    for _ in range(100):
        x, v = momentum_step(x, v, 1.0, 1.0, mu)
        speeds[mu].append(-v)
    t = np.arange(1, 101)
    assert np.allclose(speeds[mu], (1 - mu**t) / (1 - mu), rtol=1e-12)
    print(f"mu {mu}: {speeds[mu][0]:g}, {speeds[mu][1]:g}, ..., after 100 steps {-v:.4f}")
no_momentum, _ = momentum_step(3.0, 0.0, 2.0, lr=0.1, mu=0.0)
assert no_momentum == sgd_step(3.0, 2.0, 0.1)                   # to the last bit

# %%
picture, (ax,) = make_axes(size=(6.0, 2.8))
for k, (mu, speed) in enumerate(speeds.items()):
    ax.plot(t, speed, STYLES[k], color=COLOURS[k], label=f"$\\mu$ = {mu}")
ax.set_yscale("log")
ax.legend(fontsize="small")
label_axes(ax, "steps", "speed / (lr times gradient)")
picture

# %% [markdown]
# The pushes add up to $1 + \mu + \mu^2 + \dots$, so that after $t$ steps under a constant gradient
#
# $$ v_t = -\lambda g\, \frac{1 - \mu^t}{1 - \mu} \qquad \text{in the end} \quad -\frac{\lambda g}{1 - \mu} $$
#
# With $\mu = 0.9$ the ball ends ten times as fast as descent. Friction balances the push; without
# friction ($\mu = 1$) it would get faster for ever. Therefore $\lambda/(1 - \mu)$ is what to compare
# when two settings of momentum are compared. A **momentum too high** is one that adds up gradients
# of about as many steps as a run has, $1/(1 - \mu)$: the ball gets faster all the time, flies past
# the minimum, and swings back. (Adam, in lesson 10, has such a number too, the first of its `betas`.)
#
# Physicists check a simulation by its energy: kinetic, $\frac12 v^2/\lambda$, plus height, $f$. (If
# nothing rubs, the rule is Newton's law $\ddot x = -\nabla f$ in time steps of $\sqrt\lambda$; $v$
# is the way of one step, so the speed is $v/\sqrt\lambda$.) The ball starts at rest. Predict: with
# small steps and friction, can the height go up? Can the energy?

# %% covers=["D06"]
h, lr = np.array([1.0, 5.0]), 1e-4
x, v = np.array([1.0, -2.0]), np.zeros(2)
energy, height = [(h * x**2).sum() / 2], [(h * x**2).sum() / 2]
for _ in range(1000):
    x, v = momentum_step(x, v, h * x, lr, mu=0.99)
    height.append((h * x**2).sum() / 2)
    energy.append((v**2).sum() / (2 * lr) + height[-1])
rises = int((np.diff(height) > 0).sum())
print(f"energy {energy[0]:.2f} -> {energy[-1]:.4f}; height rose in {rises} of 1000 steps")
assert np.all(np.diff(energy) < 0) and rises > 0

# %% [markdown]
# So a loss that goes up now and then is no fault of a method with momentum.
#
# ### The same thing as an average
#
# Many books write the velocity as an average of gradients, with weights that fade:
#
# $$ v \leftarrow \beta v + (1 - \beta)\, g \qquad\text{that is}\qquad v_t = (1 - \beta) \sum_{k} \beta^k g_{t-k} $$
#
# Predict: $\beta = 0.9$. What part of the average comes from the last 10 gradients?

# %% covers=["D08"]
beta, gradients = 0.9, np.random.default_rng(1).normal(size=300)
v = 0.0
for g in gradients:
    v = beta * v + (1 - beta) * g
age = np.arange(300)
weights = (1 - beta) * beta**age
assert math.isclose(v, weights @ gradients[::-1], rel_tol=1e-9)
print(f"the last 10: {weights[:10].sum():.3f}, the mean age: {weights @ age:.2f} steps")
assert abs(weights[:10].sum() - (1 - beta**10)) < 1e-12             # about 1 - 1/e
assert abs(weights @ age - beta / (1 - beta)) < 1e-6

# %% [markdown]
# The average looks back over about $1/(1 - \beta)$ gradients. Section 6 shows that this is the same
# ball with another learning rate.
#
# ## 4. Creep, swing or fly away
#
# Give the ball and descent the same final speed, $\lambda/(1 - \mu)$ equal. Predict: which of them
# runs across the valley more often?

# %% covers=["D09"]
steep = dynamics.quadratic([1.0, 50.0], start=(1.0, 1.0))
across = {}
for mu in (0.0, 0.9):
    rule = lambda p, mu=mu: optim.Momentum(p, lr=0.038 * (1 - mu), momentum=mu)
    across[mu] = dynamics.trace(rule, steep, steps=100).positions[:, 1]
crossings = {mu: int((np.diff(np.sign(y)) != 0).sum()) for mu, y in across.items()}
travel = {mu: np.abs(np.diff(y)).sum() for mu, y in across.items()}
print(f"crossings {crossings}, way across {travel[0.0]:.1f} and {travel[0.9]:.1f}")
assert crossings[0.9] < crossings[0.0] and travel[0.9] < travel[0.0]
picture, (ax,) = make_axes(size=(6.0, 2.6))
for (mu, y), style, colour in zip(across.items(), (":", "-"), COLOURS, strict=False):
    ax.plot(y[:60], style, color=colour, marker=".", label=f"$\\mu$ = {mu}")
ax.legend(fontsize="small")
label_axes(ax, "steps", "place across the valley, y")
picture

# %% [markdown]
# How would one know this beforehand? On a bowl of curvature $h$ the velocity is the last move,
# $v = x_t - x_{t-1}$, so that both lines of the rule become one:
#
# $$ x_{t+1} = (1 + \mu - \lambda h)\, x_t - \mu\, x_{t-1} $$
#
# Try $x_t = z^t$. It is a solution if
#
# $$ z^2 - (1 + \mu - \lambda h)\, z + \mu = 0 $$
#
# There are two roots, and every path is a mix of both. After many steps the root of larger size
# $|z|$ wins: the error is multiplied by $|z|$ at every step. The map shows that number for all
# settings. $\lambda$ and $h$ occur only as the product $\lambda h$.

# %% tags=["picture"]
products, mus = np.linspace(0.005, 4.2, 421), np.linspace(0, 0.995, 200)
b = 1 + mus[:, None] - products + 0j                               # z^2 - b z + mu = 0
root = np.sqrt(b**2 - 4 * mus[:, None])
size = np.maximum(abs(b + root), abs(b - root)) / 2
picture, (ax,) = make_axes(size=(7.2, 4.0))
levels = [0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
shades = ax.contourf(products, mus, size, levels, cmap="Blues_r")
ax.set_facecolor("#F6E8DC")                                         # where |z| > 1
ax.contour(products, mus, size, [1.0], colors=COLOURS[1], linewidths=2)
ax.text(3.1, 0.25, "diverges", color=COLOURS[1])
ax.text(1.05, 0.03, "fast", color="white", ha="center")
ax.text(1.2, 0.9, "slow, and swinging", color=INK, ha="center")
picture.colorbar(shades, ax=ax, label="error left after each step, |z|")
label_axes(ax, "learning rate times curvature", "momentum", "How fast momentum settles")
picture

# %% [markdown]
# What the roots look like decides what the path looks like:
#
# - two real positive roots: $x_t$ falls without changing sign. The path **creeps**;
# - complex roots: $z^t$ turns in the plane, and $x_t$ swings. A negative root makes it jump from
#   side to side. Both times it **oscillates** (while $|z| < 1$);
# - a root with $|z| > 1$: it **diverges**.
#
# (When the doctor of lesson 5 finds a run **oscillating** or **diverged**, this is what it means.)
#
# **Exercise 7.3.** Find the borders between the three, as formulas in $\lambda h$ and $\mu$, and
# write them as a function. (The roots have the product $\mu$. Where is the discriminant zero, and
# where is $z = -1$ a root?)

# %% exercise="7.3"
def regime(lr, momentum, h):
    """'creeps', 'oscillates' or 'diverges': the path of momentum on h x^2 / 2."""
    ### BEGIN SOLUTION
    if lr * h > 2 + 2 * momentum:
        return "diverges"
    if lr * h < (1 - math.sqrt(momentum)) ** 2:
        return "creeps"
    return "oscillates"
    ### END SOLUTION

# %% check="7.3" covers=["P05", "P06", "D09"]
check.regime(regime)

# %% [markdown]
# Put $z = -1$ into the equation: $2 + 2\mu - \lambda h = 0$. The edge of divergence is $\lambda h =
# 2 + 2\mu$, while that of descent is $2$. A ball may take nearly twice as long steps.
#
# The discriminant is zero where $\sqrt\mu = 1 - \sqrt{\lambda h}$. There the bowl is **critically
# damped**: $\mu = (1 - \sqrt{\lambda h})^2$. With less momentum it creeps, with more it swings.
# Predict: $\lambda h = 0.01$. Which $\mu$ is critical?

# %% covers=["P05"]
def roll(lr, mu, steps):
    """The positions of a ball that starts at 1 on x^2 / 2."""
    x, v, xs = 1.0, 0.0, []
    for _ in range(steps):
        x, v = momentum_step(x, v, x, lr, mu)
        xs.append(x)
    return np.array(xs)


for mu in (0.0, 0.5, 0.9):
    edge = 2 + 2 * mu
    inside, outside = (abs(roll(c * edge, mu, 5000)[-1]) for c in (0.999, 1.001))
    print(f"mu {mu}: at 0.999 of the edge {inside:.1e}, at 1.001 of it {outside:.1e}")
    assert inside < 1e-3 < 1e3 < outside

# %% covers=["P06"]
assert math.isclose(theory.critical_momentum(0.01, 1.0), 0.81)
assert (roll(0.01, 0.80, 500) > 0).all()                            # creeps
assert (roll(0.01, 0.82, 500) < 0).any()                            # swings
left = {mu: abs(roll(0.01, mu, 150)[-1]) for mu in (0.7, 0.81, 0.9)}
print("left after 150 steps:", {mu: f"{x:.1e}" for mu, x in left.items()})
assert left[0.81] < left[0.7] and left[0.81] < left[0.9]

# %% [markdown]
# Critical damping settles fastest. Watch it: `phase` draws the velocity against the position. A
# path that creeps comes straight in, one that swings spirals.

# %%
at = lambda mu: lambda p: optim.Momentum(p, lr=0.01, momentum=mu)
rules = {f"mu = {mu}": at(mu) for mu in (0.5, 0.81, 0.97)}
plot.phase(dynamics.compare(rules, dynamics.quadratic([1.0]), steps=400))

# %% [markdown]
# ## 5. The best that momentum can do
#
# A valley has many curvatures, from $m$ to $L$, and one $\lambda$ and one $\mu$ must serve all of
# them. Where the roots are complex their size is $\sqrt\mu$, for every curvature: the product of
# the roots is $\mu$. So we want $\mu$ as small as possible, and yet no curvature between $m$ and
# $L$ that creeps, and none that jumps from side to side.
#
# **Exercise 7.4.** Both ends of the valley at the border: $\sqrt\mu = 1 - \sqrt{\lambda m}$ at the
# flat end, and $\sqrt\mu = \sqrt{\lambda L} - 1$ at the steep one. Solve for $\lambda$ and $\mu$.

# %% exercise="7.4"
def best_settings(m, L):
    """The fastest settings for curvatures from m to L. Returns lr and momentum."""
    ### BEGIN SOLUTION
    lr = (2 / (math.sqrt(L) + math.sqrt(m))) ** 2
    momentum = ((math.sqrt(L) - math.sqrt(m)) / (math.sqrt(L) + math.sqrt(m))) ** 2
    return lr, momentum
    ### END SOLUTION

# %% check="7.4" covers=["P02"]
check.best_settings(best_settings)

# %% [markdown]
# The rate is $\sqrt\mu = (\sqrt\kappa - 1)/(\sqrt\kappa + 1)$: descent's formula, with the *root* of
# the condition number. Predict: how many steps to a millionth now, where descent needed 69, 691
# and 6908?

# %% covers=["P02"]
expected = {10: (0.5194939, 22), 100: (0.8181818, 69), 1000: (0.9386931, 219)}
for kappa, (rate, steps) in expected.items():
    lr, mu = best_settings(1.0, kappa)
    radius = theory.spectral_radius(lr, mu, np.geomspace(1, kappa, 40))
    rule = lambda p, lr=lr, mu=mu: optim.Momentum(p, lr, momentum=mu)
    n = max(100, theory.iterations(rate, 1e-12))
    f = dynamics.quadratic([1.0, kappa], start=(1.0, 1.0))
    path = dynamics.trace(rule, f, steps=2 * n)
    there = path.first(lambda x: np.linalg.norm(x) <= 1e-6 * math.sqrt(2))
    print(f"kappa {kappa:4}: rate {radius:.7f}, measured {path.rate(over=n):.4f};"
          f" {steps} steps at that rate, {there} from rest")
    assert abs(radius - rate) < 1e-6 and abs(path.rate(over=n) / rate - 1) < 0.02
    assert theory.iterations(rate, 1e-6) == steps < there < 2 * steps

# %% [markdown]
# For $\kappa = 1000$ the rate says 219 steps in place of 6908, at the price of one more array. This
# is why hardly anybody trains without momentum or one of its descendants.
#
# The last column is what a ball needs that starts from rest. At critical damping the two roots are
# one, and the error behaves like $t\,z^t$: it begins slower than the rate, and catches up.
#
# ## 6. One ball in three forms
#
# You will meet momentum written in three ways, and programs that use the same name, `momentum=0.9`,
# for all of them.
#
# | name in minnet | velocity | move | where |
# |---|---|---|---|
# | `"cs231n"` | $v \leftarrow \mu v - \lambda g$ | $x \leftarrow x + v$ | the course CS231n, Sutskever 2013 |
# | `"torch"` | $v \leftarrow \mu v + g$ | $x \leftarrow x - \lambda v$ | PyTorch, Distill |
# | `"ema"` | $v \leftarrow \mu v + (1 - \mu)\, g$ | $x \leftarrow x - \lambda v$ | averages, as in Adam (lesson 10) |
#
# Only in the first form is $v$ a velocity, a move per step. In the second it is a sum of gradients,
# and in the third their average.
#
# Predict: with $\mu = 0.9$ and the same $\lambda$ for all, how do the three paths differ?

# %%
valley = dynamics.quadratic([1.0, 25.0], start=(-2.0, 0.5))
forms = {
    form: (lambda p, form=form: optim.Momentum(p, lr=0.02, momentum=0.9, form=form))
    for form in ("cs231n", "torch", "ema")
}
paths = dynamics.compare(forms, valley, steps=25)
ends = {form: path.positions[-1] for form, path in paths.items()}
assert np.allclose(ends["cs231n"], ends["torch"], rtol=0, atol=1e-14)
assert np.linalg.norm(ends["ema"] - ends["torch"]) > 0.5
plot.contour(paths, bounds=((-2.2, 1.2), (-0.7, 0.7)), size=(7.0, 3.6))

# %% [markdown]
# Two of the paths are one (the second is drawn on the first). The average is ten times slower.
#
# Now change the learning rate on the way: 50 steps with $10^{-4}$, and 50 with $10^{-5}$, on
# Rosenbrock's curved valley. Predict: are the first two forms still one?

# %%
drop = lambda t: 1e-4 if t < 50 else 1e-5
dropped = {
    form: dynamics.trace(
        lambda p, form=form: optim.Momentum(p, lr=1e-4, form=form),
        dynamics.rosenbrock(),
        steps=100,
        schedule={"lr": drop},
    ).positions
    for form in ("cs231n", "torch")
}
apart = np.abs(dropped["cs231n"] - dropped["torch"]).max(axis=1)    # worse coordinate
print(f"apart after 50 steps: {apart[50]:.1e}, after 100: {apart[100]:.4f}")
assert apart[50] < 1e-12 and abs(apart[100] - 0.0137) < 5e-5

# %% [markdown]
# The velocity of `"cs231n"` remembers *moves*, made with the old rate. That of `"torch"` remembers
# *gradients*, and the new rate acts on all of them at once: a drop of $\lambda$ brakes the ball.
# Neither is wrong. But a schedule that was tuned in one program may behave differently in another.
#
# **Exercise 7.5.** (a) Somebody stops a run that used the form `"torch"` or `"ema"`, with settings
# `lr` and `momentum` and a velocity `v`, and goes on with `"cs231n"`. Find the settings and the
# velocity for which the walk goes on as if nothing had happened. Set the moves of both forms equal,
# once for the part that comes from the old velocity and once for the part from the new gradient.
# (b) The learning rate of a `"cs231n"` run changes. What must be done to its velocity so that it
# moves as `"torch"` would?

# %% exercise="7.5"
def to_cs231n(form, lr, momentum, v):
    """The same walk, from the form "torch" or "ema". Returns lr, momentum and v."""
    ### BEGIN SOLUTION
    if form == "torch":
        return lr, momentum, -lr * v
    return lr * (1 - momentum), momentum, -lr * v
    ### END SOLUTION


def velocity_for(v, old_lr, new_lr):
    """The velocity that moves on as the torch form would. Returns the new v."""
    ### BEGIN SOLUTION
    return v * new_lr / old_lr
    ### END SOLUTION

# %% check="7.5" covers=["D05", "D08"]
check.three_forms(to_cs231n, velocity_for)

# %% [markdown]
# With your repair the two forms are one again, whatever the schedule:

# %%
x, v, lr = np.array([-1.2, 1.0]), np.zeros(2), drop(0)
for t in range(100):
    v, lr = velocity_for(v, lr, drop(t)), drop(t)
    x, v = momentum_step(x, v, dynamics.rosenbrock().gradient(x), lr, 0.9)
print(f"apart after 100 steps: {np.linalg.norm(x - dropped['torch'][-1]):.1e}")
assert np.allclose(x, dropped["torch"][-1], rtol=0, atol=1e-12)

# %% [markdown]
# ## 7. Nesterov: look before you roll
#
# The ball knows where its velocity will carry it: to $\theta + \mu v$, if nothing pushed. (The
# position is called $\theta$ here, for a reason that comes soon.) Why ask for the slope at
# $\theta$, which it is about to leave? The picture shows one step of both. The slope at the point
# ahead already says "too far".

# %%
theta, v, lr, mu = np.array([-1.0, 0.25]), np.array([0.50, -0.45]), 0.025, 0.9
picture = plot.contour(valley, bounds=((-1.3, 0.2), (-0.5, 0.5)), size=(7.2, 4.0))
ax, g = picture.axes[0], valley.gradient
ahead = theta + mu * v
arrow = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.007, "zorder": 5}
for k, (name, at) in enumerate({"momentum": theta, "Nesterov": ahead}.items()):
    push = -lr * g(at)
    label = f"{name}: push of the slope"
    ax.quiver(*ahead, *push, color=COLOURS[k], label=label, **arrow)
    ax.plot(*(ahead + push), "s", color=COLOURS[k], zorder=6)
ax.quiver(*theta, *(mu * v), color=INK, label="velocity kept, $\\mu v$", **arrow)
ax.legend(fontsize="small", loc="upper right")
assert valley(ahead - lr * g(ahead)) < valley(ahead - lr * g(theta))    # it pays
picture

# %% [markdown]
# Nesterov's method (1983), in the **look-ahead form**:
#
# $$ v \leftarrow \mu v - \lambda\, \nabla f(\theta + \mu v) \qquad \theta \leftarrow \theta + v $$
#
# Programs dislike it: the parameters must be moved for the gradient and moved back. So follow the
# point ahead, $x = \theta + \mu v$, in place of $\theta$. The gradient is then simply that at $x$,
# and with $v_\text{prev}$ for the velocity before the step the rule becomes the **transformed
# form**:
#
# $$ v \leftarrow \mu v_\text{prev} - \lambda\, g \qquad x \leftarrow x - \mu v_\text{prev} + (1 + \mu)\, v $$
#
# In words: go back from $x$ to $\theta$, step by $v$, and look ahead by $\mu v$ again.
#
# **Exercise 7.6.** Write both forms, and the map between them. The check lets both walk for 200
# steps and compares.

# %% exercise="7.6"
def lookahead_step(theta, v, gradient, lr, mu):
    """A step from theta; call gradient(point). Returns the new theta and the new v."""
    ### BEGIN SOLUTION
    v = mu * v - lr * gradient(theta + mu * v)
    return theta + v, v
    ### END SOLUTION


def transformed_step(x, v, g, lr, mu):
    """A step from x, where the gradient is g. Returns the new x and the new v."""
    ### BEGIN SOLUTION
    v_prev = v
    v = mu * v_prev - lr * g
    return x - mu * v_prev + (1 + mu) * v, v
    ### END SOLUTION


def to_x(theta, v, mu):
    """The x of the transformed form that belongs to theta and v. Returns x."""
    ### BEGIN SOLUTION
    return theta + mu * v
    ### END SOLUTION


def to_theta(x, v, mu):
    """The theta of the look-ahead form that belongs to x and v. Returns theta."""
    ### BEGIN SOLUTION
    return x - mu * v
    ### END SOLUTION

# %% check="7.6" covers=["D10", "D11"]
check.nesterov(lookahead_step, transformed_step, to_x, to_theta)

# %% [markdown]
# `minnet.optim.Nesterov` has both forms and PyTorch's, which sums gradients first, $v \leftarrow
# \mu v + g$, and then moves by $-\lambda (g + \mu v)$ with the new $v$. Predict: what is the length
# of PyTorch's first step from rest, in units of $\lambda g$: 1, $\mu$ or $1 + \mu$?

# %% covers=["D10", "D11", "D12", "P10"]
rosenbrock = dynamics.rosenbrock()
ends = {}
for form in ("lookahead", "cs231n", "torch"):
    rule = lambda p, form=form: optim.Nesterov(p, lr=1e-4, momentum=0.9, form=form)
    ends[form] = dynamics.trace(rule, rosenbrock, steps=500).positions
start, first, *_, last = ends["torch"]
length = (first - start) / (-1e-4 * rosenbrock.gradient(start))
print("first step:", length, " after 500 steps:", last.round(8))
assert np.allclose(length, 1.9)
assert np.allclose(last, (-0.50463823, 0.26211009), atol=5e-9)      # PyTorch's own result
assert np.allclose(ends["torch"], ends["cs231n"], rtol=0, atol=1e-12)
theta, v = ends["lookahead"][1:], np.diff(ends["lookahead"], axis=0)
assert np.allclose(to_x(theta, v, 0.9), ends["cs231n"][1:], rtol=0, atol=1e-12)

# %% [markdown]
# ### Is it better?
#
# On a bowl the look-ahead form becomes $\theta_{t+1} = (1 - \lambda h)\,((1 + \mu)\, \theta_t -
# \mu\, \theta_{t-1})$: the gradient is $h$ times the point ahead, and $v$ the last move. Two
# choices of settings are published:
#
# - Nesterov's own, $\lambda = 1/L$ and $\mu = (\sqrt\kappa - 1)/(\sqrt\kappa + 1)$, which leaves
#   $1 - 1/\sqrt\kappa$ of the error per step. It is safe for every loss whose curvatures are
#   between $m$ and $L$, everywhere and in all directions, bowl or not;
# - the best for bowls (Lessard, Recht and Packard, 2016), $\lambda = 4/(3L + m)$ and
#   $\mu = (q - 2)/(q + 2)$ with $q = \sqrt{3\kappa + 1}$, which leaves $1 - 2/q$.
#
# Predict: on bowls, with each tuned, who wins, Polyak's ball or Nesterov's?

# %% covers=["P03", "P04", "D13"]
known = {10: (0.6837722, 0.6407894), 100: (0.9, 0.8847219), 1000: (0.9683772, 0.9634912)}
print("error left after each step\nkappa    Polyak  Nesterov, safe  Nesterov, best")
for kappa, expected in known.items():
    choices = theory.best_nesterov_convex(1, kappa), theory.best_nesterov(1, kappa)
    h = np.geomspace(1, kappa, 40)
    rates = [
        theory.spectral_radius(c.lr, c.momentum, h, nesterov=True) for c in choices
    ]
    assert np.allclose(rates, expected, rtol=0, atol=1e-6)
    assert np.allclose(rates, (1 - kappa**-0.5, 1 - 2 / (3 * kappa + 1) ** 0.5), rtol=1e-6)
    polyak = theory.spectral_radius(*best_settings(1, kappa), h)
    print(f"{kappa:5} {polyak:9.4f} {rates[0]:15.4f} {rates[1]:15.4f}")
    assert polyak < min(rates)

# %% [markdown]
# Tuned to a bowl, Polyak's ball wins. Nesterov's also has less room: its path diverges from
# $\lambda h = (2 + 2\mu)/(1 + 2\mu)$ on. Why is it loved, then? Because nobody knows $m$ and $L$. At
# the same, untuned settings its swings die out faster:

# %% covers=["D13"]
gentle = dynamics.quadratic([0.2, 4.0], start=(-5.0, -2.0))         # 0.1 x^2 + 2 y^2
rules = {
    "momentum": lambda p: optim.Momentum(p, lr=0.05),
    "Nesterov": lambda p: optim.Nesterov(p, lr=0.05),
}
race = dynamics.compare(rules, gentle, steps=60)
final = {name: float(walk.losses[-1]) for name, walk in race.items()}
print("after 60 steps:", {name: f"{loss:.1e}" for name, loss in final.items()})
assert np.allclose(list(final.values()), [1.1e-2, 1.3e-5], rtol=0.05)
plot.losses(race)

# %% [markdown]
# And the price: at $\lambda = 0.4$, $\mu = 0.5$, $h = 4$ the ball settles, and Nesterov's flies away.

# %% covers=["D13"]
edges = theory.stability_edge(4.0, 0.5, nesterov=True), theory.stability_edge(4.0, 0.5)
print(f"learning rate at the edge: Nesterov {edges[0]}, momentum {edges[1]}")
assert edges[0] < 0.4 < edges[1]
assert losses_of(lambda p: optim.Momentum(p, lr=0.4, momentum=0.5), [4.0], 200)[-1] < 1e-3
assert losses_of(lambda p: optim.Nesterov(p, lr=0.4, momentum=0.5), [4.0], 200)[-1] > 1e3

# %% [markdown]
# ### Play with it
#
# If `ipywidgets` is installed and this notebook is running, you get sliders: choose a rule, its
# learning rate, its momentum and the start. Find by hand the settings of exercise 7.4 for this
# valley, $m = 1$ and $L = 25$. Without `ipywidgets` you get a film of the three rules.

# %%
rolling = {name: dynamics.RULES[name] for name in ("SGD", "Momentum", "Nesterov")}
plot.explorer(valley, rules=rolling, lr=0.03, momentum=0.7, steps=60)

# %% [markdown]
# The same as a film that needs nothing: descent, the ball and Nesterov's ball, at their best
# settings for this valley.

# %%
lr, mu = best_settings(1, 25)
nesterov = theory.best_nesterov(1, 25)
tuned = {
    "descent": lambda p: optim.SGD(p, lr=2 / 26),
    "momentum": lambda p: optim.Momentum(p, lr, momentum=mu),
    "Nesterov": lambda p: optim.Nesterov(p, nesterov.lr, momentum=nesterov.momentum),
}
film = dynamics.compare(tuned, valley, (-2.0, 0.25), steps=40)
ends = [film[name].losses[-1] for name in ("momentum", "Nesterov", "descent")]
assert ends == sorted(ends)
plot.animate(film, bounds=((-2.2, 0.8), (-0.7, 0.7)), frames=41, seconds=8)

# %% [markdown]
# ## 8. Where a path ends
#
# Every rule here goes down to *a* minimum, not to the lowest. The landscape below has two wells;
# the left one is lower. Predict: out of 20 random starts, how many end in the lower well?

# %% covers=["D14"]
wells, rng = dynamics.double_well(), np.random.default_rng(1)
starts = rng.uniform(-2, 2, (20, 2))
rule = lambda p: optim.SGD(p, lr=0.05)
walks = [dynamics.trace(rule, wells, start, steps=400) for start in starts]
ends = np.array([walk.positions[-1] for walk in walks])
left = int((ends[:, 0] < 0).sum())
print(f"{left} of 20 end in the lower well, at loss {min(map(wells, ends)):.4f}")
assert 3 < left < 17
assert np.allclose(min(ends, key=wells), wells.minima[0], atol=1e-6)    # the best of 20

# %%
picture = plot.contour(wells, bounds=((-2.1, 2.1), (-2.1, 2.1)), size=(5.6, 4.2))
ax = picture.axes[0]
for walk in walks:
    colour = COLOURS[0] if walk.positions[-1, 0] < 0 else COLOURS[1]
    ax.plot(*walk.positions.T, color=colour, linewidth=1)
    ax.plot(*walk.positions[0], "o", color=colour, fillstyle="none")
label_axes(ax, "x", "y", "Two wells: blue paths end in the lower one")
picture

# %% [markdown]
# The start decides. Starting again from other random points, and keeping the best, is the simplest
# remedy. It is dear for large networks; there, different starts usually end about equally well.
#
# ## 9. In real use
#
# `minnet.optim` holds these rules, each body its formula. An optimizer also has to do some plain
# work: keep one velocity for each parameter, allow other settings for some of them (**groups**),
# save and restore its state, leave the gradients alone, and hold on to nothing. Below, `b` has
# **weight decay** as well: 0.1 times the parameter itself is added to its gradient, so that every
# step also pulls it a little towards zero.

# %% covers=["D15"]
a, b = (mn.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
groups = [{"params": [a]}, {"params": [b], "lr": 0.01, "weight_decay": 0.1}]
opt = optim.Momentum(groups, lr=0.1)
for p in (a, b):
    p.grad = np.array([3.0, -1.0])
opt.step()
assert a.grad.numpy().tolist() == [3.0, -1.0]                       # untouched
assert np.allclose(a.numpy(), [1 - 0.1 * 3, 2 + 0.1 * 1])
assert np.allclose(b.numpy(), [1 - 0.01 * (3 + 0.1 * 1), 2 - 0.01 * (-1 + 0.1 * 2)])
c, d = (mn.tensor(p.numpy(), requires_grad=True) for p in (a, b))
copy = optim.Momentum([{"params": [c]}, {"params": [d]}], lr=0.5)
copy.load_state_dict(opt.state_dict())                              # settings, velocities

# %% covers=["D15"]
def advance(optimizer, x, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        (x**2).sum().backward()
        optimizer.step()


for optimizer, x, other in ((opt, a, b), (copy, c, d)):
    other.grad = None
    advance(optimizer, x, 5)
assert np.array_equal(a.numpy(), c.numpy())                         # to the last bit
count = lambda: sum(isinstance(o, mn.Tensor) for o in gc.get_objects())
before = count()
advance(opt, a, 1000)
assert count() <= before                                            # nothing piles up

# %% [markdown]
# Early in training the slopes are large and change quickly; later the ball may roll more freely.
# So the momentum is often raised on the way, for instance from 0.5 to 0.99. A **schedule** is a
# function of the step. Predict: 300 steps on Rosenbrock's valley; what comes lowest, a momentum of
# 0.5, of 0.9, of 0.99, or one that rises?

# %% covers=["D07"]
steps = 300
rising = schedules.linear(0.5, steps=steps - 1, end=0.99)
print([round(rising(t), 3) for t in (0, 100, 200, 299)])
assert rising(0) == 0.5 and rising(299) == 0.99
rule = lambda p: optim.Momentum(p, lr=1e-3)
loss = {}
for mu in (0.5, 0.9, 0.99, rising):
    schedule = {"momentum": mu if mu is rising else lambda t, mu=mu: mu}
    walk = dynamics.trace(rule, rosenbrock, steps=steps, schedule=schedule)
    loss[mu] = float(walk.losses[-1])
    print("rising:" if mu is rising else f"{mu}:", round(loss[mu], 3))
assert loss[0.9] < loss[rising] < min(loss[0.5], loss[0.99])

# %% [markdown]
# The rising momentum beats both of its ends by far, and a constant 0.9 beats it. A schedule is no
# magic: it spares you from finding the best constant, and it fits losses whose valleys change on
# the way.

# %% [markdown]
# ## Summary
#
# | rule | step | diverges from $\lambda h =$ | best error left per step on a bowl |
# |---|---|---|---|
# | descent | $x \leftarrow x - \lambda g$ | $2$ | $(\kappa - 1)/(\kappa + 1)$ |
# | momentum | $v \leftarrow \mu v - \lambda g$, $x \leftarrow x + v$ | $2 + 2\mu$ | $(\sqrt\kappa - 1)/(\sqrt\kappa + 1)$ |
# | Nesterov | the same, $g$ at $x + \mu v$ | $(2 + 2\mu)/(1 + 2\mu)$ | $1 - 2/\sqrt{3\kappa + 1}$ |
#
# The steepest direction limits the learning rate, the flattest one sets the time, and momentum
# replaces the condition number by its root. Under a constant slope the ball ends with
# $\lambda/(1 - \mu)$ times the gradient. Too little momentum creeps, too much swings, and
# $\mu = (1 - \sqrt{\lambda h})^2$ is in between. Before you compare two programs, ask which of the
# three forms they use, and what happens when the learning rate changes.
#
# ## Sources
#
# - Polyak: [Some methods of speeding up the convergence of iteration
#   methods](https://doi.org/10.1016/0041-5553(64)90137-5), 1964 (momentum, its best settings)
# - Nesterov: A method of solving a convex programming problem with convergence rate O(1/k²), 1983;
#   Introductory Lectures on Convex Optimization, 2004
# - Sutskever, Martens, Dahl, Hinton: [On the importance of initialization and momentum in deep
#   learning](https://proceedings.mlr.press/v28/sutskever13.html), 2013 (the look-ahead form)
# - Lessard, Recht, Packard: [Analysis and design of optimization
#   algorithms](https://arxiv.org/abs/1408.3595), 2016 (the best settings of Nesterov's method on bowls)
# - Goh: [Why momentum really works](https://distill.pub/2017/momentum/), 2017 (regimes, damping)
# - [CS231n, notes on learning](https://cs231n.github.io/neural-networks-3/) (velocity, the
#   transformed form, published vectors); [PyTorch, SGD](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html)
#   (the form with the learning rate at the move)
#
# ## Where it leads
#
# Lesson 10 gives every parameter a learning rate of its own. `minnet.schedules` lowers the learning
# rate on the way, against the shivering of small batches. `minnet.dynamics.theory` holds the
# formulas of this lesson, `minnet/optim/sgd.py` the rules; `minnet explore` writes a page with
# sliders for all of them.
