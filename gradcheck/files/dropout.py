"""Judge a dropout forward: it has no single output, and the meaning of p has two conventions."""

import re

import numpy as np

__all__ = ["dropout_complaint"]


def dropout_complaint(values, y, run, docstring: str) -> tuple[str | None, str]:
    """(complaint, convention): what is wrong with an output, or which convention it follows.

    run(values) calls the forward on other values. In train mode every entry is dropped or scaled
    by one number; p may be the probability to keep or to drop, as long as scale, test mode and
    docstring agree with it (Srivastava et al. 2014 scale at test time, inverted dropout in
    training).

    >>> values = {"x": np.ones(1000), "dropout_param": {"p": 0.3, "mode": "train"}}
    >>> mask = np.arange(1000) % 10 < 3
    >>> run = lambda v: v["x"] * mask / 0.3 if v["dropout_param"]["mode"] == "train" else v["x"]
    >>> dropout_complaint(values, run(values), run, "")
    (None, 'p is the probability to keep')
    """
    x, settings = values["x"], values["dropout_param"]
    p, other = settings["p"], {"train": "test", "test": "train"}[settings["mode"]]
    y_other = run({**values, "dropout_param": {**settings, "mode": other}})
    train, test = (y, y_other) if settings["mode"] == "train" else (y_other, y)
    if np.shape(train) != x.shape or np.shape(test) != x.shape:
        return f"output of shape {np.shape(y)}, needs that of x, {x.shape}", ""
    ratio = np.asarray(train) / x
    keep, meaning = _keep_probability(ratio, p)
    if keep is None:
        kept = f"p = {p} keeps {np.mean(ratio != 0):.0%} of the entries"
        return f"{kept}: neither p nor 1 - p (rand, not randn?)", ""
    scale, factor = ratio[ratio != 0], np.asarray(test) / x
    complaint = _docstring_complaint(docstring, meaning) or _scale_complaint(scale, factor, keep)
    how = "" if np.allclose(factor, 1) else ", scaled at test time"
    return complaint, f"p is the probability to {meaning}{how}"


def _keep_probability(ratio, p):
    """(probability to keep, meaning of p) from the share of entries that came through."""
    share = np.mean(ratio != 0)
    for keep, meaning in ((p, "keep"), (1 - p, "drop")):
        if abs(share - keep) < 5 * np.sqrt(p * (1 - p) / ratio.size):
            return keep, meaning
    return None, ""


def _scale_complaint(scale, factor, keep):
    """None if the expectation of training equals the output at test, for one scale throughout."""
    if not np.allclose(scale, scale[0]):
        return "kept entries are scaled by different numbers: one scale for all"
    if not np.allclose(factor, factor.flat[0]):
        return "test mode is not a multiple of x: nothing may be dropped there"
    if not np.isclose(scale[0] * keep, factor.flat[0]):
        return (
            f"keeps {keep:.2g} of the entries, scaled by {scale[0]:.3g} in training and by "
            f"{factor.flat[0]:.3g} at test: needs {1 / keep:.3g} and 1"
        )
    return None


def _docstring_complaint(docstring, meaning):
    """A complaint if the docstring promises the other meaning of p."""
    text = re.sub(r"\s+", " ", docstring.lower())
    promised = re.search(r"\b(keep|kept|keeping|retain|drop)(?:ped|ping|ed)?\b[^.]{0,60}prob", text)
    if promised is None:
        promised = re.search(r"prob\w*[^.]{0,20}\b(keep|kept|retain|drop)", text)
    if promised is None:
        return None
    wanted = "drop" if promised[1] == "drop" else "keep"
    if wanted == meaning:
        return None
    says = f"the docstring says that p is the probability to {wanted}"
    return f"{says}, the code uses it to {meaning}"
