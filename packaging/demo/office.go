package main

import (
	"context"
	"fmt"
)

// resident is somebody in the property-management system.
type resident struct {
	Tenant, Property               int
	Unit, First, Last, Status, PIN string
}

func (r resident) name() string { return r.First + " " + r.Last }

// books is everybody in the property-management system.
func (s *stage) books(ctx context.Context) (all []resident, err error) {
	return all, call(ctx, s.pms.control+"/people", nil, &all)
}

// household is who of a unit of Harbor Row has a status and a PIN.
func (s *stage) household(ctx context.Context, unit, status string) (out []resident, err error) {
	all, err := s.books(ctx)
	for _, r := range all {
		if r.Property == s.harbor.source && r.Unit == unit && r.Status == status && r.PIN != "" {
			out = append(out, r)
		}
	}
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("nobody in unit %s is %s and has a PIN", unit, status)
	}
	return out, err
}

// form is what the office types.
type form map[string]any

// enter is the office's hand in the property-management system.
func (s *stage) enter(ctx context.Context, what string, f form) error {
	return call(ctx, s.pms.control+what, f, nil)
}

// movesIn enters somebody at Harbor Row; day is "today", or "-1" for yesterday.
func (s *stage) movesIn(ctx context.Context, r resident, day string) (resident, error) {
	f := form{"property": s.harbor.source, "unit": r.Unit, "first": r.First, "last": r.Last, "pin": r.PIN, "date": day}
	return r, call(ctx, s.pms.control+"/move_in", f, &r)
}
