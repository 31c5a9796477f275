"""The `entry_point` dialect: models that packages declare under the entry-point group `deepaas.v2.model`.

A model is any object (a module, an instance, a class, of which an instance is made) with some of `get_metadata`,
`warm`, `get_predict_args`, `predict`, `get_train_args`, `train` and `schema` (DEEPaaS's user documentation, "DEEPaaS
API V2").
"""

from __future__ import annotations

import os
from typing import Any

from hotplate.contract import Contract, Lifecycle, Route, Source
from hotplate.dialects.base import Call, Evidence, Loaded, Match, Project
from hotplate.dialects.entry_point_declared import GROUP, Declared, in_environment, in_folder
from hotplate.errors import ProjectError

MODEL_VARIABLE = "DEEPAAS_V2_MODEL"
"""The variable that names the model where the command line does not, as for `deepaas-run`."""


class EntryPointDialect:
    """Models by entry point."""

    name = "entry_point"

    def match(self, project: Project) -> Match | None:
        """See `Dialect.match`. A project matches by its own files, or when a model is asked for by name."""
        asked = project.options.get("entry_point")
        found = in_folder(project.root)
        if not found and asked is None:
            return None
        name = _wanted(project)
        chosen = [each for each in found if name in ("", each.name)]
        evidence = tuple(each for declared in chosen for each in _evidence(declared, project)) or (
            Evidence(file="", line=0, text=f"the model {name or '(all)'}, asked for by name"),
        )
        entry = ",".join(f"{each.name}={each.value}" for each in chosen) or name or GROUP
        return Match(dialect=self.name, entry=entry, evidence=evidence)

    def describe(self, project: Project, match: Match) -> Contract:
        """See `Dialect.describe`. The models' arguments come out of functions, so only their names are known here."""
        found = [each for each in in_folder(project.root) if _wanted(project) in ("", each.name)]
        routes = tuple(
            Route(
                path=_path(each.name, "predict", len(found)),
                name=f"{each.name}.predict",
                source=_source(each),
                aliases=(f"{project.options.get('base_path', '').rstrip('/')}/v2/models/{each.name}/predict/",),
            )
            for each in found
        )
        return Contract(
            dialect=self.name,
            entry=match.entry,
            name=project.endpoint_name,
            face="deepaas",
            routes=routes,
            warnings=tuple(text for each in found if (text := _absent(each, project))),
        )

    def load(self, project: Project, match: Match) -> Loaded:
        """See `Dialect.load`."""
        from hotplate.dialects import entry_point_models

        chosen = choose(project)
        models = [entry_point_models.load(each, project.root) for each in chosen]
        calls: list[Call] = []
        for model in models:
            for verb in ("predict", "train"):
                calls.append(model.call(verb, _path(model.name, verb, len(models))))
        if len(models) == 1:
            calls.append(models[0].call("predict", "/infer"))  # for callers that know no model's name
        options = project.options
        warm = [model.warm for model in models if model.warm is not None and options.get("warm") != "false"]

        def setup() -> None:
            for hook in warm:
                hook()

        contract = Contract(
            dialect=self.name,
            entry=",".join(f"{each.name}={each.value}" for each in chosen),
            name=project.endpoint_name,
            face="deepaas",
            description=project.description or (models[0].description if len(models) == 1 else ""),
            routes=tuple(call.route for call in calls),
            lifecycle=Lifecycle(setup=bool(warm)),
            warnings=tuple(warning for model in models for warning in model.warnings),
            facts={"models": [model.facts() for model in models], **_switches(options)},
        )
        names = {"setup": "warm"}
        return Loaded(contract=contract, calls=tuple(calls), setup=setup if warm else None, names=names)


dialect = EntryPointDialect()


def choose(project: Project) -> list[Declared]:
    """Give the entry points to serve: the one asked for, else all of the folder, else all of the environment.

    Raises:
        ProjectError: there is none, or none of that name. The texts are those of `deepaas-run`.
    """
    name = _wanted(project)
    found = in_folder(project.root)
    if name:
        found = [each for each in found if each.name == name]
    if found:
        return found
    installed = in_environment()
    chosen = [each for each in installed if name in ("", each.name)]
    if chosen:
        return list({each.name: each for each in chosen}.values())
    known = ", ".join(dict.fromkeys(each.name for each in (*in_folder(project.root), *installed))) or "none"
    if name:
        raise ProjectError(f"Model {name!r} not found in namespace {GROUP!r}", hint=f"models there: {known}")
    hint = "install the model's package (pip install -e .), or name its folder"
    raise ProjectError(f"no model was found in namespace {GROUP!r}", hint=hint)


def _evidence(declared: Declared, project: Project) -> list[Evidence]:
    found = [Evidence(file=declared.file, line=declared.line, text=f"{GROUP}: {declared.name} = {declared.value}")]
    if file := _module_file(declared, project):
        found.append(Evidence(file=file, line=1, text=f"module {declared.value.partition(':')[0]}"))
    return found


def _module_file(declared: Declared, project: Project) -> str:
    """The module's file in the folder or below `src`; "" where it lies elsewhere."""
    place = declared.value.partition(":")[0].replace(".", "/")
    candidates = [f"{base}{place}{end}" for base in ("", "src/") for end in (".py", "/__init__.py")]
    return next((each for each in candidates if (project.root / each).is_file()), "")


def _absent(declared: Declared, project: Project) -> str:
    """Say that a declared module cannot be imported, where neither the folder nor the environment has it."""
    import importlib.util

    module = declared.value.partition(":")[0]
    top = module.partition(".")[0]
    if _module_file(declared, project):
        return ""
    try:
        installed = importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        installed = False
    if installed and not (project.root / top).is_dir():
        return ""
    return (
        f"{declared.file}:{declared.line} {declared.name} names the module {module}, which is neither in this folder "
        f"nor installed: write {module.replace('.', '/')}.py, or install its package (pip install -e .)"
    )


def _wanted(project: Project) -> str:
    return project.options.get("entry_point") or os.environ.get(MODEL_VARIABLE, "")


def _path(name: str, verb: str, count: int) -> str:
    return f"/{verb}" if count == 1 else f"/{name}/{verb}"


def _source(declared: Declared) -> Source | None:
    return Source(file=declared.file, line=declared.line) if declared.file else None


def _switches(options: Any) -> dict[str, Any]:
    """What the command line says to the face, checked."""
    base_path = options.get("base_path", "").rstrip("/")
    if base_path and not base_path.startswith("/"):
        raise ProjectError("Base path should start with a '/'.", hint=f"write it as /{base_path}")
    switches = ("predict_endpoint", "train_endpoint", "doc_endpoint")
    return {"base_path": base_path, **{name: options.get(name) != "false" for name in switches}}
