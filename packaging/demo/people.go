package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// person is one line of the property's export.
type person struct {
	Unit, Lease, Status, Type, First, Last, Email, Phone string
	MoveIn, MoveOut, Start, End                          string
	PIN, Card                                            string
	Notice, MonthToMonth, InTime, OutTime                string
}

func (p person) name() string { return p.First + " " + p.Last }

const header = "property,unit,resident_id,lease_id,status,type,first,last,email,phone,move_in,move_out,lease_start,lease_end,pin,card,notice,month_to_month,move_in_time,move_out_time\n"

// export writes people as the documented CSV, sealed with its footer.
func export(people []person) string {
	var b strings.Builder
	b.WriteString(header)
	for i, p := range people {
		f := []string{"Maple Court", p.Unit, fmt.Sprintf("R%03d", i+1), p.Lease, p.Status, p.Type, p.First, p.Last, p.Email, p.Phone,
			p.MoveIn, p.MoveOut, p.Start, p.End, p.PIN, p.Card, p.Notice, p.MonthToMonth, p.InTime, p.OutTime}
		b.WriteString(strings.Join(f, ",") + "\n")
	}
	sum := sha256.Sum256([]byte(b.String()))
	fmt.Fprintf(&b, "#end,rows=%d,sha256=%s\n", len(people), hex.EncodeToString(sum[:]))
	return b.String()
}

var (
	firsts = []string{"Ada", "Ben", "Carla", "Dmitri", "Elena", "Farid", "Grace", "Hugo", "Iris", "Jonas", "Keiko", "Liam", "Mara", "Nils", "Olga", "Pablo", "Quinn", "Rosa", "Samir", "Tess", "Umar", "Vera", "Wade", "Xenia", "Yusuf", "Zoe"}
	lasts  = []string{"Abbott", "Bauer", "Castillo", "Dvorak", "Eklund", "Farouk", "Grant", "Holm", "Ivers", "Jansen", "Kimura", "Lopez", "Mercer", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Silva", "Thorne", "Urban", "Vance", "Weber", "Yilmaz", "Zeller"}
)

// residents is the property's whole roster: 40 units, about 70 people, with the awkward cases that
// real exports have.
func (s *stage) residents() []person {
	day := func(days int) string { return time.Now().In(s.zone).AddDate(0, 0, days).Format(time.DateOnly) }
	var out []person
	for i := range 40 {
		unit := fmt.Sprintf("%d%02d", i/10+1, i%10+1)
		for j := range 1 + i%2 + i%5/4 { // one to three people a unit
			n := len(out)
			p := person{
				Unit: unit, Lease: "L" + unit, Status: "Current", Type: "Primary",
				First: firsts[n%len(firsts)], Last: lasts[(n*7)%len(lasts)],
				MoveIn: day(-400 + i), Start: day(-400 + i), End: day(-35 + i*10), PIN: fmt.Sprint(10241 + n*37),
			}
			p.Email = strings.ToLower(p.First+"."+p.Last) + "@example.com"
			p.Phone = fmt.Sprintf("+1 212 555 01%02d", n%100)
			if j > 0 {
				p.Type = "Occupant"
			}
			awkward(&p, n, day)
			out = append(out, p)
		}
	}
	return s.cast(out, day)
}

// awkward gives every so many people something that exports really contain.
func awkward(p *person, n int, day func(int) string) {
	switch n {
	case 3, 17, 41:
		p.Email = "" // roommates without an address
	case 5:
		p.Email = "none@none.com"
	case 8, 30:
		p.MonthToMonth, p.End = "yes", day(-20)
	case 11:
		p.Status, p.Notice, p.MoveOut = "Notice", day(-10), day(20)
	case 14:
		p.PIN = "91532" // panels keep PINs starting with 9 for themselves
	case 21:
		p.PIN = "12A4"
	case 25:
		p.PIN, p.Card = "", "04:a1:b2:c3"
	case 33:
		p.Card = "NOT-HEX"
	case 36, 52:
		p.Status, p.MoveIn, p.Start, p.End = "Future", day(9), day(9), day(374)
	case 44, 48:
		p.Status, p.MoveOut = "Past", day(-12)
	case 55:
		p.PIN = fmt.Sprint(10241 + 54*37) // a roommate with the same PIN
	}
}

// cast puts the people of the story into the roster.
func (s *stage) cast(out []person, day func(int) string) []person {
	hm := func(t time.Time) (string, string) {
		t = t.In(s.zone)
		return t.Format(time.DateOnly), t.Format("15:04")
	}
	at := func(unit string) *person {
		for i := range out {
			if out[i].Unit == unit && out[i].Type == "Primary" {
				return &out[i]
			}
		}
		panic("no unit " + unit)
	}
	in := at("204")
	in.First, in.Last, in.PIN, in.Status, in.End = "Nora", "Whitfield", "73310", "Current", day(365)
	in.MoveIn, in.InTime = hm(time.Now().Add(-time.Minute))
	in.Start = in.MoveIn
	leaves := at("108")
	leaves.First, leaves.Last, leaves.PIN, leaves.Status = "Daniel", "Ostrowski", "28846", "Current"
	leaves.MoveOut, leaves.OutTime = hm(s.minute)
	comes := at("305")
	comes.First, comes.Last, comes.PIN, comes.Status, comes.End = "Priya", "Raman", "61907", "Future", day(365)
	comes.MoveIn, comes.InTime = hm(s.minute)
	comes.Start = comes.MoveIn
	later := at("410")
	later.First, later.Last, later.PIN, later.Status, later.End = "Leo", "Marchetti", "50529", "Future", day(372)
	later.MoveIn, later.Start = day(7), day(7)
	s.movedIn, s.leaves, s.comes, s.later = *in, *leaves, *comes, *later
	return out
}

// opensNow says whether somebody's credential should be on the panels right now.
func opensNow(p person, zone *time.Location, now time.Time) bool {
	usable := p.Card != "" && p.Card != "NOT-HEX" || p.PIN != "" && p.PIN[0] != '9' && strings.Trim(p.PIN, "0123456789") == ""
	if !usable || p.Status == "Past" {
		return false
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", p.MoveIn+" "+or(p.InTime, "15:00"), zone)
	return err == nil && !now.Before(at)
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
