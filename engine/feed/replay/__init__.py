"""Recordings in the place of a venue: the feed's own code reads them, and its readers wait for nothing else."""
