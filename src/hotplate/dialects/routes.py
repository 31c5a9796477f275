"""The `routes` dialect: functions at paths that route specs give them, as on proxiML.

A spec says which function of which file a path and verb calls, and its body template says which values it gets, by
name or by position (`routes_specs.py`). The functions' own type hints have no say.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from hotplate.config.route_texts import OPTION
from hotplate.contract import Contract, Route
from hotplate.dialects.annotations import text_of
from hotplate.dialects.base import MISSING, Call, Loaded, Match, Parameter, Project
from hotplate.dialects.signature import Argument, Signature, item_type
from hotplate.errors import SettingError

if TYPE_CHECKING:
    from hotplate.dialects.routes_specs import Spec

FOLDER_VARIABLES = ("ML_MODEL_PATH", "PROXIML_MODEL_PATH", "TRAINML_MODEL_PATH")
"""Variables that say to the author's code where it lies."""


class RoutesDialect:
    """Functions by route specs."""

    name = "routes"

    def match(self, project: Project) -> Match | None:
        """See `Dialect.match`. A project matches where it has route specs, and they are checked here."""
        if not project.options.get(OPTION):
            return None
        if project.targets:
            text = "Functions are named by routes here, and on the command line as well."
            raise SettingError(text, key="route", hint="Say them in one of the two ways.")
        from hotplate.dialects import routes_functions
        from hotplate.dialects.routes_specs import read
        from hotplate.dialects.syntax import Sources

        specs = read(project)
        sources = Sources(project.root)
        evidence = [routes_functions.evidence(spec, sources) for spec in specs]
        if not specs:
            return None
        entry = ",".join(dict.fromkeys(f"{spec.module}:{spec.function}" for spec in specs))
        return Match(dialect=self.name, entry=entry, evidence=tuple(evidence))

    def describe(self, project: Project, match: Match) -> Contract:
        """See `Dialect.describe`. A function that the text does not show has what its body template says."""
        from hotplate.dialects import routes_functions
        from hotplate.dialects.routes_specs import read
        from hotplate.dialects.syntax import Sources

        specs = read(project)
        sources = Sources(project.root)
        signatures = [
            routes_functions.from_text(spec, sources)
            or Signature(name=spec.function.rpartition(".")[2], source=routes_functions.source(spec))
            for spec in specs
        ]
        return _contract(project, match, specs, signatures)[0]

    def load(self, project: Project, match: Match) -> Loaded:
        """See `Dialect.load`."""
        from hotplate.dialects import routes_functions
        from hotplate.dialects.routes_specs import read
        from hotplate.dialects.syntax import Sources

        specs = read(project)
        sources = Sources(project.root)
        enter(project)
        functions = [routes_functions.find(spec, project) for spec in specs]
        signatures: list[Signature] = []
        for spec, function in zip(specs, functions, strict=True):
            live = routes_functions.from_function(spec, function, project)
            text = routes_functions.from_text(spec, sources)
            signatures.append(_merged(text, live) if text is not None else live)
        contract, parameters = _contract(project, match, specs, signatures)
        calls = [
            Call(
                route=contract.routes[number],
                function=routes_functions.caller(spec, signature, function),
                parameters=parameters[number],
                returns=Any,
            )
            for number, (spec, signature, function) in enumerate(zip(specs, signatures, functions, strict=True))
        ]
        for route in contract.routes[len(calls) :]:
            calls.append(structs.replace(calls[0], route=route))
        return Loaded(contract=contract, calls=tuple(calls))


dialect = RoutesDialect()


def enter(project: Project) -> None:
    """Make this process look to the author's code as a job of proxiML did: in its folder, which variables name."""
    os.chdir(project.root)
    for name in FOLDER_VARIABLES:
        os.environ.setdefault(name, str(project.root))


def _merged(text: Signature, live: Signature) -> Signature:
    """What is written at a function's head, and what a decorator made of it."""
    return text._replace(generator=live.generator, asynchronous=live.asynchronous, batching=live.batching)


def _contract(
    project: Project, match: Match, specs: Sequence[Spec], signatures: Sequence[Signature]
) -> tuple[Contract, list[tuple[Parameter, ...]]]:
    from hotplate.dialects.annotations import SchemaBook
    from hotplate.dialects.drafts import draft, routes

    drafts = [
        draft(_templated(spec, signature), path=spec.path, typed=False)
        for spec, signature in zip(specs, signatures, strict=True)
    ]
    plain = routes(drafts, SchemaBook(deep=False))
    found: list[Route] = [
        structs.replace(route, method=spec.verb, stream=False) for route, spec in zip(plain, specs, strict=True)
    ]
    if project.faces and all(route.path != "/infer" for route in found):
        # Other faces than the routes' own stand at other paths than theirs; this one they all know.
        found.append(structs.replace(found[0], path="/infer", method="POST"))
    contract = Contract(
        dialect="routes",
        entry=match.entry,
        name=project.endpoint_name,
        face="routes",
        description=project.description,
        routes=tuple(found),
        warnings=tuple(warning for spec in specs for warning in spec.warnings),
        facts={"routes": len(specs)},
    )
    return contract, [drawn.parameters for drawn in drafts]


def _templated(spec: Spec, signature: Signature) -> Signature:
    """Put the body template in the place of a function's own arguments."""
    batched = signature.batching is not None
    arguments: list[Argument] = []
    for field in spec.body:
        annotation: Any = field.type
        text = field.type.__name__
        if field.default is None:
            annotation, text = annotation | None, f"{text} | None"
        default = field.default
        if batched:
            annotation = list[annotation]
            default = default if default is MISSING else [default]
        arguments.append(Argument(field.name, annotation, default, text))
    templated = signature._replace(arguments=tuple(arguments), generator=False, variadic=False)
    if not signature.generator:
        return templated
    item = item_type(signature.returns)
    returns: Any = list if item in (MISSING, Any) else list[item]
    return templated._replace(returns=returns, returns_text=text_of(returns))
