from __future__ import annotations

import re

import pytest
import yaml

from hotplate.cli import up
from hotplate.cli.parsing import Parser
from hotplate.cli.serve_settings import settings_of
from hotplate.deployment.hardware import PROFILES, find_hardware
from hotplate.deployment.records import Scaling
from hotplate.manifests import keda, knative, kubernetes
from hotplate.manifests.chart import SOURCE
from hotplate.manifests.notes import WAYS, notes
from hotplate.manifests.placement import Placement
from hotplate.manifests.workload import Workload
from hotplate.server.metrics_page import Subject, endpoint_lines
from hotplate.server.totals import Totals

SCALING = set(Scaling.__struct_fields__)


def workload(**more) -> Workload:
    scaling = Scaling(**{"max_replicas": 1, **{key: more.pop(key) for key in SCALING & set(more)}})
    more["scaling"] = scaling
    return Workload(**{"name": "hello", "image": "registry.example.org/hello:v1", "revision": "a" * 64, **more})


def one(objects, kind, name="hello"):
    return next(each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)


def pod(objects):
    return one(objects, "Deployment")["spec"]["template"]["spec"]


def container(objects):
    return pod(objects)["containers"][0]


def variables(objects):
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(objects)["env"]}


@pytest.mark.parametrize("way", list(WAYS))
def test_the_same_workload_is_the_same_objects_every_time(way):
    made = workload(env={"B": "1", "A": "2"}, secrets=("Z", "Y"), volume="w", max_replicas=4)
    assert WAYS[way](made) == WAYS[way](made)


def test_a_pod_is_one_replica_that_may_do_nothing_else():
    made = kubernetes.objects(workload())
    assert variables(made)["HOTPLATE_WORKERS"] == "1"
    assert pod(made)["automountServiceAccountToken"] is False
    assert pod(made)["enableServiceLinks"] is False
    assert pod(made)["securityContext"]["runAsNonRoot"] is True
    for each in (*pod(made)["initContainers"], *pod(made)["containers"]):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    written = {each["mountPath"] for each in container(made)["volumeMounts"]}
    assert written == {"/opt/project/home", "/tmp"}


def test_what_hardware_says_is_what_a_pod_asks_for_and_gets_at_most():
    made = container(kubernetes.objects(workload(hardware=find_hardware("cpus=1.5,memory=3GiB,gpus=2"))))["resources"]
    assert made["limits"] == {"cpu": "1500m", "memory": "3072Mi", "nvidia.com/gpu": "2"}
    assert made["requests"] == made["limits"]
    nothing = container(kubernetes.objects(workload()))["resources"]
    assert nothing == {"requests": {"cpu": "500m", "memory": "512Mi"}}
    odd = container(kubernetes.objects(workload(hardware=find_hardware("memory=100000001"))))["resources"]
    assert odd["limits"] == {"memory": "97657Ki"}


def test_the_pod_that_prepares_asks_for_no_gpu():
    first = pod(kubernetes.objects(workload(hardware=PROFILES["gpu.2"])))["initContainers"][0]["resources"]
    assert first == {"requests": {"cpu": "500m", "memory": "512Mi"}}


def test_a_profile_with_a_model_of_gpu_goes_to_nodes_that_have_it():
    spec = pod(kubernetes.objects(workload(hardware=PROFILES["gpu.a100-80.medium"])))
    terms = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["key"] == "nvidia.com/gpu.product"
    assert terms[0]["matchExpressions"][0]["values"] == ["NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-80GB-PCIe"]
    assert spec["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    own = Placement(node_selector={"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"}, gpu_resource="amd.com/gpu")
    spec = pod(kubernetes.objects(workload(hardware=PROFILES["A100"], placement=own)))
    assert "affinity" not in spec and spec["nodeSelector"] == own.node_selector
    assert spec["tolerations"][0]["key"] == "amd.com/gpu"


def test_secrets_are_named_and_never_written():
    made = kubernetes.objects(workload(env={"A": "1", "KEY": "shown"}, secrets=("KEY",)))
    assert variables(made)["KEY"] == {"secretKeyRef": {"name": "hello-secrets", "key": "KEY"}}
    assert "shown" not in str(made)
    assert not [each for each in made if each["kind"] == "Secret"]
    assert (
        "kubectl create secret generic hello-secrets --from-literal=KEY=…"
        in notes(workload(secrets=("KEY",)), "keda")[0]
    )


def test_jobs_are_kept_only_where_a_store_is_named():
    assert variables(kubernetes.objects(workload()))["HOTPLATE_JOBS"] == "off"
    found = variables(kubernetes.objects(workload(placement=Placement(jobs_secret="store/url"))))
    assert "HOTPLATE_JOBS" not in found
    assert found["HOTPLATE_JOBS_STORE"] == {"secretKeyRef": {"name": "store", "key": "url"}}


def test_an_endpoint_is_called_by_its_name_and_by_cortex_name():
    made = kubernetes.objects(workload())
    for name, port in (("hello", 80), ("api-hello", 8888)):
        spec = one(made, "Service", name)["spec"]
        assert spec["ports"][0]["port"] == port and spec["ports"][0]["targetPort"] == 8080
        assert spec["selector"].items() <= one(made, "Deployment")["spec"]["template"]["metadata"]["labels"].items()


def test_a_private_endpoint_is_reached_from_its_namespace_and_from_friends():
    rule = one(kubernetes.objects(workload()), "NetworkPolicy")["spec"]["ingress"][0]["from"]
    assert rule == [{"podSelector": {}}, {"namespaceSelector": {"matchLabels": {"hotplate.org/caller": "true"}}}]
    assert not [each for each in kubernetes.objects(workload(public=True)) if each["kind"] == "NetworkPolicy"]


def test_probes_give_a_model_the_time_that_it_may_take():
    made = container(kubernetes.objects(workload(setup_timeout_s=62.0)))
    assert made["startupProbe"]["failureThreshold"] * made["startupProbe"]["periodSeconds"] == 65
    assert made["startupProbe"]["httpGet"]["path"] == made["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert made["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert (
        one(kubernetes.objects(workload(setup_timeout_s=62.0)), "Deployment")["spec"]["progressDeadlineSeconds"] == 182
    )


def test_a_pod_has_longer_to_end_than_its_calls():
    assert pod(kubernetes.objects(workload(grace_s=25.0, drain_delay_s=5.0)))["terminationGracePeriodSeconds"] == 40


def test_a_fixed_number_of_replicas_needs_no_scaler():
    made = kubernetes.objects(workload(min_replicas=3, max_replicas=3))
    assert one(made, "Deployment")["spec"]["replicas"] == 3
    assert {each["kind"] for each in made} & {"HorizontalPodAutoscaler", "ScaledObject"} == set()
    assert "replicas" not in one(kubernetes.objects(workload(max_replicas=2)), "Deployment")["spec"]


def test_keda_adds_what_runs_and_what_waits():
    place = Placement(namespace="models")
    made = one(
        keda.objects(workload(max_replicas=9, concurrency=4, scale_down_delay_s=30, placement=place)), "ScaledObject"
    )
    spec = made["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 9)
    assert spec["advanced"]["scalingModifiers"] == {
        "formula": "running + waiting",
        "target": "4",
        "metricType": "AverageValue",
    }
    assert [each["name"] for each in spec["triggers"]] == ["running", "waiting"]
    assert spec["triggers"][1]["metadata"]["url"] == "http://hello.models.svc:8080/metrics"
    assert spec["triggers"][1]["metadata"]["valueLocation"] == "hotplate_queue_depth"
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == 30


def test_keda_asks_a_prometheus_where_one_is_named():
    place = Placement(namespace="models", prometheus="http://prometheus:9090")
    spec = one(keda.objects(workload(max_replicas=9, placement=place)), "ScaledObject")["spec"]
    assert spec["triggers"][0]["metadata"] == {
        "serverAddress": "http://prometheus:9090",
        "query": 'sum(hotplate_requests_in_progress{namespace="models",pod=~"hello-.+"}) or vector(0)',
        "threshold": "1",
    }


def test_knative_scales_to_none_and_back():
    made = workload(
        min_replicas=0, max_replicas=5, initial_replicas=2, concurrency=8, scale_down_delay_s=9000, window_s=1
    )
    service = one(knative.objects(made), "Service")
    spec, marks = service["spec"]["template"]["spec"], service["spec"]["template"]["metadata"]["annotations"]
    assert spec["containerConcurrency"] == 8 and spec["timeoutSeconds"] == 300
    assert {name.partition("/")[2]: value for name, value in marks.items() if name.startswith("autoscaling")} == {
        "metric": "concurrency",
        "target": "8",
        "min-scale": "0",
        "max-scale": "5",
        "scale-down-delay": "3600s",
        "window": "6s",
        "initial-scale": "2",
    }
    assert service["metadata"]["labels"]["networking.knative.dev/visibility"] == "cluster-local"
    assert one(knative.objects(made), "Service", "api-hello")["spec"]["ports"][0] == {
        "name": "http",
        "port": 8888,
        "protocol": "TCP",
        "targetPort": 8012,
    }


def test_notes_say_what_a_cluster_needs():
    text = "\n".join(notes(workload(timeout_s=900.0, volume="w", hardware=PROFILES["T4"]), "knative"))
    assert "max-revision-timeout-seconds" in text
    assert (
        "kubernetes.podspec-affinity, kubernetes.podspec-tolerations, kubernetes.podspec-persistent-volume-claim"
        in text
    )
    assert "keeps one pod" in "\n".join(notes(workload(max_replicas=3), "kubernetes"))
    assert "kubectl label namespace keda hotplate.org/caller=true" in "\n".join(notes(workload(max_replicas=3), "keda"))


def test_a_volume_is_shared_by_who_names_it_and_fits_how_many_there_are():
    alone = one(kubernetes.objects(workload(volume="w")), "PersistentVolumeClaim", "hotplate-volume-w")
    many = one(kubernetes.objects(workload(volume="w", max_replicas=2)), "PersistentVolumeClaim", "hotplate-volume-w")
    assert alone["spec"]["accessModes"] == ["ReadWriteOnce"] and many["spec"]["accessModes"] == ["ReadWriteMany"]
    assert {each["mountPath"] for each in container(kubernetes.objects(workload(volume="w")))["volumeMounts"]} >= {
        "/opt/project/volume"
    }


def test_keda_asks_for_counts_that_a_pod_tells_without_labels():
    lines = endpoint_lines([Subject({}, Totals(), [])])
    assert {f"{metric} 0" for metric in keda.COUNTS.values()} <= set(lines)


def test_the_variables_of_a_pod_are_settings_that_serve_takes():
    made = workload(limits={"HOTPLATE_TIMEOUT": "12s"}, grace_s=7.5)
    given = {name: value for name, value in variables(kubernetes.objects(made)).items() if name.startswith("HOTPLATE_")}
    found = settings_of({}, given, None, {})
    assert (found.port, found.workers, found.jobs, found.timeout_s) == (8080, 1, "off", 12.0)
    assert (found.grace_s, found.drain_delay_s) == (7.5, 5.0)


def test_the_chart_starts_up_with_options_that_it_has():
    text = (SOURCE / "templates/server.yaml").read_text("utf-8")
    command = yaml.safe_load(re.search(r"command: (\[hotplate, up.+\])", text)[1])
    parser = Parser(prog="up")
    up.configure(parser)
    args = parser.read(command[2:])
    assert (args.host, args.i_know, args.port, args.control_port) == ("0.0.0.0", True, 8080, 8081)
