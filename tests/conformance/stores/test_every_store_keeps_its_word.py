from __future__ import annotations

import json
from contextlib import contextmanager

import msgspec
import pytest
from reference_store import stale

from hotplate.jobs.records import EVENTS, TRANSITIONS, Fence, Filter, Held, Hook, NewJob, Outcome, Refused, Setback

E = "model"


def new(job_id: str = "one", **more) -> NewJob:
    return NewJob(**{"endpoint": E, "method": "POST", "path": "/infer", "body": b'{"a": 1}', **more}, id=job_id)


@contextmanager
def transaction(store):
    store.begin()
    try:
        yield
    except BaseException:
        store.rollback()
        raise
    store.commit()


def run(store, operation):
    with transaction(store):
        return operation(store)


def submit(store, job_id: str = "one", most: int = 100, **more):
    return run(store, lambda s: s.submit(new(job_id, **more), most))


def lease(store, limit: int = 10, owner: str = "me"):
    return run(store, lambda s: s.lease(E, owner, limit))


def finish(store, fence: Fence, **more):
    more.setdefault("state", "completed")
    return run(store, lambda s: s.finish(fence, Outcome(**more)))


def state(store, job_id: str = "one") -> str:
    return store.get(E, job_id).state


def test_a_job_goes_from_submit_to_its_result(store):
    made = submit(store, meta=b"meta", note='{"x":1}', origin="cortex")
    assert (made.created, made.state) == (True, "queued")
    (found,) = lease(store)
    assert (found.id, found.meta, found.body, found.method, found.path) == (
        "one",
        b"meta",
        b'{"a": 1}',
        "POST",
        "/infer",
    )
    assert (found.fence.attempt, found.origin) == (1, "cortex")
    assert state(store) == "running"
    assert finish(store, found.fence, status=201, headers=(("content-type", "text/plain"),), body=b"\x00\xff")
    job = store.get(E, "one")
    assert (job.state, job.status, job.has_result, job.note) == ("completed", 201, True, '{"x":1}')
    assert job.created_at <= job.started_at <= job.finished_at
    result = store.result(E, "one")
    assert (result.status, result.headers, result.body) == (201, (("content-type", "text/plain"),), b"\x00\xff")


def test_what_was_committed_is_there_after_reopening_and_the_rest_is_not(store, open_store):
    submit(store, "kept")
    store.begin()
    store.submit(new("undone"), 100)
    store.rollback()
    other = open_store()
    assert [job.id for job in other.list(Filter(endpoint=E))] == ["kept"]
    other.close()


def test_two_connections_never_lease_the_same_job(store, open_store):
    other = open_store()
    for number in range(20):
        submit(store, f"job-{number}")
    got = [lease(s, 3, owner) for _ in range(5) for s, owner in ((store, "a"), (other, "b"))]
    ids = [one.id for part in got for one in part]
    assert sorted(ids) == sorted(f"job-{number}" for number in range(20))
    other.close()


def test_the_urgent_go_first_and_equals_in_their_order(store):
    for name, priority in (("c", 3), ("late", 7), ("d", 3), ("now", 0)):
        submit(store, name, priority=priority)
    assert [one.id for one in lease(store)] == ["now", "c", "d", "late"]


def test_a_stale_fence_changes_nothing(store, clock):
    submit(store)
    (first,) = lease(store)
    held = store.held()[0]
    assert run(store, lambda s: s.expire(held, 5)) == "queued"
    (second,) = lease(store)
    before = store.get(E, "one")
    for fence in (first.fence, stale(second.fence), Fence(999, 1, 1)):
        assert run(store, lambda s, f=fence: s.renew([f])) == [fence]
        assert not run(store, lambda s, f=fence: s.progress(f, 0.5, "zombie"))
        assert not finish(store, fence)
        assert not run(store, lambda s, f=fence: s.set_back(f, Setback(cause="failure")))
    assert store.get(E, "one") == before
    assert run(store, lambda s: s.renew([second.fence])) == []
    assert finish(store, second.fence)
    assert not finish(store, second.fence)


def test_a_lease_that_beats_does_not_expire(store):
    submit(store)
    (found,) = lease(store)
    held = store.held()[0]
    assert (held.fence, held.owner) == (found.fence, "me")
    run(store, lambda s: s.renew([found.fence]))
    assert run(store, lambda s: s.expire(held, 5)) is None
    assert store.held()[0].beat == held.beat + 1


def test_each_cause_has_its_own_count(store, clock):
    submit(store)
    for cause in ("failure", "failure", "crash", "release"):
        (found,) = lease(store)
        run(store, lambda s, f=found.fence, c=cause: s.set_back(f, Setback(cause=c, code="why", last_output="last")))
    job = store.get(E, "one")
    assert (job.failures, job.crashes, job.losses, job.attempt) == (2, 1, 0, 4)
    assert (job.code, job.last_output) == ("why", "last")


def test_a_retry_waits_for_its_time(store, clock):
    submit(store)
    (found,) = lease(store)
    run(store, lambda s: s.set_back(found.fence, Setback(cause="failure", delay_s=2.0)))
    assert state(store) == "retrying"
    assert lease(store) == []
    assert store.next_due_s(E) == pytest.approx(2.0)
    clock.ms += 2000
    assert len(lease(store)) == 1
    assert store.next_due_s(E) is None


def test_a_lost_lease_costs_a_loss_until_there_are_too_many(store):
    submit(store)
    for expected in ("queued", "queued", "dead"):
        lease(store)
        held = store.held()[0]
        assert run(store, lambda s, h=held: s.expire(h, 3)) == expected
    assert (store.get(E, "one").losses, store.get(E, "one").code) == (3, "attempt_lost")


def test_the_same_key_gives_the_same_job_and_another_body_a_refusal(store, clock):
    first = submit(store, "one", key="k", digest=b"A")
    again = submit(store, "two", key="k", digest=b"A")
    assert (first.created, again.created, again.id) == (True, False, "one")
    assert submit(store, "three", key="k", digest=b"B") == Refused("idempotency_conflict")
    clock.ms += 50_000
    assert submit(store, "four", key="k", digest=b"B").created
    assert submit(store, "one").created is False  # an id that is known stands for its job


def test_a_full_queue_refuses_and_takes_again_when_there_is_room(store):
    for number in range(3):
        submit(store, str(number), most=3)
    assert submit(store, "more", most=3) == Refused("job_queue_full")
    assert submit(store, "more", most=3) == Refused("job_queue_full")
    lease(store, 1)
    assert submit(store, "more", most=3).created


def test_cancel_ends_what_has_not_ended(store):
    for name in ("waits", "runs", "done"):
        submit(store, name)
    leases = {one.id: one for one in lease(store)}
    finish(store, leases["done"].fence)
    run(store, lambda s: s.set_back(leases["waits"].fence, Setback(cause="failure", delay_s=9)))
    for name, expected in (("waits", True), ("runs", True), ("done", False), ("waits", False)):
        job, changed = run(store, lambda s, i=name: s.cancel(E, i))
        assert changed is expected
        assert job.state == ("completed" if name == "done" else "cancelled")
    assert run(store, lambda s: s.cancel(E, "nobody")) == (None, False)
    assert not finish(store, leases["runs"].fence)


def test_what_failed_can_run_again_from_zero(store):
    submit(store)
    (found,) = lease(store)
    assert run(store, lambda s: s.revive(E, "one"))[1] is False
    finish(store, found.fence, state="dead", status=500, code="error", cause="failure")
    job, changed = run(store, lambda s: s.revive(E, "one"))
    assert changed
    assert (job.state, job.failures, job.has_result) == ("queued", 0, False)
    (again,) = lease(store)
    assert again.body == b'{"a": 1}'
    finish(store, again.fence)
    assert run(store, lambda s: s.revive(E, "one"))[1] is False


def test_what_waited_past_its_deadline_fails_and_is_never_leased(store, clock):
    submit(store, deadline_s=1.0)
    assert run(store, lambda s: s.overdue(E)) == []
    clock.ms += 1000
    assert lease(store) == []
    assert run(store, lambda s: s.overdue(E)) == ["one"]
    assert (state(store), store.get(E, "one").code) == ("failed", "deadline_exceeded")


def test_results_go_first_then_rows(store, clock):
    submit(store)
    (found,) = lease(store)
    finish(store, found.fence, body=b"answer")
    clock.ms += 100_000
    assert store.result(E, "one") is None
    assert run(store, lambda s: s.sweep(100)) == 1
    assert (state(store), store.get(E, "one").has_result) == ("completed", False)
    clock.ms += 1_000_000
    assert run(store, lambda s: s.sweep(100)) == 1
    assert store.get(E, "one") is None


def test_only_what_has_ended_is_forgotten(store):
    submit(store)
    (found,) = lease(store)
    assert run(store, lambda s: s.forget(E, "one")) is False
    finish(store, found.fence)
    assert run(store, lambda s: s.forget(E, "one")) is True
    assert (store.get(E, "one"), store.result(E, "one")) == (None, None)


def test_a_sweep_leaves_what_has_not_ended(store, clock):
    submit(store, "waits")
    submit(store, "runs")
    lease(store, 1)
    clock.ms += 10**9
    run(store, lambda s: s.sweep(100))
    assert len(store.list(Filter(endpoint=E))) == 2


def test_blobs_are_named_as_long_as_they_are_needed(store):
    submit(store, body=b"", blob="b" * 64, body_bytes=300_000)
    (found,) = lease(store)
    assert (found.blob, found.body_bytes) == ("b" * 64, 300_000)
    finish(store, found.fence, blob="c" * 64, body_bytes=400_000)
    assert store.blobs() == {"c" * 64}
    assert store.result(E, "one").body_bytes == 400_000


def test_lists_are_filtered_and_paged(store):
    for number in range(5):
        submit(store, str(number), origin="cortex" if number == 2 else "http")
    lease(store, 2)
    ids = lambda **wanted: [job.id for job in store.list(Filter(endpoint=E, **wanted))]  # noqa: E731
    assert ids() == ["4", "3", "2", "1", "0"]
    assert ids(states=("running",)) == ["1", "0"]
    assert ids(origin="cortex") == ["2"]
    first = store.list(Filter(endpoint=E, limit=2))
    assert ids(before=first[-1].seq, limit=2) == ["2", "1"]
    assert store.list(Filter(endpoint="other")) == []
    assert [job.id for job in store.list(Filter(endpoint="other", others=(E,), limit=2))] == ["4", "3"]


def test_a_list_has_each_job_once_whatever_states_and_endpoints_are_asked_for(store):
    for number in range(9):
        submit(store, str(number), endpoint=("a", "b", "c")[number % 3], path="/even" if number % 2 == 0 else "/odd")
    found = {lease.id: lease for name in ("a", "b", "c") for lease in run(store, lambda s: s.lease(name, "me", 2))}  # noqa: B023
    assert sorted(found) == ["0", "1", "2", "3", "4", "5"]
    for job_id, state in (("0", "completed"), ("1", "failed"), ("2", "dead")):
        finish(store, found[job_id].fence, state=state, status=200 if state == "completed" else 500)
    run(store, lambda s: s.cancel("a", "3"))
    run(store, lambda s: s.set_back(found["4"].fence, Setback(cause="failure", delay_s=60.0)))

    def ids(*names, **wanted):
        return [job.id for job in store.list(Filter(endpoint=names[0], others=names[1:], **wanted))]

    every = tuple(TRANSITIONS)
    assert ids("a", "b", "c") == ids("c", "a", "b", "a", states=every) == list("876543210")
    assert ids("a", "b", "c", states=every, limit=4) == list("8765")
    assert ids("c", "b", "a", before=found["4"].fence.seq, limit=2) == list("32")
    expected = ("678", "4", "5", "0", "1", "2", "3")
    for state, these in zip(every, expected, strict=True):
        assert ids("a", "b", "c", states=(state,)) == list(reversed(these)), state
    assert ids("a", "b", "c", states=("dead", "queued", "failed")) == list("87621")
    assert ids("a", "b", "c", states=("queued", "completed"), path="/even") == list("860")
    assert ids("a", states=("no such state",)) == []


def test_several_are_found_at_once(store):
    for number in range(5):
        submit(store, str(number), endpoint="m")
    submit(store, "3", endpoint="m/alone")
    submit(store, "5", endpoint="m/alone")
    found = store.find(("m", "m/alone"), ("1", "3", "5", "none"))
    assert {job_id: job.endpoint for job_id, job in found.items()} == {"1": "m", "3": "m", "5": "m/alone"}
    assert store.find(("m/alone", "m"), ("3",))["3"].endpoint == "m/alone"
    assert store.find(("other",), ("3",)) == {}


def test_depth_counts_what_waits_runs_and_died(store):
    for number in range(4):
        submit(store, str(number))
    found = lease(store, 2)
    finish(store, found[0].fence, state="dead", status=500, cause="crash")
    depth = store.depth(E)
    assert (depth.waiting, depth.running, depth.dead) == (2, 1, 1)
    assert depth.oldest == store.get(E, "2").created_at


def test_endpoints_do_not_see_each_other(store):
    submit(store)
    assert run(store, lambda s: s.lease("other", "me", 5)) == []
    assert store.get("other", "one") is None
    assert run(store, lambda s: s.cancel("other", "one")) == (None, False)
    again = NewJob(id="one", endpoint="other", method="POST", path="/")
    assert run(store, lambda s: s.submit(again, 5)).created


def test_an_expired_lease_that_moved_is_left_alone(store):
    submit(store)
    lease(store)
    held = store.held()[0]
    assert run(store, lambda s: s.expire(Held(held.fence, held.beat + 1, "x"), 3)) is None
    assert state(store) == "running"


def test_the_table_of_transitions_is_closed():
    assert {to for targets in TRANSITIONS.values() for to in targets} <= set(TRANSITIONS)


def test_what_waits_can_be_ended_with_a_reason(store):
    submit(store, "running")
    (found,) = lease(store)
    for job_id in ("a", "b"):
        submit(store, job_id)
    run(store, lambda s: s.submit(NewJob(id="other", endpoint="other", method="POST", path="/"), 9))
    assert sorted(run(store, lambda s: s.end_waiting(E, "endpoint_deleted", "It is gone."))) == ["a", "b"]
    job = store.get(E, "a")
    assert (job.state, job.code, job.error) == ("cancelled", "endpoint_deleted", "It is gone.")
    assert state(store, "running") == "running"
    assert store.get("other", "other").state == "queued"
    assert run(store, lambda s: s.end_waiting(E, "x", "y")) == []
    assert finish(store, found.fence)
    assert store.endpoints() == {"other"}


def test_endpoints_with_work_or_dead_jobs_are_found(store):
    for name in ("queued", "running", "dead", "done"):
        run(store, lambda s, name=name: s.submit(NewJob(id="1", endpoint=name, method="POST", path="/"), 9))
    for name, ending in (("dead", "dead"), ("done", "completed"), ("running", None)):
        (found,) = run(store, lambda s, name=name: s.lease(name, "me", 1))
        if ending:
            finish(store, found.fence, state=ending)
    assert store.endpoints() == {"queued", "running", "dead"}
    assert [held.endpoint for held in store.held()] == ["running"]


def test_who_submitted_a_job_is_kept(store):
    submit(store, caller="token-id")
    assert store.get(E, "one").caller == "token-id"


def hooks(*wanted: Hook) -> str:
    return msgspec.json.encode(wanted).decode()


HOOK = hooks(Hook("https://a.example/hook", EVENTS), Hook("https://b.example/"))


def test_a_webhook_is_told_of_the_events_it_wants_in_the_same_transaction(store):

    submit(store, hooks=HOOK)
    (found,) = lease(store)
    store.begin()
    assert store.finish(found.fence, Outcome(state="completed", status=200))
    assert len(store.deliveries(E)) == 3, "one for the start, two for the end"
    store.rollback()
    assert [each.event for each in store.deliveries(E)] == ["started"]
    assert finish(store, found.fence)
    told = store.deliveries(E)
    assert [(each.event, each.url) for each in reversed(told)] == [
        ("started", "https://a.example/hook"),
        ("completed", "https://a.example/hook"),
        ("completed", "https://b.example/"),
    ]
    assert len({each.id for each in told}) == 3
    payload = json.loads(told[0].payload)
    assert payload["type"] == "job.completed"
    assert (payload["data"]["id"], payload["data"]["endpoint"], payload["data"]["status"]) == ("one", E, "completed")


def test_every_way_to_end_is_told(store, clock):
    only = hooks(Hook("https://a.example/", ("completed", "failed", "dead", "cancelled", "retrying")))

    def last(job_id: str) -> str:
        return store.deliveries(E, job=job_id)[0].event

    for job_id in ("cancelled", "deleted", "lost", "late", "again"):
        submit(store, job_id, hooks=only, deadline_s=5 if job_id == "late" else None)
    run(store, lambda s: s.cancel(E, "cancelled"))
    assert last("cancelled") == "cancelled"
    by_id = {each.id: each for each in lease(store, 1) + lease(store, 1)}
    held = next(each for each in store.held() if each.fence == by_id["lost"].fence)
    assert run(store, lambda s: s.expire(held, 1)) == "dead"
    assert last("lost") == "dead"
    clock.ms += 6000
    run(store, lambda s: s.overdue(E))
    assert last("late") == "failed"
    (again,) = [each for each in lease(store, 5) if each.id == "again"]
    run(store, lambda s: s.set_back(again.fence, Setback(cause="release")))
    assert store.deliveries(E, job="again") == [], "what was only given back is no news"
    (again,) = lease(store, 1)
    run(store, lambda s: s.set_back(again.fence, Setback(cause="failure", delay_s=1)))
    assert last("again") == "retrying"


def test_a_message_is_claimed_by_one_and_due_again_if_its_end_is_not_written(store, clock):
    submit(store, hooks=hooks(Hook("https://a.example/")))
    (found,) = lease(store)
    finish(store, found.fence)
    (first,) = run(store, lambda s: s.claim(10, 60.0))
    assert (first.attempt, first.state) == (1, "waiting")
    assert run(store, lambda s: s.claim(10, 60.0)) == []
    clock.ms += 60_000
    (second,) = run(store, lambda s: s.claim(10, 60.0))
    assert (second.id, second.attempt) == (first.id, 2)
    assert not run(store, lambda s: s.delivered(first, 200)), "an older attempt must not speak for a newer one"
    assert run(store, lambda s: s.missed(second, 500, "500", 30.0))
    assert run(store, lambda s: s.claim(10, 60.0)) == []
    clock.ms += 30_000
    (third,) = run(store, lambda s: s.claim(10, 60.0))
    assert run(store, lambda s: s.delivered(third, 204))
    (kept,) = store.deliveries(E, state="delivered")
    assert (kept.status, kept.attempt, kept.error) == (204, 3, "")
    assert run(store, lambda s: s.redeliver("other", third.id)) is None
    assert run(store, lambda s: s.redeliver(E, third.id)).state == "waiting"
    (fourth,) = run(store, lambda s: s.claim(10, 60.0))
    assert run(store, lambda s: s.missed(fourth, None, "refused", None))
    assert store.deliveries(E)[0].state == "failed"
    clock.ms += 2_000_000
    run(store, lambda s: s.sweep(100))
    assert store.deliveries(E) == []
