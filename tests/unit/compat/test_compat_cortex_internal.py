"""The `cortex_internal` shim: Cortex's log lines, key by key."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def lines(code: str, level: str = "info") -> list[dict[str, object]]:
    head = (
        "import sys; from hotplate import compat; compat.install()\nfrom cortex_internal.lib.log import logger as log\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", head + code], capture_output=True, text=True, check=True, env={"CORTEX_LOG_LEVEL": level}
    )
    assert done.stderr == ""
    assert done.stdout.isascii()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_extra_keys_come_last_in_their_order_and_nested_ones_stay():
    (line,) = lines("log.info('a %s', 'b', extra={'z': {'y': [1]}, 'a': None, 'é': 'ü'})")
    assert list(line) == ["asctime", "levelname", "message", "process", "z", "a", "é"]
    assert (line["levelname"], line["message"], line["z"], line["é"]) == ("INFO", "a b", {"y": [1]}, "ü")


def test_values_that_json_lacks_are_text():
    code = "import datetime\nlog.warning('x', extra={'d': datetime.datetime(2021, 1, 2), 'b': b'abc', 'o': {1}})"
    (line,) = lines(code)
    assert (line["d"], line["b"], line["o"]) == ("2021-01-02T00:00:00", "b'abc'", "{1}")


def test_a_traceback_comes_before_extra_keys():
    (line,) = lines("try: 1 / 0\nexcept ZeroDivisionError: log.exception('broke', extra={'k': 1})")
    assert list(line)[4:] == ["exc_info", "k"]
    assert "ZeroDivisionError: division by zero" in str(line["exc_info"])


def test_a_dictionary_is_merged():
    (line,) = lines("log.info({'k': 'v'})")
    assert (line["message"], line["k"]) == (None, "v")


@pytest.mark.parametrize(("level", "count"), [("debug", 2), ("info", 1), ("error", 0)])
def test_the_level_is_that_of_the_yaml(level, count):
    assert len(lines("log.debug('a')\nlog.info('b')", level)) == count


def test_keys_that_a_record_has_are_refused():
    (line,) = lines("try: log.info('x', extra={'message': 1})\nexcept KeyError as error: log.info(str(error))")
    assert line["message"] == "\"Attempt to overwrite 'message' in LogRecord\""
