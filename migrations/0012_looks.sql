-- How many lists of Twilio's were read that lacked an attempt of unknown outcome; those that could not be read say nothing.
ALTER TABLE attempts ADD COLUMN looks BIGINT NOT NULL DEFAULT 0;
