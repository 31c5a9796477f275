"""`make test`: the base suite, side by side; then alone what failed there, and what must always be alone.

A machine of two cores that runs servers, engines and browsers side by side can starve a test of time. So what failed
beside others has one more try alone. What passes then does not fail the run, but is named at its end, since a test that
depends on its neighbours is to be mended. What fails twice fails the run, and so does any failure where there are many:
those are no accident.

`python tests/suite.py [FOLDER]` runs the tests of a folder, of `tests` unless one is named.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

SERIAL = "pytest.mark.serial"
SIDE_BY_SIDE = ("-n", "auto", "--dist", "loadgroup", "-m", "not torch and not serial and not soak")
ALONE = ("-m", "serial and not torch and not soak")
TRIED_AGAIN_AT_MOST = 8
TESTS_FAILED = 1
"""Pytest's exit code where tests ran and some failed; any other but 0 is no matter of a test."""


def failures(cache: Path) -> list[str]:
    """The names of the tests that failed, as the command line takes them."""
    kept = cache / "v/cache/lastfailed"
    return [without_group(name) for name in json.loads(kept.read_text())] if kept.exists() else []


def without_group(name: str) -> str:
    """A test's name without its group, which xdist puts behind it."""
    at = name.rfind("@")
    return name[:at] if at > max(name.rfind("]"), name.rfind("::")) else name


def pytest(cache: Path, *arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    return subprocess.run(command, check=False).returncode


def with_serial_tests(folder: Path) -> list[str]:
    """The files that have such tests: to read all others once more for a few takes longer than these run."""
    return sorted(str(path) for path in folder.rglob("test_*.py") if SERIAL in path.read_text())


def main(folder: str = "tests") -> int:
    shaky: list[str] = []
    serial = with_serial_tests(Path(folder))
    with tempfile.TemporaryDirectory(prefix="hotplate-suite-") as caches:
        for part, arguments in (("side-by-side", (*SIDE_BY_SIDE, folder)), ("alone", (*ALONE, *serial))):
            code = pytest(Path(caches, part), *arguments)
            failed = failures(Path(caches, part))
            if code == TESTS_FAILED and 0 < len(failed) <= TRIED_AGAIN_AT_MOST:
                print(f"\n{len(failed)} failed: one more try, alone", flush=True)
                code = pytest(Path(caches, f"{part}-again"), *failed)
                shaky += [] if code else failed
            if code:
                return code
    for name in shaky:
        print(f"passed only at its second try, alone; to be mended: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
