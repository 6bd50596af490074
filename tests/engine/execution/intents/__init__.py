"""Tests of engine/execution/intents."""
