-- Fair between superevents, a breaker that all replicas share, and what an alert is measured by.

-- Its place among deliveries of the same priority: of two superevents, neither waits for all of the other.
ALTER TABLE deliveries ADD COLUMN turn BIGINT NOT NULL DEFAULT 0;
-- The call after whose end this text is owed.
ALTER TABLE deliveries ADD COLUMN follows TEXT;
-- In the order in which deliveries are claimed, so that a claim reads no more than it takes.
DROP INDEX deliveries_queue;
CREATE INDEX deliveries_queue ON deliveries (channel, priority, turn, created_ms, id) WHERE state = 'queued';
-- For "when is the next one due", asked at every turn of the dispatcher.
CREATE INDEX deliveries_due ON deliveries (channel, not_before_ms) WHERE state = 'queued';

-- The breaker of each channel, in the row that each claim locks already; opened_ms is NULL while it is closed.
ALTER TABLE rate_slots ADD COLUMN opened_ms BIGINT;
ALTER TABLE rate_slots ADD COLUMN code TEXT;
ALTER TABLE rate_slots ADD COLUMN failures BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rate_slots ADD COLUMN probe_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE rate_slots ADD COLUMN pause_ms BIGINT NOT NULL DEFAULT 0;
-- Slots handed out so far.
ALTER TABLE rate_slots ADD COLUMN used BIGINT NOT NULL DEFAULT 0;

-- Its times to the first and to the last ring have not been measured yet.
ALTER TABLE alerts ADD COLUMN pending BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX alerts_pending ON alerts (received_ms) WHERE pending;
