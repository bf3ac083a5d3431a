"""History: arrays, CSV, round trips."""

import csv

import numpy as np
import pytest

from minnet import errors
from minnet.train import History


@pytest.fixture
def history():
    h = History()
    for t in range(4):
        h.record("loss", 1 / (t + 3), x=(t + 1) / 3)
    h.record("val_loss", np.float32(0.1), x=1.0)
    h.steps, h.epochs = 4, 1
    return h


def test_values_since_a_count(history):
    assert history.since("loss", 2) == [1 / 5, 1 / 6] and history.since("loss", 4) == []
    assert history.since("loss", 0) == history["loss"].tolist() and history.since("lr", 0) == []


def test_series_are_arrays_in_order(history):
    assert history.names() == ["loss", "val_loss"]
    assert history["loss"].tolist() == [1 / 3, 1 / 4, 1 / 5, 1 / 6]
    assert history.x("loss").tolist() == [1 / 3, 2 / 3, 1.0, 4 / 3]
    assert history.last("loss") == 1 / 6 and "val_loss" in history and "lr" not in history
    with pytest.raises(errors.StateError, match="no series 'lr'.*loss"):
        history["lr"]


def test_csv_holds_every_number_in_full(history, tmp_path):
    """C15: every series also as CSV."""
    history.to_csv(tmp_path / "h.csv")
    with open(tmp_path / "h.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["series"] for row in rows] == ["loss"] * 4 + ["val_loss"]
    for row, x, value in zip(rows, history.x("loss"), history["loss"], strict=False):
        assert (float(row["epoch"]), float(row["value"])) == (x, value)


def test_state_round_trip_is_exact(history):
    other = History()
    other.load_state_dict(history.state_dict())
    assert other.to_dict() == history.to_dict()
    assert (other.steps, other.epochs) == (4, 1)
    other.record("loss", 0.0, x=2.0)
    assert len(history["loss"]) == 4                              # nothing is shared
    with pytest.raises(errors.StateError, match="needs steps, epochs and series"):
        other.load_state_dict({"steps": 1})
    assert len(other["loss"]) == 5
