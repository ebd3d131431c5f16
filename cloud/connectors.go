package cloud

import (
	"log/slog"
	"time"

	"gatehouse/cloud/internal/people/model"
	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access/fault"
)

// connector is one kind of property-management system that can be read.
type connector struct {
	kind   string
	origin model.Origin
	// open makes the connector from the vendor's own file; errors are Invalid and name every key.
	open func(file string, now func() time.Time, log *slog.Logger) (pms.Connector, error)
}

// connectors lists every kind: read it and know them all.
func connectors() []connector {
	return []connector{
		{"rentmanager", model.RentManager, func(file string, now func() time.Time, log *slog.Logger) (pms.Connector, error) {
			cfg, err := rentmanager.ReadConfig(file)
			if err != nil {
				return nil, err
			}
			return rentmanager.New(cfg, rentmanager.Deps{Now: now, Log: log})
		}},
	}
}

func connectorOf(kind string) (connector, error) {
	known := ""
	for _, c := range connectors() {
		if c.kind == kind {
			return c, nil
		}
		known += " " + c.kind
	}
	return connector{}, fault.New(fault.Invalid, "look up", "PMS", "kind %q is not known; known are%s", kind, known)
}
