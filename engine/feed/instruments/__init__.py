"""A venue's instruments: from its metadata, its own channel or disk, and checked against its frames."""
