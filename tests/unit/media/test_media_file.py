"""File: what code written for an upload expects of it, called plainly and awaited."""

from __future__ import annotations

import asyncio

from hotplate.media import File


def test_it_has_what_an_upload_has() -> None:
    file = File.from_bytes(b"0123456789", "audio/wav", "../a b.wav")
    assert (file.filename, file.content_type, file.size) == ("../a b.wav", "audio/wav", 10)
    assert file.file.read(3) == b"012"
    assert file.file is file.file


def test_read_works_in_plain_code() -> None:
    file = File.from_bytes(b"0123456789")
    assert (file.read(4), file.read(), file.read()) == (b"0123", b"456789", b"")
    assert file.seek(8) == 8
    assert file.read().hex() == b"89".hex()
    assert isinstance(file.read(), bytes)


def test_read_works_awaited() -> None:
    async def use() -> None:
        file = File.from_bytes(b"0123456789")
        head = await file.read(4)
        assert type(head) is bytes
        assert (head, await file.read()) == (b"0123", b"456789")
        assert await file.seek(0) == 0
        assert (await file.read(1)) == b"0"
        await file.close()

    asyncio.run(use())


def test_a_file_from_json_has_no_name() -> None:
    file = File.from_wire({"data": "aGVsbG8="})
    assert (file.filename, file.content_type, file.size, file.read()) == (None, "application/octet-stream", 5, b"hello")


def test_closing_keeps_the_bytes() -> None:
    file = File.from_bytes(b"abc")
    file.close()
    assert file.to_bytes() == b"abc"
