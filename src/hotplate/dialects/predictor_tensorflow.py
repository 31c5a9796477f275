"""What a `TensorFlowPredictor` gets as `tensorflow_client`: SavedModels in this process, where Cortex had TF Serving.

Answers have the form that TF Serving's had by the time a predictor saw them: flat lists, 64-bit integers as text
(protobuf's JSON mapping).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hotplate.dialects.predictor_models import LATEST, Held, ModelSet
from hotplate.errors import MissingExtra, ProjectError


class TensorFlowClient:
    """Runs the project's models."""

    def __init__(self, models: ModelSet) -> None:
        """Load the newest version of every model. Raises MissingExtra or ProjectError."""
        try:
            import tensorflow  # pyright: ignore[reportMissingModuleSource]
        except ImportError as error:
            raise MissingExtra(
                "TensorFlowPredictor needs tensorflow, which is not installed",
                hint='pip install "hotplate[tensorflow]"',
            ) from error
        self._tf: Any = tensorflow
        self._held = Held(models, self._load)
        self._held.load_latest()

    def predict(self, model_input: Any, model_name: str | None = None, model_version: str = LATEST) -> dict[str, Any]:
        """Run a model once.

        Args:
            model_input: values by the names of the signature's inputs.
            model_name: which model, where `cortex.yaml` names several.
            model_version: digits, or `latest`.

        Returns:
            Each output's values as a flat list; 64-bit integers are text.

        Raises:
            ValueError: an input is missing.
        """
        model = self._held.get(model_name, model_version)
        name, _, _ = self._held.models.resolve(model_name, model_version)
        function = model["function"]
        inputs: dict[str, Any] = {}
        for key, wanted in function.structured_input_signature[1].items():
            if not isinstance(model_input, dict) or key not in model_input:
                raise ValueError(f"missing key '{key}' for model '{name}'")
            inputs[key] = self._tensor(model_input[key], wanted)
        return {key: _flat(tensor.numpy()) for key, tensor in function(**inputs).items()}

    def _tensor(self, value: Any, wanted: Any) -> Any:
        tensor = self._tf.convert_to_tensor(value, dtype=wanted.dtype)
        sizes: list[int | None] = wanted.shape.as_list() if wanted.shape.rank else []
        shape = [-1 if each is None else each for each in sizes]
        return self._tf.reshape(tensor, shape) if shape and shape.count(-1) <= 1 else tensor

    def _load(self, name: str, place: Path) -> dict[str, Any]:
        found = next((each.parent for each in sorted(place.rglob("saved_model.pb"))), None)
        if found is None:
            raise ProjectError(f"{place} holds no saved_model.pb", hint="export the model with tf.saved_model.save")
        loaded = self._tf.saved_model.load(str(found))
        key = _signature_key(list(loaded.signatures), self._held.models.signature_keys[name], name)
        return {"model": loaded, "function": loaded.signatures[key]}


def _signature_key(keys: list[str], wanted: str | None, model: str) -> str:
    """Choose a signature: the one that is named, else the only one, else `predict`."""
    if wanted is None:
        if len(keys) == 1:
            return keys[0]
        wanted = "predict"
    if wanted in keys:
        return wanted
    text = f"the model '{model}' has the signatures {', '.join(keys) or 'none'}"
    raise ProjectError(text, hint="choose one with signature_key in cortex.yaml")


def _flat(array: Any) -> list[Any]:
    values: list[Any] = array.ravel().tolist()
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        return [str(each) for each in values]
    return [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in values]
