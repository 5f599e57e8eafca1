-- What a search by text looks at stands in one table again, now that 0088 and 0098 have both run: of two, a page could not stop once it was full.
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
UPDATE alert_words w SET words = concat_ws(chr(10), w.words, v.words) FROM alert_words_vi v WHERE v.alert_id = w.alert_id;

DROP TRIGGER alert_has_words_in_vietnamese ON alert;
DROP TRIGGER alert_has_other_words_in_vietnamese ON alert;
DROP FUNCTION keep_words_vi();
DROP TABLE alert_words_vi;
