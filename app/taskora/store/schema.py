"""The tables as SQLAlchemy Core sees them. Migrations make them; a test compares the two.

`info["grant"]` is what the application's login may do with a table: `taskora migrate` grants exactly that.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

ALL = "SELECT, INSERT, UPDATE, DELETE"
APPEND = "SELECT, INSERT"


def _moment(name: str, *, required: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=not required)


def _user(*, primary: bool = False) -> Column[object]:
    return Column("user_id", Uuid, ForeignKey("users.id", ondelete="CASCADE"), primary_key=primary, nullable=False)


users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("display_name", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("is_admin", Boolean, nullable=False, server_default=text("false")),
    # The number of the user's last task event; the row's lock is what puts one user's changes in order.
    Column("seq", BigInteger, nullable=False, server_default=text("0")),
    # Changes up to here are no longer in the feed.
    Column("feed_floor", BigInteger, nullable=False, server_default=text("0")),
    Column("preferences", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    # SHA-256 of the secret in the address of the user's calendar feed.
    Column("calendar_hash", LargeBinary, unique=True),
    # Since when what they tell the chat may be used for training; NULL: it may not.
    _moment("training_consent_at", required=False),
    _moment("created_at"),
    info={"grant": ALL},
)

# The key of each user's personal fields in the audit log: erasing a person deletes it, and the chain still holds.
user_keys = Table(
    "user_keys",
    metadata,
    _user(primary=True),
    Column("key", LargeBinary, nullable=False),
    info={"grant": "SELECT, INSERT, DELETE"},
)

password_resets = Table(
    "password_resets",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    _user(),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("used_at", required=False),
    Index(None, "user_id"),
    Index(None, "expires_at"),
    info={"grant": ALL},
)

# How often somebody tried of late: sign-ins by address, and the like.
attempts = Table(
    "attempts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    _moment("since"),
    info={"grant": ALL},
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("id", Uuid, nullable=False, unique=True, server_default=text("gen_random_uuid()")),
    _user(),
    Column("kind", Text, nullable=False),
    # What its owner calls it: a token's name, a browser's make.
    Column("label", Text, nullable=False, server_default=text("''")),
    _moment("created_at"),
    _moment("expires_at"),
    _moment("revoked_at", required=False),
    CheckConstraint("kind IN ('browser', 'token')", name="kind"),
    Index(None, "user_id"),
    Index(None, "expires_at"),
    info={"grant": ALL},
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    _user(),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority", Text, nullable=False),
    _moment("due_at", required=False),
    Column("due_date", Date),
    Column("tags", ARRAY(Text), nullable=False),
    Column("parent_id", Uuid, ForeignKey("tasks.id", ondelete="CASCADE")),
    # Where it stands in the user's own order, smallest first; between two there is room for another.
    Column("position", Double, nullable=False, server_default=text("0")),
    # What its reminders are, as it is shown: `{id, at, minutes_before}`. When each fires is in `reminders`.
    Column("reminders", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    Column("recurrence", JSONB),
    Column("series_id", Uuid),
    Column("occurrence_no", Integer),
    # `{start, due, planned}`: where the series began, this one's place in its pattern, and the fields that were changed
    # for this one alone, as the next one has them.
    Column("series", JSONB),
    # Taken back by the recurrence because its predecessor was reopened: in no list, and not in the trash.
    Column("withdrawn", Boolean, nullable=False, server_default=text("false")),
    Column("version", Integer, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    _moment("completed_at", required=False),
    _moment("deleted_at", required=False),
    Column(
        "search",
        TSVECTOR,
        Computed(
            "setweight(to_tsvector('simple'::regconfig, title), 'A'::\"char\")"
            " || setweight(to_tsvector('simple'::regconfig, description), 'B'::\"char\")",
            persisted=True,
        ),
    ),
    CheckConstraint("status IN ('todo', 'in_progress', 'done')", name="status"),
    CheckConstraint("priority IN ('low', 'medium', 'high', 'urgent')", name="priority"),
    CheckConstraint("due_at IS NULL OR due_date IS NULL", name="one_due"),
    CheckConstraint("(status = 'done') = (completed_at IS NOT NULL)", name="completed"),
    CheckConstraint("(series_id IS NULL) = (occurrence_no IS NULL)", name="occurrence"),
    CheckConstraint("recurrence IS NULL OR series_id IS NOT NULL", name="recurrence"),
    CheckConstraint("NOT withdrawn OR deleted_at IS NOT NULL", name="withdrawn"),
    Index("tasks_listed_idx", "user_id", "id", postgresql_where=text("deleted_at IS NULL")),
    Index("tasks_trash_idx", "user_id", "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    Index("tasks_parent_idx", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
    Index(
        "tasks_series_idx", "series_id", "occurrence_no", unique=True, postgresql_where=text("series_id IS NOT NULL")
    ),
    info={"grant": ALL},
)

# When each reminder of a task fires. Moving the due time or snoozing raises `generation`, and it may fire again.
reminders = Table(
    "reminders",
    metadata,
    Column("id", Uuid, primary_key=True),
    _user(),
    Column("task_id", Uuid, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    _moment("at", required=False),
    Column("minutes_before", Integer),
    Column("generation", Integer, nullable=False, server_default=text("1")),
    # NULL: counted from a due time that the task does not have.
    _moment("fire_at", required=False),
    Column("state", Text, nullable=False),
    Column("snoozed", Boolean, nullable=False, server_default=text("false")),
    _moment("fired_at", required=False),
    _moment("delivered_at", required=False),
    CheckConstraint("state IN ('waiting', 'fired', 'delivered', 'cancelled')", name="state"),
    CheckConstraint("(at IS NULL) <> (minutes_before IS NULL)", name="one_time"),
    CheckConstraint("state <> 'waiting' OR fire_at IS NOT NULL", name="waiting"),
    Index("reminders_waiting_idx", "fire_at", postgresql_where=text("state = 'waiting'")),
    Index(None, "task_id"),
    Index(None, "user_id"),
    info={"grant": ALL},
)

# Occurrence `occurrence_no` of the series is to be made, after `task_id`, once `due_at` has come.
recurrence_due = Table(
    "recurrence_due",
    metadata,
    Column("series_id", Uuid, primary_key=True),
    Column("occurrence_no", Integer, primary_key=True),
    _user(),
    Column("task_id", Uuid, ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    _moment("due_at"),
    _moment("created_at"),
    Index(None, "due_at"),
    Index(None, "task_id"),
    Index(None, "user_id"),
    info={"grant": ALL},
)

tags = Table(
    "tags",
    metadata,
    Column("id", Uuid, primary_key=True),
    _user(),
    # As it is written, on the tasks too; `folded` is how it is told apart.
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),
    Column("color", Text, nullable=False),
    Column("pinned", Boolean, nullable=False, server_default=text("false")),
    _moment("created_at"),
    UniqueConstraint("user_id", "folded"),
    info={"grant": ALL},
)

views = Table(
    "views",
    metadata,
    Column("id", Uuid, primary_key=True),
    _user(),
    Column("name", Text, nullable=False),
    # The filters and the order, as `GET tasks` takes them.
    Column("query", JSONB, nullable=False),
    _moment("created_at"),
    _moment("updated_at"),
    Index(None, "user_id"),
    info={"grant": ALL},
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False),
    # No foreign key: what happened to somebody is still told after the account is gone.
    Column("user_id", Uuid, nullable=False),
    Column("shard", SmallInteger, nullable=False),
    Column("seq", BigInteger),
    Column("event", JSONB, nullable=False),
    Column("traceparent", Text, nullable=False),
    _moment("created_at"),
    _moment("published_at", required=False),
    CheckConstraint("(topic = 'task-events') = (seq IS NOT NULL)", name="numbered"),
    Index("outbox_waiting_idx", "id", postgresql_where=text("published_at IS NULL")),
    Index("outbox_feed_idx", "user_id", "seq", unique=True, postgresql_where=text("seq IS NOT NULL")),
    info={"grant": ALL},
)

idempotency = Table(
    "idempotency",
    metadata,
    _user(primary=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("etag", Text),
    Column("body", Text, nullable=False),
    _moment("created_at"),
    Index(None, "created_at"),
    info={"grant": ALL},
)

inbox = Table(
    "inbox",
    metadata,
    Column("consumer", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    _moment("received_at"),
    # One partition a month by the time inside the UUIDv7: sixty days on, a month is dropped whole.
    postgresql_partition_by="RANGE (event_id)",
    info={"grant": APPEND},
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("consumer", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("event_id", Uuid),
    # Whose event it was, where that could be read: erasing the person empties the body.
    Column("user_id", Uuid),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # `replaying`: an administrator asked for it; its consumer tries again, and says `replayed` or `open`.
    Column("state", Text, nullable=False, server_default=text("'open'")),
    _moment("created_at"),
    _moment("resolved_at", required=False),
    CheckConstraint("state IN ('open', 'replaying', 'replayed', 'discarded')", name="state"),
    Index("dead_letters_replaying_idx", "consumer", postgresql_where=text("state = 'replaying'")),
    Index("dead_letters_user_idx", "user_id", postgresql_where=text("user_id IS NOT NULL")),
    info={"grant": "SELECT, INSERT, UPDATE"},
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("no", BigInteger, primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("action", Text, nullable=False),
    # What it happened to: the event's subject, `task/{id}`.
    Column("resource", Text, nullable=False, server_default=text("''")),
    _moment("occurred_at"),
    _moment("recorded_at"),
    # The canonical JSON the hash covers, byte for byte.
    Column("entry", Text, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index(None, "user_id", "resource", "no"),
    Index(None, "recorded_at"),
    info={"grant": APPEND},
)

# Once an hour the ends of all chains that grew are sealed, each seal over the one before: whole chains can't vanish.
audit_seals = Table(
    "audit_seals",
    metadata,
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    _moment("sealed_at"),
    # {user id: [number, hash in hex]} of each chain's end, where it grew since the seal before.
    Column("heads", JSONB, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    info={"grant": APPEND},
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    _moment("expires_at"),
    info={"grant": ALL},
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", Uuid, primary_key=True),
    _user(),
    Column("task_id", Uuid, nullable=False),
    Column("reminder_id", Uuid, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("title", Text, nullable=False),
    _moment("created_at"),
    _moment("read_at", required=False),
    _moment("dismissed_at", required=False),
    _moment("snoozed_until", required=False),
    UniqueConstraint("reminder_id", "generation"),
    Index(None, "user_id", "created_at"),
    Index(None, "task_id"),
    info={"grant": ALL},
)

activity = Table(
    "activity",
    metadata,
    # A user's id, or a role's name for what the system itself reports.
    Column("subject", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    info={"grant": ALL},
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Uuid, primary_key=True),
    _user(),
    _moment("created_at"),
    _moment("updated_at"),
    Index(None, "user_id", "updated_at"),
    info={"grant": ALL},
)

messages = Table(
    "messages",
    metadata,
    Column("conversation_id", Uuid, ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    # What was done or found: the intent, the tasks meant.
    Column("data", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _moment("created_at"),
    CheckConstraint("role IN ('user', 'assistant')", name="role"),
    info={"grant": ALL},
)

# What consenting users told the chat, personal details taken out.
training_samples = Table(
    "training_samples",
    metadata,
    Column("id", Uuid, primary_key=True),
    _user(),
    Column("conversation_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    _moment("created_at"),
    Index(None, "user_id"),
    Index(None, "created_at"),
    info={"grant": ALL},
)

# Releases that have run here: a backend that is the first of its kind says so.
releases = Table(
    "releases",
    metadata,
    Column("version", Text, primary_key=True),
    _moment("seen_at"),
    info={"grant": APPEND},
)

system_events = Table(
    "system_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("role", Text, nullable=False),
    Column("type", Text, nullable=False),
    _moment("occurred_at"),
    Column("data", JSONB, nullable=False),
    Index(None, "occurred_at"),
    info={"grant": ALL},
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("rule", Text, nullable=False),
    # What it is about: a role, a pod, a topic.
    Column("subject", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("count", Integer, nullable=False, server_default=text("1")),
    _moment("first_at"),
    _moment("last_at"),
    _moment("resolved_at", required=False),
    CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
    Index("alerts_open_idx", "rule", "subject", unique=True, postgresql_where=text("resolved_at IS NULL")),
    Index(None, "last_at"),
    info={"grant": ALL},
)
