"""Recordings in the place of a venue: the feed's own code reads them."""
