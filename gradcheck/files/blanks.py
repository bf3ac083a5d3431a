"""Recognise an exercise that was never filled in, from its syntax tree."""

import ast

__all__ = ["is_template"]


def is_template(function) -> bool:
    """True if the function is empty, or a name that it returns only ever held None, 0 or zeros.

    >>> tree = ast.parse("def f(x):\\n    out = None\\n    cache = (x,)\\n    return out, cache")
    >>> is_template(tree.body[0])
    True
    """
    work = [s for s in function.body if not isinstance(s, ast.Expr | ast.Pass)]
    names = [v.id for v in _returned(function) if isinstance(v, ast.Name)]
    return not work or any(_is_blank(function, name) for name in names)


def _is_blank(function, name):
    """True if every value given to a name is nothing, and nothing is written into it."""
    values = [v for target, v in _assignments(function) if target == name]
    fresh = [v for v in values if not _mentions(v, name)]
    return bool(fresh) and all(map(_is_nothing, fresh)) and not _is_touched(function, name)


def _is_nothing(value):
    """None, 0, or a call of zeros: what an empty template starts from."""
    if isinstance(value, ast.Call):
        called = getattr(value.func, "attr", getattr(value.func, "id", ""))
        return called in {"zeros", "zeros_like"}
    return isinstance(value, ast.Constant) and value.value in (None, 0)


def _is_touched(function, name):
    """True if something is added to a name, stored inside it, or it is handed to a call."""
    return any(_touches(node, name) for node in ast.walk(function))


def _touches(node, name):
    if isinstance(node, ast.AugAssign):
        return _mentions(node.target, name)
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Store) and _mentions(node.value, name)
    arguments = node.args if isinstance(node, ast.Call) else []
    return any(isinstance(a, ast.Name) and a.id == name for a in arguments)


def _assignments(function):
    """(name, value) of every plain assignment; tuples are taken apart."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _pairs(target, node.value)


def _pairs(target, value):
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple | ast.List):
        values = _elements(value)
        values = values if len(values) == len(target.elts) else [value] * len(target.elts)
        for left, right in zip(target.elts, values, strict=True):
            yield from _pairs(left, right)


def _mentions(node, name):
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node))


def _elements(value):
    return list(value.elts) if isinstance(value, ast.Tuple | ast.List) else [value]


def _returned(function):
    returns = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value]
    return [value for result in returns for value in _elements(result)]
