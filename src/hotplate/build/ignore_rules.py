"""Which files of a project never belong to a revision, and which files of patterns its dialect has.

The built-in patterns come first, so an author's `!pattern` in `.hotplateignore` takes a file in all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hotplate.build.ignore import Rule, Rules, Style, parse, read_rules

OWN = ".hotplateignore"

BY_DIALECT: Mapping[str, tuple[tuple[str, Style], ...]] = {
    "predictor": ((".cortexignore", "git"),),
    "service": ((".dockerignore", "docker"), (".octoaiignore", "git")),
}
"""Files of patterns that a dialect's authors know, besides `.hotplateignore`. Inferless had none: all files count."""

BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "cache": (
        *(".git/", ".hg/", ".svn/", "__pycache__/", "*.py[cod]", ".DS_Store", "node_modules/", ".ipynb_checkpoints/"),
        *(".venv/", ".tox/", ".nox/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/", ".hypothesis/", ".cache/"),
        *(".idea/", ".vscode/", ".hotplate/", ".inferless-logs/", ".coverage", ".git"),
    ),
    "private": (
        *(
            ".ssh/",
            ".aws/",
            ".azure/",
            ".gnupg/",
            ".kube/",
            ".docker/",
            ".netrc",
            ".pypirc",
            ".npmrc",
            ".git-credentials",
        ),
        *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key", "*.p12", "*.pfx", "*.keystore", "*.kdbx"),
        *(".env", ".env.*", ".envrc", "*.tfstate", "admin-token"),
    ),
}
"""`cache` is made again wherever it is needed; `private` is what a copy of the project must not carry along."""

PREDICTOR = (".*", "cortex-debug-*", "!/.env", "!/.cortexignore")
"""Cortex's own (pkg/lib/files of Cortex 0.32): nothing hidden, but the top's `.env`, which its replicas read."""


def rules_of(root: Path, dialect: str) -> Rules:
    """Put together the rules for a project.

    Raises:
        ProjectError: a file of patterns cannot be read.
    """
    rules = [rule for kind, lines in BUILT_IN.items() for line in lines if (rule := parse(line, kind))]
    for name, style in BY_DIALECT.get(dialect, ()):
        rules += read_rules(root / name, style)
    if dialect == "predictor":
        rules += [rule for line in PREDICTOR if (rule := parse(line, "Cortex"))]
    return Rules([*rules, *read_rules(root / OWN)])


def is_private(rule: Rule | None) -> bool:
    """Whether a file stays out because it looks like a key or a password."""
    return rule is not None and rule.source == "private"
