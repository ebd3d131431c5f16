-- +goose Up

-- Certificates that were given out. listed 0: the gateway was enrolled before they were kept, any of the authority's counts.
ALTER TABLE gateways ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE gateway_certificates (
  gateway TEXT NOT NULL REFERENCES gateways (id),
  serial TEXT NOT NULL,
  made INTEGER NOT NULL,
  PRIMARY KEY (gateway, serial)
) STRICT;
