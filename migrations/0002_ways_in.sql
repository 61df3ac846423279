-- Other ways in than a posted packet, what an admin looks after, and what went wrong on the way.

-- Where reading goes on in each partition: written with the packet, so nothing is skipped or doubled.
CREATE TABLE feed_offsets (
    topic TEXT NOT NULL,
    partition_number BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (topic, partition_number)
);

-- What came in and could not be read: the newest, and only the beginning of each.
CREATE TABLE unreadable (
    id TEXT PRIMARY KEY,
    received_ms BIGINT NOT NULL,
    -- "post", or the topic.
    source TEXT NOT NULL,
    code TEXT NOT NULL,
    field TEXT,
    message TEXT NOT NULL,
    size BIGINT NOT NULL,
    beginning TEXT NOT NULL
);

-- Counted for good, whatever happens to the rows counted.
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Labels, groups, pipelines and searches that a form offers beside the seeded ones, or no longer offers.
CREATE TABLE names (
    kind TEXT NOT NULL CHECK (kind IN ('label', 'group', 'pipeline', 'search')),
    name TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('packet', 'admin')),
    hidden BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- What an admin should look at: one open row for each kind and subject.
CREATE TABLE alarms (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    message TEXT NOT NULL,
    raised_ms BIGINT NOT NULL,
    cleared_ms BIGINT
);
CREATE UNIQUE INDEX alarms_open ON alarms (kind, subject) WHERE cleared_ms IS NULL;
CREATE INDEX alarms_by_time ON alarms (raised_ms);
