"""The simulated venue on sockets: `python -m engine.venue_server`."""
