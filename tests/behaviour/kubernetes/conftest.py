from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from cluster_rig import cluster_server

from hotplate.cli import main

SERVICE = """\
from hotplate import Service


class Hello(Service):
    def infer(self, prompt: str) -> str:
        return "{word} " + prompt
"""


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(prefix="hotplate-cluster-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def cluster(tmp_path, home, monkeypatch):
    """A cluster that the commands find, with a registry beside it."""
    with cluster_server() as made:
        monkeypatch.setenv("KUBECONFIG", str(made.kubeconfig(tmp_path / "kubeconfig")))
        monkeypatch.setenv("HOTPLATE_HOME", str(home))
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr("hotplate.targets.kubernetes.api.PAUSE_S", 0.01)
        yield made


class Project:
    """A small project, and `hotplate` on it."""

    def __init__(self, root: Path, capsys) -> None:
        self.root = root
        self._capsys = capsys
        self.write("Hello")

    def write(self, word: str) -> None:
        self.root.mkdir(exist_ok=True)
        (self.root / "service.py").write_text(SERVICE.format(word=word))

    def settings(self, text: str) -> None:
        (self.root / "hotplate.yaml").write_text(text)

    def run(self, *words: str, code: int = 0) -> tuple[str, str]:
        """Run a command, and give what it wrote to its output and to its error output."""
        try:
            done = main(list(words))
        except SystemExit as ended:
            done = ended.code
        found = self._capsys.readouterr()
        assert done == code, (words, done, found)
        return found.out, found.err

    def deploy(self, image: str, *words: str, code: int = 0) -> tuple[str, str]:
        words = ("deploy", str(self.root), "--target", "kubernetes", "--image", image, "-n", "hello", *words)
        return self.run(*words, code=code)


@pytest.fixture
def project(tmp_path, home, monkeypatch, capsys):
    monkeypatch.setenv("HOTPLATE_HOME", str(home))
    monkeypatch.setenv("NO_COLOR", "1")
    return Project(tmp_path / "hello", capsys)


@pytest.fixture
def pushed(cluster):
    """The image, by its digest: whether it is in a registry is not asked then."""
    return "registry.example.org/team/hello:v1@sha256:" + "1" * 64
