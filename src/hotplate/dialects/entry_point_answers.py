"""What a model's `predict` returns, checked and made ready: JSON by its schema, or bytes of the chosen type."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from hotplate.contract import TypeSpec
from hotplate.dialects import entry_point_fields as fields
from hotplate.errors import InvalidOutput, ProjectError

INVALID = "ERROR validating model response, check server logs."


class Answers:
    """The answers of one model. `choices` are the content types of its `accept` argument; none without one."""

    def __init__(self, marshmallow: Any, schema: Any, model: str) -> None:
        self.schema = schema
        self.choices: list[str] = []
        self._ma = marshmallow
        self._model = model

    @property
    def name(self) -> str:
        """The schema's name in documents."""
        return self.schema.__name__

    def offer(self, accept: Any) -> None:
        """Take the choices of the `accept` field. As in DEEPaaS, `*/*` joins them, and the first is the default; but a
        default of the author's own that is among them stays.

        Raises:
            ProjectError: the field has no choices.
        """
        rules: list[Any] = list(getattr(accept, "validators", ()))
        rule: Any = next((each for each in rules if isinstance(each, self._ma.validate.OneOf)), None)
        if rule is None or not list(rule.choices):
            text = f"the argument accept of {self._model} has no choices"
            raise ProjectError(
                text, hint="give it validate=validate.OneOf([...]) with the content types to choose from"
            )
        self.choices = [str(each) for each in rule.choices if each != "*/*"]
        rule.choices = [*self.choices, "*/*"]  # its text of refusal was made before, and names the author's alone
        if accept.load_default not in self.choices:
            accept.load_default = self.choices[0]
        accept.required = False
        from hotplate.media import File

        self._file = File

    @property
    def finishes_nothing(self) -> bool:
        """Whether every answer goes out as it is: there is no schema, and no content type to choose."""
        return self.schema is None and not self.choices

    def returns(self) -> TypeSpec:
        """What the contract says of the answer."""
        if self.schema is None:
            return TypeSpec()
        return TypeSpec(schema=fields.members(self._ma, self.schema().fields), annotation=self.name)

    def finish(self, value: Any, accept: Any) -> Any:
        """Give the value to send: the model's own, held to its schema; or media, where the call chose a type for it.

        Raises:
            InvalidOutput: it does not fit the schema, or is no bytes where bytes were chosen. The log says why.
        """
        if self.choices and accept is not None and accept not in fields.JSON_TYPES:
            return self._media(value, accept)
        if self.schema is not None:
            try:
                self.schema().load(value)
            except self._ma.ValidationError as error:
                sys.stderr.write(f"predict() of {self._model} does not fit its schema: {error.messages}\n")
                raise InvalidOutput(INVALID) from error
            except Exception as error:
                raise InvalidOutput(INVALID) from error
        return value

    def _media(self, value: Any, content_type: str) -> Any:
        name: str | None = None
        if isinstance(value, io.IOBase):
            named: Any = getattr(value, "name", None)
            name = os.path.basename(named) if isinstance(named, str) else None  # noqa: PTH119
            stream: Any = value
            try:
                value = stream.read()
            except ValueError as error:
                raise InvalidOutput(f"predict() returned a file that cannot be read: {error}") from error
            finally:
                stream.close()
            if isinstance(value, str):
                raise InvalidOutput("predict() returned a file opened as text: open it with mode 'rb'.")
        if value is None:
            value = b""
        if isinstance(value, str):
            value = value.encode()
        if not isinstance(value, bytes | bytearray):
            kind = type(value).__name__
            raise InvalidOutput(f"predict() returned a {kind} for {content_type}; return bytes or an open binary file.")
        return self._file.from_bytes(value, content_type, name)
