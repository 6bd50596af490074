r"""The control plane: one Unix socket, JSON lines, peers identified by the kernel.

    {"command": "halt", "id": 7}\n   ->   {"id": 7, "ok": true, "result": {...}}\n
    rubbish\n                        ->   {"ok": false, "error": "..."}\n

`step` advances the server and never blocks. A client that sends rubbish or an endless line, or that reads no answers,
loses its connection and disturbs no other client. Each command is carried out, answered once, and written to the audit.
The server accepts the system's own user, root, and the operators of the configuration (SO_PEERCRED). It closes a
connection that sends nothing for `SILENCE_MAX_S`. When there are too many connections, the process with the most of
them loses the one that has been silent longest. A process may have `PROCESS_MAX` connections, a connection may send
`LINES_PER_S` commands a second: so no client can keep an operator out.
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
ANSWER_MAX = 1 << 20  # bytes of unsent answers; a client with more is not read from
CLIENTS_MAX = 32
PROCESS_MAX = 8  # connections of one process
BACKLOG = 256  # connections that wait to be accepted
STEP_LINES = 16  # commands of one client in one step; the rest waits for the next step
LINES_PER_S, LINES_BURST = 100, 200  # commands of one connection; limits what a client can write to the audit
SILENCE_MAX_S = 30.0  # a connection that sends nothing for longer is closed
CREDENTIALS = struct.Struct("3i")
TIMES = ("asked_ns", "deadline_ns")  # CLOCK_MONOTONIC

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """The process and user of a client, as the kernel reports them."""

    pid: int
    uid: int


@dataclass(frozen=True, slots=True)
class Request:
    """A received command: its name, its arguments and its sender."""

    command: str
    arguments: Mapping[str, Any]
    peer: Peer
    asked_ns: int = 0  # CLOCK_MONOTONIC when the client sent it, if the request has it; else when it was read
    deadline_ns: int = 0  # when its client stops waiting; 0: unknown


class Refused(Exception):  # noqa: N818 - an answer to the client, not a failure of the server
    """A command that cannot be carried out; its text is sent to the client."""


Answer = Callable[[Request], Mapping[str, Any]]
Audit = Callable[[Request, Mapping[str, Any]], None]


def credentials(connection: socket.socket) -> Peer:
    """The process and user at the other end of a connection."""
    pid, uid, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    return Peer(pid, uid)


def only_own_user(peer: Peer) -> str:
    """Why a user may not connect: only the server's own user and root may."""
    if peer.uid in (os.getuid(), 0):
        return ""
    return f"user {peer.uid} may not send commands, only user {os.getuid()} and root"


@dataclass(slots=True)
class Client:
    """One connection, with its received bytes and its unsent answers."""

    connection: socket.socket
    peer: Peer
    received_s: float  # when it last sent something
    earned_s: float  # up to when its allowance of commands is computed
    received: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    ending: bool = False  # no more is read from it; it is closed when its answers are sent
    earned: float = LINES_BURST  # commands that it may send now

    def earn(self, now_s: float) -> None:
        """Add the allowance for the time since the last call."""
        self.earned = min(LINES_BURST, self.earned + (now_s - self.earned_s) * LINES_PER_S)
        self.earned_s = now_s

    def pop_lines(self, most: int) -> list[bytes]:
        """Remove and return its next whole lines, within its allowance and `most`."""
        lines: list[bytes] = []
        while len(lines) < min(most, int(self.earned)) and (end := self.received.find(b"\n")) >= 0:
            lines.append(bytes(self.received[:end]))
            del self.received[: end + 1]
        self.earned -= len(lines)
        return lines


class ControlServer:
    """The server. `answers` maps a command's name to the function that carries it out."""

    def __init__(
        self,
        path: Path,
        answers: Mapping[str, Answer],
        audit: Audit,
        known: Callable[..., Peer] = credentials,
        now_s: Callable[[], float] = time.monotonic,
        always: Collection[str] = (),
        stranger: Callable[[Peer], str] | None = None,
        group: int = -1,
    ) -> None:
        """Listen at a path; the caller holds a lock, so that it alone listens there.

        Commands in `always` are carried out after their deadline too, and when their client is gone. `stranger` returns
        why a client may not connect; by default all users but the server's own and root. `group` may open the socket.
        """
        self.always = always
        self.stranger = stranger or only_own_user
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
        if group >= 0:
            os.chown(path, -1, group)
            path.chmod(0o660)
        self.listener.listen(BACKLOG)

    def filenos(self) -> list[int]:
        """The descriptors to wait on."""
        return [self.listener.fileno(), *(client.connection.fileno() for client in self.clients)]

    def step(self) -> int:
        """Read, carry out and answer the commands that have arrived; how many they were."""
        now_s = self.now_s()
        work = sum(self._receive(client, now_s) for client in self.clients)
        for client in self._accept(now_s):
            work += self._receive(client, now_s)
        for client in self.clients:
            self._send(client)
            if now_s - client.received_s > SILENCE_MAX_S:
                client.connection.close()
        self.clients = [client for client in self.clients if client.connection.fileno() >= 0]
        return work

    def close(self) -> None:
        """Send the answers that can be sent now, and close every connection."""
        for client in self.clients:
            self._send(client)
            client.connection.close()
        self.listener.close()

    def _accept(self, now_s: float) -> list[Client]:
        """Accept new connections. The older ones were read before, so the longest silent can be closed to make room."""
        accepted: list[Client] = []
        while len(accepted) < BACKLOG:
            try:
                connection, _ = self.listener.accept()
            except OSError:  # no connection waits, or its client closed it
                break
            connection.setblocking(False)
            client = Client(connection, self.known(connection), now_s, now_s)
            accepted.append(client)
            if refusal := self.stranger(client.peer):
                self._refuse(client, refusal)
        self.clients += accepted
        self._make_room()
        return [client for client in accepted if client.connection.fileno() >= 0]

    def _make_room(self) -> None:
        """Close the longest silent connection of the process with the most connections, until the limits hold."""
        counts = Counter(client.peer.pid for client in self.clients)
        for client in sorted(self.clients, key=lambda one: one.received_s):
            most = max(counts.values(), default=0)
            if len(self.clients) <= CLIENTS_MAX and most <= PROCESS_MAX:
                break
            if counts[client.peer.pid] == most or counts[client.peer.pid] > PROCESS_MAX:
                counts[client.peer.pid] -= 1
                self._send(client)
                client.connection.close()
                self.clients.remove(client)

    def _receive(self, client: Client, now_s: float) -> int:
        """Read from a client and carry out its whole lines; how many commands they were."""
        if client.ending or len(client.unsent) > ANSWER_MAX:
            return 0
        client.earn(now_s)
        if b"\n" in client.received:
            return sum(self._answer(client, line) for line in self._lines(client))
        try:
            chunk = client.connection.recv(LINE_MAX)
        except BlockingIOError:
            return 0
        except OSError:
            client.connection.close()
            return 0
        client.ending, client.received_s = not chunk, now_s
        client.received += chunk
        return sum(self._answer(client, line) for line in self._lines(client))

    def _lines(self, client: Client) -> Iterator[bytes]:
        """The whole lines; a line longer than LINE_MAX is answered with an error and ends the connection."""
        lines = client.pop_lines(STEP_LINES)
        yield from (line for line in lines if line.strip())
        if b"\n" not in client.received and len(client.received) > LINE_MAX:
            client.received = bytearray()
            self._refuse(client, f"a line may have {LINE_MAX} bytes, this line is longer")

    def _answer(self, client: Client, line: bytes) -> int:
        """Carry out one line and queue its answer; 1 for a command, 0 for a line that is no command."""
        if len(line) > LINE_MAX:
            self._refuse(client, f"a line may have {LINE_MAX} bytes, this line has {len(line)}")
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
        """The refusal of a command whose client no longer waits; None for others, and for commands in `always`."""
        if request.command in self.always or (
            not is_gone(client.connection) and (not request.deadline_ns or time.monotonic_ns() <= request.deadline_ns)
        ):
            return None
        logger.warning("command dropped: its client no longer waits", extra={"command": request.command})
        error = f"{request.command} was read after its deadline: its client no longer waits, nothing was done"
        return {"ok": False, "error": error}

    def _carry_out(self, request: Request) -> Mapping[str, Any]:
        """Carry out a command and write it to the audit; its answer."""
        unknown = f"unknown command {request.command!r}, expected one of {', '.join(sorted(self.answers))}"
        try:
            answer: dict[str, Any] = (
                {"ok": True, "result": self.answers[request.command](request)}
                if request.command in self.answers
                else {"ok": False, "error": unknown}
            )
        except Refused as refusal:
            answer = {"ok": False, "error": str(refusal)}
        except (TypeError, ValueError) as error:  # an unexpected argument must not end the supervisor
            logger.exception("a command failed", extra={"command": request.command})
            answer = {"ok": False, "error": f"{request.command} failed: {error}"}
        try:
            self.audit(request, answer)
        except OSError as error:  # a command is answered even if the disk is full
            answer["audit_error"] = str(error)
        return answer

    def _refuse(self, client: Client, error: str) -> None:
        """Queue an error and read nothing more from this client."""
        self._queue(client, {"ok": False, "error": error})
        client.ending = True

    def _queue(self, client: Client, answer: Mapping[str, Any]) -> None:
        client.unsent += json.dumps(answer, default=str).encode() + b"\n"

    def _send(self, client: Client) -> None:
        """Send what the socket accepts; close the connection when it has ended or failed."""
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
    """A line's id and request; Refused when the line is no command."""
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError) as error:
        msg = f'not JSON ({error}), expected an object like {{"command": "status"}}'
        raise Refused(msg) from error
    if not isinstance(tree, dict) or not isinstance(tree.get("command"), str):
        msg = 'expected an object like {"command": "status"}'
        raise Refused(msg)
    arguments = {key: value for key, value in tree.items() if key not in ("command", "id", *TIMES)}
    asked_ns, deadline_ns = (value if type(value := tree.get(key, 0)) is int else 0 for key in TIMES)
    now_ns = time.monotonic_ns()
    return tree.get("id"), Request(tree["command"], arguments, peer, min(asked_ns or now_ns, now_ns), deadline_ns)


def is_gone(connection: socket.socket) -> bool:
    """Whether the client closed both directions; a client that closed one direction still reads its answers."""
    poll = select.poll()
    poll.register(connection, 0)
    return any(found & select.POLLHUP for _, found in poll.poll(0))


class Unreachable(Exception):  # noqa: N818 - names the state of the supervisor
    """No supervisor answers at the socket."""


def call(path: Path, command: str, timeout_s: float = 10.0, **arguments: object) -> dict[str, Any]:
    """Send one command and return its answer; Refused when it was not carried out, Unreachable without an answer.

    The server drops a command that it reads after the timeout, so an unanswered command is not carried out later.
    """
    asked_ns = time.monotonic_ns()
    times = {"asked_ns": asked_ns, "deadline_ns": asked_ns + int(timeout_s * 1e9)}
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as connection:
            connection.settimeout(timeout_s)
            connection.connect(os.fspath(path))
            with contextlib.suppress(BrokenPipeError):  # it refused this user before it read: the answer explains it
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
        msg = "it closed the connection without an answer"
        raise ConnectionResetError(msg)
    return line
