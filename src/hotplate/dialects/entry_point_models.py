"""A loaded model: its members, looked up once, and the callables that its routes run."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

from hotplate.contract import Param, Route, Source, TypeSpec
from hotplate.dialects import entry_point_fields as fields
from hotplate.dialects.base import ABSENT, MISSING, Call, Parameter, Refused
from hotplate.dialects.calling import by_name
from hotplate.dialects.entry_point_answers import Answers
from hotplate.dialects.entry_point_declared import Declared
from hotplate.dialects.entry_point_files import Uploads
from hotplate.dialects.importing import failure, import_module
from hotplate.dialects.signature import source_of
from hotplate.errors import NotProvided, ProjectError


class Model:
    """One model. What its author's functions raise at start becomes a ProjectError with file and line."""

    def __init__(self, declared: Declared, target: Any, root: Path, marshmallow: Any) -> None:
        self.name = declared.name
        self.warnings: list[str] = []
        self._declared = declared
        self._target = target
        self._root = root
        self._ma = marshmallow
        self._answers = Answers(marshmallow, self._schema(), self.name)
        self._arguments = {verb: self._read_arguments(verb) for verb in ("predict", "train")}
        self.warm: Callable[[], Any] | None = self._hook("warm")
        self.metadata = self._read_metadata()
        text: Any = (self.metadata or {}).get("description", "")
        self.description = text if isinstance(text, str) else ""

    def facts(self) -> dict[str, Any]:
        """What the face tells callers of this model. `metadata` is None where get_metadata() failed."""
        return {
            "name": self.name,
            "metadata": self.metadata,
            "accept": self._answers.choices,
            "trains": getattr(self._target, "train", None) is not None,
            "response": self._answers.name if self._answers.schema is not None else "",
        }

    def call(self, verb: str, path: str) -> Call:
        """Bind `predict` or `train` to a route."""
        arguments = self._arguments[verb]
        parameters: list[Parameter] = []
        params: list[Param] = []
        for name, field in arguments.items():
            parameter, param = self._parameter(name, field)
            parameters.append(parameter)
            params.append(param)
        function = getattr(self._target, verb, None)
        self._check(verb, function, arguments)
        source = Source(file=self._declared.file, line=self._declared.line) if self._declared.file else None
        route = Route(
            path=path,
            name=f"{self.name}.{verb}",
            params=tuple(params),
            returns=self._answers.returns() if verb == "predict" else TypeSpec(),
            summary="Make a prediction given the input data"
            if verb == "predict"
            else "Retrain model with available data",
            source=source,
        )
        bind = self._predictor if verb == "predict" else self._trainer
        run = bind(function, arguments, parameters)
        return Call(route=route, function=run, parameters=tuple(parameters), returns=MISSING)

    def _check(self, verb: str, function: Any, arguments: Mapping[str, Any]) -> None:
        """Make sure that a function takes its arguments: those that every call gives it, and no others are needed.

        A train that does not is a warning, for the sake of models that are only asked.
        """
        always = [
            field.attribute or name
            for name, field in arguments.items()
            if field.required or field.load_default is not self._ma.missing
        ]
        problem = misfit(function, always, [field.attribute or name for name, field in arguments.items()])
        if problem is None:
            return
        source = source_of(function, self._root)
        text = f"{verb}() of {self.name} {problem}"
        if verb == "train":
            self.warnings.append(f"{source.file}:{source.line}: {text}; every training will fail.")
            return
        hint = f"give {verb}() the names of get_{verb}_args(), or let it take **kwargs"
        raise ProjectError(text, file=source.file, line=source.line, hint=hint)

    # -- read at start

    def _schema(self) -> Any:
        schema: Any = getattr(self._target, "schema", None)
        if schema is None:
            return None
        if isinstance(schema, dict):
            given = cast("dict[str, Any]", schema)
            try:
                return self._ma.Schema.from_dict(given, name="ModelPredictionResponse")
            except Exception as error:
                raise failure(error, self._root, f"schema of {self.name} is invalid") from error
        if isinstance(schema, type) and issubclass(schema, self._ma.Schema):
            return schema
        text = f"schema of {self.name} is a {type(schema).__name__}"
        raise ProjectError(text, hint="give a dictionary of fields or a marshmallow.Schema class (not an object of it)")

    def _read_arguments(self, verb: str) -> dict[str, Any]:
        name = f"get_{verb}_args"
        function: Any = getattr(self._target, name, None)
        if function is None:
            return {}
        try:
            given: Any = function()
        except NotImplementedError:
            return {}
        except Exception as error:
            raise failure(error, self._root, f"{name}() of {self.name} failed") from error
        if given is None:
            return {}
        if not isinstance(given, Mapping):
            text = f"{name}() of {self.name} returned a {type(given).__name__}"
            raise ProjectError(text, hint="return a dictionary of webargs fields")
        named = cast("Mapping[str, Any]", given)
        for key, field in named.items():
            if not isinstance(field, self._ma.fields.Field):
                self.warnings.append(f"{name}() of {self.name}: {key} is no field, and no argument.")
        try:
            if verb == "predict" and "accept" in named:
                self._answers.offer(named["accept"])
            return fields.bind(self._ma, named, f"{verb}_args")
        except ProjectError:
            raise
        except Exception as error:
            raise failure(error, self._root, f"{name}() of {self.name} gives fields that cannot be used") from error

    def _read_metadata(self) -> dict[str, Any] | None:
        """The model's own words, or DEEPaaS's in their place. None: it failed, and callers get a 500 for it alone."""
        try:
            given: Any = self._target.get_metadata()
            return dict(given)
        except (AttributeError, NotImplementedError):
            text = f"Could not load description from underlying model (loaded '{self.name}')"
            return {"id": "0", "name": self.name, "description": text}
        except Exception as error:  # noqa: BLE001 - the model may answer all the same
            self.warnings.append(f"get_metadata() of {self.name} raised {type(error).__name__}: {error}")
            return None

    def _hook(self, name: str) -> Callable[[], Any] | None:
        function: Any = getattr(self._target, name, None)
        if function is None:
            return None

        def run() -> None:
            try:
                function()
            except NotImplementedError:
                pass

        return run

    # -- called

    def _parameter(self, name: str, field: Any) -> tuple[Parameter, Param]:
        argument = fields.argument(self._ma, name, field)
        text: Any = field.metadata.get("description", "")
        is_file = fields.is_file(field)
        annotation: Any = Annotated[Any, argument]
        if is_file:
            from hotplate.media import File

            annotation = Annotated[File | None, argument]
        schema = fields.schema(self._ma, field)
        if not field.required and field.load_default is not self._ma.missing and not callable(field.load_default):
            schema["default"] = fields.default(self._ma, field)
        spec = TypeSpec(kind="file" if is_file else "json", schema=schema)
        param = Param(
            name=argument.key,
            type=spec,
            required=bool(field.required),
            default=fields.default(self._ma, field),
            description=text if isinstance(text, str) else "",
            location=argument.location,
        )
        default = MISSING if field.required else ABSENT
        return Parameter(name=argument.key, annotation=annotation, default=default), param

    def _predictor(
        self, function: Any, arguments: Mapping[str, Any], parameters: list[Parameter]
    ) -> Callable[..., Any]:
        if function is None:
            return self._not_implemented
        names = [field.attribute or name for name, field in arguments.items()]
        loads = [fill(parameter) for parameter in parameters]
        files = any(fields.is_file(field) for field in arguments.values())
        finish = self._answers.finish
        if not files:

            def predict(*values: Any) -> Any:
                kwargs = given(names, loads, values)
                return finish(function(**kwargs), kwargs.get("accept"))

            plain = by_name(function, names)

            def predict_plainly(*values: Any) -> Any:
                for value in values:
                    if value is ABSENT:
                        return function(**given(names, loads, values))
                return plain(*values)

            return predict_plainly if self._answers.finishes_nothing else predict

        def predict_files(*values: Any) -> Any:
            kwargs = given(names, loads, values)
            with Uploads() as uploads:
                return finish(function(**uploads.saved(kwargs)), kwargs.get("accept"))

        return predict_files

    def _trainer(self, function: Any, arguments: Mapping[str, Any], parameters: list[Parameter]) -> Callable[..., Any]:
        if function is None:
            return self._not_implemented
        names = [field.attribute or name for name, field in arguments.items()]
        loads = [fill(parameter) for parameter in parameters]

        def train(*values: Any) -> Any:
            with Uploads() as uploads:
                return function(**uploads.saved(given(names, loads, values)))

        return train

    def _not_implemented(self, *_: Any) -> Any:
        raise NotProvided(f"Not implemented by underlying model (loaded '{self.name}')")


def load(declared: Declared, root: Path) -> Model:
    """Import what an entry point names. A class is made an instance of.

    Raises:
        ProjectError: its module fails or is not there, it has no such attribute, or its class needs arguments.
    """
    marshmallow = fields.prepare()
    module_name, _, attribute = declared.value.partition(":")
    shown = f"{declared.name} = {declared.value}"
    if declared.file and (root / "src").is_dir():
        sys.path.insert(0, str(root / "src"))
    try:
        target: Any = import_module(module_name, root=root, missing=f"{shown}: there is no module {module_name}")
    except ProjectError as error:
        if error.file is None and declared.file and isinstance(error.__cause__, ModuleNotFoundError):
            error.file, error.line = declared.file, declared.line
            error.hint = f"write {module_name.replace('.', '/')}.py, or install its package (pip install -e .)"
        raise
    for part in attribute.split(".") if attribute else ():
        try:
            target = getattr(target, part)
        except AttributeError as error:
            text = f"{shown}: {module_name} has no {attribute}"
            raise ProjectError(text, file=declared.file or None, line=declared.line or None) from error
    if isinstance(target, type):
        try:
            target = target()
        except Exception as error:
            raise failure(error, root, f"{shown}: no instance of {target.__name__} could be made") from error
    return Model(declared, target, root, marshmallow)


def misfit(function: Any, always: list[str], names: list[str]) -> str | None:
    """Say why a call by name must fail, with the arguments that are always given; None: it need not."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # there is none, or it is of a C extension
        return None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    taken = {each.name for each in parameters if each.kind in by_name}
    if not any(each.kind is each.VAR_KEYWORD for each in parameters) and (more := set(always) - taken):
        return f"does not take {', '.join(sorted(more))}, which every call gives it"
    needed = {each.name for each in parameters if each.kind in by_name and each.default is each.empty}
    if lacking := needed - set(names):
        return f"needs {', '.join(sorted(lacking))}, which no field names"
    return None


def fill(parameter: Parameter) -> Callable[[Any], Any]:
    """Give what turns ABSENT into the author's default, for values that no argument's `load` has seen."""
    load: Any = next(note.load for note in parameter.annotation.__metadata__)

    def default(value: Any) -> Any:
        try:
            return load(value)
        except Refused:  # required, and the face let it through
            return ABSENT

    return default


def given(names: list[str], loads: list[Callable[[Any], Any]], values: tuple[Any, ...]) -> dict[str, Any]:
    """Give a call's keyword arguments: what was sent, and the author's defaults. What has neither is left out."""
    kwargs: dict[str, Any] = {}
    for name, default, value in zip(names, loads, values, strict=True):
        settled = default(ABSENT) if value is ABSENT else value
        if settled is not ABSENT:
            kwargs[name] = settled
    return kwargs
