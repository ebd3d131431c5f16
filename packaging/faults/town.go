package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	_ "time/tzdata" // the house's zone must be known everywhere
)

const zone = "America/New_York"

// resident is a line of the export.
type resident struct {
	id                           int
	status, in, inAt, out, outAt string
	pin                          int
	steady                       bool // never changes: must never be refused at a door
}

// town is who lives in the house, as the property's office sees it.
type town struct {
	rand   *rand.Rand
	zone   *time.Location
	people []*resident
	pins   int
}

func newTown(r *rand.Rand) (*town, error) {
	z, err := time.LoadLocation(zone)
	if err != nil {
		return nil, err
	}
	t := &town{rand: r, zone: z}
	for i := range 24 {
		t.moveIn().steady = i < 3
	}
	return t, nil
}

// newPIN is one that nobody ever had.
func (t *town) newPIN() int {
	t.pins++
	return 20011 + 37*t.pins
}

// moveIn lets somebody live there since long ago.
func (t *town) moveIn() *resident {
	r := &resident{id: len(t.people) + 1, status: "Current", in: "2020-05-01", pin: t.newPIN()}
	t.people = append(t.people, r)
	return r
}

func (r *resident) first() string { return []string{"Ada", "Ben", "Cora", "Dan", "Eva"}[r.id%5] }
func (r *resident) last() string  { return fmt.Sprintf("Abb%c%ct", 'a'+r.id/26%26, 'a'+r.id%26) }
func (r *resident) unit() string  { return fmt.Sprint(100 + r.id) }

// someone lives there, has no end yet and may change.
func (t *town) someone() *resident {
	for {
		if r := t.people[t.rand.IntN(len(t.people))]; r.status == "Current" && !r.steady {
			return r
		}
	}
}

// change makes a few random changes and says which.
func (t *town) change() (said []string) {
	for range 1 + t.rand.IntN(3) {
		what := t.rand.IntN(10)
		if t.living() < 12 {
			what = 0
		}
		said = append(said, t.one(what))
	}
	return said
}

func (t *town) living() (n int) {
	for _, r := range t.people {
		if r.status == "Current" {
			n++
		}
	}
	return n
}

// one is a single change.
func (t *town) one(what int) string {
	at := time.Now().In(t.zone).Truncate(time.Minute).Add(time.Duration(1+t.rand.IntN(2)) * time.Minute)
	day, hour := at.Format("2006-01-02"), at.Format("15:04")
	switch what {
	case 0, 1, 2: // several at once: a revocation among them must go first
		n := 1 + t.rand.IntN(5)
		for range n {
			t.moveIn()
		}
		return fmt.Sprintf("%d move in", n)
	case 3:
		r := t.moveIn()
		r.status, r.in, r.inAt = "Future", day, hour
		return fmt.Sprintf("R%d moves in at %s", r.id, hour)
	case 4, 5:
		r := t.someone()
		r.status, r.out, r.outAt = "Notice", day, hour
		return fmt.Sprintf("R%d moves out at %s", r.id, hour)
	case 6, 7:
		r := t.someone()
		r.pin = t.newPIN()
		return fmt.Sprintf("R%d gets another PIN", r.id)
	default:
		return t.revoke()
	}
}

func (t *town) revoke() string {
	r := t.someone()
	r.status = "Past"
	return fmt.Sprintf("R%d is out", r.id)
}

// export is the whole list with its footer.
func (t *town) export() string {
	var b strings.Builder
	b.WriteString("property,unit,resident_id,lease_id,status,type,first,last,email,phone,move_in,move_out,lease_start,lease_end,pin,card,move_in_time,move_out_time\n")
	for _, r := range t.people {
		fmt.Fprintf(&b, "Maples,%s,R%d,L%d,%s,Primary,%s,%s,,,%s,%s,%s,,%d,,%s,%s\n", r.unit(), r.id, r.id, r.status, r.first(), r.last(), r.in, r.out, r.in, r.pin, r.inAt, r.outAt)
	}
	sum := sha256.Sum256([]byte(b.String()))
	fmt.Fprintf(&b, "#end,rows=%d,sha256=%x\n", len(t.people), sum)
	return b.String()
}
