-- Sessions that are locked: they live on, and serve nothing until their owner was seen again (docs/signing-in.md).
ALTER TABLE session ADD locked_us bigint;                            -- since when; none: it is not
ALTER TABLE session ADD unlock_failures integer NOT NULL DEFAULT 0;  -- wrong passwords since then
ALTER TABLE session ADD unlocked_us bigint;                          -- when its owner was last let in again; none: not since sign-in

-- After how many minutes without a key or pointer the page locks a session by itself; 0: it does not. And the most that anybody may
-- choose here; none: each may choose.
ALTER TABLE account ADD lock_minutes integer NOT NULL DEFAULT 15 CHECK (lock_minutes IN (0, 5, 10, 15, 30));
ALTER TABLE sign_in_policy ADD lock_minutes_max integer CHECK (lock_minutes_max IN (5, 10, 15, 30));

-- Its live streams end at once, on every console.
CREATE TRIGGER locked_session_is_news AFTER UPDATE OF locked_us ON session
    FOR EACH ROW WHEN (OLD.locked_us IS NULL AND NEW.locked_us IS NOT NULL) EXECUTE FUNCTION tell_of_rights();

-- One may be let in again at a provider.
ALTER TABLE openid_attempt DROP CONSTRAINT openid_attempt_errand_check;
ALTER TABLE openid_attempt ADD CONSTRAINT openid_attempt_errand_check
    CHECK (errand IN ('sign_in', 'link', 'confirm', 'welcome', 'unlock'));
ALTER TABLE openid_attempt DROP CONSTRAINT openid_attempt_check;
ALTER TABLE openid_attempt ADD CONSTRAINT openid_attempt_check
    CHECK ((session_id IS NOT NULL) = (errand IN ('link', 'confirm', 'unlock')));
