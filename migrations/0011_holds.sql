-- Countries in which our sender is refused, as JSON, in the row that each claim locks already.
ALTER TABLE rate_slots ADD COLUMN countries TEXT NOT NULL DEFAULT '{}';
-- When slots were last handed out although nobody waited, in microseconds since the epoch.
ALTER TABLE rate_slots ADD COLUMN began_us BIGINT NOT NULL DEFAULT 0;
-- For "how many ended so of late".
CREATE INDEX deliveries_failed ON deliveries (code, updated_ms) WHERE state = 'failed';
