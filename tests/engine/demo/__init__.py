"""The demo, as its visitor runs it."""
