"""Reports: text, HTML, dict, JSON, pictures."""

import json
import pickle

import numpy as np
import pytest

import gradcheck as gc


def affine_forward(x, w):
    return x @ w, (x, w)


def affine_backward(d, cache):
    return d @ cache[1].T, cache[0].T @ d


def wrong_backward(d, cache):
    dx, dw = affine_backward(d, cache)
    dw[1, 2] *= 1.5
    return dx, dw


POINT = {"x": gc.randn(5, 4), "w": gc.randn(4, 3, rng=1)}


@pytest.fixture(scope="module")
def right():
    return gc.check_vjp(affine_forward, affine_backward, POINT)


@pytest.fixture(scope="module")
def wrong():
    return gc.check_vjp(affine_forward, wrong_backward, POINT, rng=3)


def test_a_pass_is_one_line(right):
    text = str(right)
    assert text.startswith("gradcheck  pass  affine_backward  2 parameters, worst relative error")
    assert "\n" not in text and "tolerance 1e-07" in text and " vs " in text


def test_a_failure_tells_the_story(wrong):
    """A24, G7: name, index, raw pair, uncertainty, words, seed."""
    text = str(wrong)
    for part in (
        "FAIL",
        "wrong_backward",
        "seed 3",
        "w ",
        "(4, 3)",
        "[1, 2]",
        "probably wrong",
        "12/12",
        "no kinks seen",
    ):
        assert part in text, part
    entry = wrong.params["w"].worst[0]
    assert f"{entry.analytic:.4e}" in text and f"{entry.numeric:.4e}" in text


def test_worst_first(wrong):
    """A24."""
    name, entry = wrong.worst(1)[0]
    assert (
        name == "w" and entry.index == (1, 2) and entry.rel_error == pytest.approx(1 / 3, rel=1e-6)
    )
    assert len(wrong.worst(5)) == 5 and wrong.worst(5)[0] == (name, entry)


@pytest.mark.parametrize("which", ["right", "wrong"])
def test_machine_readable(which, request):
    report = request.getfixturevalue(which)
    data = json.loads(report.to_json())
    assert data["status"] == report.status and data["ok"] is report.ok is bool(report)
    entry = data["params"]["w"]["worst"][0]
    assert set(entry) >= {
        "index",
        "analytic",
        "numeric",
        "rel_error",
        "step",
        "uncertainty",
        "status",
    }


def test_json_is_strict_with_nan():
    report = gc.check_vjp(affine_forward, lambda d, c: (d @ c[1].T, np.full((4, 3), np.nan)), POINT)
    assert report.status == "fail"
    assert json.loads(report.to_json())["params"]["w"]["max_rel"] == "nan"


def test_html_escapes_what_comes_from_outside(wrong):
    assert "<table>" in wrong._repr_html_() and "FAIL" in wrong._repr_html_()
    evil = gc.check_vjp(affine_forward, wrong_backward, POINT, name="<script>alert(1)</script>")
    assert "<script>" not in evil._repr_html_()


@pytest.mark.parametrize(
    "status, ok", [("pass", True), ("warn", True), ("fail", False), ("inconclusive", False)]
)
def test_truth_is_strict(status, ok):
    """PF-A3: bool(report) is True for pass and warn only."""
    report = gc.Report("f", status, {}, [])
    assert bool(report) is report.ok is ok
    if ok:
        assert report.raise_for_failure() is report
        return
    with pytest.raises(gc.GradientMismatch):
        report.raise_for_failure()


def test_the_exception_survives_pickling(wrong):
    error = pickle.loads(pickle.dumps(gc.GradientMismatch(gc.Report("f", "fail", {}, []))))
    assert error.report.name == "f"


def test_reports_are_reproducible(wrong):
    again = gc.check_vjp(affine_forward, wrong_backward, POINT, rng=3)
    strip = lambda r: {k: v for k, v in r.to_dict().items() if k != "seconds"}
    assert strip(again) == strip(wrong)


@pytest.mark.parametrize("kind", ["error", "scatter", "sweep"])
def test_pictures(wrong, kind, monkeypatch):
    """A16: axes are labelled."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    ax = wrong.plot(kind)
    assert ax.get_title() and ax.get_xlabel() and ax.get_ylabel()
    if kind == "error":
        shown = ax.images[0].get_array()
        assert shown.shape == (4, 3) and np.unravel_index(np.argmax(shown), shown.shape) == (1, 2)
    plt.close("all")


def test_unknown_picture(wrong):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    with pytest.raises(gc.InputError, match="'error', 'scatter' or 'sweep'"):
        wrong.plot("pie")


def test_import_loads_numpy_only():
    import subprocess
    import sys

    code = (
        "import sys, gradcheck; extra = {'matplotlib', 'scipy', 'torch', 'minnet', 'tqdm'} & "
        "set(sys.modules); sys.exit(str(extra) if extra else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
