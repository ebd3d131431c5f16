package prototest

import (
	"bytes"
	"crypto/tls"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"gatehouse/protocol"
	"gatehouse/protocol/access"
)

// Message is one message that the broker accepted.
type Message struct {
	Client   string // who sent it
	Topic    string
	Payload  []byte
	QoS      byte
	Retained bool
	Will     bool // sent by the broker in the client's name, because the connection broke
}

// Connect is one connection that the broker let in.
type Connect struct {
	Client   string
	Clean    bool
	Protocol byte // 4 is MQTT 3.1.1
	Will     string
}

// hook is the product's authorisation and the recorder.
type hook struct {
	mqtt.HookBase
	server *Server
}

// ID names the hook.
func (*hook) ID() string { return "prototest" }

// Provides lists what is implemented.
func (*hook) Provides(b byte) bool {
	return bytes.IndexByte([]byte{mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnPublished, mqtt.OnWillSent, mqtt.OnSessionEstablished}, b) >= 0
}

// OnConnectAuthenticate lets a client in whose id is the common name of its certificate; on plain TCP, whose id can be one.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	id := pk.Connect.ClientIdentifier
	if conn, ok := cl.Net.Conn.(*tls.Conn); ok {
		peers := conn.ConnectionState().PeerCertificates
		return len(peers) > 0 && peers[0].Subject.CommonName == id
	}
	return access.ValidID(id)
}

// OnACLCheck applies the contract's rule: a gateway its own branch only, the cloud everything.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if h.server.deny(cl.ID, topic, write) {
		return false
	}
	if cl.ID == CloudName {
		return strings.HasPrefix(topic, "gatehouse/v1/")
	}
	return protocol.May(access.GatewayID(cl.ID), topic, write)
}

// OnSessionEstablished records a client that is in.
func (h *hook) OnSessionEstablished(cl *mqtt.Client, pk packets.Packet) {
	h.server.Connects.Add(Connect{cl.ID, pk.Connect.Clean, cl.Properties.ProtocolVersion, string(pk.Connect.WillPayload)})
}

// OnPublished records a message.
func (h *hook) OnPublished(cl *mqtt.Client, pk packets.Packet) { h.record(cl, pk, false) }

// OnWillSent records a last will.
func (h *hook) OnWillSent(cl *mqtt.Client, pk packets.Packet) { h.record(cl, pk, true) }

func (h *hook) record(cl *mqtt.Client, pk packets.Packet, will bool) {
	h.server.Messages.Add(Message{
		Client: cl.ID, Topic: pk.TopicName, Payload: bytes.Clone(pk.Payload),
		QoS: pk.FixedHeader.Qos, Retained: pk.FixedHeader.Retain, Will: will,
	})
}
