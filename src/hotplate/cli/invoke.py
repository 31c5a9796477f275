"""Call a running endpoint, or a project without one, and print the answer. Streams print as they come."""

from __future__ import annotations

import argparse
import os
import ssl
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hotplate.cli import answer as answers
from hotplate.cli.opening import add_reading
from hotplate.cli.parsing import Parser, add_output
from hotplate.cli.request_body import Style, build_body
from hotplate.config.values import parse_seconds
from hotplate.errors import InvalidInput, SettingError

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
  hotplate invoke --name face-detector image=@photo.jpg      a deployed endpoint
  hotplate invoke https://models.example.com/infer count:=3 -o json
  hotplate invoke /infer-form-data --form file=@audio.wav metadata=short
  hotplate invoke --local my-project caption image=@photo.jpg
  hotplate invoke --local --model-name my_model predict --image photo.jpg --top 3"""


def configure(parser: Parser) -> None:
    """Add the options of `invoke`."""
    parser.usage = (
        "%(prog)s [URL | /ROUTE] [INPUT ...] [options]\n"
        "       %(prog)s --local [PATH | FILE:FUNCTION] [ROUTE] [INPUT ...] [options]"
    )
    parser.before = _inputs_of_options
    parser.epilog = EXAMPLES
    parser.add_argument(
        "words", nargs="*", metavar="URL | /ROUTE | INPUT", help="Where to (default: /infer on this machine), and what"
    )
    parser.add_argument("--name", metavar="NAME", help="A deployed endpoint of this machine")
    parser.add_argument("-p", "--port", type=int, metavar="N", help="Port on this machine (default 8080)")
    styles = parser.add_mutually_exclusive_group()
    styles.add_argument("--form", action="store_true", help="Send multipart/form-data instead of JSON")
    styles.add_argument("--raw", action="store_true", help="Send @FILE or stdin as the body, as it is")
    parser.add_argument("--save", metavar="FILE", help="Write the answer's media to a file (PLACE=FILE if several)")
    parser.add_argument("--accept", metavar="TYPE", help="Media type to ask for, such as image/png")
    parser.add_argument("--timeout", default="15m", metavar="TIME", help="Longest wait (default 15m)")
    parser.add_argument(
        "--local",
        action="store_true",
        help="Load the project and call it here, without a server; inputs may also be options, as for deepaas-cli",
    )
    parser.add_argument("--deepaas_method_output", metavar="FILE", dest="method_output", help=argparse.SUPPRESS)
    for name in ("--deepaas_with_multiprocessing", "--nodeepaas_with_multiprocessing"):
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)
    add_output(parser)
    add_reading(parser)


def main(args: argparse.Namespace) -> int:
    """Send the call and print the answer. Gives 1 when the endpoint answers with an error."""
    if args.local:
        from hotplate.cli.local import invoke_local

        style: Style = "form" if args.form else "raw" if args.raw else "json"
        return invoke_local(args, args.words, style)
    for option in ("route", "dialect", "service_module", "service_class", "api"):
        if getattr(args, option):
            text = f"--{option.replace('_', '-')} says how a project is read, so it goes with --local."
            raise SettingError(text, hint="A route of a server is named by its path: hotplate invoke /ROUTE name=text")
    url, words, token, base = _target(list(args.words), args.port, args.name)
    style = "form" if args.form else "raw" if args.raw else "json"
    body = build_body(words, style)
    try:
        timeout_s = parse_seconds(args.timeout)
    except ValueError as error:
        raise SettingError(f"--timeout {error}.") from None
    headers = {"accept": args.accept or "*/*"}
    if body.content_type:
        headers["content-type"] = body.content_type
    if token:
        headers["authorization"] = f"Bearer {token}"

    # A proxy that the environment names cannot reach this machine's own loopback.
    host = _host(url) or ""
    local = host in ("127.0.0.1", "localhost", "::1") or host.endswith(".localhost")
    import httpx

    from hotplate.client.transport import opened

    settings: dict[str, Any] = {"timeout": timeout_s, "trust_env": not local, "verify": _trust(url)}
    try:
        with (
            opened(httpx.Client, settings) as client,
            client.stream("POST", url, headers=headers, content=body.content, files=body.parts) as response,
        ):
            if response.status_code == 404 and base:
                reason = _reason(response, response.read())
                raise answers.CallFailed(reason + _other_routes(base, headers, verify=_trust(url), local=local))
            return _show(response, args)
    except httpx.ConnectError as error:
        hint = "Is it running? `hotplate run` starts one." if local else "Check the address."
        raise answers.CallFailed(f"Cannot connect to {url}: {error}. {hint}") from None
    except httpx.TimeoutException:
        raise answers.CallFailed(f"{url} did not answer within {args.timeout}.") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise answers.CallFailed(f"The call to {url} failed: {error or type(error).__name__}.") from None


def _inputs_of_options(parser: Parser, words: Sequence[str]) -> list[str]:
    """With --local, options that are none of `invoke` are inputs: `--times 3`, `--times=3`. See `local.py`."""
    if "--local" not in words:
        return list(words)
    known = {option for action in parser.every_action() for option in action.option_strings}
    found: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if not name.startswith("--") or name == "--" or name in known:
            found.append(word)
        elif equals or (rest and not rest[0].startswith("--")):
            found.append(f"{name[2:]}\0{value if equals else rest.pop(0)}")
        else:
            raise InvalidInput(f"{name} needs a value: it is no option of `hotplate invoke`, and so an input.")
    return found


def _target(words: list[str], port: int | None, name: str | None) -> tuple[str, list[str], str, str]:
    """The URL, the words that are left, the token to send, and where the endpoint's routes are, if that is known."""
    from hotplate.client.installation import find_server, token_for

    first = words[0] if words else ""
    if name:
        from hotplate.deployment.names import check_endpoint

        if port or first.startswith(("http://", "https://")):
            raise SettingError("--name is an endpoint of this machine, so it goes without a URL and --port.")
        place = find_server()
        base, token = f"{place.url}/{check_endpoint(name)}", place.token
    else:
        base, token = f"http://127.0.0.1:{port or os.environ.get('HOTPLATE_PORT') or 8080}", None
        if port is None and os.environ.get("HOTPLATE_URL"):  # set by `hotplate run --command`
            base = os.environ["HOTPLATE_URL"].rstrip("/")
    url, left = f"{base}/infer", words
    if first.startswith(("http://", "https://")):
        rest = first.partition("//")[2].partition("/")[2]
        base = "" if rest else first.rstrip("/")
        url, left = first if rest else f"{base}/infer", words[1:]
    elif first.startswith("/") or (first and first[0] not in '{["@-' and "=" not in first):
        url, left = f"{base}/{first.removeprefix('/')}", words[1:]
    return url, left, token_for(url) if token is None else token, base


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError as error:
        raise answers.CallFailed(f"{url} is no URL: {error}.") from None


def _trust(url: str) -> ssl.SSLContext | bool:
    """The machine's certificates for https. Reading them takes longer than a call to this machine, which needs none."""
    return url.startswith("https://") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _show(response: httpx.Response, args: argparse.Namespace) -> int:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if response.status_code >= 400:
        raise answers.CallFailed(_reason(response, response.read()))
    if kind == "text/event-stream":
        return _show_stream(response, as_json=args.output == "json")
    return answers.show(response.read(), kind, args, str(response.url))


def _show_stream(response: httpx.Response, *, as_json: bool) -> int:
    from itertools import chain

    from hotplate.client.sse import EventParser

    pieces = answers.Pieces(as_json=as_json)
    parser = EventParser()
    events = (parser.feed(chunk) for chunk in response.iter_bytes())
    for event in chain(chain.from_iterable(events), parser.close()):
        if event.data == "[DONE]":
            break
        if event.name == "error":
            pieces.end()
            raise answers.CallFailed(f"The stream broke off: {answers.detail(event.data)}")
        pieces.show(event.data)
    pieces.end()
    return 0


def _other_routes(base: str, headers: Mapping[str, str], *, verify: ssl.SSLContext | bool, local: bool) -> str:
    """What else could be called, by the endpoint's own description: a project of functions need not have `/infer`."""
    import httpx

    try:
        told = {name: value for name, value in headers.items() if name == "authorization"}
        with httpx.Client(timeout=5, trust_env=not local, verify=verify) as client:
            found = client.get(f"{base}/openapi.json", headers=told).raise_for_status().json()["paths"]
        paths = [path for path, verbs in found.items() if "post" in verbs][:20]
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f"\nIt answers at {', '.join(paths)}: write one before the inputs." if paths else ""


def _reason(response: httpx.Response, data: bytes) -> str:
    text = f"{response.status_code} {response.reason_phrase}".strip()
    detail = answers.detail(data.decode(errors="replace"))
    retry = response.headers.get("retry-after")
    wait = f" Try again in {retry} s." if retry else ""
    found = response.headers.get("x-request-id") if response.status_code >= 500 else None
    where = f"\nThe server's log has more under request {found}." if found else ""
    return f"{text} from {response.url.path}: {detail}{wait}{where}"
