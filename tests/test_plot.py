"""Pictures: headless, labelled, reproducible, and the arrays they show."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from minnet import errors, plot
from minnet.train import History


def curves(steps=40, epochs=4):
    h = History()
    for t in range(1, steps + 1):
        h.record("loss", 2.0 / t, x=t * epochs / steps)
        h.record("lr", 0.1, x=t * epochs / steps)
        h.record("update_ratio/weight", 1e-3, x=t * epochs / steps)
    for e in range(1, epochs + 1):
        h.record("val_loss", 1.0 / e, x=e)
    return h


def snapshots():
    counts, edges = np.array([3, 1]), np.array([0.0, 1.0, 2.0])
    return [{"epoch": e, "layers": {"relu1": (counts, edges)}} for e in (0.0, 2.0)]


PICTURES = {
    "history": lambda: plot.history(curves()),
    "update_ratios": lambda: plot.update_ratios(curves()),
    "schedule": lambda: plot.schedule(lambda t: 0.1 / (1 + t), 20, label="learning rate"),
    "activations": lambda: plot.activations(snapshots()),
    "confusion": lambda: plot.confusion(np.array([[5, 1], [0, 7]])),
}


@pytest.mark.parametrize("make", PICTURES.values(), ids=PICTURES)
def test_pictures_are_figures_with_labelled_axes(make):
    picture = make()
    assert isinstance(picture, Figure) and picture.axes
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in picture.axes)
    assert picture._repr_png_()[1:4] == b"PNG"
    assert make().svg() == make().svg()                   # the same numbers give the same bytes


def test_history_groups_validation_with_training_and_leaves_monitors_out():
    loss, lr = plot.history(curves()).axes
    assert (loss.get_ylabel(), lr.get_ylabel()) == ("loss", "learning rate")
    labels = [text.get_text() for text in loss.get_legend().get_texts()]
    assert labels == ["each batch", "training, mean of epoch", "validation"]
    x, y = loss.lines[1].get_data()
    assert x.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert y[0] == pytest.approx(np.mean([2 / t for t in range(1, 11)]))
    with pytest.raises(errors.StateError, match="at least one series"):
        plot.history(History())
    assert curves().plot(names=["lr"]).axes[0].get_ylabel() == "learning rate"


def test_many_points_are_thinned():
    lines = plot.history(curves(steps=9000)).axes[0].lines
    assert len(lines[0].get_xdata()) <= 1000


def test_update_ratios_mark_the_healthy_line():
    picture = plot.update_ratios(curves())
    (ax,) = picture.axes
    assert ax.get_yscale() == "log" and 1e-3 in [line.get_ydata()[0] for line in ax.lines]
    with pytest.raises(errors.StateError, match="UpdateRatios"):
        plot.update_ratios(History())


def test_activations_need_snapshots_and_choose_layers():
    with pytest.raises(errors.StateError, match="snapshot"):
        plot.activations([])
    assert plot.activations(snapshots(), ["relu1"]).axes[0].get_title(loc="left") == "relu1"


def test_tiles_scale_each_image_and_leave_gaps(rng):
    """C11: the array is deterministic, and is what the figure shows."""
    images = rng.normal(size=(5, 3, 4)) * np.array([1, 10, 100, 1000, 0])[:, None, None]
    grid = plot.tiles(images, columns=3)
    assert grid.shape == (7, 14)
    for k in range(4):
        part = grid[k // 3 * 4 : k // 3 * 4 + 3, k % 3 * 5 : k % 3 * 5 + 4]
        assert (part.min(), part.max()) == (0.0, 1.0)
        assert np.allclose(part * np.ptp(images[k]) + images[k].min(), images[k])
    assert np.isnan(grid[3]).all() and np.isnan(grid[4:, 10:]).all()
    assert (grid[4:7, 5:9] == 0).all()                    # a constant image has no range
    with pytest.raises(errors.ShapeError, match="tiles needs"):
        plot.tiles(np.zeros((2, 2)))


@pytest.mark.parametrize("shape", [(12, 5), (5, 1, 3, 4), (5, 3, 3, 4)])
def test_weights_of_linear_layers_and_filters(rng, shape):
    W = rng.normal(size=shape)
    picture, grid = plot.weights(W, (3, 4) if len(shape) == 2 else None, most=4)
    assert grid.shape[:2] == (7, 9)
    first = W[:, 0].reshape(3, 4) if len(shape) == 2 else np.moveaxis(W[0], 0, -1).squeeze()
    assert np.allclose(grid[:3, :4], (first - first.min()) / np.ptp(first))
    assert np.array_equal(picture.axes[0].images[0].get_array(), grid, equal_nan=True)
    with pytest.raises(errors.ShapeError, match="plot.weights needs"):
        plot.weights(rng.normal(size=(11, 2)), (3, 4))


def test_confusion_colours_mistakes_only():
    picture = plot.confusion(np.array([[5, 1], [0, 7]]))
    shown = picture.axes[0].images[0].get_array()
    assert shown.tolist() == [[0, pytest.approx(1 / 6)], [0, 0]]
    assert [text.get_text() for text in picture.axes[0].texts] == ["5", "1", "7"]


def test_examples_have_captions():
    picture = plot.examples(np.zeros((3, 4, 4)), ["a", "b", "c"], columns=2)
    assert [ax.get_title() for ax in picture.axes] == ["a", "b", "c"]
    with pytest.raises(errors.ShapeError, match="captions"):
        plot.examples(np.zeros((3, 4, 4)), ["a"])


def test_history_of_a_run_is_drawn_without_a_screen():
    buffer = io.BytesIO()
    curves().plot().savefig(buffer, format="png")
    assert buffer.getvalue()[1:4] == b"PNG"
