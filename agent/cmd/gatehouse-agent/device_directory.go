package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"gatehouse/protocol/access/fault"
)

// deviceDirectory writes whom a device calls, by unit, to a file for an installer (reference comelit.md §8). The file
// names people: only its owner may read it, and one that is there is not written over.
func deviceDirectory(ctx context.Context, c *deviceCall) deviceAnswer {
	rows, err := c.panel.List(ctx)
	if err != nil {
		return deviceFailed(err)
	}
	var out strings.Builder
	out.WriteString("\"unit\",\"slot\",\"kind\",\"name\",\"e-mail\",\"phone\"\r\n")
	n := 0
	for _, r := range rows {
		kind := "internal unit"
		switch {
		case r.Unit == "":
			continue // not a device that calls people
		case r.Email != "":
			kind = "app"
		case r.Phone != "":
			kind = "phone"
		}
		n++
		for i, cell := range []string{r.Unit, r.Native, kind, r.Name, r.Email, r.Phone} {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString(`"` + strings.ReplaceAll(devicePrintable(cell), `"`, `""`) + `"`)
		}
		out.WriteString("\r\n")
	}
	f, err := os.OpenFile(c.flags.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = f.WriteString(out.String())
		if shut := f.Close(); err == nil {
			err = shut
		}
	}
	if err != nil {
		return deviceFailed(fault.New(fault.Invalid, "write", c.flags.out, "%w", err).WithRemedy("Name a file that is not there yet, in a directory that this user can write.")).ours()
	}
	return deviceAnswer{text: fmt.Sprintf("%d slots in %s\n", n, c.flags.out)}
}
