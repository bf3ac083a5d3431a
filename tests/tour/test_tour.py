"""The main job: it runs, its page stands alone, its numbers agree, its gates hold."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from minnet import cli, data, errors, nn, tour
from minnet import functional as F
from minnet.tour import figures, recipes


def small_recipe(**changes):
    """The digits recipe on few images, with a small network."""

    def load(root):
        train_set, test_set = data.digits(images=True)
        return train_set[:600], test_set[:200]

    def model(rng):
        return recipes.cnn((8, 8), (4, 8), hidden=16, dropout=0.1, rng=rng)

    plain = {"load": load, "model": model}
    return replace(recipes.RECIPES["digits"], **(plain | changes))


@pytest.fixture
def small(monkeypatch):
    def use(**changes):
        monkeypatch.setitem(recipes.RECIPES, "digits", small_recipe(**changes))

    use()
    return use


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(results, folder) of one short run."""
    folder = tmp_path_factory.mktemp("tour")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "digits", small_recipe())
        results = tour.run(tour.Settings(epochs=4, seed=1))
        tour.write(results, folder)
    return results, folder


class Page(HTMLParser):
    """Tags that are open, headings, and everything that names another resource."""

    VOID = {"meta", "img", "br", "link", "input", "hr"}

    def __init__(self):
        super().__init__()
        self.open, self.headings, self.links, self.images = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        attrs = dict(attrs)
        self.links += [v for k, v in attrs.items() if k in ("src", "href", "srcset", "action")]
        if tag == "img":
            self.images.append(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(text)


def test_page_is_whole_and_asks_for_nothing(made):
    text = (made[1] / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.headings[1:] == [
        "The network", "Gradient check", "Sanity checks", "The run at a glance",
        "Learning curves",
        "Update-to-weight ratios", "Activations", "First-layer filters", "Confusion matrix",
        "Misclassified test images",
    ]
    assert page.links and all(link.startswith("data:") for link in page.links)
    assert not re.search(r"https?:|@import|url\(|<script|<link", text)
    assert all(image["alt"] for image in page.images)
    assert text.count('class="how"') == 10 and "$" not in re.sub(r"<style>.*</style>", "", text)
    assert len(text) < 1_500_000


def test_json_holds_the_same_numbers(made):
    results, folder = made
    record = json.loads((folder / "tour.json").read_text(), parse_constant=pytest.fail)
    page = (folder / "report.html").read_text()
    assert f"{record['test_accuracy']:.2%}" in page
    assert f"{record['gradcheck_worst']:.1e}" in page
    confusion = np.array(record["confusion"])
    assert confusion.sum() == 200
    assert confusion.trace() / 200 == pytest.approx(record["test_accuracy"])
    assert record["gradcheck_worst"] == max(p["max_rel"] for p in record["gradcheck"].values())
    assert record["gradcheck_worst"] < 1e-7
    assert [c["verdict"] for c in record["sanity"][:3]] == ["pass"] * 3
    assert (record["data"], record["seed"], record["epochs"]) == ("digits", 1, 4)
    assert record["seconds"] > 0 and len(record["history"]["val_accuracy"]["value"]) == 4
    assert record["sizes"] == {"training": 539, "validation": 61, "test": 200}


def test_parts_do_not_overlap_and_the_test_set_is_looked_at_once(small, monkeypatch):
    seen = []
    monkeypatch.setattr(tour.job.train, "predict", lambda m, x: seen.append(len(x)) or np.eye(10)[
        np.zeros(len(x), int)])
    results = tour.run(tour.Settings(epochs=1))
    assert seen == [200]
    assert sum(results.sizes.values()) == 800
    whole = {row.tobytes() for row in data.digits()[0].x}
    assert not any(row.tobytes() in whole for row in results.test_set.x)


def test_the_seed_decides_everything(small):
    one, two, other = (tour.run(tour.Settings(epochs=2, seed=s)) for s in (3, 3, 4))
    assert np.array_equal(one.scores, two.scores) and not np.array_equal(one.scores, other.scores)
    assert tour.page.render(replace_seconds(one)) == tour.page.render(replace_seconds(two))


def replace_seconds(results):
    results.seconds = 1.0
    return results


def test_mistakes_come_the_most_confident_first(made):
    results, _ = made
    rows = figures.mistakes(results)
    called = results.scores.argmax(axis=1)
    assert set(rows) == set(np.flatnonzero(called != results.test_set.y))
    confidence = F.softmax(results.scores, axis=1)[rows].max(axis=1)
    assert np.all(np.diff(confidence) <= 0)


def test_a_perfect_network_has_a_page_too(made):
    results, _ = made
    perfect = replace(results, scores=np.eye(10)[results.test_set.y] * 9)
    assert "There are none" in tour.page.render(perfect)


def test_a_failing_sanity_check_stops_before_training(small, monkeypatch, tmp_path, capsys):
    def loud(rng):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=rng), nn.Lambda(lambda s: 50 * s))

    small(model=loud)
    monkeypatch.setattr(tour.job.train, "fit", lambda *a, **k: pytest.fail("trained"))
    assert cli.main(["tour", "--epochs", "1", "--output", str(tmp_path)]) == 1
    err = capsys.readouterr().err.strip()
    assert len(err.splitlines()) == 1 and "loss at chance" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("factor", [1.01, 0.9999, -1, 0])
def test_a_wrong_gradient_stops_before_training(small, tmp_path, capsys, factor):
    """A scaled gradient anywhere between the first convolution and the scores is found."""

    @F.elementwise.op
    def bad(x):
        return x * 1

    def model(rng):
        right = recipes.cnn((8, 8), (4, 8), hidden=16, dropout=0.1, rng=rng)
        return nn.Sequential(*right[:4], nn.Lambda(bad), *right[4:])

    bad.defvjp(x=lambda g: factor * g)
    small(model=model)
    assert cli.main(["tour", "--epochs", "1", "--output", str(tmp_path)]) == 1
    assert "gradient check failed" in capsys.readouterr().err


def test_images_of_the_gradient_check_have_no_ties():
    """Blank pixels are equal, so that the largest of them is not one pixel: a kink."""
    sample = data.digits(images=True)[0][:50]
    moved = tour.job._without_ties(sample)
    assert np.all(np.diff(np.sort(moved.x.reshape(50, -1))[:, :30]) > 0)
    assert not np.all(np.diff(np.sort(sample.x.reshape(50, -1))[:, :30]) > 0)
    assert moved.x.dtype == sample.x.dtype and np.abs(moved.x - sample.x).max() <= 0.1 + 1e-6
    assert np.array_equal(moved.y, sample.y)


def test_a_nan_loss_is_one_line(small, tmp_path, capsys):
    small(lr=1e30)
    assert cli.main(["tour", "--epochs", "1", "--output", str(tmp_path)]) == 1
    err = capsys.readouterr().err.strip()
    assert len(err.splitlines()) == 1 and "learning rate" in err


def test_command_writes_both_files_and_tells_where(small, tmp_path, capsys):
    folder = tmp_path / "new" / "tour"
    assert cli.main(["tour", "--quick", "--epochs", "1", "--output", str(folder)]) == 0
    out = capsys.readouterr().out
    assert sorted(p.name for p in folder.iterdir()) == ["report.html", "tour.json"]
    assert "gradcheck  pass" in out and "PASS  loss at chance" in out
    assert "test accuracy" in out and str(folder / "report.html") in out


def test_a_folder_that_cannot_be_written_is_found_before_training(tmp_path, capsys):
    taken = tmp_path / "file"
    taken.write_text("")
    for folder in (taken, taken / "below"):
        assert cli.main(["tour", "--output", str(folder)]) == 2
        err = capsys.readouterr().err.strip()
        assert "cannot be written" in err and len(err.splitlines()) == 1


def test_a_root_without_the_files_is_named(tmp_path, capsys):
    command = ["tour", "--data", "mnist", "--root", str(tmp_path / "none"), "--output"]
    assert cli.main([*command, str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err.strip()
    assert "train-images-idx3-ubyte" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "wrong", [{"data": "cats"}, {"epochs": 0}, {"seed": -1}], ids=["data", "epochs", "seed"]
)
def test_settings_are_checked(wrong):
    with pytest.raises(errors.ValueRangeError, match="tour"):
        tour.Settings(**wrong)


@pytest.mark.slow
def test_digits_reach_their_accuracy_over_five_seeds():
    """At least 99.2 % on the 1,797 test images, the mean of five seeds, each under 90 s."""
    runs = [tour.run(tour.Settings(seed=seed)) for seed in range(5)]
    assert np.mean([run.test["accuracy"] for run in runs]) >= 0.992
    assert max(run.seconds for run in runs) < 90


@pytest.mark.slow
def test_mnist_reaches_its_accuracy(real_data):
    """At least 99.0 % in under four minutes."""
    results = tour.run(tour.Settings(data="mnist", root=real_data / "mnist"))
    assert results.test["accuracy"] >= 0.99 and results.seconds < 240
