package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/driver/akuvox"
	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
	"gatehouse/agent/internal/driver/comelit"
	"gatehouse/agent/internal/driver/comelit/comelitsim"
	"gatehouse/protocol/access"
)

// How long a panel of the new building takes for one answer, and how long it is left alone after it.
const (
	answers = 5 * time.Millisecond
	paces   = 5 * time.Millisecond
)

// building is a property with two Akuvox panels and one Comelit gateway of 120 units, in virtual time: the programs'
// own waiting counts, the machine's does not (that is the bench's).
type building struct {
	*site
	lan   map[string]*pipes // by host
	front *akuvoxsim.Panel
	rear  *akuvoxsim.Panel
	calls *comelitsim.Panel
}

const buildingUnits = 120

func newBuilding(t *testing.T) *building {
	b := &building{site: newSite(t), lan: map[string]*pipes{}}
	b.dir = scratch(t) // 5,000 commits
	slow := []akuvoxsim.FaultSetting{{Name: "slow", On: true, Value: answers.String()}}
	var err error
	b.front, err = akuvoxsim.New(akuvoxsim.Options{Faults: slow})
	must(t, err)
	b.rear, err = akuvoxsim.New(akuvoxsim.Options{Faults: slow, Model: "E18"})
	must(t, err)
	b.calls, err = comelitsim.New(comelitsim.Options{Units: buildingUnits, Password: "installer-1", Faults: []comelitsim.FaultSetting{
		{Name: "slow", On: true, Value: answers.String()},
	}})
	must(t, err)
	b.plug("192.0.2.1:80", b.front)
	b.plug("192.0.2.2:80", b.rear)
	b.plug("192.0.2.3:8080", b.calls.Web())
	password := filepath.Join(b.dir, "password")
	must(t, os.WriteFile(password, []byte("installer-1"), 0o600))
	b.text = fmt.Sprintf(`
force_state_dir = true
[[device]]
id = "front"
kind = "akuvox"
url = "http://192.0.2.1"
pace = %[1]q
doors = { lobby = "A" }
[[device]]
id = "rear"
kind = "akuvox"
url = "http://192.0.2.2"
pace = %[1]q
doors = { lobby = "A" }
[[device]]
id = "calls"
kind = "comelit"
url = "http://192.0.2.3:8080"
password_file = %[2]q
pace = %[1]q
doors = { lobby = "A" }
`, paces.String(), password)
	lan := func(make func(driver.Config, driver.Deps) (driver.Panel, error)) func(driver.Config, driver.Deps) (driver.Panel, error) {
		return func(c driver.Config, d driver.Deps) (driver.Panel, error) {
			d.Dial = b.dial
			return make(c, d)
		}
	}
	b.kinds = []driver.Kind{{Name: "akuvox", New: lan(akuvox.New)}, {Name: "comelit", New: lan(comelit.New)}}
	return b
}

// plug puts a device on the property's network.
func (b *building) plug(host string, h http.Handler) {
	l := &pipes{calls: make(chan net.Conn), done: make(chan struct{})}
	b.lan[host] = l
	srv := &http.Server{Handler: h}
	var g sync.WaitGroup
	g.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			b.t.Error(err)
		}
	})
	b.t.Cleanup(func() {
		must(b.t, srv.Close())
		g.Wait()
	})
}

func (b *building) dial(ctx context.Context, _, host string) (net.Conn, error) {
	l := b.lan[host]
	if l == nil {
		return nil, fmt.Errorf("nothing is at %s", host)
	}
	near, far := net.Pipe()
	select {
	case l.calls <- called{far}:
		return near, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// called is the device's end: it sees the gateway's address.
type called struct{ net.Conn }

func (called) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 100), Port: 40000} }

// pipes is a listener whose connections stay within the program.
type pipes struct {
	calls chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// people of the new building: n of them, in turn over its units, each with a PIN, an app and a telephone.
func (b *building) people(n int) []access.Noun {
	out := []access.Noun{
		access.Property{ID: "maple", Name: "Maple Court", Zone: "America/New_York"},
		access.Door{ID: "lobby", Name: "Lobby"},
		access.Group{ID: "entrance", Name: "Residents Entrance", Doors: []access.DoorID{"lobby"}, Common: true},
	}
	for _, s := range b.calls.Users(true) {
		if s.Slot == 0 {
			out = append(out, access.Unit{ID: access.UnitID(fmt.Sprint("u", s.Unit)), Name: s.UnitName})
		}
	}
	for i := range n {
		id, w := pid(i), since(time.Hour)
		out = append(out,
			access.Person{ID: access.PersonID(id), Kind: access.Resident, First: "Tom" + letters(i), Last: "Jones" + letters(i),
				Email: id + "@example.com", Phones: []string{fmt.Sprintf("+1555%07d", i)}},
			access.Residency{ID: access.ResidencyID("r" + id), Person: access.PersonID(id), Unit: access.UnitID(fmt.Sprint("u", i%buildingUnits)), Window: w},
			access.Credential{ID: access.CredentialID("c" + id), Person: access.PersonID(id), Kind: access.PIN, Secret: access.NewSecret(fmt.Sprint(100000 + i))},
			access.Credential{ID: access.CredentialID("m" + id), Person: access.PersonID(id), Kind: access.Mobile},
			access.Grant{ID: access.GrantID("g" + id), Person: access.PersonID(id), Group: "entrance", Window: w, Reason: "lives there"})
	}
	return out
}

// pid is somebody's id, as the cloud gives them: none is the beginning of another.
func pid(i int) string { return fmt.Sprintf("p%03d", i) }

// letters is a number in letters.
func letters(i int) string {
	return string([]byte{byte('a' + i/676%26), byte('a' + i/26%26), byte('a' + i%26)})
}

// waiting is how many people are still to be written, on all devices.
func (b *building) waiting() (n int) {
	for _, d := range b.agent.view().Devices {
		n += d.Waiting
	}
	return n
}

// everybody waits until nothing is left to do, and gives how long it took.
func (b *building) everybody(within time.Duration) time.Duration {
	b.t.Helper()
	begun := time.Now()
	for b.waiting() > 0 {
		if time.Since(begun) > within {
			b.t.Fatalf("after %v %d still wait: %+v", within, b.waiting(), b.agent.view().Devices)
		}
		sleepFor(50 * time.Millisecond)
	}
	return time.Since(begun)
}

// holds checks what stands on the devices: everybody once, in the right unit, and the strangers as they were.
func (b *building) holds(n int) {
	b.t.Helper()
	for name, sim := range map[string]*akuvoxsim.Panel{"front": b.front, "rear": b.rear} {
		seen := map[string]int{}
		for _, u := range sim.Users() {
			seen[u.UserID+" "+u.PIN]++
		}
		want := map[string]int{"77 4711": 1}
		for i := range n {
			want[fmt.Sprintf("GH%s %d", pid(i), 100000+i)] = 1
		}
		if !maps.Equal(seen, want) {
			b.t.Errorf("%s holds %d rows, want %d each once", name, len(seen), len(want))
		}
	}
	seen := map[string]int{}
	for _, s := range b.calls.Users(false) {
		if s.Slot > 0 {
			seen[fmt.Sprint(s.Unit, " ", s.Email, s.Phone)]++
		}
	}
	want := map[string]int{"3 caretaker@example.com": 1}
	for i := range n {
		want[fmt.Sprintf("%d %s@example.com", i%buildingUnits, pid(i))]++
		want[fmt.Sprintf("%d +1555%07d", i%buildingUnits, i)]++
	}
	if !maps.Equal(seen, want) {
		b.t.Errorf("the Comelit holds %d contacts, want %d each once", len(seen), len(want))
	}
}

// strangers were there before the gateway.
func (b *building) strangers() {
	b.t.Helper()
	for _, sim := range []*akuvoxsim.Panel{b.front, b.rear} {
		_, err := sim.Edit("add", akuvoxsim.User{UserID: "77", Name: "Caretaker", PIN: "4711"})
		must(b.t, err)
	}
	_, err := b.calls.Edit("set", comelitsim.Slot{Unit: 3, Slot: 9, Kind: "app", Enabled: true, Name: "Caretaker", Email: "caretaker@example.com"})
	must(b.t, err)
}

// TestTowardsC3_MoveInDay: 800 people at once. Everybody is on every panel within a tenth of what the requests alone
// take, and meanwhile the gateway says how many wait.
func TestTowardsC3_MoveInDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilding(t)
		b.strangers()
		b.start()
		defer func() { b.end() }()
		sleepFor(time.Minute)
		before := b.requests()
		b.publish(1, b.people(800)...)
		sleepFor(time.Second)
		most := b.waiting()
		took := time.Second + b.everybody(time.Hour)
		var floor time.Duration
		for name, n := range b.requests() {
			n -= before[name]
			floor = max(floor, time.Duration(n)*(answers+paces))
			t.Logf("%s: %d requests", name, n)
		}
		if most < 2200 {
			t.Errorf("at first %d are said to wait, of 800 on each of three", most)
		}
		if t.Logf("%v, floor %v", took, floor); took > floor*11/10 {
			t.Errorf("it took %v, the requests alone %v", took, floor)
		}
		b.holds(800)
	})
}

// requests counts what each device was asked.
func (b *building) requests() map[string]int {
	web := 0
	for _, n := range b.calls.Stats().Web {
		web += n
	}
	return map[string]int{"front": b.front.Stats().Requests, "rear": b.rear.Stats().Requests, "calls": web}
}

// TestTowardsC3_MoveInDayKilledAnywhere: the agent ends again and again in the middle of it.
func TestTowardsC3_MoveInDayKilledAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilding(t)
		b.strangers()
		b.start()
		defer func() { b.end() }()
		r := rand.New(rand.NewPCG(3, 5))
		b.publish(1, b.people(200)...)
		for range 20 {
			sleepFor(time.Duration(r.IntN(700)) * time.Millisecond)
			b.restart(time.Duration(r.IntN(10))*time.Second, false)
		}
		sleepFor(time.Minute)
		b.everybody(time.Hour)
		b.holds(200)
	})
}

// TestG2_ARevocationIsConfirmedWithinThreeRequests, also while hundreds of others wait to be written: what is in flight,
// then the row is read, removed and read again. The store is told of one after the other, at any moment.
func TestG2_ARevocationIsConfirmedWithinThreeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilding(t)
		b.start()
		defer func() { b.end() }()
		nouns := b.people(400)
		present := len(nouns) - 380*5
		b.publish(1, nouns[:present]...)
		sleepFor(time.Minute)
		b.everybody(time.Hour)
		b.publish(2, nouns...)
		r := rand.New(rand.NewPCG(7, 9))
		for i := range 20 {
			sleepFor(150*time.Millisecond + time.Duration(r.Int64N(int64(100*time.Millisecond))))
			b.revoke(uint64(3+i), pid(i), nouns)
		}
		if n := b.waiting(); n < 300 {
			t.Errorf("only %d wait: the load was not under way all the time", n)
		}
		b.everybody(time.Hour)
		for _, device := range []access.DeviceID{"front", "rear"} {
			for i := range 20 {
				p, ok, err := b.agent.box.site.Proof(device, access.PersonID(pid(i)))
				must(t, err)
				if most := (answers + paces) + 3*(paces+answers); !ok || p.Open() || p.Confirmed.Sub(p.Stored) > most {
					t.Errorf("%s, %s: confirmed %v after it was stored, want at most %v: %+v", device, p.Person, p.Confirmed.Sub(p.Stored), most, p)
				}
			}
		}
	})
}

// revoke ends somebody's grant now, by name.
func (b *building) revoke(revision uint64, who string, nouns []access.Noun) {
	b.t.Helper()
	u := access.Update{Position: access.Position{Epoch: 1, Revision: revision}, Base: revision - 1, Chunk: 1, Of: 1, Issued: time.Now(), DigestKey: make([]byte, 32)}
	for i, n := range nouns {
		it, err := access.Encode(n)
		must(b.t, err)
		if g, ok := n.(access.Grant); ok && string(g.Person) == who {
			g.Until, g.Ends = time.Now(), access.EndRevoked
			nouns[i] = g
			it, err = access.Encode(g)
			must(b.t, err)
			u.Put = append(u.Put, it)
		}
		u.Digest.Toggle(u.DigestKey, it)
	}
	done, err := (linkWanted{b.agent}).Apply(u)
	if err != nil || !done {
		b.t.Fatalf("the state was not stored: %v %v", done, err)
	}
}

// TestAddingOneCostsTheSameOnEveryPanel: on one that holds a hundred people and on one that holds ten thousand.
func TestAddingOneCostsTheSameOnEveryPanel(t *testing.T) {
	cost := map[int]map[string]int{}
	for _, n := range []int{100, 10_000} {
		synctest.Test(t, func(t *testing.T) {
			b := newBuilding(t)
			for i := range n {
				for _, sim := range []*akuvoxsim.Panel{b.front, b.rear} {
					_, err := sim.Edit("add", akuvoxsim.User{UserID: fmt.Sprint(1000000 + i), Name: "Somebody", PIN: fmt.Sprint(2000000 + i)})
					must(t, err)
				}
			}
			b.start()
			defer func() { b.end() }()
			nouns := b.people(2)
			b.publish(1, nouns[:len(nouns)-5]...)
			sleepFor(5 * time.Second)
			before := b.requests()
			b.publish(2, nouns...)
			sleepFor(5 * time.Second)
			cost[n] = b.requests()
			for name := range before {
				cost[n][name] -= before[name]
			}
		})
	}
	if a, z := cost[100], cost[10_000]; !maps.Equal(a, z) || a["front"] != 3 || a["rear"] != 3 || a["calls"] != 9 {
		t.Errorf("one more costs %v requests on a panel of 100 and %v on one of 10,000; want 3 on an Akuvox, 9 on a Comelit", a, z)
	}
}
