"""Each role composes the parts it needs; nothing else composes."""
