"""The loop: read facts → desired → plan → execute → status. Only here meet what decides and what acts."""

from taskora_operator.engine.loop import Engine, Pace

__all__ = ["Engine", "Pace"]
