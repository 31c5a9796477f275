"""The `octoai` shim, as a project meets it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hotplate.compat


def run(code: str, path: str = "") -> str:
    """Run code in a process without the site's own shims, with `path` first on its search path."""
    head = f"import sys; sys.path = [{path!r}] + [p for p in sys.path if not p.endswith('shims')]\n"
    head += "from hotplate import compat; compat.install(); before = set(sys.modules)\n"
    done = subprocess.run([sys.executable, "-c", head + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_service_module_imports_little():
    names = run("from octoai.service import Service, path, volume_path\nprint(*sys.modules.keys() - before)").split()
    allowed = ("octoai", "octoai.service", "hotplate.authoring", "_hotplate_shims")
    heavy = {"pydantic", "httpx", "hotplate.media", "hotplate.client", "asyncio"}
    assert set(allowed) <= set(names)
    assert not heavy & set(names)


def test_its_names_are_those_of_the_sdk():
    code = (
        "import octoai.service as s; print(s.STORE_ASSETS_NOT_OVERRIDDEN, s.DEFAULT_VOLUME_PATH, *s.VOLUME_ENVIRONMENT)"
    )
    assert run(code) == "NOT_OVERRIDDEN /octoai/cache HUGGINGFACE_HUB_CACHE TORCH_HOME"


def test_its_service_is_ours():
    assert run("import octoai.service, hotplate; print(octoai.service.Service is hotplate.Service)") == "True"


def test_media_types_are_loaded_when_they_are_named():
    pytest.importorskip("hotplate.media")
    code = "import octoai.types; print('hotplate.media' in sys.modules)\n"
    code += "from octoai.types import Image, Audio, Video, File, Media, MediaUrl\n"
    code += "import hotplate; print(Image is hotplate.Image)"
    assert run(code).split() == ["False", "True"]


@pytest.mark.parametrize("module", ["octoai.types", "octoai.service", "octoai"])
def test_an_unknown_name_is_an_attribute_error(module):
    code = f"import {module}\ntry: {module}.nothing\nexcept AttributeError as e: print(e)"
    assert run(code) == f"module '{module}' has no attribute 'nothing'"


def test_a_real_package_wins(tmp_path):
    (tmp_path / "octoai").mkdir()
    (tmp_path / "octoai" / "__init__.py").write_text("")
    (tmp_path / "octoai" / "service.py").write_text("Service = 'real'")
    assert run("from octoai.service import Service; print(Service)", str(tmp_path)) == "real"


def test_installing_twice_leaves_one_entry_and_it_is_last(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    hotplate.compat.install()
    sys.path.append("later")
    hotplate.compat.install()
    assert sys.path[-1] == hotplate.compat.SHIMS
    assert sys.path.count(hotplate.compat.SHIMS) == 1
