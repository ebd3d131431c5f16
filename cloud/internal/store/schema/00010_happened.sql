-- +goose Up

-- What staff look up of what happened at doors and panels, among all that gateways tell.
CREATE INDEX events_happened ON events (gateway, n)
  WHERE kind IN ('door', 'ring', 'tamper', 'reachable', 'unreachable') OR kind = 'failed' AND person = '';
