-- Signing in at somebody else's by OpenID Connect (docs/openid-connect.md). Whose account it is goes by issuer and subject: a provider is one
-- issuer for good, and a subject of it is linked to one account.
CREATE TABLE openid_provider (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CHECK (name <> ''),
    issuer        text NOT NULL UNIQUE CHECK (issuer LIKE 'https://%' OR issuer LIKE 'http://%'),
    client_id     text NOT NULL CHECK (client_id <> ''),
    client_secret bytea,                         -- sealed; NULL: a public client
    scopes        text[] NOT NULL CHECK ('openid' = ANY (scopes)),
    is_on         boolean NOT NULL,
    strong_values text[] NOT NULL,               -- of acr or amr: with one of them it counts as two factors
    hosts         text[] NOT NULL,               -- where its endpoints may be besides the issuer's own host
    networks      text[] NOT NULL,               -- where its addresses may be though they are not public
    certificates  text NOT NULL,                 -- of authorities trusted beside the machine's, in PEM
    changed_us    bigint NOT NULL
);

CREATE FUNCTION refuse_other_issuer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'another issuer is another provider';
END
$$;
CREATE TRIGGER issuer_stays BEFORE UPDATE OF issuer ON openid_provider
    FOR EACH ROW WHEN (OLD.issuer IS DISTINCT FROM NEW.issuer) EXECUTE FUNCTION refuse_other_issuer();

CREATE TABLE openid_link (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id  bigint NOT NULL REFERENCES openid_provider ON DELETE CASCADE,
    subject      text NOT NULL CHECK (octet_length(subject) BETWEEN 1 AND 255),
    account_id   bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    linked_us    bigint NOT NULL,
    last_used_us bigint,
    UNIQUE (provider_id, subject),
    UNIQUE (account_id, provider_id)
);
CREATE TRIGGER no_service BEFORE INSERT ON openid_link FOR EACH ROW EXECUTE FUNCTION refuse_service();

-- Sign-ins that have begun, each answered once. What ties one to its browser is in the browser's cookie; nonce and code verifier are derived
-- from it and from the state, and kept nowhere.
CREATE TABLE openid_attempt (
    state_hash   bytea PRIMARY KEY CHECK (octet_length(state_hash) = 32),
    browser_hash bytea NOT NULL CHECK (octet_length(browser_hash) = 32),
    provider_id  bigint NOT NULL REFERENCES openid_provider ON DELETE CASCADE,
    errand       text NOT NULL CHECK (errand IN ('sign_in', 'link', 'confirm', 'welcome')),
    session_id   bigint REFERENCES session ON DELETE CASCADE, -- which links or confirms
    welcome_hash bytea CHECK (octet_length(welcome_hash) = 32), -- of the invitation that is taken up
    code_hash    bytea CHECK (octet_length(code_hash) = 32),    -- of the second person's code, where it takes two
    return_path  text NOT NULL,
    begun_us     bigint NOT NULL,
    CHECK ((session_id IS NOT NULL) = (errand IN ('link', 'confirm'))),
    CHECK ((welcome_hash IS NOT NULL) = (errand = 'welcome'))
);
CREATE INDEX openid_attempt_by_age ON openid_attempt (begun_us);

-- At whose a session's owner was seen. A provider that is removed takes the sessions with it.
ALTER TABLE session ADD openid_provider_id bigint REFERENCES openid_provider ON DELETE CASCADE;
ALTER TABLE half_session ADD openid_provider_id bigint REFERENCES openid_provider ON DELETE CASCADE;
CREATE INDEX session_of_provider ON session (openid_provider_id) WHERE openid_provider_id IS NOT NULL;
