package protocol

import (
	"strings"

	"gatehouse/protocol/access"
)

// Type says what a message is; it is the last level of its topic.
type Type string

// The types of message.
const (
	TypeState   Type = "state"
	TypeCommand Type = "command"
	TypeReceipt Type = "receipt"

	TypeHello     Type = "hello"
	TypeAck       Type = "ack"
	TypeEvent     Type = "event"
	TypeInventory Type = "inventory"
	TypeReply     Type = "reply"
)

const root = "gatehouse/v1/"

// DownTopic is where the cloud publishes a type of message for one gateway.
func DownTopic(gw access.GatewayID, t Type) string { return root + string(gw) + "/down/" + string(t) }

// UpTopic is where a gateway publishes a type of message.
func UpTopic(gw access.GatewayID, t Type) string { return root + string(gw) + "/up/" + string(t) }

// StatusTopic is where a gateway's retained online or offline stands.
func StatusTopic(gw access.GatewayID) string { return root + string(gw) + "/status" }

// AllUp and AllStatus are the filters by which the cloud hears every gateway.
const (
	AllUp     = root + "+/up/+"
	AllStatus = root + "+/status"
)

// AllDown is the filter by which a gateway hears its cloud.
func AllDown(gw access.GatewayID) string { return root + string(gw) + "/down/+" }

// ParseUp takes a topic below up/ apart; ok is false for any other topic.
func ParseUp(topic string) (gw access.GatewayID, t Type, ok bool) {
	rest, found := strings.CutPrefix(topic, root)
	id, typ, found2 := strings.Cut(rest, "/up/")
	if !found || !found2 || !access.ValidID(id) || typ == "" || strings.ContainsAny(typ, "/+#") {
		return "", "", false
	}
	return access.GatewayID(id), Type(typ), true
}

// ParseStatus takes a status topic apart; ok is false for any other topic.
func ParseStatus(topic string) (gw access.GatewayID, ok bool) {
	rest, found := strings.CutPrefix(topic, root)
	id, found2 := strings.CutSuffix(rest, "/status")
	if !found || !found2 || !access.ValidID(id) {
		return "", false
	}
	return access.GatewayID(id), true
}

// May says whether the holder of a gateway's certificate may publish (or, with write false,
// subscribe) on a topic or filter: its own branch only, and down is not for it to write.
func May(gw access.GatewayID, topic string, write bool) bool {
	own := root + string(gw)
	rest, ok := strings.CutPrefix(topic, own+"/")
	if !ok || !access.ValidID(string(gw)) {
		return false
	}
	if write {
		_, _, up := ParseUp(topic)
		return up || rest == "status"
	}
	return strings.HasPrefix(rest, "down/")
}
