"""Binance: spot, USD-M and COIN-M speak one dialect of JSON with small differences."""
