-- Passkeys (docs/signing-in.md). The key is public; nothing of it is secret.
CREATE TABLE passkey (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    credential_id bytea NOT NULL UNIQUE CHECK (octet_length(credential_id) BETWEEN 1 AND 1023),
    account_id    bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name          text NOT NULL,
    public_key    bytea NOT NULL,                -- COSE
    sign_count    bigint NOT NULL,               -- as it said last; 0 when it does not count
    is_backed_up  boolean NOT NULL,
    created_us    bigint NOT NULL,
    last_used_us  bigint
);
CREATE INDEX passkey_of_account ON passkey (account_id, id);

-- Challenges are signed, not kept; those that were answered are kept until they are too old to be answered again.
CREATE TABLE used_challenge (
    challenge_hash bytea PRIMARY KEY CHECK (octet_length(challenge_hash) = 32),
    used_us        bigint NOT NULL
);
