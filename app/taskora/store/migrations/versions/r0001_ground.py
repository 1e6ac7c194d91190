"""The ground: people, tasks and what belongs to them, outbox, inbox, audit log, what consumers make of events."""

from alembic import op

revision = "0001"
down_revision = None

# The oldest release whose code still works on this schema: the operator goes back no further.
OLDEST_RELEASE = "1.0.0"

STATEMENTS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL UNIQUE,
    display_name text NOT NULL,
    password_hash text NOT NULL,
    time_zone text NOT NULL,
    is_admin boolean NOT NULL DEFAULT false,
    seq bigint NOT NULL DEFAULT 0,
    feed_floor bigint NOT NULL DEFAULT 0,
    preferences jsonb NOT NULL DEFAULT '{}',
    calendar_hash bytea UNIQUE,
    training_consent_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE user_keys (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    key bytea NOT NULL
);

CREATE TABLE password_resets (
    token_hash bytea PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX ON password_resets (user_id);
CREATE INDEX ON password_resets (expires_at);

CREATE TABLE attempts (
    key text PRIMARY KEY,
    count integer NOT NULL,
    since timestamptz NOT NULL
);

CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    id uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('browser', 'token')),
    label text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX ON sessions (user_id);
CREATE INDEX ON sessions (expires_at);

CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL CHECK (status IN ('todo', 'in_progress', 'done')),
    priority text NOT NULL CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    due_at timestamptz,
    due_date date,
    tags text[] NOT NULL,
    parent_id uuid REFERENCES tasks (id) ON DELETE CASCADE,
    position double precision NOT NULL DEFAULT 0,
    reminders jsonb NOT NULL DEFAULT '[]',
    recurrence jsonb,
    series_id uuid,
    occurrence_no integer,
    series jsonb,
    withdrawn boolean NOT NULL DEFAULT false,
    version integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    completed_at timestamptz,
    deleted_at timestamptz,
    search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', description), 'B')
    ) STORED,
    CONSTRAINT tasks_one_due_check CHECK (due_at IS NULL OR due_date IS NULL),
    CONSTRAINT tasks_completed_check CHECK ((status = 'done') = (completed_at IS NOT NULL)),
    CONSTRAINT tasks_occurrence_check CHECK ((series_id IS NULL) = (occurrence_no IS NULL)),
    CONSTRAINT tasks_recurrence_check CHECK (recurrence IS NULL OR series_id IS NOT NULL),
    CONSTRAINT tasks_withdrawn_check CHECK (NOT withdrawn OR deleted_at IS NOT NULL)
);
CREATE INDEX tasks_listed_idx ON tasks (user_id, id) WHERE deleted_at IS NULL;
CREATE INDEX tasks_trash_idx ON tasks (user_id, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX tasks_parent_idx ON tasks (parent_id) WHERE parent_id IS NOT NULL;
CREATE UNIQUE INDEX tasks_series_idx ON tasks (series_id, occurrence_no) WHERE series_id IS NOT NULL;

CREATE TABLE reminders (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    at timestamptz,
    minutes_before integer,
    generation integer NOT NULL DEFAULT 1,
    fire_at timestamptz,
    state text NOT NULL CHECK (state IN ('waiting', 'fired', 'delivered', 'cancelled')),
    snoozed boolean NOT NULL DEFAULT false,
    fired_at timestamptz,
    delivered_at timestamptz,
    CONSTRAINT reminders_one_time_check CHECK ((at IS NULL) <> (minutes_before IS NULL)),
    CONSTRAINT reminders_waiting_check CHECK (state <> 'waiting' OR fire_at IS NOT NULL)
);
CREATE INDEX reminders_waiting_idx ON reminders (fire_at) WHERE state = 'waiting';
CREATE INDEX ON reminders (task_id);
CREATE INDEX ON reminders (user_id);

CREATE TABLE recurrence_due (
    series_id uuid NOT NULL,
    occurrence_no integer NOT NULL,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    task_id uuid NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (series_id, occurrence_no)
);
CREATE INDEX ON recurrence_due (due_at);
CREATE INDEX ON recurrence_due (task_id);
CREATE INDEX ON recurrence_due (user_id);

CREATE TABLE tags (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    folded text NOT NULL,
    color text NOT NULL,
    pinned boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    UNIQUE (user_id, folded)
);

CREATE TABLE views (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name text NOT NULL,
    query jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON views (user_id);

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    user_id uuid NOT NULL,
    shard smallint NOT NULL,
    seq bigint,
    event jsonb NOT NULL,
    traceparent text NOT NULL,
    created_at timestamptz NOT NULL,
    published_at timestamptz,
    CONSTRAINT outbox_numbered_check CHECK ((topic = 'task-events') = (seq IS NOT NULL))
);
CREATE INDEX outbox_waiting_idx ON outbox (id) WHERE published_at IS NULL;
CREATE UNIQUE INDEX outbox_feed_idx ON outbox (user_id, seq) WHERE seq IS NOT NULL;

CREATE TABLE idempotency (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    etag text,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX ON idempotency (created_at);

CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, event_id)
) PARTITION BY RANGE (event_id);
CREATE TABLE inbox_rest PARTITION OF inbox DEFAULT;

CREATE FUNCTION inbox_roll(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    month timestamptz;
    part text;
BEGIN
    FOR month IN SELECT generate_series(date_trunc('month', at), date_trunc('month', at) + '2 months', '1 month') LOOP
        part := 'inbox_' || to_char(month, 'YYYYMM');
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF inbox FOR VALUES FROM (%L) TO (%L)', part,
                           inbox_id_from(month), inbox_id_from(month + '1 month'));
        END IF;
    END LOOP;
    FOR part IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'inbox'::regclass AND relname ~ '^inbox_[0-9]{6}$'
          AND relname < 'inbox_' || to_char(at - interval '60 days', 'YYYYMM')
    LOOP
        EXECUTE format('DROP TABLE %I', part);
    END LOOP;
    DELETE FROM inbox_rest WHERE received_at < at - interval '60 days';
END $$;

CREATE FUNCTION inbox_id_from(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT rpad(lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

REVOKE EXECUTE ON FUNCTION inbox_roll FROM PUBLIC;

CREATE TABLE dead_letters (
    id uuid PRIMARY KEY,
    consumer text NOT NULL,
    topic text NOT NULL,
    event_id uuid,
    user_id uuid,
    reason text NOT NULL,
    body bytea NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replaying', 'replayed', 'discarded')),
    created_at timestamptz NOT NULL,
    resolved_at timestamptz
);
CREATE INDEX dead_letters_replaying_idx ON dead_letters (consumer) WHERE state = 'replaying';
CREATE INDEX dead_letters_user_idx ON dead_letters (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE audit_log (
    user_id uuid NOT NULL,
    no bigint NOT NULL,
    event_id uuid NOT NULL UNIQUE,
    action text NOT NULL,
    resource text NOT NULL DEFAULT '',
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    entry text NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (user_id, no)
);
CREATE INDEX ON audit_log (user_id, resource, no);
CREATE INDEX ON audit_log (recorded_at);

CREATE TABLE audit_seals (
    no bigint PRIMARY KEY,
    sealed_at timestamptz NOT NULL,
    heads jsonb NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL
);

CREATE TABLE leases (
    name text PRIMARY KEY,
    owner text NOT NULL,
    epoch bigint NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE notifications (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    task_id uuid NOT NULL,
    reminder_id uuid NOT NULL,
    generation integer NOT NULL,
    title text NOT NULL,
    created_at timestamptz NOT NULL,
    read_at timestamptz,
    dismissed_at timestamptz,
    snoozed_until timestamptz,
    UNIQUE (reminder_id, generation)
);
CREATE INDEX ON notifications (user_id, created_at);
CREATE INDEX ON notifications (task_id);

CREATE TABLE activity (
    subject text NOT NULL,
    day date NOT NULL,
    type text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (subject, day, type)
);

CREATE TABLE conversations (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX ON conversations (user_id, updated_at);

CREATE TABLE messages (
    conversation_id uuid NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    no integer NOT NULL,
    role text NOT NULL CHECK (role IN ('user', 'assistant')),
    text text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, no)
);

CREATE TABLE training_samples (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    conversation_id uuid NOT NULL,
    role text NOT NULL,
    text text NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL
);
CREATE INDEX ON training_samples (user_id);
CREATE INDEX ON training_samples (created_at);

CREATE TABLE releases (
    version text PRIMARY KEY,
    seen_at timestamptz NOT NULL
);

CREATE TABLE system_events (
    id uuid PRIMARY KEY,
    role text NOT NULL,
    type text NOT NULL,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL
);
CREATE INDEX ON system_events (occurred_at);

CREATE TABLE alerts (
    id uuid PRIMARY KEY,
    rule text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    message text NOT NULL,
    count integer NOT NULL DEFAULT 1,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    resolved_at timestamptz
);
CREATE UNIQUE INDEX alerts_open_idx ON alerts (rule, subject) WHERE resolved_at IS NULL;
CREATE INDEX ON alerts (last_at);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(STATEMENTS, execution_options={"no_parameters": True})


def downgrade() -> None:
    raise NotImplementedError("A release goes back by restoring its backup; revisions only go forward.")
