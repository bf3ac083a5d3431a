"""Activations and their gradients, one pass each instead of one for each arithmetic operator."""

from __future__ import annotations

from math import pi, sqrt

from .source import Elementwise

__all__ = ["BACKWARD", "FORWARD", "WITH_BIAS"]

_SIGMOID = "const T s = T(1) / (T(1) + exp(-x));"
_PHI = f"const T Phi = T(0.5) + T(0.5) * erf(x / T({sqrt(2)!r}));"
_NEAR = "const T near = x < T(-10) ? T(-10) : (x > T(10) ? T(10) : x);"
_TANH = (
    f"{_NEAR} const T t = tanh(T({sqrt(2 / pi)!r}) * (near + T(0.044715) * near * near * near));"
)

FORWARD = {  # y from x and the settings
    "elu": Elementwise(
        "elu", "T x, T alpha", "T y", "y = x > T(0) ? x : (x != x ? x : alpha * expm1(x));"
    ),
    "gelu": Elementwise("gelu", "T x", "T y", f"{_PHI} y = x * Phi;"),
    "gelu_tanh": Elementwise("gelu_tanh", "T x", "T y", f"{_TANH} y = T(0.5) * x * (T(1) + t);"),
    "leaky_relu": Elementwise(
        "leaky_relu", "T x, T slope", "T y", "y = x > T(0) ? x : slope * x;"
    ),
    "sigmoid": Elementwise("sigmoid", "T x", "T y", f"{_SIGMOID} y = s;"),
    "silu": Elementwise("silu", "T x", "T y", f"{_SIGMOID} y = x * s;"),
    "softplus": Elementwise(
        "softplus", "T x", "T y", "y = (x > T(0) ? x : T(0)) + log1p(exp(-fabs(x)));"
        " if (x != x) y = x;",
    ),
}

BACKWARD = {  # dL/dx from g = dL/dy and what the rule of the operation asks for
    "elu": Elementwise(
        "elu_slope", "T g, T x, T alpha", "T d", "d = x > T(0) ? g : g * alpha * exp(x);"
    ),
    "gelu": Elementwise(
        "gelu_slope", "T g, T x", "T d",
        f"{_PHI} d = g * (Phi + x * exp(T(-0.5) * x * x) * T({1 / sqrt(2 * pi)!r}));",
    ),
    "gelu_tanh": Elementwise(
        "gelu_tanh_slope", "T g, T x", "T d",
        f"{_TANH} const T dt = (T(1) - t * t) * T({sqrt(2 / pi)!r})"
        " * (T(1) + T(0.134145) * near * near);"
        " d = g * (T(0.5) * (T(1) + t) + T(0.5) * x * dt);",
    ),
    "leaky_relu": Elementwise(
        "leaky_relu_slope", "T g, T x, T slope", "T d",
        "d = g * T(x > T(0)) + slope * g * T(x <= T(0));",
    ),
    "relu": Elementwise("relu_slope", "T g, T y", "T d", "d = g * T(y > T(0));"),
    "sigmoid": Elementwise("sigmoid_slope", "T g, T y", "T d", "d = g * (y * (T(1) - y));"),
    "silu": Elementwise(
        "silu_slope", "T g, T x", "T d", f"{_SIGMOID} d = g * (s + x * s * (T(1) - s));"
    ),
    "softplus": Elementwise("softplus_slope", "T g, T x", "T d", f"{_SIGMOID} d = g * s;"),
    "tanh": Elementwise("tanh_slope", "T g, T y", "T d", "d = g * (T(1) - y * y);"),
}  # fmt: skip

WITH_BIAS = {  # y from x and b
    name: Elementwise(f"bias_{name}", "T z, T b", "T y", f"const T x = z + b; {body}")
    for name, body in {
        "relu": "y = (x > T(0) || x != x) ? x : T(0);",
        "sigmoid": FORWARD["sigmoid"].body,
        "tanh": "y = tanh(x);",
    }.items()
}
