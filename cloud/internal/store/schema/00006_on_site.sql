-- +goose Up

-- Records on panels that are not as their gateway wrote them, as it told. A row goes when the gateway says that it is gone.
CREATE TABLE drift (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  device TEXT NOT NULL,
  entry TEXT NOT NULL, -- the gateway's name for the record
  kind TEXT NOT NULL, -- ghost, stranger, edit, missing
  person TEXT NOT NULL, -- of whom it is, or claims to be
  native TEXT NOT NULL,
  words TEXT NOT NULL,
  first INTEGER NOT NULL,
  act TEXT NOT NULL, -- adopt or remove: decided on site and not done yet; keep: let be
  recipient TEXT NOT NULL, -- of an adoption
  reason TEXT NOT NULL,
  failed TEXT NOT NULL, -- why the last decision could not be carried out
  PRIMARY KEY (gateway, device, entry)
) STRICT;

-- How many more there are that the gateway does not tell one by one.
CREATE TABLE drift_more (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  device TEXT NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (gateway, device)
) STRICT;

-- Whose loss of access a gateway holds back until somebody agrees.
CREATE TABLE holds (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  person TEXT NOT NULL,
  cause TEXT NOT NULL, -- brake, epoch
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (gateway, person)
) STRICT;

-- What became of commands, the newest of each gateway.
CREATE TABLE replies (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  id TEXT NOT NULL,
  what TEXT NOT NULL, -- open_door; '': only the reply is known
  device TEXT NOT NULL,
  door TEXT NOT NULL,
  result TEXT NOT NULL, -- done, refused, unknown
  fault TEXT NOT NULL,
  message TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (gateway, id)
) STRICT;
