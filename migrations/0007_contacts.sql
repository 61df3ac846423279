-- What a member can do with contacts, forms and their own record.

-- The way that its owner wants it reached once a code has come by it; until then the old one goes on.
ALTER TABLE contacts ADD COLUMN wanted_method TEXT CHECK (wanted_method IN ('call', 'text', 'both'));

-- Forms that were sent: the same form sent twice is done once. The key is a hash of all that was sent.
CREATE TABLE form_sends (
    key TEXT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    -- Where its sender was led; NULL while it is being done.
    place TEXT
);
CREATE INDEX form_sends_by_time ON form_sends (at_ms);

-- Whose session it is, so that all of somebody's can be ended.
ALTER TABLE sessions ADD COLUMN member_id TEXT;
CREATE INDEX sessions_of_member ON sessions (member_id) WHERE member_id IS NOT NULL;

-- A member who deleted their account: the row stays without a name, for the calls and texts that were paid for.
ALTER TABLE members ADD COLUMN deleted_ms BIGINT;
