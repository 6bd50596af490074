"""Alerts: what is found, what becomes a message, and that each message arrives."""
