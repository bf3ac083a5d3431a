"""The convolutional networks of W3 and W4, written once for minnet.nn and torch.nn."""

import numpy as np

W3 = "W3: CNN 1x28x28, conv 5x5 16 and 32, fc 128, batch 64, Nesterov"
W4 = "W4: ResNet 3x32x32, residual blocks 2 x 32 and 2 x 64, batch 32, momentum + L2"


def cnn(nn, residual):
    """W3's layers."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def resnet(nn, residual):
    """W4's layers.   residual: body -> module that adds its input to the body's output."""

    def conv(c, o):
        return nn.Conv2d(c, o, 3, padding=1, bias=False), nn.BatchNorm2d(o)

    def block(c):
        body = nn.Sequential(*conv(c, c), nn.ReLU(), *conv(c, c))
        return residual(body), nn.ReLU()

    return nn.Sequential(
        *(*conv(3, 32), nn.ReLU(), *block(32), *block(32), nn.MaxPool2d(2)),
        *(*conv(32, 64), nn.ReLU(), *block(64), *block(64)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)),
    )


def data(shape):
    """Random images (float32) and labels of ten classes."""
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape).astype("f"), rng.integers(0, 10, shape[0])


def step(model, optimizer, loss, x, y):
    """A function that does one training step and returns its loss."""

    def one_step():
        value = loss(model(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return one_step


WORKLOADS = {W3: (cnn, (64, 1, 28, 28)), W4: (resnet, (32, 3, 32, 32))}
