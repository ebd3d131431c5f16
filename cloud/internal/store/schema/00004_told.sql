-- +goose Up

-- What became of the settings, as the last hello told; known 0: it did not say.
ALTER TABLE gateways ADD COLUMN settings_known INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateways ADD COLUMN settings_revision INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateways ADD COLUMN settings_refused INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateways ADD COLUMN settings_message TEXT NOT NULL DEFAULT '';

-- Of a removal: when it fell due or was asked for, and when the gateway knew of it.
ALTER TABLE device_people ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device_people ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;

-- The gateway's signatures over its chain of events, with the key that made each.
CREATE TABLE checkpoints (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  n INTEGER NOT NULL,
  link BLOB NOT NULL,
  at INTEGER NOT NULL,
  signature BLOB NOT NULL,
  signing BLOB NOT NULL,
  PRIMARY KEY (gateway, n)
) STRICT;

-- What people did at a gateway by hand while the cloud was away, and what became of it.
CREATE TABLE overlays (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  person TEXT NOT NULL,
  door TEXT NOT NULL,
  begins INTEGER NOT NULL,
  ends INTEGER NOT NULL, -- 0: no end
  made_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  made INTEGER NOT NULL,
  gone INTEGER NOT NULL, -- the gateway no longer has it
  state TEXT NOT NULL, -- open, adopted, rejected, lifted
  settled INTEGER NOT NULL,
  PRIMARY KEY (gateway, id)
) STRICT;
