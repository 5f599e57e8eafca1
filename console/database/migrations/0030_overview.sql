-- The overview asks for work by when it was done.
CREATE INDEX activity_by_time ON activity (at_us, alert_id);
