from __future__ import annotations

import pytest

from hotplate import errors
from hotplate.edge.status import STATUS


def tree(root: type[errors.HotplateError]) -> list[type[errors.HotplateError]]:
    return [root, *(found for child in root.__subclasses__() for found in tree(child))]


ERRORS = [error for error in tree(errors.HotplateError) if error.__module__ == errors.__name__]


def test_every_error_has_a_row():
    assert {error.code for error in ERRORS} <= set(STATUS)


def test_no_two_errors_share_a_code():
    assert len({error.code for error in ERRORS}) == len(ERRORS)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_status_says_who_must_act(error):
    status = STATUS[error.code]
    if issubclass(error, errors.InvalidInput | errors.BlockedURL | errors.PackagesRefused | errors.ImageFailed):
        assert 400 <= status < 500
    elif issubclass(error, errors.Unavailable):
        assert status in {429, 502, 503, 504, 507}
    elif issubclass(error, errors.PlatformError | errors.ProjectError | errors.SettingError | errors.InvalidOutput):
        assert status == 500


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        STATUS["overloaded"] = 200
