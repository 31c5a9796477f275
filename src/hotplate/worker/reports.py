"""What the author is told when their code fails: their own frames of the traceback, the place, and the next step."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import TracebackType

from hotplate.dialects.importing import is_inside
from hotplate.errors import InvalidOutput, ProjectError, SettingError
from hotplate.wire.failure import Failure

_OURS = ("/hotplate/worker/", "/hotplate/faces/", "/hotplate/dialects/")
"""Where the frames on top of a call lie that are not the author's."""


def failure_of(error: BaseException, root: str) -> Failure:
    """Give what the server is to show of an error that ended a start."""
    if isinstance(error, SettingError):
        return Failure(error.message, file=error.source or "", hint=error.hint or "")
    if not isinstance(error, ProjectError):  # ours: shown whole, to be reported
        text = "".join(traceback.format_exception(error))
        return Failure(f"{type(error).__name__}: {error}", trace=text)
    trace = "" if error.__cause__ is None else trace_of(error.__cause__, Path(root))
    return Failure(
        error.message, file=error.file or "", line=error.line or 0, hint=error.hint or "", trace=_printable(trace)
    )


def trace_of(error: BaseException, root: Path) -> str:
    """Give a traceback from the author's first frame on; nothing where no frame of it is the author's."""
    if isinstance(error, SyntaxError):
        return "".join(traceback.format_exception_only(error))
    step: TracebackType | None = error.__traceback__
    while step is not None and not is_inside(step.tb_frame.f_code.co_filename, root):
        step = step.tb_next
    return "" if step is None else "".join(traceback.format_exception(type(error), error, step))


def report(name: str, where: str, error: BaseException, request_id: str) -> None:
    """Tell the author what their function raised, or returned that it had not promised."""
    if isinstance(error, InvalidOutput):
        print_unfit(name, where, error, request_id)
    else:
        print_raised(name, error, request_id)


def print_raised(name: str, error: BaseException, request_id: str) -> None:
    """Print the traceback of a call, without our own frames on top."""
    trace = error.__traceback__
    while trace is not None and any(part in trace.tb_frame.f_code.co_filename for part in _OURS):
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace or error.__traceback__))
    _print(f"{name}() raised {type(error).__name__} (request {request_id})\n{text}")


def print_unfit(name: str, where: str, error: InvalidOutput, request_id: str) -> None:
    """Print what a function returned that it did not promise. Its traceback would show our frames alone."""
    reason = str(error.__cause__ or error)
    lines = [line for line in reason.splitlines() if "errors.pydantic.dev" not in line]
    text = "".join(f"  {line.strip()}\n" for line in lines)
    _print(f"{name}() ({where}) returned a value that does not fit its annotation (request {request_id})\n{text}")


def _print(text: str) -> None:
    try:
        sys.stderr.write(_printable(text))
        sys.stderr.flush()
    except (OSError, ValueError):  # user code closed it; the caller still gets the answer
        pass


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
