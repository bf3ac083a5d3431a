"""Parameters in the structure that they came in: an array, a list or a dict of arrays."""

from .arrays import as_numpy, is_array
from .errors import DTypeError, InputError
from .signature import positional_count

__all__ = ["by_name", "by_place", "by_structure", "named_params", "scaled"]


def named_params(params, names) -> dict:
    """Parameters as a dict of arrays by name."""
    return {k: v if is_array(v) else frozen(v) for k, v in by_name(params, names).items()}


def by_name(params, names) -> dict:
    """Parameters as a dict by name, as they are."""
    if isinstance(params, dict):
        return {str(k): v for k, v in params.items()}
    if is_array(params):
        return {(names or ["params"])[0]: params}
    if isinstance(params, (list, tuple)):
        names = list(names or (f"params[{i}]" for i in range(len(params))))
        if len(names) != len(params):
            raise InputError(
                f"gradcheck needs one name per array: {len(names)} names for {len(params)} arrays."
            )
        return dict(zip(names, params, strict=True))
    raise DTypeError(
        f"gradcheck needs params as an array, or a list or dict of arrays, "
        f"got {type(params).__name__}. Turn generators into a list first."
    )


def frozen(v):
    """A list as an array; read-only, since writing into it would not reach the caller's list."""
    array = as_numpy(v).copy()
    array.flags.writeable = False
    return array


def by_structure(loss, params, arrays):
    """bind(f)(values): f with the values in the structure that the parameters came in."""
    if is_array(params) or positional_count(loss) == len(arrays) > 1:
        return lambda f: lambda values: f(*values.values())
    if not isinstance(params, dict):
        return lambda f: lambda values: f(type(params)(values.values()))
    if all(isinstance(k, str) for k in params):
        return lambda f: lambda values: f(dict(values))
    return lambda f: lambda values: f(dict(zip(params, values.values(), strict=True)))


def by_place(f, values):
    """f(..., ...)."""
    return f(*values.values())


def scaled(raw, d):
    """d times gradients in any structure; None stays None."""
    if d == 1:
        return raw
    if isinstance(raw, dict):
        return {k: scaled(v, d) for k, v in raw.items()}
    if isinstance(raw, (list, tuple)):
        return [scaled(v, d) for v in raw]
    return None if raw is None else d * as_numpy(raw)
