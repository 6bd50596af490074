"""What the recorder wrote, as sessions, lanes and instruments."""
