from __future__ import annotations

from pathlib import Path

from tests.fleet import Fleet, endpoint, revision_of, scaling, serve_fleet, token

TEXT = {"text": "hi"}


def test_an_endpoint_is_reached_by_path_and_by_host(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    caller = token("invoke", "read")
    fleet.publish(endpoint("echo", revision, scaling=scaling()), tokens=[caller])

    assert fleet.post("/echo/predict", TEXT, caller.headers).json()["output"] == "v1 hi"
    assert fleet.post("/predict", TEXT, {**caller.headers, "host": f"echo.localhost:{fleet.port}"}).status == 200
    assert fleet.post("/predict", TEXT, {**caller.headers, "host": "api-echo:8888"}).status == 200
    assert fleet.post("/predict", TEXT, {**caller.headers, "host": "api-other:8888"}).status == 421
    assert fleet.post("/predict", TEXT, caller.headers).status == 404
    assert fleet.get("/echo/healthcheck", caller.headers).status == 200
    document = fleet.get("/echo/openapi.json", caller.headers).json()
    assert document["servers"] == [{"url": "/echo"}]
    assert "/predict" in document["paths"]
    assert fleet.get("/echo/docs").status == 200
    at_root = {**caller.headers, "host": "echo.localhost"}
    for path, headers, prefix in (("/echo", caller.headers, "/echo"), ("/", at_root, "")):
        links = fleet.get(path, headers).json()
        assert links == {"docs": f"{prefix}/docs", "openapi": f"{prefix}/openapi.json"}
    assert "hotplate_requests_total" in fleet.get("/echo/metrics", caller.headers).body.decode()
    assert fleet.get("/livez").status == fleet.get("/readyz").status == 200
    assert b"echo" not in fleet.get("/").body


def test_a_host_that_is_let_in_shuts_out_nobody_on_this_machine(tmp_path: Path) -> None:
    with serve_fleet(tmp_path / "home", {"HOTPLATE_ALLOWED_HOSTS": "models.example.com"}) as fleet:
        for host, status in (("models.example.com", 200), ("localhost", 200), ("[::1]", 200), ("evil.example", 421)):
            assert fleet.get("/livez", {"host": host}).status == status, host


def test_the_document_says_that_a_token_is_needed_and_the_root_is_of_no_endpoint(fleet: Fleet, project: Path) -> None:
    caller = token("invoke")
    revision = revision_of(project, "first1")
    fleet.publish(endpoint("echo", revision), endpoint("open", revision, public=True), tokens=[caller])
    assert fleet.get("/echo/openapi.json", caller.headers).json()["security"] == [{"token": []}]
    assert "security" not in fleet.get("/open/openapi.json").json()
    assert fleet.post("/open/predict", TEXT).json()["output"] == "v1 hi"
    moved = fleet.request("POST", "/open/predict/", TEXT)
    assert (moved.status, moved.headers["location"]) == (307, f"http://127.0.0.1:{fleet.port}/open/predict")
    by_proxy = {"host": "open.localhost", "x-forwarded-proto": "https"}
    moved = fleet.request("POST", "/predict/", TEXT, by_proxy)
    assert (moved.status, moved.headers["location"]) == (307, "https://open.localhost/predict"), "no token in the open"


def test_the_file_is_read_anew_without_a_word_and_a_broken_one_changes_nothing(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    fleet.publish(endpoint("open", revision, public=True), wait=False)
    fleet.wait_for(lambda: fleet.post("/open/predict", TEXT).status == 200, "the new snapshot")
    fleet.home.snapshot.write_text("{")
    fleet.wait_for(lambda: "cannot be read" in fleet.log(), "a complaint")
    assert fleet.post("/open/predict", TEXT).status == 200


def test_a_paused_endpoint_has_no_replicas_and_says_so(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    fleet.publish(endpoint("open", revision, public=True, scaling=scaling(min_replicas=1)))
    fleet.settled("open")
    fleet.publish(endpoint("open", revision, public=True, paused=True, generation=2))
    fleet.wait_for(lambda: not fleet.replicas("open"), "the end of the replicas")
    paused = fleet.post("/open/predict", TEXT)
    assert (paused.status, paused.json()["detail"]) == (503, "The endpoint is paused.")
    fleet.publish(endpoint("open", revision, public=True, generation=3, scaling=scaling()))
    assert fleet.post("/open/predict", TEXT).status == 200
    fleet.withdraw("open")
    fleet.wait_for(lambda: "open" not in fleet.state()["endpoints"], "the end of the endpoint")
    assert fleet.post("/open/predict", TEXT).status == 401


def test_a_replica_knows_its_siblings_and_none_of_the_installations_secrets(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    fleet.publish(endpoint("one", revision, public=True), endpoint("two", revision))

    def variable(name: str) -> str:
        return fleet.post("/one/predict", {"text": f"env {name}"}).json()["output"]

    assert variable("HOTPLATE_HOME") == ""
    assert variable("HOTPLATE_ENDPOINT") == "one"
    assert variable("HOTPLATE_URL") == variable("HOTPLATE_SIBLINGS") == f"http://127.0.0.1:{fleet.port}"
    assert variable("HOTPLATE_VOLUME_PATH") == str(fleet.home.volumes / "one")
    inside = {"authorization": f"Bearer {variable('HOTPLATE_SIBLING_TOKEN')}"}
    assert fleet.post("/two/predict", TEXT, inside).status == 200
    assert fleet.post("/predict", TEXT, {**inside, "host": "api-two:8888"}).status == 200
    assert fleet.post("/two/predict", TEXT, {**inside, "x-forwarded-for": "203.0.113.9"}).status == 401
    assert fleet.get("/metrics", inside).status == 403


def test_a_replica_is_told_which_origin_may_call(project: Path, tmp_path: Path) -> None:
    with serve_fleet(tmp_path / "home", {"HOTPLATE_ALLOW_ORIGIN": "https://app.example.com"}) as fleet:
        fleet.publish(endpoint("open", revision_of(project, "first1"), public=True, scaling=scaling()))
        answer = fleet.post("/open/predict", {"text": "env HOTPLATE_ALLOW_ORIGIN"})
        assert answer.json()["output"] == answer.headers["access-control-allow-origin"] == "https://app.example.com"


def test_a_replica_finds_its_volume_by_every_name_that_its_code_may_know(fleet: Fleet, project: Path) -> None:
    revision = revision_of(project, "first1")
    fleet.publish(
        endpoint("own", revision, public=True, scaling=scaling()),
        endpoint("shared", revision, public=True, scaling=scaling(), volume="weights"),
    )
    for name, volume in (("own", "own"), ("shared", "weights")):
        for variable in ("HOTPLATE_VOLUME_PATH", "OCTOAI_VOLUME_PATH", "NFS_VOLUME"):
            found = fleet.post(f"/{name}/predict", {"text": f"env {variable}"}).json()["output"]
            assert Path(found) == fleet.home.volumes / volume
            assert Path(found).is_dir()
