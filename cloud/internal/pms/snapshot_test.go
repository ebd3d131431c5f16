package pms_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms"
	"gatehouse/protocol/access"
)

func TestSnapshot_EmptyListsAreLists(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(pms.Snapshot{})
	want := `{"ok":false,"complete":false,"evidence":[],"properties":[],"units":[],"people":[],"leases":[],"work_orders":[],"skipped":[],"calls":0}`
	if err != nil || string(b) != want {
		t.Errorf("got  %s, %v\nwant %s", b, err, want)
	}
}

func TestSnapshot_TheContractsKeys(t *testing.T) {
	t.Parallel()
	s := pms.Snapshot{OK: true,
		People:     []pms.Person{{Ref: "1", PIN: pms.Held{Secret: access.NewSecret("48213")}, Card: pms.Held{Hold: "why"}}},
		Leases:     []pms.Lease{{Ref: "L", Stay: pms.Stay{Status: pms.Current}}},
		WorkOrders: []pms.WorkOrder{{Ref: "W", Created: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}},
	}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "48213") || strings.Contains(fmt.Sprintf("%v %+v %#v", s, s, s), "48213") {
		t.Error("a PIN is printed")
	}
	var got struct {
		People []map[string]any `json:"people"`
		Leases []map[string]any `json:"leases"`
		Orders []map[string]any `json:"work_orders"`
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	wantPerson := map[string]any{"ref": "1", "lease": "", "property": "", "unit": "", "first": "", "last": "", "company": "",
		"email": "", "email_class": "", "phones": []any{}, "type": "", "raw_type": "", "primary": false, "pin": true,
		"card": false, "card_hold": "why"}
	if diff := cmp.Diff(wantPerson, got.People[0]); diff != "" {
		t.Errorf("person -want +got:\n%s", diff)
	}
	wantLease := map[string]any{"ref": "L", "property": "", "unit": "", "status": "current", "raw_status": "", "month_to_month": false}
	if diff := cmp.Diff(wantLease, got.Leases[0]); diff != "" {
		t.Errorf("lease -want +got:\n%s", diff)
	}
	if got.Orders[0]["created"] != "2026-03-01T09:00:00Z" || got.Orders[0]["completed"] != nil {
		t.Errorf("work order %v", got.Orders[0])
	}
}

func TestLease_StayOf(t *testing.T) {
	t.Parallel()
	l := pms.Lease{Stay: pms.Stay{Status: pms.Current}}
	own := pms.Stay{Status: pms.Past}
	if l.StayOf(pms.Person{}) != l.Stay || l.StayOf(pms.Person{Own: &own}) != own {
		t.Error("a person's own stay replaces the lease's, and only then")
	}
}

func TestG3_AnErrorIsNeverComplete(t *testing.T) {
	t.Parallel()
	whole := pms.Snapshot{OK: true, Complete: true, Evidence: []string{"counts agree"}}
	if _, complete, evidence, err := pms.Answer(whole, nil); !complete || len(evidence) != 1 || err != nil {
		t.Errorf("a whole snapshot became %v, %v, %v", complete, evidence, err)
	}
	cut := errors.New("connection reset")
	s, complete, evidence, err := pms.Answer(whole, cut)
	if complete || s.Complete || !errors.Is(err, cut) || len(evidence) != 2 || !strings.Contains(evidence[1], "connection reset") {
		t.Errorf("after an error: %v %v %v %v", s.Complete, complete, evidence, err)
	}
}

func TestRequest_Partial(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    pms.Request
		want bool
	}{{pms.Request{}, false}, {pms.Request{Properties: []string{"12"}}, false}, {pms.Request{Unit: "101"}, true},
		{pms.Request{Since: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, true}} {
		if got := c.r.Partial(); got != c.want {
			t.Errorf("%+v is partial: %v, want %v", c.r, got, c.want)
		}
	}
}
