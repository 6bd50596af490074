"""Market data of a simulation: events from files, from tables and from the history."""
