"""The journal: records of the decisions, written before the bytes leave."""
