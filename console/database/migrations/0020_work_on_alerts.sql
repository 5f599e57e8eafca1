-- What closed alerts turned out to be: as many say it (Sentinel, Splunk), with a reason by list. The words are console/database's verdict.rs.
ALTER TABLE alert RENAME COLUMN resolution TO verdict;
ALTER TABLE alert DROP CONSTRAINT alert_resolution_check;
UPDATE alert SET verdict = 'benign_true_positive' WHERE verdict = 'benign';
ALTER TABLE alert
    ADD CONSTRAINT alert_verdict_check
        CHECK (verdict IN ('true_positive', 'benign_true_positive', 'false_positive', 'duplicate', 'undetermined')),
    ADD COLUMN verdict_reason   text,
    -- Set aside until then, or for as long as it has no more events than this.
    ADD COLUMN snoozed_until_us bigint,
    ADD COLUMN snoozed_count    bigint,
    ADD COLUMN tags             text[] NOT NULL DEFAULT '{}',
    -- Grows with each change that people make.
    ADD COLUMN work             bigint NOT NULL DEFAULT 0,
    -- When the row came, by PostgreSQL's clock: its only use is to tell rows that somebody has looked at from later ones, and consoles'
    -- clocks differ. Rows come one transaction after the other (intake.rs), so this grows in the order in which they are seen.
    ADD COLUMN arrived_us       bigint NOT NULL DEFAULT 0,
    ADD CHECK (verdict_reason IS NULL OR verdict IS NOT NULL),
    ADD CHECK (status <> 'closed' OR (snoozed_until_us IS NULL AND snoozed_count IS NULL));
ALTER TABLE alert ALTER COLUMN arrived_us SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

CREATE INDEX alert_by_arrival ON alert (arrived_us);
CREATE INDEX alert_by_arrival_of_tenant ON alert (tenant, arrived_us);
CREATE INDEX alert_by_assignee ON alert (assignee_id, last_us DESC, id DESC) WHERE assignee_id IS NOT NULL;
CREATE INDEX alert_by_tag ON alert USING gin (tags);
CREATE INDEX alert_with_tags ON alert (last_us DESC) WHERE tags <> '{}';
CREATE INDEX alert_by_waking ON alert (snoozed_until_us) WHERE snoozed_until_us IS NOT NULL;

ALTER TABLE activity DROP CONSTRAINT activity_action_check;
ALTER TABLE activity ADD CONSTRAINT activity_action_check
    CHECK (action IN ('acknowledged', 'taken_over', 'closed', 'reopened', 'assigned', 'commented', 'snoozed', 'woken', 'tagged', 'undone'));

-- One act of one person on one alert or many, kept for a while so that it can be undone.
CREATE TABLE operation (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    at_us      bigint NOT NULL,
    action     text NOT NULL,
    undone_us  bigint
);
CREATE INDEX operation_by_time ON operation (at_us);

-- How each alert stood before, and what its `work` became.
CREATE TABLE operation_alert (
    operation_id     bigint NOT NULL REFERENCES operation ON DELETE CASCADE,
    alert_id         bytea NOT NULL REFERENCES alert ON DELETE CASCADE,
    work             bigint NOT NULL,
    status           text NOT NULL,
    assignee_id      bigint REFERENCES account,
    verdict          text,
    verdict_reason   text,
    snoozed_until_us bigint,
    snoozed_count    bigint,
    tags             text[] NOT NULL,
    PRIMARY KEY (operation_id, alert_id)
);
CREATE INDEX operation_of_alert ON operation_alert (alert_id);
