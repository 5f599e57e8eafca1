-- Exceptions: which alerts of a rule an organisation wants out of its queue, or less urgent, until when and why (docs/exceptions.md).
CREATE TABLE exception (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation   text COLLATE "C" NOT NULL REFERENCES organisation,
    with_beneath   boolean NOT NULL,
    rule_id        text NOT NULL,
    rule_title     text NOT NULL,
    alert_id       bytea REFERENCES alert ON DELETE SET NULL, -- which it was made from
    conditions     jsonb NOT NULL CHECK (jsonb_typeof(conditions) = 'array'), -- all of them; none: the whole rule
    is_whole       boolean NOT NULL,             -- no condition tells one peer from another
    effect         text NOT NULL CHECK (effect IN ('hide', 'lower')),
    severity       smallint CHECK (severity BETWEEN 1 AND 4), -- what it is lowered to
    reason         text NOT NULL,                -- console/database's verdict.rs
    note           text NOT NULL CHECK (note <> ''),
    made_us        bigint NOT NULL,
    made_by        bigint NOT NULL REFERENCES account,
    expires_us     bigint NOT NULL,
    needs_approval boolean NOT NULL,
    approved_us    bigint,
    approved_by    bigint REFERENCES account,
    -- The last extension. Of one that takes a second person it waits for that person, and `expires_us` is the old one till then.
    extended_us    bigint,
    extended_by    bigint REFERENCES account,
    extended_to_us bigint,
    extension_note text,
    ended_us       bigint,
    ended_by       bigint REFERENCES account,
    end_note       text,
    -- Alerts that it hid or lowered, their events, and when the last came.
    hits           bigint NOT NULL DEFAULT 0,
    events         bigint NOT NULL DEFAULT 0,
    last_hit_us    bigint,
    CHECK ((effect = 'lower') = (severity IS NOT NULL)),
    -- For ever is not offered: a year from when it was made or extended, and no more.
    CHECK (expires_us > made_us AND expires_us <= coalesce(extended_us, made_us) + 366 * 86400000000::bigint),
    CHECK ((approved_us IS NULL) = (approved_by IS NULL) AND approved_by <> made_by),
    CHECK ((ended_us IS NULL) = (ended_by IS NULL) AND (extended_us IS NULL) = (extended_by IS NULL))
);
CREATE INDEX exception_in_force ON exception (rule_id, expires_us) WHERE ended_us IS NULL;
CREATE INDEX exception_of_organisation ON exception (organisation, expires_us DESC);
CREATE TRIGGER exception_is_kept BEFORE DELETE OR TRUNCATE ON exception
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();

-- How much it caught on each day, counted from 1970 in UTC.
CREATE TABLE exception_day (
    exception_id bigint NOT NULL REFERENCES exception,
    day          integer NOT NULL,
    hits         bigint NOT NULL,
    PRIMARY KEY (exception_id, day)
);

ALTER TABLE alert
    ADD COLUMN fields          jsonb NOT NULL DEFAULT '{}',  -- what its events are grouped by, by name
    ADD COLUMN exception_id    bigint REFERENCES exception,  -- the last that hid or lowered it
    ADD COLUMN is_suppressed   boolean NOT NULL DEFAULT false,
    ADD COLUMN raised_severity smallint;                     -- the pipeline's, where an exception lowered it
CREATE INDEX alert_by_exception ON alert (exception_id, last_us DESC) WHERE exception_id IS NOT NULL;
-- As migration 0021 has it, so that counting what the queue shows still reads this alone.
DROP INDEX alert_to_count;
CREATE INDEX alert_to_count ON alert (status, tenant)
    INCLUDE (assignee_id, severity, snoozed_until_us, snoozed_count, count, is_suppressed);

-- Whether an alert is as all the conditions say. The one place that says it: what hides alerts, what shows beforehand which it would
-- be, and what closes those that are open all ask here. A condition is never met by what an alert has not.
CREATE FUNCTION condition_fits(one jsonb, sensor text, src text, dst text, dport integer, fields jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(CASE one->>'on'
        WHEN 'src' THEN src::inet <<= (one->>'is')::inet
        WHEN 'dst' THEN dst::inet <<= (one->>'is')::inet
        WHEN 'address' THEN coalesce(src::inet <<= (one->>'is')::inet, false) OR dst::inet <<= (one->>'is')::inet
        WHEN 'sensor' THEN sensor = one->>'is'
        WHEN 'port' THEN dport::text = one->>'is'
        WHEN 'field' THEN fields->>(one->>'name') = one->>'is'
        WHEN 'domain' THEN lower(fields->>(one->>'name')) = one->>'is'
            OR right(lower(fields->>(one->>'name')), length(one->>'is') + 1) = '.' || (one->>'is')
    END, false)
$$;
CREATE FUNCTION exception_fits(conditions jsonb, sensor text, src text, dst text, dport integer, fields jsonb)
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT NOT EXISTS (
        SELECT FROM jsonb_array_elements(conditions) AS c(one)
        WHERE NOT condition_fits(c.one, sensor, src, dst, dport, fields))
$$;

-- Nobody is told of what is kept out of the queue; of what comes back into it, as of what is new.
CREATE OR REPLACE FUNCTION keep_alert_for_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM notice_rule WHERE is_on AND about IN ('alert', 'watched')) THEN
        INSERT INTO happening (kind, alert_id) VALUES ('alert', NEW.id);
    END IF;
    RETURN NULL;
END
$$;
DROP TRIGGER alert_is_for_notices ON alert;
CREATE TRIGGER alert_is_for_notices AFTER INSERT ON alert FOR EACH ROW
    WHEN (NOT NEW.is_suppressed) EXECUTE FUNCTION keep_alert_for_notices();
CREATE TRIGGER alert_that_comes_back_is_for_notices AFTER UPDATE OF is_suppressed ON alert FOR EACH ROW
    WHEN (OLD.is_suppressed AND NOT NEW.is_suppressed AND OLD.revision < NEW.revision AND NEW.status <> 'closed') EXECUTE FUNCTION keep_alert_for_notices();
