from __future__ import annotations

import io

import pytest

from hotplate.cli import console


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return Terminal()


def test_colours_appear_on_a_terminal(terminal):
    assert console.paint("x", "red", terminal) == "\x1b[31mx\x1b[0m"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_can_be_refused(terminal, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert console.paint("x", "red", terminal) == "x"


def test_no_colours_into_a_file(terminal):
    assert console.paint("x", "red", io.StringIO()) == "x"


def test_columns_line_up(capsys):
    console.table(("A", "LONG"), [("wide cell", "b"), ("c", "")])
    assert capsys.readouterr().out == "A          LONG\nwide cell  b\nc\n"


def test_results_and_remarks_go_separate_ways(capsys):
    console.out("result")
    console.problem("wrong", where="a.py:1", hint="mend it")
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("result\n", "error: a.py:1: wrong\n  mend it\n")
