-- Services and their tokens of the API (docs/api-tokens.md). A service is an account without anything to sign in with; it has roles as a
-- person's account has.
ALTER TABLE account ADD is_service boolean NOT NULL DEFAULT false,
    ADD CHECK (NOT is_service OR password_hash IS NULL);
CREATE INDEX service_of_organisation ON account (organisation, lower(display_name), id) WHERE is_service;

CREATE FUNCTION refuse_service() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM account WHERE id = NEW.account_id AND is_service) THEN
        RAISE EXCEPTION 'a service has no %', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER no_service BEFORE INSERT ON session FOR EACH ROW EXECUTE FUNCTION refuse_service();
CREATE TRIGGER no_service BEFORE INSERT ON half_session FOR EACH ROW EXECUTE FUNCTION refuse_service();
CREATE TRIGGER no_service BEFORE INSERT ON totp FOR EACH ROW EXECUTE FUNCTION refuse_service();
CREATE TRIGGER no_service BEFORE INSERT ON passkey FOR EACH ROW EXECUTE FUNCTION refuse_service();
CREATE TRIGGER no_service BEFORE INSERT ON welcome FOR EACH ROW EXECUTE FUNCTION refuse_service();

CREATE TABLE api_token (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id     bigint NOT NULL REFERENCES account,
    name           text NOT NULL CHECK (name <> ''),
    secret_hash    bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    scope          text[] NOT NULL CHECK (cardinality(scope) > 0), -- as in alert:read
    networks       cidr[] NOT NULL DEFAULT '{}', -- where it may be used from; none: anywhere
    made_us        bigint NOT NULL,
    made_by        bigint NOT NULL REFERENCES account,
    expires_us     bigint NOT NULL CHECK (expires_us > made_us),
    revoked_us     bigint,
    revoked_by     bigint REFERENCES account,
    last_used_us   bigint,                       -- to a minute
    last_used_from text
);
CREATE INDEX api_token_of_account ON api_token (account_id, id);
-- The audit log names it for longer than it works.
CREATE TRIGGER api_token_is_kept BEFORE DELETE OR TRUNCATE ON api_token
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_removal();
-- Live streams of a token that is revoked end on every console.
CREATE TRIGGER revoked_token_is_news AFTER UPDATE OF revoked_us ON api_token
    FOR EACH ROW EXECUTE FUNCTION tell_of_rights();
