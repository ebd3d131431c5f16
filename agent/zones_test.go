package agent

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/protocol/access/fault"
)

func TestABoxWithoutTimeZonesIsToldWhatToInstall(t *testing.T) {
	t.Parallel()
	err := zones(func(string) (*time.Location, error) { return nil, errors.New("open zoneinfo: no such file") })
	if fault.KindOf(err) != fault.Unsupported || !strings.Contains(fault.RemedyOf(err), "tzdata") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v; %s", err, fault.RemedyOf(err))
	}
	if err := zones(time.LoadLocation); err != nil {
		t.Error(err)
	}
}
