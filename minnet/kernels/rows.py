"""Softmax and layer norm: each row is read once or twice instead of once per operation."""

from __future__ import annotations

from .source import Rowwise

__all__ = ["ROWS"]

_EXPONENTIALS = (
    "T m = x[0]; EACH(j) m = max_(x[j], m); m = largest(m);"
    " T s = 0; EACH(j) s += exp(x[j] - m); s = total(s);"
)

ROWS = {
    "softmax": Rowwise(
        "softmax", ("x",), ("y",), (), f"{_EXPONENTIALS} EACH(j) y[j] = exp(x[j] - m) / s;"
    ),
    "softmax_slope": Rowwise(
        "softmax_slope", ("g", "y"), ("d_",), (),
        "T s = 0; EACH(j) s += g[j] * y[j]; s = total(s); EACH(j) d_[j] = y[j] * (g[j] - s);",
    ),
    "log_softmax": Rowwise(
        "log_softmax", ("x",), ("y",), (),
        f"{_EXPONENTIALS} s = log(s); EACH(j) y[j] = (x[j] - m) - s;",
    ),
    "log_softmax_slope": Rowwise(
        "log_softmax_slope", ("g", "y"), ("d_",), (),
        "T s = 0; EACH(j) s += g[j]; s = total(s); EACH(j) d_[j] = g[j] - exp(y[j]) * s;",
    ),
    "standard_rows": Rowwise(
        "standard_rows", ("x",), ("y",), ("eps",),
        "T s = 0; EACH(j) s += x[j]; const T mean = total(s) / T(d);"
        " T q = 0; EACH(j) { const T c = x[j] - mean; q += c * c; }"
        " const T std = sqrt(total(q) / T(d) + eps);"
        " EACH(j) y[j] = (x[j] - mean) / std;",
    ),
    "standard_rows_slope": Rowwise(
        "standard_rows_slope", ("g", "x", "y"), ("d_",), ("eps",),
        "T s = 0; EACH(j) s += x[j]; const T mean = total(s) / T(d);"
        " T q = 0; EACH(j) { const T c = x[j] - mean; q += c * c; }"
        " const T std = sqrt(total(q) / T(d) + eps);"
        " T a = 0, b = 0; EACH(j) { a += g[j]; b += g[j] * y[j]; }"
        " const T mean_g = total(a) / T(d), mean_gy = total(b) / T(d);"
        " EACH(j) d_[j] = (g[j] - mean_g - y[j] * mean_gy) / std;",
    ),
}  # fmt: skip
