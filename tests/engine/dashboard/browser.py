"""A headless Chromium, driven by its DevTools protocol: a page is opened, asked and clicked as a user does it."""

import base64
import json
import re
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any
from urllib.request import urlopen

import pytest
import websocket

WORDS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-extensions",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
         "--remote-debugging-port=0", "--remote-allow-origins=*", "--disable-dev-shm-usage")  # fmt: skip
WAIT_S = 20.0  # for one condition of a page, on a machine that is busy
PAUSE_S = 0.02
SCRIPTS = Path(__file__).parent / "scripts"
SECOND_NS = 1_000_000_000
MIDDLE = """(() => {
  const one = document.querySelector(SELECTOR);
  one.scrollIntoView({ block: "center" });
  const box = one.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
})()"""


class Page:
    """One tab. `errors` has every line of its console that is an error, and every exception that nothing caught."""

    def __init__(self, address: str) -> None:
        """Attach to the tab."""
        self._socket = websocket.create_connection(address, timeout=WAIT_S, suppress_origin=True)
        self._number = 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network", "Performance"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self._on_event(message)

    def _on_event(self, message: dict[str, Any]) -> None:
        given = message.get("params", {})
        match message["method"]:
            case "Runtime.exceptionThrown":
                details = given["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description", details["text"]))
            case "Runtime.consoleAPICalled" if given["type"] in ("error", "assert"):
                self.errors.append(" ".join(str(one.get("description", one.get("value"))) for one in given["args"]))
            case "Log.entryAdded" if given["entry"]["level"] == "error":
                self.errors.append(given["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(given["request"]["url"])

    def size(self, width: int, height: int, *, dark: bool = True, phone: bool = False) -> None:
        """Give the window this size, and the system's preference of colours."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Navigate to the address."""
        self.call("Page.navigate", url=url)

    def ask(self, script: str) -> Any:
        """The value of an expression, which may be a promise."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, f"{script}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def run(self, name: str) -> Any:
        """The value of a script of the folder scripts/."""
        return self.ask((SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))

    def until(self, script: str, why: str) -> Any:
        """The value of the expression, as soon as it is true."""
        end_ns = monotonic_ns() + int(WAIT_S * SECOND_NS)
        while not (value := self.ask(script)):
            assert monotonic_ns() < end_ns, f"not within {WAIT_S:.0f} s: {why}\n{self.errors}"
            select.select([], [], [], PAUSE_S)
        return value

    def click(self, selector: str) -> None:
        """Click the middle of an element by the pointer, as a user does: what covers it receives the click."""
        self.until(f"!!document.querySelector({selector!r})", f"{selector} exists")
        spot = self.ask(MIDDLE.replace("SELECTOR", json.dumps(selector)))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1)

    def press(self, key: str) -> None:
        """Press one key."""
        text = {"Enter": "\r", "Escape": "", "Tab": ""}.get(key, key)
        codes = {"Enter": 13, "Escape": 27, "Tab": 9}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text: str) -> None:
        """Type into the focused field."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path) -> None:
        """A screenshot of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def trace(self, categories: str, seconds: float) -> list[dict[str, Any]]:
        """The events of Chromium's own trace over a time."""
        self.call("Tracing.start", transferMode="ReturnAsStream", categories=categories)
        select.select([], [], [], seconds)
        self.call("Tracing.end")
        while (message := json.loads(self._socket.recv())).get("method") != "Tracing.tracingComplete":
            pass
        text, ended = "", False
        while not ended:
            part = self.call("IO.read", handle=message["params"]["stream"])
            text, ended = text + part["data"], part["eof"]
        return list(json.loads(text)["traceEvents"])

    def close(self) -> None:
        """End the connection; the tab ends with the browser."""
        self._socket.close()


@contextmanager
def browser(directory: Path) -> Iterator[Page]:
    """Start Chromium with one tab, and end it."""
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    log = directory / "chromium.log"
    with log.open("wb") as file:
        command = [chromium, *WORDS, f"--user-data-dir={directory / 'chromium'}", "about:blank"]
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        page = Page(_tab(log, process))
        yield page
        page.close()
    finally:
        process.kill()
        process.wait()


def _tab(log: Path, process: subprocess.Popen[bytes]) -> str:
    """The address of the first tab, as soon as the browser listens."""
    end_ns = monotonic_ns() + int(3 * WAIT_S * SECOND_NS)
    while not (found := re.search(r"DevTools listening on ws://([^/]+)/", log.read_text())):
        assert process.poll() is None, f"chromium ended: {log.read_text()[-2_000:]}"
        assert monotonic_ns() < end_ns, f"chromium does not listen: {log.read_text()[-2_000:]}"
        select.select([], [], [], PAUSE_S)
    return _first_page(found[1], end_ns)


def _first_page(place: str, end_ns: int) -> str:
    while True:
        with urlopen(f"http://{place}/json/list", timeout=WAIT_S) as answer:
            pages = [one for one in json.load(answer) if one["type"] == "page"]
        if pages:
            return str(pages[0]["webSocketDebuggerUrl"])
        assert monotonic_ns() < end_ns, "chromium has no tab"
        select.select([], [], [], PAUSE_S)
