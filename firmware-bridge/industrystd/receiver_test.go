package industrystd_test

import (
	"strings"
	"testing"

	"gatehouse/firmware-bridge/industrystd"
)

// receive feeds a stream byte by byte.
func receive(stream []byte) ([]industrystd.Unit, *industrystd.Receiver) {
	var units []industrystd.Unit
	rx := &industrystd.Receiver{}
	for _, b := range stream {
		if u, ok := rx.Feed(b); ok {
			units = append(units, u)
		}
	}
	return units, rx
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	frame := string(framed("CN|1"))
	huge := "\x02\xB3" + strings.Repeat("A", industrystd.MaxFrame)
	for name, v := range map[string]struct {
		stream  string
		want    []string
		dropped int
	}{
		"a frame":                       {frame, []string{frame}, 0},
		"control bytes":                 {"\x05\x06\x15", []string{"\x05", "\x06", "\x15"}, 0},
		"ACK, then a frame":             {"\x06" + frame, []string{"\x06", frame}, 0},
		"noise before STX":              {"\xFF\x00AB\x03" + frame, []string{frame}, 5},
		"a stray STX before ACK":        {"\x02\x06", []string{"\x06"}, 1},
		"a stray STX before a frame":    {"\x02" + frame, []string{frame}, 1},
		"stray STX and letters":         {"\x02AB" + frame, []string{frame}, 3},
		"a frame cut off by the next":   {frame[:4] + frame, []string{frame}, 4},
		"control bytes inside a frame":  {"\x02\xB3\x06\x15\xB3\x03\x00", []string{"\x02\xB3\x06\x15\xB3\x03\x00"}, 0},
		"checksum that looks like STX":  {"\x02\xB3A\xB3\x03\x02" + frame, []string{"\x02\xB3A\xB3\x03\x02", frame}, 0},
		"checksum that looks like ETX":  {"\x02\xB3A\xB3\x03\x03" + frame, []string{"\x02\xB3A\xB3\x03\x03", frame}, 0},
		"a frame without end":           {huge + frame, []string{frame}, len(huge)},
		"a frame under way":             {frame[:len(frame)-1], nil, 0},
		"control byte after noise only": {"\x03\x0D\x06", []string{"\x06"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			units, rx := receive([]byte(v.stream))
			var got []string
			for _, u := range units {
				got = append(got, string(u))
			}
			if strings.Join(got, "·") != strings.Join(v.want, "·") || rx.Dropped() != v.dropped {
				t.Errorf("%q, %d dropped; want %q, %d", got, rx.Dropped(), v.want, v.dropped)
			}
		})
	}
}

func TestReceiver_Abandon(t *testing.T) {
	t.Parallel()
	frame := framed("CN|1")
	_, rx := receive(frame[:len(frame)-1])
	if !rx.InFrame() {
		t.Fatal("before the checksum the frame is not whole")
	}
	rx.Abandon()
	if rx.InFrame() || rx.Dropped() != len(frame)-1 {
		t.Errorf("in a frame: %v, dropped %d", rx.InFrame(), rx.Dropped())
	}
	if u, ok := rx.Feed(0x06); !ok || u.IsFrame() {
		t.Errorf("after giving up, ACK is %X, %v", u, ok)
	}
}
