"""gradcheck: is a hand-written gradient right, and if not, why?

check_vjp(forward, backward, inputs)   pairs that return (out, cache) and gradients
check(loss, params, grads)             losses;  check_grad(f, grad, x) in SciPy's order
check_module(module, *inputs)          layer objects;  assert_* raise GradientMismatch
numerical_grad, relative_error, h_sweep, band, randn    the pieces
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arrays import as_numpy, randn
    from .checks import (
        assert_grad,
        assert_grads,
        assert_module,
        assert_vjp,
        check,
        check_grad,
        check_module,
        check_vjp,
    )
    from .derivative import NumericGrad, Sweep, h_sweep, numerical_grad, sweep_h
    from .errors import CallError, DTypeError, GradcheckError, GradientMismatch, InputError
    from .kinks import count_kinks
    from .report import Entry, Evidence, Finding, ParamResult, Report
    from .tolerance import Band, band, relative_error

__all__ = [
    "Band",
    "CallError",
    "DTypeError",
    "Entry",
    "Evidence",
    "Finding",
    "GradcheckError",
    "GradientMismatch",
    "InputError",
    "NumericGrad",
    "ParamResult",
    "Report",
    "Sweep",
    "as_numpy",
    "assert_grad",
    "assert_grads",
    "assert_module",
    "assert_vjp",
    "band",
    "check",
    "check_grad",
    "check_module",
    "check_vjp",
    "count_kinks",
    "h_sweep",
    "numerical_grad",
    "randn",
    "relative_error",
    "sweep_h",
]

# Where the names above are at home, the lightest first: each is imported when first used, so that
# `import gradcheck` costs next to nothing.
_HOMES = ("errors", "arrays", "tolerance", "entries", "kinks", "derivative", "report", "checks")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        message = f"module 'gradcheck' has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])  # Python adds a hint
    homes = (import_module(f".{home}", __name__) for home in _HOMES)
    globals()[name] = value = next(getattr(home, name) for home in homes if name in home.__all__)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
