"""The `input_schema` dialect from text: what a project declares, and its contract. Nothing of the project is run."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import Any, NamedTuple, cast

from hotplate.contract import Batching, Contract, Lifecycle, Limits, Route, Source, TypeSpec
from hotplate.contract.tensors import schema_of
from hotplate.dialects import input_schema_classes, input_schema_fields, input_schema_literals, input_schema_yaml
from hotplate.dialects.base import Evidence, Match, Project
from hotplate.dialects.input_schema_fields import Field
from hotplate.dialects.input_schema_literals import Unread
from hotplate.dialects.syntax import Class, Function, Module, Sources, first_line
from hotplate.errors import ProjectError

CLASS = "InferlessPythonModel"
SCHEMA_FILE = "input_schema.py"
DEFAULT_WINDOW_MS = 500.0
"""How long a batch waits where BATCH_WINDOW is absent or not positive (inferless-cli 2.0.22)."""


class Declared(NamedTuple):
    """What the project says of its inputs, wherever it says it. `outputs` may be empty: not declared."""

    fields: tuple[Field, ...]
    outputs: tuple[Field, ...] = ()
    batch_size: int = 0
    batch_window_ms: float = 0.0
    stream: bool = False
    request_class: str = ""
    warnings: tuple[str, ...] = ()


class Draft(NamedTuple):
    """A project as read: its contract, and what is needed to call it."""

    contract: Contract
    fields: tuple[Field, ...]
    outputs: tuple[str, ...]
    request_class: str


def match(project: Project) -> Match | None:
    """See `Dialect.match`."""
    found = _model(Sources(project.root))
    evidence: list[Evidence] = []
    if found is not None:
        evidence.append(Evidence(file=found.module.file, line=found.node.lineno, text=f"class {found.node.name}"))
    if not evidence:
        return None
    schema = Sources(project.root).module("input_schema")
    for statement in schema.tree.body if schema is not None else ():
        if isinstance(statement, ast.Assign | ast.AnnAssign) and "INPUT_SCHEMA" in ast.unparse(statement)[:20]:
            evidence.append(Evidence(file=SCHEMA_FILE, line=statement.lineno, text="INPUT_SCHEMA"))
            break
    return Match(dialect="input_schema", entry=f"app:{CLASS}", evidence=tuple(evidence))


def draft(project: Project) -> Draft:
    """Read the project. Raises ProjectError with file, line and the next step."""
    sources = Sources(project.root)
    model = _model(sources)
    if model is None:
        hint = f"write class {CLASS} with initialize, infer and finalize"
        raise ProjectError(f"app.py has no class {CLASS}", file="app.py", line=1, hint=hint)
    settings = input_schema_yaml.read(project.root)
    app = sources.module("app")
    assert app is not None
    declared = _declared(project.root, sources, app, settings)
    methods = _methods(sources, model)
    infer = methods.get("infer")
    if infer is None:
        hint = "add def infer(self, inputs):"
        raise ProjectError(f"{CLASS} has no infer", file=model.module.file, line=model.node.lineno, hint=hint)
    file, node = infer
    stream = _streams(declared, node, file)
    batching = None
    if declared.batch_size > 0 and declared.fields and not stream:
        batching = Batching(max_size=declared.batch_size, max_wait_ms=declared.batch_window_ms)
    summary, _, description = inspect.cleandoc(ast.get_docstring(node) or "").partition("\n")
    route = Route(
        path="/infer",
        name="infer",
        params=input_schema_fields.params(declared.fields),
        returns=_returns(declared.outputs, node),
        stream=stream,
        asynchronous=isinstance(node, ast.AsyncFunctionDef),
        batching=batching,
        summary=summary.strip(),
        description=description.strip(),
        source=Source(file=file, line=first_line(node)),
    )
    contract = Contract(
        dialect="input_schema",
        entry=f"app:{CLASS}",
        name=project.name or settings.name or project.endpoint_name,
        face="open_inference",
        description=project.description or inspect.cleandoc(ast.get_docstring(model.node) or ""),
        routes=(route,),
        lifecycle=Lifecycle(setup="initialize" in methods, shutdown="finalize" in methods),
        limits=Limits(timeout_s=settings.timeout_s, slots=settings.slots),
        warnings=(*declared.warnings, *settings.warnings),
    )
    return Draft(contract, declared.fields, tuple(output.name for output in declared.outputs), declared.request_class)


def _model(sources: Sources) -> Class | None:
    app = sources.module("app")
    found = sources.lookup(app, CLASS) if app is not None else None
    return found if isinstance(found, Class) else None


def _methods(sources: Sources, model: Class) -> dict[str, tuple[str, Function]]:
    found: dict[str, tuple[str, Function]] = {}
    for each in reversed(sources.ancestry(model)[0]):
        found |= {node.name: (each.module.file, node) for node in each.node.body if isinstance(node, Function)}
    return found


def _declared(root: Path, sources: Sources, app: Module, settings: input_schema_yaml.Settings) -> Declared:
    """Read whichever declaration there is. Two that contradict are an error; an outdated one beside another is not."""
    classes = input_schema_classes.read(app)
    schema = sources.module("input_schema")
    written = root / (settings.input_file or "input.json")
    if classes is not None and schema is not None:
        text = f"inputs are declared twice: by {classes.request_class} in app.py and by INPUT_SCHEMA in {SCHEMA_FILE}"
        raise ProjectError(text, file="app.py", line=classes.line, hint=f"keep one: delete {SCHEMA_FILE} or the class")
    if classes is not None:
        size, window = classes.batch_size, _window(classes.batch_window_ms)
        return Declared(classes.fields, classes.outputs, size, window, classes.stream, classes.request_class)
    if schema is not None:
        warnings = (f"{written.name} is not read: {SCHEMA_FILE} is there",) if written.is_file() else ()
        declared = _of_schema(schema)
        return declared._replace(outputs=_outputs(root, settings), warnings=(*warnings, *declared.warnings))
    if written.is_file():
        tensors = _load_json(written).get("inputs")
        return Declared(input_schema_fields.from_json(tensors, written.name), _outputs(root, settings))
    text = f"{CLASS} is in app.py, but nothing says what its inputs are"
    raise ProjectError(text, file="app.py", line=1, hint=f"write INPUT_SCHEMA in {SCHEMA_FILE} beside it")


def _of_schema(module: Module) -> Declared:
    names = input_schema_literals.read(module.tree)
    schema = _constant(names, "INPUT_SCHEMA", dict, None)
    size = _constant(names, "BATCH_SIZE", int, 0)
    window = _constant(names, "BATCH_WINDOW", (int, float), 0)
    stream = _constant(names, "IS_STREAMING_OUTPUT", (bool, int), False)
    line = _line(module, "INPUT_SCHEMA")
    fields = input_schema_fields.from_schema(schema, SCHEMA_FILE, line)
    warnings = tuple(input_schema_fields.doubts(schema, fields, SCHEMA_FILE, line))
    return Declared(fields, (), size, _window(window), bool(stream), warnings=warnings)


def _constant(names: dict[str, Any], name: str, kind: type | tuple[type, ...], default: Any) -> Any:
    value = names.get(name, default)
    if isinstance(value, Unread):
        text = f"{name} cannot be read without running {SCHEMA_FILE}: {value.text}"
        raise ProjectError(text, file=SCHEMA_FILE, line=value.line, hint=f"write {name} as literals")
    if name not in names and default is None:
        text = f"{SCHEMA_FILE} has no {name}"
        raise ProjectError(text, file=SCHEMA_FILE, line=1, hint=f'write {name} = {{"prompt": {{…}}}}')
    if value is not None and not isinstance(value, kind):
        text = f"{name} is {value!r}, which is not of the right type"
        raise ProjectError(text, file=SCHEMA_FILE, line=1, hint=f"correct {name}")
    return value


def _window(written_ms: float) -> float:
    return float(written_ms) if written_ms > 0 else DEFAULT_WINDOW_MS


def _line(module: Module, name: str) -> int:
    for statement in module.tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and name in ast.unparse(statement)[: len(name) + 1]:
            return statement.lineno
    return 1


def _outputs(root: Path, settings: input_schema_yaml.Settings) -> tuple[Field, ...]:
    """What output.json names. Its datatypes are samples that need not be true, so only the names are kept to."""
    path = root / (settings.output_file or "output.json")
    if not path.is_file():
        return ()
    tensors: Any = _load_json(path).get("outputs")
    entries = cast("list[Any]", tensors or [])
    names = [cast("dict[str, Any]", entry).get("name") for entry in entries if isinstance(entry, dict)]
    return tuple(Field(name, "", (), True) for name in names if isinstance(name, str))


def _load_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        text = f"{path.name} is not JSON: {error}"
        raise ProjectError(text, file=path.name, line=line, hint="mend that line") from None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _returns(outputs: tuple[Field, ...], node: Function) -> TypeSpec:
    schema: dict[str, Any] = {"type": "object"}
    if outputs:
        schema["properties"] = {
            output.name: schema_of(output.datatype, output.shape) if output.datatype else {} for output in outputs
        }
        schema["required"] = [output.name for output in outputs]
    return TypeSpec(schema=schema, annotation=ast.unparse(node.returns) if node.returns else "dict")


def _streams(declared: Declared, node: Function, file: str) -> bool:
    """Whether infer sends its answer piece by piece; and that what the two files say of it fits together."""
    arguments = [*node.args.posonlyargs, *node.args.args][1:]
    takes = len(arguments) > 1 or any(a.arg == "stream_output_handler" for a in node.args.kwonlyargs)
    takes = takes or node.args.vararg is not None
    named = any(argument.arg == "stream_output_handler" for argument in [*arguments, *node.args.kwonlyargs])
    if declared.stream and not takes:
        text = "IS_STREAMING_OUTPUT is True, but infer takes no stream_output_handler"
        hint = "write def infer(self, inputs, stream_output_handler):"
        raise ProjectError(text, file=file, line=node.lineno, hint=hint)
    return declared.stream or named
