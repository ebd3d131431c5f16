package akuvox

import (
	"context"

	"gatehouse/protocol/access/fault"
)

// More implements driver.MoreLister: what the unit answers to three reading requests (§2.5, §2.6, §2.8). A call
// that a model lacks is no error. The apartment book of X915S is known by its fields, and cannot be written.
func (p *Panel) More(ctx context.Context) (out []string, err error) {
	for _, list := range []string{"group", "contact"} {
		pg, err := p.page(ctx, listing{op: "read " + list + "s of", path: "/api/" + list + "/get"}, 1)
		switch {
		case absent(err):
			continue
		case err != nil:
			return nil, err
		}
		name := list + "s"
		if len(pg.rows) > 0 && list == "contact" && (pg.rows[0].find("APTName") != nil || pg.rows[0].find("APTNum") != nil) {
			name += "_read_only"
		}
		out = append(out, name)
	}
	set, err := p.settings(ctx, settingsPath, actionKeys)
	if absent(err) {
		return out, nil
	}
	for _, a := range actions() {
		if _, shown := set[a.event]; shown {
			return append(out, "calls"), err
		}
	}
	return out, err
}

// absent says that a unit does not have a call, or answers it with something else.
func absent(err error) bool {
	k := fault.KindOf(err)
	return err != nil && (k == fault.Unsupported || k == fault.Invalid)
}
