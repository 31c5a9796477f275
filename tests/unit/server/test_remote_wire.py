"""The connection that carries many small calls to a replica at once: its losses, and what does not go there."""

from __future__ import annotations

import asyncio

from support.remote_rig import ANSWER, Scripted, run

from hotplate.wire import frames
from hotplate.wire.frames import CANCEL, CHUNK, END, OPEN, PROGRESS, REQUEST, RESPONSE, Progress, encode_meta
from hotplate.wire.layout import HEADER
from hotplate.wire.remote import CUT, REFUSAL, UNTIMED, Refused, encode_refused


async def frame_of(reader):
    size, call_id, kind, flags, code, meta, stamp = HEADER.unpack(await reader.readexactly(HEADER.size))
    data = await reader.readexactly(size)
    return call_id, kind, flags, code, data[:meta], data[meta:], stamp


def answer(call_id, body=b"42"):
    return frames.frame(RESPONSE, call_id=call_id, code=200, meta=b"x-request-id: a\r\n", body=body)


async def echo(head, reader, writer):
    while True:
        call_id, kind, *_, body, _ = await frame_of(reader)
        if kind == REQUEST:
            writer.write(answer(call_id, body))


async def no_http(head, reader, writer):
    raise AssertionError("this call should have gone by the shared connection")


def test_small_calls_share_it_and_large_ones_do_not():
    async def http(head, reader, writer):
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        writer.write(ANSWER)

    async def scenario(rig):
        found = await asyncio.gather(*(rig.call(b"%d" % n) for n in range(300)))
        assert [body for _, body, _ in found] == [b"%d" % n for n in range(300)]
        assert {extra for *_, extra in found} == {b"x-request-id: a\r\n"}
        assert rig.scripted.calls == []
        assert (await rig.call(b"x" * 200_000))[:2] == (200, b"42")
        assert len(rig.scripted.calls) == 1
        assert not rig.link.pending

    run(scenario, Scripted(http, echo))


def test_its_loss_fails_what_was_sent_and_it_is_opened_again():
    opened = 0

    async def wire(head, reader, writer):
        nonlocal opened
        opened += 1
        if opened > 1:
            return await echo(head, reader, writer)
        call_id, *_ = await frame_of(reader)
        writer.write(frames.frame(OPEN, call_id=call_id, code=200, meta=b"a: b\r\n"))
        writer.write(frames.frame(CHUNK, call_id=call_id, body=b"one"))
        await frame_of(reader)
        writer.transport.abort()

    async def scenario(rig):
        rig.link.capacity = rig.link.window = 2
        stream, call = rig.send(), rig.send()
        assert await asyncio.wait_for(stream.done, 20) == (502, b"cut", b"")
        assert (stream.opened, stream.pieces) == ((200, b"a: b\r\n"), [b"one"])
        assert (await asyncio.wait_for(call.done, 20))[0] == 502
        assert call.code == "worker_lost"
        await rig.until(lambda: rig.log.has("was cut off while it ran 2 calls"), "the event")
        assert rig.endpoint.lost_calls == 2
        assert (await rig.call(b"7"))[:2] == (200, b"7")
        assert opened == 2
        assert len(rig.processes) == 1

    run(scenario, Scripted(no_http, wire))


def test_what_was_not_begun_is_begun_again():
    refused = 0

    async def wire(head, reader, writer):
        nonlocal refused
        while True:
            call_id, *_, body, _ = await frame_of(reader)
            if not refused:
                refused += 1
                meta = encode_refused(Refused("unavailable", "", b""))
                writer.write(frames.frame(REFUSAL, call_id=call_id, code=503, meta=meta))
            else:
                writer.write(answer(call_id, body))

    async def scenario(rig):
        assert (await rig.call(b"7"))[:2] == (200, b"7")

    run(scenario, Scripted(no_http, wire))


def test_refusals_progress_and_cut_streams_are_told_as_those_of_a_worker_here():
    async def wire(head, reader, writer):
        call_id, *_ = await frame_of(reader)
        writer.write(frames.frame(PROGRESS, call_id=call_id, meta=encode_meta(Progress(0.5, "half"))))
        meta = encode_refused(Refused("worker_lost", "last words", b"a: b\r\n"))
        writer.write(frames.frame(REFUSAL, call_id=call_id, code=502, meta=meta, body=b"{}"))
        call_id, *_ = await frame_of(reader)
        writer.write(frames.frame(OPEN, call_id=call_id, code=200))
        writer.write(frames.frame(CUT, call_id=call_id, code=502))
        call_id, *_ = await frame_of(reader)
        writer.write(frames.frame(OPEN, call_id=call_id, code=200) + frames.frame(END, call_id=call_id, code=200))
        await asyncio.sleep(3600)

    async def scenario(rig):
        first = rig.send()
        assert await asyncio.wait_for(first.done, 20) == (502, b"{}", b"a: b\r\n")
        assert (first.code, first.steps) == ("worker_lost", [(0.5, "half")])
        assert (await rig.call())[:2] == (502, b"cut")
        assert (await rig.call())[:2] == (200, b"whole")
        assert rig.endpoint.lost_calls == 2

    run(scenario, Scripted(no_http, wire))


def test_a_call_that_is_given_up_is_cancelled_and_its_late_answer_is_nobodys():
    seen = []

    async def wire(head, reader, writer):
        call_id, *_ = await frame_of(reader)
        seen.append(await frame_of(reader))
        writer.write(answer(call_id))
        await echo(head, reader, writer)

    async def scenario(rig):
        caller = rig.send()
        await asyncio.sleep(0.05)
        rig.endpoint.cancel(caller.exchange)
        await rig.until(lambda: seen, "the frame")
        assert seen[0][:2] == (caller.exchange.call_id, CANCEL)
        assert (await rig.call(b"7"))[:2] == (200, b"7")
        await rig.until(lambda: not rig.link.pending, "the slot")
        assert not caller.done.done()

    run(scenario, Scripted(no_http, wire))


def test_what_is_no_frame_ends_it():
    opened = 0

    async def wire(head, reader, writer):
        nonlocal opened
        opened += 1
        if opened == 1:
            await frame_of(reader)
            writer.write(b"\xff" * 64)
            await asyncio.sleep(3600)
        await echo(head, reader, writer)

    async def scenario(rig):
        assert (await rig.call())[0] == 502
        assert (await rig.call(b"7"))[:2] == (200, b"7")

    run(scenario, Scripted(no_http, wire))


def test_it_says_how_long_a_call_has_waited_and_whose_time_counts():
    seen = []

    async def wire(head, reader, writer):
        while True:
            found = await frame_of(reader)
            seen.append(found)
            writer.write(answer(found[0]))

    async def scenario(rig):
        caller = rig.send(submit=False)
        caller.exchange.received_ns -= 300_000_000
        rig.endpoint.submit(caller.exchange)
        await caller.done
        caller = rig.send(submit=False)
        caller.exchange.plan.deadline_ns = 0  # a job's
        rig.endpoint.submit(caller.exchange)
        await caller.done
        assert 300_000_000 <= seen[0][-1] < 2_000_000_000
        assert [found[2] for found in seen] == [0, UNTIMED]

    run(scenario, Scripted(no_http, wire))
