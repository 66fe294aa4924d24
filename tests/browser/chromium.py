# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Chromium, steered over WebDriver (W3C) by the chromedriver that Debian builds with it: no pip, no npm.

For the tests of report pages, their benchmark and their pictures. Each browser keeps what it keeps in its own folder.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--hide-scrollbars",
)
START_SECONDS, ANSWER_SECONDS = 60, 180
AXE = Path(__file__).resolve().parents[2] / ".build" / "browser" / "node_modules" / "axe-core" / "axe.min.js"
ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, section 12.3: the key of a reference to an element
_STARTED = re.compile(r"started successfully on port (\d+)")


class BrowserError(Exception):
    """What the browser refused, in its words."""


def missing() -> str:
    """Why no browser can be started; "" where one can."""
    absent = [name for name in ("chromedriver",) if shutil.which(name) is None]
    if not any(map(shutil.which, CHROMIUM)):
        absent.insert(0, "chromium")
    return f"{' and '.join(absent)} not on this machine; tests/tools/setup browser" if absent else ""


class Page:
    """A window with what is open in it."""

    def __init__(self, base: str) -> None:
        self._base = base

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _call(method, self._base + path, body)

    def open(self, file: Path, fragment: str = "") -> None:
        """Load a file, anew even where only the fragment differs, and wait until it is loaded."""
        self._call("POST", "/url", {"url": "about:blank"})
        self._call("POST", "/url", {"url": file.as_uri() + fragment})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a function body returns, a promise included."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def devtools(self, command: str, **parameters: Any) -> Any:
        """What WebDriver has no word for."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width: int, height: int, scale: float = 1) -> None:
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )

    def media(self, scheme: str = "light", kind: str = "") -> None:
        """Colours (light or dark) and kind of medium (print, or screen where empty)."""
        self.devtools(
            "Emulation.setEmulatedMedia", media=kind, features=[{"name": "prefers-color-scheme", "value": scheme}]
        )

    def click(self, selector: str) -> None:
        found = self._call("POST", "/element", {"using": "css selector", "value": selector})
        self._call("POST", f"/element/{found[_ELEMENT]}/click", {})

    def press(self, *keys: str) -> None:
        """Keys, one after the other, to whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def type(self, text: str) -> None:
        self.press(*text)

    def picture(self) -> bytes:
        """What is seen of the page, as PNG."""
        return base64.b64decode(self._call("GET", "/screenshot"))

    def printed(self) -> bytes:
        """The page on A4, as PDF."""
        return base64.b64decode(self._call("POST", "/print", {"background": False}))

    def told(self) -> list[str]:
        """What the browser has written to its console since the last call: errors, refusals of the policy."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def asked_for(self) -> list[str]:
        """The addresses that were asked for since the last call."""
        events = (
            json.loads(entry["message"])["message"] for entry in self._call("POST", "/se/log", {"type": "performance"})
        )
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def violations(self) -> list[str]:
        """What axe-core finds against the page, a line each."""
        self.devtools("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
        found = self.run("return axe.run(document, {resultTypes: ['violations']}).then((told) => told.violations)")
        return [
            f"{entry['id']}: {entry['help']} ({len(entry['nodes'])}, such as {entry['nodes'][0]['html']})"
            for entry in found
        ]


@contextmanager
def chromium(switches: Iterable[str] = ()) -> Iterator[Page]:
    """A browser with one window; both programs end with the block."""
    with tempfile.TemporaryDirectory(prefix="timecast-browser-", ignore_cleanup_errors=True) as folder:
        # A file and no pipe: what the browser starts keeps it open for longer than the driver lives.
        output = Path(folder) / "chromedriver.log"
        with output.open("w", encoding="utf-8") as file:
            driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=file, stderr=file)
        try:
            address = f"http://127.0.0.1:{_port(driver, output)}"
            session = _call("POST", f"{address}/session", _capabilities(f"{folder}/profile", switches))["sessionId"]
            try:
                yield Page(f"{address}/session/{session}")
            finally:
                _call("DELETE", f"{address}/session/{session}")
        finally:
            driver.terminate()
            driver.wait()


def _port(driver: subprocess.Popen[bytes], output: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and driver.poll() is None:
        if match := _STARTED.search(output.read_text(encoding="utf-8", errors="replace")):
            return int(match[1])
        time.sleep(0.05)
    raise BrowserError(f"chromedriver did not start: {output.read_text(encoding='utf-8', errors='replace')}")


def _capabilities(folder: str, switches: Iterable[str]) -> dict[str, Any]:
    binary = next(filter(None, map(shutil.which, CHROMIUM)))
    options = {"binary": binary, "args": [*SWITCHES, f"--user-data-dir={folder}", *switches]}
    wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
    return {"capabilities": {"alwaysMatch": {"browserName": "chrome", "timeouts": {"script": 150_000}, **wanted}}}


def _call(method: str, address: str, body: Mapping[str, Any] | None = None) -> Any:
    data = None if method in ("GET", "DELETE") else json.dumps(body or {}).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
    try:
        # The machine's proxy, if it has one, is not asked about its own loopback.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=ANSWER_SECONDS
        ) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise BrowserError(json.load(error)["value"]["message"]) from None
