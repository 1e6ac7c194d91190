"""`spec.backup`: when the database is dumped, where the dumps are kept, and what a new instance begins with."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from taskora_operator.api.schema import Name, SpecModel, rule, rules
from taskora_operator.api.services import Image, SecretRef, Storage


class Destination(StrEnum):
    PERSISTENT_VOLUME = "PersistentVolume"
    S3 = "S3"


Bucket = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", max_length=63)]
Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", max_length=256)]
Endpoint = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$", max_length=256)]
BackupName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-zA-Z0-9-]*$", max_length=100)]


class S3(SpecModel):
    """Any storage that speaks S3."""

    endpoint: Endpoint | None = None
    """For example https://fra1.digitaloceanspaces.com. Left out: Amazon's of that region."""

    bucket: Bucket
    """It must exist."""

    prefix: Prefix | None = None
    """A folder in the bucket. Defaults to the namespace and the instance's name."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=64)] = "us-east-1"

    secret_ref: SecretRef
    """Keys: `access-key-id` and `secret-access-key`."""


class RestoreFrom(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!(has(self.claimName) && has(self.s3))",
                "the backup lies in one place: write claimName or s3, or neither where it lies in backup's own",
            )
        )
    )

    name: BackupName
    """Of the backup, as `kubectl taskora backup --list` tells it."""

    claim_name: Name | None = None
    """A volume of backups that another instance left in this namespace."""

    s3: S3 | None = None
    """Another instance's storage."""


class Backup(SpecModel):
    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!has(self.destination) || self.destination != 'S3' || has(self.s3)",
                "destination S3 needs s3: write its bucket and secretRef",
            ),
            rule(
                "!has(self.s3) || (has(self.destination) && self.destination == 'S3')",
                "s3 is for destination S3: write that, or take s3 out",
            ),
            rule(
                "!has(self.storage) || !has(self.destination) || self.destination != 'S3'",
                "storage is of the volume: take it out, or write destination: PersistentVolume",
            ),
        )
    )

    schedule: (
        Annotated[str, StringConstraints(pattern=r"^(@(hourly|daily|weekly|monthly)|(\S+ ){4}\S+)$", max_length=64)]
        | None
    ) = None
    """When, as cron writes it and in UTC: "0 3 * * *" or @daily. Left out: only by `kubectl taskora backup`."""

    keep: Annotated[int, Field(ge=1, le=1000, json_schema_extra={"format": "int32"})] = 7
    """How many are kept; older ones are deleted after each good one."""

    destination: Destination = Destination.PERSISTENT_VOLUME
    """Where they are kept: a volume beside the database's, or storage that speaks S3, which outlives the cluster."""

    s3: S3 | None = None
    storage: Storage = Field(default_factory=Storage)
    """Of the volume. The size defaults to that of the database's."""

    image: Image | None = None
    """Any image with pg_dump, not older than the server. Defaults to database.inCluster.image."""

    restore_from: RestoreFrom | None = None
    """What the instance begins with; only when it is made, and only into an empty database."""

    @property
    def storage_written(self) -> S3 | None:
        """Where dumps go; None: to the volume."""
        return self.s3 if self.destination is Destination.S3 else None

    @property
    def storage_read(self) -> S3 | None:
        """Where the one to restore lies; None: on a volume, or there is none."""
        if self.restore_from is None or self.restore_from.claim_name:
            return None
        return self.restore_from.s3 or self.storage_written
