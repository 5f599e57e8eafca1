-- Roles that count only in a session that has seen a passkey (docs/signing-in.md).
CREATE TABLE sign_in_policy (
    one           boolean PRIMARY KEY DEFAULT true CHECK (one),
    passkey_roles text[] NOT NULL DEFAULT '{}'
);
INSERT INTO sign_in_policy DEFAULT VALUES;

ALTER TABLE session ADD by_passkey boolean NOT NULL DEFAULT false;

-- Whoever it concerns is out of the live streams at once.
CREATE FUNCTION tell_of_sign_in_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vonggac_rights', '0');
    RETURN NULL;
END
$$;
CREATE TRIGGER sign_in_policy_is_news AFTER UPDATE ON sign_in_policy
    FOR EACH STATEMENT EXECUTE FUNCTION tell_of_sign_in_policy();
