package agent

import (
	"cmp"
	"crypto/x509"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// renewBefore is how long before its certificate ends a gateway asks for next keys, so that half a year offline ends
// nothing. A certificate that is made for less than a year and a half is renewed in the last third of its time.
const renewBefore = 180 * 24 * time.Hour

// ahead is how long before its end a certificate is renewed.
func ahead(cert *x509.Certificate) time.Duration {
	return min(renewBefore, cert.NotAfter.Sub(cert.NotBefore)/3)
}

// renewalDue: the end is near. Keys that changed in that time already have the best certificate the cloud gives; it is
// asked again after a quarter of it.
func renewalDue(cert *x509.Certificate, since, now time.Time) bool {
	begins := cert.NotAfter.Add(-ahead(cert))
	if since.After(begins) {
		begins = since.Add(ahead(cert) / 4)
	}
	return !now.Before(begins)
}

// wayBack is what to do where the broker takes the certificate no longer.
const wayBack = "Stop the agent, then: gatehouse-agent enroll request, gatehouse-cloud gateway add with that request, gatehouse-agent enroll accept. The gateway stays the same one."

// tendKeys forgets keys of before and makes next ones when it is time. Without a trusted clock nothing is.
func (a *Agent) tendKeys() {
	now, trusted := a.box.clock.Now()
	if !trusted || a.box.id == nil {
		return
	}
	if err := a.retire(now); err != nil {
		a.log.Error("the sealing key of before cannot be forgotten", "err", err)
	}
	if err := a.renew(now); err != nil {
		a.log.Error("the gateway's keys cannot be renewed", "err", err, "remedy", fault.RemedyOf(err))
	}
}

// renew makes next keys, unless there are some, when the certificate's end is near. The hellos tell the cloud.
func (a *Agent) renew(now time.Time) error {
	a.keying.Lock()
	defer a.keying.Unlock()
	ring := a.box.id.ring.Load()
	cert, err := x509.ParseCertificate(ring.cert.Certificate[0])
	if err != nil {
		return err
	}
	if now.After(cert.NotAfter) {
		return fault.New(fault.Denied, "renew", "certificate", "it ended on %s: the broker takes it no longer", cert.NotAfter.UTC().Format(time.DateOnly)).WithRemedy("%s", wayBack)
	}
	k, err := loadKeys(a.box.site)
	if err != nil || k == nil || k.Next != nil || !renewalDue(cert, k.Since, now) {
		return err
	}
	if k.Next, err = makeKeys(); err != nil {
		return err
	}
	e := a.box.event(access.EventSettings, "the certificate ends on "+cert.NotAfter.UTC().Format(time.DateOnly)+": next keys are made")
	if err := a.saveKeys(k, e); err != nil {
		return err
	}
	if err := a.box.site.Snapshot(); err != nil { // they exist nowhere else
		a.log.Error("the snapshot of site.db failed", "err", err)
	}
	a.box.at(pointMade)
	a.log.Info("the certificate ends soon: next keys are made, the cloud is asked to certify them", "ends", cert.NotAfter)
	var cloud [][]byte
	for _, key := range ring.trusted {
		cloud = append(cloud, key)
	}
	next, err := k.ring(cmp.Or(k.Certificate, a.box.id.bundle.Certificate), cloud)
	if err != nil {
		return err
	}
	return a.use(next)
}
