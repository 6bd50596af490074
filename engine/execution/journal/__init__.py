"""The journal: records of what was decided, written before the bytes leave."""
