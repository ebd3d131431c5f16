package rentmanagersim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// valueKind says what the value of a fault means.
type valueKind int

const (
	noValue valueKind = iota
	durationValue
	countValue
	optionalCount
	wordValue
)

// signIn is the resource name of the sign-in.
const signIn = "Authentication"

// Fault is one line of the list that `--faults` prints.
type Fault struct {
	Name string `json:"name"`
	// Line says what the account does while the fault is on.
	Line string `json:"line"`
	// Default is the value used when none is given; empty for a fault that takes none.
	Default string `json:"default,omitempty"`
	kind    valueKind
	steady  bool   // a state of the account: no times, no resource
	moment  bool   // takes effect at once and ends by itself
	of      string // the resource it is about, when none is named
}

// FaultSetting switches one fault at run time.
type FaultSetting struct {
	Name string `json:"name"`
	On   bool   `json:"on"`
	// Value is a duration, count or word where the fault takes one; empty means the default.
	Value string `json:"value,omitempty"`
	// Times, when over zero, lets the fault bite so often and then switches it off.
	Times int `json:"times,omitempty"`
	// After lets so many requests pass that it would bite on.
	After int `json:"after,omitempty"`
	// Resource limits the fault to one path, such as Tenants or Authentication.
	Resource string `json:"resource,omitempty"`
}

// ParseFault reads NAME, NAME=VALUE, NAME@RESOURCE or NAME=VALUE@RESOURCE. SetFault judges it.
func ParseFault(s string) FaultSetting {
	s, resource, _ := strings.Cut(s, "@")
	name, value, _ := strings.Cut(s, "=")
	return FaultSetting{Name: name, On: true, Value: value, Resource: resource}
}

// armed is a fault that is on.
type armed struct {
	FaultSetting
	duration time.Duration
	count    int
}

func faultByName(name string) (Fault, bool) {
	all := Faults()
	i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return all[i], true
}

// arm checks a setting against the list.
func arm(f Fault, s FaultSetting) (*armed, error) {
	a := &armed{FaultSetting: s}
	if a.Value == "" {
		a.Value = f.Default
	}
	if a.Resource == "" {
		a.Resource = f.of
	}
	if s.Times < 0 || s.After < 0 {
		return nil, fmt.Errorf("fault %s: times and after count requests; give a positive number or leave them out", f.Name)
	}
	if (f.steady || f.moment) && (s.Times > 0 || s.After > 0 || s.Resource != "") {
		return nil, fmt.Errorf("fault %s is a state of the whole account; times, after and resource do not fit", f.Name)
	}
	if _, known := collections()[a.Resource]; a.Resource != "" && a.Resource != signIn && !known {
		return nil, fmt.Errorf("fault %s: there is no resource %q", f.Name, a.Resource)
	}
	if err := a.readValue(f.kind); err != nil {
		return nil, fmt.Errorf("fault %s: value %q is wrong: %w", f.Name, s.Value, err)
	}
	return a, nil
}

func (a *armed) readValue(k valueKind) (err error) {
	switch {
	case k == durationValue:
		a.duration, err = time.ParseDuration(a.Value)
	case k == optionalCount && a.Value == "":
	case k == countValue || k == optionalCount:
		if a.count, err = strconv.Atoi(a.Value); err == nil && a.count < 1 {
			err = fmt.Errorf("it counts from 1")
		}
	case k == noValue && a.Value != "":
		err = fmt.Errorf("the fault takes no value")
	}
	return err
}

// SetFault switches a fault on or off; "all" may be switched off. It fails, and changes nothing, on an unknown
// name or a wrong value.
func (s *Server) SetFault(set FaultSetting) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set == (FaultSetting{Name: "all"}) {
		s.faults = map[string]*armed{}
		s.changed()
		return nil
	}
	f, ok := faultByName(set.Name)
	if !ok {
		return fmt.Errorf("there is no fault %q; gatehouse-pmssim rentmanager --faults lists them", set.Name)
	}
	a, err := arm(f, set)
	switch {
	case err != nil:
		return err
	case f.moment && set.On:
		s.tokens = map[string]time.Time{}
	case set.On:
		s.faults[f.Name] = a
	default:
		delete(s.faults, f.Name)
	}
	s.changed()
	return nil
}

// FaultsOn lists the faults that are on, by name.
func (s *Server) FaultsOn() []FaultSetting {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []FaultSetting{}
	for _, f := range Faults() {
		if a := s.faults[f.Name]; a != nil {
			out = append(out, a.FaultSetting)
		}
	}
	return out
}

// on says whether a fault is on, without using it up.
func (s *Server) on(name string) bool { return s.faults[name] != nil }

// bites says whether a fault bites on a request for a resource, and counts one use of it. It returns the fault
// as armed, else nil.
func (s *Server) bites(name, resource string) *armed {
	a := s.faults[name]
	switch {
	case a == nil, a.Resource != resource && (a.Resource != "" || resource == signIn):
		return nil
	case a.After > 0:
		a.After--
		return nil
	}
	if a.Times > 0 {
		if a.Times--; a.Times == 0 {
			delete(s.faults, name)
		}
	}
	return a
}
