"""Sizes, names and docstrings of the public packages: ceilings, not aims."""

import ast
import importlib
import io
import re
import tokenize
import types

import pytest

from tests.source import PACKAGES, Module, modules

FILE_LINES = {"minnet.tensor": 400}                # the engine may be longer than other files
DEFAULT_FILE_LINES = 300
FUNCTION_LINES = 45
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")

SOURCES = {package: list(modules(package)) for package in PACKAGES}
MODULES = [module for sources in SOURCES.values() for module in sources]
SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE,
    tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(module):
    """Numbers of the lines that hold code: no blanks, comments or docstrings."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in docstrings(module):
        lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return lines


def docstrings(module):
    for node in ast.walk(module.tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0]


def oversized(module):
    """What in the module is longer than its ceiling."""
    lines, limit = code_lines(module), FILE_LINES.get(module.name, DEFAULT_FILE_LINES)
    if len(lines) > limit:
        yield f"{module.name} has {len(lines)} code lines, at most {limit} are allowed: split it"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = len(lines & set(range(node.lineno, node.end_lineno + 1)))
            if size > FUNCTION_LINES:
                yield f"{module.name}.{node.name} has {size} code lines, at most {FUNCTION_LINES}"


def unsorted_or_undocumented(name, module):
    """Faults of a module's __all__.   Names sort as sorted() does, or without regard to case."""
    public = list(module.__all__)
    if public not in (sorted(public), sorted(public, key=str.casefold)):
        yield f"{name}.__all__ is not sorted"
    if len(set(public)) < len(public):
        yield f"{name}.__all__ repeats a name"
    for attribute in public:
        value = getattr(module, attribute)
        if needs_docstring(value) and not (value.__doc__ or "").strip():
            yield f"{name}.{attribute} has no docstring"


def needs_docstring(value):
    return callable(value) or isinstance(value, types.ModuleType)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_files_and_functions_are_small(module):
    assert list(oversized(module)) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_nothing_is_left_unfinished(module):
    assert UNFINISHED.findall(module.text) == []


@pytest.mark.parametrize(
    "name", [m.name for m in MODULES if re.search(r"^__all__\b", m.text, re.MULTILINE)]
)
def test_public_names_are_sorted_and_documented(name):
    assert list(unsorted_or_undocumented(name, importlib.import_module(name))) == []


def test_code_lines_leave_out_blanks_comments_and_docstrings():
    text = '"""One\ntwo."""\n\n# why\ndef f():   # here\n    """Doc."""\n    return """a\nb"""\n'
    assert code_lines(Module("m", text)) == {5, 7, 8}


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("minnet.nn", "x = 1\n" * 301, "301 code lines"),
        ("minnet.tensor", "x = 1\n" * 401, "401 code lines"),
        ("minnet.nn", "def f():\n" + "    x = 1\n" * 45, "minnet.nn.f has 46"),
    ],
)
def test_long_code_is_seen(name, text, complaint):
    assert complaint in " ".join(oversized(Module(name, text)))
    shorter = text.removesuffix("x = 1\n").rstrip(" ")
    assert list(oversized(Module(name, shorter))) == []


def test_bad_public_names_are_seen():
    def documented():
        """Doc."""

    module = types.SimpleNamespace(__all__=["b", "a", "a"], a=documented, b=lambda: None)
    faults = " ".join(unsorted_or_undocumented("m", module))
    assert all(word in faults for word in ("not sorted", "repeats", "m.b has no docstring"))
    assert UNFINISHED.search("# TO" "DO: later")
