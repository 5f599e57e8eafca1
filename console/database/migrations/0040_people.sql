-- People who are invited, and accounts that are shut (docs/people.md).
ALTER TABLE account ALTER password_hash DROP NOT NULL; -- none until its owner has chosen one
ALTER TABLE account ADD disabled_us bigint;            -- since when nobody signs in to it
ALTER TABLE account ADD last_sign_in_us bigint;
UPDATE account SET last_sign_in_us = (SELECT max(created_us) FROM session WHERE account_id = account.id);
CREATE INDEX account_of_organisation ON account (organisation, lower(display_name), id);

-- A link with which somebody chooses a password. One of an account at a time: a newer one takes its place.
CREATE TABLE welcome (
    account_id    bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    secret_hash   bytea NOT NULL UNIQUE CHECK (octet_length(secret_hash) = 32),
    made_us       bigint NOT NULL,
    made_by       bigint NOT NULL REFERENCES account,
    drops_factors boolean NOT NULL               -- whether using it takes away the account's second factors
);
CREATE INDEX membership_that_waits ON membership (organisation, id) WHERE waits;
