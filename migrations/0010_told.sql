-- Who was told, as facts and not by comparing times: clocks are set back, and those of two replicas differ.

-- It was retracted later: nothing of it is tried again.
ALTER TABLE alerts ADD COLUMN retracted BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE alerts SET retracted = TRUE WHERE NOT retraction AND EXISTS
    (SELECT 1 FROM alerts b WHERE b.subject = alerts.subject AND b.retraction AND b.id > alerts.id);
-- A digest that has newer news: it is not tried again as it is.
ALTER TABLE deliveries ADD COLUMN stale BOOLEAN NOT NULL DEFAULT FALSE;
-- A retraction of what had not been told for certain when it came: it leaves only if that was.
ALTER TABLE deliveries ADD COLUMN if_told BOOLEAN NOT NULL DEFAULT FALSE;

-- The digest told of the retraction.
ALTER TABLE held ADD COLUMN taken_back BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE held SET taken_back = retraction WHERE digest_id IS NOT NULL;

-- Twilio asked to be left alone by this channel until then.
ALTER TABLE rate_slots ADD COLUMN rest_ms BIGINT NOT NULL DEFAULT 0;
