"""Reports: text, HTML, dict, JSON, pictures."""

import json
import pickle

import numpy as np
import pytest

import gradcheck as gc
from gradcheck.entries import STATUSES, Entries, badness
from gradcheck.remarks import undecided


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
    assert "<table" in wrong._repr_html_() and "FAIL" in wrong._repr_html_()
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


def test_a_large_offset_is_said_to_be_the_reason():
    """GC-Q1: with 1e9 added, rounding hides the slopes; the report says so and what to do."""
    w, X = gc.randn(4, rng=1), gc.randn(6, 4)
    grads = lambda w: 2 * X.T @ (X @ w)
    far = gc.check(lambda w: 1e9 + np.sum((X @ w) ** 2), w, grads)
    (found,) = [f for f in far.findings if f.code == "undecided"]
    assert far.status == found.severity == "inconclusive" and found.evidence["reason"] == "rounding"
    assert "1e+09 is rounded to 2e-07" in found.message and "per-sample" in found.hint
    each = lambda c: lambda x: (c + np.tanh(x), x)
    slope = lambda d, x: d * (1 - np.tanh(x) ** 2)
    assert gc.check_vjp(each(1e6), slope, {"x": w}).status == "pass"  # no sum that could hide it
    assert "undecided" not in str(gc.check(lambda w: np.sum((X @ w) ** 2), w, grads))


@pytest.mark.parametrize(
    "uncertainty, flags, reason",
    [(1e-3, (), "rough"), (1e-13, (), "rounding"), (1e-3, ("kink", "on-kink"), "kink")],
)
def test_why_a_slope_could_not_be_judged(uncertainty, flags, reason):
    one = np.ones(1)
    entries = Entries(
        ([0],), one, one, one, uncertainty * one, 0.01 * one, {0: flags},
        np.array([STATUSES.index("inconclusive")]), one,
    )  # fmt: skip
    result = gc.ParamResult("w", (1,), "inconclusive", 0.0, 0.0, 1, 1, entries)
    (found,) = undecided({"w": result}, one, 1e-7)
    assert found.evidence["reason"] == reason and found.message.startswith("1 slopes of w could")


def test_text_stays_within_a_hundred_columns_below_the_table(wrong):
    body = str(wrong).splitlines()[2 + len(wrong.params) :]
    assert any("next: " in line for line in body) and max(map(len, body)) <= 100


def test_the_page_shows_each_finding_once_with_its_hint(wrong):
    page = wrong._repr_html_()
    assert page.count("<li>") == len(wrong.findings)
    assert all(f.code in page for f in wrong.findings) and "overflow-x" in page


def test_entries_are_a_sequence_of_records_sorted_worst_first(wrong):
    p = wrong.params["w"]
    assert list(p.worst) == sorted(p.worst, key=badness, reverse=True)
    assert {e.index for e in p.worst} == {e.index for e in p.entries}
    assert p.worst[0] == p.worst[:1][0] and p.worst[-1].status in ("pass", "fail")


def test_flags_stay_with_their_records():
    three, flags = np.arange(3.0), {2: ("kink",), 0: ("retried",)}
    columns = three, three, three, three, three, flags, np.array([0, 1, 3]), three
    entries = Entries((range(3),), *columns).take([1, 2, 0])
    seen = [(e.index, e.value, e.flags, e.status) for e in entries]
    assert seen == [
        ((1,), 1.0, (), "warn"), ((2,), 2.0, ("kink",), "fail"), ((0,), 0.0, ("retried",), "pass"),
    ]  # fmt: skip
    assert entries.flagged("kink").tolist() == [False, True, False] and entries[-1] == entries[2]


def test_directions_are_records_in_the_dict_too():
    report = gc.check(lambda w: np.sum(w**2), gc.randn(40), lambda w: 2 * w, mode="auto")
    (p,) = report.to_dict()["params"].values()
    assert [r["index"] for r in p["directions"]] == [["direction", k] for k in range(3)]
    assert p["directions"][0].keys() == p["worst"][0].keys()
    assert all(r["rel_error"] < 1e-9 and r["status"] == "pass" for r in p["directions"])


def test_a_wrong_shape_is_said_once_and_what_was_not_compared_has_no_number():
    point = (gc.randn(3, 4), gc.randn(4, 5, rng=1), gc.randn(5, rng=2))
    forward = lambda x, w, b: (x @ w + b, (x, w))
    report = gc.check_vjp(forward, lambda d, c: (d @ c[1].T, c[0].T @ d, d), point)
    about_b = [f for f in report.findings if f.param == "b" and f.severity == "fail"]
    assert [f.code for f in about_b] == ["not-summed"] and "axis 0" in about_b[0].message
    assert "nan" not in str(report) and "(0,)" not in str(report)
    unasked = gc.check_vjp(forward, lambda d, c: (d @ c[1].T, c[0].T @ d, d), point, contract=False)
    assert "shape" in [f.code for f in unasked.findings]


def test_a_report_without_parameters_has_no_table():
    rng = np.random.default_rng(0)
    report = gc.check_vjp(lambda x: (x * rng.random(4), x), lambda d, x: d, (gc.randn(3, 4),))
    assert report.status == "inconclusive" and "worst index" not in str(report)
    assert "<table" not in report._repr_html_()


def test_hints_read_as_the_rest_of_a_sentence():
    report = gc.check(lambda w: np.sum(w**2), gc.randn(3), lambda w: 3 * w)
    assert "1 parameter," in str(report)
    for line in str(report).splitlines():
        if "next: " in line:
            words = line.split("next: ")[1]
            assert words[0].islower() or words[:2].isupper()
