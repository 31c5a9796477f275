"""Types of other packages in a signature, replaced by those that have a form on the wire."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hotplate.dialects.signature import Signature

Replace = Callable[[Any], Any]
"""Give what stands for a type; the type itself where it stands for itself."""


def on_the_wire(signature: Signature) -> Signature:
    """Let a function take and give arrays and pictures of the packages that its project has imported.

    What stands in for such a package, as in a test, need not have what they are.
    """
    if hasattr(sys.modules.get("numpy"), "ndarray"):
        from hotplate.dialects.arrays import with_arrays

        signature = with_arrays(signature)
    if hasattr(sys.modules.get("torch"), "Tensor"):
        from hotplate.dialects.torch_tensors import with_tensors

        signature = with_tensors(signature)
    if hasattr(sys.modules.get("PIL.Image"), "Image"):
        from hotplate.dialects.pictures import with_pictures

        signature = with_pictures(signature)
    return signature


def adapted(function: Callable[..., Any], signature: Signature) -> Callable[..., Any]:
    """Give a function, whose signature is from `on_the_wire`, what it takes, and the caller what it gives."""
    if not hasattr(sys.modules.get("PIL.Image"), "Image"):
        return function
    from hotplate.dialects import pictures

    return pictures.adapted(function, signature)


def rewrite(signature: Signature, replace: Replace) -> Signature:
    """Replace types wherever they stand: alone, or within lists, dicts, tuples, unions and iterators."""
    arguments = tuple(each._replace(annotation=_rewritten(each.annotation, replace)) for each in signature.arguments)
    return signature._replace(arguments=arguments, returns=_rewritten(signature.returns, replace))


def _rewritten(annotation: Any, replace: Replace) -> Any:
    replaced = replace(annotation)
    if replaced is not annotation:
        return replaced
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal or not arguments:
        return annotation
    if origin is typing.Annotated:
        inner = _rewritten(arguments[0], replace)
        return annotation if inner is arguments[0] else typing.Annotated[(inner, *annotation.__metadata__)]
    new = tuple(_rewritten(each, replace) for each in arguments)
    if all(one is other for one, other in zip(new, arguments, strict=True)):
        return annotation
    if origin in (typing.Union, types.UnionType):
        return typing.Union[new]  # noqa: UP007 - they are known at run time alone
    copy = getattr(annotation, "copy_with", None)  # of `typing.List[...]` and its like
    return copy(new) if copy is not None else origin[new]
