"""The wire: what implements the ports of `engine.venues.port` over real sockets.

`frames` turns bytes into messages, `transport` moves bytes through a socket (plain or TLS), `dial` brings a connection
up without ever waiting, and a role uses `WebSocketPort` and `HttpPort`. `Waiter` lets a role sleep until one of them
has something to read. No code here knows a venue.
"""

from engine.venues.wire.http_port import HttpPort
from engine.venues.wire.options import HttpOptions, Proxy, WireOptions
from engine.venues.wire.waiter import Waiter
from engine.venues.wire.websocket_port import WebSocketPort

__all__ = ["HttpOptions", "HttpPort", "Proxy", "Waiter", "WebSocketPort", "WireOptions"]
