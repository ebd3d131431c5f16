package agent

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"gatehouse/agent/internal/config"
	"gatehouse/agent/internal/driver"
	"gatehouse/agent/internal/store"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// CheckConfig reads the agent's file and makes every driver of it, and lets go of it again, so that
// all that is wrong is known before the agent starts: wrong keys, kinds, secrets and relays, each on
// a line of the one error. Doubts are what works and is hardly meant, such as a panel without doors.
// It touches no network.
func CheckConfig(path string, log *slog.Logger) (cfg Config, doubts []string, err error) {
	cfg, err = config.Load(path)
	for _, d := range cfg.Devices {
		if len(d.Doors) == 0 {
			doubts = append(doubts, fmt.Sprintf(`device %s has no doors, so nobody is written to it; for example doors = { lobby = "A" }`, d.ID))
		}
	}
	if len(cfg.Devices) == 0 {
		doubts = append(doubts, "there is no [[device]]: this gateway has no panel to keep, unless one was paired on site")
	}
	if cfg.OnSite != "" && !loopback(cfg.OnSite) {
		doubts = append(doubts, "onsite_listen "+cfg.OnSite+" is reached over the network, where PINs of staff are not encrypted: see that residents and guests are on another one")
	}
	if bad := store.Lasts(cfg.StateDir); err == nil && bad != nil && !cfg.Force {
		doubts = append(doubts, bad.Error()+"; the agent does not start so. "+fault.RemedyOf(bad))
	}
	if public(cfg.Events) {
		doubts = append(doubts, "events_listen "+cfg.Events+" is no address of a private network: see that it is not reached from the internet, only from the property's own network")
	}
	return cfg, doubts, fault.All("check", path, append([]error{err}, checkDevices(cfg, log)...)...)
}

// loopback says whether only this machine reaches an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// public says whether an address may be reached from the internet.
func public(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast()
}

func checkDevices(cfg Config, log *slog.Logger) (errs []error) {
	for _, d := range cfg.Devices {
		errs = append(errs, checkDevice(d, Kinds(), driver.Deps{Log: log, Now: time.Now})...)
	}
	return errs
}

// checkDevice names everything that is wrong with one device; a kind that is missing was named by the reader.
func checkDevice(d config.Device, kinds []driver.Kind, deps driver.Deps) (errs []error) {
	bad := func(err error) { errs = append(errs, fault.Wrap(fault.Invalid, "set up device", string(d.ID), err)) }
	for _, file := range []string{d.PasswordFile, d.TokenFile} {
		if _, err := config.Secret(file); err != nil {
			bad(err)
		}
	}
	d.PasswordFile, d.TokenFile = "", "" // what is wrong with them is said
	if d.Kind == "" || d.URL == "" && d.Host == "" {
		return errs
	}
	p, err := openPanel(d, kinds, deps)
	if err != nil {
		bad(err)
		return errs
	}
	if c, ok := p.(driver.RelayChecker); ok {
		for _, door := range sortedDoors(d.Doors) {
			if err := c.CheckRelay(d.Doors[door]); err != nil {
				bad(fault.Wrap(fault.Invalid, "give a relay to door", string(door), err))
			}
		}
	}
	if err := p.Close(); err != nil {
		bad(err)
	}
	return errs
}

func sortedDoors(doors map[access.DoorID]string) (out []access.DoorID) {
	for d := range doors {
		out = append(out, d)
	}
	slices.Sort(out)
	return out
}
