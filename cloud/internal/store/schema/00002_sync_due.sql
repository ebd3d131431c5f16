-- +goose Up

-- When the source of each property is to be read next. Several processes look here; a lease decides who reads.
CREATE TABLE sync_due (
  property TEXT NOT NULL PRIMARY KEY REFERENCES properties (id),
  due INTEGER NOT NULL
) STRICT;
