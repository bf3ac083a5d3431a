"""`import gradcheck` loads next to nothing; its names are imported when first used."""

import ast
import json
import subprocess
import sys
from importlib import resources

import pytest

import gradcheck

LOADED = """
import json, sys
before = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def loaded(statement):
    """The modules that a fresh interpreter loads for the statement."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(statement=statement)],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_plain_import_is_light():
    modules = loaded("import gradcheck")
    assert "gradcheck" in modules and "numpy" not in modules
    assert not {m for m in modules if m.startswith("gradcheck.")}


def test_a_name_brings_what_it_needs_and_no_more():
    modules = loaded("from gradcheck import relative_error")
    assert "gradcheck.tolerance" in modules and "gradcheck.engine" not in modules


def test_a_check_brings_only_the_standard_library_and_numpy():
    roots = {m.partition(".")[0] for m in loaded("from gradcheck import check")}
    assert {"gradcheck", "numpy"} <= roots
    assert roots <= {*sys.stdlib_module_names, "gradcheck", "numpy"}


@pytest.mark.parametrize("name", gradcheck.__all__)
def test_every_name_is_found_and_listed(name):
    value = getattr(gradcheck, name)
    assert value.__module__.startswith("gradcheck.") and name in dir(gradcheck)


def test_type_checkers_see_the_same_names():
    tree = ast.parse(resources.files("gradcheck").joinpath("__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = [a.name for node in block.body if isinstance(node, ast.ImportFrom) for a in node.names]
    assert sorted(seen) == sorted(gradcheck.__all__)


def test_unknown_name_is_an_attribute_error_with_a_hint():
    with pytest.raises(AttributeError, match="no attribute 'chek'") as caught:
        gradcheck.chek  # noqa: B018
    assert caught.value.name == "chek" and caught.value.obj is gradcheck
