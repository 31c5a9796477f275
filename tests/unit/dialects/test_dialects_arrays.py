"""Where numpy's arrays are found in annotations, however these are written."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, Optional, Union

import numpy as np
import numpy.typing as npt
import pytest

from hotplate.contract import Source
from hotplate.dialects.arrays import Elements, with_arrays
from hotplate.dialects.base import MISSING, reader_of
from hotplate.dialects.rewriting import adapted, on_the_wire
from hotplate.dialects.signature import Argument, Signature


def marked(annotation: Any) -> Any:
    argument = Argument("x", annotation)
    made = with_arrays(
        Signature(name="f", source=Source(file="m.py", line=1), arguments=(argument,), returns=annotation)
    )
    assert str(made.arguments[0].annotation) == str(made.returns)
    return made.returns


@pytest.mark.parametrize(
    ("annotation", "dtype"),
    [
        (np.ndarray, None),
        (npt.NDArray[np.float32], "float32"),
        (npt.NDArray[np.bool_], "bool"),
        (npt.NDArray[Any], None),
        (npt.NDArray, None),
        (npt.NDArray[np.integer], None),
        (np.ndarray[tuple[int, int], np.dtype[np.uint8]], "uint8"),
        (npt.NDArray[np.str_], "<U0"),
    ],
)
def test_an_array_has_the_elements_that_it_says(annotation, dtype):
    elements = reader_of(marked(annotation))
    assert isinstance(elements, Elements) and elements.lenient == (dtype is None)
    assert (None if elements.dtype is None else str(elements.dtype)) == dtype


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type` came with Python 3.12")
def test_an_alias_of_an_array_is_what_it_stands_for():
    names: dict[str, Any] = {"np": np, "npt": npt, "Any": Any}
    exec("type Picture = npt.NDArray[np.uint8]; type Of[T: np.generic] = np.ndarray[Any, np.dtype[T]]", names)
    for alias, dtype in ((names["Picture"], "uint8"), (names["Of"][np.float32], "float32"), (names["Of"], "None")):
        elements = reader_of(marked(alias))
        assert isinstance(elements, Elements) and str(elements.dtype) == dtype


@pytest.mark.parametrize(
    "annotation",
    [
        list[np.ndarray],
        typing.List[np.ndarray],  # noqa: UP006
        dict[str, list[np.ndarray]],
        tuple[np.ndarray, float],
        tuple[np.ndarray, ...],
        Optional[np.ndarray],  # noqa: UP045
        Union[int, np.ndarray],  # noqa: UP007
        np.ndarray | None,
        Iterator[np.ndarray],
        typing.Iterator[np.ndarray],  # noqa: UP006
        Annotated[np.ndarray, "said"],
        Annotated[list[np.ndarray], "said"],
    ],
)
def test_it_is_found_within_others(annotation):
    found = marked(annotation)
    assert typing.get_origin(found) in (typing.get_origin(annotation), Union)
    assert "Elements" in str(found) and ("said" in str(annotation)) == ("said" in str(found))
    assert reader_of(found) is None


@pytest.mark.parametrize(
    "annotation",
    [
        *(
            MISSING,
            Any,
            int,
            list,
            list[int],
            int | None,
            typing.Literal["a"],
            typing.Callable[[int], str],
            "np.ndarray",
        ),
        *(npt.NDArray[np.complex128], npt.NDArray[np.datetime64], npt.NDArray[np.object_]),
    ],
)
def test_what_is_none_stays_as_it_is(annotation):
    assert marked(annotation) is annotation
    assert reader_of(annotation) is None


def test_an_array_that_is_given_goes_out_as_it_is_but_for_its_type():
    floats = Elements(np.dtype("float32"))
    with_holes = np.array([np.nan, np.inf, 1.5])
    assert floats.read(with_holes).dtype == np.float32
    assert np.isnan(floats.read(with_holes)[0])
    assert Elements().read(with_holes) is with_holes
    assert Elements().read(np.float64(2)).tolist() == 2.0
    with pytest.raises(ValueError, match="values that float16 can have"):
        Elements(np.dtype("float16")).read(np.array([1e9]))


@pytest.mark.parametrize("name", ["numpy", "torch", "PIL.Image"])
@pytest.mark.parametrize("stand_in", [None, types.ModuleType("stand_in")])
def test_what_stands_in_for_a_package_need_not_have_any(monkeypatch, name, stand_in):
    monkeypatch.setitem(sys.modules, name, stand_in)
    source = Source(file="m.py", line=1)
    signature = Signature(name="f", source=source, arguments=(Argument("x", list[int]),), returns=int)
    assert on_the_wire(signature) == signature
    assert adapted(len, signature) is len
