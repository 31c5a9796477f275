"""What a folder has of each dialect where no dialect matches: half a project, and what the other half is.

Asked only when there is nothing to serve, so it may read more than `match` does. Nothing is run, and what cannot be
read has no traces.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hotplate.dialects.syntax import Function

PREDICTORS = ("PythonPredictor", "ONNXPredictor", "TensorFlowPredictor", "Handler")
USUAL = ("model", "predict", "predictor", "main", "app", "api", "inference", "handler", "serve")
"""Modules in which people put the function that is to be served."""
VERBS = ("predict", "infer", "generate", "classify", "main", "run", "handler")
NEVER = ("setup.py", "conftest.py", "noxfile.py", "tasks.py")
"""Modules that other tools read."""
MOST_FILES = 200


def traces(root: Path) -> Iterator[tuple[str, str]]:
    """Give pairs of a dialect and a sentence: what is there, what is missing."""
    modules = list(_modules(root))
    names = {path.relative_to(root).as_posix(): tree for path, tree in modules}
    if (tree := names.get("service.py")) is not None:
        found = next((node for node in tree.body if isinstance(node, ast.ClassDef)), None)
        if found is not None:
            yield "service", f"service.py:{found.lineno} class {found.name} does not derive from Service"
        else:
            yield "service", "service.py:1 has no class; write class NAME(Service): with a method infer"
    elif (root / "octoai.yaml").is_file():
        yield "service", "octoai.yaml is here, and service.py is not"
    yield from _of_inferless(root, names)
    for file, tree in names.items():
        yield from _of_classes(file, tree)
        yield from _of_entry_points(file, tree)
    yield from _of_functions(names)


def _modules(root: Path) -> Iterator[tuple[Path, ast.Module]]:
    files = sorted((*root.glob("*.py"), *root.glob("*/*.py"), *root.glob("src/*/*.py")))
    for path in files[:MOST_FILES]:
        try:
            yield path, ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError, RecursionError):
            continue


def _of_inferless(root: Path, names: dict[str, ast.Module]) -> Iterator[tuple[str, str]]:
    declared = next((name for name in ("input_schema.py", "input.json") if (root / name).is_file()), "")
    marked = (
        next(
            (node for node in ast.walk(names["app.py"]) if isinstance(node, ast.Attribute) and _is_request(node)), None
        )
        if "app.py" in names
        else None
    )
    if declared and "app.py" not in names:
        yield "input_schema", f"{declared} is here, and app.py with class InferlessPythonModel is not"
    elif declared:
        yield "input_schema", f"{declared} is here, and app.py has no class InferlessPythonModel"
    elif marked is not None:
        yield "input_schema", f"app.py:{marked.lineno} @inferless.request is here, class InferlessPythonModel is not"


def _is_request(node: ast.Attribute) -> bool:
    return node.attr in ("request", "response") and isinstance(node.value, ast.Name) and node.value.id == "inferless"


def _of_classes(file: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        place = f"{file}:{node.lineno} class {node.name}"
        if node.name in PREDICTORS[:3] or (node.name == "Handler" and _has(node, "handle_post", "handle_get")):
            yield "predictor", f"{place} is here, and cortex.yaml, which names it as its path, is not"
        elif node.name == "InferlessPythonModel" and file != "app.py":
            yield "input_schema", f"{place} must stand in app.py, with INPUT_SCHEMA in input_schema.py beside it"


def _of_entry_points(file: str, tree: ast.Module) -> Iterator[tuple[str, str]]:
    functions = {node.name: node.lineno for node in tree.body if isinstance(node, ast.FunctionDef)}
    if "get_predict_args" in functions and "predict" in functions:
        module = file.removesuffix(".py").removesuffix("/__init__").removeprefix("src/").replace("/", ".")
        line = functions["get_predict_args"]
        yield (
            "entry_point",
            f"{file}:{line} def get_predict_args is here, and no entry point names the module: "
            f'write [project.entry-points."deepaas.v2.model"] and NAME = "{module}" in pyproject.toml',
        )


def _of_functions(names: dict[str, ast.Module]) -> Iterator[tuple[str, str]]:
    """Those with a usual name first; then those in the folder itself whose type hints say that they are for callers."""
    usual: list[tuple[str, Function]] = []
    typed: list[tuple[str, Function]] = []
    for file, tree in names.items():
        stem = file.removesuffix(".py")
        for node in tree.body if "/" not in file and file not in NEVER and not stem.startswith("test_") else ():
            if not isinstance(node, Function) or node.name.startswith("_"):
                continue
            if stem in USUAL and node.name in (*VERBS, stem):
                usual.append((file, node))
            elif _is_typed(node):
                typed.append((file, node))
    usual.sort(key=lambda found: USUAL.index(found[0].removesuffix(".py")))
    for file, node in (*usual, *typed):
        yield "function", f"{file}:{node.lineno} def {node.name} can be served: hotplate run {file}:{node.name}"


def _is_typed(node: Function) -> bool:
    """Whether each parameter has a type hint, and there is one."""
    parameters = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return bool(parameters) and all(each.annotation is not None for each in parameters)


def _has(node: ast.ClassDef, *names: str) -> bool:
    return any(isinstance(each, Function) and each.name in names for each in node.body)
