package viper_test

import (
	"bytes"
	"testing"

	"gatehouse/agent/internal/driver/comelit/comelitsim/viper"
)

// A stream of anything is cut into frames that, written again, are the bytes that were read.
func FuzzReadFrame(f *testing.F) {
	var all manageVectors
	vectors(f, "manage.json", &all)
	for _, v := range all.Vectors {
		f.Add(unhex(f, v.Frame))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		for {
			before := len(b) - r.Len()
			got, err := viper.ReadFrame(r)
			if err != nil {
				return
			}
			if read := b[before : len(b)-r.Len()]; !bytes.Equal(got.Bytes(), read) {
				t.Fatalf("read % x, written % x", read, got.Bytes())
			}
		}
	})
}

// A management message names a channel of four letters only in an open, and an argument has no NUL at its end.
func FuzzParseManage(f *testing.F) {
	var all manageVectors
	vectors(f, "manage.json", &all)
	for _, v := range all.Vectors {
		f.Add(unhex(f, v.Frame)[viper.HeaderSize:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := viper.ParseManage(b)
		if err != nil {
			return
		}
		if (m.Verb == viper.Open) != (len(m.Name) == 4) || m.Verb < viper.Open || m.Verb > viper.CloseAck {
			t.Fatalf("% x: %+v", b, m)
		}
		if n := len(m.Argument); n > 0 && (m.Argument[n-1] == 0 || n > len(b)) {
			t.Fatalf("% x: argument %q", b, m.Argument)
		}
	})
}

// A packet that is taken is, written again, the same bytes.
func FuzzParsePacket(f *testing.F) {
	var all packetVectors
	vectors(f, "ctp.json", &all)
	for _, v := range all.Vectors {
		f.Add(unhex(f, v.Packet))
	}
	for _, v := range all.Refused {
		f.Add(unhex(f, v.Packet))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := viper.ParsePacket(b)
		if err == nil && !bytes.Equal(k.Bytes(), b) {
			t.Fatalf("% x written again as % x", b, k.Bytes())
		}
	})
}
