"""What docs/kubernetes.md says of keys, versions and values is what the code knows."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from manifest_judge import VERSIONS

from hotplate.config.cluster_keys import CLUSTER_KEYS
from hotplate.config.project_file import load_project_file
from hotplate.manifests.chart import SOURCE
from hotplate.manifests.knative import MAX_TIMEOUT_S
from hotplate.manifests.kubernetes import CPU_PERCENT
from hotplate.manifests.placement import PRODUCTS, placement_of
from tests import peers

PAGE = (Path(__file__).parents[2] / "docs/kubernetes.md").read_text("utf-8")


def test_every_key_is_explained_as_the_code_does():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.M))
    assert rows == {
        key.name: key.help + (f" `{key.default}` unless given." if key.default else "") for key in CLUSTER_KEYS.values()
    }


def test_the_project_file_of_the_page_is_read(tmp_path):
    text = re.search(r"```yaml\n(.+?)```", PAGE, re.S)
    assert text is not None
    (tmp_path / "hotplate.yaml").write_text(text[1])
    file = load_project_file(tmp_path)
    assert file is not None and file.settings["target"].value == "kubernetes"
    assert placement_of(file.deploy["kubernetes"]).scaler == "keda"


def test_the_versions_are_those_that_tests_judge_by():
    assert f"Kubernetes {', '.join(VERSIONS[:-1])} and {VERSIONS[-1]}" in " ".join(PAGE.split())
    asked = Path(peers.__file__).read_text("utf-8")
    for package, name in (("keda", "KEDA"), ("knative-serving", "Knative Serving")):
        version = re.search(rf"cloudcoil-models-{package}==(\d+\.\d+)", asked)
        assert version is not None and f"{name} {version[1]}" in " ".join(PAGE.split())


def test_numbers_and_profiles_are_those():
    assert f"at {CPU_PERCENT} %" in PAGE and f"at most {MAX_TIMEOUT_S} s" in PAGE
    sentence = PAGE[PAGE.index("`hardware:` becomes") : PAGE.index("also go to nodes")]
    assert set(re.findall(r"`([\w.-]+)`", sentence)) == set(PRODUCTS)


def test_every_value_of_the_chart_that_the_page_names_is_there():
    values = yaml.safe_load((SOURCE / "values.yaml").read_text("utf-8"))
    for row in re.findall(
        r"^\| (`image\.repository`.+|`home.+|`resources`.+|`settings`.+|`ingress.+|`postgres.+) \| .+ \|$", PAGE, re.M
    ):
        for name in re.findall(r"`([\w.]+)`", row):
            path = f"postgresql.external{name}" if name.startswith(".") else name
            found = values
            for part in path.split("."):
                assert part in found, name
                found = found[part]
