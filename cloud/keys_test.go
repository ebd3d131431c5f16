package cloud

import (
	"bytes"
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
	"gatehouse/protocol/prototest"
)

// TestTowardsG7_TheCloudsKeyIsReplaced: told first, used once acknowledged, and only then can the old one go.
func TestTowardsG7_TheCloudsKeyIsReplaced(t *testing.T) {
	t.Parallel()
	r := newRig(t, maples)
	c, other := r.open(), r.open() // the command is another process than serve
	b, silent := enrol(t, c, "maples"), enrol(t, c, "maples")
	if got := items(t, c, b.ID, access.KindCloudKeys); len(got) != 0 {
		t.Errorf("before any rotation: %v", got)
	}
	wantFault(t, other.RetireKey(t.Context(), true), fault.Conflict, "no next one", "keys rotate")
	signs := func(gw access.GatewayID) []byte {
		t.Helper()
		k, err := c.signer(t.Context(), gw)
		if err != nil {
			t.Fatal(err)
		}
		return prototest.Public(k)
	}
	old := signs(b.ID)
	for range 2 { // again makes no third
		if waiting, err := other.RotateKeys(t.Context()); err != nil || len(waiting) != 2 {
			t.Fatalf("%v wait: %v", waiting, err)
		}
	}
	got := items(t, c, b.ID, access.KindCloudKeys)
	if len(got) != 1 || len(got[0].(access.CloudKeys).Keys) != 2 || !bytes.Equal(got[0].(access.CloudKeys).Keys[0], old) {
		t.Fatalf("gateways are told %v", got)
	}
	next := got[0].(access.CloudKeys).Keys[1]
	if !bytes.Equal(signs(b.ID), old) {
		t.Error("signed with a key that the gateway does not know yet")
	}
	ack := func(gw access.GatewayID) {
		t.Helper()
		if err := (intakeStore{c.store}).SaveAck(t.Context(), gw, protocol.Ack{Position: known(t, c, gw).Published}, c.now()); err != nil {
			t.Fatal(err)
		}
	}
	ack(b.ID)
	if !bytes.Equal(signs(b.ID), next) || !bytes.Equal(signs(silent.ID), old) {
		t.Error("the next key is used for another gateway than the one that acknowledged it")
	}
	if late := enrol(t, c, "maples"); len(late.bundle.CloudKeys) != 2 {
		t.Errorf("a new gateway is given %d keys", len(late.bundle.CloudKeys))
	} else {
		ack(late.ID)
	}
	wantFault(t, other.RetireKey(t.Context(), false), fault.Conflict, "gateway "+string(silent.ID)+" has", "--force")
	ack(silent.ID)
	if err := other.RetireKey(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if got = items(t, c, b.ID, access.KindCloudKeys); len(got[0].(access.CloudKeys).Keys) != 1 || !bytes.Equal(got[0].(access.CloudKeys).Keys[0], next) {
		t.Errorf("afterwards they are told %v", got)
	}
	if !bytes.Equal(signs(silent.ID), next) || !bytes.Equal(enrol(t, r.open(), "maples").bundle.CloudKeys[0], next) {
		t.Error("the old key is still in use")
	}
}
