"""Metrics of the author's own: what is kept of them, under which names, and how many at most."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from hotplate.server.counted import MAX_SERIES, Counted, counted_lines
from hotplate.wire.frames import Sample


def parsed(counted: Counted) -> dict[str, list[tuple[str, dict[str, str], float]]]:
    text = "\n".join(counted_lines([({}, counted)])) + "\n"
    return {
        f"{family.type} {family.name}": [
            (sample.name.removesuffix("_total"), sample.labels, sample.value) for sample in family.samples
        ]
        for family in text_string_to_metric_families(text)
    }


def test_each_kind_adds_up_in_its_way():
    counted = Counted()
    for value in (1.0, 2.5):
        counted.add(Sample("counter", "a", value, {"k": "v"}))
        counted.add(Sample("gauge", "b", value, {}))
        counted.add(Sample("histogram", "c", value, {}))
    assert parsed(counted) == {
        "counter a": [("a", {"k": "v"}, 3.5)],
        "gauge b": [("b", {}, 2.5)],
        "summary c": [("c_sum", {}, 3.5), ("c_count", {}, 2.0)],
    }


def test_names_and_labels_are_made_fit():
    counted = Counted()
    counted.add(Sample("gauge", "1 my.metric\n", 1.0, {"a-b": 'x"\n', "": "y"}))
    assert parsed(counted) == {"gauge _1_my_metric_": [("_1_my_metric_", {"a_b": 'x"\n', "_": "y"}, 1.0)]}


def test_what_is_too_much_or_of_two_kinds_is_dropped_and_counted():
    counted = Counted()
    for number in range(MAX_SERIES + 3):
        counted.add(Sample("counter", "a", 1.0, {"n": str(number)}))
    counted.add(Sample("gauge", "a", 1.0, {"n": "0"}))
    found = parsed(counted)
    assert len(found["counter a"]) == MAX_SERIES
    ((_, _, dropped),) = found["counter hotplate_custom_metrics_dropped"]
    assert dropped == 4
