"""Who relays which shard: each live process an equal share, settled by what the lease rows say and nothing else."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does next about the leases."""

    keep: frozenset[str]
    take: frozenset[str]
    release: frozenset[str]


def share(me: str, *, owners: Mapping[str, str | None], members: Collection[str]) -> Share:
    """`owners`: each lease's live owner, None when it is free. `members`: all live processes, with `me` or without.

    A process keeps at most its fair share and takes what is free up to it: shares settle, whoever comes and goes.
    """
    everyone = {*members, me}
    most = ceil(len(owners) / len(everyone))
    mine = sorted(name for name, owner in owners.items() if owner == me)
    free = sorted(name for name, owner in owners.items() if owner is None)
    return Share(
        keep=frozenset(mine[:most]),
        take=frozenset(free[: max(0, most - len(mine))]),
        release=frozenset(mine[most:]),
    )
