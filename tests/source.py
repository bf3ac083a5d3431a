"""The source files of a package as syntax trees: what the tests of floors and style look at."""

import ast
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGES = ("gradcheck", "minnet")


@dataclass(frozen=True)
class Module:
    """One source file.   name: dotted; a package's __init__.py has the package's name."""

    name: str
    text: str
    is_package: bool = False

    @cached_property
    def tree(self):
        return ast.parse(self.text)


def folder(package):
    """Where `import package` would find it: the checkout, or site-packages."""
    spec = importlib.util.find_spec(package)
    assert spec and spec.submodule_search_locations, f"no package {package} on sys.path"
    return Path(spec.submodule_search_locations[0])


def modules(package):
    """Every module of an importable package."""
    root = folder(package)
    for path in sorted(root.rglob("*.py")):
        parts = (package, *path.relative_to(root).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        yield Module(name, path.read_text(encoding="utf-8"), is_package)
