"""UUIDv7 (RFC 9562): ids that sort by time, so that indexes grow at one end and partitions follow the calendar."""

from datetime import UTC, datetime
from uuid import UUID


def uuid7(millis: int, *, entropy: bytes) -> UUID:
    """The id for `millis` (Unix time in milliseconds) and ten bytes of chance."""
    random = int.from_bytes(entropy[:10])
    head = (millis & 0xFFFF_FFFF_FFFF) << 80
    return UUID(int=head | 0x7 << 76 | (random >> 62 & 0xFFF) << 64 | 0b10 << 62 | random & 0x3FFF_FFFF_FFFF_FFFF)


def made_at(uuid: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((uuid.int >> 80) / 1000, UTC)
