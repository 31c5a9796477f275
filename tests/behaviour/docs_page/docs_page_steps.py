"""What a person does on the page, and what the endpoint got from it."""

from __future__ import annotations

import json
from email import message_from_bytes


def card(path: str) -> str:
    return f"document.getElementById({json.dumps(path)})"


def show(page, path: str) -> None:
    page.js(f"{card(path)}.open = true")
    page.wait(f"{card(path)}.querySelector('form') !== null")


def fill(page, path: str, name: str, value: str) -> None:
    """Type into the field of a name, as a person does."""
    page.js(f"""{{
      const labels = [...{card(path)}.querySelectorAll('label')];
      const label = labels.find((one) => one.firstChild.textContent === {json.dumps(name)});
      const input = document.getElementById(label.htmlFor);
      input.focus(); if (input.select) input.select();
    }}""")
    page.type(value)


def send(page, path: str) -> None:
    page.js(f"{card(path)}.querySelector('.send').click()")


def answered(page, path: str, mood: str = "good") -> str:
    page.wait(f"{card(path)}.querySelector('.answer[aria-busy=false] .status.{mood}') !== null")
    return page.js(f"{card(path)}.querySelector('.answer').innerText")


def code(page, path: str, language: str) -> str:
    page.js(
        f"""[...{card(path)}.querySelectorAll('[role=tab]')].find((tab) => tab.textContent === '{language}').click()"""
    )
    return page.js(f"{card(path)}.querySelector('[role=tabpanel]').textContent")


def parts(call) -> dict[str, tuple[str | None, bytes]]:
    message = message_from_bytes(b"content-type: " + call.headers["content-type"].encode() + b"\r\n\r\n" + call.body)
    return {
        part.get_param("name", header="content-disposition"): (part.get_filename(), part.get_payload(decode=True))
        for part in message.get_payload()
    }
