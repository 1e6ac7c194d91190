"""Where a test's database is. Apart from the fixtures, because `make dev` has no time for what they import."""

from dataclasses import dataclass

from tests.cluster.services import Postgres


@dataclass(frozen=True)
class Urls:
    """One database, as its two logins and by name."""

    postgres: Postgres
    name: str

    @property
    def owner(self) -> str:
        return self.postgres.url_of(self.name, user="taskora_owner")

    @property
    def app(self) -> str:
        return self.postgres.url_of(self.name, user="taskora_app")

    def sql(self, statements: str) -> str:
        """As the superuser; a row a line, columns parted by `|`."""
        return self.postgres.sql(statements, database=self.name).strip()
