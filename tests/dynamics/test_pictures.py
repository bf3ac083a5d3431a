"""Pictures of paths: made without a screen, and what they show are the arrays of the paths."""

import io
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from minnet import dynamics, errors, plot
from minnet.dynamics import LANDSCAPES, RULES, Slice, compare, quadratic, saddle, trace

RATES = {                                          # of rules whose rate multiplies gradients
    "quadratic": 0.005, "beale": 0.005, "rosenbrock": 2e-4, "long_valley": 0.04, "saddle": 0.01,
    "noisy_moons": 0.5,
}


def landscape(name):
    if name == "noisy_moons":
        return dynamics.noisy(dynamics.two_moons(), 0.1)
    return LANDSCAPES[name]()


def all_rules(name, steps=80):
    """The paths of every rule from one start, noise and all."""
    rules = {
        rule: row(RATES[name] if row.unit == "gradient" else 0.05, 0.9)
        for rule, row in RULES.items()
    }
    return compare(rules, landscape(name), steps=steps, rng=3)


@pytest.fixture(scope="module")
def pair():
    """Two paths over an ill-conditioned quadratic."""
    rules = {"SGD": RULES["SGD"](0.04, 0.0), "Momentum": RULES["Momentum"](0.04, 0.9)}
    return compare(rules, quadratic((1.0, 20.0)), steps=60)


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def shows_itself(picture):
    return picture._repr_png_()[1:4] == b"PNG"


# ---- one picture ---------------------------------------------------------------------------------


def test_contour_shows_positions_minima_and_bands(pair):
    picture = plot.contour(pair)
    (ax,) = picture.axes
    for name, path in pair.items():
        assert np.array_equal(lines(ax)[name].get_xydata(), path.positions)
    marks = [tuple(line.get_xydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    assert (0.0, 0.0) in marks and (2.0, 2.0) in marks
    assert (ax.get_xlim(), ax.get_ylim()) == pair["SGD"].landscape.bounds
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y") and shows_itself(picture)
    legend = [text.get_text() for text in picture.legends[0].get_texts()]
    assert legend == list(pair)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_landscapes_alone_are_drawn(name):
    here = LANDSCAPES[name]()
    for draw in plot.contour, plot.surface:
        picture = draw(here)
        assert picture.axes[0].get_title(loc="left") == here.name and not picture.legends
        assert shows_itself(picture)


def test_contours_of_a_bowl_are_equally_far_apart():
    """The k-th contour of h r^2 / 2 lies at r proportional to k."""
    x = np.linspace(-1, 1, 401)
    X, Y = np.meshgrid(x, x)
    inside = (X**2 + Y**2)[X**2 + Y**2 <= 1]
    radii = np.sqrt(plot.paths.bands(inside, 10))
    assert np.allclose(np.diff(radii), 0.1, atol=5e-3)
    assert len(plot.paths.bands(np.array([1.0, np.inf, np.nan, 2.0]), 4)) == 5


def test_surface_shows_positions_and_heights(pair):
    ax = plot.surface(pair).axes[0]
    for name, path in pair.items():
        x, y, z = lines(ax)[name].get_data_3d()
        seen = plot.paths.inside(path.positions, path.landscape.bounds)
        assert np.array_equal(np.stack([x, y], 1), seen, equal_nan=True)
        assert np.array_equal(z, np.where(np.isnan(x), np.nan, path.losses), equal_nan=True)
    steep = plot.surface(trace(RULES["Adam"](0.05, 0.9), LANDSCAPES["rosenbrock"]()))
    z = steep.axes[0].lines[0].get_data_3d()[2]
    assert z[0] == pytest.approx(np.log10(1 + 24.2)) and "log10" in steep.axes[0].get_zlabel()


def test_losses_are_above_the_minimum_on_a_log_axis(pair):
    (ax,) = plot.losses(pair).axes
    for name, path in pair.items():
        assert np.array_equal(lines(ax)[name].get_ydata(), path.losses)
    assert ax.get_yscale() == "log"
    wells = trace(RULES["SGD"](0.05, 0.0), LANDSCAPES["double_well"]())
    low = wells.landscape(wells.landscape.minima[0])
    assert np.array_equal(plot.losses(wells).axes[0].lines[0].get_ydata(), wells.losses - low)
    assert plot.losses(trace(RULES["SGD"](0.01, 0.0), saddle())).axes[0].get_yscale() == "symlog"


def test_divergence_leaves_the_other_paths_readable():
    rules = {"SGD": RULES["SGD"](0.04, 0.0), "wild": RULES["SGD"](1.0, 0.0)}
    paths = compare(rules, quadratic((1.0, 20.0)), steps=300)
    assert not np.isfinite(paths["wild"].losses[-1])
    assert plot.losses(paths).axes[0].get_ylim()[1] <= 1e3 * paths["SGD"].losses[0]
    assert plot.phase(paths).axes[1].get_ylim()[1] < 100
    for draw in plot.contour, plot.surface, plot.effective_steps:
        assert shows_itself(draw(paths))


def test_phase_shows_velocity_against_position(pair):
    axes = plot.phase(pair).axes
    assert [ax.get_xlabel() for ax in axes] == ["x", "y"]
    for i, ax in enumerate(axes):
        for name, path in pair.items():
            shown = np.stack([path.positions[:, i], path.velocities[:, i]], 1)
            assert np.array_equal(lines(ax)[name].get_xydata(), shown)


def test_effective_steps_show_uphill_steps_as_gaps(pair):
    for i, ax in enumerate(plot.effective_steps(pair).axes):
        for name, path in pair.items():
            steps = path.effective_steps[:, i]
            shown = lines(ax)[name].get_ydata()
            assert np.array_equal(shown, np.where(steps > 0, steps, np.nan), equal_nan=True)
        assert np.allclose(lines(ax)["SGD"].get_ydata(), 0.04)
        assert np.isnan(lines(ax)["Momentum"].get_ydata()).any()
        assert lines(ax)["_edge"].get_ydata()[0] == pytest.approx(2 / (1.0, 20.0)[i])


@pytest.mark.parametrize(
    ("draw", "paths"),
    [
        (plot.contour, {}),
        (plot.contour, trace(RULES["SGD"](0.1, 0), quadratic((1.0,)), steps=2)),
        (plot.surface, quadratic((1.0, 2.0, 3.0))),
        (plot.contour, {n: trace(RULES["SGD"](0.01, 0), LANDSCAPES[n](), steps=2)
                        for n in ("saddle", "quadratic")}),
        (plot.phase, {n: trace(RULES["SGD"](0.01, 0), quadratic((1.0,) * n), steps=2)
                      for n in (1, 2)}),
    ],
)
def test_what_cannot_be_drawn_is_said(draw, paths):
    with pytest.raises(errors.ShapeError, match="needs"):
        draw(paths)


def test_paths_plot_themselves(pair):
    assert np.array_equal(lines(pair.plot().axes[0])["SGD"].get_xydata(), pair["SGD"].positions)
    assert shows_itself(pair["SGD"].plot(bounds=((-3, 3), (-3, 3))))


def test_slices_are_drawn():
    at = np.linspace(-1, 1, 5)
    (curve,) = plot.loss_slice(Slice((at,), at**2, ("a",))).axes[0].lines
    assert np.array_equal(curve.get_xydata(), np.stack([at, at**2], 1))
    losses = at[:, None] ** 2 + at
    ax = plot.loss_slice(Slice((at, at), losses, ("a", "b"))).axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("a", "b")
    levels = ax.collections[0].levels
    assert (levels[0], levels[-1]) == (losses.min(), losses.max())


# ---- moving pictures -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", RATES)
def test_contour_animation_of_all_rules(name):
    """G12: every frame shows the beginning of each rule's own trajectory, on six landscapes."""
    paths = all_rules(name)
    film = plot.animate(paths, frames=5)
    assert (film.times[0], film.times[-1]) == (0, 80)
    picture = film._moving()
    for frame in film._frames(picture):
        drawn = lines(picture.axes[0])
        for rule, path in paths.items():
            assert np.array_equal(drawn[rule].get_xydata(), path.positions[: film.times[frame] + 1])
    assert frame == 4


ESCAPES = {"SGD": 698, "Momentum": 140, "Nesterov": 132, "Adagrad": 1263, "RMSprop": 72, "Adam": 77}


def test_saddle_animation_escapes_on_time():
    """G13, P08: the frame at which each rule's line first passes |y| = 1, to the integer."""
    rules = {name: RULES[name](0.01, 0.9) for name in ESCAPES}
    film = plot.animate(compare(rules, saddle(), (1.0, 1e-6), steps=1300), frames=1301)
    assert np.array_equal(film.times, np.arange(1301))
    last = film.positions(-1)
    assert {name: int(np.argmax(abs(seen[:, 1]) > 1)) for name, seen in last.items()} == ESCAPES
    before = film.positions(72 - 1)["RMSprop"]
    assert abs(before[:, 1]).max() <= 1 and len(before) == 72


def film_data(page):
    return json.loads(re.search(r"const data = (\{.*\});", page)[1])


def test_page_holds_the_trajectories_and_asks_for_nothing(pair, tmp_path):
    film = plot.animate(pair, frames=10)
    page = film.page()
    data = film_data(page)
    for shown, (name, path) in zip(data["paths"], pair.items(), strict=True):
        assert shown["name"] == name and np.array_equal(shown["points"], path.positions)
    assert data["times"] == film.times.tolist() and len(data["times"]) == 10
    assert not re.search(r"https?:|fetch\(|@import", page) and "{{" not in page
    assert re.findall(r'src="([^"]{16})', page) == ["data:image/png;b"]
    assert film._repr_html_() in page and plot.animate(pair, frames=10).page() == page
    HTMLParser().feed(page)
    film.save(tmp_path / "film.html")
    assert (tmp_path / "film.html").read_text(encoding="utf-8") == page


PLAYED = """
<script>
// without a screen no frames come
window.requestAnimationFrame = draw => setTimeout(() => draw(performance.now()), 16);
setTimeout(() => {
  const film = document.querySelector(".minnet-film");
  const [canvas, slider, button, note] =
    ["canvas", "input", "button", "output"].map(tag => film.querySelector(tag));
  const painted = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
                              .data.filter((v, n) => n % 4 === 3 && v > 0).length;
  const seen = [[slider.value, painted()]];
  for (const frame of [0, 4]) {
    slider.value = frame;
    slider.dispatchEvent(new Event("input"));
    seen.push([note.value, painted()]);
  }
  button.click();
  seen.push([button.textContent, slider.value]);
  const timer = setInterval(() => {
    if (button.textContent !== "Play") return;
    clearInterval(timer);
    const text = JSON.stringify([...seen, [button.textContent, slider.value]]);
    document.body.append(Object.assign(document.createElement("pre"), { textContent: text }));
  }, 50);
}, 200);
</script></body>
"""


@pytest.mark.browser
def test_page_plays(browse, pair):
    """At its end it shows the picture itself; a moved slider draws; Play goes on to the end."""
    page = plot.animate(pair, frames=10, seconds=0.2).page().replace("</body>", PLAYED)
    whole, first, middle, begun, end = json.loads(re.search(r"<pre>(.*?)</pre>", browse(page))[1])
    assert whole == ["9", 0]
    assert (first[0], middle[0]) == ("step 0", "step 27") and min(first[1], middle[1]) > 1000
    assert (begun, end) == (["Pause", "4"], ["Play", "9"])


def test_page_of_a_path_that_left_the_numbers():
    wild = trace(RULES["SGD"](1.0, 0.0), quadratic((1.0, 20.0)), steps=300)
    points = film_data(plot.animate(wild).html())["paths"][0]["points"]
    assert points[0] == [2.0, 2.0] and points[-1] is None


def test_gif_has_a_frame_for_each_time(pair, tmp_path):
    film = plot.animate(pair, frames=6, seconds=0.6, bounds=((-3, 3), (-3, 3)))
    film.save(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as gif:
        assert (gif.format, gif.n_frames, gif.info["duration"]) == ("GIF", 6, 100)
        frames = []
        for k in range(6):
            gif.seek(k)
            frames.append(np.asarray(gif.convert("RGB")))
    assert all((a != b).any() for a, b in zip(frames, frames[1:], strict=False))
    whole = Image.open(io.BytesIO(film._png())).convert("RGB").resize(frames[0].shape[1::-1])
    assert abs(np.asarray(whole).astype(int) - frames[-1]).mean() < 3      # the last shows all


def test_wrong_wishes_for_a_film(pair, tmp_path):
    with pytest.raises(errors.ValueRangeError, match="at least one frame"):
        plot.animate(pair, frames=0)
    with pytest.raises(errors.ValueRangeError, match=r"\.html and \.gif"):
        plot.animate(pair, frames=2).save(tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())


# ---- the explorer for a notebook -----------------------------------------------------------------


def test_explorer_without_ipywidgets_is_an_animation(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    film = plot.explorer(lr=0.01, steps=20)
    assert isinstance(film, plot.Animation) and list(film.paths) == list(RULES)


def test_explorer_draws_anew_when_a_slider_moves():
    pytest.importorskip("ipywidgets")
    panel = plot.explorer(saddle(), lr=0.01, steps=20)
    *knobs, image = panel.children
    rule, lr, momentum, x, y = knobs
    pictures = [bytes(image.value)]
    assert pictures[0][1:4] == b"PNG" and momentum.disabled
    for knob, value in ((rule, "Momentum"), (lr, 0.1), (momentum, 0.5), (x, -1.0), (y, 0.5)):
        knob.value = value
        pictures.append(bytes(image.value))
    assert len(set(pictures)) == len(pictures) and not momentum.disabled
