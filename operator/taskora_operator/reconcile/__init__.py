"""Comparing what is wanted with what was found. Nothing here does I/O, and time comes in as an argument."""
