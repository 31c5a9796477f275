"""The `predictor` dialect: a `cortex.yaml` and a class with `__init__(self, config)` and `predict(self, payload)`.

It is what Cortex 0.20 to 0.35 ran (https://docs.cortex.dev/v/0.32/workloads/realtime/predictors). Reading the file is
in `predictor_yaml.py`, the rules for methods in `predictor_rules.py`, model clients in `predictor_models.py`.
"""

from __future__ import annotations

import inspect
from copy import deepcopy
from pathlib import Path
from typing import Any

from hotplate.contract import Contract
from hotplate.dialects.base import Call, Evidence, Loaded, Match, Parameter, Project
from hotplate.errors import ProjectError

FILE = "cortex.yaml"


class PredictorDialect:
    """A class that gets payloads."""

    name = "predictor"

    def match(self, project: Project) -> Match | None:
        """See `Dialect.match`. Raises ProjectError where `cortex.yaml` or the predictor's file cannot be read."""
        if not (project.root / FILE).is_file():
            return None
        from hotplate.dialects import predictor_choice, predictor_rules, predictor_text

        api = predictor_choice.choose(project.root, project.api)
        evidence = [Evidence(file=FILE, line=api.line, text=f"name: {api.name}, {api.kind}")]
        found = predictor_text.require_class(project.root, api)
        if found is not None:
            text = f"class {predictor_rules.class_name(api)}"
            evidence.append(Evidence(file=api.path, line=found.lineno, text=text))
        return Match(dialect=self.name, entry=f"{FILE}:{api.name}", evidence=tuple(evidence))

    def describe(self, project: Project, match: Match) -> Contract:
        """See `Dialect.describe`."""
        from hotplate.dialects import predictor_choice, predictor_project, predictor_text

        api = predictor_choice.of_entry(project.root, match.entry)
        methods, _ = predictor_text.read_methods(project.root, api)
        warnings = predictor_project.warnings(project.root, api)
        return predictor_text.contract(project, api, methods, entry=match.entry, warnings=warnings)

    def load(self, project: Project, match: Match) -> Loaded:
        """See `Dialect.load`. The class is made in `setup`: its contract is known before its model is there."""
        from hotplate.dialects import predictor_choice, predictor_project, predictor_rules, predictor_text
        from hotplate.dialects.predictor_instance import Instance

        root = project.root.resolve()
        api = predictor_choice.of_entry(root, match.entry)
        warnings = predictor_project.warnings(root, api)
        predictor_project.enter(root, api, dict(project.env))
        module = predictor_project.import_predictor(root, api)
        cls = _find(module, predictor_rules.class_name(api), api.path)
        predictor_rules.check(cls, api)
        methods = [
            _method(cls, name, verb, root) for name, verb in predictor_rules.methods(api).items() if hasattr(cls, name)
        ]
        contract = predictor_text.contract(project, api, methods, entry=match.entry, warnings=warnings)
        instance = Instance(cls, root, api, deepcopy(dict(api.config)))
        calls = [
            Call(
                route=route,
                function=instance.caller(method),
                parameters=tuple(_parameter(name) for name in method.arguments),
                returns=Any,
            )
            for route, method in zip(contract.routes, methods, strict=True)
        ]
        return Loaded(
            contract=contract,
            calls=tuple(calls),
            setup=instance.make,
            shutdown=instance.close,
            metrics=instance.take_sink,
        )


dialect = PredictorDialect()


def _find(module: Any, name: str, path: str) -> type:
    cls = getattr(module, name, None)
    if isinstance(cls, type):
        return cls
    raise ProjectError(f"error: error in {path}: {name} class is not defined", file=path, hint=f"write class {name}:")


def _method(cls: type, name: str, verb: str, root: Path) -> Any:
    from hotplate.dialects.predictor_text import Method
    from hotplate.dialects.signature import source_of

    function: Any = getattr(cls, name)
    return Method(
        name=name,
        verb=verb,
        arguments=tuple(inspect.getfullargspec(function).args[1:]),
        asynchronous=inspect.iscoroutinefunction(function),
        doc=inspect.cleandoc(function.__doc__) if function.__doc__ else "",
        source=source_of(function, root),
    )


def _parameter(name: str) -> Parameter:
    if name == "payload":
        return Parameter(name=name, annotation=Any)
    if name == "request_id":
        return Parameter(name=name, annotation=str, default="")
    return Parameter(name=name, annotation=dict[str, str], default={})
