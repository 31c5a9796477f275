"""Calls that have no place in the package: they run what a stranger sends, or write where nobody reads."""

from __future__ import annotations

import ast

import pytest
from repository import Source

BANNED_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle"}
BANNED_NAMES = {"eval", "exec", "print", "compile"}
BANNED_CALLS = {
    "yaml.load": "use yaml.safe_load",
    "yaml.unsafe_load": "use yaml.safe_load",
    "yaml.full_load": "use yaml.safe_load",
    "os.system": "use subprocess with a list",
    "os.popen": "use subprocess with a list",
    "torch.load": "reads pickles",
}
ALLOWED: dict[tuple[str, str], str] = {}
"""(file, call) -> why it is right there."""


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def violations(source: Source) -> list[str]:
    found: list[tuple[int, str, str]] = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [
                (node.lineno, name, "runs what it reads") for name in names if name.split(".")[0] in BANNED_MODULES
            ]
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in BANNED_NAMES:
                found.append((node.lineno, name, "the CLI writes through its console; nothing runs text"))
            if name in BANNED_CALLS:
                found.append((node.lineno, name, BANNED_CALLS[name]))
            for keyword in node.keywords:
                if keyword.arg == "shell" and not (
                    isinstance(keyword.value, ast.Constant) and keyword.value.value is False
                ):
                    found.append((node.lineno, "shell", "give a list of arguments"))
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append((node.lineno, "except:", "say which errors"))
    return [f"{source.name}:{line}: {name}: {why}" for line, name, why in found if (source.name, name) not in ALLOWED]


def test_the_package_has_no_banned_call(package):
    assert [wrong for source in package for wrong in violations(source)] == []


def test_each_allowed_call_is_still_there(package):
    files = {source.name for source in package}
    assert {name for name, _ in ALLOWED} <= files


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from cloudpickle import loads",
        "import yaml\nyaml.load(f)",
        "subprocess.run('ls', shell=True)",
        "subprocess.run('ls', shell=flag)",
        "eval('1')",
        "print(1)",
        "os.system('ls')",
        "try:\n    pass\nexcept:\n    pass",
    ],
)
def test_a_banned_call_is_found(text):
    assert violations(Source("src/hotplate/x.py", text))


def test_a_method_of_the_same_name_is_fine():
    assert violations(Source("src/hotplate/x.py", "console.print(1)\nre.compile('x')\nrun(a, shell=False)")) == []
