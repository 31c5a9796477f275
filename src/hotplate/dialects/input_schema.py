"""The `input_schema` dialect: `InferlessPythonModel` in app.py, with its inputs declared beside it.

They are declared in `input_schema.py`, in the older `input.json`, or as classes marked `@inferless.request` and
`@inferless.response`. All of that is read as text (`input_schema_text.py`); only app.py is imported, in the worker.
"""

from __future__ import annotations

from hotplate.contract import Contract
from hotplate.dialects.base import Call, Loaded, Match, Project
from hotplate.errors import ProjectError

MODULE = "app"
CLASS = "InferlessPythonModel"
ENTRY = f"{MODULE}:{CLASS}"


class InputSchemaDialect:
    """A class with `initialize`, `infer` and `finalize`."""

    name = "input_schema"

    def match(self, project: Project) -> Match | None:
        """See `Dialect.match`. Raises ProjectError where app.py or input_schema.py is not Python."""
        app = project.root / f"{MODULE}.py"
        if project.targets or project.service_module or project.service_class or not app.is_file():
            return None
        if CLASS.encode() not in app.read_bytes() and not (project.root / "input_schema.py").is_file():
            return None
        from hotplate.dialects import input_schema_text

        return input_schema_text.match(project)

    def describe(self, project: Project, match: Match) -> Contract:
        """See `Dialect.describe`."""
        from hotplate.dialects import input_schema_text

        return input_schema_text.draft(project).contract

    def load(self, project: Project, match: Match) -> Loaded:
        """See `Dialect.load`."""
        from hotplate.dialects import input_schema_model, input_schema_text
        from hotplate.dialects.importing import failure, import_module

        drawn = input_schema_text.draft(project)
        module = import_module(MODULE, root=project.root, missing="Module 'app' not found.")
        cls = getattr(module, CLASS, None)
        if not isinstance(cls, type):
            hint = f"write class {CLASS} with initialize, infer and finalize"
            raise ProjectError(f"app.py has no class {CLASS}", file="app.py", line=1, hint=hint)
        try:
            instance = cls()
        except (Exception, SystemExit) as error:
            raise failure(error, project.root, f"{CLASS}() could not be made") from error
        input_schema_model.check_infer(instance, project.root)
        bound = input_schema_model.bind(instance, drawn, getattr(module, drawn.request_class, None))
        call = Call(
            route=drawn.contract.routes[0],
            function=bound.function,
            parameters=bound.parameters,
            returns=bound.returns,
        )
        return Loaded(
            contract=drawn.contract,
            calls=(call,),
            setup=bound.setup,
            shutdown=bound.shutdown,
            names={"setup": "initialize", "shutdown": "finalize"},
        )


dialect = InputSchemaDialect()
