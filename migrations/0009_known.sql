-- Its receiver said "I know" of its superevent while it was under way: it is not tried again. Kept as a fact, because
-- times that were told by a clock that has been set back say nothing about what came first.
ALTER TABLE deliveries ADD COLUMN known BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE deliveries SET known = TRUE
    WHERE state IN ('queued', 'sending', 'sent', 'unknown', 'reached', 'unconfirmed') AND EXISTS
        (SELECT 1 FROM alerts a JOIN alerts b ON b.subject = a.subject
        JOIN deliveries o ON o.alert_id = b.id
        WHERE a.id = deliveries.alert_id AND o.member_id = deliveries.member_id AND o.acked_ms >= deliveries.created_ms);
