"""`hotplate endpoint delete --target kubernetes`: what a deploy has applied goes, in a safe order, and nothing else."""

from __future__ import annotations

import json

import pytest
from cluster_rig import Answer, status

DELETE = ("endpoint", "delete", "hello", "--target", "kubernetes")
KINDS = ("networkpolicies", "services", "poddisruptionbudgets", "deployments", "horizontalpodautoscalers")
FORBIDDEN = status(
    403,
    "Forbidden",
    'services "api-hello" is forbidden: User "ann" cannot delete resource "services" in API group "" in the namespace '
    '"models"',
)
DENIED = status(403, "Forbidden", 'admission webhook "keep.example.org" denied the request: services are kept')


def deploy(project, pushed, name="hello", *words):
    project.run("deploy", str(project.root), "--target", "kubernetes", "--image", pushed, "-n", name, *words)


def gone(cluster):
    return [each.path.rsplit("/", 2)[1:] for each in cluster.changes() if each.method == "DELETE"]


def test_it_shows_what_goes_and_deletes_it_by_its_label(cluster, project, pushed):
    deploy(project, pushed)
    deploy(project, pushed, "other")
    before = dict(cluster.objects)
    shown, _ = project.run(*DELETE, "--dry-run")
    listed = [line for line in shown.splitlines() if line.startswith("- ")]
    assert listed == [
        *("- horizontalpodautoscaler hello", "- service hello", "- service api-hello", "- deployment hello"),
        *("- poddisruptionbudget hello", "- networkpolicy hello"),
    ]
    assert cluster.objects == before and not gone(cluster)
    _, err = project.run(*DELETE, code=2)
    assert "these 6 objects? Nobody is here to say yes." in err and cluster.objects == before
    out, err = project.run(*DELETE, "--yes")
    assert 'Endpoint "hello" has been deleted.' in out and "deployment hello" in err
    assert not [key for key, each in cluster.objects.items() if "hello" in str(each["metadata"].get("labels", {}))]
    assert {kind for kind, name in cluster.objects if name == "other"} == set(KINDS)
    order = [kind for kind, _ in gone(cluster)]
    assert order[0] == "horizontalpodautoscalers" and order[-1] == "networkpolicies"
    _, err = project.run(*DELETE, "--yes", code=1)
    assert "There is no endpoint 'hello' in the namespace models of cluster test." in err


def test_what_may_not_be_deleted_is_said_before_anything_is(cluster, project, pushed):
    deploy(project, pushed)
    before = dict(cluster.objects)
    cluster.answers.append(Answer("DELETE", "/services/api-hello", FORBIDDEN))
    _, err = project.run(*DELETE, "--yes", code=1)
    assert "You may not delete the service api-hello" in err
    assert cluster.objects == before and not gone(cluster)


def test_what_cannot_be_deleted_is_left_and_the_rest_goes(cluster, project, pushed):
    deploy(project, pushed)
    slow = status(504, "Timeout", "Timeout: request did not complete within requested timeout")
    cluster.answers.append(Answer("DELETE", "/services/api-hello", DENIED, dry=False))
    cluster.answers.append(Answer("DELETE", "/deployments/hello", slow, times=2, dry=False))
    _, err = project.run(*DELETE, "--yes", code=1)
    assert "1 of 6 objects of hello are left: service api-hello: " in err and "services are kept" in err
    assert {key for key in cluster.objects if "hello" in key[1]} == {("services", "api-hello")}
    cluster.answers.clear()
    out, _ = project.run(*DELETE, "--yes", "-o", "json")
    assert json.loads(out) == {"name": "hello", "deleted": ["service api-hello"], "kept": []}


def test_the_policy_stays_as_long_as_there_are_pods(cluster, project, pushed, monkeypatch):
    monkeypatch.setattr("hotplate.targets.kubernetes.removal.LOOK_S", 0.01)
    deploy(project, pushed)
    cluster.lingering = True
    _, err = project.run(*DELETE, "--yes", "--wait", "0.05", code=1)
    assert "networkpolicy hello is kept: pods have not ended after 0.05 s" in err
    assert cluster.names("networkpolicies") == {"hello"} and not cluster.names("deployments")
    for key in [key for key in cluster.objects if key[0] == "pods"]:
        del cluster.objects[key]
    project.run(*DELETE, "--yes")
    assert not cluster.names("networkpolicies")


def test_an_object_that_was_made_anew_meanwhile_is_not_deleted(cluster, project, pushed, monkeypatch):
    deploy(project, pushed)

    def sure(*_, **__):
        cluster.objects["deployments", "hello"]["metadata"]["uid"] = "another"

    monkeypatch.setattr("hotplate.cli.cluster_delete.confirm", sure)
    _, err = project.run(*DELETE, "--wait", "0", code=1)
    assert "The deployment hello was made anew meanwhile" in err
    assert cluster.names("deployments") == {"hello"}


def test_a_volume_is_kept_unless_it_is_asked_for_and_no_other_has_it(cluster, project, pushed):
    claim = {"hotplate-volume-weights"}
    deploy(project, pushed, "hello", "--volume", "weights")
    deploy(project, pushed, "other", "--volume", "weights")
    _, err = project.run(*DELETE, "--dry-run")
    assert "persistentvolumeclaim hotplate-volume-weights is kept" in err
    _, err = project.run(*DELETE, "--volumes", "--yes")
    assert "is kept: other has it too" in err and cluster.names("persistentvolumeclaims") == claim
    out, _ = project.run("endpoint", "delete", "other", "--target", "kubernetes", "--volumes", "--yes")
    assert "- persistentvolumeclaim hotplate-volume-weights" in out and not cluster.names("persistentvolumeclaims")


@pytest.mark.parametrize("flag", ["--dry-run", "--volumes", "--context=test"])
def test_its_flags_need_a_cluster(project, flag):
    _, err = project.run("endpoint", "delete", "hello", flag, code=2)
    assert "Add --target kubernetes." in err


def test_what_is_only_in_a_cluster_is_found_there(cluster, project, pushed):
    deploy(project, pushed)
    cluster.logs["hello-h1-0"] = "plain words\n"
    out, _ = project.run("logs", "hello")  # nothing runs on this machine
    assert out.split()[1:] == ["hello-h1-0", "plain", "words"]
    assert project.run("revisions", "hello")[0].startswith("NUMBER")
    project.run(*DELETE, "--yes")
    project.run("logs", "hello", code=1)
