package plan

import (
	"testing"

	"gatehouse/protocol/access"
)

// BenchmarkMakeOne is what a start of the agent does for everybody: one person, nothing read yet.
func BenchmarkMakeOne(b *testing.B) {
	in := input(jones(access.Grant{ID: "g1", Window: window(-1, 5)}))
	in.Observed = Observed{}
	in.Ledger["p1"] = access.LedgerEntry{Person: "p1", Ref: "GHp1", State: access.Settled, Print: PrintRecord(plain{}, row(""))}
	b.ReportAllocs()
	for b.Loop() {
		if p := Make(in); len(p.Settled) != 1 {
			b.Fatal(p)
		}
	}
}
