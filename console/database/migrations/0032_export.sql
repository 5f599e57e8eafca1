-- Searches written to files. A file lies here, so that each console can give it out, for a day and for whoever asked alone.
CREATE TABLE export (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id    bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    format      text NOT NULL CHECK (format IN ('csv', 'jsonl')),
    query       text NOT NULL,
    state       text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
    rows_found  bigint NOT NULL DEFAULT 0,           -- of the whole search
    rows_done   bigint NOT NULL DEFAULT 0,
    bytes       bigint NOT NULL DEFAULT 0,
    problem     text NOT NULL DEFAULT '',
    created_us  bigint NOT NULL,
    beat_us     bigint NOT NULL,                     -- when the job last said that it goes on
    finished_us bigint
);
CREATE INDEX export_of_owner ON export (owner_id, id DESC);
CREATE INDEX export_running ON export (beat_us) WHERE state = 'running';

CREATE TABLE export_part (
    export_id bigint NOT NULL REFERENCES export ON DELETE CASCADE,
    number    integer NOT NULL CHECK (number >= 0),
    content   bytea NOT NULL,
    PRIMARY KEY (export_id, number)
);
