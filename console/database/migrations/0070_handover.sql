-- What one shift leaves the next (docs/handover.md). A draft's facts are made anew at each look; those of what was handed over stay as they were.
CREATE TABLE handover (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation    text COLLATE "C" NOT NULL REFERENCES organisation,
    state           text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'handed', 'acknowledged')),
    from_us         bigint NOT NULL,
    to_us           bigint NOT NULL,
    next_to_us      bigint NOT NULL,             -- when the shift ends that takes over
    note            text NOT NULL DEFAULT '',
    version         bigint NOT NULL DEFAULT 1,   -- grows with each change of the draft
    begun_us        bigint NOT NULL,
    author_id       bigint NOT NULL REFERENCES account, -- who began it, and then who handed over
    handed_us       bigint,
    facts           jsonb,
    acknowledged_us bigint,
    acknowledged_by bigint REFERENCES account,
    remarks         text NOT NULL DEFAULT '',
    CHECK (from_us < to_us AND to_us < next_to_us),
    CHECK ((state = 'draft') = (handed_us IS NULL) AND (state = 'draft') = (facts IS NULL)),
    CHECK ((state = 'acknowledged') = (acknowledged_us IS NOT NULL)),
    CHECK ((acknowledged_us IS NULL) = (acknowledged_by IS NULL)),
    CHECK (acknowledged_by <> author_id)
);
CREATE UNIQUE INDEX handover_has_one_draft ON handover (organisation) WHERE state = 'draft';
CREATE INDEX handover_of_organisation ON handover (organisation, id DESC);

CREATE FUNCTION keep_what_was_handed_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'draft' THEN
        RETURN coalesce(NEW, OLD);
    END IF;
    IF TG_OP = 'DELETE' OR OLD.state = 'acknowledged' OR NEW.state <> 'acknowledged'
        OR (NEW.organisation, NEW.from_us, NEW.to_us, NEW.next_to_us, NEW.note, NEW.author_id, NEW.handed_us, NEW.facts)
            IS DISTINCT FROM
            (OLD.organisation, OLD.from_us, OLD.to_us, OLD.next_to_us, OLD.note, OLD.author_id, OLD.handed_us, OLD.facts) THEN
        RAISE EXCEPTION 'what was handed over stays as it was';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER handover_is_kept BEFORE UPDATE OR DELETE ON handover
    FOR EACH ROW EXECUTE FUNCTION keep_what_was_handed_over();
CREATE TRIGGER handover_is_not_emptied BEFORE TRUNCATE ON handover
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();

-- What an organisation keeps an eye on: an alert, or a thing that events name.
CREATE TABLE watch_item (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation text COLLATE "C" NOT NULL REFERENCES organisation,
    alert_id     bytea REFERENCES alert ON DELETE CASCADE,
    kind         text,
    value        text,
    note         text NOT NULL,
    added_by     bigint NOT NULL REFERENCES account,
    added_us     bigint NOT NULL,
    CHECK ((alert_id IS NULL) = (value IS NOT NULL) AND (kind IS NULL) = (value IS NULL))
);
CREATE UNIQUE INDEX watch_item_of_alert ON watch_item (alert_id) WHERE alert_id IS NOT NULL;
CREATE UNIQUE INDEX watch_item_of_thing ON watch_item (organisation, kind, value) WHERE value IS NOT NULL;
CREATE INDEX watch_item_of_organisation ON watch_item (organisation, id DESC);
