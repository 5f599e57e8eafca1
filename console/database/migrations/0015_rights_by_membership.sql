-- An account belongs to an organisation, and may what its memberships say; `tenant` and the two roles of before are gone. Whoever ran the
-- console runs the nation's organisation now and leads its shift; whoever worked on one organisation's alerts still does.
INSERT INTO organisation (code, kind, name_vi, name_en, citation)
SELECT 'vn', 'nation', 'Việt Nam', 'Viet Nam', 'root of the tree; no law'
WHERE EXISTS (SELECT FROM account) AND NOT EXISTS (SELECT FROM organisation);

ALTER TABLE account ADD organisation text COLLATE "C" REFERENCES organisation;
UPDATE account SET organisation = coalesce((SELECT code FROM organisation WHERE code = account.tenant),
                                           (SELECT code FROM organisation WHERE kind = 'nation'));
ALTER TABLE account ALTER organisation SET NOT NULL;
INSERT INTO membership (account_id, organisation, role, valid_from)
SELECT a.id, a.organisation, r.role, (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
FROM account a CROSS JOIN (VALUES ('organisation-manager'), ('shift-lead')) AS r (role)
WHERE a.role = 'administrator' AND a.tenant IN ('', '*');
INSERT INTO membership (account_id, organisation, role, valid_from)
SELECT a.id, a.organisation, 'analyst', (now() AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
FROM account a WHERE a.role = 'analyst' AND a.tenant IN ('', '*', a.organisation);
ALTER TABLE account DROP role, DROP tenant;

ALTER TABLE membership
    ADD granted_by  bigint REFERENCES account,   -- NULL: the console
    ADD approved_by bigint REFERENCES account,
    ADD waits       boolean NOT NULL DEFAULT false, -- for a second person; does not count until then
    ADD CHECK (approved_by IS NULL OR NOT waits);

-- Consoles keep the organisations until this number changes.
CREATE TABLE organisation_version (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL
);
INSERT INTO organisation_version (version) VALUES (1);

-- What changes somebody's rights is told to every console in the transaction in which it happens, by the account's id; 0 is everybody.
CREATE FUNCTION tell_of_organisations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE organisation_version SET version = version + 1;
    PERFORM pg_notify('vonggac_rights', '0');
    RETURN NULL;
END
$$;
CREATE TRIGGER organisations_are_news AFTER INSERT OR UPDATE ON organisation
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_organisations();
CREATE TRIGGER predecessors_are_news AFTER INSERT OR UPDATE OR DELETE ON predecessor
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_organisations();

CREATE FUNCTION tell_of_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vonggac_rights', coalesce(NEW.account_id, OLD.account_id)::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER membership_is_news AFTER INSERT OR UPDATE ON membership
    FOR EACH ROW EXECUTE FUNCTION tell_of_rights();
CREATE TRIGGER ended_session_is_news AFTER DELETE ON session
    FOR EACH ROW EXECUTE FUNCTION tell_of_rights();
