"""The models that `cortex.yaml` names: where they lie on this machine, and their versions.

A model is a file or a folder; a folder of folders that are all numbers holds its versions. Models of a bucket
(`s3://bucket/key`) are not fetched: their copy is looked for at `.models/bucket/key` in the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from hotplate.dialects.predictor_yaml import FILE, Api
from hotplate.errors import ProjectError

ONLY = "_cortex_default"
"""What Cortex called a model that has no name of its own."""
LATEST = "latest"


class ModelSet:
    """The models of one API. `single` says that the project names one model without a name."""

    def __init__(self, root: Path, api: Api) -> None:
        """Find every model. Raises ProjectError for one that is not there."""
        self.single = False
        self.signature_keys: dict[str, str | None] = {}
        self._found: dict[str, Mapping[str, Path]] = {}
        if api.models_dir is not None:
            for folder in sorted(_place(root, api.models_dir, api).iterdir()):
                if not folder.name.startswith("."):
                    self._add(folder.name, folder, api.signature_key)
        for model in api.models or ():
            self.single = not model.name
            place = _place(root, model.path, api)
            self._add(model.name or ONLY, place, model.signature_key or api.signature_key)

    def _add(self, name: str, place: Path, signature_key: str | None) -> None:
        folders = [each for each in place.iterdir() if not each.name.startswith(".")] if place.is_dir() else []
        numbered = bool(folders) and all(each.is_dir() and each.name.isdecimal() for each in folders)
        self._found[name] = {each.name: each for each in folders} if numbered else {"1": place}
        self.signature_keys[name] = signature_key

    @property
    def names(self) -> list[str]:
        """The names of all models."""
        return sorted(self._found)

    def resolve(self, model_name: str | None = None, model_version: str = LATEST) -> tuple[str, str, Path]:
        """Give name, version and place of the model that a call asks for.

        Args:
            model_name: ignored where the project names a single model by `path`.
            model_version: digits, or `latest` for the highest number.

        Raises:
            ValueError: no such model or version, in Cortex's words.
        """
        if self.single:
            model_name = ONLY
        if model_name is None:
            raise ValueError(f"model_name was not specified, choose one of the following: {self.names}")
        versions = self._found.get(model_name)
        if versions is None:
            raise ValueError(f"'{model_name}' model wasn't found in the list of available models")
        if model_version == LATEST:
            model_version = max(versions, key=int)
        elif not str(model_version).isdecimal():
            raise ValueError(
                f"model_version must be either a parse-able numeric value or 'latest', not {model_version!r}"
            )
        place = versions.get(str(model_version))
        if place is None:
            raise ValueError(f"'{model_name}' model of version {model_version} wasn't found; it has {sorted(versions)}")
        return model_name, str(model_version), place


class Held:
    """Models in memory, each loaded once, when it is first asked for."""

    def __init__(self, models: ModelSet, load: Callable[[str, Path], Any]) -> None:
        self.models = models
        self._load = load
        self._held: dict[tuple[str, str], Any] = {}
        self._lock = Lock()

    def get(self, model_name: str | None = None, model_version: str = LATEST) -> Any:
        """Give the loaded model. Raises ValueError where there is none of that name or version."""
        name, version, place = self.models.resolve(model_name, model_version)
        with self._lock:
            key = (name, version)
            if key not in self._held:
                self._held[key] = self._load(name, place)
            return self._held[key]

    def load_latest(self) -> None:
        """Load the newest version of every model, as is done before the first call."""
        for name in self.models.names:
            self.get(name)


class PythonClient:
    """What `__init__` gets as `python_client`: models as the author's `load_model` gives them."""

    def __init__(self, models: ModelSet) -> None:
        self._models = models
        self._held: Held | None = None

    def set_load_method(self, load_model: Callable[[str], Any]) -> None:
        """Take the author's loader, which gets a path."""
        self._held = Held(self._models, lambda _, place: load_model(str(place)))

    def get_model(self, model_name: str | None = None, model_version: str = LATEST) -> Any:
        """Give a model. Not before `__init__` has returned, since `load_model` belongs to the instance."""
        if self._held is None:
            raise RuntimeError("get_model() works once __init__ has returned; call it in predict")
        return self._held.get(model_name, model_version)


def _place(root: Path, path: str, api: Api) -> Path:
    scheme, mark, rest = path.partition("://")
    place = root / ".models" / rest.strip("/") if mark else root / path
    if place.exists():
        return place
    text = f"error: {FILE}: {api.name} ({api.kind}): {api.key}: {path}: does not exist"
    hint = f"put it at {place}"
    if mark:
        text = f"{text} here: Hotplate does not fetch models from {scheme}://"
        hint = f"copy it to {place.relative_to(root)}"
        if scheme == "s3":
            hint += f", for example: aws s3 cp --recursive {path} {place.relative_to(root)}"
    raise ProjectError(text, file=FILE, line=api.line, hint=hint)
