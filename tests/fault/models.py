"""A project whose routes misbehave on request, for the tests of this folder."""

from __future__ import annotations

MISBEHAVING = {
    "service.py": """
import ctypes, os, sys, time
from hotplate import Service

class Misbehaving(Service):
    def setup(self):
        self.count = 0

    def infer(self, prompt: str) -> str:
        return prompt

    def nap(self, seconds: float) -> str:
        print(f"napping {seconds}", flush=True)
        time.sleep(seconds)
        return f"slept {seconds}"

    def segfault(self, prompt: str) -> str:
        ctypes.string_at(0)

    def leave(self, status: int) -> str:
        os._exit(status)

    def sys_exit(self, status: int) -> str:
        sys.exit(status)

    def hold_gil(self, seconds: int) -> str:
        ctypes.PyDLL(None).sleep(seconds)  # PyDLL does not release the GIL
        return "held"

    def shout(self, megabytes: int) -> int:
        line = "x" * 1023 + "\\n"
        for _ in range(megabytes * 1024):
            sys.stdout.write(line)
        return megabytes

    def long_line(self, megabytes: int) -> int:
        sys.stdout.write("y" * (megabytes << 20) + "\\n")
        return megabytes

    def recurse(self, depth: int) -> int:
        return self.recurse(depth + 1)

    def fail(self, text: str) -> str:
        raise ValueError(text)

    def close_output(self, fd: int) -> str:
        os.close(fd)
        return "closed"

    def fork(self, seconds: float) -> int:
        pid = os.fork()
        if pid == 0:
            time.sleep(seconds)
            os._exit(0)
        return pid

    def fork_and_return(self, prompt: str) -> int:
        return os.fork()
"""
}
