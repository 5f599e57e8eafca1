-- The browser that a half session was opened from, where the account knows it: its codes are counted apart.
ALTER TABLE half_session ADD COLUMN device text;
