package cloud

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gatehouse/cloud/internal/pki"
	"gatehouse/protocol/access/fault"
)

// BrokerCertificate is what was made for a broker that stands beside the cloud: its names, its end and its files.
type BrokerCertificate = pki.Outside

// hostName is one that can stand in a certificate and in DNS.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// CertifyBroker makes certificate and key for a broker that stands beside the cloud and writes them into dir with the
// authority's certificate. Without names they are those of the configuration and those of the certificate
// that lies there. A name that cannot be one, or a configuration that reaches the broker under another, is Invalid;
// files that are there already are a Conflict unless replace is set.
func (c *Cloud) CertifyBroker(dir string, names []string, replace bool) (BrokerCertificate, error) {
	bad := func(format string, args ...any) (BrokerCertificate, error) {
		return BrokerCertificate{}, fault.New(fault.Invalid, "make certificate of", "the broker", format, args...).
			WithRemedy("Give every name by which gateways and the cloud reach the broker with --name, separated by commas.")
	}
	for _, n := range names {
		if net.ParseIP(n) == nil && (!hostName.MatchString(n) || len(n) > 253) {
			return bad("%q is no host name and no address", n)
		}
	}
	reached := c.brokerHosts()
	if len(names) == 0 {
		names = union(reached, c.ca.OutsideNames(dir))
	}
	if len(names) == 0 {
		return bad("by which names do gateways and the cloud reach it?")
	}
	for _, n := range reached {
		if !slices.Contains(names, n) {
			return bad("the configuration reaches it as %s, which is not among the names", n)
		}
	}
	return c.ca.Outside(dir, names, replace)
}

// brokerHosts are the names under which the configuration reaches an outside broker, what gateways dial first; none
// with the embedded one.
func (c *Cloud) brokerHosts() (hosts []string) {
	if c.cfg.Broker == "" {
		return nil
	}
	for _, address := range []string{c.cfg.BrokerAddress, c.cfg.Broker} {
		u, err := url.Parse(address)
		if err != nil { // the configuration was checked
			continue
		}
		hosts = union(hosts, []string{strings.ToLower(u.Hostname())})
	}
	return hosts
}

// union is a, and what of b is not in it.
func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
