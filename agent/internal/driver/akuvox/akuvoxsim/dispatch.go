package akuvoxsim

import (
	"net/http"
	"slices"
	"strings"
)

// dispatch finds the endpoint. Everything under /api/ that does not exist is answered with the panel's own
// misspelt words and a negative code (reference §5.3).
func (p *Panel) dispatch(c *call) reply {
	if c.badBody {
		return reply{status: http.StatusBadRequest, retcode: codeParam, message: msgParam}
	}
	if c.method != http.MethodGet && c.method != http.MethodPost {
		return unsupported(c.body.Action)
	}
	if out, refused := p.gate(c); refused {
		return out
	}
	if slices.Contains(p.model.Without, c.target) {
		return noHandler()
	}
	switch c.target {
	case "system":
		return p.system(c)
	case "relay":
		return p.relay(c)
	case "user":
		return p.user(c)
	case "schedule":
		return p.schedule(c)
	case "group":
		return p.group(c)
	case "contact":
		return p.contact(c)
	case "config":
		return p.configCall(c)
	case "doorlog":
		return p.doorlog(c)
	case "calllog":
		return p.calllog(c)
	case "rfkey":
		return p.rfkey(c)
	}
	return noHandler()
}

func noHandler() reply { return reply{retcode: codeFailed, message: msgNoHandler} }

// strange is how the call ends on units that answer what is absent, or wrong, in other ways (reference §5.3).
func (p *Panel) strange(out reply) reply {
	switch {
	case out.message == msgNoHandler && p.bites(FaultAbsent404):
		return reply{status: http.StatusNotFound}
	case out.message == msgNoHandler && p.bites(FaultVendorWords):
		out.retcode, out.message = codeVendor, "Api unsupported"
	case out.message == msgParam && p.bites(FaultVendorWords):
		out.retcode, out.message = codeVendor, "Error param"
	}
	return out
}

// gate refuses a write without the envelope this model routes by, and every write over the write limit.
func (p *Panel) gate(c *call) (reply, bool) {
	if !c.changes() {
		return reply{}, false
	}
	misrouted := c.body.Target != c.target && (p.model.NeedsTarget || c.body.Target != "")
	if misrouted && c.target != "config" { // config has words of its own
		return failed().reply(c.body.Action), true
	}
	if a := p.faults.On(FaultWriteLimit); a != nil {
		if a.Count <= 0 {
			p.bites(FaultWriteLimit)
			return failed().reply(c.body.Action), true
		}
		a.Count--
	}
	return reply{}, false
}

// success is the answer to a write that worked.
func (p *Panel) success(action string) reply {
	return reply{retcode: p.model.Success, action: action, message: msgOK, data: map[string]any{}}
}

// writeAll runs one step per item, each for itself (reference §5.4). A single item answers its own error; of
// several the first error decides the envelope and each item gets its Ret.
func (p *Panel) writeAll(c *call, step func(map[string]string) *apiError) reply {
	items, err := c.items()
	if err != nil {
		return badParam().reply(c.body.Action)
	}
	out := p.success(c.body.Action)
	rets := []any{}
	for _, it := range items {
		ret := 0
		if e := step(it); e != nil {
			if out.retcode >= 0 {
				out = e.reply(c.body.Action)
			}
			ret = e.code
		}
		rets = append(rets, map[string]any{"ID": it[keyID], "Ret": ret})
	}
	if len(items) > 1 {
		out.data = map[string]any{"item": rets}
	}
	return out
}

// list answers a list call: pages of ten from 1, or everything without a page (reference §2).
func (p *Panel) list(c *call, rows []map[string]string) reply {
	from, to, ok := p.window(c.argument("page"), len(rows))
	if !ok {
		return badParam().reply("get")
	}
	shown := rows[from:to]
	data := map[string]any{"num": len(rows), "curPageNum": len(shown), "item": shown}
	if len(shown) == 0 {
		data["item"] = []any{}
		if p.bites(FaultItemNotList) {
			data["item"] = map[string]any{}
		}
	}
	if p.bites(FaultItemKey) {
		data["Item"] = data["item"]
		delete(data, "item")
	}
	return reply{action: "get", message: msgOK, data: data}
}

// pageSize is fixed on every unit seen (reference §2).
const pageSize = 10

// window turns a page argument into bounds; past the end it is empty.
func (p *Panel) window(page string, n int) (from, to int, ok bool) {
	if page == "" || page == "-1" {
		if p.bites(FaultPagedOnly) {
			return 0, min(pageSize, n), true
		}
		return 0, n, true
	}
	k, good := number(page)
	if !good || k < 1 {
		return 0, 0, false
	}
	if k > n/pageSize+1 {
		return n, n, true
	}
	from = (k - 1) * pageSize
	return min(from, n), min(from+pageSize, n), true
}

// number reads a short string of digits.
func number(s string) (int, bool) {
	if s == "" || len(s) > 9 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n := 0
	for _, d := range s {
		n = n*10 + int(d-'0')
	}
	return n, true
}
