"""Arguments that go by name arrive under their names, whatever the function's head looks like."""

from __future__ import annotations

import functools

import pytest

from hotplate.dialects.calling import by_name


def plain(a, b=2, *, c=3):
    return a, b, c


def turned(b, a):
    return a, b


def only_by_place(a, /, b, **more):
    return a, b, more


def more(**named):
    return named


def several(a, *rest, b=2):
    return a, rest, b


@functools.wraps(plain)
def wrapped(*args, **kwargs):
    return args, kwargs


class Model:
    def predict(self, a, b=2):
        return self, a, b

    def placed(self, /, a):
        return self, a

    @classmethod
    def of_class(cls, a):
        return cls, a

    @staticmethod
    def static(a):
        return a

    def __call__(self, a):
        return self, a


MODEL = Model()


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (plain, ("a",)),
        (plain, ("a", "b")),
        (plain, ("b", "a")),
        (plain, ("a", "c")),
        (plain, ("a", "b", "c")),
        (turned, ("a", "b")),
        (turned, ("b", "a")),
        (more, ()),
        (more, ("a",)),
        (more, ("a", "b")),
        (several, ("a",)),
        (several, ("a", "b")),
        (wrapped, ("a", "b")),
        (functools.partial(plain, b=7), ("a",)),
        (MODEL.predict, ("a",)),
        (MODEL.predict, ("b", "a")),
        (MODEL.placed, ("a",)),
        (MODEL.of_class, ("a",)),
        (MODEL.static, ("a",)),
        (MODEL, ("a",)),
        (dict, ("a", "b")),
    ],
)
def test_it_is_a_call_by_name(function, names):
    values = [object() for _ in names]
    assert by_name(function, names)(*values) == function(**dict(zip(names, values, strict=True)))


def test_what_no_name_reaches_is_still_refused():
    with pytest.raises(TypeError, match="positional"):
        by_name(only_by_place, ("a", "b"))(1, 2)
    with pytest.raises(TypeError, match="unexpected keyword"):
        by_name(plain, ("a", "d"))(1, 2)


def test_a_function_that_takes_them_in_order_is_called_directly():
    assert by_name(plain, ("a", "b")) is plain
    assert by_name(turned, ("a", "b")) is not turned
