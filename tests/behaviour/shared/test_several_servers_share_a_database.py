from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import postgres_server
import pytest
from serving import write_project
from shared_rig import Pair, kill, pair

from tests.behaviour.up.conftest import ECHO
from tests.behaviour.up.test_the_supervisor_keeps_things_running import hotplate, up
from tests.fleet import Fleet

pytestmark = [
    pytest.mark.skipif(not postgres_server.installed(), reason=postgres_server.REASON),
    pytest.mark.xdist_group("shared"),
]
LATER = {"prefer": "respond-async"}


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOTPLATE_JOB_LEASE", "2s")
        with pair() as running:
            yield running


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("shared") / "model", ECHO)


@pytest.fixture(scope="module")
def echo(servers: Pair, model: Path) -> Pair:
    """An endpoint that was deployed on the first server."""
    servers.run(0, "deploy", str(model), "--name", "echo", "--visibility", "private", "--min-replicas", "0")
    servers.two.wait_for(lambda: servers.two.of("echo"), "the endpoint on the other server")
    return servers


def says(fleet: Fleet, text: str, headers: dict[str, str], name: str = "echo") -> str:
    reply = fleet.post(f"/{name}/infer", {"text": text}, headers)
    assert reply.status == 200, (reply.status, reply.body)
    return reply.json()["output"]


def submitted(fleet: Fleet, body: dict[str, object], headers: dict[str, str]) -> str:
    reply = fleet.post("/echo/infer", body, {**headers, **LATER})
    assert reply.status == 202, (reply.status, reply.body)
    return reply.json()["id"]


def ended(fleet: Fleet, job_id: str, headers: dict[str, str]) -> dict[str, object]:
    def found() -> dict[str, object] | None:
        job = fleet.get(f"/echo/jobs/{job_id}", headers).json()
        return job if job["status"] in ("completed", "failed", "dead", "cancelled") else None

    return fleet.wait_for(found, f"the end of {job_id}")


def test_what_is_deployed_on_one_is_called_on_the_other(echo: Pair) -> None:
    for fleet in (echo.one, echo.two):
        fleet.wait_for(lambda fleet=fleet: fleet.of("echo").get("generation"), "the endpoint")
        assert says(fleet, "hi", echo.admin) == "v1 hi", "a token of the first home opens both"
    assert [each["name"] for each in echo.run(1, "endpoint", "list", "-o", "json")] == ["echo"]
    kinds = [each["event"]["type"] for each in echo.run(1, "events", "-o", "json")]
    assert "deployed" in kinds


def test_a_revision_that_is_deployed_over_another_follows_on_the_other_server(echo: Pair, model: Path) -> None:
    text = (model / "model.py").read_text()
    try:
        (model / "model.py").write_text(text.replace("v1", "v2"))
        echo.run(0, "deploy", str(model), "--name", "echo")
        echo.two.wait_for(lambda: says(echo.two, "hi", echo.admin) == "v2 hi", "the new revision")
        echo.run(1, "rollback", "--name", "echo")
        for fleet in (echo.one, echo.two):
            fleet.wait_for(lambda fleet=fleet: says(fleet, "hi", echo.admin) == "v1 hi", "the old revision")
    finally:
        (model / "model.py").write_text(text)


def test_a_token_revoked_on_one_is_refused_by_the_other_within_two_seconds(echo: Pair) -> None:
    made = echo.run(0, "token", "create", "--name", "t", "-o", "json")
    headers = {"authorization": f"Bearer {made['token']}"}
    echo.two.wait_for(lambda: echo.two.post("/echo/infer", {"text": "a"}, headers).status == 200, "the new token")
    echo.run(0, "token", "revoke", made["id"])
    begun = time.monotonic()
    while echo.two.post("/echo/infer", {"text": "a"}, headers).status != 401:
        assert time.monotonic() - begun < 2, "a revoked token is good for too long"
        time.sleep(0.02)


def test_a_token_is_refused_within_two_seconds_also_where_nothing_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler between server and database may let no NOTIFY through: the look once a second is enough."""
    import asyncio

    from hotplate.control import sharing, tokens
    from hotplate.control.plane import ITSELF, open_plane
    from hotplate.control.tokens import TokenCreate
    from hotplate.deployment import snapshot
    from hotplate.deployment.home import Home
    from hotplate.deployment.sealed import make_key

    url = postgres_server.fresh_database()
    monkeypatch.setattr("hotplate.jobs.postgres_link.Listener._run", lambda _: None)
    homes = [Home(tmp_path / name) for name in ("1", "2")]
    homes[0].make()
    homes[1].make()
    make_key(homes[0].key)
    shutil.copy(homes[0].key, homes[1].key)
    one, two = (open_plane(home, url) for home in homes)
    made = tokens.create_token(one, ITSELF, TokenCreate(name="t"))

    def knows() -> bool:
        return made["id"] in {spec.id for spec in snapshot.read(homes[1].snapshot).tokens}

    async def scenario() -> None:
        watching = asyncio.create_task(sharing.Sharing(two, url).run())
        try:
            async with asyncio.timeout(10):
                while not knows():
                    await asyncio.sleep(0.02)
            await asyncio.to_thread(tokens.revoke_token, one, ITSELF, made["id"])
            async with asyncio.timeout(2):
                while knows():
                    await asyncio.sleep(0.02)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    try:
        asyncio.run(scenario())
    finally:
        for plane in (one, two):
            plane.database.close()


def test_a_home_with_another_key_is_refused_with_the_way_to_go(servers: Pair, tmp_path: Path) -> None:
    words = ("up", "--port", "0", "--control-port", "0", "--store", servers.database.url)
    for _ in range(2):  # without a key, and with one of its own
        done = hotplate(tmp_path / "other", *words)
        assert done.returncode != 0
        assert "The key of this home is not the one" in done.stderr
        assert "Copy the file `key`" in done.stderr
        (tmp_path / "other/key").write_bytes(b"k" * 32)


def test_a_store_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    words = ("up", "--port", "0", "--control-port", "0", "--store")
    for url, said in (
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be reached"),
        ("mysql://nobody@127.0.0.1/none", "must be a URL such as postgresql://"),
        (f"{postgres_server.server_url()}_that_is_not_there", "does not exist"),
    ):
        done = hotplate(tmp_path / "home", *words, url)
        assert done.returncode != 0
        assert said in done.stderr, done.stderr
    assert not (tmp_path / "home/store").exists()


def test_a_job_of_a_killed_server_is_finished_by_the_other(echo: Pair) -> None:
    headers = echo.admin
    assert ended(echo.one, submitted(echo.one, {"text": "a"}, headers), headers)["status"] == "completed"
    job_id = submitted(echo.one, {"text": "long", "seconds": 4}, headers)
    root = echo.roots[0]
    echo.one.wait_for(lambda: _state(echo.one, job_id, headers) == "running", "a running job")
    kill(root)
    try:
        job = ended(echo.two, job_id, headers)
        assert job["status"] == "completed"
        assert echo.two.get(f"/echo/jobs/{job_id}/result", headers).json()["output"] == "v1 long"
    finally:
        (root / "test.log").unlink(missing_ok=True)
        again = hotplate(root, "up", "--port", str(echo.one.port), "--control-port", "0", "--detach")
        assert again.returncode == 0, again.stderr
    echo.one.wait_for(lambda: says(echo.one, "back", headers) == "v1 back", "the store that the home remembers")


def _state(fleet: Fleet, job_id: str, headers: dict[str, str]) -> str:
    return fleet.get(f"/echo/jobs/{job_id}", headers).json()["status"]


def test_without_the_database_calls_go_on_and_jobs_heal(echo: Pair) -> None:
    headers = echo.admin
    assert says(echo.two, "before", headers) == "v1 before"
    assert ended(echo.two, submitted(echo.two, {"text": "a"}, headers), headers)["status"] == "completed"
    running = submitted(echo.two, {"text": "through", "seconds": 2}, headers)
    echo.two.wait_for(lambda: _state(echo.two, running, headers) == "running", "a running job")
    echo.database.stop()
    try:
        for fleet in (echo.one, echo.two):
            assert says(fleet, "while", headers) == "v1 while"
            reply = fleet.post("/echo/infer", {"text": "later"}, {**headers, **LATER})
            assert (reply.status, reply.json()["code"]) == (503, "storage_full")
            assert reply.headers["retry-after"]
        said = echo.run(1, "endpoint", "list", code=1)
        assert "cannot be reached" in said
        time.sleep(2.5)  # the running job's answer is there, and cannot be written
        assert says(echo.two, "still", headers) == "v1 still"
    finally:
        echo.database.start()
    echo.two.wait_for(lambda: echo.two.get(f"/echo/jobs/{running}", headers).status == 200, "the store of jobs")
    assert ended(echo.two, running, headers)["status"] == "completed"
    for fleet in (echo.one, echo.two):
        fleet.wait_for(
            lambda fleet=fleet: fleet.post("/echo/infer", {"text": "b"}, {**headers, **LATER}).status == 202, "a job"
        )
    made = echo.run(0, "token", "create", "--name", "after", "-o", "json")
    other = {"authorization": f"Bearer {made['token']}"}
    echo.two.wait_for(lambda: echo.two.post("/echo/infer", {"text": "a"}, other).status == 200, "changes to arrive")


def test_a_server_starts_and_serves_while_the_database_is_away(echo: Pair) -> None:
    root, fleet = echo.roots[1], echo.two
    assert hotplate(root, "down").returncode == 0
    echo.database.stop()
    try:
        again = hotplate(root, "up", "--port", str(fleet.port), "--control-port", "0", "--detach")
        assert again.returncode == 0, again.stderr
        fleet.wait_for(lambda: says(fleet, "alone", echo.admin) == "v1 alone", "an answer")
    finally:
        echo.database.start()
    fleet.wait_for(lambda: hotplate(root, "endpoint", "list").returncode == 0, "control to find the database")
    assert ended(fleet, submitted(fleet, {"text": "a"}, echo.admin), echo.admin)["status"] == "completed"


def test_what_cannot_be_fetched_is_told_and_the_old_revision_serves_on(echo: Pair, model: Path) -> None:
    import psycopg

    project = model.with_name("other")
    shutil.copytree(model, project)
    (project / "model.py").write_text((project / "model.py").read_text().replace("v1", "v3"))
    echo.run(0, "deploy", str(project), "--name", "third")
    echo.two.wait_for(lambda: says(echo.two, "x", echo.admin, "third") == "v3 x", "the revision")
    (project / "model.py").write_text((project / "model.py").read_text().replace("v3", "v4"))
    with psycopg.connect(echo.database.url, autocommit=True) as database:
        database.execute(  # whatever takes its files away on their way
            "CREATE FUNCTION pg_temp_lose() RETURNS trigger AS $$ BEGIN NEW.data = 'lost'; RETURN NEW; END $$"
            " LANGUAGE plpgsql"
        )
        database.execute(
            "CREATE TRIGGER lose BEFORE INSERT ON hotplate_control.carried_part"
            " FOR EACH ROW EXECUTE FUNCTION pg_temp_lose()"
        )
        echo.run(0, "deploy", str(project), "--name", "third")

        def told() -> bool:
            events = [each["event"] for each in echo.run(1, "events", "--name", "third", "-o", "json")]
            return any(
                each["type"] == "revision_missing" and "not what was built" in each["details"] for each in events
            )

        echo.two.wait_for(told, "an event")
        echo.one.wait_for(lambda: says(echo.one, "x", echo.admin, "third") == "v4 x", "the revision where it is")
        assert says(echo.two, "x", echo.admin, "third") == "v3 x"
        database.execute("DROP TRIGGER lose ON hotplate_control.carried_part")
        database.execute("DELETE FROM hotplate_control.carried_file")
        database.execute("DELETE FROM hotplate_control.carried")
    echo.run(0, "deploy", str(project), "--name", "third")
    echo.two.wait_for(lambda: says(echo.two, "x", echo.admin, "third") == "v4 x", "the revision, once it can be had")


def test_an_installation_moves_into_a_database_with_all_it_has(model: Path, tmp_path: Path) -> None:
    import tempfile

    root = Path(tempfile.mkdtemp(prefix="hp-"))
    url = postgres_server.fresh_database()
    try:
        with up(root):
            words = ("deploy", str(model), "--name", "moved", "--visibility", "public", "--min-replicas", "0")
            assert hotplate(root, *words, timeout_s=100).returncode == 0
        (root / "test.log").unlink()
        with up(root, "--store", url) as fleet:
            fleet.wait_for(lambda: says(fleet, "hi", {}, "moved") == "v1 hi", "the endpoint")
            assert "moved" in hotplate(root, "endpoint", "list").stdout
            assert (root / "store").stat().st_mode & 0o077 == 0
            assert "Removed 0 revisions" in hotplate(root, "prune", "--all").stdout, (
                "the database is asked what is named"
            )
        (root / "test.log").unlink()
        with up(root, "--store", "files") as fleet:
            assert says(fleet, "hi", {}, "moved") == "v1 hi", "what was there before is still there"
        assert not (root / "store").exists()
    finally:
        shutil.rmtree(root, ignore_errors=True)
