package akuvoxsim

import (
	"net/http"
	"slices"
)

// keyKeys are the fields of the older card store (reference §2.8, weak).
func keyKeys() []string {
	days := dayKeys()
	return slices.Concat([]string{keyID, "Code", "DoorNum", "Tags", "TimeStart", "TimeEnd"}, days[:])
}

// rfkey answers rfkey/get and rfkey/add: cards are kept and shown, and open nothing.
func (p *Panel) rfkey(c *call) reply {
	switch {
	case c.verb == "get":
		return p.list(c, p.keys)
	case c.verb != "add" || c.method != http.MethodPost:
		return noHandler()
	case c.body.Action != "add":
		return unsupported(c.body.Action)
	}
	return p.writeAll(c, func(it map[string]string) *apiError {
		if _, ok := readCards(it["Code"]); !ok || it["Code"] == "" {
			return badParam()
		}
		row := map[string]string{}
		for _, k := range keyKeys() {
			row[k] = it[k]
		}
		row[keyID] = itoa(len(p.keys) + 1)
		p.keys = append(p.keys, row)
		return nil
	})
}
