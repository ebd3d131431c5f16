package rentmanager_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/cloud/internal/pms"
	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/cloud/internal/pms/rentmanager/rentmanagersim"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// simulated is an account of the simulator, which shares no code with the connector.
type simulated struct {
	*rentmanagersim.Server
	cfg rentmanager.Config
}

func simulate(t *testing.T) simulated {
	t.Helper()
	sim, err := rentmanagersim.New(rentmanagersim.Options{Now: now, RateLimit: -1})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(sim)
	t.Cleanup(web.Close)
	return simulated{sim, rentmanager.Config{URL: web.URL, Username: "api", Password: access.NewSecret("secret"), LocationID: 1, PageSize: 40,
		Defaults: rentmanager.Settings{Zone: "America/Chicago", PINField: "Door PIN", CardField: "RF Card"}}}
}

func (s simulated) pull(t *testing.T) result {
	t.Helper()
	d := deps()
	d.Now = s.Now
	return pullWith(t, s.cfg, d, pms.Request{})
}

// living names everybody who lives there now or will.
func living(r result) []string {
	stay := map[string]pms.Lease{}
	for _, l := range r.Leases {
		stay[l.Property+" "+l.Ref] = l
	}
	var out []string
	for _, p := range r.People {
		l := stay[p.Property+" "+p.Lease]
		if s := l.StayOf(p).Status; s == pms.Current || s == pms.Future {
			out = append(out, fmt.Sprint(p.Property, " ", p.Ref, " in ", p.Unit))
		}
	}
	slices.Sort(out)
	return out
}

// TestTowardsS1_TheSampleProperties are read whole, and nobody's secret field is lost.
func TestTowardsS1_TheSampleProperties(t *testing.T) {
	t.Parallel()
	r := simulate(t).pull(t)
	if r.err != nil || !r.complete || len(r.Properties) != 2 || len(r.Units) != 240 || len(living(r)) < 300 {
		t.Fatalf("error %v, complete %v, %d properties, %d units, %d living there\n%s", r.err, r.complete, len(r.Properties), len(r.Units), len(living(r)), r.why())
	}
	pins, cards, mains := 0, 0, map[string]int{}
	for _, p := range r.People {
		if p.PIN.Has() {
			pins++
		}
		if p.Card.Has() {
			cards++
		}
		if p.Primary {
			mains[p.Property+" "+p.Lease]++
		}
	}
	if pins < 100 || cards < 50 {
		t.Errorf("%d PINs, %d cards", pins, cards)
	}
	for lease, n := range mains {
		if n != 1 {
			t.Errorf("lease %s has %d main accounts", lease, n)
		}
	}
}

// TestG3_NoFaultOfTheSimulatorMakesAnybodyLookGone: with every one of its faults on, and later off.
// Where the answer is complete all the same, the same people live there.
func TestG3_NoFaultOfTheSimulatorMakesAnybodyLookGone(t *testing.T) {
	t.Parallel()
	// These change what is true in the books, not how it is told; the brake is for them.
	books := []string{rentmanagersim.FaultPastVanish, rentmanagersim.FaultIDChurn, rentmanagersim.FaultLabels, rentmanagersim.FaultPropertyGone}
	never := []string{rentmanagersim.FaultPageCut, rentmanagersim.FaultSilentHalf, rentmanagersim.FaultTotalChanges, rentmanagersim.FaultRowsSwapped,
		rentmanagersim.FaultEmpty404, rentmanagersim.FaultEmpty204, rentmanagersim.FaultEmpty200, rentmanagersim.FaultEmptyList,
		rentmanagersim.FaultErrorPage, rentmanagersim.FaultErrorJSON200, rentmanagersim.FaultHTTP500, rentmanagersim.FaultForbidden,
		rentmanagersim.FaultTokenVoid, rentmanagersim.FaultLoginRefused, rentmanagersim.FaultRate429, rentmanagersim.FaultDrop,
		rentmanagersim.FaultHalfBody, rentmanagersim.FaultHalfJSON, rentmanagersim.FaultEmbedDropped}
	one := func(t *testing.T) simulated {
		s := simulate(t)
		s.cfg.Properties = []string{"12"}
		return s
	}
	want := living(one(t).pull(t))
	for _, f := range rentmanagersim.FaultList().Faults {
		if slices.Contains(books, f.Name) {
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := one(t)
			set := rentmanagersim.FaultSetting{Name: f.Name, On: true, Resource: "Tenants"}
			if f.Name == rentmanagersim.FaultSlow {
				set.Value = "1ms"
			}
			if f.Name == rentmanagersim.FaultLoginRefused || s.SetFault(set) != nil { // of the whole account, not of one resource
				set.Resource = ""
				if err := s.SetFault(set); err != nil {
					t.Fatal(err)
				}
			}
			r := s.pull(t)
			if gone := missing(living(r), want); r.complete && len(gone) > 0 {
				t.Errorf("complete, and these look gone: %q\n%s", gone, r.why())
			}
			if r.err != nil && fault.KindOf(r.err) == fault.Internal {
				t.Errorf("a fault of theirs is said to be ours: %v", r.err)
			}
			if slices.Contains(never, f.Name) && r.complete {
				t.Errorf("complete all the same:\n%s", r.why())
			}
			if err := s.SetFault(rentmanagersim.FaultSetting{Name: "all"}); err != nil {
				t.Fatal(err)
			}
			if healed := s.pull(t); !healed.complete || !slices.Equal(living(healed), want) {
				t.Errorf("the next good run does not heal it: %v\n%s", healed.err, healed.why())
			}
		})
	}
}

func missing(have, want []string) []string {
	return slices.DeleteFunc(slices.Clone(want), func(w string) bool { return slices.Contains(have, w) })
}

// TestT3_TheSimulatorsTransferKeepsThePerson and A7_ its move-out ends them on the day.
func TestT3_TheSimulatorsTransferKeepsThePerson(t *testing.T) {
	t.Parallel()
	s := simulate(t)
	before := s.pull(t)
	units := map[string]string{}
	for _, u := range before.Units {
		units[u.Property+" "+u.Ref] = u.Name
	}
	in, err := s.MoveIn(rentmanagersim.MoveIn{Property: number(before.Properties[0].Ref), Unit: before.Units[0].Name, First: "Tova", Last: "Zygmund", PIN: "2468"})
	if err != nil {
		t.Fatal(err)
	}
	to, err := s.Transfer(rentmanagersim.Transfer{Tenant: in.Tenant, Unit: before.Units[1].Name})
	if err != nil {
		t.Fatal(err)
	}
	r := s.pull(t)
	var stays []string
	for _, p := range r.People {
		if p.Last == "Zygmund" {
			stays = append(stays, fmt.Sprint(p.Ref, " in ", units[p.Property+" "+p.Unit]))
		}
	}
	want := []string{fmt.Sprint(in.Contact, " in ", before.Units[0].Name), fmt.Sprint(in.Contact, " in ", before.Units[1].Name)}
	if !slices.Equal(stays, want) || !r.complete {
		t.Errorf("%q, want %q; complete %v", stays, want, r.complete)
	}
	if _, err := s.MoveOut(rentmanagersim.MoveOut{Tenant: to.Tenant}); err != nil {
		t.Fatal(err)
	}
	if l := s.pull(t).lease(t, fmt.Sprint(to.Lease)); l.Status == pms.Past {
		t.Errorf("%+v: past on the last day", l)
	}
	s.SetClock(now().Add(24 * time.Hour))
	if l := s.pull(t).lease(t, fmt.Sprint(to.Lease)); l.Status != pms.Past {
		t.Errorf("%+v: not past after the last day", l)
	}
	if !strings.Contains(r.why(), "followed through a transfer") {
		t.Error(r.why())
	}
}
