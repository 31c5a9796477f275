"""What an `ONNXPredictor` gets as `onnx_client`: onnxruntime sessions, with Cortex's rules for inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hotplate.dialects.predictor_models import LATEST, Held, ModelSet
from hotplate.errors import MissingExtra, ProjectError

NUMPY_TYPES = {
    "tensor(bool)": "bool",
    "tensor(double)": "float64",
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(string)": "str",
    **{f"tensor({name})": name for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")},
}


class ONNXClient:
    """Runs the project's models."""

    def __init__(self, models: ModelSet) -> None:
        """Load the newest version of every model. Raises MissingExtra or ProjectError."""
        try:
            import onnxruntime  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise MissingExtra(
                "ONNXPredictor needs onnxruntime, which is not installed", hint='pip install "hotplate[onnx]"'
            ) from error
        self._runtime: Any = onnxruntime
        self._held = Held(models, self._load)
        self._held.load_latest()

    def predict(self, model_input: Any, model_name: str | None = None, model_version: str = LATEST) -> list[Any]:
        """Run a model once.

        Args:
            model_input: values by input name; or one value, where the model has one input.
            model_name: which model, where `cortex.yaml` names several.
            model_version: digits, or `latest`.

        Returns:
            All outputs of the model, in its order, as numpy arrays.

        Raises:
            ValueError: an input is missing or does not fit the model.
        """
        model = self._held.get(model_name, model_version)
        name, _, _ = self._held.models.resolve(model_name, model_version)
        return model["session"].run([], _inputs(model_input, model["signatures"], name))

    def get_model(self, model_name: str | None = None, model_version: str = LATEST) -> dict[str, Any]:
        """Give a model's `session`, its `signatures` (onnxruntime's inputs) and its `input_signatures`."""
        return self._held.get(model_name, model_version)

    def _load(self, name: str, place: Path) -> dict[str, Any]:
        session = self._runtime.InferenceSession(str(_file(place)), providers=self._runtime.get_available_providers())
        inputs: list[Any] = session.get_inputs()
        described = {
            each.name: {"shape": list(each.shape), "type": NUMPY_TYPES.get(each.type, each.type)} for each in inputs
        }
        return {"session": session, "signatures": inputs, "input_signatures": described}


def _file(place: Path) -> Path:
    if place.is_file():
        return place
    files = sorted(place.glob("*.onnx"))
    if len(files) != 1:
        text = f"{place} must hold exactly one .onnx file, not {len(files)}"
        raise ProjectError(text, hint="or one in each folder of a version number")
    return files[0]


def _inputs(given: Any, signatures: list[Any], model: str) -> dict[str, Any]:
    if isinstance(given, dict):
        values: dict[str, Any] = given  # pyright: ignore[reportUnknownVariableType]
    elif len(signatures) == 1:
        values = {signatures[0].name: given}
    else:
        names = [each.name for each in signatures]
        raise ValueError(f"the model '{model}' has several inputs: give a dictionary with the keys {names}")
    found: dict[str, Any] = {}
    for signature in signatures:
        if values.get(signature.name) is None:
            raise ValueError(f"missing key '{signature.name}' for model '{model}'")
        found[signature.name] = _array(values[signature.name], signature)
    return found


def _array(value: Any, signature: Any) -> Any:
    """Make an array of the model's type, and of its shape where at most one dimension is open."""
    import numpy as np

    dtype = np.dtype(NUMPY_TYPES.get(signature.type, "float32"))
    if isinstance(value, np.ndarray):
        array: Any = value  # pyright: ignore[reportUnknownVariableType]
        if array.dtype.kind in "USO" and dtype.kind != "U":
            raise ValueError(f"input '{signature.name}' holds {array.dtype}; the model takes {dtype}")
        array = array.astype(dtype, copy=False)
    else:
        try:
            array = np.array(value, dtype=dtype)
        except (ValueError, TypeError) as error:
            raise ValueError(f"input '{signature.name}' cannot be made an array of {dtype}: {error}") from error
    sizes = list(zip(array.shape, signature.shape, strict=False))
    if array.ndim == len(signature.shape) and all(each == size for each, size in sizes if isinstance(size, int)):
        return array  # it fits as it is, with several rows where the model takes any number
    shape = [each if isinstance(each, int) else 1 if each is None else -1 for each in signature.shape]
    if shape.count(-1) > 1:
        return array
    try:
        return array.reshape(shape)
    except ValueError as error:
        raise ValueError(f"input '{signature.name}' of shape {array.shape} does not fit {signature.shape}") from error
