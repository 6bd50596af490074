"""Pre-trade risk: the one gate between an intent and an order."""
