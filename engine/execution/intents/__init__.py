"""Intents in: read from the lanes, judged by risk, made into orders."""
