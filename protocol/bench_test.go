package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// maxWire is what a snapshot of 10,000 people may cost on the wire (DESIGN §8).
const maxWire = 1_500_000

// town is the state of a property with n people, about four items each: person, residency, PIN,
// grant, and a card for one in three. It stands in the order of a snapshot, kind by kind, with ids
// and reasons as the cloud makes them.
func town(t testing.TB, n int) []access.Item {
	r := rand.New(rand.NewPCG(1, 2))
	var people, residencies, credentials, grants []access.Item
	for i := range n {
		person, unit, home := access.PersonID(fmt.Sprintf("p%d", i+1)), fmt.Sprintf("%04d", 100+i/2), fmt.Sprintf("r%d", i+1)
		window, ends := access.Window{From: issued.AddDate(0, 0, -r.IntN(900))}, access.EndReason("")
		reason := "lives in unit " + unit + " from " + window.From.Format("Jan 2, 2006 15:04") + " (move-in date)"
		if r.IntN(3) == 0 {
			window.Until, ends = issued.AddDate(0, 0, r.IntN(300)), access.EndMoveOut
			reason += " until " + window.Until.Format("Jan 2, 2006 15:04") + " (move-out date)"
		}
		first, last := given[r.IntN(len(given))], family[r.IntN(len(family))]+family[r.IntN(len(family))]
		people = append(people, mustEncode(t, access.Person{ID: person, Kind: access.Resident, First: first, Last: last,
			Email: fmt.Sprintf("%s.%s%d@example.com", first, last, r.IntN(100)), Phones: []string{fmt.Sprintf("+1555%07d", r.IntN(1e7))}}))
		residencies = append(residencies, mustEncode(t, access.Residency{ID: access.ResidencyID(home), Person: person, Unit: access.UnitID("u" + unit), Window: window}))
		hold := func(kind access.CredentialKind, secret string) {
			id := access.CredentialID(fmt.Sprintf("c%d", len(credentials)+1))
			credentials = append(credentials, mustEncode(t, access.Credential{ID: id, Person: person, Kind: kind, Secret: access.NewSecret(secret)}))
		}
		hold(access.PIN, fmt.Sprintf("%06d", r.IntN(1e6)))
		if i%3 == 0 {
			hold(access.Card, fmt.Sprintf("%014X", r.Uint64()>>8))
		}
		grants = append(grants, mustEncode(t, access.Grant{ID: access.GrantID(home + "-common"), Person: person, Group: "common", Window: window, Ends: ends, Reason: reason}))
	}
	return slices.Concat(people, residencies, credentials, grants)
}

var (
	given  = []string{"Amara", "Ben", "Chloe", "Dmitri", "Esperanza", "Farid", "Grace", "Hugo", "Imani", "Jun", "Katarzyna", "Leo", "Mei", "Noah", "Olga", "Priya", "Quinn", "Rosa", "Sam", "Tariq"}
	family = []string{"Ash", "Bell", "Cruz", "Dahl", "Endo", "Frost", "Gray", "Holt", "Ito", "Jain", "Kim", "Lund", "Moss", "Nash", "Ortiz", "Park", "Quist", "Ruiz", "Stone", "Toth"}
)

func sealAll(t testing.TB, put []access.Item) (msgs [][]byte, wire int) {
	chunks, err := protocol.Split(put, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range chunks {
		s.DigestKey = make([]byte, 32)
		msg := sealed(t, protocol.Header{Type: protocol.TypeState, Epoch: 1, Revision: 1042, Chunk: i + 1, Of: len(chunks)}, s)
		msgs, wire = append(msgs, msg), wire+len(msg)
	}
	return msgs, wire
}

func TestSnapshotOf10000PeopleFits(t *testing.T) {
	t.Parallel()
	put := town(t, 10_000)
	plain := 0
	for _, it := range put {
		plain += len(it.Value)
	}
	msgs, wire := sealAll(t, put)
	t.Logf("%d items, %d bytes of records, %d messages, %d bytes on the wire", len(put), plain, len(msgs), wire)
	if wire > maxWire {
		t.Errorf("%d bytes on the wire, at most %d are allowed", wire, maxWire)
	}
}

func BenchmarkSealSnapshot10000(b *testing.B) {
	put := town(b, 10_000)
	b.ResetTimer()
	b.ReportAllocs()
	wire := 0
	for b.Loop() {
		_, wire = sealAll(b, put)
	}
	b.ReportMetric(float64(wire), "wire-bytes")
}

func BenchmarkOpenSnapshot10000(b *testing.B) {
	msgs, wire := sealAll(b, town(b, 10_000))
	o := opener(b)
	b.ResetTimer()
	b.ReportAllocs()
	for b.Loop() {
		for _, msg := range msgs {
			_, plain, err := o.Open(msg)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := protocol.Decode[protocol.State](plain); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(wire), "wire-bytes")
}
