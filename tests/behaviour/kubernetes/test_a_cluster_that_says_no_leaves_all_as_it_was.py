"""Whatever a cluster refuses, the words say what to do, nothing is half changed, and the old revision serves on.

The answers are those of a real API server, word for word."""

from __future__ import annotations

import re

import pytest
from cluster_rig import Answer, status

NEXT = "registry.example.org/team/hello:v1@sha256:" + "2" * 64
APPLY = "application/apply-patch+yaml"

CONFLICT = status(
    409,
    "Conflict",
    'Apply failed with 1 conflict: conflict with "kubectl-edit" using apps/v1: .spec.template.spec.containers',
    causes=[
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl-edit" using apps/v1',
            "field": '.spec.template.spec.containers[name="endpoint"].image',
        }
    ],
)
FORBIDDEN = status(
    403,
    "Forbidden",
    'deployments.apps "hello" is forbidden: User "ann" cannot patch resource "deployments" in API group "apps" in the '
    'namespace "models"',
    name="hello",
    group="apps",
    kind="deployments",
)
QUOTA = status(
    403,
    "Forbidden",
    'pods "hello-7xk2p" is forbidden: exceeded quota: compute, requested: requests.cpu=500m, used: requests.cpu=4, '
    "limited: requests.cpu=4",
)
SECURITY = status(
    403,
    "Forbidden",
    'pods "hello-7xk2p" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false',
)
INVALID = status(422, "Invalid", 'Deployment.apps "hello" is invalid: spec.template.spec.containers[0].image: Required')
TOO_SLOW = status(
    504, "Timeout", "Timeout: request did not complete within requested timeout - context deadline exceeded"
)
TIMEOUT = status(408, "Timeout", "the server was unable to return a response in the time allotted")
NO_PODS_ROLE = status(
    403,
    "Forbidden",
    'pods is forbidden: User "ann" cannot create resource "pods" in API group "" in the namespace "models"',
)
NO_KEDA = status(404, "NotFound", "the server could not find the requested resource")

BEFORE = [
    (CONFLICT, "PATCH", "/deployments/hello", 'containers[name="endpoint"].image (kubectl-edit)'),
    (CONFLICT, "PATCH", "/deployments/hello", "--force-conflicts"),
    (FORBIDDEN, "PATCH", "/deployments/hello", 'You may not apply the deployment hello: deployments.apps "hello"'),
    (QUOTA, "POST", "/pods", "The namespace's quota leaves no room to start a pod of hello"),
    (SECURITY, "POST", "/pods", "violates PodSecurity"),
    (INVALID, "PATCH", "/deployments/hello", "refuses to apply the deployment hello (status 422)"),
    (TOO_SLOW, "PATCH", "/services/hello", "took too long to apply the service hello"),
    (TIMEOUT, "GET", "/services/hello", "took too long to read the service hello"),
]


@pytest.mark.parametrize(("answer", "method", "path", "words"), BEFORE)
def test_what_is_refused_is_refused_before_anything_changes(cluster, project, pushed, answer, method, path, words):
    project.deploy(pushed)
    before = len(cluster.changes())
    cluster.answers.append(Answer(method, path, answer))
    project.write("Hi")
    _, err = project.deploy(NEXT, code=1)
    assert words in err
    assert len(cluster.changes()) == before
    assert cluster.image("hello") == pushed


def test_an_answer_that_comes_late_is_asked_for_again(cluster, project, pushed):
    cluster.answers = [
        Answer("PATCH", "/services/hello", TOO_SLOW, times=2),
        Answer(
            "GET",
            "/version",
            status(429, "TooManyRequests", "too many requests"),
            times=1,
            headers={"Retry-After": "1"},
        ),
        Answer(
            "PATCH",
            "/deployments/hello",
            status(500, "InternalError", "etcdserver: leader changed"),
            times=1,
            dry=False,
        ),
    ]
    project.deploy(pushed)
    assert cluster.image("hello") == pushed


def test_who_may_not_make_pods_may_still_deploy(cluster, project, pushed):
    cluster.answers = [Answer("POST", "/pods", NO_PODS_ROLE)]
    project.deploy(pushed)
    assert cluster.image("hello") == pushed


def test_an_addon_that_is_not_installed_is_named(cluster, project, pushed):
    cluster.answers = [Answer("PATCH", "/scaledobjects/hello", NO_KEDA)]
    _, err = project.deploy(pushed, "--kubernetes", "scaler=keda", code=1)
    assert "KEDA is not installed in this cluster" in err
    assert cluster.changes() == []


def test_conflicts_are_taken_over_when_it_was_said(cluster, project, pushed):
    project.deploy(pushed, "--force-conflicts")
    assert {each.query["force"] for each in cluster.changes() if each.method == "PATCH"} == {"true"}


def test_a_wrong_token_is_said_so(cluster, project, pushed, tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path / "other", token="a wrong one")))
    _, err = project.deploy(pushed, code=1)
    assert "does not know who asks" in err and cluster.changes() == []


def test_nobody_there_is_said_before_anything_is_built(cluster, project, pushed, tmp_path, monkeypatch):
    cluster.url = "http://127.0.0.1:9"
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig(tmp_path / "other")))
    _, err = project.deploy(pushed, code=1)
    assert "The cluster test cannot be reached at http://127.0.0.1:9" in err
    assert "revision" not in err


def test_an_image_that_is_not_there_is_said_before_anything_changes(cluster, project):
    _, err = project.deploy(f"{cluster.registry}/team/hello:v1", code=1)
    assert "has no image" in err and "hotplate build --image --push" in err
    cluster.push("team/hello", "v1", revision="f" * 64)
    _, err = project.deploy(f"{cluster.registry}/team/hello:v1", code=2)
    assert re.search(r"is of the revision f{12}, and this project's is [0-9a-f]{12}\.", err)
    assert cluster.changes() == []


def test_a_secret_that_is_not_there_is_said_before_anything_changes(cluster, project, pushed):
    _, err = project.deploy(pushed, "--secrets", "HF_TOKEN", code=2)
    assert "There is no Secret hello-secrets in the namespace models" in err
    assert "kubectl --namespace models create secret generic hello-secrets --from-literal=HF_TOKEN=…" in err
    cluster.secrets["hello-secrets"] = {"OTHER": "eA=="}
    _, err = project.deploy(pushed, "--secrets", "HF_TOKEN", code=2)
    assert "has no HF_TOKEN" in err
    assert cluster.changes() == []
    cluster.secrets["hello-secrets"] = {"HF_TOKEN": "eA=="}
    project.deploy(pushed, "--secrets", "HF_TOKEN")
    env = cluster.deployment("hello")["spec"]["template"]["spec"]["containers"][0]["env"]
    wanted = {"secretKeyRef": {"name": "hello-secrets", "key": "HF_TOKEN"}}
    assert {"name": "HF_TOKEN", "valueFrom": wanted} in env
    assert all("eA==" not in str(each.body) for each in cluster.asked)


LATER = [
    ("image", "The cluster does not get the image registry.example.org/team/hello:v1: Back-off pulling image"),
    ("crash", "The revision does not start: the pod hello-h2-0 ended with status 1."),
    ("memory", "The pod hello-h2-0 took more memory than it may."),
    ("secret", "couldn't find key HF_TOKEN in Secret models/hello-secrets"),
    ("quota", "exceeded quota: compute, requested: requests.memory=4Gi"),
    ("stuck", "The rollout of hello came to a stand"),
]


@pytest.mark.parametrize(("outcome", "words"), LATER)
def test_a_revision_that_does_not_start_goes_back_to_the_one_before(cluster, project, pushed, outcome, words):
    project.deploy(pushed)
    cluster.outcome = outcome
    cluster.logs["hello-h2-0"] = '{"level":"error","message":"Traceback:\\nValueError: no weights"}\n'
    project.write("Hi")
    _, err = project.deploy(NEXT, code=1)
    assert words in err
    assert "The one before it goes on serving, and the deployment is as it was." in err
    assert cluster.image("hello") == pushed
    assert ("ValueError: no weights" in err) is (outcome == "crash")


def test_the_first_revision_that_does_not_start_is_left_to_be_looked_at(cluster, project, pushed):
    cluster.outcome = "image"
    _, err = project.deploy(pushed, code=1)
    assert "There was none before it" in err
    assert cluster.image("hello") == pushed


def test_a_rollout_that_takes_too_long_is_not_taken_back(cluster, project, pushed):
    project.deploy(pushed)
    cluster.outcome = "wait"
    project.write("Hi")
    _, err = project.deploy(NEXT, "--wait", "0.05", code=1)
    assert "is not ready after 0.05 s; the cluster goes on with it" in err
    assert cluster.image("hello") == NEXT
