-- Countries in which our sender is refused, as JSON, in the row that each claim locks already.
ALTER TABLE rate_slots ADD COLUMN countries TEXT NOT NULL DEFAULT '{}';
-- For "how many ended so of late".
CREATE INDEX deliveries_failed ON deliveries (code, updated_ms) WHERE state = 'failed';
