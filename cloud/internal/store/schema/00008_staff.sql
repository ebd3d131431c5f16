-- +goose Up

-- What somebody may do at the property's gateways by hand while the cloud is away.
ALTER TABLE people ADD COLUMN may TEXT NOT NULL DEFAULT '[]'; -- JSON list

-- What was done by hand about a property's own records, and by whom.
CREATE TABLE property_acts (
  property TEXT NOT NULL REFERENCES properties (id),
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (property, n)
) STRICT;
