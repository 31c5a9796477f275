"""docs/deploy.md and docs/api.md name only what there is, and every route of the API."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from hotplate.cli import COMMANDS, module_of
from hotplate.cli.parsing import Parser
from hotplate.client import ControlClient
from hotplate.control.api.table import ROUTES
from hotplate.control.settings import EndpointSettings

DOCS = Path(__file__).parents[2] / "docs"
DEPLOY, API = ((DOCS / name).read_text() for name in ("deploy.md", "api.md"))
TYPED = sorted(set(re.findall(r"hotplate ([a-z][^`\n#|]*)", DEPLOY + API)))


def options_of(command: str) -> set[str]:
    parser = Parser(prog=command)
    import_module(module_of(command)).configure(parser)
    return {
        word for action in parser.every_action() for word in (*action.option_strings, *map(str, action.choices or ()))
    }


@pytest.mark.parametrize("line", TYPED)
def test_every_command_and_option_is_there(line):
    words = line.replace("`,", " ").split()
    if words[0] not in COMMANDS:
        pytest.skip("a sentence")
    known = options_of(words[0])
    assert [word for word in words[1:] if word.startswith("-") and word not in known] == []


def test_every_option_that_is_named_alone_belongs_to_a_command():
    named = {text.split()[0] for text in re.findall(r"`(--[a-z][^`]*)`", DEPLOY)}
    known = set().union(
        *(options_of(command) for command in ("deploy", "token", "revisions", "rollback", "up", "logs"))
    )
    assert named <= known


def test_every_route_is_named_with_its_scope():
    rows = [row.split("|")[1:3] for row in API.splitlines() if row.startswith("| `")]
    for route in ROUTES:
        last = route.path.rstrip("/").rpartition("/")[2]
        named = [scope for paths, scope in rows if last in paths and route.method in paths]
        if last == "stream":
            named = [scope for paths, scope in rows if "/stream" in paths]
        if last in ("pause", "start", "traffic", "rollback", "revisions", "deployments", "decisions", "files", "file"):
            named = [scope for paths, scope in rows if f"/{last}`" in paths]
        assert any(f"`{route.scope}`" in scope if route.scope else "any" in scope for scope in named), route


def test_every_field_and_method_that_is_named_is_there():
    fields = set(EndpointSettings.__struct_fields__)
    listed = API.partition("where it has one:")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", listed)) <= fields
    for method in re.findall(r"control\.(\w+)\(", API):
        assert callable(getattr(ControlClient, method))
