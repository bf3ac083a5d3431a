# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   lesson: {number: 5, title: "Before you train", minutes: 95, needs: "lesson 3, or: what a loss, a gradient and a training step are"}
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
# - run all checks in one call;
# - understand each word of the doctor that watches a network while it learns, treat ten patients,
#   and write a detector of your own.

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
# the right class (the example's **label**), averaged over the examples ($\log$ is the natural
# logarithm).
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
# with one score, whose probability is $1/(1 + e^{-s})$, the **sigmoid** of $s$. The **mean squared
# error** averages (output − target)², where the **target** is the number that is to come out.

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
# sound network, and one whose last layer is 30 times too large. The check is called **loss at
# chance**; chance is what guessing gives.
#
# (`nn.Sequential` puts **layers** in a row. `nn.Linear` is $xW + b$ with random weights $W$ and the
# **bias** $b$; the columns of its output are its **units**. `nn.ReLU`, $\max(0, x)$, is an
# **activation**, a bend between two linear layers. All weights and biases together are the
# network's **parameters**. Lesson 3 has the details.)

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
# its first epochs learning how frequent the classes are, the **prior**. You can tell it at once, by
# the bias of its last layer.
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
# The check **bias knows the prior** compares the two.

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
# learning harder (regularisation, and **dropout**, which sets random units to zero while a network
# trains), and let it train. It must get all twenty right with a loss of almost zero; the check
# **overfits a tiny set** asks for less than 0.01 after at most 300 steps. A network that cannot
# learn twenty examples by heart will not learn from four thousand.
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
# training loop of lesson 3, and Adam a rule for its steps, of lesson 10. **Accuracy** is the share
# of right answers.)

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
# The last check, **features are informative**, needed new examples. **Inputs matter** does without:
# train once on the inputs and once on zeros. If the zeros do
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
# A network sees a **batch** of examples at once, and each output must depend on its own example only.
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
# check, **examples do not mix**, knows the difference:

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
# **frozen** (kept as it is on purpose, by `requires_grad=False`) must not, and nothing may be
# **NaN** ("not a number", what 0/0 gives) or infinite. The checks are called **every parameter
# moves** and **data are finite**.

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
# the layers, not at numbers; section 9 goes through them. `fit` refuses to train when a report with
# a failure is given to `require`.

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
# ## 9. What the doctor says
#
# The checks look at a network before it learns. The **doctor** watches it while it learns
# (`minnet doctor SCRIPT.py` does so for a script of yours), and reports **findings**: what was
# seen, why it matters, what to try, and which lesson explains it. This section shows each of its
# words once, in bold. Run it today for the experiments, and come back when a finding sends you.
#
# ### Four lines of a step
#
# Every training loop has these four lines at its heart:
#
#     loss = F.cross_entropy(model(x), y)
#     opt.zero_grad()
#     loss.backward()
#     opt.step()
#
# The first is the **forward** pass, from the inputs to the loss. **Backward** walks the same way back
# (lesson 3) and *adds* the gradient of this loss to `p.grad`, for each parameter `p`. Therefore
# `zero_grad` has to forget the gradients of the step before. The **optimizer** `opt` was given the
# parameters when it was made; its `step` moves each `p` against its `p.grad`, by the **learning
# rate** times as much.
#
# The smallest network that can show what goes wrong has two parameters, $a$ and $b$, and the loss
# $(a + b - 4)^2$. Predict: which of the six walks below end with a loss of zero, and which of these
# have nevertheless left something behind?

# %%
def walk(fault, steps=100):
    """The losses, and where a and b end."""
    a, b = (mn.tensor(0.0, requires_grad=True) for _ in range(2))
    opt = optim.SGD([b] if fault == "a not in optimizer" else [a, b], lr=0.1)
    losses = []
    for _ in range(steps):
        loss = (a + (b.detach() if fault == "b unreached" else b) - 4) ** 2
        losses.append(loss.item())
        loss = -loss if fault == "negated loss" else loss
        if fault != "missing zero_grad":
            opt.zero_grad()
        loss.backward()
        if fault != "missing step":
            opt.step()
    return losses, round(a.item(), 2), round(b.item(), 2)

# %%
faults = ["no fault", "a not in optimizer", "b unreached"]
faults += ["negated loss", "missing zero_grad", "missing step"]
for fault in faults:
    losses, a, b = walk(fault)
    late = losses[-20:]
    print(f"{fault:20} late losses {min(late):8.3g} to {max(late):8.3g}   a = {a:g}, b = {b:g}")
    assert (max(late) < 1e-3) == (fault in faults[:3])
assert walk("no fault")[1:] == (2, 2) and walk("missing step")[1:] == (0, 0)
assert walk("a not in optimizer")[1:] == (0, 4) and walk("b unreached")[1:] == (4, 0)
assert max(walk("missing zero_grad")[0][-20:]) > 15            # as high as at the start

# %% [markdown]
# - **Not in optimizer**: $a$ gets a gradient, and nobody moves it. **Unreached**: $b$ gets none,
#   because `detach` cuts the way from the loss back to it. Both times the others do its work and
#   the loss falls; a deep network with such a layer just does worse than it could. **Frozen** is
#   the same on purpose (section 7), and wrong for weights that are still random.
# - **Missing zero grad**: gradients of all steps so far add up, and the walk swings across the
#   minimum for ever, like a ball without friction (lesson 7).
# - **Missing step**: gradients are computed and nothing moves.
# - **Negated loss**: minus the loss falls nicely, the loss itself explodes. A wrong sign in the
#   update does the same, and the doctor calls that **uphill**. It measures the **cosine** of the
#   angle between step and gradient: negative is downhill, and +1 is straight uphill.
#
# ### How long is a step?
#
# The losses of a batch become one number by a **reduction**: their mean or their sum. The
# **norm** of an array is its length, the root of its sum of squares. Predict: for 64 examples, how
# much longer is the gradient of the sum? And how does it compare with **weight decay**? So
# optimizers call the penalty of section 3; its gradient is $\alpha w$, a pull towards 0.

# %%
model, lr = network(), 0.01
norm = lambda arrays: math.sqrt(sum(float((a**2).sum()) for a in arrays))
weights = norm(p.data for p in model.parameters())
x, y = sample.x[:64], sample.y[:64]
length = {}
for reduction in ("mean", "sum"):
    loss = F.cross_entropy(model(x), y, reduction=reduction)
    length[reduction] = norm(g.data for g in mn.grad(loss, list(model.parameters())))
    print(f"{reduction:5} a step changes the weights by {lr * length[reduction] / weights:.2%}")
assert math.isclose(length["sum"] / length["mean"], 64, rel_tol=1e-5)
pull = {alpha: alpha * weights / length["mean"] for alpha in (1e-4, 1.0)}
for alpha in pull:
    print(f"weight decay {alpha:g} pulls {pull[alpha]:.3g} times as strongly as the data")
assert pull[1e-4] < 0.01 and pull[1.0] > 10

# %% [markdown]
# With the sum the step is 64 times as long, and would need a learning rate 64 times smaller: that
# is the finding **wrong reduction**. The share that was printed is the **update ratio**. For most
# healthy networks it is somewhere near 0.1 %. A **learning rate too high** shows as a ratio of 10 %
# or 100 %: the step jumps across the valley. One **too low** shows as weights that after hundreds of
# steps are where they were. Lesson 7 says where the border lies, and why. A pull ten times as strong
# as the gradient of the data drives all weights to 0: **weight decay overwhelms**.
#
# ### What the loss was given
#
# Raw scores are also called **logits**. Some losses want them, some want probabilities or their
# logarithms, and NumPy does not know which is which. Predict: ten examples, and a network that is
# certain and right. By mistake it hands over probabilities, ones and zeros, and the loss applies
# its own softmax to them. Which loss?

# %%
y, sure = np.arange(10), np.eye(10)
twice = float(F.cross_entropy(sure, y))                         # softmax twice
bounded = float(F.cross_entropy(2 * sure - 1, y))               # tanh gives at best 1 and -1
print(f"softmax twice: never below {twice:.3f}; behind a tanh: never below {bounded:.3f}")
assert math.isclose(twice, math.log(1 + 9 / math.e))
assert math.isclose(bounded, math.log(1 + 9 / math.e**2))
missing = [float(F.nll(s * sure, y)) for s in (1, 10, 100)]     # nll: minus the right entry
print("softmax missing:", missing)
assert missing == [-1, -10, -100]

# %% [markdown]
# - **Softmax twice** cannot get below 1.46 for ten classes, however good the network is. Learning
#   looks slow, and stops early.
# - **Clipped scores** come out of a ReLU or tanh at the end: scores must be free to take any value.
# - **Missing softmax**: a loss that expects logarithms of probabilities, such as `F.nll`, gets raw
#   scores. It falls below zero and without limit, while the scores just grow. (`F.log_softmax` makes
#   the logarithms; `F.cross_entropy` is the two together.)
# - **Wrong axis**: a softmax over `axis=0` makes the *examples* of a batch compete, not the classes.
#   That is a leak as in section 6.
#
# One mistake is so common that it deserves its own experiment. Predict: a prediction is right to
# the last digit. What is its mean squared error, if its shape is (50, 1) and that of the targets
# (50,)?

# %%
targets = rng.normal(size=50)
errors = targets.reshape(50, 1) - targets
print(f"errors of shape {errors.shape}: their mean square is {(errors**2).mean():.3f}")
constant = ((targets.mean() - targets.reshape(50, 1)) ** 2).mean()
print(f"a network that always answers the mean of the targets: {constant:.3f}")
assert errors.shape == (50, 50) and math.isclose((errors**2).mean(), 2 * constant)

# %% [markdown]
# By **broadcasting** (lesson 3) every prediction met every target. The perfect answer has twice
# the loss of a constant, so the network learns the constant. `F.mse` refuses unequal shapes.
#
# ### Signals on their way
#
# A layer multiplies its signal by about its **gain**: the standard deviation of its weights, times
# the root of the number of its inputs. A ReLU halves the mean square, so that $\sqrt 2$ keeps a
# signal's size (**Kaiming**'s start, `init.kaiming_normal`); for tanh it is 1 (**Xavier**'s,
# `init.xavier_normal`). The gradient is multiplied in the same way, on its way back. Predict: ten
# layers of 64 ReLUs, gains 0.5, $\sqrt 2$ and 3. How large is the signal after the tenth?

# %%
def flow(gain, activation, layers=10):
    """The outputs of all layers, and the gradient of a random loss at each."""
    rng = np.random.default_rng(0)
    h, outputs = mn.tensor(rng.normal(size=(200, 64)), requires_grad=True), []
    for _ in range(layers):
        h = activation(h @ mn.tensor(gain / math.sqrt(64) * rng.normal(size=(64, 64))))
        outputs.append(h)
    back = mn.grad((h * rng.normal(size=h.shape)).sum(), outputs)
    return [np.array([a.numpy() for a in arrays]) for arrays in (outputs, back)]


size = lambda arrays: np.sqrt((arrays**2).mean((1, 2)))          # of each layer
flat = (np.abs(flow(5.0, F.tanh)[0][-1]) > 0.97).mean()
print(f"tanh, gain 5: {flat:.0%} of the last outputs are beyond 0.97")
assert 0.6 < flat < 0.7

# %%
picture, axes = make_axes(3, columns=3, size=(2.9, 2.6))
for gain, style in ((0.5, ":"), (math.sqrt(2), "-"), (3.0, "--")):
    signal, gradient = (size(arrays) for arrays in flow(gain, F.relu))
    print(f"gain {gain:.2f}: signal {signal[-1]:.2g} at the end, gradient {gradient[0]:.2g} in front")
    axes[0].semilogy(range(1, 11), signal, style, color=COLOURS[0], label=f"{gain:.2g}")
    axes[1].semilogy(range(1, 11), gradient, style, color=COLOURS[1], label=f"{gain:.2g}")
    expected = (gain / math.sqrt(2)) ** np.array([10, 9])
    assert (np.abs(np.log([signal[-1], gradient[0]] / expected)) < 1).all()      # within e
for gain, colour in ((1.0, COLOURS[0]), (5.0, COLOURS[1])):
    axes[2].hist(flow(gain, F.tanh)[0][-1].ravel(), 40, color=colour, alpha=0.6, label=f"{gain:g}")
for ax, what in zip(axes, ("size of signal", "size of gradient", "outputs of tanh"), strict=True):
    label_axes(ax, "output" if "tanh" in what else "layer", "", what)
    ax.legend(title="gain", fontsize="small")
picture

# %% [markdown]
# - Dotted: **initial weights too small**. After ten layers all examples look alike (the layer has
#   **collapsed**), and the **vanishing gradients** leave the first layers as random as they were.
#   Such a network may lie still for a long time and then learn after all: a **late start**.
# - Dashed: **initial weights too large**. **Exploding gradients** are the result, and one step with
#   them destroys everything. A **recurrent** network, which applies the same layer once for each
#   word of a text, has the same trouble with long texts.
# - On the right, tanh cannot explode. With gain 5 it is **saturated**: two thirds of its outputs are
#   at its flat ends, where its slope $1 - \tanh^2$ is nearly 0 and lets hardly any gradient through.
#   The sigmoid does the same.
#
# Remedies: the right gain; batch normalisation; a **shortcut** $x + f(x)$ around a layer, because a
# sum hands the gradient on unchanged; **clipping**, which shortens a gradient that is longer than a
# limit (`optim.ClipNorm`); a **warm-up**, which lets the learning rate grow from 0 in the first
# steps.
#
# Two more ways to lose a unit. Predict: (1) all weights start at 0.1. How many *different* units has
# the hidden layer after thirty steps? (2) One step with a learning rate of 100, then fifty with 0.1.
# Do all units recover?

# %%
def descend(model, lr, steps):
    opt = optim.SGD(model.parameters(), lr=lr)
    for _ in range(steps):
        opt.zero_grad()
        F.cross_entropy(model(sample.x), sample.y).backward()
        opt.step()
    return model[0].weight


alike = network()
for p in alike.parameters():
    p.data = np.full_like(p.data, 0.1)
W = descend(alike, 1.0, 30).numpy()
print(f"changed by up to {abs(W - 0.1).max():.4f}, units differ by {np.ptp(W, axis=1).max():.0e}")
assert abs(W - 0.1).max() > 1e-3 and np.ptp(W, axis=1).max() < 1e-6

# %%
thrown = network()
before = descend(thrown, 100.0, 1).numpy().copy()
W = descend(thrown, 0.1, 50)
still = (W.numpy() == before).all(axis=0)                        # one column for each unit
print(f"{still.sum()} of 32 units have not moved since the long step")
assert 5 < still.sum() < 32 and not W.grad.numpy()[:, still].any()

# %% [markdown]
# (1) One. **Symmetric units** get equal gradients and stay equal for ever, so that a layer of 32 is
# worth a single unit. Hence the rule **weights start at random**. (2) The long step threw some units
# so far below zero that they output 0 for every example. There the ReLU's slope is 0, no gradient
# passes, and nothing brings them back: **dead relus**. A **leaky** ReLU keeps a small slope below 0.
#
# ### Two modes
#
# Dropout and batch normalisation do different things in **training mode** (`model.train()`) and in
# **eval mode** (`model.eval()`). Dropout sets units to zero in training only. Batch norm uses mean
# and variance of the batch in training, and keeps **running statistics** beside: after each batch the
# stored mean moves a tenth of the way towards that of the batch. In eval mode it uses what is stored.
# (minnet calls this tenth the layer's `momentum`; it is no velocity.)
#
# Predict: the inputs are $5 \pm 2$. In eval mode, what is the mean of the outputs after 0, 1, 10 and
# 50 batches?

# %%
x = 5 + 2 * rng.normal(size=(2000, 3))
norm, kept = nn.BatchNorm1d(3), {}
for seen in range(51):
    kept[seen] = norm.running_mean.mean()
    if seen in (0, 1, 10, 50):
        print(f"after {seen:2} batches: eval mode gives a mean of {norm.eval()(x).mean():6.3f}")
    norm.train()(x)
assert all(abs(kept[t] - x.mean() * (1 - 0.9**t)) < 1e-4 for t in kept)
drop = nn.Dropout(0.5, rng=0)
assert (drop.eval()(x) == x).all() and not (drop.train()(x) == drop(x)).all()
ratio = float(drop(x).var() / x.var())
print(f"dropout multiplies the variance by {ratio:.1f}, in training only")
assert 7 < ratio < 10

# %% [markdown]
# - **Statistics never updated**: after 0 batches, evaluation sees inputs of mean 5 where training
#   saw 0. That is another network. (So is a copy that got the parameters of a trained network and not
#   its statistics; `state_dict` holds both.)
# - **Evaluation in training mode**: dropout still deletes units, the result changes from call to
#   call, and the stored statistics move.
# - **Training in eval mode**: neither layer does its work. `train.fit` and `train.evaluate` set the
#   mode; a loop of your own must.
#
# The list of layers can be wrong as well, whatever its numbers are. Besides **no softmax before the
# loss** and **no activation before the loss** (clipped scores) the report has five rules:

# %%
x, A, B = rng.normal(size=(50, 4)), rng.normal(size=(4, 8)), rng.normal(size=(8, 2))
assert np.allclose((x @ A) @ B, x @ (A @ B))                     # two linear layers are one
assert (F.relu(F.relu(x)) == F.relu(x)).all()                    # the second relu is for nothing
norm = nn.BatchNorm1d(4, affine=False)
assert np.allclose(norm(x + 7), norm(x), atol=1e-4)              # batch norm forgets the bias
few = nn.Dropout(0.9, rng=0)(np.ones((1000, 32)))
print(f"dropout of 0.9 leaves {(few != 0).sum(1).mean():.1f} of 32 units")
assert 2.5 < (few != 0).sum(1).mean() < 4

# %% [markdown]
# **No two linear layers in a row**; **no two activations in a row**; **no bias before batch norm**;
# **dropout leaves enough**; and **no dropout before batch norm**, which would store the larger
# variance of training and use it in evaluation, where it is wrong.
#
# ### The data
#
# Now the network is sound and the data are not. Predict the two columns for each line: how many of
# the 600 digits it has seen, and of 500 new ones, does it get right?

# %%
x, y, new = train_set.x[:600], train_set.y[:600], test_set[:500]


def learn(name, x, y, new_x, epochs=15, **settings):
    """Train on x, y; the share of right answers there, and on new digits."""
    model = network()
    opt = optim.SGD(model.parameters(), lr=0.2)
    loader = data.Loader((x, y), batch_size=32, rng=0, **settings)
    train.fit(model, F.cross_entropy, opt, loader, epochs=epochs, progress=False)
    pairs = ((x, y), (new_x, new.y))
    right = [float((train.predict(model, x).argmax(-1) == y).mean()) for x, y in pairs]
    print(f"{name:36} {right[0]:5.0%} {right[1]:5.0%}")
    return right

# %%
by_label, nonsense = np.argsort(y), np.random.default_rng(0).permutation(y)
assert min(learn("as they are", x, y, new.x)) > 0.85
in_order = learn("sorted by label", x[by_label], y[by_label], new.x, shuffle=False)
assert max(in_order) < 0.7
assert max(learn("numbers from 0 to 16, not 0 to 1", 16 * x, y, 16 * new.x)) < 0.2
assert max(learn("every image the same", 0 * x, y, 0 * new.x)) < 0.2
assert learn("new ones black on white", x, y, 1 - new.x)[1] < 0.1
seen, unseen = learn("labels out of a hat, 100 digits", x[:100], nonsense[:100], new.x, epochs=300)
assert seen == 1 and unseen < 0.2

# %% [markdown]
# - **Unshuffled**: each batch has one or two classes, and the network forgets the others.
# - **Unnormalised inputs**: the gains above are made for inputs of mean 0 and deviation 1. Larger
#   ones make the first step so long that the units die. So subtract each **feature**'s mean (a
#   feature is one of the numbers that describe an example, here a pixel) and divide by its
#   deviation. **Unnormalised targets** do the same from the other end.
# - **Constant inputs**: from equal inputs nobody can tell different digits.
# - **Evaluation inputs differ**: the new ones were prepared in another way than the seen ones.
# - **Broken labels** say nothing about the images. They are learned by heart (section 4) and help
#   with no new digit. **Augmentation** (training on changed copies) can break labels too: a 6, turned
#   round, is a 9. **Degenerate labels** are all the same, or leave out most classes.
# - A **leak** is evaluation on examples that were trained on. The last line would have scored 100 %,
#   with labels out of a hat.
#
# One thing spoils no result and costs much time. The **dtype** of an array says what kind of numbers
# it has: float32 (4 bytes, about 7 digits), as our parameters are, or float64 (8 bytes, about 16
# digits), which NumPy makes unless it is told otherwise. Predict: in which of the two does the
# network compute, if its inputs are float64?

# %%
for inputs in (x, x.astype("float64")):
    outputs = network()[0](inputs).numpy()
    print(f"inputs {inputs.dtype}: hidden layer {outputs.dtype}, {outputs.nbytes:,} bytes")
    assert outputs.dtype == inputs.dtype
wide = sanity.check_dtypes(network(), (x.astype("float64"), y))
print(f"{wide.verdict}: {wide.measured}")
assert wide.verdict == "warn" and sanity.check_dtypes(network(), (x, y)).verdict == "pass"

# %% [markdown]
# In the wider one, and so does every layer after it, in twice the memory and up to twice the time:
# **needless float64**. For the doctor it is a note and no alarm; the check **no needless float64**
# warns before learning. `x.astype("float32")` is all it takes. (Class numbers and words are integers,
# and do no harm. A number inside the network may: `np.sqrt(2)` is a float64, `math.sqrt(2)` is not.)
#
# ### Six curves to know by sight
#
# Six short runs, each spoilt in one way: labels out of a hat; a hidden layer of a single unit; only
# 150 examples, about a quarter of them with wrong labels, 100 epochs; steps far too long; one image of
# 600 stored as numbers up to 255 instead of 1; steps longer still. Predict the six curves. (Solid:
# the loss of the batches. Dashed: that of new examples, the **validation** loss.)

# %%
def curves(x, y, *, loss=F.cross_entropy, hidden=32, lr=0.2, epochs=20, batch=32, val=new):
    model = nn.Linear(64, 10, rng=0)
    if hidden:
        last = nn.Linear(hidden, 10, rng=1)
        model = nn.Sequential(nn.Linear(64, hidden, rng=0), nn.ReLU(), last)
    opt = optim.SGD(model.parameters(), lr=lr)
    loader = data.Loader((x, y), batch_size=batch, rng=0)
    return train.fit(model, loss, opt, loader, epochs=epochs, val_data=val, progress=False)


luck = np.random.default_rng(0)
partly = np.where(luck.random(600) < 0.3, luck.integers(10, size=600), y)    # 3 labels in 10
bright = np.where(np.arange(600)[:, None] == 7, 255 * x, x)                  # one spoilt image
values = np.eye(10, dtype="float32")                                         # for squared errors

# %%
squares = {"loss": F.mse, "val": (new.x, values[new.y]), "hidden": 0}
histories = {
    "plateau": curves(x, nonsense, lr=0.05),
    "underfitting": curves(x, y, hidden=1, lr=0.1, epochs=60),
    "overfitting": curves(x[:150], partly[:150], hidden=64, lr=0.3, epochs=100),
    "oscillating": curves(x, y, lr=1.5, batch=600, epochs=40),
    "spikes": curves(bright, y, epochs=12),
    "diverged": curves(x, values[y], lr=1.1, batch=600, epochs=12, **squares),
}
over, spike = histories["overfitting"], histories["spikes"]
assert 0.2 < (partly[:150] != y[:150]).mean() < 0.3
assert over["val_loss"][-1] > 1.2 * over["val_loss"].min() and over["loss"][-1] < 0.5
assert spike["loss"].max() > 2 * spike["loss"][0] and spike["loss"][-1] < 0.5
assert abs(histories["plateau"].last("val_loss") - math.log(10)) < 0.1

# %%
picture, axes = make_axes(6, columns=3, size=(2.9, 2.1))
for ax, (name, history) in zip(axes, histories.items(), strict=True):
    ax.plot(history.x("loss"), history["loss"], color=COLOURS[0], linewidth=1)
    ax.plot(history.x("val_loss"), history["val_loss"], "--", color=COLOURS[1])
    ax.set_ylim(0, 4)
    label_axes(ax, "epochs", "loss", name)
picture

# %% [markdown]
# - **Plateau**: the loss stays where one arrives without looking at the inputs, at $\ln 10$. Suspect
#   the labels, the learning rate, or the start.
# - **Underfitting**: flat and too high, on seen and new examples alike. The network is too small, or
#   too much is done to restrain it: dropout, weight decay.
# - **Overfitting**: seen examples get better, new ones worse. The gap is what was learned by heart.
# - **Oscillating**: up and down in turns. **Diverged**: up for ever. Both say that steps are too long
#   (lesson 7 says how long they may be). Divergence ends in Inf and NaN; a loss that is **not finite**
#   may also come from $\log 0$, a root of 0, or 0/0.
# - **Spikes**: single losses far above their neighbours. Look at the batch that made them.
#
# One thing can be seen only in the weights. Those of a first layer are images, one for each unit:

# %% covers=["C12"]
picture, axes = make_axes(2, columns=2, size=(2.6, 2.6))
for ax, lr in zip(axes, (1e-4, 0.5), strict=True):
    model, gauge = nn.Linear(64, 10, rng=0), train.FirstLayer((8, 8))
    opt = optim.SGD(model.parameters(), lr=lr, weight_decay=0.01)
    loader = data.Loader(train_set[:1000], rng=0)
    history = train.fit(
        model, F.cross_entropy, opt, loader, epochs=5, monitors=[gauge], progress=False
    )
    ax.imshow(model.weight.numpy()[:, 3].reshape(8, 8), cmap="Greys")
    ax.set(title=f"class 3, learning rate {lr:g}", xticks=[], yticks=[])
    assert (sanity.noisy_features(history) is None) == (lr == 0.5)
picture

# %% [markdown]
# **Noisy features**, on the left, are as rough as the random start. The training has not
# **converged** (come to rest near a minimum), its rate is wrong, or nothing restrains it. On the
# right one can see where a 3 has ink, and where it must not have any.
#
# ## 10. Ten patients
#
# Here we have ten scripts in a ward, patients A to J. Eight have one fault each, two are healthy.
# Look at their losses first, and guess.

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
# ## 11. A detector of your own
#
# How does the doctor see that a unit is dead? Not by counting zeros. Predict: which share of the
# outputs of a fresh layer of ReLUs, on digits, is zero?

# %%
fresh = network()
outputs = F.relu(fresh[0](sample.x)).numpy()
print(f"{(outputs == 0).mean():.0%} of the outputs are zero; every unit speaks for some digit")
assert 0.3 < (outputs == 0).mean() < 0.7

# %% [markdown]
# **Exercise 5.6.** Write `dead_share(batches)`: the share of a layer's units that were 0 for every
# example the layer has seen. `batches` is a list of arrays of shape (examples, units), one for each
# batch; they have the same units, in the same order, and not always the same number of examples.

# %% exercise="5.6"
def dead_share(batches):
    """How many of the units are dead, as a share. batches: outputs of a relu layer, all >= 0."""
    ### BEGIN SOLUTION
    return (np.concatenate(batches) == 0).all(axis=0).mean()
    ### END SOLUTION

# %% check="5.6" covers=["C10"]
check.dead_share(dead_share)

# %% [markdown]
# The network that was thrown out of the valley in section 9, in batches as a loader hands them out:

# %% covers=["C10"]
batches = [F.relu(thrown[0](x)).numpy() for x, _ in data.Loader(sample, batch_size=64, rng=0)]
print(f"dead: {dead_share(batches):.1%}; in the fresh network {dead_share([outputs]):.0%}")
assert dead_share(batches) >= still.mean() > 0 == dead_share([outputs])

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
# What the doctor's findings mean stands in section 9, in bold.
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
# - K. He and others, [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852), 2015 (the
#   gain of a ReLU); X. Glorot and Y. Bengio, [Understanding the difficulty of training deep
#   feedforward networks](https://proceedings.mlr.press/v9/glorot10a.html), 2010 (saturation, the
#   gain of tanh)
# - X. Li and others, [Understanding the disharmony between dropout and batch
#   normalization](https://arxiv.org/abs/1801.05134), 2018
# - B. Welch, [The generalization of "Student's"
#   problem](https://doi.org/10.1093/biomet/34.1-2.28), Biometrika 34, 1947
#
# ## Where it leads
#
# `minnet.sanity.check` for your own network, `train.fit(..., require=report)` as a gate, `minnet
# doctor SCRIPT.py` for a script that trains badly. Lesson 7 explains the rules that do the
# training.
