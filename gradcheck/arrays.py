"""The one home for turning whatever a user hands in into NumPy arrays; recipes for frameworks.

Arrays of any framework come back as NumPy copies, so the caller's memory is never written; a
forward gets NumPy arrays and makes its own from them.  In each recipe `function` is yours.

PyTorch, for an autograd.Function (its .apply) or anything that autograd differentiates:

    def forward(x, w):
        leaves = [torch.tensor(v, requires_grad=True) for v in (x, w)]
        out = function(*leaves)
        return out, (out, leaves)

    def backward(dout, cache):
        out, leaves = cache
        return torch.autograd.grad(out, leaves, torch.tensor(dout), retain_graph=True)

    alone = lambda x, w: function(torch.tensor(x), torch.tensor(w))      # without requires_grad
    gradcheck.assert_vjp(forward, backward, {"x": x, "w": w}, value=alone)

JAX, for a custom_vjp or any function; without x64 the check would be one in float32:

    jax.config.update("jax_enable_x64", True)

    def forward(x, w):
        return jax.vjp(function, x, w)

    def backward(dout, pull):
        return pull(dout)

    gradcheck.assert_vjp(forward, backward, {"x": x, "w": w})

CuPy, for a forward and a backward written by hand (here two, `function` and `gradients`):

    def forward(x, w):
        return function(cupy.asarray(x), cupy.asarray(w))

    def backward(dout, cache):
        return gradients(cupy.asarray(dout), cache)

    gradcheck.assert_vjp(forward, backward, {"x": x, "w": w})
"""

import numpy as np

from .errors import DTypeError

__all__ = ["as_numpy", "is_array", "is_float", "randn", "real_copy"]


def as_numpy(x):
    """x as a NumPy array: from a torch or minnet tensor, a CuPy array, or what np.asarray takes.

    Raises DTypeError for what is not numeric.

    >>> as_numpy([1.0, 2.0]).shape
    (2,)
    """
    if isinstance(x, np.ndarray):
        return x
    if hasattr(x, "detach"):
        x = x.detach()
        x = (x.cpu() if hasattr(x, "cpu") else x).numpy()
    elif callable(getattr(x, "get", None)) and hasattr(x, "dtype"):
        x = x.get()
    try:
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise DTypeError(f"gradcheck needs arrays of numbers, got {type(x).__name__}.") from error
    if array.dtype.kind not in "biufc":
        raise DTypeError(
            f"gradcheck needs arrays of numbers, got {type(x).__name__}. "
            "Turn generators into lists and objects into arrays first."
        )
    return array


def is_array(x) -> bool:
    """True for arrays of any framework; plain Python numbers and containers are settings."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def is_float(x) -> bool:
    """True for arrays (of any framework) of real floating-point numbers."""
    return is_array(x) and as_numpy(x).dtype.kind == "f"


def real_copy(x, name: str, dtype="float64"):
    """A C-ordered copy of x in `dtype` ("as-is" keeps it); the one gate for arrays to be checked.

    Raises DTypeError for integers, booleans and complex numbers.
    """
    array = as_numpy(x)
    if array.dtype.kind in "biu":
        raise DTypeError(
            f"gradcheck needs floating-point values for {name!r}, got {array.dtype}: "
            "a small step would be cut off. Convert it with .astype(float)."
        )
    if array.dtype.kind != "f":
        raise DTypeError(
            f"gradcheck needs real values for {name!r}, got {array.dtype}. "
            "Check the real and the imaginary part as two real arrays."
        )
    return np.array(array, dtype=array.dtype if dtype == "as-is" else dtype, order="C")


def randn(*shape: int, rng=0, scale: float = 1.0) -> np.ndarray:
    """Gaussian float64 array for tests.   rng: a seed or a Generator; scale: standard deviation.

    >>> randn(2, 3, rng=0).shape
    (2, 3)
    """
    return scale * np.random.default_rng(rng).standard_normal(shape)
