# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   lesson: {number: 5, title: "Before you train", minutes: 75, needs: "lesson 3, or: what a loss, a gradient and a training step are"}
# ---

# %% [markdown]
# # Lesson 5: Before you train
#
# A network with a mistake in it rarely stops with an error. It trains, a little worse than it
# should, and nobody knows why. The checks in this lesson take seconds and find most such mistakes
# before the first epoch (one pass over all training examples).
#
# After this lesson you can
#
# - say what the loss must be before anything is learned, for four kinds of loss;
# - start a network at the frequencies of its classes;
# - show that a network *can* learn, and why that is not enough;
# - find out by a gradient whether examples leak into each other;
# - run all checks in one call, and read what the network's doctor finds in ten patients.

# %%
import math

import numpy as np
from minnet_lessons import YourTurn
from minnet_lessons.checks import lesson_05 as check
from minnet_lessons.zoo import hunt

import minnet as mn
from minnet import data, nn, optim, sanity, train
from minnet import functional as F
from minnet.plot.base import COLOURS, label_axes, make_axes

train_set, test_set = data.digits()          # 3,823 and 1,797 images of digits, 8 x 8 numbers each
rng = np.random.default_rng(5)

# %% [markdown]
# ## 1. The loss of somebody who knows nothing
#
# A **classifier** gives each class a number, its **score**. The **softmax** turns scores $s$ into
# probabilities, $p_k = e^{s_k} / \sum_j e^{s_j}$, and the **cross-entropy loss** is $-\log p$ of
# the right class, averaged over the examples ($\log$ is the natural logarithm).
#
# Before learning, a network should have no opinion: all scores nearly equal. With $C$ classes
# each has probability $1/C$.
#
# Predict: what is the loss then, for ten digits?

# %% covers=["B01", "P11"]
scores = np.zeros((5, 10))
labels = np.array([3, 1, 4, 1, 5])
print(f"loss {float(F.cross_entropy(scores, labels)):.9f},  ln 10 = {math.log(10):.9f}")
assert abs(float(F.cross_entropy(scores, labels)) - 2.302585093) < 1e-9

# %% [markdown]
# This number is worth more than it looks. If your network for ten classes starts at 2.9 or at 14,
# something is wrong, and you have not yet waited for a single epoch.
#
# How far off may it be? Real networks start with small random weights, so that the scores are
# small random numbers. The picture shows the first loss for scores of standard deviation $s$
# (dots), and the formula $\ln C + \frac{s^2}{2}\left(1 - \frac{1}{C}\right)$ (line), which holds
# while $s$ is small. (A loss with the natural logarithm is counted in *nats*.)

# %% tags=["picture"] covers=["B04", "B01"]
spreads = np.geomspace(0.01, 5, 25)
labels = rng.integers(10, size=20_000)
draws = rng.normal(size=(20_000, 10))
measured = [float(F.cross_entropy(s * draws, labels)) for s in spreads]
formula = math.log(10) + spreads**2 / 2 * (1 - 1 / 10)
half = float(F.cross_entropy(0.5 * draws, labels))
assert abs(half - 2.42) < 0.02 and abs(half / math.log(10) - 1.05) < 0.01
assert abs(measured[0] - 2.3026) < 1e-3
picture, (ax,) = make_axes(size=(6.5, 3.2))
ax.semilogx(spreads, measured, "o", color=COLOURS[0], label="measured")
ax.semilogx(spreads, formula, color=COLOURS[1], label="formula for small s")
ax.set_ylim(2, 8)
ax.legend()
label_axes(ax, "standard deviation s of the scores", "first loss (nats)")
picture

# %% [markdown]
# At $s = 0.5$ the loss is 2.42, five percent above $\ln 10$. That is as much as we will accept.
#
# Other losses have their own numbers. The **hinge loss** (of Weston and Watkins) asks that the
# right score be larger than each wrong one by a *margin*: for one example it is $\sum_{k \ne y}
# \max(0,\; s_k - s_y + \text{margin})$. The **logistic loss** is the cross-entropy of two classes
# with one score, whose probability is $1/(1 + e^{-s})$. The **mean squared error** averages
# (output − target)².

# %% covers=["B02", "B04", "P11"]
labels = rng.integers(10, size=50)
equal = np.zeros((50, 10))
assert float(F.multiclass_hinge(equal, labels)) == 9.0                    # C - 1 terms of 1
assert float(F.multiclass_hinge(equal, labels, margin=2.0)) == 18.0
logistic = F.binary_cross_entropy_with_logits(np.zeros(50), labels % 2 * 1.0)
assert abs(float(logistic) - math.log(2)) < 1e-12
targets = rng.normal(size=50)
assert abs(float(F.mse(np.zeros(50), targets)) - np.mean(targets**2)) < 1e-12
print("hinge 9 and 18, logistic", round(float(logistic), 6))

# %% [markdown]
# **Exercise 5.1.** Predict six first losses, to two decimals. You may write formulas
# (`math.log(7)`).
#
# - `a`: cross-entropy, 10 classes, all weights zero
# - `b`: hinge loss, 10 classes, margin 1, all scores equal
# - `c`: hinge loss, 4 classes, margin 0.5, all scores equal
# - `d`: logistic loss, score 0
# - `e`: mean squared error, output 0, half of the targets 3, half −1
# - `f`: cross-entropy, two classes of which the first has 90 % of the examples, and the network
#   gives exactly these probabilities

# %% exercise="5.1"
losses = {"a": ..., "b": ..., "c": ..., "d": ..., "e": ..., "f": ...}
### BEGIN SOLUTION
losses = {
    "a": math.log(10),
    "b": 9,
    "c": 3 * 0.5,
    "d": math.log(2),
    "e": (3**2 + 1**2) / 2,
    "f": -0.9 * math.log(0.9) - 0.1 * math.log(0.1),
}
### END SOLUTION

# %% check="5.1" covers=["B01", "B02", "B04", "P11"]
check.first_losses(losses)

# %% [markdown]
# `minnet.sanity` makes the comparison for you. It looks at the loss of the *data alone*: a
# penalty on large weights (section 3) would be added to it and hide the number you know. Here is a
# sound network, and one whose last layer is 30 times too large. (`nn.Sequential` puts layers in a
# row, `nn.Linear` is $xW + b$ with random weights $W$ and the **bias** $b$, and `nn.ReLU` is
# $\max(0, x)$: lesson 3.)

# %% covers=["B01", "B03"]
def network(*, last=1.0):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, 10, rng=rng))
    model[2].weight.data = last * model[2].weight.data
    return model


sample = train_set[:400]
for last in (1.0, 30.0):
    result = sanity.check_chance(network(last=last), F.cross_entropy, sample)
    print(f"last layer times {last:g}: {result.verdict}; {result.measured}")
    assert result.verdict == ("pass" if last == 1 else "fail")

# %% [markdown]
# ## 2. Start at the prior
#
# When nine examples in ten belong to one class, "no opinion" is a bad start. The network spends
# its first epochs learning how frequent the classes are. You can tell it at once, by the bias of
# its last layer.
#
# **Exercise 5.2.** Write `prior_bias(y, classes)`: one number per class, such that the *softmax*
# of these numbers is the frequency of each class among the labels `y`. A class that does not
# occur needs a finite number too: count it, for instance, as half an example, and leave the counts
# of the others as they are.

# %% exercise="5.2"
def prior_bias(y, classes):
    """The bias whose softmax is the class frequencies. y: integers from 0 to classes - 1."""
    ### BEGIN SOLUTION
    counts = np.maximum(np.bincount(y, minlength=classes), 0.5)
    return np.log(counts / counts.sum())
    ### END SOLUTION

# %% check="5.2" covers=["B11"]
check.prior(prior_bias)

# %% [markdown]
# With this bias, and weights that add next to nothing yet, the first loss is the **entropy** of
# the labels, $-\sum_k p_k \ln p_k$. It is below $\ln C$ unless all classes are equally frequent.

# %% covers=["B11", "P11"]
rare = np.array([0] * 900 + [1] * 100)
started = np.tile(prior_bias(rare, 2), (1000, 1))
entropy = -(0.9 * math.log(0.9) + 0.1 * math.log(0.1))
print(f"without the prior {math.log(2):.4f}, with it {float(F.cross_entropy(started, rare)):.4f}")
assert abs(float(F.cross_entropy(started, rare)) - entropy) < 1e-12 and round(entropy, 4) == 0.3251

# %% [markdown]
# ## 3. Regularisation raises the loss
#
# **L2 regularisation** adds $\frac{\alpha}{2} \lVert w \rVert^2$ to the loss, so that large
# weights cost something; $\lVert w \rVert^2$ is the sum of the squares of all parameters. Predict:
# you raise $\alpha$ from 0 to 0.001, to 0.1 and to 10, at fixed weights. By how much does the loss
# rise each time, in units of $\lVert w \rVert^2$?

# %% covers=["B05", "B03"]
model = network()
squares = sum(float((p.data.astype("float64") ** 2).sum()) for p in model.parameters())
base = float(F.cross_entropy(model(sample.x), sample.y))
alphas = [0, 1e-3, 1e-1, 10]
total = [base + sanity.l2_penalty(model, alpha) for alpha in alphas]
print(f"sum of squares {squares:.2f}, losses", [round(x, 4) for x in total])
assert all(a < b for a, b in zip(total, total[1:], strict=False))        # strictly rising
for k in range(1, 4):
    rise = (alphas[k] - alphas[k - 1]) / 2 * squares
    assert abs((total[k] - total[k - 1]) - rise) < 1e-9

# %% [markdown]
# A loss that does not rise means that the penalty has the wrong sign, or that it is computed from
# other weights than those of the network.
#
# ## 4. Twenty examples by heart
#
# Can this network learn at all? Give it twenty examples, switch off everything that makes
# learning harder (regularisation, and *dropout*, which sets random units to zero while a network
# trains), and let it train. It must get all twenty right with a loss of almost zero; minnet asks
# for less than 0.01 after at most 300 steps. A network that cannot learn twenty examples by heart
# will not learn from four thousand.
#
# Predict: which of these three fails, and how will its loss look? (1) our network; (2) the same,
# its first layer cut off from the gradient (`h.detach()` passes the numbers on and stops the
# gradient); (3) the sound network with labels that sit one row too low.

# %% covers=["B06"]
shifted = data.Dataset(sample.x, np.roll(sample.y, 1), 10)
first, *rest = network()
cut = nn.Sequential(first, nn.Lambda(lambda h: h.detach()), *rest)
cases = {"sound": (network(), sample), "cut": (cut, sample), "shifted": (network(), shifted)}
results = {n: sanity.check_overfits(m, F.cross_entropy, d) for n, (m, d) in cases.items()}
for name, result in results.items():
    print(f"{name:8} {result.verdict}: {result.measured}")
assert [r.verdict for r in results.values()] == ["pass", "fail", "pass"]
print(f"{(shifted.y != sample.y).sum()} of {len(sample.y)} shifted labels are wrong")
assert (shifted.y != sample.y).mean() > 0.9

# %% [markdown]
# The second one is deceptive. Its last layer alone gets all twenty right, and the loss falls; but
# it stays far above zero, and the check names the parameters that never moved.
#
# The third one passed. More than nine labels in ten are wrong (the others are right by luck), and
# the network learned them all the same. This is the limit of the check: **a network can learn
# noise by heart**. What it learned from noise does not help with a new example. So train on one
# part and look at another. (`data.Loader` hands out the examples in batches, `train.fit` is the
# training loop of lesson 3, and Adam a rule for its steps, of lesson 10. *Accuracy* is the share of
# right answers.)

# %% covers=["B07"]
def held_out(x, y):
    """Accuracy on the second half after learning the first by heart."""
    model, half = network(), len(y) // 2
    opt = optim.Adam(model.parameters(), lr=1e-2)
    loader = data.Loader((x[:half], y[:half]), batch_size=32, rng=0)
    train.fit(model, F.cross_entropy, opt, loader, epochs=30, progress=False)
    learned = (train.predict(model, x[:half]).argmax(-1) == y[:half]).mean()
    return learned, int((train.predict(model, x[half:]).argmax(-1) == y[half:]).sum())


noise = rng.normal(size=(400, 64)).astype("float32")
for name, x in (("digits", sample.x), ("noise", noise)):
    learned, right = held_out(x, sample.y)
    print(f"{name}: {learned:.0%} of what it saw, {right} of 200 new ones")
    assert learned > 0.97 and (right > 150) == (name == "digits")

# %% [markdown]
# How many right answers are luck? A guesser is right with probability $p = 1/C$. Over $n$
# examples the share of right answers scatters around $p$ with **standard deviation** $\sigma =
# \sqrt{p\,(1 - p)/n}$. A guesser is seldom more than $3\sigma$ above $p$; how seldom, we shall
# count.
#
# **Exercise 5.3.** Write `above_chance(correct, n, classes)`: True if the number of right answers
# is more than three standard deviations above chance.

# %% exercise="5.3"
def above_chance(correct, n, classes):
    """Whether correct answers out of n are more than luck explains."""
    ### BEGIN SOLUTION
    p = 1 / classes
    sigma = math.sqrt(p * (1 - p) / n)
    return correct / n > p + 3 * sigma
    ### END SOLUTION

# %% check="5.3" covers=["B07"]
check.above_chance(above_chance)

# %% covers=["B07"]
guesses = np.random.default_rng(0).binomial(200, 1 / 10, size=100_000)
lucky = sum(above_chance(int(correct), 200, 10) for correct in guesses)
print(f"{lucky} of 100,000 guessers are above 3 sigma on 200 examples")
assert 200 < lucky < 400
assert above_chance(held_out(sample.x, sample.y)[1], 200, 10)
assert not above_chance(held_out(noise, sample.y)[1], 200, 10)
report = sanity.check_features(network(), F.cross_entropy, data.Dataset(noise, sample.y, 10))
print(report.verdict, "-", report.measured)
assert report.verdict == "fail"

# %% [markdown]
# ## 5. Do the inputs matter?
#
# A related check needs no second set: train once on the inputs and once on zeros. If the zeros do
# as well, the network does not look at its inputs. Both losses are means over examples, and so
# they scatter. **Welch's $t$** is their difference divided by its standard deviation; the check
# passes if $t$ is so large that luck alone would exceed it once in 100 times (about 2.3).

# %% covers=["B09"]
good = sanity.check_inputs_matter(network(), F.cross_entropy, sample)
blank = data.Dataset(np.zeros_like(sample.x), sample.y, 10)
bad = sanity.check_inputs_matter(network(), F.cross_entropy, blank)
print(f"digits: {good.measured}\nblank:  {bad.measured}\nneeded: t above {good.data['needed']:.2f}")
assert (good.verdict, bad.verdict) == ("pass", "fail")

# %% [markdown]
# ## 6. Do examples leak into each other?
#
# A network sees a batch of examples at once, and each output must depend on its own example only.
# A `reshape` where a transpose belongs mixes them, gives no error, and the network even trains.
# Gradients find it: **the gradient of output $i$ with respect to input $j$ must be exactly zero
# for $j \ne i$.**
#
# In minnet, `mn.grad(scalar, [x])` gives the gradient of a scalar, one array for each entry of the
# list. An output is a row of numbers; to get a scalar, we add them up with different weights (1, 2,
# 3, 4). Here is the picture for two networks: row $i$, column $j$ is black if output $i$ depends on
# input $j$. Predict: which squares are black for a sound network?

# %%
def dependence(model, n=8):
    x = mn.tensor(np.random.default_rng(0).normal(size=(n, 4)), requires_grad=True)
    rows = [mn.grad((model(x)[i] * np.arange(1, 5)).sum(), [x])[0].numpy() for i in range(n)]
    return np.abs(np.array(rows)).sum(-1) > 0


W = mn.tensor(np.random.default_rng(1).normal(size=(4, 4)))
sound, mixing = lambda x: x @ W, lambda x: (x @ W).reshape(4, 8).T
picture, axes = make_axes(2, columns=2, size=(2.8, 2.8))
cases = ((sound, "x @ W"), (mixing, "(x @ W).reshape(4, 8).T"))
for ax, (model, name) in zip(axes, cases, strict=True):
    ax.imshow(dependence(model), cmap="Greys", vmin=0, vmax=1)
    label_axes(ax, "input j", "output i", name)
picture

# %% [markdown]
# **Exercise 5.4.** Write `leaks(model, x)`: True if any output row depends on another row of the
# input array `x` of shape (n, d), and be it ever so little. `x` is a NumPy array, so make a tensor
# of it as above; the outputs have as many columns as the network likes. Beware of outputs that
# cancel: those of a softmax add up to 1 whatever happens, so that their plain sum has gradient zero
# (but for rounding).

# %% exercise="5.4"
def leaks(model, x):
    """Whether an output depends on another example. model: Tensor (n, d) -> Tensor (n, k)."""
    ### BEGIN SOLUTION
    x = mn.tensor(x, requires_grad=True)
    weights = np.random.default_rng(0).normal(size=model(x).shape[1])
    for i in range(len(x)):
        (g,) = mn.grad((model(x)[i] * weights).sum(), [x], allow_unused=True)
        others = np.delete(g.numpy(), i, axis=0)
        if others.any():
            return True
    return False
    ### END SOLUTION

# %% check="5.4" covers=["B10"]
check.leaks(leaks)

# %% [markdown]
# **Batch normalisation** (a layer that brings each column of a batch to mean 0 and deviation 1,
# lesson 3) mixes examples on purpose while it trains, and must not while it is evaluated. minnet's
# check knows the difference:

# %% covers=["B10"]
normed = nn.Sequential(nn.Linear(64, 8, rng=0), nn.BatchNorm1d(8), nn.Linear(8, 10, rng=1))
evaluated = sanity.check_batch_leak(normed, sample)
trained = sanity.check_batch_leak(normed, sample, training=True)
mixed = sanity.check_batch_leak(
    nn.Sequential(nn.Linear(64, 8, rng=0), nn.Lambda(lambda x: x.reshape(8, -1).T)), sample
)
print(evaluated.verdict, trained.verdict, mixed.verdict)
assert (evaluated.verdict, trained.verdict, mixed.verdict) == ("pass", "warn", "fail")

# %% [markdown]
# ## 7. Does everything move?
#
# After one training step, every parameter that is to be trained must have changed. One that is
# **frozen** (kept as it is on purpose) must not, and nothing may be NaN ("not a number", what 0/0
# gives).

# %% covers=["B12"]
frozen = network()
frozen[0].requires_grad_(False)
for name, model in (("sound", network()), ("frozen first layer", frozen), ("cut", cut)):
    result = sanity.check_movement(model, F.cross_entropy, sample)
    print(f"{name}: {result.verdict}; {result.measured}")
    assert result.verdict == ("fail" if name == "cut" else "pass")

# %% [markdown]
# ## 8. The recipe
#
# The order that saves time: check the gradient on a few examples (lessons 1 to 3), run the checks
# before learning, and only then train. One call runs them all. The last lines of its report look at
# the layers, not at numbers: a softmax before a loss that applies one itself, two activations in a
# row, weights that all start alike. `fit` refuses to train when a report with a failure is given to
# `require`.

# %% covers=["B14", "A26"]
few = sample[:3]
gradients = sanity.check_gradients(network(), F.cross_entropy, few)
print("gradients:", "right" if gradients.ok else "wrong")
report = sanity.check(network(), F.cross_entropy, sample)
assert gradients.ok and report.ok
report

# %% covers=["B08", "B14"]
bad = sanity.check(cut, F.cross_entropy, sample)
assert not bad.ok
opt = optim.SGD(cut.parameters(), lr=0.1)
try:
    train.fit(cut, F.cross_entropy, opt, data.Loader(sample), epochs=1, require=bad)
except mn.errors.TrainingError as refusal:
    print("refused:", refusal)
else:
    raise AssertionError("a network with a failed check must not be trained")

# %% [markdown]
# ## 9. Ten patients
#
# The checks look at a network before it learns. The **doctor** watches it while it learns.
# `minnet doctor SCRIPT.py` runs it on a script of yours; here we have ten scripts in a ward,
# patients A to J. Eight have one fault each, two are healthy. Look at their losses first, and
# guess.

# %%
hunt.plot_losses()

# %%
for key, cause in hunt.CAUSES.items():
    print(f"{key:10} {cause}")

# %% [markdown]
# `hunt.examine("A").diagnosis` gives the doctor's findings, the most serious first: what was
# seen, why it matters, what to try. A finding is not yet a cause. A learning rate that is too high
# can push a layer of ReLUs below zero for every example; such *dead* units have gradient 0, and the
# loss stays on a plateau. Then there are three findings, and one cause.

# %%
print(hunt.examine("A").diagnosis)

# %% [markdown]
# **Exercise 5.5.** Examine all ten, and give each the key of its cause (the left column above), as
# in `diagnosis["A"] = "..."`. A NOTE among the findings is a remark and no illness. Half a point
# for each; treating the healthy, or overlooking the sick, costs half a point.

# %% exercise="5.5"
diagnosis = dict.fromkeys(hunt.WARD, ...)
### BEGIN SOLUTION
diagnosis = {
    "A": "inputs", "B": "loss", "C": "healthy", "D": "gradients", "E": "rate",
    "F": "optimizer", "G": "labels", "H": "healthy", "I": "dead", "J": "mode",
}
### END SOLUTION

# %% check="5.5" covers=["B14"]
check.patients(diagnosis)

# %% [markdown]
# ## Summary
#
# | check | number or rule |
# |---|---|
# | first loss, cross-entropy | $\ln C$, or the entropy of the labels with a prior bias |
# | first loss, hinge | margin × (C − 1) |
# | first loss, logistic | $\ln 2$ at score 0 |
# | first loss, squared error | the mean of target² at output 0 |
# | regularisation | raises the loss by $\frac{\Delta\alpha}{2} \lVert w \rVert^2$ |
# | twenty examples | learned by heart, loss near zero; then more than $3\sigma$ above chance on new ones |
# | inputs set to zero | must do worse |
# | gradient of output $i$ for input $j$ | exactly zero |
# | after one step | all that trains has moved, all that is frozen has not |
#
# ## Sources
#
# - [CS231n, notes on learning](https://cs231n.github.io/neural-networks-3/): sanity checks before
#   learning, and what to watch during it
# - A. Karpathy, [A recipe for training neural
#   networks](https://karpathy.github.io/2019/04/25/recipe/), 2019: input-independent baseline,
#   leaks by backpropagation, prior bias
# - J. Weston and C. Watkins, [Support vector machines for multi-class pattern
#   recognition](https://www.esann.org/sites/default/files/proceedings/legacy/es1999-461.pdf),
#   1999 (the hinge loss)
# - B. Welch, [The generalization of "Student's"
#   problem](https://doi.org/10.1093/biomet/34.1-2.28), Biometrika 34, 1947
#
# ## Where it leads
#
# `minnet.sanity.check` for your own network, `train.fit(..., require=report)` as a gate, `minnet
# doctor SCRIPT.py` for a script that trains badly. Lesson 7 explains the rules that do the
# training.
