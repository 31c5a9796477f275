"""`deepaas.model.v2.base`: the base class that a model may have (DEEPaaS's user documentation, "Using classes")."""

from __future__ import annotations

import abc
from typing import Any


class BaseModel(abc.ABC):
    """What a model offers. A model need not derive from it.

    `schema` is a dictionary of marshmallow fields or a marshmallow.Schema class for the answers of `predict`, or None.
    """

    schema: Any = None

    @abc.abstractmethod
    def get_metadata(self) -> dict[str, Any]:
        """Say what the model is: `id`, `name`, `description`, and what else there is to say."""

    @abc.abstractmethod
    def warm(self) -> None:
        """Load what the model needs. Called once in every worker, before the first call."""

    @abc.abstractmethod
    def get_predict_args(self) -> dict[str, Any]:
        """Give the arguments of `predict` as webargs fields by name."""

    @abc.abstractmethod
    def predict(self, **kwargs: Any) -> Any:
        """Make a prediction from the arguments."""

    @abc.abstractmethod
    def get_train_args(self) -> dict[str, Any]:
        """Give the arguments of `train` as webargs fields by name."""

    @abc.abstractmethod
    def train(self, **kwargs: Any) -> Any:
        """Train the model with the arguments."""
