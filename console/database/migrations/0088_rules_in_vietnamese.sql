-- What an alert's rule is called in Vietnamese, where it says so; console/web shows it to whoever reads Vietnamese.
ALTER TABLE alert ADD COLUMN rule_title_vi text;

-- The text search finds its words too. They stand beside `alert_words` and not in it, since migrations of higher numbers make that table and
-- what fills it: here they may have run already, or be still to come. Like that one it has no policy, and tells nothing but which
-- alert has what words.
CREATE TABLE alert_words_vi (
    alert_id bytea PRIMARY KEY REFERENCES alert ON DELETE CASCADE,
    words    text NOT NULL
);

CREATE FUNCTION keep_words_vi() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.rule_title_vi IS NULL THEN
        DELETE FROM alert_words_vi WHERE alert_id = NEW.id;
    ELSE
        INSERT INTO alert_words_vi VALUES (NEW.id, NEW.rule_title_vi)
        ON CONFLICT (alert_id) DO UPDATE SET words = excluded.words WHERE alert_words_vi.words <> excluded.words;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER alert_has_words_in_vietnamese AFTER INSERT ON alert FOR EACH ROW
    WHEN (NEW.rule_title_vi IS NOT NULL) EXECUTE FUNCTION keep_words_vi();
CREATE TRIGGER alert_has_other_words_in_vietnamese AFTER UPDATE OF rule_title_vi ON alert FOR EACH ROW
    WHEN (OLD.rule_title_vi IS DISTINCT FROM NEW.rule_title_vi) EXECUTE FUNCTION keep_words_vi();

-- Without pg_trgm (migration 0012) the search looks at every one.
DO $$
BEGIN
    CREATE INDEX alert_words_vi_by_part ON alert_words_vi USING gin (words gin_trgm_ops);
EXCEPTION
    WHEN undefined_object THEN
        RAISE WARNING 'no index for the text search over alerts in Vietnamese: %', SQLERRM;
END
$$;
