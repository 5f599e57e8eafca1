-- The overview asks for alerts by when they were raised and for work by when it was done; entity pages for alerts by address.
CREATE INDEX alert_by_detection ON alert (detected_us DESC, id DESC);
CREATE INDEX alert_of_tenant_by_detection ON alert (tenant, detected_us DESC, id DESC);
CREATE INDEX alert_by_src ON alert (src, last_us DESC, id DESC) WHERE src IS NOT NULL;
CREATE INDEX alert_by_dst ON alert (dst, last_us DESC, id DESC) WHERE dst IS NOT NULL;
CREATE INDEX activity_by_time ON activity (at_us, alert_id);
