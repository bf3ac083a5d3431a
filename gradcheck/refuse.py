"""What looks checkable and is not, refused with the way that works."""

from .errors import InputError

__all__ = ["refuse_class", "refuse_framework_module"]

RECIPE = "Wrap it by the PyTorch recipe at the top of gradcheck/arrays.py (help(gradcheck.arrays))"


def refuse_class(f, who: str, needs: str) -> None:
    """Raise InputError for a class of layers where a function, or an object of it, is needed."""
    if not (isinstance(f, type) and hasattr(f, "forward")):
        return
    if descends(f, "torch", "Function"):
        raise InputError(
            f"{who} needs {needs}, got the torch.autograd.Function {f.__name__}. {RECIPE}, "
            f"where function is {f.__name__}.apply."
        )
    raise InputError(
        f"{who} needs {needs}, got the class {f.__name__}. "
        f"Make an object of it: gradcheck.check_module({f.__name__}(...), x)."
    )


def refuse_framework_module(module) -> None:
    """Raise InputError for a module whose gradients a framework makes: it has no backward(dout)."""
    name = type(module).__name__
    if descends(type(module), "torch", "Module"):
        raise InputError(
            f"check_module needs an object with forward(x) and backward(dout), "
            f"got the torch.nn.Module {name}. {RECIPE}, where function is the module."
        )
    if descends(type(module), "minnet", "Module"):
        raise InputError(
            f"check_module needs an object with forward(x) and backward(dout), got the minnet "
            f"module {name}. Use minnet.sanity.check_gradients(model, loss_fn, (x, y))."
        )
    missing = [k for k in ("forward", "backward") if not callable(getattr(module, k, None))]
    if missing:
        raise InputError(
            f"check_module needs an object with forward(x) and backward(dout), "
            f"got {name} without {' and '.join(missing)}. For a pair of functions use check_vjp."
        )


def descends(cls: type, package: str, name: str) -> bool:
    """True if a base class of that name is at home in the package (which need not be installed)."""
    return any(c.__name__ == name and c.__module__.split(".")[0] == package for c in cls.__mro__)
