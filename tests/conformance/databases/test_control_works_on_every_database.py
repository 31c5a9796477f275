"""Each of control's operations on each database: statements that only one of them understands fail here."""

from __future__ import annotations

import pytest
from control_rig import make_revision

from hotplate.control import deployments, endpoints, registry_credentials, revisions, secrets, tokens, volumes
from hotplate.control.deployments import Deploy, Rollback, Split
from hotplate.control.events import read_events
from hotplate.control.joining import greet
from hotplate.control.ledger import read_audit
from hotplate.control.named import named_revisions
from hotplate.control.plane import ITSELF
from hotplate.control.registry_credentials import RegistryCredentialCreate, RegistryCredentialUpdate, read_login
from hotplate.control.secrets import SecretCreate, SecretUpdate
from hotplate.control.span import Span
from hotplate.control.tokens import TokenCreate
from hotplate.deployment import snapshot
from hotplate.deployment.shared import keep_store
from hotplate.errors import Conflict, InvalidInput, NotFound, Unauthorized


@pytest.fixture(autouse=True)
def _remembered(home, store):
    keep_store(home, store if store != "files" else None)


def published(plane):
    return {spec.name: spec for spec in snapshot.read(plane.home.snapshot).endpoints}


def test_endpoints_are_made_changed_and_deleted(plane):
    made = endpoints.create_endpoint(plane, ITSELF, "one", {"max_replicas": 2, "volume": "shelf"})
    assert (made["max_replicas"], made["status"], made["generation"]) == (2, "empty", 1)
    with pytest.raises(Conflict):
        endpoints.create_endpoint(plane, ITSELF, "one", {})
    changed = endpoints.update_endpoint(plane, ITSELF, "one", {"visibility": "public", "description": "a?b%c"})
    assert (changed["generation"], changed["description"]) == (2, "a?b%c")
    assert [each["name"] for each in endpoints.list_endpoints(plane, ITSELF)] == ["one"]
    assert volumes.list_volumes(plane)[0]["endpoints"] == ["one"] == volumes.used_by(plane, "shelf")
    with pytest.raises(Conflict):
        volumes.delete_volume(plane, ITSELF, "shelf")
    endpoints.delete_endpoint(plane, ITSELF, "one")
    with pytest.raises(NotFound):
        endpoints.get_endpoint(plane, "one")
    assert endpoints.create_endpoint(plane, ITSELF, "one", {})["generation"] == 3, "above that of the one before"
    endpoints.delete_endpoint(plane, ITSELF, "one")
    assert endpoints.create_endpoint(plane, ITSELF, "two", {})["generation"] == 4
    volumes.delete_volume(plane, ITSELF, "shelf")
    with pytest.raises(Conflict):
        volumes.create_volume(plane, ITSELF, "other")
        volumes.create_volume(plane, ITSELF, "other")


def test_settings_that_do_not_run_are_taken_back(plane, home):
    digest = make_revision(home, "1" * 12)
    made = deployments.deploy(plane, ITSELF, "one", Deploy(revision=digest, settings={"env_overrides": {"A": "1"}}))
    deployments.settle(plane, "one", made["generation"], "failed", "it cannot")
    assert endpoints.get_endpoint(plane, "one")["rollout"] == {"state": "failed", "text": "it cannot", "kept": False}
    deployments.recover(plane, "one", made["generation"])
    assert endpoints.get_endpoint(plane, "one")["rollout"]["state"] == "stable"
    made = endpoints.update_endpoint(plane, ITSELF, "one", {"env_overrides": {"A": "2"}, "max_replicas": 8})
    assert made["rollout"]["state"] == "rolling"
    deployments.settle(plane, "one", made["generation"], "failed", "nor this")
    made = endpoints.get_endpoint(plane, "one")
    assert (made["env_overrides"], made["max_replicas"], made["rollout"]["kept"]) == ({"A": "1"}, 3, True)
    assert dict(published(plane)["one"].env) == {"A": "1"}


def test_revisions_are_deployed_split_settled_and_rolled_back(plane, home):
    first, second = (make_revision(home, letter * 64) for letter in "ab")
    made = deployments.deploy(plane, ITSELF, "one", Deploy(revision=first, settings={"max_replicas": 1}))
    assert made["rollout"]["state"] == "rolling"
    deployments.settle(plane, "one", made["generation"], "stable", "")
    made = deployments.deploy(plane, ITSELF, "one", Deploy(revision=second))
    assert {each.digest for each in published(plane)["one"].revisions} == {first, second}
    deployments.settle(plane, "one", made["generation"], "failed", "it\0cannot")
    made = endpoints.get_endpoint(plane, "one")
    assert (made["rollout"]["state"], made["traffic"][0]["revision"]) == ("failed", first)
    made = deployments.deploy(plane, ITSELF, "one", Deploy(revision=second, traffic=25))
    assert [share["percent"] for share in made["traffic"]] == [75, 25]
    deployments.settle(plane, "one", made["generation"], "stable", "")
    made = deployments.split(plane, ITSELF, "one", Split(traffic={"1": 50, "new": 50}))
    assert [share["percent"] for share in made["traffic"]] == [50, 50]
    made = deployments.rollback(plane, ITSELF, "one", Rollback())
    assert [share["revision"] for share in made["traffic"]] == [first]
    assert [each["number"] for each in revisions.list_revisions(plane, "one")] == [2, 1]
    assert revisions.list_revisions(plane, "one")[0]["built"]
    deployments.deploy(plane, ITSELF, "one", Deploy(revision=first))
    assert [each["kind"] for each in deployments.list_deployments(plane, "one")[:2]] == ["deploy", "rollback"]
    assert named_revisions(home) == {first, second}
    kinds = [each["event"]["type"] for each in read_events(plane, ITSELF, "one", Span())]
    assert {"created", "deploy", "deployed", "deploy_failed", "traffic", "rollback"} <= set(kinds)
    assert len(read_events(plane, ITSELF, None, Span(limit=3))) == 3
    assert read_audit(plane.database, 5)


def test_secrets_and_logins_are_sealed_and_found(plane, home):
    secrets.create_secret(plane, ITSELF, SecretCreate(key="API_KEY", value="canary-1"))
    with pytest.raises(Conflict):
        secrets.create_secret(plane, ITSELF, SecretCreate(key="API_KEY", value="x"))
    endpoints.create_endpoint(plane, ITSELF, "one", {"container_secrets": ["API_KEY"]})
    with pytest.raises(InvalidInput):
        endpoints.create_endpoint(plane, ITSELF, "two", {"container_secrets": ["OTHER"]})
    secrets.update_secret(plane, ITSELF, "API_KEY", SecretUpdate(value="canary-2"))
    assert endpoints.get_endpoint(plane, "one")["generation"] == 2
    assert secrets.get_secret(plane, "API_KEY")["endpoints"] == ["one"]
    assert secrets.mask_of(plane)("has canary-2") == "has ***" or "canary-2" not in secrets.mask_of(plane)("canary-2")
    with pytest.raises(Conflict):
        secrets.delete_secret(plane, ITSELF, "API_KEY")
    assert [each["key"] for each in secrets.list_secrets(plane)] == ["API_KEY"]
    given = RegistryCredentialCreate(key="hub", username="me", token="canary-3")
    registry_credentials.create_registry_credential(plane, ITSELF, given)
    with pytest.raises(Conflict):
        registry_credentials.create_registry_credential(plane, ITSELF, given)
    registry_credentials.update_registry_credential(plane, ITSELF, "hub", RegistryCredentialUpdate(token="canary-4"))
    assert read_login(home, "hub")[1:] == ("me", "canary-4")
    registry_credentials.delete_registry_credential(plane, ITSELF, "hub")
    assert registry_credentials.list_registry_credentials(plane) == []


def test_tokens_are_made_used_and_revoked(plane):
    greet(plane)
    greet(plane)
    assert [each["name"] for each in tokens.list_tokens(plane)] == ["admin"]
    wish = TokenCreate(
        name="t", scopes=("invoke", "read"), endpoints=["one"], expires_in_s=50, rate_per_s=2.5, concurrency=3
    )
    made = tokens.create_token(plane, ITSELF, wish)
    caller = tokens.authenticate(plane.database, made["token"])
    assert (caller.scopes, caller.endpoints) == (("invoke", "read"), ("one",))
    assert tokens.get_token(plane, made["id"])["last_used_at"]
    published = {spec.id: spec for spec in snapshot.read(plane.home.snapshot).tokens}
    assert (published[made["id"]].rate_per_s, published[made["id"]].concurrency) == (2.5, 3)
    tokens.revoke_token(plane, ITSELF, made["id"])
    with pytest.raises(Unauthorized):
        tokens.authenticate(plane.database, made["token"])
    assert made["id"] not in {spec.id for spec in snapshot.read(plane.home.snapshot).tokens}
