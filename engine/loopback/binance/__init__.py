"""Binance spot's wire on the matching engine: REST, market streams and the WebSocket API, without a socket."""
