"""Manifests are taken by the three newest versions of Kubernetes, by KEDA's and by Knative's objects: no field is
unknown, none is of another type. The schemas are those projects' own, in packages of a separate environment."""

from __future__ import annotations

import pytest
import yaml
from cluster_rig import NAMESPACE
from manifest_judge import judge, lint, render

from hotplate.deployment.hardware import PROFILES
from hotplate.deployment.records import Hardware, Scaling
from hotplate.manifests.chart import write_chart
from hotplate.manifests.documents import to_yaml
from hotplate.manifests.notes import WAYS
from hotplate.manifests.placement import placement_of
from hotplate.manifests.workload import Workload

pytestmark = pytest.mark.peer

EVERYTHING = {
    "namespace": "models",
    "scaler": "keda",
    "prometheus": "http://prometheus.monitoring:9090",
    "node_selector": {"disktype": "ssd", "example.com/pool": ""},
    "tolerations": ("dedicated=models:NoSchedule", "spot", "gpu:NoExecute"),
    "runtime_class": "nvidia",
    "priority_class": "high",
    "service_account": "models",
    "pull_secrets": ("ghcr", "other"),
    "secret": "values",
    "jobs_secret": "store/url",
    "storage_class": "fast",
    "volume_size": "1.5Ti",
    "volume_access": "ReadWriteOncePod",
}
WORKLOADS = (
    Workload(name="plain", image="registry.example.org/team/plain:v1", revision="0" * 64),
    Workload(
        name="full",
        image="registry.example.org/team/full:v1@sha256:" + "a" * 64,
        revision="0123456789ab" * 5,
        env={"MODE": "1e3", "WORD": "on", "PATH_TO": "$(HOME)/x", "EMPTY": "", "LINES": "a\nb", "MIXED": "\"'\\ é"},
        secrets=("HF_TOKEN", "OTHER.KEY"),
        limits={"HOTPLATE_TIMEOUT": "700s"},
        volume="weights",
        hardware=Hardware(profile="x", cpus=2.5, memory_bytes=(4 << 30) + 1, gpus=2),
        scaling=Scaling(
            min_replicas=2,
            max_replicas=10,
            initial_replicas=3,
            concurrency=8,
            scale_down_delay_s=7200.0,
            window_s=1.0,
        ),
        timeout_s=700.5,
        placement=placement_of(EVERYTHING),
    ),
    Workload(
        name="gpu",
        image="registry.example.org/gpu",
        revision="f" * 64,
        hardware=PROFILES["A100"],
        public=True,
        scaling=Scaling(min_replicas=3, max_replicas=3),
    ),
)


def objects():
    """Every object, each once, as a reader of its YAML has it."""
    made = {to_yaml([each]): each for way in WAYS.values() for workload in WORKLOADS for each in way(workload)}
    return list(yaml.safe_load_all(to_yaml(list(made.values()))))


def test_every_object_is_taken():
    made = objects()
    assert {each["kind"] for each in made} == {
        *("Deployment", "HorizontalPodAutoscaler", "NetworkPolicy", "PersistentVolumeClaim", "PodDisruptionBudget"),
        *("ScaledObject", "Service"),
    }
    assert judge(made) == []


def test_a_field_that_is_not_known_is_found():
    by_kind = {(each["apiVersion"], each["kind"]): each for each in objects()}
    wrong = [{**each, "spec": {**each["spec"], "zonk": 1}} for each in by_kind.values()]
    found = "\n".join(judge(wrong))
    assert [kind for _, kind in by_kind if f"{kind}" not in found] == []
    assert found.count("zonk") == 3 * (len(by_kind) - 2) + 2  # three versions, and what is KEDA's and Knative's


def test_what_is_sent_to_a_cluster_is_taken(cluster, project, pushed):
    """Also the pod that is tried first, and what a rollback sends."""
    for word in ("one", "two"):
        project.write(word)
        project.deploy(pushed, "--hardware", "cpus=2,memory=4GiB,gpus=1", "--volume", "weights")
    project.run("rollback", "hello", "--target", "kubernetes")
    sent = [each.body for each in cluster.asked if each.body is not None]
    assert {each["kind"] for each in sent} >= {"Pod", "Deployment", "PersistentVolumeClaim"}
    assert {each["metadata"]["namespace"] for each in sent} == {NAMESPACE}
    assert judge(sent) == []


CHARTS = (
    {"image": {"repository": "registry.example.org/hotplate"}},
    {
        "image": {"repository": "registry.example.org/hotplate", "tag": "v9", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "ghcr"}],
        "home": {"size": "1Ti", "storageClass": "fast", "accessMode": "ReadWriteOncePod"},
        "resources": {"limits": {"nvidia.com/gpu": "1"}},
        "settings": {"HOTPLATE_TIMEOUT": "30s", "HOTPLATE_MAX_JOBS": "10"},
        "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "service": {"type": "LoadBalancer", "port": 8080, "annotations": {"a/b": "c"}},
        "ingress": {"enabled": True, "host": "models.example.org", "className": "nginx", "tlsSecret": "tls"},
        "grace": 60,
        "serviceAccount": "models",
        "nodeSelector": {"disktype": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podAnnotations": {"c/d": "true"},
        "postgresql": {"enabled": False, "external": {"secret": "store", "key": "dsn"}},
    },
    {
        "image": {"repository": "registry.example.org/hotplate"},
        "postgresql": {"enabled": False},
    },
)


def variables(made):
    server = next(
        each for each in made if each["kind"] == "StatefulSet" and each["metadata"]["name"] == "demo-hotplate"
    )
    return {each["name"]: each for each in server["spec"]["template"]["spec"]["containers"][0]["env"]}


def test_the_chart_is_what_helm_and_a_cluster_take(tmp_path):
    chart = tmp_path / "hotplate"
    write_chart(chart)
    assert lint(chart) == []
    rendered = [render(chart, values) for values in CHARTS]
    texts = [text for made in rendered for name, text in made.items() if not name.endswith(".txt")]
    assert judge([each for text in texts for each in yaml.safe_load_all(text) if each]) == []
    own, external, none = (
        [each for name, text in made.items() if not name.endswith(".txt") for each in yaml.safe_load_all(text) if each]
        for made in rendered
    )
    assert [each["metadata"]["name"] for each in own if each["kind"] == "StatefulSet"] == [
        "demo-hotplate-postgresql",
        "demo-hotplate",
    ]
    secret = next(each for each in own if each["kind"] == "Secret")
    password = secret["stringData"]["password"]
    assert len(password) == 32
    assert secret["stringData"]["url"] == f"postgresql://hotplate:{password}@demo-hotplate-postgresql:5432/hotplate"
    store = {"secretKeyRef": {"name": "demo-hotplate-postgresql", "key": "url"}}
    assert variables(own)["HOTPLATE_STORE"]["valueFrom"] == store
    assert variables(external)["HOTPLATE_STORE"]["valueFrom"] == {"secretKeyRef": {"name": "store", "key": "dsn"}}
    assert variables(external)["HOTPLATE_MAX_JOBS"]["value"] == "10"
    assert "HOTPLATE_STORE" not in variables(none)
    assert not [each for each in (*external, *none) if each["kind"] == "Secret"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "name the image"),
        ({"image": {"repository": "x"}, "imagee": 1}, "imagee"),
        ({"image": {"repository": "x"}, "settings": {"TIMEOUT": "5s"}}, "TIMEOUT"),
        ({"image": {"repository": "x"}, "ingress": {"enabled": True}}, "host"),
    ],
)
def test_the_chart_refuses_wrong_values(tmp_path, values, words):
    chart = tmp_path / "hotplate"
    write_chart(chart)
    with pytest.raises(AssertionError, match=words):
        render(chart, values)
