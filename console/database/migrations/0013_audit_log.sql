-- The audit log (docs/audit.md). `content` is the entry's bytes, of which leaf and root are made; the columns after them are for
-- searching, and prove nothing.
CREATE TABLE audit_entry (
    seq     bigint PRIMARY KEY CHECK (seq >= 0),
    content bytea NOT NULL,
    leaf    bytea NOT NULL CHECK (octet_length(leaf) = 32),
    root    bytea NOT NULL CHECK (octet_length(root) = 32),
    at_us   bigint NOT NULL,
    actor   text NOT NULL,                       -- user name in lower case
    organisation text NOT NULL,                  -- of who did it; empty for whoever has no account
    action  text NOT NULL,
    object  text NOT NULL,                       -- kind, a space, id
    result  text NOT NULL
);
CREATE INDEX audit_by_organisation ON audit_entry (organisation, seq);
CREATE INDEX audit_by_time ON audit_entry (at_us, seq);
CREATE INDEX audit_by_actor ON audit_entry (actor, seq);
CREATE INDEX audit_by_action ON audit_entry (action, seq);
CREATE INDEX audit_by_object ON audit_entry (object, seq);

-- The full subtrees of 256, 65,536, … entries, so that proofs need not read every leaf.
CREATE TABLE audit_subtree (
    level integer NOT NULL,
    place bigint NOT NULL,
    hash  bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (level, place)
);

-- How far the log goes, and the frontier of its tree: 32 bytes for each one-bit of the size. Whoever writes entries holds this row,
-- as the last thing before the commit.
CREATE TABLE audit_head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    size     bigint NOT NULL,
    frontier bytea NOT NULL
);
INSERT INTO audit_head (size, frontier) VALUES (0, '');

-- `id` grows in the order of commits: whoever writes one locks the table.
CREATE TABLE audit_checkpoint (
    id     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    size   bigint NOT NULL,
    origin text NOT NULL,
    at_us  bigint NOT NULL,
    note   text NOT NULL,
    PRIMARY KEY (size, origin)
);

CREATE FUNCTION refuse_shrinking() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size <= OLD.size THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER audit_entry_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_subtree_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_subtree
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_checkpoint_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_is_kept BEFORE DELETE OR TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_head_only_grows BEFORE UPDATE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION refuse_shrinking();
REVOKE UPDATE, DELETE, TRUNCATE ON audit_entry, audit_subtree, audit_checkpoint FROM CURRENT_USER;
REVOKE DELETE, TRUNCATE ON audit_head FROM CURRENT_USER;
