"""Execution: the only way an order reaches a venue, with the risk gate inside."""
