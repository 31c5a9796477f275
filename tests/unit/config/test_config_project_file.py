from __future__ import annotations

import pytest

from hotplate.config.file_reader import Written
from hotplate.config.project_file import load_project_file
from hotplate.config.project_keys import FILE_SETTINGS, KEYS, OCTOAI, OTHER_WORDS, known_keys
from hotplate.config.resolve import resolve
from hotplate.errors import SettingError

SEED = """\
endpoint_config:
  name: yolov8                  # Unique endpoint name (required)
  display-name: Yolov8          # User-visible endpoint name. (optional)
  description: Object Detection # User-visible endpoint description. (optional)
  hardware: gpu.t4.medium       # Use a T4 hardware type (required)
  min-replicas: 1               # Keep a minimum of one replica (optional)
  max-replicas: 3               # scale up up to 3 replicas (optional)
  scaledown-in-seconds: 30      # scale down after 30 seconds of inactivity. (optional)
  concurrency-per-replica: 2    # Concurrent requests sent to replica (optional)
  public: false                 # Whether the endpoint is publicly visible (optional)
  regcred-key: dockerhub        # Registry credentials for OctoAI to pull your image (optional)
  secrets:                      # Secrets stored in OctoAI to surface as env. variables (optional)
    - mykey
    - mysecondkey
  env_overrides:                # Environment variables to set in each replica (optional)
    key1: value1
    key2: value2
  registry:
    host: docker.io             # Registry hostname (required)
    path: username/yolov8       # Registry path to image (required)
    tag: v1                     # Tag (optional)
  service-module: app.service   # Path to python module to run (optional); defaults to "service"
"""


@pytest.fixture
def load(tmp_path):
    def write(text, name="hotplate.yaml"):
        (tmp_path / name).write_text(text)
        return load_project_file(tmp_path)

    return write


def test_a_folder_without_a_file_has_none(tmp_path):
    assert load_project_file(tmp_path) is None


def test_hotplate_yaml_says_what_is_served_and_keeps_the_rest(load):
    file = load(
        "name: echo\ndescription: Answers with the prompt\ndialect: service\nservice-module: app.service\n"
        "service_class: Echo\nfunctions: [model.py:a, model.py:b]\nfaces: [open_inference]\n"
        "slots: 4\nfetch_allow:\n  - internal.example\nhardware: cpu\nmin_replicas: 0\nscale_down_delay: 5m\n"
        "public: yes\nsecrets: [KEY]\nregistry: {host: docker.io, path: me/echo, tag: 1.10}\n"
    )
    assert (file.name, file.description, file.dialect) == ("echo", "Answers with the prompt", "service")
    assert (file.service_module, file.service_class) == ("app.service", "Echo")
    assert (file.functions, file.faces) == (("model.py:a", "model.py:b"), ("open_inference",))
    assert file.settings == {
        "slots": Written(value="4", line=8),
        "fetch_allow": Written(value=("internal.example",), line=10),
    }
    assert file.deploy == {
        "hardware": "cpu",
        "min_replicas": 0,
        "scale_down_delay": 300.0,
        "public": True,
        "secrets": ("KEY",),
        "registry": {"host": "docker.io", "path": "me/echo", "tag": "1.10"},
    }


def test_octoai_yaml_is_read_with_the_same_meaning(load):
    file = load(SEED, "octoai.yaml")
    assert (file.name, file.display_name, file.description) == ("yolov8", "Yolov8", "Object Detection")
    assert file.service_module == "app.service"
    assert resolve(file=file).settings.env == {"key1": "value1", "key2": "value2"}
    assert file.deploy == {
        "hardware": "gpu.t4.medium",
        "min_replicas": 1,
        "max_replicas": 3,
        "scale_down_delay": 30.0,
        "concurrency": 2,
        "public": False,
        "registry_credential": "dockerhub",
        "secrets": ("mykey", "mysecondkey"),
        "registry": {"host": "docker.io", "path": "username/yolov8", "tag": "v1"},
    }


def test_code_written_for_one_call_at_a_time_is_not_run_in_two_threads(load):
    file = load("endpoint_config: {name: x, concurrency-per-replica: 8}\n", "octoai.yaml")
    assert resolve(file=file).settings.slots is None


def test_what_octoai_init_writes_beside_the_configuration_is_let_be(load):
    text = "version_info: {cli_version: 0.5.13, sdk_version: 0.8.2}\nservice-module: a.b\nendpoint_config: {name: x}\n"
    assert load(text, "octoai.yaml").service_module == "a.b"


def test_hotplate_yaml_is_stronger_than_octoai_yaml(load):
    load("endpoint_config: {name: theirs}\n", "octoai.yaml")
    assert load("name: ours\n").name == "ours"


@pytest.mark.parametrize(
    ("name", "right"),
    [("hotplate.yml", "hotplate.yaml"), ("octai.yaml", "octoai.yaml"), (".octoai.yaml", "octoai.yaml")],
)
def test_a_file_that_only_looks_like_one_is_pointed_out(load, name, right):
    with pytest.raises(SettingError, match=f"only as {right}"):
        load("", name)


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("name: x\nwrokers: 2\n", 2, "Unknown key `wrokers`", "`workers`"),
        ("timeout_s: 2\n", 1, "Unknown key `timeout_s`", "called `timeout`"),
        ("concurrency-per-replica: 2\n", 1, "Unknown key", "called `concurrency`"),
        ("zzzzzz: 2\n", 1, "Unknown key `zzzzzz`", "Known keys:"),
        ("i_know: true\n", 1, "Unknown key `i_know`", ""),
        ("name: x\n\nregistry:\n  hots: a\n", 4, "Unknown key `hots`", "`host`"),
        ("queue-size: 1\nqueue_size: 2\n", 2, "is `queue-size` a second time", "Remove"),
        ("name: [a]\n", 1, "`name` must be a single value", ""),
        ("workers:\n  a: b\n", 2, "`workers` must be a single value", ""),
        ("secrets: {a: b}\n", 1, "`secrets` must be a list", ""),
        ("env: [A=1]\n", 1, "`env` must be `KEY: value` lines", ""),
        ("env:\n  A: [1]\n", 2, "`A` must be a single value", ""),
        ("min_replicas: 1000\n", 1, "must be 0 to 999, not 1000", ""),
        ("public: perhaps\n", 1, "`public` must be true or false", ""),
        ("- name\n", 1, "must be `key: value` lines", ""),
        ("just text\n", 1, "must be `key: value` lines", ""),
    ],
)
def test_a_mistake_is_placed_and_explained(load, text, line, message, hint):
    with pytest.raises(SettingError) as caught:
        load(text)
    assert caught.value.source == f"hotplate.yaml:{line}"
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("endpoint_config:\n  nmae: x\n", 2, "Unknown key `nmae`", "`name`"),
        ("endpoint_config:\n  min-replica: 1\n", 2, "Unknown key `min-replica`", "`min-replicas`"),
        ("hardware: x\nendpoint_config: {}\n", 1, "Unknown key `hardware`", "under `endpoint_config`"),
        ("endpoint_confg: {}\n", 1, "Unknown key `endpoint_confg`", "`endpoint_config`"),
    ],
)
def test_a_mistake_in_octoai_yaml_is_placed_and_explained(load, text, line, message, hint):
    with pytest.raises(SettingError) as caught:
        load(text, "octoai.yaml")
    assert caught.value.source == f"octoai.yaml:{line}"
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_octoai_yaml_without_its_one_section_is_refused(load):
    with pytest.raises(SettingError, match="`endpoint_config` is missing"):
        load("version_info: {}\n", "octoai.yaml")


def test_a_key_without_a_value_says_nothing(load):
    file = load("name:\nworkers:\nenv:\n  A:\n")
    assert (file.name, dict(file.settings)) == ("", {"env": Written(value={"A": ""}, line=4)})


def test_an_empty_file_is_fine(load):
    assert load("# nothing yet\n").settings == {}


def test_every_word_that_is_explained_leads_to_a_key_and_is_none_itself():
    assert set(OTHER_WORDS.values()) <= set(known_keys())
    assert not set(OTHER_WORDS) & set(known_keys())
    assert set(OCTOAI.values()) <= set(known_keys())
    assert not set(KEYS) & set(FILE_SETTINGS)
