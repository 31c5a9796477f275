"""A replica that is a fork of a process that has loaded the project: what it shares, and what is its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from scaled_rig import ScaledRig, run

from hotplate.deployment.records import Scaling
from tests.serving import wait_gone, write_project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="templates need pidfds")

SERVICE = """
import ctypes, os, random
from hotplate import Service
IMPORTED_IN = os.getpid()
{imports}

class Model(Service):
    def setup(self):
        self.set_up_in = os.getpid()
        {setup}

    def infer(self, prompt: str) -> dict[str, int]:
        return {{"imported": IMPORTED_IN, "set_up": self.set_up_in, "pid": os.getpid(), "parent": os.getppid()}}

    def draw(self, prompt: str) -> list[float]:
        return [random.random() for _ in range(3)]

    def large(self, size: int) -> str:
        return "x" * size

    def segfault(self, prompt: str) -> str:
        ctypes.string_at(0)

    def variable(self, name: str) -> str:
        return os.environ.get(name, "")
"""


def project(folder: Path, imports: str = "", setup: str = "pass") -> Path:
    return write_project(folder, {"service.py": SERVICE.format(imports=imports, setup=setup)})


async def fresh(rig: ScaledRig, body: Any = None, name: str = "infer") -> Any:
    """The answer of a new worker."""
    await rig.zero()
    return await rig.call(body or {"prompt": "hi"}, name if rig.endpoint.contract else "")


def test_with_imports_each_worker_sets_up_for_itself(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        first, second = await fresh(rig), await fresh(rig)
        assert rig.starter.pid == first["imported"] == second["imported"]
        assert first["parent"] == second["parent"] == rig.starter.pid
        assert first["set_up"] == first["pid"] != second["pid"] == second["set_up"]
        assert rig.pool.replicas()[0].level == "template"
        assert rig.stages == ["imports"]
        levels = {level for level, part in rig.endpoint.cold_starts.times if part == "total"}
        assert levels == {"cold", "template"}

    run(scenario, project(tmp_path), Scaling())


def test_with_loaded_setup_runs_once_for_all(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        rig.pool.resize(3)
        await rig.until(lambda: rig.pool.counts().ready == 3, "three workers")
        answers = [await rig.call({"prompt": "hi"}) for _ in range(2)] + [await fresh(rig)]
        assert {answer["set_up"] for answer in answers} == {rig.starter.pid}
        assert len({answer["pid"] for answer in answers}) >= 2
        assert rig.stages == ["loaded"]

    run(scenario, project(tmp_path), Scaling(template="loaded", min_replicas=0, max_replicas=3))


def test_a_template_that_hangs_is_ended_and_keeps_no_worker_from_starting(tmp_path, monkeypatch):
    monkeypatch.setattr("hotplate.server.template.FORK_S", 0.5)

    async def scenario(rig: ScaledRig) -> None:
        await fresh(rig)
        stopped = rig.starter.pid
        assert stopped is not None
        os.kill(stopped, signal.SIGSTOP)
        second = await fresh(rig)
        assert second["imported"] == second["pid"], "it is started cold"
        wait_gone(stopped)
        await rig.until(lambda: rig.starter.level == "template" and rig.starter.pid != stopped, "another template")
        assert (await fresh(rig))["parent"] == rig.starter.pid

    run(scenario, project(tmp_path), Scaling())


def test_off_means_a_process_of_its_own_each_time(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        answers = [await fresh(rig), await fresh(rig)]
        assert all(answer["imported"] == answer["pid"] for answer in answers)
        assert rig.stages == ["", ""]
        assert rig.pool.replicas()[0].level == "cold"

    run(scenario, project(tmp_path), Scaling(template="off"))


@pytest.mark.parametrize("imports", ["random.seed(7)", "import numpy; numpy.random.seed(7)"], ids=["random", "numpy"])
def test_no_two_forks_draw_the_same_numbers(tmp_path, imports):
    async def scenario(rig: ScaledRig) -> None:
        await fresh(rig)
        drawn = [await fresh(rig, name="draw") for _ in range(3)]
        assert len({tuple(numbers) for numbers in drawn}) == 3

    folder = project(tmp_path, imports)
    if "numpy" in imports:
        text = (folder / "service.py").read_text().replace("random.random()", "float(numpy.random.random())")
        (folder / "service.py").write_text(text)
    run(scenario, folder, Scaling())


UNSAFE = {
    "a thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(99,), name='beat', daemon=True).start()",
        "the thread 'beat' is alive",
    ),
    "a connection": ("import socket; PAIR = socket.socketpair()", "a connection is open"),
    "an event loop": ("import asyncio; LOOP = asyncio.new_event_loop()", "an event loop is open"),
    "a process": ("import subprocess; CHILD = subprocess.Popen(['sleep', '99'])", "it has started the process"),
    "CUDA": (
        "import sys, types; sys.modules['torch'] = torch = types.ModuleType('torch')\n"
        "torch.cuda = types.SimpleNamespace(is_initialized=lambda: True)",
        "CUDA is initialised",
    ),
    "a library's thread": (
        "import ctypes; LIBC = ctypes.CDLL(None); FUNCTION = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)\n"
        "THREAD = ctypes.c_ulong(); LIBC.pthread_create(ctypes.byref(THREAD), None, LIBC.pause, None)",
        "1 thread of a library is alive",
    ),
}


@pytest.mark.parametrize("what", UNSAFE)
def test_what_may_not_be_forked_becomes_the_worker_itself(tmp_path, what):
    imports, reason = UNSAFE[what]

    async def scenario(rig: ScaledRig) -> None:
        rig.pool.resize(2)
        first = await rig.call({"prompt": "hi"})
        await rig.until(lambda: rig.pool.counts().live == 2 and not rig.pool.counts().starting, "two workers")
        assert first["imported"] == first["pid"]
        assert rig.stages == ["imports", ""]
        assert sum(reason in line for line in rig.log.lines) == 1
        assert {replica.level for replica in rig.pool.replicas()} == {"cold"}
        assert (await fresh(rig))["parent"] == os.getpid()
        assert rig.starter.pid is None

    run(scenario, project(tmp_path, imports), Scaling(max_replicas=2))


def test_where_setup_makes_a_fork_unsafe_workers_are_forked_before_it(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        first, second, third = [await fresh(rig) for _ in range(3)]
        assert first["imported"] == first["pid"]
        assert second["imported"] == third["imported"] == rig.starter.pid
        assert third["set_up"] == third["pid"]
        assert rig.stages == ["loaded", "imports"]
        assert rig.log.has("Workers are forked before setup()")

    setup = UNSAFE["a thread"][0].replace("; ", "\n        ")
    run(scenario, project(tmp_path, setup=setup), Scaling(template="loaded"))


def test_what_an_async_setup_makes_stays_with_its_own_loop(tmp_path):
    text = """
import asyncio, os
from hotplate import Service
class Model(Service):
    async def setup(self):
        self.loop, self.pid = asyncio.get_running_loop(), os.getpid()
    async def infer(self, prompt: str) -> bool:
        return self.loop is asyncio.get_running_loop() and self.pid == os.getpid()
"""

    async def scenario(rig: ScaledRig) -> None:
        assert [await fresh(rig) for _ in range(3)] == [True] * 3
        assert rig.stages == ["imports" if stage == "imports" else "loaded" for stage in rig.stages]
        assert rig.log.has("belongs to its event loop")
        assert rig.pool.replicas()[0].level == "template"

    run(scenario, write_project(tmp_path, {"service.py": text}), Scaling(template="loaded"))


def test_an_async_service_is_forked_and_gets_a_loop_of_its_own(tmp_path):
    text = """
import os
from hotplate import Service
class Model(Service):
    def setup(self):
        self.pid = os.getpid()
    async def infer(self, prompt: str) -> list[int]:
        return [self.pid, os.getpid()]
"""

    async def scenario(rig: ScaledRig) -> None:
        for _ in range(2):
            set_up, pid = await fresh(rig)
            assert set_up == rig.starter.pid != pid

    run(scenario, write_project(tmp_path, {"service.py": text}), Scaling(template="loaded"))


def test_numpy_counts_in_a_fork(tmp_path):
    """OpenBLAS has threads since its import; they end before a fork and come back when they are needed."""
    text = """
import numpy as np
from hotplate import Service
class Model(Service):
    def setup(self):
        self.weights = np.ones((600, 600))
        self.weights @ self.weights
    def infer(self, prompt: str) -> float:
        return float((self.weights @ self.weights)[0, 0])
"""

    async def scenario(rig: ScaledRig) -> None:
        assert [await fresh(rig) for _ in range(2)] == [600.0] * 2
        assert rig.starter.pid is not None, rig.log.lines
        assert rig.pool.replicas()[0].level == "template"

    run(scenario, write_project(tmp_path, {"service.py": text}), Scaling(template="loaded"))


def test_several_that_are_wanted_at_once_come_from_one_template(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        rig.pool.resize(4)
        await rig.until(lambda: rig.pool.counts().ready == 4, "four workers")
        assert rig.stages == ["imports"]

    run(scenario, project(tmp_path), Scaling(max_replicas=4))


def test_a_fork_has_memory_variables_and_a_number_of_its_own(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        await fresh(rig)
        answer = await fresh(rig, {"size": 300_000}, "large")
        assert answer == "x" * 300_000
        assert await rig.call({"name": "CUDA_VISIBLE_DEVICES"}, "variable") == "2"

    run(scenario, project(tmp_path), Scaling(), env=lambda number: {"CUDA_VISIBLE_DEVICES": str(number)})


def test_a_fork_that_crashes_is_told_of_and_replaced(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        first = await rig.call({"prompt": "hi"})
        status, answer = await rig.send({"prompt": "hi"}, "segfault").done
        assert (status, answer["code"]) == (502, "worker_lost")
        second = await rig.call({"prompt": "hi"})
        assert second["pid"] != first["pid"]
        assert second["parent"] == first["parent"]
        assert rig.log.has("was killed by SIGSEGV while it ran 1 call")

    run(scenario, project(tmp_path), Scaling())


def test_a_template_that_dies_leaves_its_workers_alone_and_is_made_anew(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        first = await rig.call({"prompt": "hi"})
        old = rig.starter.pid
        assert old is not None
        os.kill(old, signal.SIGKILL)
        await rig.until(lambda: rig.starter.level == "template" and rig.starter.pid != old, "another template")
        again = await rig.call({"prompt": "hi"})
        assert again["pid"] == first["pid"]
        os.kill(again["pid"], signal.SIGKILL)
        assert (await rig.call({"prompt": "hi"}))["parent"] == rig.starter.pid
        assert rig.log.has("The template of the workers died")

    run(scenario, project(tmp_path), Scaling())


def test_a_template_that_nobody_needs_is_dropped_and_comes_back_with_the_next_start(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        first = await rig.call({"prompt": "hi"})
        await rig.until(lambda: rig.starter.pid is None, "no template")
        assert (await rig.call({"prompt": "hi"}))["pid"] == first["pid"]
        assert (await fresh(rig))["imported"] != first["imported"]
        assert rig.stages == ["imports", "imports"]

    run(scenario, project(tmp_path), Scaling(keep_template_s=0.5))


def test_a_project_that_cannot_be_imported_says_so(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        call = rig.send({"prompt": "hi"})
        await rig.until(lambda: rig.failures, "a failure")
        assert rig.failures[0].where == "service.py:5"
        assert "No module named 'nowhere_to_be_found'" in rig.failures[0].message
        (tmp_path / "service.py").write_text(SERVICE.format(imports="", setup="pass"))
        assert (await call.done)[0] == 200

    run(scenario, project(tmp_path, "import nowhere_to_be_found"), Scaling())


def test_a_setup_that_fails_says_so_with_a_loaded_template_too(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        rig.send({"prompt": "hi"})
        await rig.until(lambda: rig.failures, "a failure")
        assert "setup() failed: ValueError: no weights" in rig.failures[0].message

    run(scenario, project(tmp_path, setup="raise ValueError('no weights')"), Scaling(template="loaded"))


def test_an_import_without_end_is_ended(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        rig.send({"prompt": "hi"})
        await rig.until(lambda: rig.failures, "a failure")
        assert "did not load within 2 s" in rig.failures[0].message

    run(scenario, project(tmp_path, "import time; time.sleep(99)"), Scaling(), setup_timeout_s=2.0)


def test_a_scaler_goes_to_zero_and_back_by_forks(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        first = await rig.call({"prompt": "hi"})
        await rig.until(lambda: not rig.pool.workers, "no worker")
        second = await rig.call({"prompt": "hi"})
        assert second["pid"] != first["pid"]
        assert second["parent"] == rig.starter.pid
        assert [decision.after for decision in rig.decisions] == [1, 0, 1]

    run(scenario, project(tmp_path), Scaling(scale_down_delay_s=0.5, window_s=0.5))


def test_when_the_server_dies_template_and_forks_die(tmp_path):
    folder = project(tmp_path / "project")
    script = f"""
import asyncio, os, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from scaled_rig import run
from hotplate.deployment.records import Scaling

async def scenario(rig):
    answer = await rig.call({{"prompt": "hi"}})
    os.write(1, f"{{rig.starter.pid}} {{answer['pid']}}\\n".encode())
    await asyncio.sleep(60)

run(scenario, Path({str(folder)!r}), Scaling())
"""

    async def main() -> None:
        server = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        assert server.stdout is not None
        pids = [int(pid) for pid in (await asyncio.wait_for(server.stdout.readline(), 60)).split()]
        server.kill()
        await server.wait()
        for pid in pids:
            wait_gone(pid)
        assert len(pids) == 2

    asyncio.run(main())


def test_nothing_is_left_open(tmp_path):
    async def scenario(rig: ScaledRig) -> None:
        await fresh(rig)
        await fresh(rig)
        await rig.zero()
        await asyncio.sleep(0.05)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(10):
            await fresh(rig)
        await rig.zero()
        await asyncio.sleep(0.05)
        assert len(os.listdir("/proc/self/fd")) == before
        assert rig.starter.pid is not None
        assert len(os.listdir(f"/proc/{rig.starter.pid}/fd")) < 12

    run(scenario, project(tmp_path), Scaling())
