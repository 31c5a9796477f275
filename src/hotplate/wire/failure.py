"""Why a worker could not do what it was started for, as it travels to the server (the body of a FAILED frame)."""

from __future__ import annotations

import msgspec


class Failure(msgspec.Struct, omit_defaults=True):
    """What happened, where in the author's project, and what to do. `trace` is the author's traceback, without ours."""

    message: str
    file: str = ""
    line: int = 0
    hint: str = ""
    trace: str = ""

    @property
    def where(self) -> str:
        """`service.py:6`, or nothing."""
        return f"{self.file}:{self.line}" if self.file and self.line else self.file

    def text(self) -> str:
        """All of it in lines, as a person reads it on a terminal: the last two say the most."""
        place = f"{self.where}: " if self.where else ""
        hint = "".join(f"  {line}\n" for line in self.hint.splitlines())
        return f"{self.trace}error: {place}{self.message}\n{hint}"


encode_failure = msgspec.msgpack.Encoder().encode
decode_failure = msgspec.msgpack.Decoder(Failure).decode
