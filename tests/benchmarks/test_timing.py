"""The stop-watch itself: order, ratios, and what a record holds."""

import json

from tests.benchmarks.timing import Row, Table, compare, record, summary


def test_candidates_take_turns_in_a_rotating_order():
    called = []
    table = compare(
        {"a": lambda: called.append("a"), "b": lambda: called.append("b")}, rounds=3, calls=1
    )
    assert called == list("ab" "ba" "ab")
    assert table.reference == "b"
    assert table["b"].ratio == 1


def test_slower_candidate_has_the_larger_ratio():
    table = compare(
        {"short": lambda: sum(range(100)), "long": lambda: sum(range(20_000))}, reference="short"
    )
    assert table["long"].ratio > 5
    assert "x short" in str(table)


def test_summary_is_median_quartiles_and_median_ratio():
    row = summary("a", [1.0, 2.0, 3.0, 40.0, 5.0], [1.0, 1.0, 1.0, 20.0, 10.0])
    assert row == Row("a", median=3.0, low=2.0, high=5.0, ratio=2.0)


def test_record_names_versions_and_no_machine(tmp_path):
    table = Table("t", "a", 1, 1, (Row("a", 1.0, 1.0, 1.0, 1.0),))
    content = json.loads(record("x", [table], 1, tmp_path).read_text(encoding="utf-8"))
    settings = {"threads", "python", "system", "openblas_coretype"}
    assert set(content) == {*settings, "versions", "tables"}
    assert content["tables"][0]["rows"][0]["name"] == "a"
    assert not list(tmp_path.glob("*.partial"))
