"""Reports, opened in a browser."""
