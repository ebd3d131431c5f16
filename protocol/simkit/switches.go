package simkit

// Switches are the faults of one simulator that are on. Make it with List.Switches. It has no lock: the simulator's own
// guards it.
type Switches struct {
	list List
	on   map[string]*Armed
}

// Switches has every fault switched off.
func (l List) Switches() Switches { return Switches{l, map[string]*Armed{}} }

// Set switches a fault on or off; the name "all" switches everything off. A fault that is a moment is judged and
// returned for the simulator to act on, and is not on afterwards. An error changes nothing.
func (s Switches) Set(to FaultSetting) (*Armed, error) {
	if to == (FaultSetting{Name: "all"}) {
		clear(s.on)
		return &Armed{FaultSetting: to}, nil
	}
	f, a, err := s.list.Arm(to)
	switch {
	case err != nil:
		return nil, err
	case f.Moment:
	case to.On:
		s.on[to.Name] = a
	default:
		delete(s.on, to.Name)
	}
	return a, nil
}

// On returns a fault that is on without using it up, else nil.
func (s Switches) On(name string) *Armed { return s.on[name] }

// Bite returns a fault that bites now, and counts one use of it; nil when it is off or not due yet.
func (s Switches) Bite(name string) *Armed {
	a := s.on[name]
	switch {
	case a == nil:
		return nil
	case a.After > 0:
		a.After--
		return nil
	}
	if a.Times > 0 {
		if a.Times--; a.Times == 0 {
			delete(s.on, name)
		}
	}
	return a
}

// All lists what is on, in the order of the list.
func (s Switches) All() []FaultSetting {
	out := []FaultSetting{}
	for _, f := range s.list.Faults {
		if a := s.on[f.Name]; a != nil {
			out = append(out, a.FaultSetting)
		}
	}
	return out
}
