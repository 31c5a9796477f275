"""What an author should do next when their code failed: known by the kind of the error, or nothing is said."""

from __future__ import annotations

from pathlib import Path

_OURS = frozenset(("Service", "path", "batch", "volume_path", "Image", "Audio", "Video", "File"))
_OCTOAI = {
    **dict.fromkeys(("Service", "path", "volume_path"), "octoai.service"),
    **dict.fromkeys(("Image", "Audio", "Video", "File"), "octoai.types"),
}
"""Names that authors forget to import, and where a project written for OctoAI has them from."""

_PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Modules whose package has another name."""


def next_step(error: BaseException, root: Path, file: str | None) -> str | None:
    """Give the hint for an exception out of the author's code. `file` is where it came from, as seen from `root`."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return _of_missing(error.name.partition(".")[0], root)
    if isinstance(error, NameError) and error.name in _OURS:
        return f"add: from {_home(error.name, root, file)} import {error.name}"
    if isinstance(error, SystemExit):
        return 'keep what is only for the command line under: if __name__ == "__main__":'
    return None


def _of_missing(module: str, root: Path) -> str:
    from difflib import get_close_matches

    own = [path.stem for path in root.glob("*.py")] + [path.parent.name for path in root.glob("*/__init__.py")]
    if close := get_close_matches(module, own, n=1, cutoff=0.8):
        return f"did you mean {close[0]}?"
    package = _PACKAGES.get(module, module)
    if _lists(root / "requirements.txt", package):
        return "install what the project needs: pip install -r requirements.txt"
    return f"install it (pip install {package}) and list it in requirements.txt"


def _lists(requirements: Path, package: str) -> bool:
    """Whether a requirement begins like the package: opencv-python-headless counts for opencv-python."""
    if not requirements.is_file():
        return False
    lines = requirements.read_text("utf-8", "replace").lower().replace("_", "-").splitlines()
    return any(line.strip().startswith(package.lower().replace("_", "-")) for line in lines)


def _home(name: str, root: Path, file: str | None) -> str:
    """Give the module to import one of our names from: of the two, the one whose other names the file has."""
    text = (root / file).read_text("utf-8", "replace") if file is not None else ""
    return _OCTOAI.get(name, "hotplate") if "from octoai" in text or "import octoai" in text else "hotplate"
