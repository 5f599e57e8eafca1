-- What is still to be delivered; written in the transaction that writes the notice, removed when it was taken or given up.
CREATE TABLE delivery (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The same however often it is sent, so that who receives it twice can tell.
    message_id   text NOT NULL UNIQUE DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
    way_id       bigint NOT NULL REFERENCES notice_way ON DELETE CASCADE,
    about        text NOT NULL CHECK (about IN ('alert', 'assigned', 'watched', 'handover', 'more', 'summary')),
    organisation text COLLATE "C" NOT NULL,      -- empty for a summary
    alert_id     bytea REFERENCES alert ON DELETE CASCADE,
    handover_id  bigint REFERENCES handover ON DELETE CASCADE,
    times        bigint NOT NULL,
    at_us        bigint NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    next_us      bigint NOT NULL,
    -- The one that tells of this and others as a number.
    summary_id   bigint REFERENCES delivery ON DELETE CASCADE
);
CREATE INDEX delivery_due ON delivery (way_id, next_us) WHERE summary_id IS NULL;
CREATE INDEX delivery_of_summary ON delivery (summary_id) WHERE summary_id IS NOT NULL;
CREATE INDEX delivery_of_alert ON delivery (alert_id) WHERE alert_id IS NOT NULL;
-- The same again counts up until it is under way.
CREATE UNIQUE INDEX delivery_waiting_once
    ON delivery (way_id, about, organisation, coalesce(alert_id, ''), coalesce(handover_id, 0))
    WHERE attempts = 0 AND summary_id IS NULL;
