from engine.feed.books.connection_sequence import ConnectionSequence

class ConnectionLag:
    def lag_ns(self, own: ConnectionSequence, other: ConnectionSequence, count: int, now_ns: int) -> int: ...
