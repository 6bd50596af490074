"""The server itself: its process, its manners on the socket and its faults."""

import asyncio
import json
import os
import re
import signal
import socket
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from engine import clock
from engine.loopback.binance.settings import FLOWS, VenueSettings
from engine.loopback.binance.venue import BinanceVenue
from engine.loopback.server.configuration import ENGINE_ACCOUNT, ENGINE_KEY, read
from engine.loopback.server.server import VenueServer
from engine.loopback.truth import past_gains
from tests.engine.loopback.server.conftest import serving

ROOT = Path(__file__).parents[4]
LIVELY = {symbol: replace(flow, interval_ns=5_000_000) for symbol, flow in FLOWS.items()}


def test_process_prints_its_address_and_stops_on_sigterm(run: Any, tmp_path: Path) -> None:
    """A test or a demo starts it without its port: one line has the addresses, and a signal ends it cleanly."""

    async def work() -> None:
        words = ("--seed", "7", "--truth", str(tmp_path / "truth"), "--ed25519", str(tmp_path / "key.pem"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine.loopback.server", *words,
            stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None
        try:
            ready = json.loads(await process.stdout.readline())
            assert {key["key"] for key in ready["keys"]} >= {ENGINE_KEY}
            async with aiohttp.ClientSession() as client, client.get(f"{ready['rest']}/api/v3/time") as answer:
                assert abs((await answer.json())["serverTime"] - clock.now_ns() // 1_000_000) < 10_000
        finally:
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

    run(work())
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0


def test_a_process_reads_its_keys_again_at_sighup_and_keeps_them_when_the_file_is_wrong(
    run: Any, tmp_path: Path
) -> None:
    """A customer makes and deletes keys while the venue runs; a slip in the file must not lock every client out."""
    file = tmp_path / "venue.toml"
    table = '[venue]\n[[venue.keys]]\nname = "{}"\naccount = "engine"\nsecret = "s"\n'
    first, second = "A" * 64, "B" * 64
    file.write_text(table.format(first))

    async def work() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "engine.loopback.server", "--config", str(file),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            url = json.loads(await process.stdout.readline())["rest"]
            file.write_text("[venue")
            process.send_signal(signal.SIGHUP)
            assert b"the keys from before stay valid" in await process.stderr.readline()
            assert await known(url, first)
            file.write_text(table.format(second))
            process.send_signal(signal.SIGHUP)
            while await known(url, first):
                pass
            assert await known(url, second)
        finally:
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

    run(work())


async def known(url: str, key: str) -> bool:
    """Whether the venue knows a key: it gives it a listen key, or it answers that the key is invalid."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{url}/api/v3/userDataStream", headers={"X-MBX-APIKEY": key}) as answer,
    ):
        return answer.status == 200


def line(account: str, **gained: str) -> bytes:
    """One line of a truth log, as far as a venue that starts again reads it."""
    return json.dumps({"what": "fill", "account": account, "gained": gained}).encode() + b"\n"


def test_a_venue_that_starts_again_owes_its_accounts_what_they_held(tmp_path: Path) -> None:
    """A paper position must survive `down` and `up`; a line that a kill cut off was never reported."""
    log = tmp_path / "truth"
    whole = line("engine", BTC="0.5", USDT="-30000") + line("engine", USDT="-30001.5")
    log.write_bytes(whole + b'{"what": "fill", "acc')
    gains, settings = past_gains(str(log)), read(None, str(tmp_path / "key.pem")).venue
    before, after = (BinanceVenue(settings, clock.now_ns(), None, one) for one in ({}, gains))
    old, new = (venue.ledger.accounts[ENGINE_ACCOUNT] for venue in (before, after))
    grown = {asset: new.free[asset] - old.free[asset] for asset in new.free}
    assert {asset: grew for asset, grew in grown.items() if grew} == {"BTC": 50_000_000, "USDT": -3_000_150_000_000}
    assert new.gained("BTC") == 50_000_000
    after.check()
    assert log.read_bytes() == whole


@pytest.mark.parametrize(
    ("text", "found"),
    [(b"rubbish\n", "is no truth log of this venue: b'rubbish"), (b'{"what":"fill"}\n', "is no truth log")],
)
def test_a_file_that_is_no_truth_log_is_named_and_kept(tmp_path: Path, text: bytes, found: str) -> None:
    """An audit compares with this file: the venue must not append to another."""
    log = tmp_path / "truth"
    log.write_bytes(text)
    with pytest.raises(ValueError, match=re.escape(f"{log} {found}")):
        past_gains(str(log))
    assert log.read_bytes() == text


def test_an_account_that_spent_more_than_it_has_by_the_configuration_is_named(tmp_path: Path) -> None:
    """The purse was made smaller between two starts."""
    settings = read(None, str(tmp_path / "key.pem")).venue
    with pytest.raises(ValueError, match=r"account engine starts with [0-9.]+ BTC .* gained -9000\.0+"):
        BinanceVenue(settings, clock.now_ns(), None, {(ENGINE_ACCOUNT, "BTC"): -9000 * 10**8})


def test_rubbish_frames_are_answered_and_the_line_lives(run: Any) -> None:
    """Text, binary and oversized nonsense from one client must not disturb another."""

    async def work() -> None:
        async with serving() as (_, port), aiohttp.ClientSession() as client:
            async with client.ws_connect(f"http://127.0.0.1:{port}/ws-api/v3") as socket:
                await socket.send_str("{]")
                assert (await socket.receive_json())["error"]["code"] == -1135
                await socket.send_bytes(b"\xff\x00")
                assert (await socket.receive_json())["error"]["code"] == -1135
                await socket.send_json({"id": 1, "method": "ping"})
                assert (await socket.receive_json())["result"] == {}
            async with client.get(f"http://127.0.0.1:{port}/nowhere") as answer:
                assert answer.status == 404
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await client.ws_connect(f"http://127.0.0.1:{port}/nowhere")

    run(work())


def test_lost_rest_answer_ends_the_connection(run: Any) -> None:
    """A lost answer must look lost: no status, no body."""

    async def work() -> None:
        async with serving() as (server, port), aiohttp.ClientSession() as client:
            server.venue.faults.lose_response(next=9, of="ping")  # aiohttp tries a GET again by itself
            with pytest.raises(aiohttp.ClientError):
                await client.get(f"http://127.0.0.1:{port}/api/v3/ping")

    run(work())


def test_delayed_rest_answer_comes_late(run: Any) -> None:
    """The modelled delay is lived through on the socket too."""

    async def work() -> None:
        async with serving() as (server, port), aiohttp.ClientSession() as client:
            server.venue.faults.delay_response(50_000_000, of="ping")
            begin_ns = clock.now_ns()
            async with client.get(f"http://127.0.0.1:{port}/api/v3/ping") as answer:
                assert answer.status == 200
            assert clock.now_ns() - begin_ns >= 50_000_000

    run(work())


def test_ping_carries_the_time_and_the_mute_are_cut_off(run: Any) -> None:
    """A client that does not answer pings is gone; its socket must not linger."""

    async def work() -> None:
        server = VenueServer(BinanceVenue(VenueSettings(), clock.now_ns()), clock.now_ns, ping_seconds=0.02)
        port = await server.start()
        async with aiohttp.ClientSession() as client:
            socket = await client.ws_connect(f"http://127.0.0.1:{port}/ws", autoping=False)
            first = await socket.receive()
            assert first.type == aiohttp.WSMsgType.PING
            assert len(first.data) == 13
            kinds = [(await socket.receive()).type for _ in range(3)]
            assert kinds[-1] == aiohttp.WSMsgType.CLOSE
        await server.stop()

    run(work())


def test_configuration_of_the_project_is_whole() -> None:
    """The file we ship must be read without complaint, and a slip of the pen must not pass."""
    assert read(str(ROOT / "configs" / "venue.toml")).venue.markets[0].symbol == "BTCUSDT"


def test_unknown_setting_is_refused(tmp_path: Path) -> None:
    """A misspelt limit would be no limit at all."""
    path = tmp_path / "venue.toml"
    path.write_text("[venue]\nsede = 1\n")
    with pytest.raises(ValueError, match="sede"):
        read(str(path))


UPGRADE = (
    b"GET /stream?streams=btcusdt@trade/btcusdt@depth@100ms HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESET = struct.pack("ii", 1, 0)


def test_clients_that_hang_up_before_an_answer_are_no_errors(run: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A frozen venue wakes to connections that are gone: before their answer, amid a message, politely or not."""

    async def work() -> None:
        async with serving(flows=LIVELY, check=False) as (server, port), aiohttp.ClientSession() as asking:

            async def go_on() -> None:
                async with asking.get(f"http://127.0.0.1:{port}/api/v3/ping") as answer:
                    assert answer.status == 200

            for count in range(40):
                client = socket.create_connection(("127.0.0.1", port))
                client.sendall(UPGRADE)
                if count % 4 < 2:
                    await go_on()
                if count % 2:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                client.close()
                if not count % 10:
                    await go_on()
            while server._connections or server.venue.sessions:
                await go_on()

    run(work())
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
