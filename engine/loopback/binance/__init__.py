"""Binance spot's own wire over the matching engine: REST, market streams and the WebSocket API, without a socket."""
