-- Quiet hours: when a member wants no ring, and what is told when they end.

-- Windows and what breaks through them, as model::quiet writes them; NULL: any hour.
ALTER TABLE members ADD COLUMN quiet TEXT;
-- Nothing rings before then.
ALTER TABLE members ADD COLUMN paused_until_ms BIGINT;

-- What was not told to a contact because it was quiet.
CREATE TABLE held (
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    contact_id TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    -- Its receiver had been told of the subject; the news is that it was retracted.
    retraction BOOLEAN NOT NULL,
    held_ms BIGINT NOT NULL,
    -- When it was put into a digest, or found to be no news any more.
    done_ms BIGINT,
    digest_id TEXT REFERENCES deliveries (id) ON DELETE SET NULL,
    PRIMARY KEY (contact_id, alert_id)
);
CREATE INDEX held_open ON held (member_id) WHERE done_ms IS NULL;
CREATE INDEX held_of_subject ON held (subject, held_ms);
CREATE INDEX held_of_digest ON held (digest_id) WHERE digest_id IS NOT NULL;
CREATE INDEX held_of_alert ON held (alert_id);

-- Who is owed a digest, and when their quiet hours end: deleted by the transaction that owes it.
CREATE TABLE digests (
    member_id TEXT PRIMARY KEY REFERENCES members (id) ON DELETE CASCADE,
    due_ms BIGINT NOT NULL
);
CREATE INDEX digests_due ON digests (due_ms);

-- A check cannot be widened in place on both databases.
ALTER TABLE deliveries ADD COLUMN kind_now TEXT NOT NULL DEFAULT 'alert'
    CHECK (kind_now IN ('alert', 'code', 'test', 'digest'));
UPDATE deliveries SET kind_now = kind;
ALTER TABLE deliveries DROP COLUMN kind;
ALTER TABLE deliveries RENAME COLUMN kind_now TO kind;
