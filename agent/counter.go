package agent

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/agent/internal/localui"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// counter lets the gateway's page act as the command line does: by the same rules, and by the same PINs.
type counter struct{ o *onsite }

// pageWay is under which guesses at the page are counted, apart from those at the socket.
const pageWay = "page "

// SignIn implements localui.Staff.
func (s counter) SignIn(ctx context.Context, who, pin string) (localui.Who, error) {
	if who == "" || len(who) > 200 || pin == "" || len(pin) > 64 {
		return localui.Who{}, fault.New(fault.Invalid, "let in", "at the gateway", "want your name or id, and your PIN")
	}
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	h, err := s.o.believe(ctx, pageWay, who, pin)
	if err == nil {
		err = s.o.allowed(h, "")
	}
	if err != nil {
		s.o.log.Warn("somebody was refused at the gateway's page", "err", err)
		return localui.Who{}, err
	}
	s.o.log.Info("somebody signed in at the gateway's page", "person", string(h.Person.ID))
	return s.who(h), nil
}

// Find implements localui.Staff. Somebody about whom something was done is found by id, also when the
// state has them no longer.
func (s counter) Find(ctx context.Context, words string) (localui.Who, error) {
	h, err := s.o.one(ctx, strings.TrimSpace(words))
	if err == nil {
		return s.who(h), nil
	}
	if list, lerr := s.o.site.OverlaysOf(access.PersonID(words)); lerr == nil && len(list) > 0 {
		return localui.Who{ID: access.PersonID(words)}, nil
	}
	return localui.Who{}, err
}

// Do implements localui.Staff.
func (s counter) Do(ctx context.Context, by access.PersonID, a localui.Ask) error {
	_, err := s.o.actAs(ctx, by, OverlayRequest{Do: a.Do, Person: a.Person, Door: a.Door, Hours: a.Hours, Reason: a.Reason})
	return err
}

// Site implements localui.Staff. What cannot be read is left out; the log has it.
func (s counter) Site() localui.Site {
	now, _ := s.o.clock.Now()
	out := localui.Site{Now: now, Zone: time.UTC}
	places, err := s.o.Places()
	if err != nil {
		s.o.log.Error("the property's places cannot be read", "err", err)
	}
	out.Property = cmp.Or(places.Property.Name, string(places.Property.ID))
	if zone, err := places.Property.Location(); err == nil {
		out.Zone = zone
	}
	for _, id := range slices.Sorted(maps.Keys(s.o.served())) {
		if d, known := places.Doors[id]; known {
			out.Doors = append(out.Doors, d)
		}
	}
	list, err := s.o.Overlays()
	if err != nil {
		s.o.log.Error("what was done at the gateway by hand cannot be read", "err", err)
	}
	for _, v := range list {
		out.Acts = append(out.Acts, localui.Act{Kind: v.Kind, Person: s.named(v.Person), Door: cmp.Or(places.Doors[v.Door].Name, string(v.Door)),
			From: v.From, Until: v.Until, By: cmp.Or(s.named(access.PersonID(v.By)).Name, v.By), Reason: v.Reason})
	}
	return out
}

// named is somebody by id, without more where they cannot be read.
func (s counter) named(id access.PersonID) localui.Who {
	if h, ok, err := s.o.Holder(id); err == nil && ok {
		return s.who(h)
	}
	return localui.Who{ID: id}
}

func (s counter) who(h access.Holder) localui.Who {
	out := localui.Who{ID: h.Person.ID, Name: nameOf(h.Person)}
	now, _ := s.o.clock.Now()
	places, err := s.o.Places()
	for _, r := range h.Residencies {
		if err == nil && r.Contains(now) {
			out.Unit = places.Units[r.Unit].Name
		}
	}
	return out
}
