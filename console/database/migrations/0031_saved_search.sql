-- Searches that people keep under a name, for themselves or for an organisation.
CREATE TABLE saved_search (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id     bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    organisation text CHECK (organisation <> ''),    -- who else sees it; NULL: nobody
    name         text NOT NULL CHECK (name <> ''),
    parameters   jsonb NOT NULL,                     -- of the search page's address
    changed_us   bigint NOT NULL,
    UNIQUE (owner_id, name)
);
CREATE INDEX saved_search_of_organisation ON saved_search (organisation) WHERE organisation IS NOT NULL;
