-- A link to an account with a role that takes a second person takes one itself: whoever made it must not be able to be both (docs/people.md).
ALTER TABLE welcome
    ADD takes_two boolean NOT NULL DEFAULT false,
    ADD code_hash bytea CHECK (octet_length(code_hash) = 32), -- of what the second person tells the owner
    ADD code_by   bigint REFERENCES account,
    ADD CHECK ((code_hash IS NULL) = (code_by IS NULL)),
    ADD CHECK (code_hash IS NULL OR takes_two AND code_by IS DISTINCT FROM made_by),
    ALTER made_by DROP NOT NULL;                              -- NULL: the server's owner
CREATE INDEX welcome_by_maker ON welcome (made_by);
-- Those of before take one alone.
DELETE FROM welcome WHERE account_id IN (
    SELECT account_id FROM membership WHERE role IN ('response-coordinator', 'organisation-manager', 'assessor', 'exercise-director',
                                                     'auditor', 'system-administrator'));
