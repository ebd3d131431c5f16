package protocol_test

import (
	"testing"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// FuzzTopics: a topic is a gateway's or nobody's, and nobody may write or read another's branch.
func FuzzTopics(f *testing.F) {
	f.Add("gatehouse/v1/gw-1/up/event", "gw-1")
	f.Add("gatehouse/v1/gw-1/up/../gw-2/down/state", "gw-1")
	f.Add("gatehouse/v1/gw-1/status/status", "gw-1")
	f.Add("gatehouse/v1//down/#", "")
	f.Fuzz(func(t *testing.T, topic, gw string) {
		if id, typ, ok := protocol.ParseUp(topic); ok && protocol.UpTopic(id, typ) != topic {
			t.Errorf("%q is %q of %q", topic, typ, id)
		}
		if id, ok := protocol.ParseStatus(topic); ok && protocol.StatusTopic(id) != topic {
			t.Errorf("%q is the status of %q", topic, id)
		}
		own := "gatehouse/v1/" + gw + "/"
		for _, write := range []bool{true, false} {
			if protocol.May(access.GatewayID(gw), topic, write) && (len(topic) <= len(own) || topic[:len(own)] != own || !access.ValidID(gw)) {
				t.Errorf("%q may use %q", gw, topic)
			}
		}
	})
}
