-- What happens to alerts is told to every console, in the transaction in which it happens: one letter, `t` for what the pipeline
-- told and `w` for what somebody did, and the alert's id in hexadecimal. PostgreSQL tells a repeat within a transaction once.
CREATE FUNCTION tell_of_alert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vonggac_alert', 't' || encode(NEW.id, 'hex'));
    RETURN NULL;
END
$$;
CREATE TRIGGER alert_is_news AFTER INSERT OR UPDATE OF revision ON alert
    FOR EACH ROW EXECUTE FUNCTION tell_of_alert();

CREATE FUNCTION tell_of_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vonggac_alert', 'w' || encode(NEW.alert_id, 'hex'));
    RETURN NULL;
END
$$;
CREATE TRIGGER activity_is_news AFTER INSERT ON activity
    FOR EACH ROW EXECUTE FUNCTION tell_of_activity();

-- What the queue's search looks through. Immutable in truth: it joins texts, and depends on no setting.
CREATE FUNCTION alert_text(rule_title text, rule_id text, summary text, src text, dst text, sensor text, techniques text[])
RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN concat_ws(' ', rule_title, rule_id, summary, src, dst, sensor, array_to_string(techniques, ' '));
END
$$;

-- Without pg_trgm (part of PostgreSQL's own contrib, trusted since 13) the search looks at every alert, as long as a statement may.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX alert_by_text ON alert
        USING gin (alert_text(rule_title, rule_id, summary, src, dst, sensor, techniques) gin_trgm_ops);
EXCEPTION
    WHEN undefined_file OR feature_not_supported OR insufficient_privilege OR undefined_object THEN
        RAISE WARNING 'no index for the text search over alerts: %', SQLERRM;
END
$$;
