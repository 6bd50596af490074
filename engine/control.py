r"""The control plane: one Unix socket, JSON lines, peers known by the kernel.

    {"command": "halt", "id": 7}\n   ->   {"id": 7, "ok": true, "result": {...}}\n
    rubbish\n                        ->   {"ok": false, "error": "..."}\n

The server is advanced by `step` and never blocks: a client that sends rubbish, an endless line, or nothing, or that
reads no answers, costs itself its connection and nobody else anything. Each command is answered once, after it was
carried out, and written to the audit. Only the system's own user and root are heard (SO_PEERCRED). Connections that say
nothing are dropped. Where there is no room, the process with the most connections loses its longest silent one; one
process has `PROCESS_MAX` at most, one connection `LINES_PER_S` commands a second: nobody may stand before an operator.
"""

import contextlib
import json
import logging
import os
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINE_MAX = 1 << 16
ANSWER_MAX = 1 << 20  # what may wait for a client that does not read
CLIENTS_MAX = 32
PROCESS_MAX = 8  # connections of one process: a flood costs the one who makes it
BACKLOG = 256  # connections that wait to be accepted
STEP_LINES = 16  # commands of one client carried out in one step; the next client's turn comes before the rest
LINES_PER_S, LINES_BURST = 100, 200  # of one connection, so that no client fills the audit
SILENCE_MAX_S = 30.0  # a connection that says nothing for longer is dropped
CREDENTIALS = struct.Struct("3i")
TIMES = ("asked_ns", "deadline_ns")  # CLOCK_MONOTONIC

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, by the kernel's word."""

    pid: int
    uid: int


@dataclass(frozen=True, slots=True)
class Request:
    """A command as it came: its name, its arguments and who gave it."""

    command: str
    arguments: Mapping[str, Any]
    peer: Peer
    asked_ns: int = 0  # CLOCK_MONOTONIC when it was asked, as the client says; else when it was read
    deadline_ns: int = 0  # when its client stops waiting; 0: not said


class Refused(Exception):  # noqa: N818 - a no to the one who asked, not a failure
    """A command that cannot be carried out; its text goes to the one who asked."""


Answer = Callable[[Request], Mapping[str, Any]]
Audit = Callable[[Request, Mapping[str, Any]], None]


def credentials(connection: socket.socket) -> Peer:
    """The process and user at the other end."""
    pid, uid, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return Peer(pid, uid)


@dataclass(slots=True)
class Client:
    """One connection with what it has sent of a line and what it has not read yet."""

    connection: socket.socket
    peer: Peer
    heard_s: float  # when it last said something
    earned_s: float  # up to when its allowance of commands is counted
    received: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    ending: bool = False  # nothing more is heard; closed when the answers are out
    earned: float = LINES_BURST  # commands that it may give now

    def earn(self, now_s: float) -> None:
        """What time allows it."""
        self.earned = min(LINES_BURST, self.earned + (now_s - self.earned_s) * LINES_PER_S)
        self.earned_s = now_s

    def take(self, most: int) -> list[bytes]:
        """Its next whole lines, as many as it may have carried out now."""
        lines: list[bytes] = []
        while len(lines) < min(most, int(self.earned)) and (end := self.received.find(b"\n")) >= 0:
            lines.append(bytes(self.received[:end]))
            del self.received[: end + 1]
        self.earned -= len(lines)
        return lines


class ControlServer:
    """The listening end. `answers` maps a command's name to what carries it out."""

    def __init__(
        self,
        path: Path,
        answers: Mapping[str, Answer],
        audit: Audit,
        known: Callable[..., Peer] = credentials,
        now_s: Callable[[], float] = time.monotonic,
        always: Collection[str] = (),
    ) -> None:
        """Listen at a path; the caller makes sure that it alone may (the supervisor's lock).

        Commands in `always` are carried out however late they are read, also when their client is gone.
        """
        self.always = always
        self.answers = answers
        self.audit = audit
        self.known = known
        self.now_s = now_s
        self.clients: list[Client] = []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            self.listener.bind(os.fspath(path))
        finally:
            os.umask(before)
        self.listener.listen(BACKLOG)

    def filenos(self) -> list[int]:
        """What to wait on for something to do."""
        return [self.listener.fileno(), *(client.connection.fileno() for client in self.clients)]

    def step(self) -> int:
        """Hear and answer what has come; say how many commands that was."""
        now_s = self.now_s()
        work = sum(self._hear(client, now_s) for client in self.clients)
        for client in self._accept(now_s):
            work += self._hear(client, now_s)
        for client in self.clients:
            self._send(client)
            if now_s - client.heard_s > SILENCE_MAX_S:
                client.connection.close()
        self.clients = [client for client in self.clients if client.connection.fileno() >= 0]
        return work

    def close(self) -> None:
        """Send what can still be sent, and hang up."""
        for client in self.clients:
            self._send(client)
            client.connection.close()
        self.listener.close()

    def _accept(self, now_s: float) -> list[Client]:
        """Those who came; all before them have been heard, so the longest silent may go where there is no room."""
        came: list[Client] = []
        while len(came) < BACKLOG:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # none is waiting, or it hung up before it was heard
                break
            connection.setblocking(False)
            client = Client(connection, self.known(connection), now_s, now_s)
            came.append(client)
            if client.peer.uid not in (os.getuid(), 0):
                self._refuse(client, f"user {client.peer.uid} is not heard here, only {os.getuid()} and root")
        self.clients += came
        self._make_room()
        return [client for client in came if client.connection.fileno() >= 0]

    def _make_room(self) -> None:
        """Hang up on the longest silent connection of the process that has the most, until all have room."""
        counts = Counter(client.peer.pid for client in self.clients)
        for client in sorted(self.clients, key=lambda one: one.heard_s):
            most = max(counts.values(), default=0)
            if len(self.clients) <= CLIENTS_MAX and most <= PROCESS_MAX:
                break
            if counts[client.peer.pid] == most or counts[client.peer.pid] > PROCESS_MAX:
                counts[client.peer.pid] -= 1
                self._send(client)
                client.connection.close()
                self.clients.remove(client)

    def _hear(self, client: Client, now_s: float) -> int:
        """Read what has come and carry out its whole lines."""
        if client.ending or len(client.unsent) > ANSWER_MAX:
            return 0
        client.earn(now_s)
        if b"\n" in client.received:
            return sum(self._line(client, line) for line in self._lines(client))
        try:
            chunk = client.connection.recv(LINE_MAX)
        except BlockingIOError:
            return 0
        except OSError:
            client.connection.close()
            return 0
        client.ending, client.heard_s = not chunk, now_s
        client.received += chunk
        return sum(self._line(client, line) for line in self._lines(client))

    def _lines(self, client: Client) -> Iterator[bytes]:
        """The complete lines; one without end is answered and ends the connection."""
        lines = client.take(STEP_LINES)
        yield from (line for line in lines if line.strip())
        if b"\n" not in client.received and len(client.received) > LINE_MAX:
            client.received = bytearray()
            self._refuse(client, f"a line may hold {LINE_MAX} bytes, this one is longer")

    def _line(self, client: Client, line: bytes) -> int:
        """Carry out one line and queue its answer."""
        if len(line) > LINE_MAX:
            self._refuse(client, f"a line may hold {LINE_MAX} bytes, this one holds {len(line)}")
            return 0
        try:
            identity, request = parse(line, client.peer)
        except Refused as refusal:
            self._queue(client, {"ok": False, "error": str(refusal)})
            return 0
        answer = self._overdue(client, request) or self._carry_out(request)
        self._queue(client, {"id": identity, **answer} if identity is not None else answer)
        return 1

    def _overdue(self, client: Client, request: Request) -> Mapping[str, Any] | None:
        """The refusal of a command for which its client waits no more; a halt is carried out however late."""
        if request.command in self.always or (
            not is_gone(client.connection) and (not request.deadline_ns or time.monotonic_ns() <= request.deadline_ns)
        ):
            return None
        logger.warning("dropped, nobody waits for it any more", extra={"command": request.command})
        return {"ok": False, "error": f"{request.command} came too late: its client waits no more, nothing was done"}

    def _carry_out(self, request: Request) -> Mapping[str, Any]:
        """The answer to a command, audited."""
        unknown = f"unknown command {request.command!r}, known are {', '.join(sorted(self.answers))}"
        try:
            answer: dict[str, Any] = (
                {"ok": True, "result": self.answers[request.command](request)}
                if request.command in self.answers
                else {"ok": False, "error": unknown}
            )
        except Refused as refusal:
            answer = {"ok": False, "error": str(refusal)}
        except (TypeError, ValueError) as error:  # an argument that nobody thought of costs its sender an answer only
            logger.exception("a command failed", extra={"command": request.command})
            answer = {"ok": False, "error": f"{request.command} failed: {error}"}
        try:
            self.audit(request, answer)
        except OSError as error:  # a full disk must not stand between an operator and a halt
            answer["audit_error"] = str(error)
        return answer

    def _refuse(self, client: Client, error: str) -> None:
        """Say no and hear nothing more from this client."""
        self._queue(client, {"ok": False, "error": error})
        client.ending = True

    def _queue(self, client: Client, answer: Mapping[str, Any]) -> None:
        client.unsent += json.dumps(answer, default=str).encode() + b"\n"

    def _send(self, client: Client) -> None:
        """Push out what fits; close what has ended or failed."""
        try:
            while client.unsent:
                del client.unsent[: client.connection.send(client.unsent)]
        except BlockingIOError:
            return
        except OSError:
            client.connection.close()
            return
        if client.ending:
            client.connection.close()


def parse(line: bytes, peer: Peer) -> tuple[Any, Request]:
    """A line as its id and request, or Refused with what was wrong."""
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {error}"
        raise Refused(msg) from error
    if not isinstance(tree, dict) or not isinstance(tree.get("command"), str):
        msg = 'expected an object like {"command": "status"}'
        raise Refused(msg)
    arguments = {key: value for key, value in tree.items() if key not in ("command", "id", *TIMES)}
    asked_ns, deadline_ns = (value if type(value := tree.get(key, 0)) is int else 0 for key in TIMES)
    now_ns = time.monotonic_ns()
    return tree.get("id"), Request(tree["command"], arguments, peer, min(asked_ns or now_ns, now_ns), deadline_ns)


def is_gone(connection: socket.socket) -> bool:
    """Whether the other end is closed whole; one that only sends no more still reads its answers."""
    poll = select.poll()
    poll.register(connection, 0)
    return any(found & select.POLLHUP for _, found in poll.poll(0))


class Unreachable(Exception):  # noqa: N818 - names the state of the other side
    """No supervisor answers at the socket."""


def ask(path: Path, command: str, timeout_s: float = 10.0, **arguments: object) -> dict[str, Any]:
    """Give one command and return its answer; Refused when it was not carried out, Unreachable when nobody answered.

    The server drops a command that it reads after the timeout, so one that was unanswered is not carried out later.
    """
    asked_ns = time.monotonic_ns()
    times = {"asked_ns": asked_ns, "deadline_ns": asked_ns + int(timeout_s * 1e9)}
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
            connection.settimeout(timeout_s)
            connection.connect(os.fspath(path))
            connection.sendall(json.dumps({"command": command, **arguments, **times}).encode() + b"\n")
            line = _read_line(connection)
    except OSError as error:
        msg = f"no supervisor answers at {path}: {error}"
        raise Unreachable(msg) from error
    answer = json.loads(line)
    if not answer["ok"]:
        raise Refused(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result


def _read_line(connection: socket.socket) -> bytes:
    with connection.makefile("rb") as lines:
        line = lines.readline(ANSWER_MAX)
    if not line.endswith(b"\n"):
        msg = "it hung up without an answer"
        raise ConnectionResetError(msg)
    return line
