"""The dashboard's own logic: histories, sparklines, changes of contracts, filters of logs, numbers, proofs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotplate.contract.types import Contract, Param, Route, TypeSpec
from hotplate.control.plane import Plane, open_plane
from hotplate.control.ui import creating, sparkline, words
from hotplate.control.ui.contract_changes import changes
from hotplate.control.ui.forms import Form
from hotplate.control.ui.gpu_use import parse
from hotplate.control.ui.history import History, quantile
from hotplate.control.ui.log_lines import PAGE, Wanted, level_of, oldest_first, read_lines
from hotplate.control.ui.machine import read_memory, read_ticks
from hotplate.control.ui.pages.settings import read_change, read_variables
from hotplate.control.ui.sessions import MAX_SESSIONS, Sessions
from hotplate.control.ui.sparkline import SLOT_S, SLOTS, Sparkline
from hotplate.deployment.home import Home
from hotplate.errors import Forbidden, InvalidInput

BOUNDS = (0.01, 0.1, 1.0)


def state(requests: int, errors: int = 0, durations: tuple[int, ...] = (0, 0, 0, 0), **more: Any) -> dict[str, Any]:
    revisions = [
        {"target": 2, "replicas": [{"state": "running", "rss_bytes": 5}, {"state": "starting", "rss_bytes": 2}]}
    ]
    counted = {"requests_total": requests, "errors_total": errors, "durations": list(durations)}
    return {**counted, "revisions": revisions, "queue_depth": 3, "in_flight": 1, **more}


def test_two_readings_give_rates_and_times_of_what_came_between() -> None:
    history = History()
    history.add(100.0, state(10, 1, (10, 0, 0, 0)), BOUNDS)
    history.add(102.0, state(30, 5, (10, 20, 0, 0), cold_starts={"cold": [2, 3.0]}), BOUNDS)
    first, second = history.points
    assert (first.requests, first.p50_s) == (0.0, None)
    assert (second.requests, second.errors) == (10.0, 2.0)
    assert second.p50_s == pytest.approx(0.01 + 0.09 * 0.5)
    assert (second.replicas, second.target, second.queue, second.in_flight, second.rss_bytes) == (1, 2, 3, 1, 7)
    assert (second.started, second.start_s) == (2, 1.5)


def test_a_new_server_counts_from_zero_and_nothing_is_negative() -> None:
    history = History()
    history.add(1.0, state(100), BOUNDS)
    history.add(2.0, state(5), BOUNDS)
    assert [point.requests for point in history.points] == [0.0, 0.0]


def test_old_points_are_let_go() -> None:
    history = History()
    for at in range(0, 4000, 10):
        history.add(float(at), state(at), BOUNDS)
    assert history.points[0].at >= 3990 - 1800
    assert len(history.over(100.0)) == 11


@pytest.mark.parametrize(
    ("counts", "share", "value"),
    [((4, 0, 0, 0), 0.5, 0.005), ((0, 0, 0, 4), 0.99, 1.0), ((0, 0, 0, 0), 0.5, None), ((1, 1, 0, 0), 1.0, 0.1)],
)
def test_a_quantile_lies_within_its_bucket(counts: tuple[int, ...], share: float, value: float | None) -> None:
    assert quantile(BOUNDS, counts, share) == (pytest.approx(value) if value is not None else None)


def places(line: str) -> list[tuple[float, ...]]:
    return [tuple(map(float, each.split(","))) for each in line[1:].split(" L")]


def test_a_sparkline_stays_in_its_box_and_is_flat_without_calls() -> None:
    for values in ([0.0] * SLOTS, [float(n % 7) for n in range(SLOTS)]):
        line, area = sparkline.draw(values)
        assert len(places(line)) == SLOTS
        assert all(0 <= x <= sparkline.WIDTH and 0 <= y <= sparkline.HEIGHT for x, y in places(line))
        assert area.endswith("Z")
    assert len({y for _, y in places(sparkline.draw([0.0] * SLOTS)[0])}) == 1


def test_a_sparkline_has_the_means_of_its_slots_and_lets_old_ones_go() -> None:
    spark = Sparkline()
    end = SLOT_S * 1000
    spark.add(end - 1, 100.0)
    for at, value in ((end, 2.0), (end + 1, 4.0), (end + 2 * SLOT_S, 6.0)):
        spark.add(at, value)
    heights = [y for _, y in places(spark.draw(end + 2 * SLOT_S)[0])]
    bottom, top = max(heights), min(heights)
    tall = [round((bottom - y) / (bottom - top) * 100) for y in heights[-4:]]
    assert tall == [100, 3, 3, 6]  # a slot that nobody looked into is as the one before
    later = [y for _, y in places(spark.draw(end + 30 * SLOT_S)[0])]
    assert len(later) == SLOTS and later[-30:] != heights[-30:]
    assert spark.draw(end + 30 * SLOT_S) is spark.draw(end + 30 * SLOT_S + 1)


def test_older_points_that_say_the_same_are_thinned_and_leave_no_long_gap() -> None:
    history = History()
    for at in range(0, 900, 2):
        history.add(float(at), state(5 if at < 400 else at), BOUNDS)
    times = [point.at for point in history.points]
    gaps = {later - at for at, later in pairwise(times)}
    assert max(gaps) <= 10
    assert len(times) < 400
    assert [point.at for point in history.over(60.0)] == [float(at) for at in range(838, 900, 2)]
    busy = [point.at for point in history.points if 410 <= point.at <= 800]
    assert len(busy) < 50


def param(name: str, kind: str = "string", **more: Any) -> Param:
    return Param(name=name, type=TypeSpec(schema={"type": kind}, annotation=kind), **more)


def contract(*routes: Route) -> Contract:
    return Contract(name="m", dialect="function", entry="m", routes=routes)


def test_what_may_break_a_caller_comes_first() -> None:
    before = contract(
        Route(path="/infer", name="infer", params=(param("a"), param("gone"), param("n", "integer", required=False))),
        Route(path="/old", name="old"),
    )
    after = contract(
        Route(
            path="/infer",
            name="infer",
            params=(param("a", "number"), param("n", "integer"), param("extra", required=False)),
        ),
        Route(path="/new", name="new"),
    )
    found = changes(before, after)
    assert [each.breaks for each in found] == [True, True, True, True, False, False]
    assert {each.text for each in found} == {
        "POST /infer: input a: string → number",
        "POST /infer: input gone",
        "POST /infer: input n: required now",
        "POST /old",
        "POST /infer: optional input extra: string",
        "POST /new",
    }
    assert changes(before, before) == []


def test_an_answer_that_streams_now_is_another_answer() -> None:
    route = Route(path="/x", name="x")
    (only,) = changes(contract(route), contract(Route(path="/x", name="x", stream=True)))
    assert only.breaks and "streams" in only.text


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    made = open_plane(Home(tmp_path / "home"))
    yield made
    made.database.close()


def write_log(plane: Plane, name: str, entries: list[dict[str, Any]], file: str = "current.jsonl") -> None:
    folder = plane.home.logs / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in entries))


def line(at: float, text: str, **more: Any) -> dict[str, Any]:
    return {"at": at, "replica": 1, "revision": "r", "stream": "stdout", "text": text, **more}


def test_pages_of_a_log_fit_together_also_where_many_lines_have_one_time(plane: Plane) -> None:
    total = PAGE * 3 + 17
    write_log(plane, "m", [line(1000.0 + n // 150, f"n{n}") for n in range(total)])
    seen: list[str] = []
    place, pages = "", 0
    while True:
        found = read_lines(plane, "m", Wanted(), place)
        seen += [each["data"] for each in found.entries]
        pages, place = pages + 1, found.older
        if not place:
            break
    assert seen == [f"n{n}" for n in reversed(range(total))]
    assert pages == 4


def test_a_filter_finds_its_lines_page_by_page(plane: Plane) -> None:
    lines = [
        line(float(n), "needle" if n % 10 == 0 else "hay", stream="stderr" if n % 20 == 0 else "stdout")
        for n in range(5000)
    ]
    write_log(plane, "m", lines)
    found = read_lines(plane, "m", Wanted(text="NEEDLE"), limit=300)
    rest = read_lines(plane, "m", Wanted(text="NEEDLE"), found.older, limit=300)
    assert (len(found.entries), len(rest.entries), rest.older) == (300, 200, "")
    assert len(read_lines(plane, "m", Wanted(text="needle", level="stderr"), limit=1000).entries) == 250
    assert list(oldest_first(plane, "m", Wanted(text="needle")))[0]["timestamp"] == "1970-01-01T00:00:00.000Z"


def test_a_search_that_finds_nothing_for_long_goes_on_in_the_next_page(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hotplate.control.ui.log_lines.MAX_SCANNED", 20_000)
    write_log(plane, "m", [line(float(n), "ERROR" if n == 3 else "a terror") for n in range(1000)])
    place, pages = "", 0
    found = None
    while found is None or (place and not found.entries):
        found = read_lines(plane, "m", Wanted(level="error"), place)
        place, pages = found.older, pages + 1
        assert pages < 50
    assert [each["data"] for each in found.entries] == ["ERROR"]
    assert pages > 3


def test_texts_that_json_escapes_are_found(plane: Plane) -> None:
    write_log(plane, "m", [line(1.0, 'say "hé" \\ there'), line(2.0, "other")])
    for text in ('"hé"', "\\ there", "HÉ"):
        assert len(read_lines(plane, "m", Wanted(text=text)).entries) == 1


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("ERROR: no plate", "error"),
        ("2026-01-01 WARNING low", "warning"),
        ("Traceback (most recent call last):", "error"),
        ("[info] fine", "info"),
        ("DEBUG x", "debug"),
        ("terror and warnings", ""),
        ("x" * 200 + " ERROR", ""),
    ],
)
def test_a_level_is_what_a_line_names_near_its_beginning(text: str, level: str) -> None:
    assert level_of(text) == level


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (words.ms(0.00042), "0.4 ms"),
        (words.ms(0.1204), "120 ms"),
        (words.ms(2.44), "2.4 s"),
        (words.rate(0), "0"),
        (words.rate(0.123), "0.12"),
        (words.rate(1234.5), "1,234"),
        (words.percent(0.0), "0 %"),
        (words.percent(0.125), "12.5 %"),
        (words.percent(0.0042), "0.42 %"),
        (words.size(831), "831 B"),
        (words.size(12_400), "12.4 kB"),
        (words.size(3_100_000_000), "3.1 GB"),
        (words.ago(None), "never"),
        (words.ago(100.0, now=100.0 + 7200), "2 h ago"),
        (words.ms(None), words.NONE),
    ],
)
def test_numbers_are_said_in_few_words(made: str, text: str) -> None:
    assert made == text


def test_a_proof_is_for_one_session_and_a_form_once() -> None:
    sessions = Sessions()
    mine, other = sessions.find(sessions.open("a")), sessions.find(sessions.open("b"))
    assert mine is not None and other is not None
    proof = mine.form_proof()
    mine.check_form(proof)
    for wrong in (proof, other.form_proof(), "", ".", mine.page_proof(), f"x.{mine.page_proof()}"):
        with pytest.raises(Forbidden):
            mine.check_form(wrong)
    mine.check_page(mine.page_proof())
    for wrong in (other.page_proof(), mine.form_proof(), ""):
        with pytest.raises(Forbidden):
            mine.check_page(wrong)


def test_sessions_are_bounded_and_the_oldest_goes() -> None:
    sessions = Sessions()
    first = sessions.open("first")
    for n in range(MAX_SESSIONS):
        sessions.open(str(n))
    assert sessions.find(first) is None


def form(**texts: str | list[str]) -> Form:
    return Form({name: value if isinstance(value, list) else [value] for name, value in texts.items()})


def test_a_settings_form_is_a_merge_patch() -> None:
    given = form(
        min_replicas="1",
        max_replicas="",
        visibility="public",
        env_overrides="A=1\n\nB=x=y",
        **{"limits.timeout_s": "30"},
    )
    change = read_change(given)
    assert change["min_replicas"] == 1 and change["max_replicas"] is None
    assert change["env_overrides"] == {"A": "1", "B": "x=y"}
    assert change["limits"] == {"timeout_s": 30}
    assert change["visibility"] == "public"
    with pytest.raises(InvalidInput):
        read_variables("NOTHING")
    with pytest.raises(InvalidInput):
        read_change(form(min_replicas="1.5"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "folder", "folder": "relative"},
        {"source": "folder", "folder": "--help"},
        {"source": "folder", "folder": "/no/such/folder"},
        {"source": "git", "git": "--upload-pack=x"},
        {"source": "git", "git": ""},
    ],
)
def test_a_source_is_never_an_option(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        creating.source(form(**wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "--name"},
        {"name": "UPPER"},
        {"instance_type": "--help"},
        {"env_overrides": "--env=x"},
        {"env_overrides": "nothing"},
        {"container_secrets": ["--secrets"]},
        {"routes": "{"},
        {"routes": '[{"command": "x"}]'},
        {"routes": "[1]"},
    ],
)
def test_no_text_of_the_form_becomes_an_option(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        creating.options(form(**wrong))


def test_the_form_becomes_the_words_of_the_command() -> None:
    given = form(
        name="m",
        min_replicas="0",
        max_replicas="4",
        env_overrides="A=b c",
        container_secrets=["K"],
        visibility="public",
    )
    assert creating.options(given) == (
        ["--name", "m", "--min-replicas", "0", "--max-replicas", "4", "--visibility", "public", "--env", "A=b c"]
        + ["--secrets", "K"]
    )


def test_proc_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    assert read_ticks(tmp_path / "stat") is None
    assert read_memory(tmp_path / "meminfo") == (0, 0)
    (tmp_path / "stat").write_text("cpu  10 0 20 60 10 0 0 0 0 0\ncpu0 1\n")
    assert read_ticks(tmp_path / "stat") == (30, 100)


def test_what_nvidias_command_prints_is_read_and_what_it_does_not_tell_is_none() -> None:
    lines = ("0, GPU-1, NVIDIA A100, 37, 1024, 40960, 45, 132.45", "No devices were found")
    first, second = parse("\n".join((*lines, "1, GPU-2, K80, [N/A], 1, 2, 3, [N/A]")))
    assert (first.number, first.uuid, first.name, first.busy) == (0, "GPU-1", "NVIDIA A100", 0.37)
    assert (first.memory_used, first.memory_total, first.celsius, first.watts) == (1 << 30, 40 << 30, 45.0, 132.45)
    assert (second.busy, second.watts) == (None, None)
    assert parse("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n") == ()
