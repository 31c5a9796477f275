"""Who is told, how it is signed, how long a message waits for its next attempt."""

from __future__ import annotations

import pytest

from hotplate.config.settings import Settings
from hotplate.edge.head import HeadRules, parse_head
from hotplate.errors import InvalidInput, JobError, SettingError
from hotplate.jobs.records import Delivery
from hotplate.jobs.webhooks import (
    BACKOFF_MOST_S,
    backoff_s,
    check_settings,
    find_secret,
    make_secret,
    read_hooks,
    read_secret,
    signed,
)


def head(*lines: str):
    text = "".join(f"{line}\r\n" for line in ("POST / HTTP/1.1", "host: localhost", *lines)) + "\r\n"
    return parse_head(text.encode(), HeadRules())


def test_the_signature_is_that_of_the_specification():
    # The example of the Standard Webhooks specification, "Signature scheme".
    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    message = Delivery(
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        endpoint="e",
        job="j",
        event="dead",
        url="",
        payload='{"test": 2432232314}',
        attempt=3,
    )
    headers = signed(message, key, 1614265330)
    assert headers["Webhook-Signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (headers["Webhook-Id"], headers["Webhook-Timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")


@pytest.mark.parametrize("text", ["", "abc", "whsec_", "whsec_???", "whsec_YWJj", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_what_is_no_secret_is_refused(text):
    with pytest.raises(SettingError, match="whsec_"):
        read_secret(text)


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    first = find_secret(tmp_path, Settings())
    assert find_secret(tmp_path, Settings()) == first
    assert (tmp_path / "webhook-secret").stat().st_mode & 0o077 == 0
    other = make_secret()
    assert find_secret(tmp_path, Settings(webhook_secret=other)) == read_secret(other) != first


def test_a_job_tells_the_endpoints_webhook_and_its_own():
    assert read_hooks(head(), Settings()) == ""
    own = Settings(webhook="https://a.example/", webhook_events=("dead",))
    both = read_hooks(head("hotplate-webhook: https://b.example/", "hotplate-webhook-events: started"), own)
    assert both == '[{"url":"https://a.example/","events":["dead"]},{"url":"https://b.example/","events":["started"]}]'


@pytest.mark.parametrize(
    "settings",
    [
        Settings(webhook="nonsense"),
        Settings(webhook="https://a.example/", webhook_events=("done",)),
        Settings(webhook_secret="whsec_x"),
    ],
)
def test_what_would_fail_with_each_submit_is_refused_at_the_start(settings):
    with pytest.raises(SettingError):
        check_settings(settings)


def test_unknown_events_are_named():
    with pytest.raises(JobError, match="no event 'ended'"):
        read_hooks(head("hotplate-webhook: https://b.example/", "hotplate-webhook-events: ended"), Settings())


def test_pauses_grow_to_a_limit():
    assert [backoff_s(attempt) for attempt in (0, 1, 4)] == [1.0, 2.0, 16.0]
    assert backoff_s(10**6) == BACKOFF_MOST_S


@pytest.mark.parametrize(
    "limits",
    [
        {"webhook": "nonsense"},
        {"webhook": 3},
        {"webhook_events": ["done"]},
        {"webhook_events": "dead"},
        {"job_attempts": 0},
        {"job_timeout_s": "long"},
    ],
)
def test_an_endpoint_takes_no_webhook_that_could_not_be_told(limits):
    from hotplate.control.settings import read_settings

    with pytest.raises(InvalidInput):
        read_settings({"limits": limits})
