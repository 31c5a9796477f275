"""The Helm chart of an installation, which comes with the package, so it is of the same version."""

from __future__ import annotations

import shutil
from pathlib import Path

from hotplate import __version__

SOURCE = Path(__file__).parent / "helm"


def write_chart(folder: Path) -> None:
    """Write the chart's folder, with this version of Hotplate for its own and for the image's tag."""
    shutil.copytree(SOURCE, folder)
    path = folder / "Chart.yaml"
    text = path.read_text("utf-8")
    text = text.replace("version: 0.0.0\n", f"version: {__version__}\n")
    path.write_text(text.replace('appVersion: "0.0.0"\n', f'appVersion: "{__version__}"\n'), "utf-8")
