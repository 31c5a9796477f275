"""Call a running endpoint and print its answer. Streams print as they come."""

from __future__ import annotations

import argparse
import json
import os
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from hotplate.cli import answer as answers
from hotplate.cli import console
from hotplate.cli.parsing import add_output
from hotplate.cli.request_body import Style, build_body
from hotplate.config.values import parse_seconds
from hotplate.errors import HotplateError, SettingError

if TYPE_CHECKING:
    import httpx

EXAMPLES = """\
inputs:
  name=text            a text
  name:=JSON           any other value: count:=3, tags:='["a", "b"]', box:=@box.json
  name=@FILE           media: {"data": base64}, or a part of the form with --form
  '{"name": "text"}'   the whole body; also @body.json, or - for stdin

examples:
  hotplate invoke prompt="Hello world!"
  hotplate invoke image=@photo.jpg --save boxes.jpg
  hotplate invoke https://models.example.com/infer count:=3 -o json
  hotplate invoke /infer-form-data --form file=@audio.wav metadata=short"""


class CallFailed(HotplateError):
    """The endpoint gave no good answer."""

    code = "call_failed"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `invoke`."""
    parser.usage = "%(prog)s [URL | /ROUTE] [INPUT ...] [options]"
    parser.epilog = EXAMPLES
    parser.add_argument(
        "words", nargs="*", metavar="URL | /ROUTE | INPUT", help="Where to (default: /infer on this machine), and what"
    )
    parser.add_argument("-p", "--port", type=int, metavar="N", help="Port on this machine (default 8080)")
    styles = parser.add_mutually_exclusive_group()
    styles.add_argument("--form", action="store_true", help="Send multipart/form-data instead of JSON")
    styles.add_argument("--raw", action="store_true", help="Send @FILE or stdin as the body, as it is")
    parser.add_argument("--save", metavar="FILE", help="Write the answer's media to a file (PLACE=FILE if several)")
    parser.add_argument("--accept", metavar="TYPE", help="Media type to ask for, such as image/png")
    parser.add_argument("--timeout", default="15m", metavar="TIME", help="Longest wait (default 15m)")
    add_output(parser)


def main(args: argparse.Namespace) -> int:
    """Send the call and print the answer. Gives 1 when the endpoint answers with an error."""
    url, words = _target(list(args.words), args.port)
    style: Style = "form" if args.form else "raw" if args.raw else "json"
    body = build_body(words, style)
    try:
        timeout_s = parse_seconds(args.timeout)
    except ValueError as error:
        raise SettingError(f"--timeout {error}.") from None
    headers = {"accept": args.accept or "*/*"}
    if body.content_type:
        headers["content-type"] = body.content_type
    if token := os.environ.get("HOTPLATE_TOKEN"):
        headers["authorization"] = f"Bearer {token}"

    # A proxy that the environment names cannot reach this machine's own loopback.
    local = _host(url) in ("127.0.0.1", "localhost", "::1")
    import httpx

    try:
        with (
            httpx.Client(timeout=timeout_s, trust_env=not local, verify=_trust(url)) as client,
            client.stream("POST", url, headers=headers, content=body.content, files=body.parts) as response,
        ):
            return _show(response, args)
    except httpx.ConnectError as error:
        hint = "Is it running? `hotplate run` starts one." if local else "Check the address."
        raise CallFailed(f"Cannot connect to {url}: {error}. {hint}") from None
    except httpx.TimeoutException:
        raise CallFailed(f"{url} did not answer within {args.timeout}.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CallFailed(f"The call to {url} failed: {error or type(error).__name__}.") from None


def _target(words: list[str], port: int | None) -> tuple[str, list[str]]:
    """The URL, and the words that are left."""
    base = f"http://127.0.0.1:{port or os.environ.get('HOTPLATE_PORT') or 8080}"
    if port is None and os.environ.get("HOTPLATE_URL"):  # set by `hotplate run --command`
        base = os.environ["HOTPLATE_URL"].rstrip("/")
    first = words[0] if words else ""
    if first.startswith(("http://", "https://")):
        rest = first.partition("//")[2].partition("/")[2]
        return first if rest else first.rstrip("/") + "/infer", words[1:]
    if first.startswith("/") or (first and first[0] not in '{["@-' and "=" not in first):
        return f"{base}/{first.removeprefix('/')}", words[1:]
    return f"{base}/infer", words


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError as error:
        raise CallFailed(f"{url} is no URL: {error}.") from None


def _trust(url: str) -> ssl.SSLContext | bool:
    """The machine's certificates for https. Reading them takes longer than a call to this machine, which needs none."""
    return url.startswith("https://") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _show(response: httpx.Response, args: argparse.Namespace) -> int:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code >= 400:
        raise CallFailed(_reason(response, response.read()))
    if kind == "text/event-stream":
        return _show_stream(response, as_json=args.output == "json")
    data = response.read()
    if kind != "application/json" and not kind.endswith("+json"):
        return _show_bytes(data, kind, args)
    try:
        value = json.loads(data)
    except ValueError:
        raise CallFailed(f"{response.url} calls its answer JSON, but it is not.") from None
    if args.save:
        path, size = answers.save_media(answers.unwrap(value), args.save)
        console.err(f"Saved {path} ({size:,} bytes).")
    if args.output == "json":
        console.out_json(value)
    else:
        console.out(answers.readable(answers.unwrap(value)))
    return 0


def _show_bytes(data: bytes, kind: str, args: argparse.Namespace) -> int:
    if args.save:
        path, size = answers.write_file(args.save.rpartition("=")[2], data)
        console.err(f"Saved {path} ({size:,} bytes).")
    elif kind.startswith("text/"):
        console.out(data.decode(errors="replace"))
    elif console.is_interactive():
        raise CallFailed(f"The answer is {kind or 'of no stated type'}: write it to a file with --save FILE.")
    else:
        console.out_bytes(data)
    return 0


def _show_stream(response: httpx.Response, *, as_json: bool) -> int:
    from itertools import chain

    from hotplate.client.sse import EventParser

    inside_text = False
    parser = EventParser()
    pieces = (parser.feed(chunk) for chunk in response.iter_bytes())
    for event in chain(chain.from_iterable(pieces), parser.close()):
        if event.data == "[DONE]":
            break
        if event.name == "error":
            if inside_text:
                console.out()
            raise CallFailed(f"The stream broke off: {_detail(event.data)}")
        if as_json:
            console.out(event.data)
            continue
        try:
            value = answers.unwrap(json.loads(event.data))
        except ValueError:
            value = event.data
        # Pieces of text belong to one text; other values stand on a line each.
        inside_text = isinstance(value, str)
        console.out(answers.readable(value), end="" if inside_text else "\n")
    if inside_text:
        console.out()
    return 0


def _reason(response: httpx.Response, data: bytes) -> str:
    text = f"{response.status_code} {response.reason_phrase}".strip()
    detail = _detail(data.decode(errors="replace"))
    retry = response.headers.get("retry-after")
    wait = f" Try again in {retry} s." if retry else ""
    found = response.headers.get("x-request-id") if response.status_code >= 500 else None
    where = f"\nThe server's log has more under request {found}." if found else ""
    return f"{text} from {response.url.path}: {detail}{wait}{where}"


def _detail(text: str) -> str:
    """What an error body says, for people: every wrong field on a line of its own."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return text.strip()[:500] or "no more was said"
    detail: Any = cast("Mapping[str, Any]", value).get("detail", value) if isinstance(value, Mapping) else value
    if not isinstance(detail, list):
        return detail if isinstance(detail, str) else json.dumps(detail)
    lines: list[str] = []
    for item in cast("list[Any]", detail):
        if isinstance(item, Mapping) and "msg" in item:
            fields = cast("Mapping[str, Any]", item)
            place = ".".join(str(part) for part in fields.get("loc", ()))
            lines.append(f"{place}: {fields['msg']}" if place else str(fields["msg"]))
        else:
            lines.append(json.dumps(item))
    return lines[0] if len(lines) == 1 else "".join(f"\n  {line}" for line in lines)
