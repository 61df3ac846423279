-- One event, one conversation: what of what matches is sent, and to whom nothing can be sent.

-- Rings for every alert that matches; else once for each superevent or event.
ALTER TABLE rules ADD COLUMN every_alert BOOLEAN NOT NULL DEFAULT FALSE;

-- Why nothing was owed although the rule matched; NULL where something was.
ALTER TABLE matches ADD COLUMN silent TEXT;

-- Takes back what was told.
ALTER TABLE alerts ADD COLUMN retraction BOOLEAN NOT NULL DEFAULT FALSE;

-- Alerts of before this are not part of the conversation; a replay in the sandbox begins a new one.
ALTER TABLE subjects ADD COLUMN begun_ms BIGINT NOT NULL DEFAULT 0;

-- Ways in which a contact is not reached: its owner stopped them, or the provider refuses the number for good.
CREATE TABLE blocks (
    contact_id TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    channel TEXT NOT NULL CHECK (channel IN ('call', 'text')),
    reason TEXT NOT NULL CHECK (reason IN ('stopped', 'refused')),
    code TEXT,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (contact_id, channel)
);
