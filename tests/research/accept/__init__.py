"""The gate before live trading."""
