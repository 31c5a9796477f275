"""torch's tensors in signatures: numbers in lists, and in lists of lists for more dimensions, on the wire."""

from __future__ import annotations

import sys
import typing
from typing import Any

from hotplate.dialects.list_hints import ListHint, no_list, refused
from hotplate.dialects.rewriting import rewrite

if typing.TYPE_CHECKING:
    from hotplate.dialects.signature import Signature


class Numbers(ListHint):
    """Marks an annotation as a tensor on the wire. Floats become what torch makes of them by default, float32."""

    __slots__ = ("example", "lenient")

    def __init__(self) -> None:
        self.lenient = True
        self.example = [1, 2, 3]

    def __repr__(self) -> str:
        return "Numbers()"

    def read(self, value: Any) -> Any:
        """Make a tensor of lists, or of an array that came in; the function's own goes out as it is.

        Raises pydantic's error for what is none.
        """
        torch = sys.modules["torch"]
        if isinstance(value, torch.Tensor):
            return value
        if _is_numpys(value):
            return torch.tensor(value)
        if not isinstance(value, list):
            raise no_list()
        given = typing.cast("list[Any]", value)
        try:
            return torch.tensor(sys.modules["numpy"].asarray(given) if given and _is_numpys(given[0]) else given)
        except (ValueError, TypeError, RuntimeError, OverflowError):
            raise refused("Input should be numbers, in lists of one length at each depth") from None


def with_tensors(signature: Signature) -> Signature:
    """Let a function take and give torch's tensors."""
    tensor: Any = sys.modules["torch"].Tensor
    return rewrite(signature, lambda each: typing.Annotated[tensor, Numbers()] if each is tensor else each)


def _is_numpys(value: Any) -> bool:
    """Whether it is an array that a tensor of the Open Inference Protocol was read into, or a row of one."""
    return type(value).__module__ == "numpy"
