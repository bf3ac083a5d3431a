"""The published updates of optimizers, and mistakes in them that have a name.

Each formula is a step: it takes the settings c, the state s, the step's number t (from 1) and the
gradient g, changes s, and returns the change of w.
"""

import numpy as np

from .conventions import EPSILON_INSIDE, Convention

__all__ = ["RULES", "STATES", "TOLD"]


def sgd(c, s, t, g):
    """-lr g"""
    return -c["learning_rate"] * g


def sgd_momentum(c, s, t, g):
    """v = mu v - lr g; Polyak 1964 as CS231n writes it"""
    s["velocity"] = c["momentum"] * s["velocity"] - c["learning_rate"] * g
    return s["velocity"]


def rmsprop(c, s, t, g):
    """cache = rho cache + (1 - rho) g^2; Tieleman & Hinton 2012"""
    s["cache"] = c["decay_rate"] * s["cache"] + (1 - c["decay_rate"]) * g**2
    return -c["learning_rate"] * g / (np.sqrt(s["cache"]) + c["epsilon"])


def adagrad(c, s, t, g):
    """cache += g^2; Duchi, Hazan & Singer 2011"""
    s["cache"] = s["cache"] + g**2
    return -c["learning_rate"] * g / (np.sqrt(s["cache"]) + c["epsilon"])


def adam(c, s, t, g):
    """Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1"""
    m_hat, v_hat = moments(c, s, t, g)
    return -c["learning_rate"] * m_hat / (np.sqrt(v_hat) + c["epsilon"])


def moments(c, s, t, g):
    """The two averages of Adam after bias correction"""
    s["m"] = c["beta1"] * s["m"] + (1 - c["beta1"]) * g
    s["v"] = c["beta2"] * s["v"] + (1 - c["beta2"]) * g**2
    return s["m"] / (1 - c["beta1"] ** t), s["v"] / (1 - c["beta2"] ** t)


# mistakes with a name: what the update is consistent with, if it is not the published one


def adam_late(c, s, t, g):
    """t is used before it is incremented"""
    return adam(c, s, t - 1, g)


def adam_stuck(c, s, t, g):
    """t is never stored in config, so every step corrects as the first"""
    return adam(c, s, s.setdefault("t0", t), g)


def adam_early(c, s, t, g):
    """t is one step ahead (incremented twice, or started from 1)"""
    return adam(c, s, t + 1, g)


def adam_raw(c, s, t, g):
    """the bias correction is missing"""
    moments(c, s, t, g)
    return -c["learning_rate"] * s["m"] / (np.sqrt(s["v"]) + c["epsilon"])


def adam_inside(c, s, t, g):
    """epsilon stands inside the square root"""
    m_hat, v_hat = moments(c, s, t, g)
    return -c["learning_rate"] * m_hat / np.sqrt(v_hat + c["epsilon"])


def adam_corrected_state(c, s, t, g):
    """the bias-corrected averages are stored in place of the averages"""
    m_hat, v_hat = moments(c, s, t, g)
    s["m"], s["v"] = m_hat, v_hat
    return -c["learning_rate"] * m_hat / (np.sqrt(v_hat) + c["epsilon"])


def adam_unsquared(c, s, t, g):
    """the second average takes g, not g^2"""
    s["m"] = c["beta1"] * s["m"] + (1 - c["beta1"]) * g
    s["v"] = c["beta2"] * s["v"] + (1 - c["beta2"]) * g
    m_hat, v_hat = s["m"] / (1 - c["beta1"] ** t), s["v"] / (1 - c["beta2"] ** t)
    return -c["learning_rate"] * m_hat / (np.sqrt(np.abs(v_hat)) + c["epsilon"])


def rmsprop_inside(c, s, t, g):
    """epsilon stands inside the square root"""
    rmsprop(c, s, t, g)
    return -c["learning_rate"] * g / np.sqrt(s["cache"] + c["epsilon"])


def rmsprop_swapped(c, s, t, g):
    """decay_rate and 1 - decay_rate are swapped"""
    s["cache"] = (1 - c["decay_rate"]) * s["cache"] + c["decay_rate"] * g**2
    return -c["learning_rate"] * g / (np.sqrt(s["cache"]) + c["epsilon"])


def momentum_ema(c, s, t, g):
    """the velocity is an average: v = mu v + (1 - mu) g"""
    s["velocity"] = c["momentum"] * s["velocity"] + (1 - c["momentum"]) * g
    return -c["learning_rate"] * s["velocity"]


def momentum_sign(c, s, t, g):
    """the sign of the velocity: v = mu v + lr g, then w + v"""
    s["velocity"] = c["momentum"] * s["velocity"] + c["learning_rate"] * g
    return s["velocity"]


def plain(c, s, t, g):
    """plain momentum, not Nesterov's update"""
    return sgd_momentum(c, s, t, g)


def momentum_torch(c, s, t, g):
    """v = mu v + g, then w - lr v; the path of sgd_momentum as long as lr stays the same"""
    s["velocity"] = c["momentum"] * s["velocity"] + g
    return -c["learning_rate"] * s["velocity"]


def nesterov(c, s, t, g):
    """Nesterov's update, not plain momentum"""
    old = s["velocity"]
    s["velocity"] = c["momentum"] * old - c["learning_rate"] * g
    return -c["momentum"] * old + (1 + c["momentum"]) * s["velocity"]


def hard_coded(rule, rate=1e-2):
    """The rule with a learning rate of its own."""

    def update(c, s, t, g):
        return rule({**c, "learning_rate": rate}, s, t, g)

    update.__doc__ = f"the learning rate is {rate:g}, whatever config says"
    return update


def forgetful(rule):
    """The rule with its averages started again at each step."""

    def update(c, s, t, g):
        return rule(c, {key: np.zeros_like(g) for key in s}, t, g)

    update.__doc__ = "the state is not stored in config: every step starts from zero"
    return update


MOMENTUM = {"learning_rate": 1e-2, "momentum": 0.7}
ADAM = {"learning_rate": 1e-2, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-8}
RMSPROP = {"learning_rate": 1e-2, "decay_rate": 0.9, "epsilon": 1e-8}
ADAGRAD = {"learning_rate": 1e-2, "epsilon": 1e-8}
# key: (formula, settings, names of the averages, named mistakes)
RULES = {
    "sgd": (sgd, {"learning_rate": 1e-2}, (), (hard_coded(sgd),)),
    "sgdmomentum": (
        sgd_momentum, MOMENTUM, ("velocity",),
        (
            forgetful(sgd_momentum), momentum_ema, momentum_sign, nesterov,
            hard_coded(sgd_momentum),
        ),
    ),
    "nesterov": (
        nesterov, MOMENTUM, ("velocity",), (forgetful(nesterov), plain, hard_coded(nesterov)),
    ),
    "rmsprop": (
        rmsprop, RMSPROP, ("cache",),
        (forgetful(rmsprop), rmsprop_inside, rmsprop_swapped, hard_coded(rmsprop)),
    ),
    "adagrad": (adagrad, ADAGRAD, ("cache",), (forgetful(adagrad), hard_coded(adagrad))),
    "adam": (
        adam, ADAM, ("m", "v"),
        (
            adam_late, adam_stuck, adam_early, adam_raw, adam_inside, adam_corrected_state,
            adam_unsquared, forgetful(adam), hard_coded(adam, 1e-3),
        ),
    ),
}  # fmt: skip
RULES["momentum"] = RULES["sgdmomentum"]
for name in "nesterovmomentum", "sgdnesterov", "sgdnesterovmomentum", "nag":
    RULES[name] = RULES["nesterov"]
# what a state in config may mean, to a rule that is right from the start
STATES = {
    "sgdmomentum": Convention(
        "the velocity is v = mu v + g (the course's: v = mu v - lr g)", momentum_torch
    ),
    "adam": Convention(
        "t in config counts the step to come (the course's: the steps done)", adam_late
    ),
}
STATES["momentum"] = STATES["sgdmomentum"]
TOLD = {
    "rmsprop": Convention("epsilon inside the root", rmsprop_inside, EPSILON_INSIDE),
    "adam": Convention("epsilon inside the root", adam_inside, EPSILON_INSIDE),
}
