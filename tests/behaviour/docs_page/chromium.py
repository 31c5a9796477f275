"""Drives a headless Chromium over a pair of pipes (DevTools protocol, messages ended by NUL). No other library."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class PageError(AssertionError):
    pass


class Page:
    """One tab. `problems` collects script errors and refusals by the content security policy."""

    def __init__(self, to_browser: Any, from_browser: Any) -> None:
        self._to, self._from = to_browser, from_browser
        self._ids = 0
        self._tab: str | None = None
        self.problems: list[str] = []
        self.requested: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._tab = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._ids += 1
        message = {"id": self._ids, "method": method, "params": params}
        if self._tab:
            message["sessionId"] = self._tab
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self._ids:
                if "error" in answer:
                    raise PageError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _read(self) -> dict[str, Any]:
        message = bytearray()
        while (byte := self._from.read(1)) != b"\0":
            if not byte:
                raise PageError("the browser is gone")
            message += byte
        answer = json.loads(message)
        params = answer.get("params", {})
        match answer.get("method"):
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description") or details["text"])
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.problems.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])
            case _:
                pass
        return answer

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.querySelector('.card') !== null")

    def js(self, expression: str) -> Any:
        """The value of an expression; a promise is awaited."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise PageError(result["exceptionDetails"].get("exception", {}).get("description", "script error"))
        return result["result"].get("value")

    def wait(self, condition: str, timeout_ms: int = 10_000) -> None:
        """Wait until a JavaScript condition holds."""
        held = self.js(
            f"""new Promise((done) => {{
              const until = performance.now() + {timeout_ms};
              const look = () => {{
                let held = false;
                try {{ held = Boolean({condition}); }} catch {{ held = false; }}
                if (held || performance.now() > until) done(held); else setTimeout(look, 15);
              }};
              look();
            }})"""
        )
        if not held:
            raise PageError(f"never true: {condition}\n{self.js('document.body.innerText')}\n{self.problems}")

    def choose_files(self, selector: str, *files: Path) -> None:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file) for file in files])

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def press(self, key: str, *, ctrl: bool = False, shift: bool = False) -> None:
        code = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32, "ArrowRight": 39}[key]
        modifiers = 2 * ctrl + 8 * shift
        text = {"Enter": "\r", " ": " "}.get(key) if not ctrl else None
        common = {"key": key, "modifiers": modifiers, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def look(self, *, dark: bool = False, width: int = 1280, height: int = 900) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def screenshot(self, path: Path) -> None:
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A page of a fresh headless browser that ends with the block."""
    assert CHROMIUM
    inward, to_browser = os.pipe()
    from_browser, outward = os.pipe()
    flags = [
        "--headless=new",
        "--remote-debugging-pipe",
        f"--user-data-dir={profile}",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        "--hide-scrollbars",
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]
    script = f'exec "$@" 3<&{inward} 4>&{outward}'
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", CHROMIUM, *flags, "about:blank"],
        pass_fds=(inward, outward),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    os.close(inward)
    os.close(outward)
    with os.fdopen(to_browser, "wb") as write, os.fdopen(from_browser, "rb") as read:
        try:
            yield Page(write, read)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
