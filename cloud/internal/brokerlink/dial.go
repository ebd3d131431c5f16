package brokerlink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"gatehouse/protocol/access/fault"
)

// Renew is what to do about a broker's certificate that ends.
const Renew = "Make a new one with gatehouse-cloud broker certificate --force, put it beside the broker and reload the broker."

// open dials TCP and TLS and notes until when the broker's certificate lasts, also when it does not pass. It does not
// look at proxy variables of the environment.
func (l *Link) open(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: keepAlive, Interval: pingLimit, Count: 3}}
	raw, err := dialer.DialContext(ctx, "tcp", l.broker.Host)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(raw, &tls.Config{
		RootCAs: l.cfg.CA, ServerName: l.cfg.ServerName, Certificates: []tls.Certificate{l.cfg.Certificate}, MinVersion: tls.VersionTLS12,
	})
	err = secure.HandshakeContext(ctx)
	if seen := presented(secure, err); seen != nil {
		l.mu.Lock()
		l.state.CertificateEnds, l.looked = seen.NotAfter, l.cfg.Now()
		l.mu.Unlock()
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return secure, nil
}

// presented is the certificate that the broker showed, accepted or not; nil when it showed none.
func presented(conn *tls.Conn, err error) *x509.Certificate {
	var refused *tls.CertificateVerificationError
	if errors.As(err, &refused) && len(refused.UnverifiedCertificates) > 0 {
		return refused.UnverifiedCertificates[0]
	}
	if peers := conn.ConnectionState().PeerCertificates; err == nil && len(peers) > 0 {
		return peers[0]
	}
	return nil
}

// pahoPrefix stands before every error of the network while paho connects.
const pahoPrefix = "network Error : "

// explain makes the end of a connection, or of an attempt, a fault with a remedy. brief counts connections in a row that
// were lost as soon as they were made.
func (l *Link) explain(err error, brief int) error {
	kind, remedy := fault.Unreachable, "See that the broker runs, that its address is right, and that no firewall is in between."
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		plain     tls.RecordHeaderError
		network   *net.OpError
	)
	switch {
	case fault.KindOf(err) == fault.Denied: // explained where it was found
		return err
	case errors.As(err, &host):
		kind, err = fault.Denied, errors.New("the broker's certificate is for "+strings.Join(names(host.Certificate), ", ")+" and not for "+l.cfg.ServerName)
		remedy = "Make one for that name with gatehouse-cloud broker certificate --name, or write the broker's right name into the configuration."
	case errors.As(err, &authority):
		kind, remedy = fault.Denied, "The broker's certificate is not from this cloud's own authority: make one with gatehouse-cloud broker certificate, or see that the address leads to the right broker."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		kind, remedy = fault.Denied, Renew+" If it has not ended, this machine's clock is wrong."
	case errors.As(err, &invalid):
		kind, remedy = fault.Denied, Renew
	case errors.As(err, &plain):
		kind, remedy = fault.Denied, "Nothing speaks TLS there: give the port of the broker's TLS listener, mostly 8883."
	case errors.As(err, &network) && network.Op == "remote error": // how crypto/tls reports the peer's alert
		kind, remedy = fault.Denied, "The broker does not take the cloud's certificate: its cafile must be this cloud's pki/ca.pem, and both clocks right."
	case refused(err):
		kind, remedy = fault.Denied, "The broker must let in who holds a certificate of the cloud's authority, by the name in it ("+l.cfg.Name+"): use_identity_as_username in Mosquitto."
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		kind = fault.Timeout
	case brief > 2:
		kind, remedy = fault.Conflict, "The connection is taken away again and again. Mostly a second cloud with the same authority has joined this broker: stop one of them."
	}
	return fault.New(kind, "connect to the broker at", l.broker.Host, "%s", strings.TrimPrefix(words(err).Error(), pahoPrefix)).WithRemedy("%s", remedy)
}

// names are those a certificate is for.
func names(c *x509.Certificate) []string {
	out := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	if len(out) == 0 {
		return []string{"no name"}
	}
	return out
}

// refused says whether the broker answered CONNECT with a refusal (CONNACK codes 1 to 5, MQTT 3.1.1 section 3.2.2.3).
func refused(err error) bool {
	for code, known := range packets.ConnErrors {
		if code >= packets.ErrRefusedBadProtocolVersion && code <= packets.ErrRefusedNotAuthorised && errors.Is(err, known) {
			return true
		}
	}
	return false
}
