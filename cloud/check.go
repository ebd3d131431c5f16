package cloud

import (
	"log/slog"
	"time"

	"gatehouse/cloud/internal/config"
	"gatehouse/protocol/access/fault"
)

// CheckConfig reads the cloud's file and the vendors' files that it names, so that all that is wrong
// is known before the cloud starts, each on a line of the one error. Doubts are what works and is
// hardly meant, such as a property without doors. It touches no network and no database.
func CheckConfig(path string, log *slog.Logger) (cfg Config, doubts []string, err error) {
	cfg, err = config.Load(path)
	errs, seen := []error{err}, map[account]bool{}
	for i := range cfg.Properties {
		p := &cfg.Properties[i]
		if len(p.Doors) == 0 {
			doubts = append(doubts, "property "+string(p.ID)+" has no [[property.door]], so nobody gets access to anything there")
		}
		if p.PMS == nil || p.PMS.Kind == "" || seen[accountOf(p)] { // a kind that is missing was named by the reader
			continue
		}
		seen[accountOf(p)] = true
		errs = append(errs, fault.Wrap(fault.Invalid, "set up the source of", string(p.ID), checkSource(p.PMS, log)))
	}
	if len(cfg.Properties) == 0 && err == nil {
		doubts = append(doubts, "there is no [[property]]")
	}
	return cfg, doubts, fault.All("check", path, errs...)
}

func checkSource(p *config.PMS, log *slog.Logger) error {
	kind, err := connectorOf(p.Kind)
	if err != nil || p.File == "" {
		return err
	}
	_, err = kind.open(p.File, time.Now, log)
	return err
}
