-- Row-level security: what is not in `vonggac.reach` is not there, whatever a statement asks for (console/database/src/fence.rs). `*` is the
-- console's own duties; a connection that says nothing sees nothing. Forced, since the console owns its tables.
--
-- A condition may be tried before the policy only when its operators are leakproof. `ILIKE` is not, so an index over a table with a policy is
-- of no use to it; therefore the text search goes over a table of its own, which tells nothing but which alert has what words, and the
-- alerts found are asked for under the policy.

CREATE TABLE alert_words (
    alert_id   bytea PRIMARY KEY REFERENCES alert ON DELETE CASCADE,
    words      text NOT NULL,
    techniques text[] NOT NULL                   -- in capitals; of a sub-technique, its technique too
);

CREATE FUNCTION with_parents(techniques text[]) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT name), '{}')
    FROM unnest(techniques) AS t(id) CROSS JOIN LATERAL (VALUES (upper(t.id)), (split_part(upper(t.id), '.', 1))) AS n(name)
$$;

INSERT INTO alert_words
    SELECT id, alert_text(rule_title, rule_id, summary, src, dst, sensor, techniques), with_parents(techniques) FROM alert;

CREATE FUNCTION keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alert_words VALUES
        (NEW.id, alert_text(NEW.rule_title, NEW.rule_id, NEW.summary, NEW.src, NEW.dst, NEW.sensor, NEW.techniques),
         with_parents(NEW.techniques))
    ON CONFLICT (alert_id) DO UPDATE SET words = excluded.words, techniques = excluded.techniques
        WHERE (alert_words.words, alert_words.techniques) <> (excluded.words, excluded.techniques);
    RETURN NULL;
END
$$;
CREATE TRIGGER alert_has_words
    AFTER INSERT OR UPDATE OF rule_title, rule_id, summary, src, dst, sensor, techniques ON alert
    FOR EACH ROW EXECUTE FUNCTION keep_words();

CREATE INDEX alert_words_by_technique ON alert_words USING gin (techniques);

-- As before: without pg_trgm the search looks at every alert.
DROP INDEX IF EXISTS alert_by_text;
DO $$
BEGIN
    CREATE INDEX alert_words_by_part ON alert_words USING gin (words gin_trgm_ops);
EXCEPTION
    WHEN undefined_object THEN
        RAISE WARNING 'no index for the text search over alerts: %', SQLERRM;
END
$$;

-- The request's id out of the entry, in a column: `substr` is not leakproof either.
DROP INDEX audit_by_request;
ALTER TABLE audit_entry
    ADD COLUMN request bytea GENERATED ALWAYS AS (substr(content, octet_length(content) - 33, 32)) STORED;
CREATE INDEX audit_by_request ON audit_entry (request, seq);

-- Sub-selects, so that the setting is read once a statement and not once a row.
CREATE POLICY reach ON alert USING (
    tenant = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
CREATE POLICY reach ON sensor USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
CREATE POLICY reach ON handover USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
CREATE POLICY reach ON watch_item USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
-- Who does something is written down whatever it reaches.
CREATE POLICY reach ON audit_entry FOR SELECT USING (
    organisation = ANY ((SELECT string_to_array(current_setting('vonggac.reach', true), ','))::text[])
    OR (SELECT current_setting('vonggac.reach', true)) = '*');
CREATE POLICY written ON audit_entry FOR INSERT WITH CHECK (true);

ALTER TABLE alert ENABLE ROW LEVEL SECURITY;
ALTER TABLE alert FORCE ROW LEVEL SECURITY;
ALTER TABLE sensor ENABLE ROW LEVEL SECURITY;
ALTER TABLE sensor FORCE ROW LEVEL SECURITY;
ALTER TABLE handover ENABLE ROW LEVEL SECURITY;
ALTER TABLE handover FORCE ROW LEVEL SECURITY;
ALTER TABLE watch_item ENABLE ROW LEVEL SECURITY;
ALTER TABLE watch_item FORCE ROW LEVEL SECURITY;
ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entry FORCE ROW LEVEL SECURITY;
