"""The recorded orders of a session at a simulated venue, and by which model each result differs."""
