-- What somebody wants to be told of, and what he was told (docs/notifications.md).
CREATE TABLE notice_rule (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name         text NOT NULL CHECK (name <> ''),
    about        text NOT NULL CHECK (about IN ('alert', 'assigned', 'watched', 'handover')),
    severity     smallint NOT NULL DEFAULT 0,    -- of alerts, at least
    organisation text COLLATE "C" REFERENCES organisation, -- and beneath; NULL: wherever one sees
    words        text NOT NULL DEFAULT '',       -- in a rule's title or id, or the beginning of a technique
    is_on        boolean NOT NULL DEFAULT true,
    changed_us   bigint NOT NULL
);
CREATE INDEX notice_rule_of_account ON notice_rule (account_id, id);
CREATE INDEX notice_rule_on ON notice_rule (about) WHERE is_on;

-- What happened and nobody was told of yet. Written in the transaction in which it happens, taken out in the one that tells.
CREATE TABLE happening (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('alert', 'assigned', 'worked', 'handover')),
    alert_id    bytea REFERENCES alert ON DELETE CASCADE,
    handover_id bigint REFERENCES handover ON DELETE CASCADE,
    account_id  bigint,                          -- who has it now, for `assigned`
    actor_id    bigint,                          -- who did it
    at_us       bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
);

CREATE TABLE notice (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    about        text NOT NULL CHECK (about IN ('alert', 'assigned', 'watched', 'handover', 'more')),
    organisation text COLLATE "C" NOT NULL,      -- whose thing it is about
    alert_id     bytea REFERENCES alert ON DELETE CASCADE,
    handover_id  bigint REFERENCES handover ON DELETE CASCADE,
    rule_name    text NOT NULL,
    times        bigint NOT NULL,                -- of `more`: how many were left out
    first_us     bigint NOT NULL,
    at_us        bigint NOT NULL,
    read_us      bigint
);
-- The same again counts up until it is read.
CREATE UNIQUE INDEX notice_unread_once
    ON notice (account_id, about, organisation, coalesce(alert_id, ''), coalesce(handover_id, 0)) WHERE read_us IS NULL;
CREATE INDEX notice_of_account ON notice (account_id, at_us DESC, id DESC);
CREATE INDEX notice_by_time ON notice (at_us);

-- Without anybody who wants to be told, nothing is kept for it.
CREATE FUNCTION keep_alert_for_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM notice_rule WHERE is_on AND about IN ('alert', 'watched')) THEN
        INSERT INTO happening (kind, alert_id) VALUES ('alert', NEW.id);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER alert_is_for_notices AFTER INSERT ON alert FOR EACH ROW EXECUTE FUNCTION keep_alert_for_notices();

CREATE FUNCTION keep_work_for_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.action = 'assigned' THEN
        INSERT INTO happening (kind, alert_id, account_id, actor_id)
        SELECT 'assigned', a.id, a.assignee_id, NEW.actor_id FROM alert a
        WHERE a.id = NEW.alert_id AND a.assignee_id IS NOT NULL AND a.assignee_id <> NEW.actor_id
        AND EXISTS (SELECT FROM notice_rule WHERE is_on AND about = 'assigned');
    END IF;
    INSERT INTO happening (kind, alert_id, actor_id)
    SELECT 'worked', NEW.alert_id, NEW.actor_id WHERE EXISTS (SELECT FROM watch_item WHERE alert_id = NEW.alert_id)
    AND EXISTS (SELECT FROM notice_rule WHERE is_on AND about = 'watched');
    RETURN NULL;
END
$$;
CREATE TRIGGER activity_is_for_notices AFTER INSERT ON activity FOR EACH ROW EXECUTE FUNCTION keep_work_for_notices();

CREATE FUNCTION keep_handover_for_notices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO happening (kind, handover_id, actor_id)
    SELECT 'handover', NEW.id, NEW.author_id WHERE EXISTS (SELECT FROM notice_rule WHERE is_on AND about = 'handover');
    RETURN NULL;
END
$$;
CREATE TRIGGER handover_is_for_notices AFTER UPDATE ON handover FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'handed') EXECUTE FUNCTION keep_handover_for_notices();

-- Told to every console, by the account's id, so that its open pages look again.
CREATE FUNCTION tell_of_notice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vonggac_notice', NEW.account_id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER notice_is_news AFTER INSERT OR UPDATE ON notice FOR EACH ROW EXECUTE FUNCTION tell_of_notice();
