-- Second factors (docs/signing-in.md). A secret that the console must be able to read is sealed with a key that is not in the
-- database; a recovery code has 120 random bits, so its SHA-256 is enough.

CREATE TABLE totp (
    account_id   bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    secret       bytea NOT NULL,                 -- sealed for this account alone
    last_step    bigint NOT NULL,                -- the half minute of the last code that counted: none counts twice
    created_us   bigint NOT NULL,
    confirmed_us bigint                          -- none until its first code has come back
);

CREATE TABLE recovery_code (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    code_hash  bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    PRIMARY KEY (account_id, code_hash)
);

-- Whoever gave the right password and owes a second factor. Worth nothing else.
CREATE TABLE half_session (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    created_us bigint NOT NULL,
    attempts   integer NOT NULL
);
CREATE INDEX half_session_by_age ON half_session (created_us);

-- How sure it is who sits there: with a second factor or not, and when that was last seen. Sessions from before were opened with a
-- password, some time ago.
ALTER TABLE session ADD COLUMN is_strong boolean NOT NULL DEFAULT false;
ALTER TABLE session ADD COLUMN confirmed_us bigint NOT NULL DEFAULT 0;
