"""The explorer's page: its formulas are minnet's, its controls work, it needs nothing else."""

import html
import json
import re
from html.parser import HTMLParser
from urllib.parse import quote

import numpy as np
import pytest

from minnet import cli, explore
from minnet.dynamics import RULES, theory, trace

STEPS = 200
MOMENTUM = 0.8
CASES = [(place, rule) for place in explore.LANDSCAPES for rule in RULES]
STARTS = {"monkey_saddle": (0.9, -1e-3)}            # else the landscape's own
RATES = {"Adadelta": 1.0, "Lion": 1e-3}             # else those of the landscape


def choice(place, rule):
    """What the page is asked to compute."""
    offered, unit = explore.LANDSCAPES[place], RULES[rule].unit
    lr = RATES.get(rule, offered.to_dict()["lr"][unit])
    landscape = offered.make(offered.steepness or 0.0)
    x, y = STARTS.get(place, landscape.start)
    steepness = offered.steepness or 1.0
    keys = {"landscape": place, "rule": rule, "lr": lr, "momentum": MOMENTUM}
    return keys | {"x": x, "y": y, "steepness": steepness, "steps": STEPS}


def expected(asked):
    """The trajectory that minnet computes for it."""
    landscape = explore.LANDSCAPES[asked["landscape"]].make(asked["steepness"])
    rule = RULES[asked["rule"]](asked["lr"], asked["momentum"])
    return trace(rule, landscape, (asked["x"], asked["y"]), steps=asked["steps"])


def report(dom):
    """The JSON that the page left in its report."""
    (text,) = re.findall(r'<pre id="report"[^>]*>(.*?)</pre>', dom, re.DOTALL)
    return json.loads(html.unescape(text))


@pytest.fixture(scope="module")
def computed(browse):
    """What the page computes for all cases, by (landscape, rule), and the names it knows."""
    asked = [choice(*case) for case in CASES]
    found = report(browse(explore.render(), f"report={quote(json.dumps(asked))}"))
    return found | dict(zip(CASES, found["rows"], strict=True))


def difference(mine, theirs):
    """The largest difference, relative to numbers above 1."""
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    assert mine.shape == theirs.shape
    return float((abs(mine - theirs) / np.maximum(1, abs(mine))).max())


@pytest.mark.browser
@pytest.mark.parametrize(("place", "rule"), CASES)
def test_page_walks_as_minnet_does(computed, place, rule):
    """200 stable steps to 1e-9, on every landscape of the page, by every rule of the page."""
    path, found = expected(choice(place, rule)), computed[place, rule]
    assert np.isfinite(path.positions).all()
    assert difference(path.positions, found["positions"]) <= 1e-9
    assert difference(path.losses, found["losses"]) <= 1e-9
    moved = abs(path.positions[-1] - path.positions[0]).max()
    assert moved > 1e-3                              # a page that stands still would be seen


@pytest.mark.browser
def test_page_knows_what_minnet_offers(computed):
    assert computed["landscapes"] == list(explore.LANDSCAPES)
    assert computed["rules"] == list(RULES)


@pytest.mark.browser
@pytest.mark.parametrize("rule", ["SGD", "Momentum", "Nesterov"])
@pytest.mark.parametrize("place", ["quadratic", "long_valley", "rosenbrock"])
def test_stability_edge_and_rate_are_those_of_theory(computed, place, rule):
    """P05: the edge that the page marks."""
    asked, found = choice(place, rule), computed[place, rule]
    landscape = explore.LANDSCAPES[place].make(asked["steepness"])
    h = np.linalg.eigvalsh(landscape.hessian(landscape.minima[0]))
    momentum = 0.0 if rule == "SGD" else MOMENTUM
    settings = {"nesterov": rule == "Nesterov"}
    assert found["curvature"] == pytest.approx(h, rel=1e-5)
    assert found["edge"] == pytest.approx(theory.stability_edge(h[-1], momentum, **settings), 1e-5)
    rates = [theory.spectral_radius(asked["lr"], momentum, x, **settings) for x in h]
    assert found["shrinkage"] == pytest.approx(rates, rel=1e-5)


@pytest.mark.browser
def test_comparison_sees_a_wrong_formula(browse):
    """A page with one planted fault fails."""
    page = explore.render().replace("s.v = mu * s.v - lr * g", "s.v = mu * s.v - lr * g * 1.000001")
    asked = choice("quadratic", "Momentum")
    (row,) = report(browse(page, f"report={quote(json.dumps([asked]))}"))["rows"]
    assert difference(expected(asked).positions, row["positions"]) > 1e-9


MOVES = """
<script>
const move = (id, value) => {
  find(id).value = value;
  find(id).dispatchEvent(new Event(find(id).tagName === "SELECT" ? "change" : "input"));
};
const pixels = () => find("map").toDataURL();
const before = pixels(), steps = [];
const words = () => find("status").textContent;
const note = name => {
  render();
  steps.push([name, { ...state }, pixels() !== before, words()]);
};
move("lr", -1); note("lr");
move("momentum", 0.5); note("momentum");
move("steepness", 2); note("steepness");
move("x", -1); note("x");
move("rule", "Adam"); note("rule");
move("landscape", "saddle"); note("landscape");
find("map").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowUp" })); note("key");
find("reset").click(); note("reset");
find("report").textContent = JSON.stringify(steps);
</script></body>
"""


@pytest.mark.browser
def test_sliders_and_keys_move_the_paths(browse):
    page = explore.render().replace("</body>", MOVES)
    steps = {name: rest for name, *rest in report(browse(page))}
    states = {name: state for name, (state, _, _) in steps.items()}
    assert all(drawn for _, drawn, _ in steps.values())
    assert states["lr"]["lr"] == pytest.approx(0.1)
    assert states["momentum"]["momentum"] == 0.5
    assert states["steepness"]["steepness"] == pytest.approx(100)
    assert "beyond" not in steps["momentum"][2] and "enlarge" in steps["steepness"][2]
    assert states["x"]["x"] == -1
    assert "no fixed stability edge" in steps["rule"][2]
    assert (states["landscape"]["x"], states["landscape"]["y"]) == (1, 1e-6)
    assert states["key"]["y"] == pytest.approx(0.04, abs=1e-5)
    assert states["reset"]["y"] == 1e-6


@pytest.mark.browser
def test_address_sets_the_page(browse):
    dom = browse(explore.render(), "landscape=beale&rule=Adam&other=nothing&lr=0.2&steps=50&x=zzz")
    assert re.search(r'<p id="about"[^>]*>Adam: ', dom)
    assert "Adam: after 50 steps" in dom and "SGD: after" not in dom


# ---- without a browser --------------------------------------------------------------------------


class Tags(HTMLParser):
    """All start tags of a page with their attributes, and the text of each label."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open = [], []
        self.labelled = set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if "label" in self.open or "aria-label" in attrs:
            self.labelled.add(attrs.get("id"))
        if tag not in ("input", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def tags():
    return Tags(explore.render())


def test_page_asks_for_nothing_outside_itself(tags):
    page = explore.render()
    assert not re.search(r"https?:|\bfetch\(|XMLHttp|@import|url\(|import ", page)
    assert all("src" not in attrs and tag != "link" for tag, attrs in tags.tags)
    assert "{{" not in re.sub(r"\{\{[^A-Z]", "", page)


def test_every_control_has_a_label_and_no_tab_order_of_its_own(tags):
    controls = [attrs for tag, attrs in tags.tags if tag in ("input", "select")]
    assert len(controls) == 10
    assert all(attrs["id"] in tags.labelled for attrs in controls)
    assert all(attrs.get("tabindex", "0") == "0" for _, attrs in tags.tags)
    pictures = [attrs for tag, attrs in tags.tags if tag == "canvas"]
    assert all(attrs["role"] == "img" for attrs in pictures)


def test_command_writes_the_page(tmp_path, capsys):
    file = tmp_path / "new" / "page.html"
    assert cli.main(["explore", "--output", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == explore.render()
    assert str(file) in capsys.readouterr().out
    assert [p.name for p in file.parent.iterdir()] == ["page.html"]


def test_command_says_where_it_cannot_write(tmp_path, capsys):
    blocker = tmp_path / "file"
    blocker.write_text("")
    assert cli.main(["explore", "--output", str(blocker / "page.html")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("minnet explore: --output") and len(error.splitlines()) == 1
