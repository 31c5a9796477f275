"""Results to stdout, remarks to stderr, no colours in a file, and no complaint when the reader has gone."""

from __future__ import annotations

import os
import subprocess
import sys

COMMAND = [sys.executable, "-c", "import sys; from hotplate.cli import main; sys.exit(main())"]


def run(*words, **more):
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False, **more)


def test_a_reader_that_leaves_early_is_no_error(tmp_path):
    script = '"$0" -c "import sys; from hotplate.cli import main; sys.exit(main())" config list | head -1'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", script, sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("host")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_escape_reaches_a_pipe(tmp_path):
    (tmp_path / "hotplate.yaml").write_text('"\\e[31mred": 1\n')
    for words in (["config", "explain"], ["rum"], ["config", "list"], ["--help"]):
        done = run(*words, cwd=tmp_path)
        assert "\x1b" not in done.stdout + done.stderr


def test_letters_that_the_locale_has_not_are_no_error(tmp_path):
    (tmp_path / "model.py").write_text('def f(x: int) -> int:\n    "größer"\n    return x\n', "utf-8")
    done = run("inspect", "model.py:f", cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert "gr??er" in done.stdout and "? int" in done.stdout


def test_errors_leave_stdout_empty(tmp_path):
    done = run("run", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: nowhere: There is no such folder.\n")
