"""What a finding or a check says is explained in the lesson that it points to."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from minnet_lessons import source

from minnet import sanity
from minnet.sanity import dtypes
from minnet.sanity.detectors import DETECTORS
from minnet.sanity.lessons import LESSONS, lesson_of
from minnet.sanity.static import RULES

# What else the sentences of findings and checks use, and the lesson in which it is explained.
WORDS = {
    "accuracy": 5, "activation": 5, "augmentation": 5, "backward": 5, "batch": 5,
    "batch norm": 5, "betas": 10, "bias": 5, "chance": 5, "clipping": 5, "converged": 5,
    "cosine": 5, "cross-entropy": 5, "dropout": 5, "dtype": 5, "entropy": 5, "epoch": 7,
    "eval mode": 5, "feature": 5, "forward": 5, "gain": 5, "gradient": 7, "kaiming": 5,
    "label": 5, "layer": 5, "leaky": 5,
    "learning rate": 5, "logits": 5, "momentum": 7, "nan": 5, "norm": 5, "optimizer": 5,
    "parameters": 5, "prior": 5, "recurrent": 5, "reduction": 5, "regularisation": 5, "relu": 5,
    "running": 5, "schedule": 7, "scores": 5, "shortcut": 5, "sigmoid": 5, "softmax": 5,
    "standard deviation": 5, "targets": 5, "training mode": 5, "units": 5, "validation": 5,
    "velocity": 7, "warm-up": 5, "weight decay": 5, "welch": 5, "xavier": 5,
}  # fmt: skip
RESULTS = ("Finding", "Check")


def marked(text):
    """What stands in bold, in italics or in a heading of a text: small letters, single spaces."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    terms = re.findall(r"(?<![*\w])\*{1,2}(?![*\s])([^*]+)(?<!\s)\*{1,2}(?!\*)", text)
    found = [*heads, *terms]
    return [re.sub(r"\s+", " ", phrase).lower() for phrase in found]


@cache
def sections(number):
    """{number of a section: its text} of a lesson; 0 is what stands before the first one."""
    (lesson,) = source.lessons([number])
    text = "\n\n".join(cell.text for cell in lesson.cells if cell.markdown)
    head, *parts = re.split(r"^## (?=\d+\.)", text, flags=re.MULTILINE)
    parts[-1] = parts[-1].partition("\n## ")[0]               # the summary has no number
    return {0: head} | {int(part.partition(".")[0]): "## " + part for part in parts}


@cache
def explained(number, section):
    """All that is marked in a section of a lesson, or in all of it."""
    known = sections(number)
    return marked(known.get(section, "") if section else "\n\n".join(known.values()))


def explains(number, words, section=None):
    """Whether a lesson, or this section of it, marks these words, or their singular or plural."""
    words = words.replace("_", " ").lower()
    pattern = re.compile(rf"\b{re.escape(words.removesuffix('s'))}s?\b")
    return any(pattern.search(phrase) for phrase in explained(number, section))


@cache
def trees():
    files = sorted(Path(sanity.__file__).parent.rglob("*.py"))
    return [ast.parse(path.read_text(encoding="utf-8")) for path in files]


def texts(node):
    return [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and type(n.value) is str]


def calls():
    """Where the source of `sanity` makes a finding or a check."""
    nodes = (node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call for call in nodes if getattr(call.func, "id", "") in RESULTS and call.args]


def names():
    """Kinds of findings and names of checks, from the source: also those that are not detectors."""
    literal = {call.args[0].value for call in calls() if isinstance(call.args[0], ast.Constant)}
    return sorted(literal | set(DETECTORS) | set(RULES))


def sentences():
    """All texts in functions that make findings or checks, in one string."""
    functions = [
        node
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(getattr(n, "id", "") in RESULTS for n in ast.walk(node))
    ]
    rules = [text for rule in RULES.values() for text in rule[2:]] + [dtypes.WHY, dtypes.TRY]
    return " ".join([text for node in functions for text in texts(node)] + rules).lower()


@pytest.mark.parametrize("name", names())
def test_the_lesson_explains_the_name(name):
    """The name as it is printed stands in bold or in a heading of the section it points to."""
    place = re.match(r"lesson (\d+): .*, section (\d+)$", lesson_of(name))
    number, section = map(int, place.groups())
    assert explains(number, name, section), f"{lesson_of(name)} says nothing of it"


def test_sentences_that_name_a_place_are_true():
    """A finding's advice may name another lesson than its kind does."""
    assert set(re.findall(r"lesson (\d+), section (\d+)", sentences())) == {("10", "4")}
    assert explains(10, "betas", 4)


@pytest.mark.parametrize(("word", "number"), WORDS.items())
def test_the_lessons_explain_the_words(word, number):
    """What a newcomer does not know; a word that no sentence uses any more leaves the table."""
    assert explains(number, word), f"lesson {number} does not explain: {word}"
    assert word in sentences()


def test_the_table_names_lessons_that_exist_and_nothing_else():
    titles = {lesson.number: lesson.title for lesson in source.lessons()}
    assert {number: title for number, (title, _) in LESSONS.items()}.items() <= titles.items()
    listed = [n for _, parts in LESSONS.values() for known in parts.values() for n in known]
    assert sorted(listed) == names()


def test_an_unexplained_name_is_seen():
    """Planted: kinds that no lesson has, and words that a lesson uses without explaining them."""
    assert not explains(5, "purple_gradients") and not explains(7, "symmetric_units")
    assert explains(5, "symmetric_units", 9) and not explains(5, "symmetric_units", 8)
    assert not explains(5, "symmetric_units", 90)
    text = "A dead relu\n\n## On Dead\n\n**Symmetric\nunits**, *gain*, x**2 + y**2, 2 * 3 * 4 times"
    assert marked(text) == ["on dead", "symmetric units", "gain"]
    assert len(names()) > len(DETECTORS) + len(RULES) + 5
    assert "logits" in sentences() and "shoelace" not in sentences()
