"""A project file comes from anywhere: it is read, never run, and stays small in memory."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotplate.config.project_file import load_project_file
from hotplate.config.yaml_text import MAX_BYTES, read_yaml
from hotplate.errors import SettingError

LAUGHS = "a: &a [x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "Anchors and aliases"),
        ("env: &e {A: b}\n", "Anchors and aliases"),
        ("env: {<<: {A: b}}\n", "A key must be a plain word"),
        ("? [a]\n: b\n", "A key must be a plain word"),
        ("name: !!python/object/apply:os.system [touch /tmp/ran]\n", "must be a single value"),
        ("name: !!python/name:os.system x\n", "is not supported"),
        ("name: !!binary aGk=\n", "is not supported"),
        ("[" * 200, "nested too deeply"),
        ("{a: " * 100, "nested too deeply"),
        ("env: {" + "".join(f"k{i}: v, " for i in range(6000)) + "}\n", "too many values"),
        ("name: 'a\n", "This is not YAML"),
        ("name: a\tb: c: d\n", "This is not YAML"),
        ("name: a\x07b\n", "control character"),
        ("%YAML 9.9\n---\nname: x\n", "This is not YAML"),
        ("name: a\n---\nname: b\n", "This is not YAML"),
        ("name: *nowhere\n", "Anchors and aliases"),
        ("name: x\nname: y\n", "`name` is written twice, first on line 1"),
    ],
)
def test_what_could_harm_is_refused_with_its_place(tmp_path, text, message):
    (tmp_path / "hotplate.yaml").write_text(text)
    with pytest.raises(SettingError) as caught:
        load_project_file(tmp_path)
    assert message in caught.value.message
    assert str(caught.value.source).startswith("hotplate.yaml:")


def test_a_huge_file_is_not_parsed(tmp_path):
    (tmp_path / "hotplate.yaml").write_text("name: " + "x" * MAX_BYTES)
    with pytest.raises(SettingError, match="larger than 256 KiB"):
        load_project_file(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "hotplate.yaml").write_bytes(b"name: x\n\xff\xfe")
    with pytest.raises(SettingError, match="not UTF-8") as caught:
        load_project_file(tmp_path)
    assert caught.value.source == "hotplate.yaml:2"


def test_the_worst_file_that_is_read_stays_small_in_memory(tmp_path):
    path = tmp_path / "hotplate.yaml"
    path.write_text("".join(f"k{i}: v\n" for i in range(4900)))
    tracemalloc.start()
    try:
        read_yaml(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_text_gives_anything_but_a_file_or_an_error_for_people(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("any", numbered=True)
    (folder / "hotplate.yaml").write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    try:
        load_project_file(folder)
    except SettingError as error:
        assert str(error.source).startswith("hotplate.yaml")
