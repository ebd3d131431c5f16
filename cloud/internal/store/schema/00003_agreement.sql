-- +goose Up

-- Up to where somebody agrees with what is taken away; what stands now was published before there was a word for it.
ALTER TABLE gateways ADD COLUMN meant_epoch INTEGER NOT NULL DEFAULT 1;
ALTER TABLE gateways ADD COLUMN meant_revision INTEGER NOT NULL DEFAULT 0;
UPDATE gateways SET meant_epoch = epoch, meant_revision = revision;

-- A position that the gateway named and that was never published from here: this database is older than the gateway's
-- state. 0: none.
ALTER TABLE gateways ADD COLUMN ahead_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateways ADD COLUMN ahead_revision INTEGER NOT NULL DEFAULT 0;

-- People whose loss of access waits for somebody's word, as the last hello told.
ALTER TABLE gateways ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

-- When each person's access by the wanted state ends for good; 0: no end. Who is taken out of the state stays here with
-- the time at which that was decided.
CREATE TABLE access_ends (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  person TEXT NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (gateway, person)
) STRICT;

-- After a restore: the gateway may have forgotten events that this database no longer has. The next batch may begin beyond
-- them; what is missing is kept in event_holes.
ALTER TABLE gateways ADD COLUMN anew INTEGER NOT NULL DEFAULT 0;
CREATE TABLE event_holes (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  found INTEGER NOT NULL,
  PRIMARY KEY (gateway, first)
) STRICT;
