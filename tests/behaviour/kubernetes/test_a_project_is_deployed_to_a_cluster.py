"""`hotplate deploy --target kubernetes` against an API server that keeps what it is sent and plays the controllers."""

from __future__ import annotations

import json

import pytest
import yaml

HOST = "registry.example.org/team/hello:v1@sha256:"


def test_it_shows_what_would_change_and_then_does_it(cluster, project, pushed):
    shown, _ = project.deploy(pushed, "--dry-run")
    assert "+kind: Deployment" in shown and f'+          image: "{pushed}"' in shown
    assert cluster.changes() == [] and cluster.objects == {}
    out, err = project.deploy(pushed, "--env", "MODE=fast", "-o", "json")
    assert json.loads(out[out.index("{") :]) == {"name": "hello", "endpoint": "http://hello.models.svc"}
    assert "+ deployment hello" in out
    assert "1 of 1 pods are new, 1 take calls" in err
    assert [each.path.rsplit("/", 2)[1] for each in cluster.changes()] == [
        *("networkpolicies", "services", "services", "poddisruptionbudgets", "deployments", "horizontalpodautoscalers"),
    ]
    assert {each.query["fieldManager"] for each in cluster.changes()} == {"hotplate"}
    assert {each.query["force"] for each in cluster.changes()} == {"false"}
    again, _ = project.deploy(pushed, "--env", "MODE=fast", "--dry-run")
    assert "Nothing of hello would change." in again
    changed, _ = project.deploy(pushed, "--env", "MODE=slow", "--dry-run")
    lines = [line for line in changed.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert [line.split() for line in lines] == [["-", "value:", "fast"], ["+", "value:", "slow"]]


def test_the_project_file_alone_says_that_it_goes_to_a_cluster(cluster, project):
    project.settings(
        "name: hello\ntarget: kubernetes\n"
        f"registry: {{host: '{cluster.registry}', path: team/hello, tag: v1}}\n"
        "kubernetes:\n  scaler: keda\n  node-selector: {disktype: ssd}\n  tolerations: [spot]\n"
    )
    digest = cluster.push("team/hello", "v1")
    project.run("deploy", str(project.root))
    spec = cluster.deployment("hello")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"] == f"{cluster.registry}/team/hello:v1@{digest}"
    assert spec["nodeSelector"] == {"disktype": "ssd"}
    assert spec["tolerations"] == [{"key": "spot", "operator": "Exists"}]
    assert cluster.names("scaledobjects") == {"hello"} and not cluster.names("horizontalpodautoscalers")


def test_the_cluster_is_that_of_the_context_or_of_the_file(cluster, project, pushed):
    _, err = project.deploy(pushed, "--context", "other", code=2)
    assert "There is no context 'other'" in err and "There are: test." in err
    _, err = project.deploy(pushed, "--namespace", "elsewhere", code=1)
    assert "There is no namespace elsewhere in cluster test" in err and "kubectl create namespace elsewhere" in err
    assert cluster.changes() == []


def test_a_rollout_is_waited_for_look_by_look(cluster, project, pushed):
    project.deploy(pushed)
    cluster.slow = 3
    cluster.watch_ends_gone = True  # each watch ends with 410, and what is there is read anew
    project.write("Hi")
    _, err = project.deploy(HOST + "2" * 64)
    assert cluster.image("hello") == HOST + "2" * 64
    assert "1 of 1 pods are new" in err
    assert len([each for each in cluster.asked if each.query.get("watch")]) >= 3


def test_a_rollback_moves_the_image_and_nothing_else(cluster, project, pushed):
    project.deploy(pushed, "--env", "MODE=first")
    project.write("Hi")
    project.deploy(HOST + "2" * 64, "--env", "MODE=second")
    project.deploy(HOST + "2" * 64, "--env", "MODE=third")
    table, _ = project.run("revisions", "hello", "--target", "kubernetes")
    assert [line.split()[0] for line in table.splitlines()] == ["NUMBER", "3", "2", "1"]
    out, _ = project.run("rollback", "hello", "--target", "kubernetes")
    assert "serves" in out and "again" in out
    template = cluster.deployment("hello")["spec"]["template"]
    assert {each["image"] for each in (*template["spec"]["initContainers"], *template["spec"]["containers"])} == {
        pushed
    }
    assert {"name": "MODE", "value": "third"} in template["spec"]["containers"][0]["env"]
    first = json.loads(project.run("revisions", "hello", "--target", "kubernetes", "-o", "json")[0])
    assert [each["current"] for each in first] == [True, False, False, False]
    assert first[0]["revision"] == first[-1]["revision"] == template["metadata"]["annotations"]["hotplate.org/revision"]
    project.run("rollback", "hello", "--target", "kubernetes", "--to", "3")
    assert cluster.image("hello") == HOST + "2" * 64
    _, err = project.run("rollback", "hello", "--target", "kubernetes", "--to", "99", code=1)
    assert "has no revision '99'" in err


def test_logs_and_events_are_told_as_those_of_this_machine(cluster, project, pushed):
    project.deploy(pushed)
    cluster.logs["hello-h1-0"] = json.dumps({"time": "x", "level": "info", "message": "loaded\n"}) + "\nplain words\n"
    out, _ = project.run("logs", "hello", "--target", "kubernetes")
    assert [line.split("   ")[1:] for line in out.splitlines()] == [
        ["hello-h1-0", "loaded"],
        ["hello-h1-0", "plain words"],
    ]
    found = json.loads(project.run("logs", "hello", "--target", "kubernetes", "-o", "json", "-n", "1")[0])
    assert found == [
        {"timestamp": "2026-01-02T03:04:05.123456+00:00", "replica_id": "hello-h1-0", "data": "plain words"}
    ]

    def event(about: str, kind: str, reason: str) -> dict:
        return {
            "metadata": {"name": reason},
            "involvedObject": {"kind": kind, "name": about},
            "type": "Warning",
            "reason": reason,
            "message": f"{reason} happened",
            "lastTimestamp": "2026-01-02T03:04:05Z",
        }

    cluster.events = [event("hello-h1-0", "Pod", "BackOff"), event("hello", "Deployment", "Scaled")]
    cluster.events += [event("hello-more-h1-0", "Pod", "Other"), event("other", "Pod", "Other")]
    out, _ = project.run("events", "hello", "--target", "kubernetes")
    assert [line.split()[1:4] for line in out.splitlines()[1:]] == [
        ["hello", "warning", "BackOff"],
        ["hello", "warning", "Scaled"],
    ]


def test_what_an_endpoint_has_no_more_is_taken_away(cluster, project, pushed):
    project.deploy(pushed)
    shown, _ = project.deploy(pushed, "--kubernetes", "scaler=keda", "--visibility", "public")
    assert "- horizontalpodautoscaler hello" in shown and "- networkpolicy hello" in shown
    assert not cluster.names("horizontalpodautoscalers") and not cluster.names("networkpolicies")
    assert cluster.names("scaledobjects") == {"hello"}
    gone = [each.method for each in cluster.changes()].index("DELETE")
    came = [each.path.endswith("scaledobjects/hello") for each in cluster.changes()].index(True)
    assert gone < came  # two scalers of one Deployment are refused


@pytest.mark.parametrize("flag", ["--traffic", "--url"])
def test_flags_that_mean_nothing_there_are_refused(cluster, project, pushed, flag):
    _, err = project.deploy(pushed, flag, "new=10", code=2)
    assert f"{flag} is not for the target kubernetes" in err
    _, err = project.run("deploy", str(project.root), "--target", "kubernetes", "--dry-run", "--push", code=2)
    assert "A dry run pushes nothing." in err


def test_flags_of_a_cluster_need_one(project):
    _, err = project.run("deploy", str(project.root), "--dry-run", code=2)
    assert "Add --target kubernetes." in err
    _, err = project.run("logs", "hello", "--namespace", "x", code=2)
    assert "Add --target kubernetes." in err


def test_export_writes_what_deploy_applies(cluster, project, pushed, tmp_path):
    project.deploy(pushed)
    words = ("--image", pushed, "-n", "hello", "--namespace", "models")
    text, _ = project.run("export", "kubernetes", str(project.root), *words)
    objects = list(yaml.safe_load_all(text))
    for each in objects:
        plural = {"NetworkPolicy": "networkpolicies"}.get(each["kind"], each["kind"].lower() + "s")
        assert cluster.objects[plural, each["metadata"]["name"]]["spec"].items() >= each["spec"].items()
    assert project.run("export", "kubernetes", str(project.root), *words)[0] == text
    out, err = project.run("export", "kubernetes", str(project.root), *words, "-o", str(tmp_path / "out"))
    files = sorted((tmp_path / "out").iterdir())
    assert len(files) == len(objects) and "Wrote 6 manifests" in out
    assert [yaml.safe_load(path.read_text()) for path in files] == objects
    _, err = project.run("export", "kubernetes", str(project.root), code=2)
    assert "It is not known where the image is" in err


def test_what_new_pods_write_is_shown_while_they_start(cluster, project, pushed):
    project.deploy(pushed)
    cluster.slow = 2
    cluster.logs["hello-h2-0"] = "loading the weights\n"
    project.write("Hi")
    _, err = project.deploy(HOST + "2" * 64)
    assert [line for line in err.splitlines() if line.startswith("log")] == [
        "log          hello-h2-0: loading the weights"
    ]


def test_logs_are_followed_without_a_line_twice(cluster, project, pushed, monkeypatch):
    project.deploy(pushed)
    cluster.logs["hello-h1-0"] = "2026-01-02T03:04:05.1Z old\n"
    more = iter(["2026-01-02T03:04:05.12Z new\n", "", "2026-01-02T03:04:05.123Z newer\n2026-01-02T03:04:06Z last\n"])

    def pause(seconds: float) -> None:
        try:
            cluster.logs["hello-h1-0"] += next(more)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("hotplate.targets.kubernetes.logs.follow.__kwdefaults__", {"pause": pause})
    out, _ = project.run("logs", "hello", "--target", "kubernetes", "-f", "-o", "json", code=130)
    assert [json.loads(line)["data"] for line in out.splitlines()] == ["new", "newer", "last"]


def test_an_endpoint_of_this_machine_is_written_down_with_its_settings(cluster, project, pushed, monkeypatch, home):
    project.deploy(pushed)
    digest = cluster.deployment("hello")["spec"]["template"]["metadata"]["annotations"]["hotplate.org/revision"]

    class Control:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def get_endpoint(self, name):
            traffic = [{"revision": digest, "percent": 90.0}, {"revision": "f" * 64, "percent": 10.0}]
            return {"name": name, "traffic": traffic, "max_replicas": 7, "env_overrides": {"MODE": "fast"}, "more": 1}

    monkeypatch.setattr("hotplate.cli.asking.open_control", Control)
    text, _ = project.run("export", "keda", "greeter", "--image", pushed, "--concurrency-per-replica", "3")
    objects = {each["kind"]: each for each in yaml.safe_load_all(text)}
    assert objects["ScaledObject"]["spec"]["maxReplicaCount"] == 7
    assert objects["ScaledObject"]["spec"]["advanced"]["scalingModifiers"]["target"] == "3"
    template = objects["Deployment"]["spec"]["template"]
    assert template["metadata"]["annotations"]["hotplate.org/revision"] == digest
    assert {"name": "MODE", "value": "fast"} in template["spec"]["containers"][0]["env"]
    assert objects["Deployment"]["metadata"]["name"] == "greeter"
