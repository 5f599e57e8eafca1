-- When somebody was last here before a session. An ended session's row goes, its last use stays.
CREATE TABLE last_active (
    account_id bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    at_us      bigint NOT NULL
);
ALTER TABLE session ADD before_us bigint;        -- none before an account's first session

CREATE FUNCTION keep_last_active() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO last_active (account_id, at_us)
    SELECT OLD.account_id, OLD.last_seen_us WHERE EXISTS (SELECT FROM account WHERE id = OLD.account_id)
    ON CONFLICT (account_id) DO UPDATE SET at_us = greatest(last_active.at_us, excluded.at_us);
    RETURN NULL;
END
$$;
CREATE TRIGGER ended_session_is_remembered AFTER DELETE ON session
    FOR EACH ROW EXECUTE FUNCTION keep_last_active();
