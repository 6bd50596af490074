"""Tests of the recorder and of the history that it makes."""
