"""numpy's arrays in signatures: numbers in lists, and in lists of lists for more dimensions, on the wire.

`numpy.ndarray` takes numbers or booleans of any type; `numpy.typing.NDArray[numpy.float32]` makes them of its type,
where none of them changes by that. What fits neither is the caller's to mend, before the function has it.
"""

from __future__ import annotations

import typing
from typing import Any, Final

from hotplate.dialects.list_hints import ListHint, no_list, refused
from hotplate.dialects.rewriting import rewrite

if typing.TYPE_CHECKING:
    from hotplate.dialects.signature import Signature

_NUMBERS: Final = "biuf"
"""Booleans, integers and floats, by numpy's letters."""
_TEXTS: Final = "U"


class Elements(ListHint):
    """Marks an annotation as an array on the wire. `dtype` is what its elements are to be; None: as they come."""

    __slots__ = ("dtype", "example", "lenient")

    def __init__(self, dtype: Any = None) -> None:
        self.dtype = dtype
        self.lenient = dtype is None
        kind = "f" if dtype is None else dtype.kind
        self.example = {"b": [True, False], _TEXTS: ["a", "b"]}.get(kind, [1, 2, 3])

    def __repr__(self) -> str:
        return f"Elements({self.dtype!r})"

    def read(self, value: Any) -> Any:
        """Make an array of lists, or of an array: a tensor that came in, or what the function gives.

        Raises pydantic's error for what is no array of such elements.
        """
        np = _numpy()
        if isinstance(value, np.ndarray | np.generic):
            found: Any = np.asarray(value)
            return found if self.dtype is None or found.dtype.kind not in _NUMBERS else self._cast(found)
        if not isinstance(value, list):
            raise no_list()
        try:
            found = np.asarray(value)
        except (ValueError, OverflowError):
            raise refused("Input should have lists of one length at each depth") from None
        texts = self.dtype is not None and self.dtype.kind == _TEXTS
        if found.dtype.kind not in (_TEXTS if texts else _NUMBERS):
            raise refused(f"Input should be {'texts' if texts else 'numbers'} in lists of one depth")
        return found if self.dtype is None or texts else self._cast(found)

    def _cast(self, found: Any) -> Any:
        np = _numpy()
        if found.dtype == self.dtype:
            return found
        with np.errstate(all="ignore"):
            made = found.astype(self.dtype)
        if self.dtype.kind == "f":
            same = bool((np.isfinite(made) | ~np.isfinite(found)).all())
        else:
            same = np.array_equal(made, found) and (self.dtype.kind != "b" or found.dtype.kind == "b" or not found.size)
        if not same:
            raise refused(f"Input should be values that {self.dtype} can have")
        return made


def with_arrays(signature: Signature) -> Signature:
    """Let a function take and give numpy's arrays."""
    return rewrite(signature, _marked)


def _marked(annotation: Any) -> Any:
    np = _numpy()
    meant = _unfolded(annotation)
    if meant is np.ndarray:
        return typing.Annotated[np.ndarray, Elements()]
    if typing.get_origin(meant) is not np.ndarray:
        return annotation
    elements = _elements(typing.get_args(meant))
    return annotation if elements is None else typing.Annotated[np.ndarray, elements]


def _unfolded(annotation: Any) -> Any:
    """What a `type` statement stands for, as numpy's NDArray is one since numpy 2.5; anything else as it is."""
    named: Any = getattr(typing, "TypeAliasType", ())  # since Python 3.12
    while isinstance(alias := typing.get_origin(annotation) or annotation, named):
        arguments, annotation = typing.get_args(annotation), alias.__value__
        annotation = annotation[arguments] if arguments else annotation
    return annotation


def _elements(arguments: tuple[Any, ...]) -> Elements | None:
    """The elements of `numpy.ndarray[SHAPE, numpy.dtype[TYPE]]`; None for those that JSON cannot tell."""
    np = _numpy()
    scalar: Any = (*typing.get_args(arguments[-1]), Any)[0]
    if not isinstance(scalar, type) or not issubclass(scalar, np.generic):
        return Elements()  # Any, or a variable
    try:
        dtype = np.dtype(scalar)
    except TypeError:  # a class of several, such as numpy.floating
        return Elements()
    return Elements(dtype) if dtype.kind in _NUMBERS + _TEXTS else None


def _numpy() -> Any:
    """The author's numpy: there is none where no annotation names it."""
    import numpy

    return numpy
