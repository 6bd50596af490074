"""Orders, fills and positions of execution."""
