-- +goose Up

-- The mark that shows whether the key fits.
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

-- How many commits allocated revisions.
CREATE TABLE changes (
  n INTEGER NOT NULL
) STRICT;
INSERT INTO changes (n) VALUES (0);

-- The last number given out per kind of id. Rows are never deleted: ids are never reused.
CREATE TABLE counters (
  property TEXT NOT NULL, -- '' counts over all properties
  kind TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (property, kind)
) STRICT;

-- Who may act for what, until when.
CREATE TABLE claims (
  name TEXT NOT NULL PRIMARY KEY,
  owner TEXT NOT NULL,
  fence INTEGER NOT NULL,
  until INTEGER NOT NULL
) STRICT;

CREATE TABLE properties (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  zone TEXT NOT NULL,
  origin TEXT NOT NULL,
  ref TEXT NOT NULL,
  settings TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE buildings (
  property TEXT NOT NULL REFERENCES properties (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (property, id)
) STRICT;

CREATE TABLE units (
  property TEXT NOT NULL REFERENCES properties (id),
  id TEXT NOT NULL,
  building TEXT NOT NULL,
  name TEXT NOT NULL,
  slots INTEGER NOT NULL,
  ref TEXT NOT NULL,
  PRIMARY KEY (property, id)
) STRICT;

CREATE TABLE doors (
  property TEXT NOT NULL REFERENCES properties (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  unit TEXT NOT NULL,
  PRIMARY KEY (property, id)
) STRICT;

CREATE TABLE door_groups (
  property TEXT NOT NULL REFERENCES properties (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  doors TEXT NOT NULL, -- JSON list of ids
  schedule TEXT NOT NULL,
  common INTEGER NOT NULL,
  shareable INTEGER NOT NULL,
  PRIMARY KEY (property, id)
) STRICT;

CREATE TABLE people (
  property TEXT NOT NULL REFERENCES properties (id),
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  company TEXT NOT NULL,
  email TEXT NOT NULL,
  phones TEXT NOT NULL, -- JSON list
  directory TEXT NOT NULL,
  origin TEXT NOT NULL,
  ref TEXT NOT NULL,
  type TEXT NOT NULL, -- as we read it; '' unknown
  raw_type TEXT NOT NULL,
  email_class TEXT NOT NULL,
  head INTEGER NOT NULL, -- of the household
  pin BLOB NOT NULL, -- sealed; empty: none
  card BLOB NOT NULL, -- sealed; empty: none
  own_pin INTEGER NOT NULL, -- given here, not by the PMS
  own_card INTEGER NOT NULL,
  held TEXT NOT NULL, -- JSON list
  PRIMARY KEY (property, id)
) STRICT;

CREATE TABLE leases (
  property TEXT NOT NULL REFERENCES properties (id),
  id TEXT NOT NULL,
  person TEXT NOT NULL,
  unit TEXT NOT NULL,
  ref TEXT NOT NULL,
  status TEXT NOT NULL,
  raw_status TEXT NOT NULL,
  move_in TEXT NOT NULL, -- dates: YYYY-MM-DD or ''
  move_out TEXT NOT NULL,
  lease_start TEXT NOT NULL,
  lease_end TEXT NOT NULL,
  move_in_time TEXT NOT NULL,
  move_out_time TEXT NOT NULL,
  notice TEXT NOT NULL,
  month_to_month INTEGER NOT NULL,
  missing INTEGER NOT NULL,
  missing_in TEXT NOT NULL, -- the last pull that counted for missing
  past_seen INTEGER NOT NULL,
  PRIMARY KEY (property, id),
  FOREIGN KEY (property, person) REFERENCES people (property, id),
  FOREIGN KEY (property, unit) REFERENCES units (property, id)
) STRICT;
CREATE INDEX leases_person ON leases (property, person);
CREATE INDEX leases_unit ON leases (property, unit);

CREATE TABLE sync_runs (
  property TEXT NOT NULL REFERENCES properties (id),
  id INTEGER NOT NULL,
  source TEXT NOT NULL,
  started INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  evidence TEXT NOT NULL, -- JSON list
  people INTEGER NOT NULL,
  units INTEGER NOT NULL,
  leases INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  added INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  removed INTEGER NOT NULL,
  held TEXT NOT NULL, -- why the run was not applied; '': it was
  PRIMARY KEY (property, id)
) STRICT;

CREATE TABLE conflicts (
  property TEXT NOT NULL REFERENCES properties (id),
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  words TEXT NOT NULL,
  remedy TEXT NOT NULL,
  found_by TEXT NOT NULL, -- the step that found it
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  closed INTEGER NOT NULL, -- 0: open
  PRIMARY KEY (property, kind, subject)
) STRICT;

CREATE TABLE gateways (
  id TEXT NOT NULL PRIMARY KEY,
  property TEXT NOT NULL REFERENCES properties (id),
  serial TEXT NOT NULL, -- of its client certificate
  signing BLOB NOT NULL,
  sealing BLOB NOT NULL,
  added INTEGER NOT NULL,
  -- what we want it to make true
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL, -- 0: nothing yet
  base_floor INTEGER NOT NULL, -- deltas can be made since this revision
  digest_key BLOB NOT NULL, -- sealed
  digest BLOB NOT NULL,
  -- what it told
  stored_epoch INTEGER NOT NULL DEFAULT 0,
  stored_revision INTEGER NOT NULL DEFAULT 0,
  stored_digest BLOB NOT NULL,
  stored_at INTEGER NOT NULL DEFAULT 0,
  last_contact INTEGER NOT NULL DEFAULT 0,
  protocol INTEGER NOT NULL DEFAULT 0,
  software TEXT NOT NULL DEFAULT '',
  boot TEXT NOT NULL DEFAULT '',
  clock_trusted INTEGER NOT NULL DEFAULT 0,
  clock_source TEXT NOT NULL DEFAULT '',
  clock_now INTEGER NOT NULL DEFAULT 0,
  hello_at INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  online INTEGER NOT NULL DEFAULT 0,
  online_boot TEXT NOT NULL DEFAULT '',
  online_number INTEGER NOT NULL DEFAULT 0,
  online_at INTEGER NOT NULL DEFAULT 0,
  inventory INTEGER NOT NULL DEFAULT 0,
  inventory_at INTEGER NOT NULL DEFAULT 0,
  last_event INTEGER NOT NULL DEFAULT 0,
  last_link BLOB NOT NULL
) STRICT;
CREATE INDEX gateways_property ON gateways (property);

CREATE TABLE gateway_items (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  person TEXT NOT NULL, -- whom the item belongs to; '': nobody
  revision INTEGER NOT NULL, -- in which it was last put
  sum BLOB NOT NULL, -- its part of the digest, keyed
  value BLOB NOT NULL, -- sealed
  PRIMARY KEY (gateway, kind, id)
) STRICT;
CREATE INDEX gateway_items_revision ON gateway_items (gateway, revision);
CREATE INDEX gateway_items_person ON gateway_items (gateway, person, revision);

CREATE TABLE gateway_gone (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  person TEXT NOT NULL,
  revision INTEGER NOT NULL, -- in which it went
  PRIMARY KEY (gateway, kind, id)
) STRICT;
CREATE INDEX gateway_gone_revision ON gateway_gone (gateway, revision);
CREATE INDEX gateway_gone_person ON gateway_gone (gateway, person, revision);

CREATE TABLE devices (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  id TEXT NOT NULL,
  body TEXT NOT NULL, -- JSON of access.Device
  PRIMARY KEY (gateway, id)
) STRICT;

CREATE TABLE device_reach (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  device TEXT NOT NULL,
  reachable INTEGER NOT NULL,
  since INTEGER NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (gateway, device)
) STRICT;

CREATE TABLE device_people (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  device TEXT NOT NULL,
  person TEXT NOT NULL,
  op TEXT NOT NULL,
  state TEXT NOT NULL,
  grade TEXT NOT NULL,
  written INTEGER NOT NULL,
  confirmed INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL, -- the wanted state that was acted on
  fault TEXT NOT NULL,
  message TEXT NOT NULL,
  next_try INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  event INTEGER NOT NULL, -- number of the last event that changed the row
  PRIMARY KEY (gateway, device, person)
) STRICT;

CREATE TABLE events (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  n INTEGER NOT NULL,
  kind TEXT NOT NULL,
  device TEXT NOT NULL,
  person TEXT NOT NULL,
  received INTEGER NOT NULL,
  late INTEGER NOT NULL,
  raw BLOB NOT NULL, -- exactly as received: the chain is over these bytes
  link BLOB NOT NULL, -- after this event
  PRIMARY KEY (gateway, n)
) STRICT;
CREATE INDEX events_person ON events (gateway, person, n);
