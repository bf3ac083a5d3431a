"""Read someone's file as text and as a syntax tree, without running it."""

import ast
import re
import tokenize

import numpy as np

from ..errors import GradcheckError

__all__ = ["SourceError", "functions", "old_names", "parse", "print_notes", "read"]

PRINT = re.compile(r"(?m)(^[ \t]*|:[ \t]+)print(?:[ \t]+[^(=\s].*)?$")  # a Python 2 statement

# names that older files use: what to write instead, and what stands in for them
REMOVED = {
    "int": ("int", int), "float": ("float", float), "bool": ("bool", bool),
    "complex": ("complex", complex), "object": ("object", object), "str": ("str", str),
    "long": ("int", int), "unicode": ("str", str), "float_": ("np.float64", np.float64),
    "Inf": ("np.inf", np.inf), "infty": ("np.inf", np.inf), "NaN": ("np.nan", np.nan),
    "product": ("np.prod", np.prod), "cumproduct": ("np.cumprod", np.cumprod),
    "alltrue": ("np.all", np.all), "sometrue": ("np.any", np.any),
    "round_": ("np.round", np.round), "row_stack": ("np.vstack", np.vstack),
    "in1d": ("np.isin", np.isin), "asfarray": ("np.asarray(x, float)", np.asarray),
}  # fmt: skip


class SourceError(GradcheckError, ValueError):
    """The file cannot be read as Python 3: says where, and what to do."""


def read(path) -> str:
    """The text of a Python file in its declared encoding; notebook magics become `pass`."""
    try:
        with tokenize.open(path) as file:
            text = file.read()
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file") from None
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read as Python text: {error}") from None
    return re.sub(r"(?m)^([ \t]*)[%!].*$", r"\1pass", text)


def parse(path) -> ast.Module:
    """The syntax tree of a file, or a SourceError that names the line and the likely cause.

    The print statements of Python 2 are left out where they are all that is in the way.
    """
    text = read(path)
    if not is_python3(text) and is_python3(PRINT.sub(r"\1pass", text)):
        text = PRINT.sub(r"\1pass", text)
    try:
        return ast.parse(text, filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        code = (getattr(error, "text", None) or "").strip()
        reason = f"{type(error).__name__}: {getattr(error, 'msg', error)}"
        if re.search(r"\bprint\s+[^(=]|\bprint$|\bexcept \w+, ?\w+:|^exec |^raise \w+,", code):
            reason = "this is Python 2: convert the file with 2to3"
        elif re.match(r"(<<<<<<<|=======|>>>>>>>)", code):
            reason = "a merge conflict mark: finish the merge"
        raise SourceError(f"{path}, line {line}: {reason}   [{code}]") from None


def is_python3(text) -> bool:
    """True if a text parses.

    >>> is_python3("print 1"), is_python3("print(1)")
    (False, True)
    """
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def print_notes(path) -> list[str]:
    """A line if the file has print statements of Python 2, which were left out."""
    text = read(path)
    found = None if is_python3(text) else PRINT.search(text)
    if found is None:
        return []
    line = text.count("\n", 0, found.start(0)) + 1
    return [f"line {line}: print statements of Python 2 were left out; write print(...)"]


def functions(body):
    """(name, definition) at the top level, also under if and try.

    >>> [name for name, _ in functions(ast.parse("if 1:\\n    def f(x): ...").body)]
    ['f']
    """
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.If):
            yield from functions(node.body + node.orelse)
        elif isinstance(node, ast.Try):
            handlers = [statement for handler in node.handlers for statement in handler.body]
            yield from functions(handlers + node.body + node.orelse + node.finalbody)


def old_names(tree) -> list[str]:
    """One line for each name in the file that is read as another: those that NumPy or Python 3 no
    longer has, and float32.

    >>> old_names(ast.parse("x = np.float(3)"))
    ['line 1: np.float was removed from NumPy; write float']
    """
    notes: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and (said := replaced(node)):
            notes.setdefault(said, f"line {node.lineno}: {said}")
    return list(notes.values())


def replaced(node) -> str | None:
    """What is said of a name in the syntax tree that stands for another; None for all others."""
    if isinstance(node, ast.Name) and node.id == "xrange":
        return "xrange is Python 2; write range"
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
        return None
    if node.value.id not in {"np", "numpy"}:
        return None
    if node.attr in {"float32", "single"}:
        return f"np.{node.attr} is read as float64, in which rounding does not hide a fault"
    old = node.attr in REMOVED and node.attr not in vars(np)
    return f"np.{node.attr} was removed from NumPy; write {REMOVED[node.attr][0]}" if old else None
