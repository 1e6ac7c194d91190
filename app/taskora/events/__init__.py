"""The boundary to the broker: events go out in order and at least once, and come in to count once."""
