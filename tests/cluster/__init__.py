"""A real cluster on this machine, and the real services of component tests: `python3 tests/cluster help`.

Standard library only, for a machine that has git, make and python3 and nothing else yet.
"""
