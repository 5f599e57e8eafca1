-- Views of the queue: which alerts, in which order, with which columns.
CREATE TABLE queue_view (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES account,
    name         text NOT NULL,
    organisation text,                           -- shared with all who see its alerts; NULL: its owner's alone
    search       jsonb NOT NULL,                 -- the queue's address: an object of texts
    changed_us   bigint NOT NULL
);
CREATE UNIQUE INDEX queue_view_has_one_name ON queue_view (account_id, lower(name));
CREATE INDEX queue_view_shared ON queue_view (organisation) WHERE organisation IS NOT NULL;

-- Alerts of one rule about one entity are alike; an entity is who began, or else who was met.
ALTER TABLE alert ADD COLUMN entity text GENERATED ALWAYS AS (coalesce(src, dst)) STORED;
CREATE INDEX alert_by_likeness ON alert (rule_id, entity, last_us DESC) INCLUDE (tenant, verdict);

-- One for each order that the queue has.
CREATE INDEX alert_by_detected ON alert (detected_us DESC, id DESC);
CREATE INDEX alert_by_detected_of_tenant ON alert (tenant, detected_us DESC, id DESC);
CREATE INDEX alert_by_severity ON alert ((severity::bigint) DESC, id DESC);
CREATE INDEX alert_by_count ON alert (count DESC, id DESC);
-- Counting what the queue shows reads this alone.
CREATE INDEX alert_to_count ON alert (status, tenant)
    INCLUDE (assignee_id, severity, snoozed_until_us, snoozed_count, count);
-- One group of the queue: rules have alert_by_likeness.
CREATE INDEX alert_by_src ON alert (src, detected_us DESC, id DESC) WHERE src IS NOT NULL;
CREATE INDEX alert_by_dst ON alert (dst, detected_us DESC, id DESC) WHERE dst IS NOT NULL;
