-- The history by superevent. A thread is all that people take for one thing: a superevent with its
-- events, or an event that belongs to none.

ALTER TABLE alerts ADD COLUMN thread TEXT NOT NULL DEFAULT '';
UPDATE alerts SET thread = subject;
CREATE INDEX alerts_of_thread ON alerts (thread, received_ms);

-- One row for each thread with something to show, so that the newest are found without reading all alerts.
CREATE TABLE threads (
    id TEXT PRIMARY KEY,
    category TEXT NOT NULL,
    first_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    -- The alert of last_ms.
    latest TEXT NOT NULL
);
CREATE INDEX threads_by_time ON threads (last_ms, id);
INSERT INTO threads (id, category, first_ms, last_ms, latest)
    SELECT a.subject, min(a.category), min(a.received_ms), max(a.received_ms),
        (SELECT b.id FROM alerts b WHERE b.subject = a.subject AND b.could_alert
         ORDER BY b.received_ms DESC, b.id DESC LIMIT 1)
    FROM alerts a WHERE a.could_alert GROUP BY a.subject;

-- "I know" was said on a page; else by a key or a text.
ALTER TABLE deliveries ADD COLUMN acked_on_page BOOLEAN NOT NULL DEFAULT FALSE;
