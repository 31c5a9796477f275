"""The options of the routes dialect: from words to a project."""

from __future__ import annotations

import json

import pytest

from hotplate.cli.opening import add_project, open_from
from hotplate.cli.parsing import Parser
from hotplate.cli.routes import endpoint_name
from hotplate.config.route_texts import OPTION
from hotplate.errors import SettingError

ROUTE = '{"path": "/predict"}'


def opened(*words: str):
    parser = Parser(prog="hotplate run")
    add_project(parser)
    return open_from(parser.read(words))


def test_each_route_is_kept_with_its_place(tmp_path):
    found = opened(str(tmp_path), "--route", ROUTE, "--route", "{}")
    assert found.dialect == "routes"
    assert json.loads(found.project.options[OPTION]) == [
        {"place": "--route 1", "text": ROUTE},
        {"place": "--route 2", "text": "{}"},
    ]


@pytest.mark.parametrize("flag", ["--model", "--git-uri", "--model-dir"])
def test_a_source_stands_for_the_path_and_a_word_names_the_endpoint(tmp_path, flag):
    found = opened(flag, str(tmp_path), "--route", ROUTE, "New Inference Endpoint")
    assert (found.project.root, found.project.name) == (tmp_path.resolve(), "new-inference-endpoint")


def test_the_name_on_the_command_line_wins_over_the_file(tmp_path):
    (tmp_path / "hotplate.yaml").write_text("name: theirs\n")
    assert opened("--model", str(tmp_path), "ours").project.name == "ours"
    assert opened("--model", str(tmp_path)).project.name == "theirs"


def test_functions_of_a_source_are_served_as_well(tmp_path):
    project = opened("--model", str(tmp_path), "model.py:predict", "mine").project
    assert (project.targets, project.name) == (("model.py:predict",), "mine")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--model", ".", "--git-uri", "."), "named twice"),
        (("--model-id", "abc"), "no stored models"),
        (("--model", ".", "one", "two"), "not 2"),
        (("--git-uri", "http://host/a"), "Nothing is fetched over 'http'"),
    ],
)
def test_what_cannot_be_meant_is_refused(words, message):
    with pytest.raises(SettingError, match=message):
        opened(*words)


@pytest.mark.parametrize(
    ("text", "name"),
    [("New Inference Endpoint", "new-inference-endpoint"), ("a_b  C!", "a-b-c"), ("x" * 80, "x" * 63), ("--", "")],
)
def test_a_title_becomes_a_name(text, name):
    assert endpoint_name(text) == name
