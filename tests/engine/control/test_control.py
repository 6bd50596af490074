"""The control socket accepts known peers, answers every line once, and no client can stop it."""

import json
import os
import random
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.control import (
    CLIENTS_MAX,
    LINE_MAX,
    LINES_BURST,
    LINES_PER_S,
    PROCESS_MAX,
    SILENCE_MAX_S,
    STEP_LINES,
    ControlServer,
    Peer,
    Refused,
    Request,
    Unreachable,
    call,
)


def refuse(request: Request) -> Mapping[str, Any]:
    """A command that is always refused."""
    raise Refused(f"not {request.command} today")


class Bench:
    """A server with two commands, and clients on the other end of real sockets."""

    def __init__(self, path: Path, known: Callable[..., Peer] | None = None) -> None:
        """Listen."""
        self.audited: list[tuple[Request, Mapping[str, Any]]] = []
        self.path = path
        answers = {"echo": lambda request: dict(request.arguments), "refuse": refuse}
        audit = lambda request, answer: self.audited.append((request, answer))  # noqa: E731 - one line is enough
        self.server = ControlServer(path, answers, audit, known) if known else ControlServer(path, answers, audit)
        self.sockets: list[socket.socket] = []

    def client(self) -> socket.socket:
        """Connect."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(str(self.path))
        connection.settimeout(5)
        self.sockets.append(connection)
        return connection

    def close(self) -> None:
        """Close everything."""
        self.server.close()
        for connection in self.sockets:
            connection.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A listening bench."""
    made = Bench(tmp_path / "c.sock")
    yield made
    made.close()


def lines(connection: socket.socket) -> list[dict[str, Any]]:
    """What has come so far."""
    return [json.loads(line) for line in connection.recv(1 << 20).splitlines()]


def test_a_command_is_answered_with_its_id_and_audited(bench: Bench) -> None:
    """The client must know the result of its command, and so must a later reader of the audit."""
    client = bench.client()
    client.sendall(b'{"command": "echo", "id": 7, "word": "x"}\n{"command": "refuse", "id": 8}\n')
    bench.server.step()
    assert lines(client) == [
        {"id": 7, "ok": True, "result": {"word": "x"}},
        {"id": 8, "ok": False, "error": "not refuse today"},
    ]
    assert [request.peer for request, _ in bench.audited] == [Peer(os.getpid(), os.getuid())] * 2


def test_half_a_line_waits_for_its_end(bench: Bench) -> None:
    """A stream has no messages: a command may come byte by byte."""
    client = bench.client()
    for byte in b'{"command": "echo"}\n':
        assert not bench.audited
        client.sendall(bytes([byte]))
        bench.server.step()
    assert lines(client) == [{"ok": True, "result": {}}]


@pytest.mark.parametrize("line", [b"rubbish", b"[]", b'{"command": 5}', b"\xff\xfe", b"[" * 5000, b'{"command": "x"}'])
def test_rubbish_gets_an_error_and_the_next_command_its_answer(bench: Bench, line: bytes) -> None:
    """An operator's typo must not cost the operator the engine."""
    client = bench.client()
    client.sendall(line + b'\n{"command": "echo"}\n')
    bench.server.step()
    bad, good = lines(client)
    assert (bad["ok"], bool(bad["error"]), good["ok"]) == (False, True, True)


def test_an_endless_line_ends_its_connection_only(bench: Bench) -> None:
    """Memory is bounded, whatever a client sends."""
    endless, other = bench.client(), bench.client()
    endless.setblocking(False)
    sent = 0
    while sent <= 2 * LINE_MAX:
        try:
            sent += endless.send(b"x" * 4096)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            break_now = bench.server.step() == 0 and sent > LINE_MAX
            if break_now:
                break
    for _ in range(5):
        bench.server.step()
    assert len(bench.server.clients) == 1
    other.sendall(b'{"command": "echo"}\n')
    bench.server.step()
    assert lines(other)[0]["ok"]


def test_another_users_command_is_refused(tmp_path: Path) -> None:
    """The kernel identifies the client; another user cannot halt the system."""
    bench = Bench(tmp_path / "c.sock", known=lambda _: Peer(1, os.getuid() + 1))
    client = bench.client()
    client.sendall(b'{"command": "echo"}\n')
    for _ in range(3):
        bench.server.step()
    assert "may not send commands" in client.recv(4096).decode()
    assert bench.audited == []
    assert (tmp_path / "c.sock").stat().st_mode & 0o777 == 0o600
    bench.close()


def test_a_full_disk_does_not_prevent_a_halt(tmp_path: Path) -> None:
    """The audit fails, the command is carried out, and the answer has both."""

    def audit(request: Request, answer: Mapping[str, Any]) -> None:
        raise OSError(28, "No space left on device", f"{request.command} {answer}")

    server = ControlServer(tmp_path / "c.sock", {"halt": lambda _: {"halted": True}}, audit)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(tmp_path / "c.sock"))
    client.sendall(b'{"command": "halt"}\n')
    server.step()
    answer = lines(client)[0]
    assert answer["ok"]
    assert "No space" in answer["audit_error"]
    client.close()
    server.close()


def test_random_bytes_never_stop_it(bench: Bench) -> None:
    """Fuzz: any bytes in any pieces; the server continues and answers the next honest client."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - a failure must be repeatable
    chance = random.Random(seed)
    for _ in range(60):
        client = bench.client()
        for _ in range(chance.randrange(4)):
            client.sendall(
                chance.choice([chance.randbytes(chance.randrange(300)), b'{"command": "echo"', b"}\n", b"\n"])
            )
            bench.server.step()
        client.close()
        bench.server.step()
    honest = bench.client()
    honest.sendall(b'{"command": "echo"}\n')
    bench.server.step()
    assert lines(honest)[0]["ok"]


def test_a_missing_supervisor_is_reported(tmp_path: Path) -> None:
    """A socket left by a dead supervisor must not look like a working one."""
    with pytest.raises(Unreachable, match="no supervisor answers"):
        call(tmp_path / "none.sock", "status")
    left = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    left.bind(str(tmp_path / "left.sock"))
    left.close()
    with pytest.raises(Unreachable, match="no supervisor answers"):
        call(tmp_path / "left.sock", "status")


def test_a_command_that_fails_is_answered_and_the_server_continues(tmp_path: Path) -> None:
    """A list where a name was expected must not end the supervisor of a trading system."""

    def fail(request: Request) -> Mapping[str, Any]:
        return {"hash": hash(request.arguments["process"])}

    server = ControlServer(tmp_path / "c.sock", {"fail": fail, "echo": lambda _: {}}, lambda *_: None)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(tmp_path / "c.sock"))
    client.sendall(b'{"command": "fail", "process": ["x"]}\n{"command": "echo"}\n')
    server.step()
    bad, good = lines(client)
    assert (bad["ok"], good["ok"]) == (False, True)
    assert "fail failed: unhashable type" in bad["error"]
    client.close()
    server.close()


def test_idle_connections_do_not_lock_the_operator_out(bench: Bench) -> None:
    """A process with seventy open connections must not prevent an operator's halt."""
    for _ in range(70):
        bench.client()
        bench.server.step()
    operator = bench.client()
    operator.sendall(b'{"command": "echo"}\n')
    bench.server.step()
    assert lines(operator)[0]["ok"]
    assert len(bench.server.clients) <= CLIENTS_MAX


def test_a_silent_connection_is_dropped(tmp_path: Path) -> None:
    """A client that hangs holds its place for half a minute only."""
    now = [0.0]
    server = ControlServer(tmp_path / "c.sock", {}, lambda *_: None, now_s=lambda: now[0])
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(tmp_path / "c.sock"))
    server.step()
    now[0] = SILENCE_MAX_S + 1
    server.step()
    assert server.clients == []
    assert client.recv(1) == b""
    client.close()
    server.close()


def test_a_flood_of_connections_costs_the_process_that_makes_it(tmp_path: Path) -> None:
    """An operator who connects and is slow to send the command was dropped as the longest silent client."""
    pids = iter([7, *[8] * 500])
    bench = Bench(tmp_path / "c.sock", known=lambda _: Peer(next(pids), os.getuid()))
    operator = bench.client()
    bench.server.step()
    for number in range(200):
        flood = bench.client()
        if number % 2:
            flood.sendall(b'{"command": "echo"}\n')
        bench.server.step()
    operator.sendall(b'{"command": "echo", "id": 1}\n')
    bench.server.step()
    assert lines(operator) == [{"id": 1, "ok": True, "result": {}}]
    assert len(bench.server.clients) <= PROCESS_MAX + 1
    bench.close()


def test_one_client_is_answered_at_a_bounded_rate_and_others_between(tmp_path: Path) -> None:
    """A client that sends commands without end would fill the audit and delay every other client."""
    now, audited = [0.0], []
    server = ControlServer(
        tmp_path / "c.sock", {"echo": lambda _: {}}, lambda *line: audited.append(line), now_s=lambda: now[0]
    )
    ends = []
    for _ in range(2):
        ends.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        ends[-1].connect(str(tmp_path / "c.sock"))
    ends[0].sendall(b'{"command": "echo"}\n' * 1000)
    server.step()
    ends[1].sendall(b'{"command": "echo"}\n')
    server.step()
    assert len(audited) <= 2 * STEP_LINES + 1
    assert lines(ends[1])[0]["ok"]
    for _ in range(200):
        server.step()
    assert len(audited) == LINES_BURST + 1
    now[0] = 1.0
    for _ in range(200):
        server.step()
    assert len(audited) == LINES_BURST + LINES_PER_S + 1
    server.close()
    for end in ends:
        end.close()


@pytest.mark.parametrize("late", ["gone", "deadline"])
def test_a_command_without_a_waiting_client_is_dropped_and_a_halt_is_not(tmp_path: Path, late: str) -> None:
    """Its operator has read that no supervisor answered; a `down` carried out later would end a trading system."""
    done: list[str] = []
    answers = {name: lambda request: done.append(request.command) or {} for name in ("down", "halt")}
    server = ControlServer(tmp_path / "c.sock", answers, lambda *_: None, always=("halt",))
    deadline = b', "deadline_ns": 1' if late == "deadline" else b""
    for name in (b"down", b"halt"):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.connect(str(tmp_path / "c.sock"))
        client.sendall(b'{"command": "' + name + b'"' + deadline + b"}\n")
        if late == "gone":
            client.close()
        server.step()
        client.close()
    assert done == ["halt"]
    server.close()


def test_a_client_that_only_sends_no_more_is_answered(bench: Bench) -> None:
    """`printf ... | nc -U` closes its sending half and waits."""
    client = bench.client()
    client.sendall(b'{"command": "echo"}\n')
    client.shutdown(socket.SHUT_WR)
    bench.server.step()
    assert lines(client)[0]["ok"]
