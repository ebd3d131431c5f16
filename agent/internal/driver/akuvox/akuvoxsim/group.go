package akuvoxsim

import (
	"net/http"
	"slices"
)

// Per-item results of groups and contacts (reference §5.3).
const (
	retEmptyName      = 14
	retUnknownGroup   = -4
	retUnknownContact = -7
)

// named is a group.
type named struct{ id, name string }

// group answers group/get|add|set|del (reference §2.5). The built-in group Default is never listed.
func (p *Panel) group(c *call) reply {
	if c.verb == "get" {
		rows := []map[string]string{}
		for _, g := range p.groups {
			rows = append(rows, map[string]string{keyID: g.id, keyName: g.name})
		}
		return p.list(c, rows)
	}
	if c.verb != "add" && c.verb != "set" && c.verb != "del" {
		return noHandler()
	}
	if c.method != http.MethodPost || c.body.Action != c.verb {
		return unsupported(c.body.Action)
	}
	if c.verb == "del" {
		return p.delGroup(c)
	}
	return p.echoAll(c, p.putGroup)
}

// putGroup adds or renames; the answer echoes the item.
func (p *Panel) putGroup(action string, it map[string]string) (id string, ret int) {
	switch i := slices.IndexFunc(p.groups, func(g named) bool { return g.id == it[keyID] }); {
	case it[keyName] == "":
		return it[keyID], retEmptyName
	case action == "add":
		id = itoa(p.nextGroup)
		p.nextGroup++
		p.groups = append(p.groups, named{id, it[keyName]})
		return id, 0
	case i < 0:
		return it[keyID], retUnknownGroup
	default:
		p.groups[i].name = it[keyName]
		return it[keyID], 0
	}
}

// delGroup is idempotent: an unknown ID is fine.
func (p *Panel) delGroup(c *call) reply {
	items, err := c.items()
	if err != nil {
		return badParam().reply("del")
	}
	for _, it := range items {
		p.groups = slices.DeleteFunc(p.groups, func(g named) bool { return g.id == it[keyID] })
	}
	return reply{action: "del", message: msgOK, data: map[string]any{}}
}

// echoAll runs a step per item and echoes each item with its ID and Ret; one bad item makes the envelope bad.
func (p *Panel) echoAll(c *call, step func(action string, it map[string]string) (id string, ret int)) reply {
	items, err := c.items()
	if err != nil {
		return badParam().reply(c.body.Action)
	}
	out := reply{action: c.body.Action, message: msgOK}
	echo := []any{}
	for _, it := range items {
		id, ret := step(c.body.Action, it)
		if ret != 0 {
			out.retcode, out.message = codeFailed, msgError
		}
		line := map[string]any{"Ret": ret}
		for k, v := range it {
			line[k] = v
		}
		line[keyID] = id
		echo = append(echo, line)
	}
	out.data = map[string]any{"item": echo}
	return out
}
