"""Use cases: one function, one transaction. They take a unit of work, return domain objects, and never commit."""
