"""How often a venue may be asked: the budget of requests, and the pause after a failure."""
