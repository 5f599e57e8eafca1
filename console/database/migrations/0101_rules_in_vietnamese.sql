-- What an alert's rule is called in Vietnamese, where it says so; console/web shows it to whoever reads Vietnamese.
ALTER TABLE alert ADD COLUMN rule_title_vi text;

-- The text search finds its words too. They stand in the table that has the others: of two, a page could not stop once it was full.
CREATE OR REPLACE FUNCTION keep_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO alert_words VALUES
        (NEW.id,
         concat_ws(chr(10),
             alert_text(NEW.rule_title, NEW.rule_id, NEW.summary, NEW.src, NEW.dst, NEW.sensor, NEW.techniques), NEW.rule_title_vi),
         with_parents(NEW.techniques))
    ON CONFLICT (alert_id) DO UPDATE SET words = excluded.words, techniques = excluded.techniques
        WHERE (alert_words.words, alert_words.techniques) <> (excluded.words, excluded.techniques);
    RETURN NULL;
END
$$;
DROP TRIGGER alert_has_words ON alert;
CREATE TRIGGER alert_has_words
    AFTER INSERT OR UPDATE OF rule_title, rule_title_vi, rule_id, summary, src, dst, sensor, techniques ON alert
    FOR EACH ROW EXECUTE FUNCTION keep_words();
