"""GPUs as NVIDIA's library tells them: a library of our own stands in for it, with its functions and its structs."""

from __future__ import annotations

import ctypes

import fake_nvml
import pytest
from fake_nvml import needs_compiler

from hotplate.deployment.records import Hardware
from hotplate.hardware.cgroups import Unavailable
from hotplate.hardware.gpus import VISIBLE, Gpu, read_gpus
from hotplate.hardware.limiter import CannotFit, Limiter, NoGpu


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nvml")
    return lambda init=0: str(fake_nvml.build(folder, init))


@needs_compiler
def test_the_library_is_asked_and_a_broken_gpu_left_out(library):
    path = library()
    found = read_gpus(lambda name: ctypes.CDLL(path), {})
    assert [gpu.number for gpu in found] == [0, 1, 3]
    assert found[0] == Gpu(0, "GPU-00000000-aaaa", "Tesla T4", 16 << 30)


@needs_compiler
@pytest.mark.parametrize(
    ("named", "kept"),
    [("1,0", [1, 0]), ("GPU-3", [3]), ("", []), ("0,9,1", [0]), ("0,0", [0]), ("-1,0", [])],
)
def test_only_those_that_the_server_may_see_count(library, named, kept):
    path = library()
    assert [gpu.number for gpu in read_gpus(lambda name: ctypes.CDLL(path), {VISIBLE: named})] == kept


@needs_compiler
def test_a_driver_that_does_not_answer_means_none(library):
    path = library(9)
    assert read_gpus(lambda name: ctypes.CDLL(path), {}) == ()


def test_no_driver_means_none():
    def missing(name: str) -> None:
        raise OSError("libnvidia-ml.so.1: cannot open shared object file")

    assert read_gpus(missing, {}) == ()


# -- whose they are

FOUR = tuple(Gpu(index, f"GPU-{index}", "T4", 16 << 30) for index in range(4))


def no_groups():
    raise Unavailable("this is a test")


def limiter(gpus: tuple[Gpu, ...] = FOUR) -> Limiter:
    return Limiter(no_groups, lambda: gpus)


def test_each_replica_has_whole_gpus_of_its_own():
    made = limiter()
    one, two = made.admit(Hardware(profile="gpu", gpus=1)), made.admit(Hardware(profile="gpu.2", gpus=2))
    assert (one.environment[VISIBLE], two.environment[VISIBLE]) == ("GPU-0", "GPU-1,GPU-2")
    with pytest.raises(NoGpu, match="1 are free") as caught:
        made.admit(Hardware(profile="gpu.2", gpus=2))
    assert caught.value.strerror is not None
    one.release()
    one.release()
    assert made.admit(Hardware(profile="gpu.2", gpus=2)).environment[VISIBLE] == "GPU-0,GPU-3"


def test_more_than_there_are_is_said():
    with pytest.raises(CannotFit, match="needs 8 GPUs, and this machine has 4"):
        limiter().admit(Hardware(profile="gpu.8", gpus=8))


def test_a_machine_without_any_runs_it_all_the_same():
    made, hardware = limiter(()), Hardware(profile="gpu.t4.medium", gpus=1)
    assert made.admit(hardware).environment == {}
    assert "no GPU" in made.explain(hardware)
    assert limiter().explain(hardware) == made.explain(Hardware(profile="cpu")) == ""
    assert "this is a test" in made.explain(Hardware(profile="x", cpus=1))


def test_who_names_hardware_without_a_gpu_sees_none_and_who_names_nothing_sees_all():
    made = limiter()
    assert made.admit(Hardware(profile="cpu")).environment == {VISIBLE: ""}
    assert made.admit(Hardware()).environment == {}


def test_nobody_asks_the_driver_before_somebody_wants_a_gpu():
    def never() -> tuple[Gpu, ...]:
        raise AssertionError("asked")

    Limiter(no_groups, never).admit(Hardware(profile="cpu", cpus=1)).release()
