"""The history: closed parts sealed into Parquet, one manifest for each kind. docs/history.md describes the files."""
