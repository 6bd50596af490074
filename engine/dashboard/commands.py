"""What a page may change, through the control socket: as engine-ctl does it, with the same checks and the same audit.

{"id": 7, "command": "halt"}                                                  right halt
{"id": 8, "command": "cancel", "order": "<intent>"}                           right halt
{"id": 9, "command": "flatten" | "resume", "confirm": "flatten" | "resume"}   right trade: the typed word
{"id": 10, "command": "set", "strategy": "maker", "name": "size", "value": "0.002", "before": "0.001"}

`before` is the value that the page showed: where it is another one by now, nothing is set.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.control import Refused, Unreachable, call

RIGHTS = ("look", "halt", "trade")
NEEDED = {"halt": "halt", "cancel": "halt", "flatten": "trade", "resume": "trade", "set": "trade"}
CONFIRMED = ("flatten", "resume")
LONGEST = 4_096  # bytes of one command
TIMEOUT_S = 5.0


def carry_out(text: str, control: Path, rights: str) -> dict[str, Any]:
    """The answer to a page: whether it was done, and the supervisor's word."""
    try:
        request = json.loads(text)
    except ValueError:
        request = None
    if not isinstance(request, dict) or not isinstance(request.get("id"), int):
        return {"id": 0, "ok": False, "text": "expected a JSON object with a number id"}
    return {"id": request["id"], **_answer(request, control, rights)}


def _answer(request: Mapping[str, Any], control: Path, rights: str) -> dict[str, Any]:
    command = str(request.get("command"))
    try:
        _check(command, request, rights)
        arguments = _arguments(command, request)
        return {"ok": True, "text": _text(command, call(control, command, TIMEOUT_S, **arguments))}
    except ValueError as error:
        return _refused(str(error))
    except Refused as error:
        return _refused(f"refused by the supervisor: {error}")
    except Unreachable as error:
        more = ": type engine-ctl halt, which needs no supervisor" if command == "halt" else ""
        return _refused(f"the supervisor does not answer, nothing is confirmed ({error}){more}")


def _check(command: str, request: Mapping[str, Any], rights: str) -> None:
    """Refuse an unknown command, one that needs more rights, and one that is not confirmed."""
    if command not in NEEDED:
        msg = f"unknown command {command[:40]!r}, expected one of {', '.join(NEEDED)}"
        raise ValueError(msg)
    if RIGHTS.index(rights) < RIGHTS.index(NEEDED[command]):
        msg = f"{command} needs the right {NEEDED[command]}, the dashboard has {rights}: set rights in [dashboard]"
        raise ValueError(msg)
    if command in CONFIRMED and request.get("confirm") != command:
        msg = f"{command} is not confirmed: expected the word {command!r} in confirm"
        raise ValueError(msg)


def _arguments(command: str, request: Mapping[str, Any]) -> dict[str, Any]:
    if command == "cancel":
        order = str(request.get("order", ""))
        if not order.isascii() or not order.isdigit() or int(order) >= 1 << 64:
            msg = f"cancel: order is {order[:40]!r}, expected the number of an intent"
            raise ValueError(msg)
        return {"order": int(order)}
    if command == "set":
        strategy, name, value = (request.get(key) for key in ("strategy", "name", "value"))
        if not (
            isinstance(strategy, str)
            and isinstance(name, str)
            and isinstance(value, str)
            and strategy
            and name
            and value
        ):
            msg = "set: expected strategy, name and value as texts"
            raise ValueError(msg)
        before = request.get("before")
        expected = {name: before} if isinstance(before, str) else {}
        return {"owner": strategy, "values": {name: value}, "expected": expected}
    return {}


def _text(command: str, answer: Mapping[str, Any]) -> str:
    """The supervisor's answer in words."""
    if command == "halt":
        return "halted" if answer.get("halted") else "not halted"
    if command == "resume":
        left = answer.get("still_halted") or []
        return (
            "still halted"
            if answer.get("halted")
            else f"resumed; {len(left)} scopes stay halted"
            if left
            else "resumed"
        )
    if command == "set":
        changes = ", ".join(f"{one['name']}: {one['before']} → {one['after']}" for one in answer.get("changes", ()))
        return f"stored, the strategy confirms it in a moment: {changes}"
    return "accepted; execution carries it out"


def _refused(text: str) -> dict[str, Any]:
    return {"ok": False, "text": text}
