-- Times are microseconds since 1970, UTC: the console's clock is an argument of every statement, never the server's.

CREATE TABLE account (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_name     text NOT NULL,
    user_key      text NOT NULL UNIQUE,          -- user_name in lower case
    display_name  text NOT NULL,
    password_hash text NOT NULL,                 -- PHC string, argon2id
    role          text NOT NULL CHECK (role IN ('administrator', 'analyst')),
    tenant        text NOT NULL,                 -- '' or '*' sees every tenant
    language      text NOT NULL CHECK (language IN ('vi', 'en')),
    created_us    bigint NOT NULL
);

CREATE TABLE session (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash   bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    account_id   bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    created_us   bigint NOT NULL,
    last_seen_us bigint NOT NULL,
    user_agent   text NOT NULL,
    address      text NOT NULL
);
CREATE INDEX session_of_account ON session (account_id, created_us);

-- Attempts to sign in or to set up, by who or where they come from; a row is worth nothing once its window has passed.
CREATE TABLE attempt (
    key       text PRIMARY KEY,
    attempts  integer NOT NULL,
    window_us bigint NOT NULL
);

CREATE TABLE alert (
    id           bytea PRIMARY KEY CHECK (octet_length(id) = 16),
    -- What the pipeline says; replaced as a whole by a newer revision.
    revision     bigint NOT NULL,
    rule_id      text NOT NULL,
    rule_title   text NOT NULL,
    rule_version text NOT NULL,
    rule_kind    smallint NOT NULL,
    severity     smallint NOT NULL,
    techniques   text[] NOT NULL,
    tactics      text[] NOT NULL,
    tenant       text NOT NULL,
    sensor       text NOT NULL,
    src          text,
    sport        integer NOT NULL,
    dst          text,
    dport        integer NOT NULL,
    proto        text NOT NULL,
    first_us     bigint NOT NULL,
    last_us      bigint NOT NULL,
    detected_us  bigint NOT NULL,
    count        bigint NOT NULL,
    exercise_id  bigint NOT NULL,
    summary      text NOT NULL,
    encoded      bytea NOT NULL,                 -- the alert's Protobuf
    -- What people did; kept over revisions.
    status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'acknowledged', 'closed')),
    assignee_id  bigint REFERENCES account,
    resolution   text CHECK (resolution IN ('true_positive', 'false_positive', 'benign', 'duplicate')),
    CHECK ((status = 'closed') = (resolution IS NOT NULL))
);
CREATE INDEX alert_by_last_seen ON alert (last_us DESC, id DESC);
CREATE INDEX alert_by_tenant ON alert (tenant, last_us DESC, id DESC);
CREATE INDEX alert_by_status ON alert (status, last_us DESC, id DESC);

CREATE TABLE activity (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bytea NOT NULL REFERENCES alert,
    at_us    bigint NOT NULL,
    actor_id bigint NOT NULL REFERENCES account,
    action   text NOT NULL CHECK (action IN ('acknowledged', 'closed', 'reopened', 'assigned', 'commented')),
    detail   jsonb NOT NULL
);
CREATE INDEX activity_of_alert ON activity (alert_id, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER activity_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON activity
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
