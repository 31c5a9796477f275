"""The GPUs of this machine, as NVIDIA's management library tells them (NVML API reference, "Device Queries").

The library belongs to the driver and is opened only when somebody asks for a GPU. It is called directly: of its
functions six are needed. No CUDA context is made, so workers can be forked and the GPUs' memory stays free.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

LIBRARY = "libnvidia-ml.so.1"
VISIBLE = "CUDA_VISIBLE_DEVICES"
_TEXT_BYTES = 96
_ALREADY_INITIALISED = 5


class Gpu(NamedTuple):
    """One GPU. `uuid` names it in CUDA_VISIBLE_DEVICES, whatever order a program counts in."""

    number: int
    uuid: str
    name: str
    memory_bytes: int


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def read_gpus(
    open_library: Callable[[str], Any] = ctypes.CDLL, environ: Mapping[str, str] = os.environ
) -> tuple[Gpu, ...]:
    """Give the GPUs that this process may use: of all that there are, those that CUDA_VISIBLE_DEVICES names.

    None where there is no driver, or it does not answer.
    """
    try:
        library = open_library(LIBRARY)
        if library.nvmlInit_v2() not in (0, _ALREADY_INITIALISED):
            return ()
    except (OSError, AttributeError):
        return ()
    try:
        return _visible(_read(library), environ.get(VISIBLE))
    finally:
        library.nvmlShutdown()


def _read(library: Any) -> tuple[Gpu, ...]:
    count = ctypes.c_uint()
    if library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return ()
    found: list[Gpu] = []
    for index in range(count.value):
        handle = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)):
            continue  # it has fallen off the bus, or belongs to somebody else
        uuid = _text(library.nvmlDeviceGetUUID, handle)
        memory = _Memory()
        if not uuid or library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)):
            continue
        found.append(Gpu(index, uuid, _text(library.nvmlDeviceGetName, handle), int(memory.total)))
    return tuple(found)


def _text(function: Any, handle: ctypes.c_void_p) -> str:
    buffer = ctypes.create_string_buffer(_TEXT_BYTES)
    if function(handle, buffer, ctypes.c_uint(_TEXT_BYTES)):
        return ""
    return buffer.value.decode("utf-8", "replace")


def _visible(found: tuple[Gpu, ...], named: str | None) -> tuple[Gpu, ...]:
    """As CUDA reads the variable: numbers or UUIDs (also shortened), up to the first that means nothing."""
    if named is None:
        return found
    kept: list[Gpu] = []
    for word in (part.strip() for part in named.split(",")):
        one = next((gpu for gpu in found if word and (word == str(gpu.number) or gpu.uuid.startswith(word))), None)
        if one is None or one in kept:
            break
        kept.append(one)
    return tuple(kept)
