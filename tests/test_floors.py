"""Imports go only downwards and stand at the top; each optional library has one home."""

import ast
import importlib.util
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.source import PACKAGES, Module, modules

# A part of minnet may import from the floors below it and, on its floor, from those to its left.
FLOORS = (
    ("errors", "threads", "backend", "cuda", "modes"),
    ("tensor", "debugging", "derivatives"),
    ("functional",),
    ("kernels",),
    ("init", "schedules", "data"),
    ("nn", "optim"),
    ("train", "sanity", "dynamics", "tune"),
    ("drawing", "plot", "tour", "doctor", "explore", "cli"),
    ("__init__", "__main__"),
)
HEIGHT = {part: height for height, part in enumerate(part for floor in FLOORS for part in floor)}

ONE_HOME = {                                       # library: the files that may name it
    "cupy": {"minnet.backend"},
    "matplotlib": {"minnet.plot.base", "minnet.plot.animation", "gradcheck.plot"},
}
PLOTS = {"minnet.plot", "gradcheck.plot"}           # reached from .plot() methods
# imported at their one use, inside a function
EXTRAS = {"IPython", "ipywidgets", "ml_dtypes", "optuna", "tensorboard", "wandb"}

SOURCES = {package: list(modules(package)) for package in PACKAGES}


def part_of(name):
    """minnet.nn.linear -> nn;   minnet -> __init__."""
    return [*name.split("."), "__init__"][1]


def imports(module, known, within=None):
    """Dotted names the module (or one node of it) imports, as exact as `known` modules allow."""
    typing_only = {
        node
        for block in ast.walk(module.tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    found = set()
    for node in set(ast.walk(within or module.tree)) - typing_only:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node)
            full = {f"{base}.{alias.name}" for alias in node.names}
            found |= (full & (known | PLOTS)) or {base}
    return found


def absolute(module, node):
    """The module that a `from ... import` names, its leading dots resolved."""
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    return importlib.util.resolve_name("." * node.level + (node.module or ""), package)


def functions(module):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    return [node for node in ast.walk(module.tree) if isinstance(node, kinds)]


def inside_functions(module, known):
    return {name for function in functions(module) for name in imports(module, known, function)}


def names(sources):
    return {module.name for module in sources}


def upward_imports(sources):
    """Where a part of minnet imports one that is not below it."""
    for module in sources:
        part = part_of(module.name)
        if part not in HEIGHT:
            yield f"{module.name} has no floor: give {part!r} a place in FLOORS"
            continue
        known = names(sources)
        hidden_plots = inside_functions(module, known) & PLOTS
        for target in sorted(imports(module, known) - hidden_plots):
            other = part_of(target)
            if target.split(".")[0] == "minnet" and other != part and (
                HEIGHT.get(other, len(HEIGHT)) > HEIGHT[part]
            ):
                yield f"{module.name} imports {target}, which is not below it"


def hidden_imports(sources):
    """Imports inside functions, but for an extra at its one use and plot modules behind .plot()."""
    for module in sources:
        for name in sorted(inside_functions(module, names(sources))):
            root = name.split(".")[0]
            at_home = root == "cupy" and module.name in ONE_HOME["cupy"]
            if not (at_home or root in EXTRAS or name in PLOTS):
                yield f"{module.name} imports {name} inside a function: move it to the top"


def strays(sources, library):
    """Modules that name an optional library (name, import or string) and are not its home."""
    for module in sources:
        if module.name not in ONE_HOME[library] and library in mentioned(module):
            yield f"{module.name} names {library}, whose home is {sorted(ONE_HOME[library])}"


def mentioned(module):
    """First parts of every name, import and dotted-name string of the module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.split(".")[0]


def cycle(sources):
    """A cycle among the imports at the tops of the files, or []."""
    known = names(sources)
    graph = {m.name: (imports(m, known) - inside_functions(m, known)) & known for m in sources}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_minnet_imports_only_downwards():
    assert list(upward_imports(SOURCES["minnet"])) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_stand_at_the_top(package):
    assert list(hidden_imports(SOURCES[package])) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_have_no_cycle(package):
    assert cycle(SOURCES[package]) == []


@pytest.mark.parametrize("library", ONE_HOME)
def test_optional_library_has_one_home(library):
    assert list(strays([*SOURCES["minnet"], *SOURCES["gradcheck"]], library)) == []


def test_gradcheck_never_imports_minnet():
    found = set().union(*(imports(module, set()) for module in SOURCES["gradcheck"]))
    roots = {name.split(".")[0] for name in found}
    assert "numpy" in roots
    assert "minnet" not in roots


def test_only_sanity_imports_gradcheck():
    users = {
        part_of(module.name)
        for module in SOURCES["minnet"]
        for name in imports(module, set())
        if name.split(".")[0] == "gradcheck"
    }
    assert users <= {"sanity"}


def cupy_strays(sources):
    return strays(sources, "cupy")


PLANTED = [                                        # (rule, {module: text}, part of the complaint)
    (upward_imports, {"minnet.tensor": "from minnet.nn import Linear"}, "imports minnet.nn"),
    (upward_imports, {"minnet.tensor": "from . import nn", "minnet.nn": ""}, "imports minnet.nn"),
    (upward_imports, {"minnet.data.mnist": "from ..train import fit"}, "imports minnet.train"),
    (upward_imports, {"minnet.nn": "from minnet import optim", "minnet.optim": ""}, "minnet.optim"),
    (upward_imports, {"minnet.plot": "import minnet"}, "imports minnet, which"),
    (upward_imports, {"minnet.cloud": ""}, "has no floor"),
    (hidden_imports, {"minnet.nn": "def f():\n    import json"}, "imports json inside"),
    (hidden_imports, {"minnet.nn": "def f():\n    import cupy"}, "imports cupy inside"),
    (cycle, {"minnet.a": "from minnet.b import x", "minnet.b": "import minnet.a"}, "minnet.a"),
    (cupy_strays, {"minnet.nn": "import_module('cupy.cuda')"}, "names cupy"),
    (cupy_strays, {"minnet.plot": "import cupy.cuda as c"}, "names cupy"),
]


@pytest.mark.parametrize(("rule", "files", "complaint"), PLANTED)
def test_rule_sees_planted_fault(rule, files, complaint):
    assert complaint in " ".join(rule([Module(name, text) for name, text in files.items()]))


@pytest.mark.parametrize("rule", [upward_imports, hidden_imports, cycle])
def test_rule_accepts_what_the_design_allows(rule):
    allowed = {
        "minnet.backend": "import minnet.errors\ndef load():\n    import cupy",
        "minnet.errors": "",
        "minnet.tune": "from .train import fit\ndef study():\n    import optuna",
        "minnet.train": "def plot(self):\n    from minnet import plot",
        "minnet.plot": "from minnet.train import History",
    }
    assert list(rule([Module(name, text) for name, text in allowed.items()])) == []
