"""Redis publish/subscribe through a server of our own on a Unix socket."""

import contextlib
import subprocess
import tempfile
import time

from bench.measure import Receive, Send
from bench.peers.peer import Peer

SERVER = "/usr/bin/redis-server"
START_S = 5.0


class RedisLink:
    """The server runs as long as the link and keeps nothing."""

    def __init__(self, _size: int) -> None:
        """Start the server and wait until it answers."""
        import redis

        self._directory = tempfile.TemporaryDirectory(prefix="bench-redis-")
        self._socket = f"{self._directory.name}/socket"
        self._server = subprocess.Popen(
            [SERVER, "--port", "0", "--unixsocket", self._socket, "--save", "", "--appendonly", "no",
             "--dir", self._directory.name, "--loglevel", "warning"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with contextlib.suppress(redis.ConnectionError), redis.Redis(unix_socket_path=self._socket) as client:
                client.ping()
                return
            time.sleep(0.02)
        self.close()
        raise TimeoutError(f"{SERVER} did not answer within {START_S} s")

    def sender(self) -> Send:
        """`Redis.publish`."""
        import redis

        client = redis.Redis(unix_socket_path=self._socket)
        client.ping()
        return lambda payload: client.publish("lane", payload)

    def receiver(self) -> Receive:
        """`PubSub.get_message`, blocking."""
        import redis

        subscription = redis.Redis(unix_socket_path=self._socket).pubsub(ignore_subscribe_messages=True)
        subscription.subscribe("lane")
        subscription.get_message(timeout=None)

        def receive() -> object:
            while (message := subscription.get_message(timeout=None)) is None:
                pass
            return message["data"]

        return receive

    def close(self) -> None:
        """Stop the server."""
        self._server.terminate()
        self._server.wait()
        self._directory.cleanup()


PEER = Peer("Redis pub/sub", RedisLink, records=4_000, gap_ns=500_000, modules=("redis",), program=SERVER)
