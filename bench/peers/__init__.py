"""What else carries records between two Python processes on one host, each driven by the fastest way its API offers."""

from bench.peers import fifo, iceoryx, pubsub, sockets, standard, zeromq
from bench.peers.peer import Peer

PEERS: tuple[Peer, ...] = (
    iceoryx.PEER, zeromq.PEER, sockets.PEER, standard.PIPE, standard.QUEUE, fifo.PEER, pubsub.PEER,
)  # fmt: skip

__all__ = ["PEERS", "Peer"]
