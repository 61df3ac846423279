-- One text for SQLite and PostgreSQL. Ids are UUIDv7 text, times BIGINT
-- milliseconds UTC, lists JSON text, FAR in Hz. State names are model's.

CREATE TABLE members (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    is_member BOOLEAN NOT NULL,
    is_admin BOOLEAN NOT NULL,
    -- Made by sandbox mode; never signed in to nor called outside it.
    is_demo BOOLEAN NOT NULL,
    time_zone TEXT NOT NULL,
    created_ms BIGINT NOT NULL
);

CREATE TABLE contacts (
    id TEXT PRIMARY KEY,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    description TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('phone', 'email')),
    phone TEXT,
    email TEXT,
    method TEXT CHECK (method IN ('call', 'text', 'both')),
    verified_ms BIGINT,
    created_ms BIGINT NOT NULL,
    CHECK ((kind = 'phone') = (phone IS NOT NULL)),
    CHECK ((kind = 'phone') = (method IS NOT NULL)),
    CHECK ((kind = 'email') = (email IS NOT NULL))
);
CREATE INDEX contacts_of_member ON contacts (member_id, created_ms);
CREATE UNIQUE INDEX contacts_phone_once ON contacts (member_id, phone) WHERE phone IS NOT NULL;

-- The one live code of a contact: only its hash is kept.
CREATE TABLE verifications (
    contact_id TEXT PRIMARY KEY REFERENCES contacts (id) ON DELETE CASCADE,
    channel TEXT NOT NULL CHECK (channel IN ('call', 'text')),
    code_hash TEXT NOT NULL,
    guesses BIGINT NOT NULL,
    made_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL
);

-- Every code asked for; outlives its contact, or deleting and adding a number
-- again would lift the limits. The number is kept as a hash.
CREATE TABLE code_sends (
    id TEXT PRIMARY KEY,
    contact_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX code_sends_of_member ON code_sends (member_id, at_ms);
CREATE INDEX code_sends_of_address ON code_sends (address_hash, at_ms);

CREATE TABLE rules (
    id TEXT PRIMARY KEY,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    description TEXT NOT NULL,
    category TEXT NOT NULL CHECK (category IN ('superevent', 'event')),
    far_threshold DOUBLE PRECISION CHECK (far_threshold > 0),
    ns_candidate BOOLEAN NOT NULL,
    labels TEXT NOT NULL,
    label_query TEXT,
    groups TEXT NOT NULL,
    pipelines TEXT NOT NULL,
    searches TEXT NOT NULL,
    paused BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX rules_of_member ON rules (member_id, created_ms);

CREATE TABLE rule_contacts (
    rule_id TEXT NOT NULL REFERENCES rules (id) ON DELETE CASCADE,
    contact_id TEXT NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
    PRIMARY KEY (rule_id, contact_id)
);
CREATE INDEX rule_contacts_of_contact ON rule_contacts (contact_id);

-- Rises by one in every transaction that changes what selection depends on.
CREATE TABLE versions (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO versions (name, value) VALUES ('rules', 1);

CREATE TABLE alerts (
    id TEXT PRIMARY KEY,
    -- SHA-256 of the packet's canonical form: the same packet twice is one alert.
    digest TEXT NOT NULL UNIQUE,
    received_ms BIGINT NOT NULL,
    subject TEXT NOT NULL,
    category TEXT NOT NULL,
    alert_type TEXT NOT NULL,
    -- Of a type that alerts, and not a test: what the history shows.
    could_alert BOOLEAN NOT NULL,
    understood TEXT NOT NULL,
    -- The subject's known state before this packet, for `why`.
    known_before TEXT,
    packet TEXT NOT NULL
);
CREATE INDEX alerts_by_time ON alerts (received_ms) WHERE could_alert;
CREATE INDEX alerts_of_subject ON alerts (subject, received_ms);

-- The last known state of each superevent and event.
CREATE TABLE subjects (
    id TEXT PRIMARY KEY,
    known TEXT NOT NULL,
    updated_ms BIGINT NOT NULL
);

-- A rule that selected an alert, as the rule then was, with its clauses.
CREATE TABLE matches (
    alert_id TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    rule_id TEXT NOT NULL,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    rule TEXT NOT NULL,
    clauses TEXT NOT NULL,
    PRIMARY KEY (alert_id, rule_id)
);
CREATE INDEX matches_of_member ON matches (member_id, alert_id);

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('alert', 'code', 'test')),
    alert_id TEXT REFERENCES alerts (id) ON DELETE CASCADE,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    contact_id TEXT REFERENCES contacts (id) ON DELETE SET NULL,
    -- What the history shows after the contact is gone: "Mobile, +39 ... 1234".
    contact_label TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('call', 'text')),
    priority BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- What is said or written; empty for a code, which is made as it is sent.
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    not_before_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    lease_until_ms BIGINT,
    -- Why it ended as it did: a Twilio code or a word of ours.
    code TEXT,
    acked_ms BIGINT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
-- Doubles nothing: one message a channel for each contact and alert.
CREATE UNIQUE INDEX deliveries_once ON deliveries (alert_id, contact_id, channel)
    WHERE alert_id IS NOT NULL AND contact_id IS NOT NULL;
CREATE INDEX deliveries_queue ON deliveries (channel, priority, created_ms) WHERE state = 'queued';
CREATE INDEX deliveries_open ON deliveries (state, updated_ms) WHERE state IN ('sending', 'sent', 'unknown');
CREATE INDEX deliveries_of_alert ON deliveries (alert_id, member_id);
CREATE INDEX deliveries_of_contact ON deliveries (contact_id, created_ms);
CREATE INDEX deliveries_of_member ON deliveries (member_id, created_ms);

CREATE TABLE attempts (
    id TEXT PRIMARY KEY,
    delivery_id TEXT NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    provider_sid TEXT UNIQUE,
    -- The provider's own last word and its rank, which only rises.
    provider_status TEXT,
    status_rank BIGINT NOT NULL,
    code TEXT,
    digits TEXT,
    started_ms BIGINT NOT NULL,
    -- When this attempt is next asked about, and how often it was.
    check_ms BIGINT,
    checks BIGINT NOT NULL,
    finished_ms BIGINT,
    UNIQUE (delivery_id, number)
);
CREATE INDEX attempts_to_check ON attempts (check_ms) WHERE check_ms IS NOT NULL;

-- Each step of an attempt with its time, as the history shows it.
CREATE TABLE attempt_steps (
    id TEXT PRIMARY KEY,
    attempt_id TEXT NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
    at_ms BIGINT NOT NULL,
    step TEXT NOT NULL,
    detail TEXT
);
CREATE INDEX steps_of_attempt ON attempt_steps (attempt_id, at_ms);

-- The next free moment of each sender, in microseconds: the rate limit, exact
-- for all replicas because each takes its slots in the claiming transaction.
CREATE TABLE rate_slots (
    name TEXT PRIMARY KEY,
    next_us BIGINT NOT NULL
);

-- "Press 2 to mute": nothing more of this superevent or event for this member.
CREATE TABLE mutes (
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (member_id, subject)
);
CREATE INDEX mutes_of_subject ON mutes (subject);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    scope TEXT NOT NULL CHECK (scope IN ('ingest', 'admin')),
    hash TEXT NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    data TEXT NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_ms);
