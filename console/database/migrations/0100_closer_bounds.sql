-- A token has the roles that its service had when it was made, and those that its maker gave later: what another gives is for another token.
ALTER TABLE api_token ADD COLUMN roles_upto bigint NOT NULL DEFAULT 0; -- the service's last membership by then
UPDATE api_token t SET roles_upto = coalesce((SELECT max(m.id) FROM membership m WHERE m.account_id = t.account_id), 0);
ALTER TABLE api_token ALTER COLUMN roles_upto DROP DEFAULT;

-- Who alone let the owner of an account in; none: two people did, or the console.
ALTER TABLE account ADD COLUMN let_in_by bigint REFERENCES account;

-- A file is for whoever may still see all that it is about.
DELETE FROM export;
ALTER TABLE export ADD COLUMN codes text[] NOT NULL; -- of organisations

-- A name is taken on its stage alone: that it is taken on another tells nobody anything.
DROP INDEX sensor_of_name;
CREATE UNIQUE INDEX sensor_of_name ON sensor (organisation, coalesce(exercise_id, 0), lower(name)) WHERE revoked_us IS NULL;

-- Lengths are of characters, as they are told.
ALTER TABLE exercise DROP CONSTRAINT exercise_name_check, DROP CONSTRAINT exercise_note_check;
ALTER TABLE exercise ADD CONSTRAINT exercise_name_check CHECK (name <> '' AND char_length(name) <= 200),
    ADD CONSTRAINT exercise_note_check CHECK (char_length(note) <= 2000);

-- Who takes part in what has not started is nobody's news.
DROP TRIGGER exercise_share_is_news ON exercise_share;
CREATE FUNCTION tell_of_exercise_share() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM exercise WHERE id = coalesce(NEW.exercise_id, OLD.exercise_id) AND started_us IS NOT NULL) THEN
        PERFORM pg_notify('vonggac_rights', '0');
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER exercise_share_is_news AFTER INSERT OR DELETE ON exercise_share
    FOR EACH ROW EXECUTE FUNCTION tell_of_exercise_share();

-- Whether an exception hid it before somebody took it up.
ALTER TABLE operation_alert ADD COLUMN is_suppressed boolean NOT NULL DEFAULT false;
ALTER TABLE operation_alert ALTER COLUMN is_suppressed DROP DEFAULT;
