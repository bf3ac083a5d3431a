"""Find hand-written gradients in someone's file by reading it, without running it.

What is found, by its name and its arguments:

- a pair `NAME_forward(...) -> (out, cache)` and `NAME_backward(dout, cache) -> gradients`, also as
  `NAME_step_forward`, `NAME_forward_naive`, `nameForward`, `forward_name`, `NAME_backward_alt`;
- a loss `NAME_loss(x, y) -> (loss, dx)` or `NAME_loss(W, X, y, reg) -> (loss, dW)`;
- an optimizer rule `rule(w, dw, config) -> (next_w, config)`;
- a class with forward(x) and backward(dout), or with loss(X, y) -> (loss, grads) and params.
"""

import ast
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from .blanks import is_template
from .source import functions, old_names, parse, print_notes
from .updates import RULES

__all__ = ["Source", "Target", "discover"]

FORWARD = {"forward", "fwd", "fprop"}
BACKWARD = {"backward", "bwd", "bprop", "backprop"}
VARIANTS = {
    "alt", "efficient", "fast", "half", "im2col", "layer", "loop", "loops", "my", "naive", "numpy",
    "quick", "reshape", "simple", "slow", "strides", "v1", "v2", "v3", "vec", "vectorised",
    "vectorized",
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One thing to check: a forward with its backward, a loss, or an optimizer rule.

    name: what the report calls it.   key: the name without separators and variants, for the
    catalogue.   kind: pair, forward, loss, rule, layer, net or report.   docstring: of its forward;
    docstrings: of the whole file.   templates: those of its functions whose blanks were never
    filled in.
    """

    name: str
    key: str
    kind: str
    forward: str
    backward: str | None = None
    line: int = 0
    arguments: tuple[str, ...] = ()
    required: int = 0
    backward_arguments: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    docstring: str = ""
    docstrings: str = ""
    templates: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The functions by name, as the report shows them."""
        if self.kind == "layer":
            return f"{self.forward}.forward / .backward"
        if self.kind == "net":
            return f"{self.forward}.loss"
        return f"{self.forward} / {self.backward}" if self.backward else self.forward


@dataclass
class Source:
    """A file that was read: its targets in their order, and what a reader should know about it."""

    path: Path
    functions: dict[str, ast.FunctionDef]
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def discover(path) -> Source:
    """Read a file and return its Source.

    Raises SourceError if the file is missing, is not text, or is not Python 3.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "layers.py"
    >>> _ = file.write_text("def relu_forward(x): ...\\ndef relu_backward(dout, cache): ...")
    >>> [target.title for target in discover(file).targets]
    ['relu_forward / relu_backward']
    """
    tree = parse(path)
    found = dict(functions(tree.body))
    notes = [*print_notes(path), *old_names(tree), *_class_notes(tree)]
    told = "\n".join(_docstrings(tree))
    targets = sorted([*_targets(found), *_class_targets(tree)], key=lambda t: (t.line, t.name))
    targets = [replace(target, docstrings=told) for target in targets]
    return Source(Path(path), found, targets, notes)


def words(name: str) -> list[str]:
    """The words of snake_case and camelCase names, in lower case.

    >>> words("max_pool_forward_naive"), words("affineReluBackward"), words("conv_forward_im2col")
    (['max', 'pool', 'forward', 'naive'], ['affine', 'relu', 'backward'], ['conv', 'forward', 'im2col'])
    """  # noqa: E501
    parts = re.findall(r"im2col|[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|\d+", name)
    return [part.lower() for part in parts]


def split(name: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """(direction, base words, variant words) of a function's name; direction is f, b or empty.

    >>> split("batchnorm_backward_alt")
    ('b', ('batchnorm',), ('alt',))
    """
    parts = words(name)
    base = tuple(w for w in parts if w not in FORWARD | BACKWARD | VARIANTS)
    variants = tuple(w for w in parts if w in VARIANTS)
    direction = "".join("f" if w in FORWARD else "b" for w in parts if w in FORWARD | BACKWARD)
    return direction, base, variants


def _targets(found):
    """All targets among the functions of a file, in the order of their lines."""
    parts = {name: split(name) for name in found}
    forwards = {name: p for name, p in parts.items() if p[0] == "f"}
    partners = {
        name: _partner(forwards, base, variants)
        for name, (direction, base, variants) in parts.items()
        if direction == "b"
    }
    targets = [_target("pair", found, f, b) for b, f in partners.items() if f]
    lonely = [name for name in forwards if name not in partners.values()]
    targets += [_target("forward", found, name) for name in lonely]
    for name, (direction, base, _) in parts.items():
        if not direction and _is_loss(found[name], base):
            targets.append(_target("loss", found, name))
        elif not direction and _is_rule(found[name], base):
            targets.append(_target("rule", found, name))
    return targets


def _partner(forwards, base, variants):
    """The forward that belongs to a backward: same variant, else the plain one, else any."""
    same = {name: p[2] for name, p in forwards.items() if p[1] == base}
    for wanted in (variants, ()):
        for name, variant in same.items():
            if variant == wanted:
                return name
    return next(iter(same), None)


def _target(kind, found, forward, backward=None):
    _, base, variants = split(backward or forward)
    members = [forward, backward] if backward else [forward]
    names, required = _arguments(found[forward])
    return Target(
        name="_".join([*base, *variants]) or forward,
        key="".join(base),
        kind=kind,
        forward=forward,
        backward=backward,
        line=found[forward].lineno,
        arguments=names,
        required=required,
        backward_arguments=_arguments(found[backward])[0] if backward else (),
        variants=variants,
        docstring=ast.get_docstring(found[forward]) or "",
        templates=tuple(name for name in members if is_template(found[name])),
    )


def _arguments(node):
    """Names of the positional arguments, and how many of them have no default."""
    names = [a.arg for a in node.args.posonlyargs + node.args.args]
    return tuple(names), len(names) - len(node.args.defaults)


def _is_loss(node, base):
    """A name with `loss` in it, two arguments or more, and a pair (or a call) returned."""
    returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
    pairs = [v for v in returned if isinstance(v, ast.Tuple | ast.List) and len(v.elts) == 2]
    blank = not any(returned)
    return "loss" in base and _arguments(node)[1] >= 2 and bool(pairs or blank)


def _is_rule(node, base):
    """A known name with three arguments, or the arguments of a rule under an unknown name."""
    names = _arguments(node)[0]
    return len(names) >= 3 and ("".join(base) in RULES or names[:3] == ("w", "dw", "config"))


def _docstrings(tree):
    """What the file says of itself: the docstrings of the module, its functions and classes."""
    documented = ast.Module | ast.FunctionDef | ast.ClassDef
    for node in ast.walk(tree):
        if isinstance(node, documented):
            yield ast.get_docstring(node) or ""


def _class_targets(tree):
    """A target for each class whose methods are those of a layer or of a net."""
    bases = {ast.unparse(base) for node in _classes(tree) for base in node.bases}
    for node in _classes(tree):
        kind = _class_kind(node)
        if kind and not (node.name in bases and _is_abstract(node)):
            key = "".join(words(node.name))
            yield Target(node.name, key, kind, node.name, line=node.lineno)


def _class_kind(node):
    """layer, net or None, from the methods of a class and their arguments."""
    methods = {m.name: _arguments(m)[0][1:] for m in node.body if isinstance(m, ast.FunctionDef)}
    if methods.get("forward") and "backward" in methods:
        return "layer"
    labelled = tuple(name[:1].lower() for name in methods.get("loss", ())[:2]) == ("x", "y")
    return "net" if labelled else None


def _is_abstract(node):
    """True for a base class whose methods are blank, or only raise."""
    named = [m for m in node.body if isinstance(m, ast.FunctionDef)]
    methods = [m for m in named if m.name in {"forward", "backward", "loss"}]
    return all(is_template(m) or isinstance(m.body[-1], ast.Raise) for m in methods)


def _class_notes(tree):
    """A line for each class that looks like a layer, but whose methods take nothing."""
    for node in _classes(tree):
        methods = {m.name for m in node.body if isinstance(m, ast.FunctionDef)}
        if {"forward", "backward"} <= methods and not _class_kind(node):
            yield (
                f"line {node.lineno}: class {node.name} has forward and backward methods; "
                "check an instance with gradcheck.check_module"
            )


def _classes(tree):
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]
