-- What a rule is tried on before it is saved, and what its owner may take back.

-- Past superevents as facts: seeded from the public record, and learned from the alerts that came here.
CREATE TABLE superevents (
    id TEXT PRIMARY KEY,
    created_ms BIGINT NOT NULL,
    far DOUBLE PRECISION,
    -- Group, pipeline and search, as 'CBC/gstlal/AllSky'; NULL where not recorded.
    origin TEXT,
    ns_candidate BOOLEAN,
    -- As 'EM_READY@1,ADVOK@1800': seconds after creation where known; NULL where not recorded.
    labels TEXT,
    -- Of the public record: alerts change nothing of it.
    seeded BOOLEAN NOT NULL,
    -- The last alert that it was learned from.
    heard_ms BIGINT NOT NULL
);
CREATE INDEX superevents_by_time ON superevents (created_ms);
CREATE INDEX superevents_heard ON superevents (heard_ms) WHERE NOT seeded;

-- The member's own order.
ALTER TABLE rules ADD COLUMN place BIGINT NOT NULL DEFAULT 0;

-- Deleted a moment ago. A rule in here selects nothing; its owner may bring it back for a while.
CREATE TABLE deleted_rules (
    id TEXT PRIMARY KEY,
    member_id TEXT NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    rule TEXT NOT NULL,
    place BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    deleted_ms BIGINT NOT NULL
);
CREATE INDEX deleted_rules_of_member ON deleted_rules (member_id, deleted_ms);
