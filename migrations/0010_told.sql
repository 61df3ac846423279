-- Who was told, as facts and not by comparing times: clocks are set back, and those of two replicas differ.

-- What it says was retracted, or a digest that has newer news: it is not tried again as it is.
ALTER TABLE deliveries ADD COLUMN stale BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE deliveries SET stale = TRUE
    WHERE state IN ('queued', 'sending', 'sent', 'unknown', 'unconfirmed') AND EXISTS
        (SELECT 1 FROM alerts a JOIN alerts b ON b.subject = a.subject
        WHERE a.id = deliveries.alert_id AND NOT a.retraction AND b.retraction AND b.id > a.id);
-- A retraction of what had not been told for certain when it came: it leaves only if that was.
ALTER TABLE deliveries ADD COLUMN if_told BOOLEAN NOT NULL DEFAULT FALSE;

-- The digest told of the retraction.
ALTER TABLE held ADD COLUMN taken_back BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE held SET taken_back = retraction WHERE digest_id IS NOT NULL;

-- Twilio asked to be left alone by this channel until then.
ALTER TABLE rate_slots ADD COLUMN rest_ms BIGINT NOT NULL DEFAULT 0;
