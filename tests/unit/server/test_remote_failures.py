"""A replica on another machine that breaks off, lies, hangs or goes away: what its calls become (HTTP alone)."""

from __future__ import annotations

import asyncio

import pytest
from support.remote_rig import ANSWER, RemoteRig, Scripted, run, write_chunk

from hotplate.server.remote.process import Probing

LARGE = b"x" * 8_000_000


async def read_body(head, reader):
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return await reader.readexactly(length)


def answers(*replies: bytes, close: bool = False, reset: bool = False):
    """A script that reads a call and answers with the next of these; the last is repeated."""
    left = list(replies)

    async def script(head, reader, writer):
        await read_body(head, reader)
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        await asyncio.sleep(0.02)
        if reset:
            writer.transport.abort()
        if close:
            writer.close()

    return script


def test_calls_share_a_connection_that_is_kept():
    async def scenario(rig):
        for _ in range(5):
            status, body, extra = await rig.call()
            assert (status, body) == (200, b"42")
            assert extra == b"content-type: application/json\r\nx-request-id: a\r\n"
        assert rig.scripted.connections == 1

    run(scenario, Scripted(answers(ANSWER)))


PATIENT = Probing(interval_s=0.4, timeout_s=0.4, failures=1000)
HEAD = b"HTTP/1.1 200 OK\r\n"
LOST = {
    "nothing": b"",
    "half a head": HEAD + b"content-le",
    "half an answer": HEAD + b"content-length: 10\r\n\r\n1234",
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no length": HEAD + b"connection: close\r\n\r\n42",
    "two lengths": HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n42",
    "a length and chunks": HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n42\r\n0\r\n\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n42",
    "a head without an end": HEAD + b"a: " + b"b" * 300_000,
    "an answer that is too large": HEAD + b"content-length: 99999999999\r\n\r\n42",
    "a control character": HEAD + b"a: b\x01c\r\ncontent-length: 2\r\n\r\n42",
}


@pytest.mark.parametrize("what", LOST)
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_an_answer_that_is_none_is_502_once_and_the_next_call_is_well(what, reset):
    async def scenario(rig):
        caller = rig.send()
        status, _, _ = await asyncio.wait_for(caller.done, 10)
        assert (status, caller.code) == (502, "worker_lost")
        assert len(rig.scripted.calls) == 1, "what may have run is not sent again"
        await rig.until(lambda: rig.log.has("worker 1 at node-7 was cut off while it ran 1 call"), "the event")
        rig.scripted.script = answers(ANSWER)
        assert (await rig.call())[:2] == (200, b"42")
        assert not rig.link.pending
        assert rig.endpoint.lost_calls == 1

    run(scenario, Scripted(answers(LOST[what], close=not reset, reset=reset)))


def test_a_stream_that_breaks_off_is_cut():
    async def script(head, reader, writer):
        await read_body(head, reader)
        writer.write(HEAD + b"transfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n")
        write_chunk(writer, b"data: 1\n\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    async def scenario(rig):
        caller = rig.send()
        assert await asyncio.wait_for(caller.done, 10) == (502, b"cut", b"")
        assert caller.opened == (200, b"content-type: text/event-stream\r\n")
        assert caller.pieces == [b"data: 1\n\n"]

    run(scenario, Scripted(script))


def test_an_early_answer_to_a_large_body_is_passed_on_and_the_connection_is_not_used_again():
    async def script(head, reader, writer):
        await reader.readexactly(1000)  # and no more of it
        writer.write(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\n{}")
        await asyncio.sleep(3600)

    async def scenario(rig):
        assert (await rig.call(LARGE))[:2] == (413, b"{}")
        rig.scripted.script = answers(ANSWER)
        assert (await rig.call())[:2] == (200, b"42")
        assert rig.scripted.connections == 2

    run(scenario, Scripted(script))


def test_a_large_body_goes_out_as_fast_as_it_is_taken_and_a_large_answer_comes_whole():
    async def script(head, reader, writer):
        body = b""
        while len(body) < len(LARGE):
            body += await reader.read(500_000)
            await asyncio.sleep(0.005)
        writer.write(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body[::-1])
        await writer.drain()

    async def scenario(rig):
        body = bytes(range(256)) * (len(LARGE) // 256)
        status, answer, _ = await rig.call(body)
        assert (status, answer) == (200, body[::-1])

    global LARGE
    before, LARGE = LARGE, LARGE[: len(LARGE) // 256 * 256]
    try:
        run(scenario, Scripted(script))
    finally:
        LARGE = before


def test_a_connection_that_was_closed_meanwhile_costs_no_call():
    async def scenario(rig):
        for _ in range(3):
            assert (await rig.call())[:2] == (200, b"42")
            await asyncio.sleep(0.1)  # the replica closes after each answer
        assert rig.scripted.connections == 3
        assert not rig.log.has("was cut off")

    run(scenario, Scripted(answers(ANSWER, close=True)))


def test_bytes_that_follow_an_answer_are_no_answer_to_the_next_call():
    async def scenario(rig):
        assert (await rig.call())[:2] == (200, b"42")
        assert (await rig.call())[:2] == (200, b"17")
        assert rig.scripted.connections == 2

    second = ANSWER.replace(b"42", b"66")
    run(scenario, Scripted(answers(ANSWER + second, ANSWER.replace(b"42", b"17"))))


def test_a_call_that_nobody_took_waits_until_the_replica_can_be_reached_again():
    async def scenario(rig):
        assert (await rig.call())[0] == 200
        await rig.scripted.close()
        await asyncio.sleep(0.1)
        caller = rig.send()
        await rig.until(lambda: not rig.link.ready, "doubt")
        assert rig.log.has("worker 1 at node-7 cannot be reached")
        assert not caller.done.done()
        await rig.scripted.open()
        assert (await asyncio.wait_for(caller.done, 10))[:2] == (200, b"42")
        assert len(rig.processes) == 1

    run(scenario, Scripted(answers(ANSWER, close=True)), probing=PATIENT)


async def silent(head, reader, writer):
    await asyncio.sleep(3600)


def test_a_replica_that_falls_silent_gets_no_calls_within_three_seconds():
    async def scenario(rig):
        caller = rig.send()
        await rig.until(lambda: rig.scripted.calls, "the call")
        rig.scripted.silent = True
        await rig.until(lambda: not rig.link.ready, "doubt", 3.0)
        assert rig.log.has("it has said nothing for 2 s")
        rig.scripted.silent = False
        await rig.until(lambda: rig.link.ready, "trust")
        assert not caller.done.done(), "it may still be answered"
        rig.endpoint.cancel(caller.exchange)

    run(scenario, Scripted(silent), probing=PATIENT)


def test_a_replica_that_answers_no_more_is_lost_and_replaced():
    async def scenario(rig):
        caller = rig.send()
        await rig.until(lambda: rig.scripted.calls, "the call")
        rig.scripted.silent = True
        status, _, _ = await asyncio.wait_for(caller.done, 10)
        assert (status, caller.code) == (502, "worker_lost")
        rig.scripted.silent, rig.scripted.script = False, answers(ANSWER)
        await rig.until(lambda: len(rig.processes) == 2, "another one")
        assert [cell.name for cell in rig.target.ended] == ["c1"], "its cell is ended: it may live on unseen"
        assert (await rig.call())[:2] == (200, b"42")
        assert rig.log.has("error: worker 1 was lost: no answer within 0.4 s, 3 times in a row while it ran 1 call")

    run(scenario, Scripted(silent))


@pytest.mark.parametrize(
    ("own", "said", "counts"),
    [(False, "was lost: node-7 is gone", (0, 1)), (True, "crashed: its process was killed by signal 9", (1, 0))],
)
def test_a_replica_that_went_with_its_place_is_told_apart_from_one_that_crashed(own, said, counts):
    async def scenario(rig):
        caller = rig.send()
        await rig.until(lambda: rig.scripted.calls, "the call")
        rig.target.lost(said.partition(": ")[2], own=own)
        status, _, _ = await asyncio.wait_for(caller.done, 10)
        assert (status, caller.code) == (502, "worker_lost")
        await rig.until(lambda: rig.log.has(f"error: worker 1 {said} while it ran 1 call"), "the event")
        assert (rig.endpoint.restarts, rig.endpoint.losses) == counts
        await rig.until(lambda: len(rig.processes) == 2, "another one")

    run(scenario, Scripted(silent))


def test_a_caller_who_leaves_ends_the_call_and_its_slot_comes_back_when_the_replica_says_so():
    closed = asyncio.Event()

    async def waits(head, reader, writer):
        await read_body(head, reader)
        rig_of[0].scripted.abandoned = 1
        if await reader.read(1) == b"":
            closed.set()
        raise asyncio.IncompleteReadError(b"", 1)

    rig_of: list[RemoteRig] = []

    async def scenario(rig):
        rig_of.append(rig)
        caller = rig.send()
        await rig.until(lambda: rig.scripted.abandoned, "the call")
        rig.endpoint.cancel(caller.exchange)
        await asyncio.wait_for(closed.wait(), 20)
        await asyncio.sleep(0.4)
        assert len(rig.link.pending) == 1, "the replica still runs it"
        rig.scripted.abandoned = 0
        await rig.until(lambda: not rig.link.pending, "the slot")

    run(scenario, Scripted(waits))


def test_what_the_replica_did_not_begin_is_begun_again():
    refused = b"HTTP/1.1 503 Service Unavailable\r\nx-hotplate-refused: unavailable\r\ncontent-length: 2\r\n\r\n{}"

    async def scenario(rig):
        assert (await rig.call())[:2] == (200, b"42")
        assert len(rig.scripted.calls) == 2
        assert rig.log.has("it refused a call (unavailable)")

    run(scenario, Scripted(answers(refused, ANSWER)))


def test_a_worker_that_died_there_is_told_as_one_that_died_here():
    lost = (
        b"HTTP/1.1 502 Bad Gateway\r\nx-hotplate-refused: worker_lost\r\nx-hotplate-output: bGFzdCB3b3Jkcw==\r\n"
        b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    )

    async def scenario(rig):
        caller = rig.send()
        status, _, extra = await asyncio.wait_for(caller.done, 20)
        assert (status, caller.code, rig.endpoint.lost_calls) == (502, "worker_lost", 1)
        assert extra == b"content-type: application/json\r\n"

    run(scenario, Scripted(answers(lost)))


def test_progress_comes_before_the_answer():
    interim = b"HTTP/1.1 102 Processing\r\nx-hotplate-progress: 0.5 aGFsZg==\r\n\r\n"

    async def scenario(rig):
        caller = rig.send()
        assert (await asyncio.wait_for(caller.done, 20))[:2] == (200, b"42")
        assert caller.steps == [(0.5, "half")]

    run(scenario, Scripted(answers(interim + ANSWER)))


def test_a_stream_is_read_no_faster_than_its_caller_takes_it():
    sent = 0

    async def script(head, reader, writer):
        nonlocal sent
        await read_body(head, reader)
        writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        for _ in range(400):
            write_chunk(writer, b"x" * 65536)
            await writer.drain()
            sent += 65536
        writer.write(b"0\r\n\r\n")
        await asyncio.sleep(3600)

    async def scenario(rig):
        caller = rig.send(greedy=False)
        await rig.until(lambda: caller.pieces, "the first piece")
        await asyncio.sleep(0.5)
        held = sum(map(len, caller.pieces))
        assert held < 4_000_000, "the rest stays in the network"
        assert sent < 26_000_000
        taken = 0
        while not caller.done.done():
            while taken < len(caller.pieces):
                caller.exchange.plan.consumed(caller.exchange, len(caller.pieces[taken]))
                taken += 1
            await asyncio.sleep(0.001)
        assert sum(map(len, caller.pieces)) == 400 * 65536

    run(scenario, Scripted(script))
