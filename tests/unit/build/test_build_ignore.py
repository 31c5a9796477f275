"""Patterns mean what git means by them: compared with git itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hotplate.build.ignore import MAX_PATTERN, Rules, Verdict, parse, read_rules
from hotplate.errors import ProjectError

NOTHING = Verdict(False, None)


def kept(root: Path, rules: Rules) -> set[str]:
    def walk(folder: Path, parts: tuple[str, ...], above: Verdict) -> None:
        for item in os.scandir(folder):
            path = (*parts, item.name)
            verdict = rules.judge(path, item.is_dir(), above)
            if item.name == ".git" or (verdict.out and not (item.is_dir() and rules.reopens)):
                continue
            if item.is_dir():
                walk(Path(item.path), path, verdict)
            else:
                found.add("/".join(path))

    found: set[str] = set()
    walk(root, (), NOTHING)
    return found


def rules_for(*lines: str, style: str = "git") -> Rules:
    return Rules([rule for line in lines if (rule := parse(line, style=style)) is not None])


NAMES = st.sampled_from(["a", "b", "ab", "c", ".x"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PART = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "*",
        "**",
        "?",
        "a*",
        "*b",
        "[ab]",
        "[!a]",
        "[^b]*",
        ".x",
        "*.x",
        "a?",
        "**a",
        "\\a",
        "a**b",
        "a b",
    ]
)
PATTERN = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "", "!", "#"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PART, min_size=1, max_size=3).map("/".join),
    st.sampled_from(["", "", "/"]),
    st.sampled_from(["", "", "", "  "]),
)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(patterns=st.lists(PATTERN, min_size=1, max_size=4), paths=st.lists(PATHS, min_size=1, max_size=12))
def test_the_same_files_stay_out_as_with_git(tmp_path, patterns, paths):
    root = tmp_path / "tree"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    subprocess.run(["git", "init", "-q", root], check=True, timeout=60)
    for path in paths:
        try:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).touch()
        except OSError:
            pass  # `a` is a folder already, or a file
    (root / ".gitignore").write_text("\n".join(patterns) + "\n")
    listed = ["git", "-c", "core.excludesFile=/dev/null", "-C", root, "ls-files", "-o", "--exclude-standard", "-z"]
    done = subprocess.run(listed, capture_output=True, text=True, check=True, timeout=60)
    theirs = {name for name in done.stdout.split("\0") if name}
    assert kept(root, Rules(read_rules(root / ".gitignore"))) == theirs


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (["*", "!app", "!requirements.txt"], {"app/x.py", "app/deep/y.py", "requirements.txt"}),
        (["app", "!app/deep"], {"app/deep/y.py", "requirements.txt", "other/x.py"}),
        (["x.py"], {"app/x.py", "app/deep/y.py", "requirements.txt", "other/x.py"}),
        (["**/x.py"], {"app/deep/y.py", "requirements.txt"}),
        (["/app/*.py"], {"app/deep/y.py", "requirements.txt", "other/x.py"}),
    ],
)
def test_patterns_of_docker_start_at_the_top_and_reopen_folders(tmp_path, lines, left):
    for name in ("app/x.py", "app/deep/y.py", "other/x.py", "requirements.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert kept(tmp_path, rules_for(*lines, style="docker")) == left


def test_no_pattern_takes_long():
    rules = rules_for("*a*a*a*a*a*a*a*a*a*a*a*a*b", "/".join(["**", "a*"] * 10))
    start = time.process_time()
    assert not rules.judge(("a" * 250,), False, NOTHING).out
    assert not rules.judge(tuple("b" * 60), False, NOTHING).out
    assert time.process_time() - start < 1


def test_a_pattern_that_is_too_long_is_an_error(tmp_path):
    (tmp_path / ".hotplateignore").write_text("ok\n" + "a" * (MAX_PATTERN + 1) + "\n")
    with pytest.raises(ProjectError) as caught:
        read_rules(tmp_path / ".hotplateignore")
    assert (caught.value.file, caught.value.line) == (".hotplateignore", 2)


def test_a_file_that_is_not_there_has_no_rules(tmp_path):
    assert read_rules(tmp_path / "nothing") == []
