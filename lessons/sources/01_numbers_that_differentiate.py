# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   lesson: {number: 1, title: "Numbers that differentiate", minutes: 90, needs: "calculus, a little Python and NumPy"}
# ---

# %% [markdown]
# # Lesson 1: Numbers that differentiate
#
# After this lesson you can
#
# - compute the slope of any function from its values alone, in two ways,
# - say how wrong each way is, and why a smaller step is not always a better one,
# - choose the step for the precision of your numbers,
# - compare two gradients fairly, even if both are tiny or zero,
# - tell a wrong derivative from a rounding error by one picture.
#
# **Why this comes first.** A neural network learns by following slopes: it asks how its error
# changes when each of its numbers is moved a little, and moves them all downhill. The vector of
# those slopes is called the *gradient*. The code that computes gradients is easy to get wrong,
# and a wrong gradient rarely crashes: the network just learns badly. So before we write any
# such code, we build the tool that catches its errors.
#
# **How to read.** Cells that begin with *Predict* want a guess before you run them; a wrong guess
# teaches more than no guess. In exercises, write your answer where it says YOUR CODE HERE (a line
# `raise YourTurn` goes away), run the cell, and run the check below it. If something is wrong, the
# check shows where, and gives a hint. Run it again for a stronger hint; there are three. Each time it
# draws new inputs; `seed=` and the number that it prints, as its last argument, repeat the old ones.
# (`minnet_lessons.progress()` shows your points.)
#
# `assert` lines hold the text to its word: they stop the cell if a claim of the lesson is not true.
# You may skip them when you read.

# %%
import matplotlib.pyplot as plt
import numpy as np
from minnet_lessons import YourTurn
from minnet_lessons.checks import lesson_01 as check
from minnet_lessons.zoo import secants
from minnet_lessons.zoo.slopes import SUSPECTS

import gradcheck
from minnet.plot import COLOURS

plt.rcParams["axes.prop_cycle"] = plt.cycler(color=COLOURS)  # colours that everybody can tell apart
plt.rcParams["figure.figsize"] = (7, 3.8)
plt.rcParams["figure.constrained_layout.use"] = True

# %% [markdown]
# ## 1. A slope from two values
#
# Somebody hands you a function $f$ and claims to know its derivative. You can evaluate $f$ as often
# as you like. How do you test the claim?
#
# A derivative is a limit of slopes, so measure a slope. There are two natural choices. Take the
# point $x$ and a neighbour to its right, or take two neighbours, one on either side:

# %%
x, h = 1.0, 0.7
t = np.linspace(0, 2.2, 200)
fig, ax = plt.subplots()
ax.plot(t, np.sin(t), color="black", lw=2, label="f = sin")
ax.axline((x, np.sin(x)), slope=np.cos(x), color="grey", ls=":", label="tangent at x = 1")
for label, a, b, marker in (("forward", x, x + h, "o"), ("centred", x - h, x + h, "s")):
    slope = (np.sin(b) - np.sin(a)) / (b - a)
    (line,) = ax.plot([a, b], np.sin([a, b]), marker + "--", label=f"{label}: slope {slope:.3f}")
ax.set(xlabel="x", ylabel="f(x)", title=f"two slopes; the true one is {np.cos(x):.3f}")
ax.legend()
assert abs(slope - np.cos(x)) < 0.05  # the centred one, the last in the loop

# %% [markdown]
# The line between the two outer points, one on either side, is nearly parallel to the tangent; the
# line that begins at $x$ itself is not. As formulas, with a step $h$:
#
# $$\text{forward:}\quad f'(x) \approx \frac{f(x+h) - f(x)}{h}
# \qquad\qquad
# \text{centred:}\quad f'(x) \approx \frac{f(x+h) - f(x-h)}{2h}$$
#
# Both are called *finite differences*, because $h$ stays finite.
#
# ### Exercise 1.1: Two slopes
#
# Write both formulas. `f` is any function of one number.

# %% exercise="1.1"
def forward_difference(f, x, h):
    """The slope of f at x, from x and a neighbour to the right."""
    ### BEGIN SOLUTION
    return (f(x + h) - f(x)) / h
    ### END SOLUTION


def centred_difference(f, x, h):
    """The slope of f at x, from a neighbour on either side."""
    ### BEGIN SOLUTION
    return (f(x + h) - f(x - h)) / (2 * h)
    ### END SOLUTION

# %% check="1.1" covers=["A01", "A02", "A03"]
check.differences(forward_difference, centred_difference)

# %% [markdown]
# ## 2. How wrong are they?
#
# For $f = \sin$ at $x = 1$ we know the truth, $\cos 1$. So we can measure the error of each
# formula.

# %% covers=["A01", "A02", "P12"]
# Predict: the step becomes ten times smaller. How much smaller does each error become?
print("     h     forward error   centred error")
for h in (1e-1, 1e-2, 1e-3, 1e-4):
    forward = abs(forward_difference(np.sin, 1.0, h) - np.cos(1.0))
    centred = abs(centred_difference(np.sin, 1.0, h) - np.cos(1.0))
    print(f"{h:7.0e} {forward:15.2e} {centred:15.2e}")
    assert np.isclose(forward, h * np.sin(1.0) / 2, rtol=0.03)  # h |f''| / 2
    assert np.isclose(centred, h**2 * np.cos(1.0) / 6, rtol=0.03)  # h^2 |f'''| / 6

# %% [markdown]
# Ten times smaller, and a hundred times smaller. Taylor's series says why. Write
#
# $$f(x \pm h) = f(x) \pm h f'(x) + \tfrac{h^2}{2} f''(x) \pm \tfrac{h^3}{6} f'''(x) + \dots$$
#
# and put it into the formulas. In the forward difference the first thing left over is
# $\tfrac{h}{2} f''$. In the centred one the terms with $f''$ are the same on both sides and cancel;
# what is left is $\tfrac{h^2}{6} f'''$. This is the *truncation error*: the part of the series
# that was cut off. The asserts in the cell above test both leftovers.
#
# The centred formula needs $f$ twice for each slope. The forward one needs it once, plus once for
# $f(x)$, which many slopes can share. That is the price of the second order, and it is worth it.
#
# So, to be accurate, make $h$ tiny?

# %% covers=["A02", "A15"]
# Predict: which of these steps gives the best slope?
print("     h     centred error")
errors = {}
for h in (1e-3, 1e-5, 1e-7, 1e-9, 1e-11, 1e-13):
    errors[h] = abs(centred_difference(np.sin, 1.0, h) - np.cos(1.0))
    print(f"{h:7.0e} {errors[h]:15.2e}")
assert min(errors, key=errors.get) == 1e-5 and errors[1e-5] < 5e-11
assert errors[1e-13] > 1000 * errors[1e-3]

# %% [markdown]
# The error falls, turns, and rises again. A step of $10^{-13}$ is worse than one of $10^{-3}$,
# by a factor of more than a thousand. Let us look at it over the whole range.
#
# The library `gradcheck` comes with this course and contains all that we build here. Its `h_sweep`
# measures a slope with many steps, and returns for each step the error, divided by the true slope
# (section 4 says why one divides). So we divide the curves of the truncation by it, too.

# %% tags=["picture"] covers=["A16", "P12"]
h, f, slope = 10.0 ** np.arange(-13, 0, 0.25), np.sin(1.0), np.cos(1.0)  # f'' = -f, f''' = -slope
fig, ax = plt.subplots()
for name, marker in (("forward", "o"), ("central", "s")):
    sweep = gradcheck.h_sweep(np.sin, np.array(1.0), slope, method=name, h=h)
    ax.loglog(h, sweep.error, marker, ms=4, label=name.replace("central", "centred"))
rounding = 2.2e-16 * f / h / slope
ax.loglog(h, h / 2 * f / slope, color=COLOURS[0], lw=1, label="truncation, h |f''| / 2")
ax.loglog(h, h**2 / 6, color=COLOURS[1], lw=1, label="truncation, h² |f'''| / 6")  # |f'''| = slope
ax.loglog(h, rounding, color="grey", ls=":", label="rounding, up to ε |f| / h")
ax.set(ylim=(1e-13, 1), xlabel="step h", ylabel="error / true slope", title="sin at x = 1")
ax.legend(fontsize="small", loc="upper center")
assert 1e-6 <= sweep.best <= 1e-4  # the step with the least error, of the centred formula
assert np.all(sweep.error[h < 1e-6] < rounding[h < 1e-6])

# %% [markdown]
# Each formula draws a V. Its right arm is truncation, as computed above. Its left arm is
# *rounding*.
#
# A computer keeps a number to a fixed count of digits. In double precision (NumPy's `float64`)
# that is about 16 digits: near 1, neighbouring numbers lie $\varepsilon = 2.2\cdot 10^{-16}$
# apart. So $f(x+h)$ is off by up to about $\varepsilon |f|$, whatever $h$ is, and so is $f(x-h)$.
# Their difference is off by up to twice that, and then we divide it by $2h$. The smaller the step,
# the more this grows:
#
# $$\text{error of the centred slope} \;\approx\; \underbrace{\tfrac{h^2}{6}|f'''|}_{\text{truncation}}
# \;+\; \underbrace{\tfrac{\varepsilon |f|}{h}}_{\text{rounding}}$$
#
# One term rises with $h$, the other falls. The best step lies where they are about equal.
#
# Here you can move the step yourself. The curve is drawn in units of $h$, so that a straight line
# keeps its slope. Long steps see the curve bend. Steps of $10^{-5}$ see a line. At $10^{-15}$ you
# see what the computer makes of it: stairs.

# %%
secants.explorer()

# %% [markdown]
# ### Exercise 1.2: The best step
#
# Take $f$, $f''$ and $f'''$ to be about 1, so that only powers of $h$ and $\varepsilon$ matter.
# What is the best $h$ for each formula, in each precision? In single precision (`float32`),
# $\varepsilon = 1.2\cdot 10^{-7}$. Do it on paper first. A power of ten is enough: the check allows a
# factor of ten either way.

# %% exercise="1.2"
best_h = {
    ("forward", "float32"): ...,
    ("forward", "float64"): ...,
    ("centred", "float32"): ...,
    ("centred", "float64"): ...,
}
### BEGIN SOLUTION
best_h = {
    ("forward", "float32"): 1.2e-7 ** (1 / 2),
    ("forward", "float64"): 2.2e-16 ** (1 / 2),
    ("centred", "float32"): 1.2e-7 ** (1 / 3),
    ("centred", "float64"): 2.2e-16 ** (1 / 3),
}
### END SOLUTION

# %% check="1.2" covers=["A15", "P12"]
check.best_step(best_h)

# %% [markdown]
# ## 3. Two precisions
#
# Networks are usually trained in `float32`: half the memory, twice the speed. Should their
# gradients be checked in it?

# %% covers=["A09"]
# Predict: the same formula and the same step, in float32 and in float64. How many digits are right?
for kind, best in ((np.float32, 5e-3), (np.float64, 6e-6)):  # best: the step of exercise 1.2
    slope = centred_difference(np.sin, kind(1), kind(1e-6))
    error = abs(float(slope) - np.cos(1.0))
    x = np.linspace(0.5, 1.5, 101, dtype=kind)
    usual = np.median(abs(centred_difference(np.sin, x, kind(best)) - np.cos(x.astype(float))))
    print(f"{kind.__name__}: {slope:.12f}   off by {error:.1e}, with its best step by {usual:.0e}")
    assert slope.dtype == kind
    assert (1e-3 < error < 1e-2) if kind is np.float32 else error < 1e-10
    assert (1e-6 < usual < 1e-5) if kind is np.float32 else 1e-12 < usual < 1e-11

# %% [markdown]
# Two digits in single precision, ten in double. And no step saves `float32`: at the bottom of its V
# the error is still some millionths, a million times that at the bottom of the other. Therefore:
# **check gradients in double precision, whatever you train in.**
#
# ## 4. When are two slopes the same?
#
# You have a slope $a$ from a formula (*analytic*) and a slope $n$ from differences (*numeric*).
# They never agree to the last digit. How close is close enough?

# %% covers=["A06"]
# Predict: both pairs differ by 0.0001. Which pair would you accept?
for a, n in ((1.0, 1.0001), (0.00001, 0.00011)):
    difference = abs(a - n)
    print(f"a = {a:.5f}, n = {n:.5f}:  difference {difference:.1e},  ratio n/a = {n / a:.4f}")
    assert np.isclose(difference, 1e-4)

# %% [markdown]
# The first pair agrees to four digits. In the second, one slope is eleven times the other, which
# no rounding explains. A difference means nothing without the size of what is compared. So divide
# by it:
#
# $$\text{relative error} \;=\; \frac{|a - n|}{\max(|a|, |n|)}
# \qquad\text{and } 0 \text{ if } a = n = 0$$
#
# The larger of the two serves as the unit, so it does not matter which of them you call $a$. The
# second half of the formula is needed more often than you may think: many slopes of a network are
# exactly zero, and $0/0$ is not a number.
#
# ### Exercise 1.3: The relative error
#
# `a` and `n` are numbers, or arrays of one shape; for arrays, return the error of each entry. Two
# zeros have error 0, and NumPy has nothing to warn about.

# %% exercise="1.3"
def relative_error(a, n):
    """|a - n| / max(|a|, |n|) for each entry, 0 where both are 0."""
    ### BEGIN SOLUTION
    size = np.maximum(np.abs(a), np.abs(n))
    return np.abs(np.subtract(a, n)) / np.where(size == 0, 1, size)
    ### END SOLUTION

# %% check="1.3" covers=["A04", "A05"]
check.relative_error(relative_error)

# %% covers=["A04", "A05", "A06"]
# Predict: the relative error of each pair.  The third and fourth need some thought.
pairs = [(1.0, 1.0001), (1e-5, 11e-5), (0.0, 0.0), (0.0, 1e-300), (3.0, -3.0), (1e-200, 3e-200)]
for a, n in pairs:
    print(f"{a:9.4g} {n:9.4g}   {relative_error(a, n):.4f}")
errors = [float(relative_error(a, n)) for a, n in pairs]
assert np.allclose(errors, [1e-4, 10 / 11, 0, 1, 2, 2 / 3], atol=1e-7)
assert np.allclose(errors, gradcheck.relative_error(*np.transpose(pairs)))  # the library's own
with_floor = abs(a - n) / max(1e-8, abs(a) + abs(n))  # of the last pair: see below
assert np.isclose(with_floor / 2e-192, 1)

# %% [markdown]
# It is 0 for equal slopes, 1 where one of them is zero and the other is not, and 2 at worst: equal
# size, opposite sign. It does not change if both slopes are multiplied by the same number.
#
# *What you will meet elsewhere.* A widely copied version divides by
# $\max(10^{-8}, |a| + |n|)$. Its floor of $10^{-8}$ avoids $0/0$, and hides errors in small
# gradients: of the last pair above it would make an error of $2\cdot 10^{-192}$.
#
# What is a good value? The notes of Stanford's course CS231n give a rule of thumb, which
# `gradcheck.band` puts into words. It is milder for functions with *kinks*, corners such as that of
# $|x|$ at 0. Lesson 2 is about them.

# %% covers=["A07"]
# Predict: is 0.0001 good or bad for a smooth function?
for error in (0.5, 1e-2, 1e-3, 1e-4, 1e-5, 1e-7, 1e-9):
    word, with_kinks = gradcheck.band(error), gradcheck.band(error, kinks=True)
    print(f"{error:7.0e}   {word:<24} with kinks: {with_kinks}")
names = [gradcheck.band(e).name for e in (1e-2 * 1.01, 1e-2, 1e-4, 1e-7)]
assert names == ["WRONG", "UNCOMFORTABLE", "TOO_HIGH", "HAPPY"]
assert gradcheck.band(1e-4, kinks=True).name == "OK"

# %% [markdown]
# ## 5. Many numbers
#
# The error of a network depends on thousands of numbers. The gradient holds one slope for each:
# move that entry alone, keep all others, and measure. For a function of an array,
#
# $$\text{gradient}_i \;\approx\; \frac{f(x + h e_i) - f(x - h e_i)}{2h}$$
#
# where $e_i$ is 1 at entry $i$ and 0 elsewhere.
#
# ### Exercise 1.4: The gradient of a function of an array
#
# `x` is an array of any shape, `f(x)` a number. Return an array of the shape of `x`. The caller
# keeps `x`: when you return, it must be as it was, to the last bit.
# (`for i in np.ndindex(x.shape)` visits every entry `x[i]`, in any number of dimensions.)

# %% exercise="1.4"
def numerical_gradient(f, x, h=1e-5):
    """The centred slope of f along each entry of x."""
    ### BEGIN SOLUTION
    gradient = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        right, left = x.copy(), x.copy()
        right[i] += h
        left[i] -= h
        gradient[i] = (f(right) - f(left)) / (2 * h)
    return gradient
    ### END SOLUTION

# %% check="1.4" covers=["A03"]
check.gradient(numerical_gradient)

# %% [markdown]
# Two evaluations of $f$ for each entry. A network of a million numbers would need two million
# evaluations for one gradient, so nobody trains this way. To *check* a gradient that was computed
# another way, a few entries are enough.
#
# Now to something like a network: several steps in a row, each a matrix product followed by a tanh.
# Twenty numbers go in and twenty come out. To have one number to differentiate, we multiply each
# output by a fixed random number and add up: that is $v\cdot\text{output}$ below.
# Its derivative is the chain rule, applied from the last step back to the first. (Lesson 3 derives
# it. Here, take the formula as a claim, and test it.)

# %%
def forward(x, steps):
    """The outputs of all steps: tanh(x W) for each W, one after the other."""
    outputs = []
    for W in steps:
        outputs.append(x := np.tanh(x @ W))
    return outputs


def slope_at_the_input(x, steps, v):
    """The gradient, with respect to x, of v · (the last output)."""
    for W, y in zip(steps[::-1], forward(x, steps)[::-1], strict=True):
        v = (v * (1 - y**2)) @ W.T  # 1 - tanh² is the derivative of tanh
    return v

# %% covers=["A08"]
# Predict: ten steps instead of one. How many digits does the agreement lose?
rng = np.random.default_rng(0)
worst = {}
for depth in (1, 2, 5, 10):
    steps = rng.normal(size=(depth, 20, 20)) / np.sqrt(20)  # so that outputs stay of a size
    x, v = rng.normal(size=20), rng.normal(size=20)
    numeric = numerical_gradient(lambda x, s=steps, v=v: v @ forward(x, s)[-1], x)
    analytic = slope_at_the_input(x, steps, v)
    worst[depth] = max(abs(analytic - numeric)) / max(abs(numeric))
    print(f"{depth:2d} steps: worst error {worst[depth]:.1e} of the largest slope")
assert max(worst.values()) < 1e-9 and worst[10] < 10 * worst[1]

# %% [markdown]
# In double precision, depth costs less than one digit. According to the notes of CS231n a relative
# error of $10^{-2}$ may be acceptable for a network of ten layers. If it is smooth you do not need that, and you
# should not grant it: real mistakes hide in there.
#
# Two more habits concern the *size* of a gradient.

# %% covers=["A11"]
# Predict: the mean over 50 examples instead of their sum. What happens to slopes and errors?
rng = np.random.default_rng(1)
X, t, w = rng.normal(size=(50, 3)), rng.normal(size=50), rng.normal(size=3)
gradients = {}
for word, unit in (("sum", 1.0), ("mean", 1 / 50)):
    numeric = numerical_gradient(lambda w, unit=unit: unit * np.sum((X @ w - t) ** 2), w)
    gradients[word] = unit * 2 * (X @ w - t) @ X
    error = relative_error(gradients[word], numeric).max()
    print(f"{word:4}: gradient {np.round(gradients[word], 4)}, relative error {error:.0e}")
    assert error < 1e-8
assert np.allclose(gradients["sum"] / gradients["mean"], 50, rtol=1e-14)

# %% [markdown]
# The slopes shrink by exactly the number of examples; the relative error stays. An absolute
# tolerance would have become 50 times easier to pass. In large networks some slopes are tiny. Then
# it matters what you compare with, and in which precision:

# %% covers=["A10"]
# Predict: a slope that is 100 % wrong, in a loss multiplied by 1e-13. Which test notices?
x = np.array([0.5, 1.0, 1.5])
loss = lambda x: 1e-13 * np.sum(np.sin(x))
wrong = lambda x: 2e-13 * np.cos(x)
print("np.allclose says:", np.allclose(wrong(x), numerical_gradient(loss, x)))  # its atol is 1e-8
print(gradcheck.check_grad(loss, lambda x: 1e-13 * np.cos(x), x))
assert np.allclose(wrong(x), numerical_gradient(loss, x))
assert not gradcheck.check_grad(loss, wrong, x)
assert np.float32(1e-13) * np.float32(1e-33) == 0  # in float32, what is small enough is gone

# %% [markdown]
# `np.allclose` adds an absolute tolerance of $10^{-8}$ and accepts a gradient that is twice too
# large. The relative error does not care about the scale. In `float32`, products below $10^{-45}$
# become zero; if your slopes come near that, multiply the loss by a constant for the check
# (`loss_scale=` does it). And always **look at the raw numbers**. The report above is that of the
# right derivative. Its table names the entry with the largest error, the two slopes there, and
# (`+-`) how far the numeric one may be off. Below stands a note, because the slopes are tiny.
#
# ## 6. A step that is too small
#
# A public visualiser of gradient descent computes its slopes by centred differences with $h =
# 10^{-12}$, in double precision. You know the V by now. But its left arm, seen from near, is not
# even a line:

# %%
x = np.linspace(0.9997, 1.0003, 300)
fig, ax = plt.subplots()
ax.plot(x - 1, centred_difference(np.sin, x, 1e-12), ".", ms=4, label="centred, h = 1e-12")
ax.plot(x - 1, centred_difference(np.sin, x, 1e-5), color="black", label="centred, h = 1e-5")
ax.set(xlabel="x - 1", ylabel="slope of sin", title="the same function, the same formula")
ax.legend()
levels = np.unique(centred_difference(np.sin, x, 1e-12))
print(f"{len(x)} points, {len(levels)} different slopes, {np.diff(levels).min():.2e} apart")
assert len(levels) < 30 and np.isclose(np.diff(levels).min(), 5.55e-5, rtol=1e-3)

# %% [markdown]
# The slopes lie on a ladder of equal rungs. (To the right of 1 they also lie too high: there the
# numbers themselves are spaced more widely, and $x + h$ and $x - h$ are rounded to them.) To see
# where the rungs come from, meet `np.spacing(y)`: the distance from the number $y$ to its next
# neighbour in the same precision.

# %%
# Predict: how many neighbours does 0.84 have within 1e-12, to its right?
y = np.sin(1.0)
print(f"near {y:.2f} numbers are {np.spacing(y):.2e} apart")
print(f"near 1e6 they are {np.spacing(1e6):.2e} apart, near -1e6 {np.spacing(-1e6):.2e}")
count = (np.sin(1 + 1e-12) - y) / np.spacing(y)
print(f"from sin(1) to sin(1 + 1e-12) there are {count:.0f} of them")
assert count == int(count) and 4000 < count < 6000

# %% [markdown]
# ### Exercise 1.5: The rungs of the ladder
#
# 1. Write `rung(f, x, h)`: the least amount by which two slopes from the centred formula can
#    differ at $x$, if $f(x+h)$ changes to its next neighbour.
# 2. Say *why* $h = 10^{-12}$ is too small in double precision. One letter:
#    - **A** The truncation error grows when $h$ becomes small.
#    - **B** $x + h$ and $x$ are the same number, so the difference is zero.
#    - **C** $f(x+h)$ and $f(x-h)$ agree in all digits but the last few. Their difference keeps only
#      those, and dividing by $2h$ makes their error large.
#    - **D** Dividing by a number as small as $2h$ is inexact.

# %% exercise="1.5"
def rung(f, x, h):
    """The least difference between two centred slopes of f at x."""
    ### BEGIN SOLUTION
    return abs(np.spacing(f(x))) / (2 * h)
    ### END SOLUTION


why = ...
### BEGIN SOLUTION
why = "C"
### END SOLUTION

# %% check="1.5" covers=["A15"]
check.too_small(rung, why)

# %% [markdown]
# ## 7. Wrong, or only rounded?
#
# You measure a relative error of $10^{-6}$ at $h = 10^{-5}$. Is the formula wrong, or is the
# measurement bad? One number cannot tell. The V can: for a right formula, the error *follows* $h$,
# down one arm and up the other. For a wrong formula there is a floor which no step can get below.

# %% covers=["A15", "A16"]
# Predict: one of the two derivatives is wrong by one part in a million. How do you see it?
x = np.array(1.0)
sweeps = [gradcheck.h_sweep(np.sin, x, k * np.cos(1.0)) for k in (1.0, 1 + 1e-6)]
fig, ax = plt.subplots()
for sweep, label, style in zip(sweeps, ("first", "second"), ("o-", "s--"), strict=True):
    ax.loglog(sweep.h, sweep.error, style, ms=4, label=label)
ax.set(xlabel="step h", ylabel="relative error", title="two claims about the derivative of sin")
ax.legend()
level = sweeps[1].error[(sweeps[1].h > 1e-9) & (sweeps[1].h < 1e-3)]
assert sweeps[0].plateau is None and np.allclose(level, 1e-6, rtol=0.1)

# %% [markdown]
# The second stays at $10^{-6}$ over more than five decades of $h$: a *plateau*, the floor of its V.
# Rounding and truncation change with the step; a mistake does not.
#
# ### Exercise 1.6: Six suspects
#
# Each suspect is a function, a point and a claimed derivative, written by hand. You cannot see
# their formulas; you can measure them. For each, draw the error against $h$, and decide: is the
# claim `"right"` or `"wrong"`? Careful: at $h = 10^{-5}$ alone, right ones look worse than wrong
# ones. And a curve may be flat at its *top*, where the step is so long that the measured slope means
# nothing. A plateau is a floor.

# %% covers=["A16"]
fig, axes = plt.subplots(2, 3, sharex=True, sharey=True, figsize=(7.5, 4.6))
for ax, (name, (f, claimed, x)) in zip(axes.flat, SUSPECTS.items(), strict=True):
    sweep = gradcheck.h_sweep(f, np.array(x), claimed(x), h=10.0 ** -np.arange(1, 10.5, 0.5))
    ax.loglog(sweep.h, sweep.error, "o-", ms=3)
    ax.set(title=f"{name}, x = {x:g}", ylim=(1e-13, 10))
    ax.axvline(1e-5, color="grey", ls=":")
fig.supxlabel("step h (dotted: 1e-5)")
fig.supylabel("relative error of the claim")
assert len(SUSPECTS) == 6

# %% exercise="1.6"
verdict = {"A": ..., "B": ..., "C": ..., "D": ..., "E": ..., "F": ...}
### BEGIN SOLUTION
verdict = {"A": "right", "B": "wrong", "C": "right", "D": "wrong", "E": "right", "F": "wrong"}
### END SOLUTION

# %% check="1.6" covers=["A07", "A15"]
check.suspects(verdict)

# %% [markdown]
# ## Summary
#
# - Centred differences: error $\propto h^2$, two evaluations a slope. Forward differences:
#   error $\propto h$.
# - Rounding adds $\varepsilon|f|/h$. The best step is about $\varepsilon^{1/3}$ for the centred
#   formula ($10^{-5}$ in double precision), $\varepsilon^{1/2}$ for the forward one.
# - Check in `float64`.
# - Compare by the relative error; two zeros agree; no absolute tolerance. Look at the raw numbers.
# - A right formula draws a V of error against $h$. A wrong one draws a plateau.
#
# ## Sources
#
# - CS231n notes, [Neural networks part 3](https://cs231n.github.io/neural-networks-3/#gradcheck),
#   "Gradient checks": the two formulas, the relative error, the rule of thumb.
# - C. J. F. Ridders (1982), *Accurate computation of F'(x) and F'(x)F''(x)*, Advances in
#   Engineering Software 4(2), 75-76: several steps combined into one better slope, with an error
#   estimate. It is what `gradcheck.numerical_grad` does.
# - D. Goldberg (1991), [What every computer scientist should know about floating-point
#   arithmetic](https://docs.oracle.com/cd/E19957-01/806-3568/ncg_goldberg.html): spacing,
#   rounding, cancellation.
# - The visualiser of section 6:
#   [gradient_descent_viz](https://github.com/lilipads/gradient_descent_viz), `kFiniteDiffEpsilon`
#   in `src/gradient_descent.cpp`.
#
# ## Where it leads
#
# All of this is in the library: `gradcheck.check_grad(f, gradient, x)` chooses the steps, measures
# its own uncertainty, and says what it thinks is wrong. **Lesson 2** shows where even a careful
# check is fooled: kinks, random numbers, and terms that drown each other. **Lesson 3** writes the
# gradients that we check.
