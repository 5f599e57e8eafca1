-- What goes on after an alert was closed is a new alert in the queue. All rows that stand for one alert of the pipeline share
-- `origin_id`, its id; `ordinal` counts them, and row 0 is the alert itself.
ALTER TABLE alert
    ADD COLUMN origin_id      bytea,
    ADD COLUMN ordinal        integer NOT NULL DEFAULT 0 CHECK (ordinal >= 0),
    ADD COLUMN continues_id   bytea REFERENCES alert ON DELETE SET NULL,
    -- What the rows before it tell of the pipeline's alert: its events, and how many of its lists.
    ADD COLUMN base_count     bigint NOT NULL DEFAULT 0,
    ADD COLUMN base_event_ids integer NOT NULL DEFAULT 0,
    ADD COLUMN base_flow_ids  integer NOT NULL DEFAULT 0;
UPDATE alert SET origin_id = id;
ALTER TABLE alert
    ALTER COLUMN origin_id SET NOT NULL,
    ADD CONSTRAINT alert_goes_on UNIQUE (origin_id, ordinal),
    ADD CHECK ((ordinal = 0) = (origin_id = id));
CREATE INDEX alert_by_continued ON alert (continues_id) WHERE continues_id IS NOT NULL;
