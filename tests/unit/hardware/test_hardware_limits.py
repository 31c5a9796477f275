"""Processors and memory: by control groups where they may be used, else by what every process has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hotplate.deployment.hardware import find_hardware, profiles
from hotplate.deployment.home import Home
from hotplate.deployment.records import Hardware
from hotplate.errors import SettingError
from hotplate.hardware.cgroups import LEAF, Cgroups, Unavailable
from hotplate.hardware.limiter import Limiter

MIB = 1 << 20


class Tree:
    """Files as the kernel shows them for one group that was handed over."""

    def __init__(self, folder: Path, own: str = "/user.slice/hotplate.scope", controllers: str = "cpu memory") -> None:
        self.root, self.proc = folder / "cgroup", folder / "proc"
        self.base = self.root / own.lstrip("/")
        self.base.mkdir(parents=True)
        (self.root / "cgroup.controllers").write_text("cpu memory\n")
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "self" / "cgroup").write_text(f"1:name=systemd:/x\n0::{own}\n")
        (self.base / "cgroup.controllers").write_text(controllers)
        (self.base / "cgroup.subtree_control").write_text("")
        (self.base / "cgroup.procs").write_text(f"{os.getpid()}\n")

    def open(self) -> Cgroups:
        leaf = self.base / LEAF
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").touch()
        return Cgroups.open(self.root, self.proc)

    def replica(self, name: str) -> Path:
        """The kernel makes these files with the folder."""
        folder = self.base / f"replica-{name}"
        folder.mkdir()
        for file in ("memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "cgroup.procs", "cgroup.kill"):
            (folder / file).touch()
        return folder


def test_a_group_is_made_ready_and_replicas_get_their_own(tmp_path):
    tree = Tree(tmp_path)
    groups = tree.open()
    assert (tree.base / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (tree.base / LEAF / "cgroup.procs").read_text() == str(os.getpid())
    folder = tree.replica("7")
    group = groups.make("7", 0.5, 100 * MIB)
    group.add(4242)
    read = {path.name: path.read_text() for path in folder.iterdir()}
    assert read["memory.max"] == str(100 * MIB)
    assert (read["memory.swap.max"], read["memory.oom.group"]) == ("0", "1")
    assert read["cpu.max"] == "50000 100000"
    assert read["cgroup.procs"] == "4242"


def test_a_limiter_uses_them(tmp_path):
    tree = Tree(tmp_path)
    made = Limiter(tree.open, tuple)
    assert made.how() == "cgroup"
    folder = tree.replica("4242")
    share = made.admit(Hardware(profile="x", cpus=2, memory_bytes=64 * MIB))
    share.apply(4242)
    assert (folder / "memory.max").read_text() == str(64 * MIB)
    assert share.cpus == ()
    share.release()
    assert (folder / "cgroup.kill").read_text() == "1"


def test_a_server_after_another_finds_its_group(tmp_path):
    tree = Tree(tmp_path)
    tree.open()
    (tree.base / "cgroup.procs").write_text("")
    (tree.proc / "self" / "cgroup").write_text(f"0::/user.slice/hotplate.scope/{LEAF}\n")
    assert Cgroups.open(tree.root, tree.proc).base == tree.base


def test_what_is_left_of_a_killed_server_goes(tmp_path):
    tree = Tree(tmp_path)
    (tree.base / "replica-1").mkdir()
    tree.open()
    assert not (tree.base / "replica-1").exists()


def test_why_not_is_said(tmp_path):
    with pytest.raises(Unavailable, match="no memory controller"):
        Tree(tmp_path / "a", controllers="cpu pids").open()
    foreign = Tree(tmp_path / "b")
    (foreign.base / "cgroup.procs").write_text(f"{os.getpid()}\n1\n")
    with pytest.raises(Unavailable, match=r"other programs too \(process 1\)"):
        foreign.open()
    first = Tree(tmp_path / "c")
    (first.proc / "self" / "cgroup").write_text("4:memory:/x\n")
    with pytest.raises(Unavailable, match="no control groups of version 2"):
        first.open()


def no_groups():
    raise Unavailable("this is a test")


PROGRAM = """
import os, sys
sys.stdin.read(1)
print(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
try:
    x = bytearray(200 << 20)
except MemoryError:
    print("no memory")
else:
    print("memory")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone sets limits of another process")
@pytest.mark.parametrize(("memory", "said"), [(100 * MIB, "no memory"), (4096 * MIB, "memory")])
def test_without_groups_a_process_is_held_to_its_limits(memory, said):
    made = Limiter(no_groups, tuple)
    assert made.how() == "rlimit"
    assert "this is a test" in made.describe()
    share = made.admit(Hardware(profile="x", cpus=1, memory_bytes=memory))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    share.apply(process.pid)
    out, _ = process.communicate("\n", timeout=60)
    assert out.split("\n")[:2] == ["1", said]
    share.release()


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is Linux's")
def test_replicas_are_spread_over_the_processors():
    made = Limiter(no_groups, tuple)
    count = len(os.sched_getaffinity(0))
    shares = [made.admit(Hardware(profile="x", cpus=0.5)) for _ in range(2 * count)]
    taken = [cpu for share in shares for cpu in share.cpus]
    assert sorted(taken) == sorted([*os.sched_getaffinity(0)] * 2)
    for share in shares[:count]:
        share.release()
    assert made.admit(Hardware(profile="x", cpus=999)).cpus == tuple(sorted(os.sched_getaffinity(0)))


def test_numeric_libraries_are_told_how_many_threads_to_start():
    share = Limiter(no_groups, tuple).admit(Hardware(profile="x", cpus=1.5))
    assert share.defaults["OMP_NUM_THREADS"] == "2"
    assert Limiter(no_groups, tuple).admit(Hardware()).defaults == {}


# -- profiles


def test_an_installation_has_profiles_of_its_own(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "hardware.yaml").write_text("big: {cpus: 8, memory: 64GiB, gpus: 2}\ncpu.small: {cpus: 1}\n")
    assert find_hardware("big", home) == Hardware(profile="big", cpus=8, memory_bytes=64 << 30, gpus=2)
    assert find_hardware("cpu.small", home).memory_bytes is None
    assert list(profiles(home))[:2] == ["big", "cpu.small"]
    assert find_hardware("A10", home).gpus == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("big: 3\n", 1),
        ("ok: {cpus: 1}\nbig: {cpus: many}\n", 2),
        ("big: {ram: 4GiB}\n", 1),
        ("- big\n", 1),
        ("a=b: {cpus: 1}\n", 1),
        ("big: {cpus: 1\n", 2),
    ],
)
def test_a_wrong_profile_is_told_with_its_line(tmp_path, text, line):
    (tmp_path / "hardware.yaml").write_text(text)
    with pytest.raises(SettingError) as caught:
        profiles(Home(tmp_path))
    assert caught.value.source == f"hardware.yaml:{line}"
