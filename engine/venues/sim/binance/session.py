"""A WebSocket connection to the venue, without the socket."""


class Session:
    """One connection: what came in is received, what goes out is taken.

    `changed` collects the sessions somebody should look at, so that a server need not look at all of them.
    """

    def __init__(self, path: str, unit: int, now_ns: int, changed: dict["Session", None]) -> None:
        """A connection just made."""
        self.path, self.unit, self.connected_ns = path, unit, now_ns
        self.closed = False
        self.close_code, self.close_reason = 1000, ""
        self._outgoing: list[bytes] = []
        self._changed = changed

    def receive(self, message: str | bytes, now_ns: int) -> None:
        """Read one text frame."""
        raise NotImplementedError

    def push(self, payload: bytes) -> None:
        """Let a message go out; a closed session drops it."""
        if not self.closed:
            self._outgoing.append(payload)
            self._changed[self] = None

    def take(self) -> list[bytes]:
        """What has to go out, in order."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the connection from the venue's side."""
        if not self.closed:
            self.closed, self.close_code, self.close_reason = True, code, reason
            self._changed[self] = None
