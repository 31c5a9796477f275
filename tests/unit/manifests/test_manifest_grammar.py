from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from hotplate.config.cluster_keys import CLUSTER_KEYS, read_pairs
from hotplate.errors import InvalidInput, SettingError
from hotplate.manifests import grammar
from hotplate.manifests.documents import to_yaml
from hotplate.manifests.placement import Placement, placement_of
from hotplate.manifests.workload import Workload

BAD = {
    grammar.check_name: ["", "1st", "Hello", "a_b", "a-", "a" * 60, "a\n", "a.b"],
    grammar.check_namespace: ["", "A", "a.b", "-a", "a" * 64],
    grammar.check_label_key: ["", "a/b/c", "/a", "A.b/", "ex ample/a", "a" * 64, "Ex.com/a"],
    grammar.check_label_value: ["a b", "-a", "a" * 64, "a\n", "ü"],
    grammar.check_secret_key: ["", "a b", "a/b", "..", "a\n"],
    grammar.check_quantity: ["", "ten", "-1", "1 Gi", "1Zi", "1e3", "10GiB"],
    grammar.check_url: ["ftp://a", "http://", "http://u:p@host", "http://a b", "http://a?x", "//a"],
    grammar.check_toleration: ["", "a:Never", "a=b=c", "a b", "=x", "a=b:NoSchedule:"],
}


@pytest.mark.parametrize(("check", "text"), [(check, text) for check, texts in BAD.items() for text in texts])
def test_what_does_not_fit_is_refused(check, text):
    with pytest.raises(SettingError):
        check(text)


def test_tolerations_are_those_of_kubectl_taint():
    assert grammar.check_toleration("dedicated=models:NoSchedule") == ("dedicated", "models", "NoSchedule")
    assert grammar.check_toleration("example.com/gpu") == ("example.com/gpu", None, None)
    assert grammar.check_toleration("a=:NoExecute") == ("a", "", "NoExecute")


@pytest.mark.parametrize(
    ("text", "kept"), [("a$b", "a$b"), ("$(HOME)", "$$(HOME)"), ("$$(A)", "$$$$(A)"), ("$$", "$$$$"), ("", "")]
)
def test_a_cluster_puts_no_variable_into_a_value(text, kept):
    assert grammar.variable_value(text) == kept
    assert expanded(kept) == text


def expanded(text: str) -> str:
    """What Kubernetes makes of a value where no variable of that name is defined: `$$` is `$`."""
    found, at = "", 0
    while at < len(text):
        if text[at] == "$" and text[at + 1 : at + 2] == "$":
            found, at = found + "$", at + 2
        elif text[at : at + 2] == "$(" and ")" in text[at:]:
            return "something was put in"
        else:
            found, at = found + text[at], at + 1
    return found


@given(st.text(alphabet="$()aB", max_size=12))
def test_no_value_is_changed_on_its_way(text):
    assert expanded(grammar.variable_value(text)) == text


@given(
    st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
)
def test_yaml_says_what_the_data_says(value):
    assert yaml.safe_load(to_yaml([{"a": value}])) == {"a": value}


@pytest.mark.parametrize(
    "text", ["1e3", "on", "y", "0x1", "1_000", "~", "null", ".inf", "2026-01-02", "0b1", "1:30", "="]
)
def test_text_that_some_reader_takes_for_something_else_is_quoted(text):
    assert to_yaml([{"a": text}]) == f'a: "{text}"\n'


@pytest.mark.parametrize(
    "given",
    [
        {"namespace": "A"},
        {"node_selector": {"a b": "c"}},
        {"node_selector": {"a": "c d"}},
        {"tolerations": ("a:Never",)},
        {"pull_secrets": ("A",)},
        {"volume_size": "much"},
        {"jobs_secret": "store"},
        {"prometheus": "prometheus:9090"},
        {"gpu_resource": "a/b/c"},
        {"runtime_class": "A"},
    ],
)
def test_a_wrong_value_is_refused_with_its_key(given):
    with pytest.raises(SettingError) as caught:
        placement_of(given)
    assert caught.value.key == next(iter(given))
    assert f"`kubernetes: {caught.value.key}`" in caught.value.message


@pytest.mark.parametrize(
    "given",
    [
        {"name": "1"},
        {"image": "Hello"},
        {"image": "a b"},
        {"env": {"A B": "x"}},
        {"env": {"A": "\0"}},
        {"secrets": ("a b",)},
        {"volume": "../x"},
        {"revision": "a b"},
    ],
)
def test_a_wrong_workload_cannot_be_made(given):
    with pytest.raises((SettingError, InvalidInput)):
        Workload(**{"name": "a", "image": "b", "revision": "c", **given})


def test_every_key_is_a_field_of_the_placement():
    assert set(CLUSTER_KEYS) == set(Placement.__dataclass_fields__)
    made = Placement()
    assert {name: key.default for name, key in CLUSTER_KEYS.items() if key.kind == "text"} == {
        name: getattr(made, name) for name, key in CLUSTER_KEYS.items() if key.kind == "text"
    }


def test_words_of_a_command_line_become_keys():
    found = read_pairs(["node-selector=a=b", "node_selector=c=", "tolerations=x", "tolerations=y", "scaler=keda"], "-k")
    assert found == {"node_selector": {"a": "b", "c": ""}, "tolerations": ("x", "y"), "scaler": "keda"}
    for word in ("scaler=none", "nonsense=1", "namespace", "node_selector=a", "volume_size="):
        with pytest.raises(SettingError):
            read_pairs([word], "--kubernetes")
