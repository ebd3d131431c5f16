package rentmanagersim

import (
	"time"

	"gatehouse/protocol/simkit"
)

// signIn is the resource name of the sign-in.
const signIn = "Authentication"

// FaultSetting switches one fault at run time; Resource is one path, such as Tenants or Authentication.
type FaultSetting = simkit.FaultSetting

func knownResource(name string) bool {
	_, known := collections()[name]
	return known || name == signIn
}

// SetFault switches a fault on or off; "all" may be switched off. It fails, and changes nothing, on an unknown
// name or a wrong value.
func (s *Server) SetFault(set FaultSetting) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.faults.Set(set); err != nil {
		return err
	}
	if set.Name == FaultTokenLost && set.On {
		s.tokens = map[string]time.Time{}
	}
	s.changed()
	return nil
}

// FaultsOn lists the faults that are on, by name.
func (s *Server) FaultsOn() []FaultSetting {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.All()
}

// on says whether a fault is on, without using it up.
func (s *Server) on(name string) bool { return s.faults.On(name) != nil }

// bites returns a fault that bites on a request for a resource, and counts one use of it; else nil.
func (s *Server) bites(name, resource string) *simkit.Armed {
	a := s.faults.On(name)
	if a == nil || a.Resource != resource && (a.Resource != "" || resource == signIn) {
		return nil
	}
	return s.faults.Bite(name)
}
