"""Nothing is wrong here: tables, images, autoencoders, and unusual ways to train them."""

from __future__ import annotations

import numpy as np

from minnet import data, init, nn, no_grad, optim, schedules, train
from minnet import functional as F

from ..training.parts import classify, digits, loop, mlp, standard
from .catalogue import healthy
from .parts import attributes, cnn, houses


@healthy
def moved_images_and_batch_norm(rng):
    train_set, test_set = digits(1000, images=True)
    model = cnn(rng, norm=True)
    opt = optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.1)
    move = data.RandomAffine(rotate=8.0, shift=0.5)
    batches = data.Loader(train_set, batch_size=50, transform=move, rng=rng)
    train.fit(model, F.cross_entropy, opt, batches, val_data=test_set, epochs=8, progress=False)


@healthy
def residual_network_on_one_cycle(rng):
    train_set, test_set = digits(images=True)
    model = nn.resnet(channels=1, widths=(8, 16), blocks=1, rng=rng)
    opt = optim.Nesterov(model.parameters(), lr=0.1, weight_decay=5e-4)
    rate = schedules.one_cycle(5 * 20, high=0.1)
    sets = train_set, test_set
    classify(model, opt, sets, rng, epochs=5, schedule={"lr": rate})


@healthy
def twelve_residual_blocks_with_norm_first(rng):
    train_set, test_set = digits()
    blocks = [nn.Residual(nn.Sequential(nn.LayerNorm(32), *mlp([32, 32, 32], rng, nn.SiLU)))
              for _ in range(12)]  # fmt: skip
    model = nn.Sequential(nn.Linear(64, 32, rng=rng), *blocks, nn.LayerNorm(32),
                          nn.Linear(32, 10, rng=rng))  # fmt: skip
    classify(model, optim.Adam(model.parameters(), lr=2e-3), (train_set, test_set), rng, epochs=8)


@healthy
def selu_with_its_own_start(rng):
    train_set, test_set = (standard(d) for d in digits())
    model = mlp([64, 48, 48, 48, 10], rng, nn.SELU)
    for p in model.parameters():
        p.data = rng.normal(0, len(p) ** -0.5, p.shape) if p.ndim == 2 else np.zeros(p.shape)
    classify(model, optim.Momentum(model.parameters(), lr=0.01), (train_set, test_set), rng)


@healthy
def elu_and_cosine_by_hand(rng):
    train_set, test_set = digits()
    model = mlp([64, 64, 64, 10], rng, nn.ELU)
    rate, t = schedules.cosine(0.1, steps=200), 0
    opt = optim.Nesterov(model.parameters(), lr=0.1)
    for x, y in list(data.Loader(train_set, batch_size=32, rng=rng)) * 10:
        opt.lr, t = rate(t), t + 1
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    train.evaluate(model, F.cross_entropy, test_set)


@healthy
def whole_set_in_one_batch(rng):
    train_set, test_set = digits()
    model = mlp([64, 48, 10], rng)
    opt = optim.LAMB(model.parameters(), lr=0.02)
    classify(model, opt, (train_set, test_set), rng, epochs=100, batch_size=640)


@healthy
def logistic_regression_by_lbfgs(rng):
    train_set, test_set = digits()
    model = nn.Linear(64, 10, rng=rng)
    opt = optim.LBFGS(model.parameters())
    for _ in range(30):
        opt.step(lambda: F.cross_entropy(model(train_set.x), train_set.y)
                 + 1e-3 * (model.weight * model.weight).sum())  # fmt: skip
    train.evaluate(model, F.cross_entropy, test_set)


@healthy
def one_epoch_over_all_digits(rng):
    train_set, test_set = data.digits()
    model = mlp([64, 64, 10], rng)
    opt = optim.RMSprop(model.parameters(), lr=3e-3)
    classify(model, opt, (train_set, test_set), rng, epochs=1, batch_size=16)


@healthy
def thirty_examples_of_two_clouds(rng):
    clouds = standard(data.blobs(150, classes=2, noise=1.5, rng=rng))
    train_set, test_set = clouds.split(0.1, rng=rng)
    model = mlp([2, 8, 2], rng, nn.Tanh)
    opt = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-2)
    classify(model, opt, (train_set, test_set), rng, epochs=30, batch_size=10)


@healthy
def one_in_thirty_with_class_weights(rng):
    x = rng.normal(size=(2400, 6)).astype("float32")
    y = (x[:, 0] - x[:, 1] + 0.3 * rng.normal(size=2400) > 2.6).astype(int)
    train_set, test_set = data.Dataset(x[:1800], y[:1800], 2), data.Dataset(x[1800:], y[1800:], 2)
    weighted = lambda s, y: F.cross_entropy(s, y, weight=np.array([1, 10], "float32"))
    model = mlp([6, 24, 2], rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=weighted, batch_size=100)


@healthy
def wide_layers_and_much_dropout(rng):
    train_set, test_set = digits(1000)
    model = nn.mlp([64, 512, 10], dropout=0.7, rng=rng)
    classify(model, optim.Adam(model.parameters(), lr=2e-3), (train_set, test_set), rng, epochs=10)


@healthy
def two_thousand_units(rng):
    train_set, test_set = digits()
    model = mlp([64, 2000, 10], rng)
    classify(model, optim.SGD(model.parameters(), lr=0.2), (train_set, test_set), rng, epochs=10)


@healthy
def encoder_of_an_autoencoder_frozen(rng):
    train_set, test_set = digits()
    encoder, decoder = mlp([64, 48, 24], rng, nn.GELU), mlp([24, 48, 64], rng, nn.GELU)
    autoencoder, x = nn.Sequential(encoder, decoder), data.digits()[0].x[1000:2000]
    opt = optim.Adam(autoencoder.parameters(), lr=3e-3)
    loop(autoencoder, F.mse, opt, data.Loader((x, x), batch_size=50, rng=rng), 10)
    encoder.requires_grad_(False)
    head = nn.Linear(24, 10, rng=rng)
    model = nn.Sequential(encoder, head)
    opt = optim.Adam(head.parameters(), lr=1e-2)
    classify(model, opt, (train_set, test_set), rng, epochs=12)


@healthy
def thawed_after_the_head(rng):
    train_set, test_set = digits(images=True)
    small = lambda d: data.Dataset(d.x[d.y < 5], d.y[d.y < 5], 5)
    model = cnn(rng)
    few = small(train_set), small(test_set)
    classify(model, optim.Adam(model.parameters(), lr=5e-3), few, rng, epochs=8)
    body, head = model[:-1], nn.Linear(64, 10, rng=rng)
    model = nn.Sequential(*body, head)
    body.requires_grad_(False)
    classify(model, optim.Adam(head.parameters(), lr=2e-2), (train_set, test_set), rng, epochs=6)
    body.requires_grad_(True)
    classify(model, optim.Adam(model.parameters(), lr=3e-3), (train_set, test_set), rng, epochs=5)


@healthy
def prices_normalised_and_given_back(rng):
    x, y = houses(600, rng)
    prices = 250_000 + 40_000 * y
    mean, std = prices[:450].mean(), prices[:450].std()
    y = (prices - mean) / std
    train_set, test_set = data.Dataset(x[:450], y[:450]), data.Dataset(x[450:], y[450:])
    model = mlp([6, 32, 1], rng, nn.GELU)
    opt = optim.NAdam(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=F.mse, epochs=15)
    std * train.predict(model, x[450:]) + mean


@healthy
def nine_in_ten_by_quantile_loss(rng):
    x, y = houses(600, rng)
    train_set, test_set = data.Dataset(x[:450], y[:450]), data.Dataset(x[450:], y[450:])
    pinball = lambda out, y: F.maximum(0.9 * (y - out), 0.1 * (out - y)).mean()
    model = mlp([6, 32, 1], rng)
    opt = optim.Adam(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=pinball, epochs=15)


@healthy
def density_of_small_noise(rng):
    """The loss is -log of a density, which is rightly negative where the density is above 1."""
    x, y = houses(600, rng)
    y = y / np.float32(y.std())
    train_set, test_set = data.Dataset(x[:450], y[:450]), data.Dataset(x[450:], y[450:])

    def gaussian(out, y):
        mean, log_std = out[:, :1], out[:, 1:]
        return (log_std + 0.5 * ((y - mean) / F.exp(log_std)) ** 2).mean()

    model = mlp([6, 32, 2], rng, nn.Tanh)
    opt = optim.ClipNorm(optim.Adam(model.parameters(), lr=5e-3), 5.0)
    classify(model, opt, (train_set, test_set), rng, loss_fn=gaussian, epochs=25)


@healthy
def counts_by_poisson_regression(rng):
    x = rng.normal(size=(600, 4)).astype("float32")
    y = rng.poisson(np.exp(0.8 * x[:, :1] - 0.5 * x[:, 1:2] + 0.5)).astype("float32")
    train_set, test_set = data.Dataset(x[:450], y[:450]), data.Dataset(x[450:], y[450:])
    poisson = lambda s, y: (F.exp(s) - y * s).mean()
    model = nn.Linear(4, 1, rng=rng)
    opt = optim.SGD(model.parameters(), lr=0.05)
    classify(model, opt, (train_set, test_set), rng, loss_fn=poisson, epochs=15)


@healthy
def three_questions_with_positive_weights(rng):
    train_set, test_set = (attributes(d) for d in digits(images=True))
    loss_fn = lambda s, y: F.binary_cross_entropy_with_logits(
        s, y, pos_weight=np.array([1, 1, 1.5], "float32"))  # fmt: skip
    model = cnn(rng, norm=True, outputs=3)
    opt = optim.AMSGrad(model.parameters(), lr=5e-3)
    classify(model, opt, (train_set, test_set), rng, loss_fn=loss_fn, epochs=6)


@healthy
def pixels_out_of_a_sigmoid(rng):
    """Pixels lie in [0, 1], and so does what a sigmoid gives."""
    x, test = (d.x for d in digits())
    model = nn.Sequential(*mlp([64, 32, 64], rng), nn.Sigmoid())
    batches = data.Loader((x, x), batch_size=32, rng=rng)
    loop(model, F.mse, optim.Adam(model.parameters(), lr=5e-3), batches, 15)
    train.evaluate(model, F.mse, (test, test))


@healthy
def noise_taken_away_by_convolutions(rng):
    x, _ = (d.x for d in digits(images=True))
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1, rng=rng), nn.SiLU(),
        nn.ConvTranspose2d(8, 8, 2, stride=2, rng=rng), nn.SiLU(),
        nn.Conv2d(8, 1, 3, padding=1, rng=rng),
    )  # fmt: skip
    opt = optim.Adam(model.parameters(), lr=5e-3)
    for clean, _ in list(data.Loader((x, x), batch_size=32, rng=rng)) * 6:
        noisy = clean + 0.2 * rng.normal(size=clean.shape).astype("float32")
        loss = F.mse(model(noisy), clean)
        opt.zero_grad()
        loss.backward()
        opt.step()


@healthy
def easy_examples_first(rng):
    train_set, test_set = digits()
    x, y = train_set
    centres = np.stack([x[y == k].mean(0) for k in range(10)])
    order = np.argsort(((x - centres[y]) ** 2).sum(1))
    model = mlp([64, 48, 10], rng)
    opt = optim.Momentum(model.parameters(), lr=0.05)
    for share, epochs in ((0.3, 3), (0.6, 3), (1.0, 6)):
        part = order[: int(share * len(order))]
        loop(model, F.cross_entropy, opt, data.Loader((x[part], y[part]), batch_size=32, rng=rng),
             epochs)  # fmt: skip
    train.evaluate(model, F.cross_entropy, test_set)


@healthy
def mean_of_late_weights(rng):
    train_set, test_set = digits(images=True)
    model, copy = cnn(rng, norm=True), cnn(rng, norm=True)
    opt, mean = optim.SGD(model.parameters(), lr=0.1), optim.Mean(model.parameters())
    batches = data.Loader(train_set, batch_size=32, rng=rng)
    for epoch in range(6):
        loop(model, F.cross_entropy, opt, batches, 1)
        if epoch >= 3:
            mean.update()
    for p, value in zip(copy.parameters(), mean.values(), strict=True):
        p.data = value
    optim.recompute_statistics(copy, [train_set.x])
    train.evaluate(copy, F.cross_entropy, test_set)


@healthy
def student_of_a_teacher(rng):
    train_set, test_set = digits()
    teacher, model = (mlp([64, n, 10], rng) for n in (96, 16))
    classify(teacher, optim.Adam(teacher.parameters(), lr=5e-3), (train_set, test_set), rng)
    soft = F.softmax(train.predict(teacher, train_set.x) / 2)
    batches = data.Loader((train_set.x, soft), batch_size=32, rng=rng)
    distance = lambda s, p: F.kl_div(F.log_softmax(s / 2), p)
    loop(model, distance, optim.Adam(model.parameters(), lr=1e-2), batches, 10)


@healthy
def squared_hinge_with_two_signs(rng):
    x, y = standard(data.moons(200, rng=rng))
    sign = (2 * y[:, None] - 1).astype("float32")
    hinge = lambda s, sign: (F.relu(1 - sign * s) ** 2).mean()
    model = mlp([2, 32, 1], rng, nn.LeakyReLU)
    opt = optim.Adagrad(model.parameters(), lr=0.05)
    loop(model, hinge, opt, data.Loader((x, sign), batch_size=20, rng=rng), 20)


@healthy
def stopped_early_with_the_best_weights(rng):
    train_set, test_set = digits(300)
    model = mlp([64, 64, 10], rng)
    opt, best, kept = optim.Adam(model.parameters(), lr=5e-3), np.inf, None
    for _ in range(10):
        loop(model, F.cross_entropy, opt, data.Loader(train_set, batch_size=25, rng=rng), 1)
        loss = train.evaluate(model, F.cross_entropy, test_set)["loss"]
        if loss > 1.05 * best:
            break
        if loss < best:
            best, kept = loss, model.state_dict()
    model.load_state_dict(kept)


@healthy
def logarithm_taken_twice(rng):
    """log softmax leaves a log softmax as it is."""
    train_set, test_set = digits()
    model = nn.Sequential(*mlp([64, 32, 10], rng, nn.SiLU), nn.LogSoftmax())
    classify(model, optim.Adam(model.parameters(), lr=1e-2), (train_set, test_set), rng)


@healthy
def orthogonal_tanh_with_a_triangular_rate(rng):
    train_set, test_set = digits()
    model = mlp([64, 64, 64, 10], rng, nn.Tanh)
    for p in model.parameters():
        if p.ndim == 2:
            p.data = init.orthogonal(p.shape, rng=rng)
    opt = optim.SGD(model.parameters(), lr=0.1)
    rate = schedules.triangular(0.02, 0.3, half=40)
    classify(model, opt, (train_set, test_set), rng, schedule={"lr": rate})


@healthy
def anchors_and_their_kind(rng):
    """Triplets: an image is nearer to one of its kind than to another one."""
    train_set, test_set = digits()
    x, y = train_set
    model, places = mlp([64, 48, 8], rng), [np.flatnonzero(y == k) for k in range(10)]
    opt = optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(150):
        kind = rng.integers(10, size=32)
        other = (kind + rng.integers(1, 10, size=32)) % 10
        a, p, n = (model(x[[rng.choice(places[k]) for k in ks]]) for ks in (kind, kind, other))
        loss = F.relu(((a - p) ** 2).sum(1) - ((a - n) ** 2).sum(1) + 1).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
    with train.evaluating(model), no_grad():
        model(test_set.x)
