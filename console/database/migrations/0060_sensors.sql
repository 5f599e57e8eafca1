-- Sensors that are enrolled (docs/enrolment.md).
CREATE TABLE sensor (
    id            bytea PRIMARY KEY CHECK (octet_length(id) = 16),
    organisation  text COLLATE "C" NOT NULL REFERENCES organisation,
    name          text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
    note          text NOT NULL DEFAULT '' CHECK (octet_length(note) <= 2000), -- where it stands, what it sees
    generation    integer NOT NULL DEFAULT 0 CHECK (generation >= 0), -- of the credential that counts; 0: it has none yet
    prepared_us   bigint NOT NULL,
    enrolled_us   bigint,                        -- when that credential was given
    enrolled_from text,                          -- and from which address it was asked for
    revoked_us    bigint,
    version       bigint NOT NULL DEFAULT 0,     -- counts what pipelines have to know
    told          bigint NOT NULL DEFAULT 0,     -- the version that Kafka has
    CHECK ((generation = 0) = (enrolled_us IS NULL))
);
CREATE UNIQUE INDEX sensor_of_name ON sensor (organisation, lower(name)) WHERE revoked_us IS NULL;
CREATE INDEX sensor_by_name ON sensor (lower(name), id);
CREATE INDEX sensor_untold ON sensor (id) WHERE told <> version AND generation > 0;
-- Events carry its name for as long as they are kept, and longer than it counts.
CREATE TRIGGER sensor_is_kept BEFORE DELETE OR TRUNCATE ON sensor
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();

-- With what a sensor gets a credential. One of a sensor at a time: a newer one takes its place.
CREATE TABLE sensor_token (
    sensor_id   bytea PRIMARY KEY REFERENCES sensor,
    secret_hash bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    made_us     bigint NOT NULL,
    made_by     bigint NOT NULL REFERENCES account
);
CREATE INDEX sensor_token_by_maker ON sensor_token (made_by);

-- What became of each, for its page; the audit log has it too.
CREATE TABLE sensor_history (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sensor_id  bytea NOT NULL REFERENCES sensor,
    at_us      bigint NOT NULL,
    step       text NOT NULL CHECK (step IN ('prepare', 'enrol', 'renew', 'change', 'revoke')),
    generation integer NOT NULL,
    account_id bigint REFERENCES account,        -- NULL: nobody who was signed in
    address    text NOT NULL                     -- of a sensor that was enrolled
);
CREATE INDEX sensor_history_of ON sensor_history (sensor_id, number);

-- The consoles hear in the transaction in which it happens that there is something to be told to the pipelines.
CREATE FUNCTION tell_of_sensor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vonggac_sensor', '');
    RETURN NULL;
END
$$;
CREATE TRIGGER sensor_is_news AFTER UPDATE OF version ON sensor
    FOR EACH ROW WHEN (NEW.version <> OLD.version) EXECUTE FUNCTION tell_of_sensor();
