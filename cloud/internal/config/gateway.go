package config

import (
	"fmt"

	"gatehouse/protocol/access"
)

// Gateway is the [property.gateway] table: how the property's gateways run (row E6). What it leaves
// out is left to each gateway's own file.
type Gateway struct {
	Hello     access.Span                            `toml:"hello_every"`
	Audit     access.Span                            `toml:"audit_every"`
	Reconnect access.Span                            `toml:"reconnect_max"`
	Log       string                                 `toml:"log_level"`
	Drift     map[access.DeviceID]access.DriftPolicy `toml:"drift"`          // per device: report, repair or adopt
	Stale     access.Span                            `toml:"stale_after"`    // how long a lease end acts by itself without the cloud
	StaleAt   map[access.DoorID]access.Span          `toml:"stale_after_at"` // doors with another limit
	Brake     Brake                                  `toml:"brake"`
	Retain    access.Span                            `toml:"retain"` // how long proofs and command replies are kept
}

// Brake is how many people may lose access at once before somebody must agree.
type Brake struct {
	Least int `toml:"least"`
	Share int `toml:"share"` // per cent
}

// GatewaySettings is what the property's gateways are told; nil without a table.
func (p *Property) GatewaySettings() *access.Settings {
	g := p.Gateway
	if g == nil {
		return nil
	}
	return &access.Settings{
		ID: access.GatewayItem, Hello: g.Hello, Audit: g.Audit, Reconnect: g.Reconnect, Log: g.Log, Drift: g.Drift,
		Stale: g.Stale, StaleAt: g.StaleAt, Brake: access.Brake{Least: g.Brake.Least, Share: g.Brake.Share}, Retain: g.Retain,
	}
}

// checkGateway names what cannot be about the gateways. Devices are known only at the gateway.
func (p *Property) checkGateway(doors map[access.DoorID]bool) (errs []error) {
	s := p.GatewaySettings()
	if s == nil {
		return nil
	}
	if err := s.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("gateway: %w", err))
	}
	for door := range s.StaleAt {
		if !doors[door] {
			errs = append(errs, fmt.Errorf("gateway: stale_after_at names door %q, which is no [[property.door]]", door))
		}
	}
	return errs
}
