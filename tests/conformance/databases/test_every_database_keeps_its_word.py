from __future__ import annotations

import threading

import pytest

from hotplate.control.ledger import MAX_TEXT, TRIM_EVERY, read_audit, record_change, record_event


def test_a_transaction_is_all_or_nothing_also_around_another(database):
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.run("INSERT INTO volumes VALUES ('a', 1)")
        with database.transaction():
            database.run("INSERT INTO volumes VALUES ('b', 1)")
        raise ZeroDivisionError
    assert database.rows("SELECT * FROM volumes") == []
    with database.transaction():
        database.run("INSERT INTO volumes VALUES ('c', 1)")
    assert [row["name"] for row in database.rows("SELECT name FROM volumes")] == ["c"]


def test_threads_and_processes_take_turns(open_again):
    database, other = open_again(), open_again()
    database.run("INSERT INTO meta VALUES ('number', 0)")

    def work(database):
        for _ in range(25):
            with database.transaction():
                number = database.row("SELECT value FROM meta WHERE key = 'number'")[0]
                database.run("UPDATE meta SET value = ? WHERE key = 'number'", (number + 1,))

    threads = [threading.Thread(target=work, args=(each,)) for each in (database, database, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.row("SELECT value FROM meta WHERE key = 'number'")[0] == 100


def test_events_and_the_audit_log_are_bounded(database, monkeypatch):
    monkeypatch.setattr("hotplate.control.ledger.MAX_EVENTS", 100)
    monkeypatch.setattr("hotplate.control.ledger.MAX_AUDIT", 100)
    with database.transaction():
        for number in range(TRIM_EVERY):
            record_event(database, "e", "kind", "x" * (MAX_TEXT + 1) if number == TRIM_EVERY - 1 else "x")
            record_change(database, "t", "action", "s")
    for table in ("events", "audit"):
        assert database.row(f"SELECT count(*) FROM {table}")[0] == 100
    assert len(database.row("SELECT details FROM events ORDER BY id DESC")[0]) == MAX_TEXT


def test_a_row_has_its_values_by_place_and_by_name(database):
    database.run("INSERT INTO volumes VALUES (?, ?)", ("a%s", 1.5))
    row = database.row("SELECT name, created_at FROM volumes WHERE name = ?", ("a%s",))
    assert (row[0], row["created_at"]) == ("a%s", 1.5)
    assert dict(row) == {"name": "a%s", "created_at": 1.5}
    assert database.row("SELECT 1 FROM volumes WHERE name = ?", ("b",)) is None


def test_a_change_says_how_many_rows(database):
    assert [database.run("INSERT INTO volumes VALUES (?, 1)", (name,)) for name in "abc"] == [1, 1, 1]
    assert database.run("DELETE FROM volumes WHERE name <> ?", ("a",)) == 2
    assert database.run("DELETE FROM volumes WHERE name = ?", ("z",)) == 0


def test_what_one_has_written_another_reads(open_again):
    one, other = open_again(), open_again()
    one.run("INSERT INTO volumes VALUES ('a', 1)")
    assert [row[0] for row in other.rows("SELECT name FROM volumes")] == ["a"]


def test_a_text_with_a_nul_is_kept_as_far_as_it_can_be(database):
    record_event(database, "e", "kind", "before\0after")
    record_change(database, "t", "action", "s", "ünï \U0001f600")
    assert database.row("SELECT details FROM events")[0] in ("before\0after", "before\ufffdafter")
    assert read_audit(database, 1)[0]["details"] == "ünï \U0001f600"
