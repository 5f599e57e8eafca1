-- Ways on which somebody is told besides the page: addresses of e-mail that were proved, and webhooks.
CREATE TABLE notice_way (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id       bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    kind             text NOT NULL CHECK (kind IN ('email', 'webhook')),
    name             text NOT NULL DEFAULT '',
    target           text NOT NULL CHECK (target <> ''),
    secret           bytea,                      -- of a webhook, sealed
    code_hash        bytea,                      -- of an address that is not proved yet
    code_until_us    bigint NOT NULL DEFAULT 0,
    code_tries       integer NOT NULL DEFAULT 0,
    proved_us        bigint,                     -- before, nothing goes there but the code
    window_us        bigint NOT NULL DEFAULT 0,  -- the hour in which it is counted, and how much went there
    window_sent      integer NOT NULL DEFAULT 0,
    lease_us         bigint NOT NULL DEFAULT 0,  -- until then a console is at it
    failing_since_us bigint,
    given_up         integer NOT NULL DEFAULT 0, -- messages in a row
    dropped          bigint NOT NULL DEFAULT 0,  -- messages that never arrived, in all
    last_error       text NOT NULL DEFAULT '',
    last_sent_us     bigint,
    paused_us        bigint,
    created_us       bigint NOT NULL
);
CREATE UNIQUE INDEX notice_way_once ON notice_way (account_id, kind, target);

CREATE TABLE notice_rule_way (
    rule_id bigint NOT NULL REFERENCES notice_rule ON DELETE CASCADE,
    way_id  bigint NOT NULL REFERENCES notice_way ON DELETE CASCADE,
    PRIMARY KEY (rule_id, way_id)
);
CREATE INDEX notice_rule_way_of_way ON notice_rule_way (way_id);
