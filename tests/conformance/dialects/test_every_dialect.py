"""What holds for every dialect: it reads without running, describes what it loads, and binds what it describes."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from pathlib import Path

import pytest
import schemathesis
from models import MODELS, WRITABLE, WRITERS

from hotplate.contract.codec import decode_contract, encode_contract
from hotplate.contract.openapi import document
from hotplate.dialects import registry
from hotplate.dialects.base import Match
from hotplate.errors import ProjectError

OWN_SUITE = {
    "predictor": "test_predictor_takes_what_cortex_took.py",
    "entry_point": "../faces/test_deepaas_equals_deepaas.py",
}
"""Dialects that give inputs no type hints and choose their own paths, and the suite that they have instead."""
DIALECTS = [name for name in registry.DIALECTS if name not in OWN_SUITE]


def test_every_dialect_is_here():
    assert set(DIALECTS) == set(WRITERS)
    assert all((Path(__file__).parent / suite).is_file() for suite in OWN_SUITE.values())


def write(folder, dialect, model):
    written = WRITERS[dialect](MODELS[model])
    for name, text in written.files.items():
        folder.write(name, text)
    return written


def run(call, given):
    async def collect(result):
        return [each async for each in result]

    result = call.function(*given)
    if inspect.isasyncgen(result):
        return asyncio.run(collect(result))
    if inspect.iscoroutine(result):
        return asyncio.run(result)
    return list(result) if inspect.isgenerator(result) else result


@pytest.mark.parametrize(
    ("dialect", "model"),
    [(each, model) for each in DIALECTS for model in MODELS if model in WRITABLE.get(each, MODELS)],
)
class TestEveryModel:
    def test_it_is_found_and_the_evidence_is_there(self, folder, dialect, model):
        written = write(folder, dialect, model)
        match = folder.match(*written.targets)
        assert match.dialect == dialect
        assert match.evidence
        for evidence in match.evidence:
            line = (folder.root / evidence.file).read_text().splitlines()[evidence.line - 1]
            assert evidence.text.split(",")[0].split("(")[0] in line

    def test_it_is_described_as_it_is_loaded(self, folder, dialect, model):
        written = write(folder, dialect, model)
        described = folder.describe(*written.targets)
        assert described == folder.load(*written.targets).contract
        assert described.routes[0].path == "/infer"
        assert (described.routes[0].summary, described.routes[0].description) == ("Answer.", "In full.")

    def test_the_endpoint_has_the_name_that_it_was_given(self, folder, dialect, model):
        targets = write(folder, dialect, model).targets
        for contract in (folder.describe(*targets), folder.load(*targets).contract):
            assert contract.name == folder.root.name
        given = {"name": "mine", "description": "What it does"}
        for contract in (folder.describe(*targets, **given), folder.load(*targets, **given).contract):
            assert (contract.name, contract.description) == ("mine", "What it does")

    def test_it_answers(self, folder, dialect, model):
        written = write(folder, dialect, model)
        (call,) = folder.load(*written.targets).calls
        answer = MODELS[model].answer
        assert run(call, MODELS[model].given) == ({written.output: answer} if written.output else answer)
        assert [parameter.name for parameter in call.parameters] == [param.name for param in call.route.params]
        route = call.route
        assert route.stream == ("yield" in MODELS[model].body)
        assert route.asynchronous == ("async" in MODELS[model].word)
        assert (route.batching is not None) == ("@batch" in MODELS[model].marks)

    def test_its_contract_travels_and_has_a_valid_document(self, folder, dialect, model):
        written = write(folder, dialect, model)
        contract = folder.load(*written.targets).contract
        assert decode_contract(encode_contract(contract)) == contract
        page = document(contract, title="Model", version="1")
        schemathesis.openapi.from_dict(json.loads(json.dumps(page))).validate()


def test_the_same_model_has_the_same_routes_in_every_dialect(folder):
    routes = []
    for dialect in [each for each in DIALECTS if "defaults" in WRITABLE.get(each, MODELS)]:
        written = write(folder, dialect, "defaults")
        (route,) = folder.load(*written.targets).contract.routes
        routes.append((route.path, route.params, route.returns))
    assert routes[1:] == routes[:-1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_matching_and_describing_run_no_line_of_the_project(folder, dialect):
    written = write(folder, dialect, "echo")
    for name in written.files:
        text = (folder.root / name).read_text()
        (folder.root / name).write_text("import pathlib; pathlib.Path(__file__).with_name('ran').touch()\n" + text)
    modules = set(sys.modules)
    folder.describe(*written.targets)
    assert not (folder.root / "ran").exists()
    assert not {name.removesuffix(".py") for name in written.files} & (sys.modules.keys() - modules)
    folder.load(*written.targets)
    assert (folder.root / "ran").exists()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_match_alone_is_enough_to_load(folder, dialect):
    written = write(folder, dialect, "echo")
    match = folder.match(*written.targets)
    bare = Match(dialect=match.dialect, entry=match.entry, evidence=())
    loaded = registry.get(dialect).load(folder.project(*written.targets), bare)
    assert loaded.contract.entry == match.entry


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_failing_import_shows_the_authors_line_and_traceback(folder, dialect):
    written = write(folder, dialect, "echo")
    name = next(iter(written.files))
    text = (folder.root / name).read_text()
    folder.write(name, text + "\n\nimport zz_not_installed\n")
    line = text.count("\n") + 3
    with pytest.raises(ProjectError) as raised:
        folder.load(*written.targets)
    assert (raised.value.file, raised.value.line) == (next(iter(written.files)), line)
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)
    assert "zz_not_installed" in str(raised.value.hint)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_source_text_that_is_not_python_is_an_error_with_its_line(folder, dialect):
    written = write(folder, dialect, "echo")
    for name in written.files:
        folder.write(name, "x = 1\ny = (\n")
    with pytest.raises(ProjectError, match="is not valid Python") as raised:
        folder.match(*written.targets)
    assert raised.value.line == 2


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_empty_folder_does_not_match(folder, dialect):
    assert registry.get(dialect).match(folder.project()) is None
