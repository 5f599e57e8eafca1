-- Organisations and who has which role at them; what they mean is console/access's. Days are Vietnam's; `valid_until` is the first day on which it is over.

CREATE FUNCTION refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are ended, never removed', TG_TABLE_NAME;
END
$$;

CREATE TABLE organisation (
    code        text COLLATE "C" PRIMARY KEY
                CHECK (code ~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$' AND length(code) BETWEEN 2 AND 48),
    kind        text NOT NULL
                CHECK (kind IN ('nation', 'ministry', 'ministerial-agency', 'government-agency', 'province', 'national-centre',
                                'specialised-force', 'operator', 'unit')),
    name_vi     text NOT NULL CHECK (name_vi <> ''),
    name_en     text NOT NULL CHECK (name_en <> ''),
    parent      text COLLATE "C" REFERENCES organisation DEFERRABLE INITIALLY DEFERRED,
    valid_from  date,                            -- NULL: before any day that counts
    valid_until date,                            -- NULL: no end is known
    citation    text NOT NULL CHECK (citation <> ''),
    CHECK (valid_from < valid_until),
    CHECK ((parent IS NULL) = (kind = 'nation'))
);
CREATE UNIQUE INDEX organisation_has_one_nation ON organisation (kind) WHERE kind = 'nation';
-- Events and alerts carry the code for as long as they are kept, and longer than it exists.
CREATE TRIGGER organisation_is_kept BEFORE DELETE OR TRUNCATE ON organisation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();

CREATE TABLE predecessor (
    code      text COLLATE "C" PRIMARY KEY REFERENCES organisation,
    successor text COLLATE "C" NOT NULL REFERENCES organisation,
    CHECK (code <> successor)
);

CREATE TABLE membership (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   bigint NOT NULL REFERENCES account,
    organisation text COLLATE "C" NOT NULL REFERENCES organisation,
    role         text NOT NULL
                 CHECK (role IN ('viewer', 'analyst', 'senior-analyst', 'shift-lead', 'response-coordinator',
                                 'organisation-manager', 'assessor', 'exercise-director', 'auditor', 'system-administrator')),
    valid_from   date NOT NULL,
    valid_until  date,
    CHECK (valid_from <= valid_until)            -- the same day: taken back before it counted
);
CREATE INDEX membership_of_account ON membership (account_id, valid_from);
CREATE INDEX membership_at_organisation ON membership (organisation, valid_from);
CREATE TRIGGER membership_is_kept BEFORE DELETE OR TRUNCATE ON membership
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
