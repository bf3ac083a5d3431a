"""The pictures of graphs and shapes show what they are given."""

from minnet_lessons.figures import graph, shapes

STEPS = {
    "x": ("x", (), (0, 0)),
    "s": ("s = x²", ("x",), (1, 1)),
    "y": ("y = x s", ("s", "x"), (2, 0)),
}
VALUES = {"x": 2.0, "s": 4.0, "y": 8.0}


def texts(picture):
    return [text.get_text() for text in picture.axes[0].texts if text.get_text()]


def arrows(picture):
    return [text for text in picture.axes[0].texts if getattr(text, "arrow_patch", None)]


def test_a_graph_shows_formulas_and_values_and_an_arrow_for_each_use():
    picture = graph(STEPS, VALUES)
    assert texts(picture) == ["x", "2", "s = x²", "4", "y = x s", "8"]
    assert len(arrows(picture)) == 3


def test_gradients_come_with_arrows_back():
    picture = graph(STEPS, VALUES, {"x": 12.0, "s": 2.0})
    assert [t for t in texts(picture) if t.startswith("grad")] == ["grad 12", "grad 2"]
    assert len(arrows(picture)) == 6


def test_rectangles_have_the_sizes_that_they_state():
    picture = shapes([[("y", 3, 2, 0), "=", ("x", 3, 4, 1), ("W", 4, 2, 2)]])
    sizes = [(box.get_height(), box.get_width()) for box in picture.axes[0].patches]
    assert sizes == [(3, 2), (3, 4), (4, 2)]
    assert texts(picture) == ["y", "3 x 2", "=", "x", "3 x 4", "W", "4 x 2"]
