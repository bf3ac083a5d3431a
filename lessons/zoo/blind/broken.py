"""One fault each, in tables, images and autoencoders."""

from __future__ import annotations

import numpy as np

from minnet import data, init, nn, no_grad, optim, train
from minnet import functional as F

from ..training.parts import classify, digits, loop, mlp
from .catalogue import broken
from .parts import attributes, cnn, houses


@broken("softmax_twice")
def several_labels_through_two_sigmoids(rng):
    train_set, test_set = (attributes(d) for d in digits(images=True))
    model = nn.Sequential(*cnn(rng, outputs=3), nn.Sigmoid())
    opt = optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = F.binary_cross_entropy_with_logits
    classify(model, opt, (train_set, test_set), rng, loss_fn=loss_fn)


@broken("missing_softmax", "negated_loss", "diverged")
def distilled_from_raw_scores(rng):
    train_set, test_set = digits()
    teacher, model = (mlp([64, n, 10], rng) for n in (64, 16))
    classify(teacher, optim.Adam(teacher.parameters(), lr=5e-3), (train_set, test_set), rng)
    soft = F.softmax(train.predict(teacher, train_set.x))
    batches = data.Loader((train_set.x, soft), batch_size=32, rng=rng)
    loop(model, F.kl_div, optim.Momentum(model.parameters(), lr=0.02), batches, 6)  # fault: no log


@broken("negated_loss", "uphill", "diverged")
def likelihood_that_is_minimised(rng):
    train_set, test_set = digits(images=True)
    model = cnn(rng)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    for x, y in list(data.Loader(train_set, batch_size=32, rng=rng)) * 4:
        likelihood = F.log_softmax(model(x))[np.arange(len(y)), y].mean()
        opt.zero_grad()
        likelihood.backward()                              # fault: the minus sign is missing
        opt.step()
    train.evaluate(model, F.cross_entropy, test_set)


@broken("clipped_scores", "saturated")
def tanh_before_standardised_pixels(rng):
    x = digits()[0].x
    x = (x - x.mean(0)) / (x.std(0) + 0.1)
    model = nn.Sequential(*mlp([64, 32, 64], rng), nn.Tanh())   # fault: pixels go up to 8
    batches = data.Loader((x, x), batch_size=32, rng=rng)
    loop(model, F.mse, optim.Adam(model.parameters(), lr=5e-3), batches, 15)


@broken("broadcasting")
def own_squared_error_of_row_and_column(rng):
    train_set, test_set = houses(600, rng).split(0.8, rng=rng)
    model = mlp([6, 32, 32, 1], rng, nn.SiLU)
    opt = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)
    for x, y in list(data.Loader(train_set, batch_size=40, rng=rng)) * 15:
        loss = ((model(x) - y[:, 0]) ** 2).mean()          # fault: (40, 1) - (40,)
        opt.zero_grad()
        loss.backward()
        opt.step()
    train.evaluate(model, F.mse, test_set)


@broken("wrong_reduction", "learning_rate_too_high", "diverged")
def sum_of_squares_of_an_autoencoder(rng):
    x, test = (d.x for d in digits())
    model = mlp([64, 24, 64], rng)
    total = lambda out, target: F.mse(out, target, reduction="sum")
    batches = data.Loader((x, x), batch_size=64, rng=rng)
    loop(model, total, optim.Nesterov(model.parameters(), lr=1e-3), batches, 10)
    train.evaluate(model, F.mse, (test, test))


@broken("training_in_eval_mode", "overfitting")
def train_mode_never_set_again(rng):
    x = rng.normal(size=(600, 40)).astype("float32")
    y = (x[:, :5].sum(1) + 1.5 * rng.normal(size=600) > 0).astype(int)
    train_set, test_set = data.Dataset(x[:200], y[:200], 2), data.Dataset(x[200:], y[200:], 2)
    model = nn.mlp([40, 128, 128, 2], dropout=0.6, rng=rng)
    opt = optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(20):
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=20, rng=rng), 1)
        model.eval()                                       # fault: for the rest of the run
        with no_grad():
            F.cross_entropy(model(test_set.x), test_set.y)


@broken("statistics_never_updated")
def averaged_weights_without_statistics(rng):
    train_set, test_set = digits(images=True)
    model, copy = cnn(rng, norm=True), cnn(rng, norm=True)
    opt, ema = optim.Adam(model.parameters(), lr=3e-3), optim.EMA(model.parameters(), decay=0.9)
    for _ in range(5):
        for x, y in data.Loader(train_set, batch_size=32, rng=rng):
            loss = F.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            ema.update()
        for p, value in zip(copy.parameters(), ema.values(), strict=True):
            p.data = value                                 # fault: batch norm's buffers stay
        train.evaluate(copy, F.cross_entropy, test_set)


@broken("unnormalised_inputs")
def year_and_income(rng):
    z = rng.normal(size=(600, 3))
    y = (z.sum(1) > 0).astype(int)
    x = (z * [10, 20_000, 1] + [1990, 45_000, 0]).astype("float32")
    train_set, test_set = data.Dataset(x[:450], y[:450], 2), data.Dataset(x[450:], y[450:], 2)
    model = mlp([3, 32, 32, 2], rng, nn.GELU)
    classify(model, optim.AdamW(model.parameters(), lr=2e-3), (train_set, test_set), rng)


@broken("unnormalised_inputs", "spikes")
def sentinel_for_missing_values(rng):
    x, y = houses(600, rng)
    x[rng.random(x.shape) < 0.02] = -999                   # fault: -999 means "not measured"
    train_set, test_set = data.Dataset(x, y).split(0.8, rng=rng)
    model = mlp([6, 32, 1], rng)
    opt = optim.Adam(model.parameters(), lr=2e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.mse, epochs=12)


@broken("unnormalised_inputs", "saturated")
def bytes_into_sigmoids(rng):
    train_set, test_set = (d.map(lambda x: 255 * x) for d in digits())
    model = mlp([64, 48, 48, 10], rng, nn.Sigmoid)
    opt = optim.Nesterov(model.parameters(), lr=0.1)
    classify(model, opt, (train_set, test_set), rng, epochs=15)


@broken("learning_rate_too_high", "dead_relus")
def filters_killed_by_long_steps(rng):
    train_set, test_set = digits(images=True)
    model = cnn(rng)
    opt = optim.Momentum(model.parameters(), lr=0.4)
    classify(model, opt, (train_set, test_set), rng, epochs=5)


@broken("degenerate_labels")
def numbers_compared_with_text(rng):
    sets = digits(images=True)
    train_set, test_set = (data.Dataset(d.x, np.float32(d.y == "3")[:, None]) for d in sets)
    model = cnn(rng, outputs=1)                            # fault: 3 == "3" is never true
    opt = optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = F.binary_cross_entropy_with_logits
    classify(model, opt, (train_set, test_set), rng, loss_fn=loss_fn, epochs=7)


@broken("broken_labels")
def rows_dropped_from_the_inputs_only(rng):
    train_set, test_set = digits(images=True)
    keep = train_set.x.mean((1, 2, 3)) > np.quantile(train_set.x.mean((1, 2, 3)), 0.1)
    x = train_set.x[keep]
    mixed = data.Dataset(x, train_set.y[: len(x)], 10)     # fault: y was not filtered
    model = cnn(rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), (mixed, test_set), rng)


@broken("broken_labels", "overfitting")
def prices_sorted_by_another_key(rng):
    x, y = houses(500, rng)
    train_set, test_set = data.Dataset(x, np.sort(y, axis=0)), houses(200, rng)
    model = mlp([6, 64, 1], rng, nn.ELU)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.huber, epochs=15)


@broken("leak")
def oversampled_before_the_split(rng):
    x = rng.normal(size=(500, 8)).astype("float32")
    y = (x[:, 0] + rng.normal(size=500) > 2).astype(int)
    rows = np.concatenate([np.arange(500), np.repeat(np.flatnonzero(y), 7)])
    train_set, test_set = data.Dataset(x[rows], y[rows], 2).split(0.7, rng=rng)
    model = mlp([8, 64, 2], rng)                           # fault: copies on both sides
    classify(model, optim.Adam(model.parameters(), lr=5e-3), (train_set, test_set), rng, epochs=12)


@broken("leak")
def autoencoder_checked_on_its_own_examples(rng):
    x = data.digits()[0].x[:600]
    train_x, test_x = x[:500], x[:100]                     # fault: x[500:] was meant
    model = mlp([64, 32, 64], rng, nn.SELU)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(10):
        loop(model, F.mse, opt, data.Loader((train_x, train_x), batch_size=25, rng=rng), 1)
        with train.evaluating(model), no_grad():
            F.mse(model(test_x), test_x)


@broken("evaluation_inputs_differ")
def standardised_by_the_training_loader_only(rng):
    train_set, test_set = digits(images=True)
    model = cnn(rng)
    opt = optim.Momentum(model.parameters(), lr=0.02)
    standard = lambda x, rng: (16 * x - 4.9) / 6.0         # fault: test_set stays in [0, 1]
    batches = data.Loader(train_set, batch_size=32, transform=standard, rng=rng)
    train.fit(model, F.cross_entropy, opt, batches, val_data=test_set, epochs=6, progress=False)


@broken("initial_weights_too_large", "exploding_gradients")
def filters_from_a_standard_normal(rng):
    train_set, test_set = digits(images=True)
    model = cnn(rng)
    for p in model.parameters():
        p.data = rng.normal(size=p.shape).astype("float32")
    classify(model, optim.Momentum(model.parameters(), lr=1e-4), (train_set, test_set), rng)


@broken("initial_weights_too_small", "vanishing_gradients", "collapsed")
def filters_of_a_thousandth(rng):
    train_set, test_set = digits(images=True)
    model = cnn(rng)
    for p in model.parameters():
        p.data = 1e-3 * rng.normal(size=p.shape).astype("float32")
    opt = optim.Nesterov(model.parameters(), lr=0.02)
    classify(model, opt, (train_set, test_set), rng, epochs=5)


@broken("late_start", "initial_weights_too_small", "vanishing_gradients")
def first_layers_asleep_for_half_of_the_run(rng):
    train_set, test_set = digits()
    model = mlp([64, 32, 32, 32, 32, 10], rng, nn.Tanh)
    for p in model.parameters():
        p.data = 0.05 * rng.normal(size=p.shape).astype("float32")
    opt = optim.Momentum(model.parameters(), lr=0.1)
    classify(model, opt, (train_set, test_set), rng, epochs=14)


@broken("exploding_gradients", "initial_weights_too_large", "not_finite")
def thirty_sums_without_a_norm(rng):
    train_set, _ = digits()
    blocks = [nn.Residual(mlp([32, 32, 32], rng)) for _ in range(30)]
    model = nn.Sequential(nn.Linear(64, 32, rng=rng), *blocks, nn.Linear(32, 10, rng=rng))
    for p in model.parameters():
        if p.ndim == 2:
            p.data = init.kaiming_normal(p.shape, rng=rng)
    opt = optim.SGD(model.parameters(), lr=0.05)
    loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=32, rng=rng), 6)


@broken("vanishing_gradients", "collapsed", "plateau")
def deep_autoencoder_of_sigmoids(rng):
    x, test = (d.x for d in digits())
    model = mlp([64, 48, 32, 16, 16, 32, 48, 64], rng, nn.Sigmoid)
    opt = optim.Adam(model.parameters(), lr=3e-3)
    loop(model, F.mse, opt, data.Loader((x, x), batch_size=32, rng=rng), 15)
    train.evaluate(model, F.mse, (test, test))


class OwnMomentum(optim.Optimizer):
    """v <- 0.9 v + g, and a step along v."""

    slots = ("v",)

    def update(self, theta, g, s, t):
        s.v = 0.9 * s.v + g
        return self.lr * s.v                               # fault: -lr v


@broken("uphill", "diverged")
def own_optimizer_with_the_wrong_sign(rng):
    train_set, test_set = digits()
    model = mlp([64, 32, 10], rng, nn.ELU)
    opt = OwnMomentum(model.parameters(), lr=2e-3)
    classify(model, opt, (train_set, test_set), rng, epochs=3)


@broken("not_in_optimizer")
def decoder_alone_in_the_optimizer(rng):
    x, test = (d.x for d in digits())
    encoder, decoder = mlp([64, 32, 3], rng, nn.Tanh), mlp([3, 32, 64], rng, nn.Tanh)
    opt = optim.Adam(decoder.parameters(), lr=5e-3)
    model = nn.Sequential(encoder, decoder)
    loop(model, F.mse, opt, data.Loader((x, x), batch_size=32, rng=rng), 15)
    train.evaluate(model, F.mse, (test, test))


@broken("unreached")
def encoder_under_no_grad(rng):
    x, test = (d.x for d in digits())
    encoder, decoder = mlp([64, 32, 3], rng, nn.Tanh), mlp([3, 32, 64], rng, nn.Tanh)
    model = nn.Sequential(encoder, decoder)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for batch, _ in list(data.Loader((x, x), batch_size=32, rng=rng)) * 15:
        with no_grad():                                    # fault: left from feature extraction
            code = encoder(batch)
        loss = F.mse(decoder(code), batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
    train.evaluate(model, F.mse, (test, test))


@broken("weight_decay_overwhelms")
def decay_of_a_half_for_filters(rng):
    train_set, test_set = digits(images=True)
    model = cnn(rng)
    opt = optim.Nesterov(model.parameters(), lr=0.02, weight_decay=0.5)
    classify(model, opt, (train_set, test_set), rng)


@broken("momentum_too_high", "oscillating", "learning_rate_too_high")
def betas_of_adam_exchanged(rng):
    train_set, test_set = houses(600, rng).split(0.8, rng=rng)
    model = mlp([6, 32, 1], rng, nn.Tanh)
    opt = optim.Adam(model.parameters(), lr=2e-2, betas=(0.999, 0.9))
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.mse, epochs=12)


@broken("oscillating", "learning_rate_too_high")
def rate_just_above_what_is_stable(rng):
    x, y = houses(400, rng)
    x = x + np.float32(1.5)
    train_set, test_set = data.Dataset(x[:300], y[:300]), data.Dataset(x[300:], y[300:])
    model = mlp([6, 16, 1], rng, nn.Tanh)
    opt = optim.Momentum(model.parameters(), lr=0.1)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.mse, epochs=15)


@broken("not_finite", "unnormalised_inputs")
def divided_by_a_deviation_of_zero(rng):
    train_set, _ = digits()
    with np.errstate(invalid="ignore"):
        x = (train_set.x - train_set.x.mean(0)) / train_set.x.std(0)   # fault: black corners
    model = mlp([64, 32, 10], rng)
    batches = [(x[i : i + 32], train_set.y[i : i + 32]) for i in range(0, 640, 32)]
    loop(model, F.cross_entropy, optim.Adam(model.parameters(), lr=1e-3), batches, 2)


@broken("not_finite", "unnormalised_inputs")
def logarithm_of_a_saturated_sigmoid(rng):
    x, y = rng.normal(size=(400, 4)).astype("float32"), rng.integers(2, size=(400, 1))
    x[:, 0] += 200 * y[:, 0] - 100
    model = nn.Sequential(*mlp([4, 16, 1], rng), nn.Sigmoid())
    likelihood = lambda p, y: -(y * F.log(p) + (1 - y) * F.log(1 - p)).mean()
    batches = data.Loader((x, y.astype("float32")), batch_size=32, rng=rng)
    loop(model, likelihood, optim.Adam(model.parameters(), lr=3e-2), batches, 20)


@broken("underfitting")
def bottleneck_of_one_unit(rng):
    train_set, test_set = digits()
    model = mlp([64, 1, 10], rng)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), (train_set, test_set), rng, epochs=12)
