"""The recipes of gradcheck.arrays as they stand: a right function passes, a wrong one fails."""

import textwrap

import numpy as np
import pytest

import gradcheck
from gradcheck import arrays

POINT = {"x": gradcheck.randn(3, 4, rng=0), "w": gradcheck.randn(4, 2, rng=1)}


def run(framework, **names):
    """Execute the block of the docstring that follows the framework's name."""
    text = arrays.__doc__.split(f"\n{framework}, ")[1].split(":\n\n", 1)[1]
    lines = text.splitlines()
    end = next((k for k, line in enumerate(lines) if line and line[0] != " "), len(lines))
    code = textwrap.dedent("\n".join(lines[:end]))
    exec(compile(code, framework, "exec"), {"gradcheck": gradcheck, **POINT, **names})


@pytest.mark.oracle
@pytest.mark.parametrize("factor", [1, 2])
def test_pytorch(factor):
    torch = pytest.importorskip("torch")

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x @ w

        @staticmethod
        def backward(ctx, d):
            x, w = ctx.saved_tensors
            return d @ w.T, factor * x.T @ d

    judge(factor, lambda: run("PyTorch", torch=torch, function=Product.apply))


@pytest.mark.oracle
def test_pytorch_function_that_differs_when_a_gradient_is_asked_for():
    """GC-K12."""
    torch = pytest.importorskip("torch")
    function = lambda x, w: x @ w + (1.0 if x.requires_grad else 0.0)
    with pytest.raises(gradcheck.GradientMismatch, match="function-differs"):
        run("PyTorch", torch=torch, function=function)


@pytest.mark.oracle
@pytest.mark.parametrize("factor", [1, 2])
def test_jax(factor):
    jax = pytest.importorskip("jax")
    function = jax.custom_vjp(lambda x, w: x @ w)
    function.defvjp(
        lambda x, w: (x @ w, (x, w)), lambda c, d: (d @ c[1].T, factor * c[0].T @ d)
    )
    judge(factor, lambda: run("JAX", jax=jax, function=function))


def product(factor):
    """(function, gradients) for arrays of any library."""
    return {
        "function": lambda x, w: (x @ w, (x, w)),
        "gradients": lambda d, c: (d @ c[1].T, c[0].T @ d * factor),
    }


@pytest.mark.gpu
@pytest.mark.parametrize("factor", [1, 2])
def test_cupy(factor):
    cupy = pytest.importorskip("cupy")
    judge(factor, lambda: run("CuPy", cupy=cupy, **product(factor)))


class Remote:
    """An array that only `get` brings to the host, as CuPy's are."""

    __array__ = None

    def __init__(self, value):
        self.value = np.array(value)
        self.shape, self.dtype = self.value.shape, self.value.dtype

    def get(self):
        return self.value

    @property
    def T(self):
        return Remote(self.value.T)

    def __matmul__(self, other):
        return Remote(self.value @ other.value)

    def __mul__(self, number):
        return Remote(self.value * number)


@pytest.mark.parametrize("factor", [1, 2])
def test_an_array_that_never_converts_by_itself(factor):
    """CuPy's recipe on a stand-in that raises on np.asarray, as CuPy does."""
    module = type("cupy", (), {"asarray": Remote})
    judge(factor, lambda: run("CuPy", cupy=module, **product(factor)))


def judge(factor, check):
    if factor == 1:
        check()
    else:
        with pytest.raises(gradcheck.GradientMismatch, match="factor 2"):
            check()
