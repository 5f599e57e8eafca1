-- Exercises (docs/exercises.md): rooms of their own. What sensors of one see is on its stage, and never among what is real.
CREATE TABLE exercise (
    id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- `exercise_id` of its events and alerts
    organisation text COLLATE "C" NOT NULL REFERENCES organisation, -- whose it is, and all that its sensors see
    name         text NOT NULL CHECK (name <> '' AND octet_length(name) <= 400),
    note         text NOT NULL DEFAULT '' CHECK (octet_length(note) <= 4000),
    made_us      bigint NOT NULL,
    made_by      bigint NOT NULL REFERENCES account,
    started_us   bigint,                         -- from then on who takes part is in
    ended_us     bigint,                         -- from then on it is only looked at
    CHECK (ended_us IS NULL OR started_us IS NOT NULL)
);
CREATE INDEX exercise_of_organisation ON exercise (organisation, id DESC);

-- Who takes part.
CREATE TABLE exercise_share (
    exercise_id  integer NOT NULL REFERENCES exercise,
    organisation text COLLATE "C" NOT NULL REFERENCES organisation,
    shared_us    bigint NOT NULL,
    PRIMARY KEY (exercise_id, organisation)
);
CREATE INDEX exercise_share_of ON exercise_share (organisation, exercise_id DESC);

-- The queue of one.
CREATE INDEX alert_of_exercise ON alert (exercise_id, last_us DESC, id DESC) WHERE exercise_id <> 0;

-- As migrations 0021 and 0093 have them, with the stage, which every question names; and the times, so that a span is counted from the
-- index as well.
DROP INDEX alert_to_count;
CREATE INDEX alert_to_count ON alert (status, tenant)
    INCLUDE (assignee_id, severity, snoozed_until_us, snoozed_count, count, is_suppressed, exercise_id, first_us, last_us);
DROP INDEX alert_by_likeness;
CREATE INDEX alert_by_likeness ON alert (rule_id, entity, last_us DESC) INCLUDE (tenant, verdict, exercise_id);

-- What is seen on its stage is kept.
CREATE TRIGGER exercise_is_kept BEFORE DELETE OR TRUNCATE ON exercise
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();

-- A sensor is for real work or for one exercise as long as it lives: what it sent is never taken for the other.
ALTER TABLE sensor ADD COLUMN exercise_id integer REFERENCES exercise;
CREATE INDEX sensor_of_exercise ON sensor (exercise_id) WHERE exercise_id IS NOT NULL;

-- Nobody is told of a drill.
DROP TRIGGER alert_is_for_notices ON alert;
CREATE TRIGGER alert_is_for_notices AFTER INSERT ON alert
    FOR EACH ROW WHEN (NEW.exercise_id = 0 AND NOT NEW.is_suppressed) EXECUTE FUNCTION keep_alert_for_notices();

-- The second fence knows the stage: `vonggac.stage` is the exercise that is looked at; nothing and '' are real work.
CREATE FUNCTION stage() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(nullif(current_setting('vonggac.stage', true), '')::bigint, 0)
$$;
ALTER POLICY reach ON alert USING (
    tenant = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    AND exercise_id = (SELECT stage())
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
ALTER POLICY reach ON sensor USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    AND coalesce(exercise_id, 0) = (SELECT stage())
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
-- These are of real work alone.
ALTER POLICY reach ON handover USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    AND (SELECT stage()) = 0
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
ALTER POLICY reach ON watch_item USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    AND (SELECT stage()) = 0
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
ALTER POLICY reach ON audit_entry USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    AND (SELECT stage()) = 0
    OR (SELECT current_setting('vonggac.reach', true)) = '*');

-- Who is in an exercise, and what may be done in it, has changed: every live stream looks anew.
CREATE FUNCTION tell_of_exercise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vonggac_rights', '0');
    RETURN NULL;
END
$$;
CREATE TRIGGER exercise_is_news AFTER UPDATE OF started_us, ended_us ON exercise
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_exercise();
CREATE TRIGGER exercise_share_is_news AFTER INSERT OR DELETE ON exercise_share
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_exercise();
