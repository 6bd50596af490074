"""Tests of the speed `engine`."""
