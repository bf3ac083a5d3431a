"""minnet: the framework a deep-learning course would write for itself.

>>> import minnet as mn
>>> x = mn.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

import sys
from importlib import import_module
from typing import Any

from . import functional
from .backend import when_registered
from .debugging import debug
from .derivatives import grad, hessian, hvp, jacobian
from .modes import enable_grad, is_grad_enabled, no_grad, observe
from .tensor import Op, Parameter, Tensor, op, tensor

__version__ = "0.1.0"

__all__ = [
    "Op",
    "Parameter",
    "Tensor",
    "debug",
    "enable_grad",
    "functional",
    "grad",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "no_grad",
    "observe",
    "op",
    "tensor",
]

# Imported when first used, so that `import minnet` stays as light as NumPy.
_LAZY = {"cuda", "data", "dynamics", "init", "nn", "optim", "plot", "sanity", "schedules", "train"}

when_registered(lambda module: import_module(".kernels", __name__).install(module))


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f".{name}", __name__)
    message = f"module 'minnet' has no attribute {name!r}"
    raise AttributeError(message, name=name, obj=sys.modules[__name__])  # Python adds a hint


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
