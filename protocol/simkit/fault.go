package simkit

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Takes says what the value of a fault means.
type Takes int

// A fault takes no value, a time, a number, a number or nothing, or a word.
const (
	Nothing Takes = iota
	Duration
	Count
	MaybeCount
	Word
)

// Fault is one line of the list that `--faults` prints: a bad day that a reference describes or leaves open.
type Fault struct {
	Name string `json:"name"`
	// Line says what is simulated while the fault is on.
	Line string `json:"line"`
	// Default is the value used when none is given; empty for a fault that takes none.
	Default string `json:"default,omitempty"`

	Takes    Takes  `json:"-"`
	Negative bool   `json:"-"` // the value may be below zero
	Least    int    `json:"-"` // the smallest count
	Most     int    `json:"-"` // the largest count; 0: no bound
	Steady   bool   `json:"-"` // a state of the whole: times, after and resource do not fit
	Moment   bool   `json:"-"` // happens at once and is over: it is never on. Steady in what it takes
	Of       string `json:"-"` // the resource it is about, when none is named
}

// FaultSetting switches one fault at run time.
type FaultSetting struct {
	Name string `json:"name"`
	On   bool   `json:"on"`
	// Value is what the fault takes; empty means the default.
	Value string `json:"value,omitempty"`
	// Times, when over zero, lets the fault bite so often and then switches it off.
	Times int `json:"times,omitempty"`
	// After lets so many occasions pass on which it would bite.
	After int `json:"after,omitempty"`
	// Resource limits the fault to one of the simulator's resources, where it has any.
	Resource string `json:"resource,omitempty"`
}

// ParseFault reads NAME, NAME=VALUE, NAME@RESOURCE or NAME=VALUE@RESOURCE, switched on. The list judges it.
func ParseFault(s string) FaultSetting {
	s, resource, _ := strings.Cut(s, "@")
	name, value, _ := strings.Cut(s, "=")
	return FaultSetting{Name: name, On: true, Value: value, Resource: resource}
}

// Armed is a fault that is on, its value read.
type Armed struct {
	FaultSetting
	Duration time.Duration
	Count    int
}

// List is what one simulator offers.
type List struct {
	Command  string // that lists the faults, as in "gatehouse-sim akuvox"
	Faults   []Fault
	Resource func(string) bool // whether there is such a resource; nil: there are none
}

// Print writes a line for each fault.
func (l List) Print(w io.Writer) error {
	for _, f := range l.Faults {
		line := f.Line
		if f.Default != "" {
			line += " (value, default " + f.Default + ")"
		}
		if _, err := fmt.Fprintf(w, "%-22s %s\n", f.Name, line); err != nil {
			return err
		}
	}
	return nil
}

// Arm reads a setting. It fails on an unknown name or a wrong value, in words for who wrote it.
func (l List) Arm(s FaultSetting) (Fault, *Armed, error) {
	i := slices.IndexFunc(l.Faults, func(f Fault) bool { return f.Name == s.Name })
	if i < 0 {
		return Fault{}, nil, fmt.Errorf("there is no fault %q; %s --faults lists them", s.Name, l.Command)
	}
	f, a := l.Faults[i], &Armed{FaultSetting: s}
	if a.Value == "" {
		a.Value = f.Default
	}
	if a.Resource == "" {
		a.Resource = f.Of
	}
	if err := l.fits(f, s); err != nil {
		return Fault{}, nil, fmt.Errorf("fault %s: %w", f.Name, err)
	}
	if err := a.read(f); err != nil {
		return Fault{}, nil, fmt.Errorf("fault %s: value %q is wrong: %w", f.Name, s.Value, err)
	}
	return f, a, nil
}

func (l List) fits(f Fault, s FaultSetting) error {
	switch {
	case s.Times < 0:
		return fmt.Errorf("times is %d; give how often it shall bite, or leave it out", s.Times)
	case s.After < 0:
		return fmt.Errorf("after is %d; give how often it shall not bite yet, or leave it out", s.After)
	case (f.Steady || f.Moment) && (s.Times > 0 || s.After > 0 || s.Resource != ""):
		return errors.New("it is a state of the whole; times, after and resource do not fit")
	case s.Resource != "" && (l.Resource == nil || !l.Resource(s.Resource)):
		return fmt.Errorf("there is no resource %q", s.Resource)
	}
	return nil
}

func (a *Armed) read(f Fault) (err error) {
	switch {
	case f.Takes == Duration:
		if a.Duration, err = time.ParseDuration(a.Value); err == nil && a.Duration < 0 && !f.Negative {
			err = errors.New("it must not be negative")
		}
	case f.Takes == Nothing && a.Value != "":
		err = errors.New("it takes no value")
	case f.Takes == Count || f.Takes == MaybeCount && a.Value != "":
		if a.Count, err = strconv.Atoi(a.Value); err != nil {
			return err
		}
		if a.Count < f.Least && !f.Negative {
			err = fmt.Errorf("it counts from %d", f.Least)
		} else if f.Most > 0 && a.Count > f.Most {
			err = fmt.Errorf("it must not be over %d", f.Most)
		}
	}
	return err
}
