"""The command `gradcheck FILE.py`: exit codes, other people's troubles, JSON and HTML."""

import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gradcheck.__main__ import locate, main
from gradcheck.files.page import render_html
from gradcheck.files.runner import FileReport, Verdict, check_file
from gradcheck.files.source import SourceError

RIGHT = """
import numpy as np
def tanh_forward(x):
    y = np.tanh(x)
    return y, y
def tanh_backward(dout, cache):
    return dout * (1 - cache**2)
"""
WRONG = RIGHT.replace("cache**2", "cache")
UNKNOWN = "def blub_forward(x): return x, x\ndef blub_backward(dout, cache): return dout\n"
INPUTS = """
import numpy as np
def gradcheck_inputs(name):
    return {"x": np.arange(6.0).reshape(2, 3)} if name == "blub" else None
"""


@pytest.fixture
def write(tmp_path):
    """write(text, name) -> path."""

    def file(text, name="layers.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return file


@pytest.fixture
def check(write):
    """{target: (label, text)} and notes of a text."""

    def run(text, **options):
        report = check_file(write(text), **options)
        return {v.name: (v.label, v.text) for v in report.verdicts}, report.notes

    return run


@pytest.mark.parametrize(
    ("text", "code"), [(RIGHT, 0), (WRONG, 1), ("x = 1", 2), ("def f(:", 2), (UNKNOWN, 3)]
)
def test_exit_codes(write, text, code, capsys):
    """0 pass, 1 fail, 2 usage or import error, 3 inconclusive."""
    assert main([str(write(text))]) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert err.startswith("gradcheck: ") == (code == 2)


@pytest.mark.parametrize("bad", [[], ["--timeout", "0", "f.py"], ["--inputs", "none.py", "f.py"]])
def test_usage_errors_exit_with_2(bad, capsys):
    with pytest.raises(SystemExit) as stop:
        main(bad)
    assert stop.value.code == 2


def test_the_module_runs_as_a_command(write):
    path = write(RIGHT)
    done = subprocess.run(
        [sys.executable, "-m", "gradcheck", str(path)], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "tanh_forward / tanh_backward" in done.stdout


def test_a_failure_is_explained_below_the_lines(write, capsys):
    main([str(write(WRONG))])
    first, line, *rest = capsys.readouterr().out.splitlines()
    assert "1 function: 1 wrong backward" in first
    assert line.split()[:3] == ["wrong", "backward", "tanh_forward"]
    assert any("analytic" in text for text in rest)


def test_several_files_and_the_worst_exit_code(write, capsys):
    paths = [str(write(RIGHT, "a.py")), str(write(WRONG, "b.py")), str(write(UNKNOWN, "c.py"))]
    assert main(paths) == 1
    assert main([*paths, "missing.py"]) == 2
    assert capsys.readouterr().out.count("gradcheck  ") >= 6


def test_json(write, capsys):
    main([str(write(WRONG)), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["status"], found["functions"][0]["label"]) == ("fail", "wrong backward")
    assert found["functions"][0]["outcomes"][0]["report"]["params"]["x"]["status"] == "fail"


def test_html_is_well_formed_and_escaped(write, tmp_path, capsys):
    page = tmp_path / "page.html"
    main([str(write(WRONG)), "--html", str(page)])
    HTMLParser().feed(page.read_text())
    assert "tanh_forward / tanh_backward" in page.read_text()
    verdict = Verdict("f", "<script>", 1, "raises", "a < b & c")
    text = render_html([FileReport("x.py", [verdict], ["<b>"])])
    assert "&lt;script&gt;" in text and "a &lt; b &amp; c" in text and "<b>" not in text


def test_inputs_from_the_file_or_from_another_one(write, check):
    assert check(UNKNOWN)[0]["blub"][0] == "inconclusive"
    assert check(UNKNOWN + INPUTS)[0]["blub"][0] == "right"
    assert check(UNKNOWN, inputs=write(INPUTS, "inputs.py"))[0]["blub"][0] == "right"
    wrong = UNKNOWN.replace("return dout", "return 2 * dout")
    assert check(wrong + INPUTS)[0]["blub"][0] == "wrong backward"


def test_one_function_of_a_file_or_module(write, monkeypatch):
    path = write(RIGHT + WRONG.replace("tanh", "sigmoid"), "pkg/layers.py")
    assert [v.name for v in check_file(path, function="tanh_backward").verdicts] == ["tanh"]
    monkeypatch.chdir(path.parents[1])
    assert locate("pkg/layers.py:tanh_forward") == (Path("pkg/layers.py"), "tanh_forward")
    found, function = locate("pkg.layers:tanh_forward")
    assert (found.resolve(), function) == (path.resolve(), "tanh_forward")
    assert "pkg.layers" not in sys.modules
    with pytest.raises(SourceError, match="no function other"):
        check_file(path, function="other")
    with pytest.raises(SourceError, match="no such file, and no module"):
        locate("no_module_of_that_name")


def test_a_function_that_runs_its_own_check(check):
    own = (
        "import numpy as np\nfrom gradcheck.checks import check_vjp\ndef mine():\n"
        "    return check_vjp(lambda x: (x**2, x), lambda d, x: FACTOR * d * x,"
        " {'x': np.ones(3)})\n"
        "def other():\n    return 3\n"
    )
    assert check(own.replace("FACTOR", "2"), function="mine")[0]["mine"][0] == "right"
    assert check(own.replace("FACTOR", "3"), function="mine")[0]["mine"][0] == "wrong backward"
    assert check(own, function="other")[0]["other"] == ("raises", "its own check: "
                                                        "returned one int, needs a Report")


# troubles


def test_an_endless_loop_stops_only_its_own_pair(check):
    text = RIGHT + "def relu_forward(x):\n    while True: pass\ndef relu_backward(d, c): pass\n"
    found, _ = check(text, timeout=4)
    assert found["tanh"][0] == "right"
    assert found["relu"] == ("raises", "matrix: no answer within 4 s (an endless loop?)")


@pytest.mark.slow
def test_an_endless_loop_in_a_probe_is_fragile(check):
    text = """
import numpy as np
def relu_forward(x):
    return np.maximum(x, 0), x
def relu_backward(dout, cache):
    while len(dout) == 1: pass
    return dout * (cache > 0)
"""
    label, why = check(text, timeout=4)[0]["relu"]
    assert label == "fragile" and why.startswith("one row: no answer within 4 s")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os; os.abort()", "the process was stopped by SIGABRT"),
        ("import os; os._exit(5)", "the process ended with code 5"),
        ("raise SystemExit(4)", "calls exit(4)"),
        ("return undefined(x)", "NameError: name 'undefined' is not defined"),
        ("import not_there", "module not_there was not found"),
        ("return np.zeros((4 / 2, 3)), x", "write //"),
        ("return f(x)", "NameError"),
        ("def g(): return g()\n    return g()", "RecursionError"),
        ("raise ValueError('one\\ntwo')", "ValueError: one two"),
        ("return x", "must return (out, cache), returns one ndarray"),
        ("return x, x, x", "must return (out, cache), returns 3 values"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="signals have other names there")
def test_what_a_forward_can_do_gets_one_line(check, body, words):
    text = f"{RIGHT}\ndef relu_forward(x):\n    {body}\ndef relu_backward(d, c): return d\n"
    found, _ = check(text, timeout=20)
    label, why = found["relu"]
    assert found["tanh"][0] == "right" and label in ("raises", "wrong forward")
    assert words in why and "\n" not in why and "Traceback" not in why


@pytest.mark.parametrize(
    ("statement", "note"),
    [
        ("print('hello')", None),
        ("import matplotlib.pyplot as plt\nplt.plot([1]); plt.show()", None),
        ("input('continue?')", "EOFError"),
        ("raise ValueError('no data')", "ValueError: no data; statement left out"),
        ("open('no such file')", "FileNotFoundError"),
        ("import sys; sys.exit(1)", "calls exit(1)"),
        ("import os; os._exit(9)", "ran too long or ended the process"),
        pytest.param(
            "while True: pass", "ran too long or ended the process", marks=pytest.mark.slow
        ),
        ("from cs231n.layers import *", "module cs231n was not found"),
        ("from .helpers import something", "was not found"),
        ("import tensorflow_that_is_not_there as tf\ntf.enable()", "was not found"),
        ("get_ipython().run_line_magic('matplotlib', 'inline')", None),
    ],
)
def test_top_level_statements_do_not_hide_the_functions(check, statement, note):
    pytest.importorskip("matplotlib")
    endless = "while" in statement
    text = f"{statement}\n{RIGHT}\n{'' if endless else statement}\n"
    found, notes = check(text, timeout=4 if endless else 30)
    assert found["tanh"][0] == "right"
    assert (note in " ".join(notes)) if note else not notes


def test_the_fault_of_a_missing_helper_is_named_where_it_is_used(check):
    text = (
        "from cs231n.layers import *\nfrom cs231n.fast import conv_fast\n"
        "def affine_forward(x, w, b): return helper(x), x\n"
        "def affine_backward(d, c): return d\n"
        "def relu_forward(x): return conv_fast(x), x\ndef relu_backward(d, c): return d\n"
    )
    found, _ = check(text)
    assert "it may come from cs231n.layers, not found" in found["affine"][1]
    assert "needs cs231n.fast.conv_fast, which could not be imported" in found["relu"][1]


def test_neighbours_are_imported_relatively_and_by_package_name(write):
    write(RIGHT, "course/layers.py")
    for statement in "from .layers import *", "from course.layers import *":
        text = (
            f"{statement}\ndef affine_tanh(): pass\n"
            "def sigmoid_forward(x):\n    y, cache = tanh_forward(x / 2)\n"
            "    return (1 + y) / 2, cache\n"
            "def sigmoid_backward(dout, cache): return tanh_backward(dout, cache) / 4\n"
        )
        (verdict,) = check_file(write(text, "course/utils.py")).verdicts
        assert verdict.label == "right", verdict.text


def test_a_file_cannot_shadow_what_gradcheck_imports(write):
    for name in "random.py", "json.py", "gradcheck.py":
        write("raise SystemExit('shadowed')", name)
    assert check_file(write(RIGHT)).verdicts[0].label == "right"


def test_the_seed_decides_the_inputs(write):
    path = write(WRONG)
    first, again, other = (check_file(path, seed=s).verdicts[0].outcomes for s in (0, 0, 1))
    value = lambda outcomes: outcomes[0]["report"]["params"]["x"]["worst"]
    assert value(first) == value(again) != value(other)


def test_the_callers_process_is_left_alone(write):
    before = list(sys.path), os.getcwd(), set(sys.modules)
    check_file(write("import sys\nsys.path.insert(0, 'x')\n" + RIGHT))
    assert (list(sys.path), os.getcwd()) == before[:2]
    assert not any("layers" in name for name in set(sys.modules) - before[2])
