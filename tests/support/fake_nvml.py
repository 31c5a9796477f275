"""A library with the functions of NVIDIA's that Hotplate calls, for machines without a driver: three GPUs that work."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = """
#include <stdio.h>
#include <string.h>
typedef struct { unsigned long long total, free, used; } memory_t;
static const int BROKEN = 2;
int nvmlInit_v2(void) { return INIT; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 4; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if (index == BROKEN) return 15;
    *handle = (void *)(unsigned long)(index + 1);
    return 0;
}
int nvmlDeviceGetUUID(void *handle, char *text, unsigned length) {
    snprintf(text, length, "GPU-%lu0000000-aaaa", (unsigned long)handle - 1); return 0;
}
int nvmlDeviceGetName(void *handle, char *text, unsigned length) { snprintf(text, length, "Tesla T4"); return 0; }
int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    memory->total = 16ULL << 30; memory->free = 0; memory->used = 0; return 0;
}
"""


compiler = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(compiler is None, reason="no C compiler for the library that stands in")


def build(folder: Path, init: int = 0) -> Path:
    """Compile it; `init` is what nvmlInit answers. The file has the name that the driver's has."""
    folder = folder / f"nvml-{init}"
    folder.mkdir(exist_ok=True)
    (folder / "nvml.c").write_text(SOURCE)
    made = folder / "libnvidia-ml.so.1"
    words = [str(compiler), "-shared", "-fPIC", f"-DINIT={init}", "-o", str(made), str(folder / "nvml.c")]
    subprocess.run(words, check=True, timeout=60, capture_output=True)
    return made
