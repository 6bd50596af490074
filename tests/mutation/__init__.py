"""Mutation testing: does a test fail when a line of the product is wrong? `make mutation` runs it.

areas.py       which modules are mutated, and which tests must notice
mutants.py     every small wrong change of a Python module
session.py     a pytest session that collects once, then forks a child for each mutant
overlay.py     a fresh pytest process that imports one mutated module (for what no live function can carry)
equivalent.toml  mutants that change nothing a caller can see, each with the reason
"""
