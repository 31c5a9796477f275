from __future__ import annotations

import pytest

from hotplate.deployment import names
from hotplate.deployment.hardware import find_hardware
from hotplate.deployment.masking import Mask
from hotplate.deployment.records import Hardware
from hotplate.deployment.tokens import make_admin
from hotplate.errors import InvalidInput

HOSTILE = ["", "-a", "a-", "A", "a_b", "..", ".", "a/b", "../a", "a\n", "a\0", "a" * 64, "ä", "%2e%2e", "a b", "a.b"]


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_label_names_no_endpoint_and_no_volume(name):
    for check in (names.check_endpoint, names.check_volume):
        with pytest.raises(InvalidInput):
            check(name)


@pytest.mark.parametrize("name", ["a", "0", "hello-world", "a" * 63])
def test_a_label_names_an_endpoint(name):
    assert names.check_endpoint(name) == name


def test_paths_of_the_server_are_no_endpoints():
    for name in names.RESERVED:
        with pytest.raises(InvalidInput):
            names.check_endpoint(name)


@pytest.mark.parametrize("key", ["", "1A", "A=B", "A B", "A\n", "A\0", "a/b", "é", "A" * 129])
def test_what_is_no_variable_names_no_secret(key):
    with pytest.raises(InvalidInput):
        names.check_secret(key)


@pytest.mark.parametrize("text", ["", ".", "..", "../../etc", "abcdef/../x", "ABCDEF0", "abcdef\n"])
def test_what_is_no_digest_names_no_folder(text):
    assert not names.is_digest(text)


def test_limits_may_be_written_out():
    found = find_hardware("cpus=200m,memory=1.5GiB,gpus=2")
    assert (found.cpus, found.memory_bytes, found.gpus) == (0.2, 3 << 29, 2)
    assert find_hardware("gpu.t4.medium").gpus == 1
    assert find_hardware("") == Hardware()


@pytest.mark.parametrize("text", ["gpu.t4.mediun", "cpus=x", "memory=", "gpus=-1", "disk=1", "cpus=0", "cpus=nan"])
def test_hardware_that_is_not_there_is_told(text):
    with pytest.raises(InvalidInput):
        find_hardware(text)


def test_masked_values_are_gone_from_texts_and_from_the_repr():
    mask = Mask(["s3cret-value", "two\nlines-of-it", "1"])
    assert mask("a s3cret-value b lines-of-it 1") == "a *** b *** 1"
    assert "s3cret" not in repr(mask)
    assert not Mask(["1"])


def test_the_admin_token_is_made_once_and_private(tmp_path):
    path = tmp_path / "admin-token"
    first = make_admin(path)
    assert make_admin(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
