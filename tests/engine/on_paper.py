"""configs/paper.toml without a network: another venue, in a process of its own, is the real market."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson

from tests.engine.floor import CONFIGS, Floor

STREAM, REQUEST = "wss://stream.binance.com:9443", "https://api.binance.com"
ANY_CORE = {"cores = [0]\n": "", "cores = [1]\n": "", 'wait = "spin"': 'wait = "block"'}


@contextmanager
def real_market(seed: int = 3) -> Iterator[int]:
    """The port of a venue whose background orders come from a seed; it knows no account of ours."""
    words = ("--config", str(CONFIGS / "venue.toml"), "--port", "0", "--seed", str(seed))
    command = [sys.executable, "-m", "engine.loopback.server", *words]
    with subprocess.Popen(command, cwd=CONFIGS.parent, stdout=subprocess.PIPE) as served:
        assert served.stdout is not None
        yield int(orjson.loads(served.stdout.readline())["port"])
        served.terminate()


def on_paper(floor: Callable[..., Floor], market: int, more: str = "") -> Floor:
    """The shipped file, with this market in the place of Binance's, and more text after it."""
    urls = {STREAM: f"ws://127.0.0.1:{market}", REQUEST: f"http://127.0.0.1:{market}"}
    return floor(more, config="paper", **urls, **ANY_CORE)
