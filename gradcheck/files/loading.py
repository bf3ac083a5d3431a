"""Run someone's file statement by statement, so that one that fails does not hide the rest.

Meant for a process of its own: it changes sys.path, builtins, the NumPy module and the file
descriptors of stdout and stderr.
"""

import ast
import builtins
import importlib
import linecache
import os
import sys
import traceback
import types
from functools import cache

import numpy as np

from .source import REMOVED, parse

__all__ = ["MissingHelper", "describe", "load", "silence"]


class MissingHelper(Exception):
    """Something was used that comes from a module which could not be imported."""


class Stub:
    """Stands in for a name from a missing module: harmless until it is used."""

    def __init__(self, name):
        self.__dict__["_name"] = name

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Stub(f"{self._name}.{attribute}")

    def __call__(self, *args, **kwargs):
        raise MissingHelper(f"needs {self._name}, which could not be imported")


def load(path, skip=(), tell=lambda **event: None) -> dict:
    """The names a file defines.   skip: lines of statements not to run.

    tell(line=n) announces each statement before it runs, tell(note=text) what went wrong with one.
    """
    stand_in_for_old_names()
    module = make_module(path)
    missing = module.__dict__.setdefault("__gradcheck_missing__", [])
    for statement in parse(path).body:
        if statement.lineno in skip:
            tell(note=f"line {statement.lineno}: ran too long or ended the process; left out")
            continue
        tell(line=statement.lineno)
        try:
            run(statement, module, path)
            read_as_double(module)
        except ImportError as error:
            missing += bind_stubs(statement, module)
            tell(note=f"line {statement.lineno}: {describe(error, path, place=False)}")
        except (Exception, SystemExit) as error:
            if not is_script(statement, error):
                reason = describe(error, path, place=False)
                tell(note=f"line {statement.lineno}: {reason}; statement left out")
    tell(line=0)
    return module.__dict__


def run(statement, module, path):
    """Execute one statement in the module."""
    code = compile(ast.Module([statement], []), str(path), "exec")
    exec(code, module.__dict__)


def is_script(statement, error):
    """True for what a notebook export leaves behind, and says nothing about the functions."""
    return isinstance(error, NameError) and "get_ipython" in str(error)


def make_module(path):
    """An empty module for the file, in its package if it has one, its neighbours importable."""
    folder, packages = path.resolve().parent, []
    relative = any(isinstance(s, ast.ImportFrom) and s.level for s in ast.walk(parse(path)))
    sys.path[:0] = [str(folder), str(folder.parent)]
    while (folder / "__init__.py").exists() or (relative and not packages):
        packages.insert(0, folder.name)
        folder = folder.parent
        sys.path.insert(0, str(folder))
    name = ".".join([*packages, path.stem])
    module = types.ModuleType(name)
    module.__dict__.update(__file__=str(path), __package__=".".join(packages))
    sys.modules[name] = module
    return module


def stand_in_for_old_names():
    """Give NumPy and Python the names that older files use."""
    for name, (_, value) in REMOVED.items():
        if name not in vars(np):
            setattr(np, name, value)
    builtins.xrange = range
    sys.modules.setdefault("past", types.ModuleType("past"))
    sys.modules.setdefault("past.builtins", types.ModuleType("past.builtins"))
    sys.modules["past.builtins"].xrange = range


def read_as_double(module):
    """Give a module float64 where it says np.float32, whose rounding would hide its faults."""
    for name, value in list(module.__dict__.items()):
        if value is np:
            module.__dict__[name] = double_numpy()
        elif value is np.float32:
            module.__dict__[name] = np.float64


@cache
def double_numpy():
    """NumPy under another hood: the same functions, with float64 for float32."""
    double = types.ModuleType("numpy")
    double.__dict__.update(vars(np), float32=np.float64, single=np.float64)
    return double


def bind_stubs(statement, module):
    """Give each name of a failed import a Stub; returns the modules that were imported by star."""
    stars = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            source = "." * getattr(node, "level", 0) + (getattr(node, "module", None) or "")
            stars += [source] if node.names[0].name == "*" else []
            for alias in node.names:
                name = alias.asname or alias.name.split(".")[0]
                if name != "*" and name not in module.__dict__:
                    full = f"{source}.{alias.name}" if source else alias.name
                    module.__dict__[name] = importable(full, module) or Stub(full)
    return stars


def importable(name, module):
    """The module of that name if it can be imported after all (one of several on a line)."""
    try:
        return importlib.import_module(name, module.__package__)
    except Exception:
        return None


def describe(error, path, place=True, missing=()) -> str:
    """An exception in one line: its type, its text, and the last line of the file it went through.

    missing: modules that could not be imported; an undefined name may come from them.

    >>> describe(NameError("name 'f' is not defined"), "layers.py", missing=["cs231n.layers"])
    "NameError: name 'f' is not defined (it may come from cs231n.layers, not found)"
    """
    if isinstance(error, MissingHelper):
        text = str(error)
    elif isinstance(error, SystemExit):
        text = f"calls exit({error.code if error.code is not None else ''})"
    elif isinstance(error, ModuleNotFoundError):
        text = f"module {error.name} was not found"
    else:
        text = f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}"[:300]
    if "'float' object cannot be interpreted as an integer" in text:
        text += " (division in Python 2 style? write //)"
    if isinstance(error, NameError) and missing:
        text += f" (it may come from {', '.join(missing)}, not found)"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    if not (place and frames):
        return text
    code = linecache.getline(str(path), frames[-1].lineno or 0).strip()
    return f"{text}   [line {frames[-1].lineno}: {code}]"


def silence() -> None:
    """Send what the file prints to nowhere, also from C code; plots are drawn without a screen."""
    os.environ["MPLBACKEND"] = "Agg"
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
