-- +goose Up

-- Every key by which a gateway was ever to be known. state: next (certified, not heard yet), current, past (gave way to the
-- next ones), gone (given up before it was heard, or of a box that was replaced).
CREATE TABLE gateway_keys (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  signing BLOB NOT NULL,
  sealing BLOB NOT NULL,
  tls BLOB NOT NULL, -- the public key that the certificate was asked for; empty: none was
  state TEXT NOT NULL,
  turn INTEGER NOT NULL, -- order in which successors were asked for; 0: it came with an enrolment
  pem TEXT NOT NULL, -- the successor's certificate; '': it keeps the TLS key
  made INTEGER NOT NULL,
  ended INTEGER NOT NULL, -- when it was no longer taken; 0: it is
  PRIMARY KEY (gateway, signing)
) STRICT;
CREATE INDEX gateway_keys_signing ON gateway_keys (signing);
INSERT INTO gateway_keys (gateway, signing, sealing, tls, state, turn, pem, made, ended)
  SELECT id, signing, sealing, sealing, 'current', 0, '', added, 0 FROM gateways;
-- Boxes that were replaced before keys were kept are known by what they signed.
INSERT INTO gateway_keys (gateway, signing, sealing, tls, state, turn, pem, made, ended)
  SELECT c.gateway, c.signing, c.signing, c.signing, 'gone', 0, '', MIN(c.at), MAX(c.at) FROM checkpoints c
  WHERE NOT EXISTS (SELECT 1 FROM gateway_keys k WHERE k.gateway = c.gateway AND k.signing = c.signing)
  GROUP BY c.gateway, c.signing;

-- The signing key that a certificate goes with (NULL: not known), and its end. Until now all were made for ten years.
ALTER TABLE gateway_certificates ADD COLUMN signing BLOB;
ALTER TABLE gateway_certificates ADD COLUMN ends INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gateway_certificates ADD COLUMN ended INTEGER NOT NULL DEFAULT 0; -- when it was no longer taken; 0: it is
UPDATE gateway_certificates SET ends = made + 315532800000, signing = (SELECT g.signing FROM gateways g WHERE g.id = gateway_certificates.gateway);

-- When somebody revoked it; 0: nobody did. Nothing that it says counts, and nothing is published to it.
ALTER TABLE gateways ADD COLUMN revoked INTEGER NOT NULL DEFAULT 0;

-- What was done about gateways, by people and by keys.
CREATE TABLE gateway_acts (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  n INTEGER NOT NULL,
  at INTEGER NOT NULL, -- the last time
  what TEXT NOT NULL,
  words TEXT NOT NULL,
  times INTEGER NOT NULL, -- in a row
  PRIMARY KEY (gateway, n)
) STRICT;
