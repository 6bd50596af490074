"""How often a venue may be asked: its budget of requests, and the pause after a failure."""
