"""Pre-trade risk: the gate between an intent and an order."""
