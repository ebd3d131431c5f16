package localui

import (
	"cmp"
	"html"
	"strconv"
	"strings"
	"time"

	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

// form is a page for staff in the making. Every text goes through html.EscapeString.
type form struct{ page }

const formStyle = `form{margin:1rem 0}label{display:block;margin:.5rem 0 .1rem}input,select{font:inherit;padding:.3rem;width:100%;max-width:24rem;box-sizing:border-box}
button{font:inherit;padding:.4rem .9rem;margin:.7rem .5rem 0 0}td form{margin:0}[role=alert],[role=status]{border:2px solid;padding:.5rem .8rem}`

func newForm(title string, zone *time.Location) *form {
	f := &form{}
	if f.v.Zone = zone; zone == nil {
		f.v.Zone = time.UTC
	}
	f.raw(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>`)
	f.text(title)
	f.raw(`</title><style>` + style + formStyle + `</style></head><body><main><h1>`)
	f.text(title)
	f.raw(`</h1>`)
	return f
}

func (f *form) end() string {
	f.raw(`</main></body></html>`)
	return f.b.String()
}

// problem says what was not done, why, and what to do.
func (f *form) problem(err error) {
	if err == nil {
		return
	}
	f.raw(`<p role="alert"><strong>Not done.</strong> `)
	words := strings.TrimSuffix(err.Error(), ".") + ". " + fault.RemedyOf(err)
	f.text(strings.ReplaceAll(words, "read --", "read ")) // a field of the form, not a flag
	f.raw(`</p>`)
}

// field is a labelled input; more are its attributes.
func (f *form) field(id, label, value, more string) {
	f.raw(`<label for="` + id + `">`)
	f.text(label)
	f.raw(`</label><input id="` + id + `" name="` + id[strings.LastIndex(id, "-")+1:] + `" value="` + html.EscapeString(value) + `" autocomplete="off" required ` + more + `>`)
}

func (f *form) hidden(name, value string) {
	f.raw(`<input type="hidden" name="` + name + `" value="` + html.EscapeString(value) + `">`)
}

func (f *form) button(words string) {
	f.raw(`<button type="submit">`)
	f.text(words)
	f.raw(`</button>`)
}

func (f *form) begin(to access.Right) { f.raw(`<form method="post" action="/` + string(to) + `">`) }

func signInPage(property string, err error) string {
	f := newForm("Act at the gateway", nil)
	f.raw(`<p>`)
	f.text("For staff of " + cmp.Or(property, "this property") + " whom the cloud gave the right, while it is away. What is done here is told to it.")
	f.raw(`</p>`)
	f.problem(err)
	f.begin("sign-in")
	f.field("who", "Your name or id", "", `maxlength="200"`)
	f.field("pin", "Your PIN", "", `type="password" inputmode="numeric" maxlength="64"`)
	f.button("Sign in")
	f.raw(`</form>`)
	return f.end()
}

// actsPage is what somebody sees who signed in: what was done here, and what they can do.
func actsPage(s Site, who Who, notice string, err error) string {
	f := newForm("Act at the gateway", s.Zone)
	f.raw(`<p>`)
	f.text(s.Property + ". You are " + who.called() + ".")
	f.raw(`</p>`)
	if notice != "" {
		f.raw(`<p role="status">`)
		f.text(notice)
		f.raw(`</p>`)
	}
	f.problem(err)
	f.list(s.Acts)
	f.raw(`<h2>Take all access from somebody</h2><p>At every door of this gateway, at once, until it is lifted.</p>`)
	f.begin(access.MayRevoke)
	f.field("r-person", "Whose: name, id or unit", "", `maxlength="200"`)
	f.field("r-reason", "Why; staff at the cloud read it", "", `maxlength="200"`)
	f.button("Continue")
	f.raw(`</form><h2>Open a door to somebody for hours</h2>`)
	f.begin(access.MayGrant)
	f.field("g-person", "To whom: name, id or unit", "", `maxlength="200"`)
	f.doors(s.Doors)
	f.field("g-hours", "For how many hours, at most 12", "2", `type="number" min="0.5" max="12" step="0.5"`)
	f.field("g-reason", "Why; staff at the cloud read it", "", `maxlength="200"`)
	f.button("Continue")
	f.raw(`</form>`)
	f.begin("sign-out")
	f.button("Sign out")
	f.raw(`</form><p>`)
	f.text("Page made " + f.when(s.Now) + ". You are signed out after ten minutes.")
	f.raw(`</p>`)
	return f.end()
}

func (f *form) doors(all []access.Door) {
	f.raw(`<label for="g-door">Which door</label><select id="g-door" name="door" required>`)
	for _, d := range all {
		f.raw(`<option value="` + html.EscapeString(string(d.ID)) + `">`)
		f.text(cmp.Or(d.Name, string(d.ID)))
		f.raw(`</option>`)
	}
	f.raw(`</select>`)
}

func (f *form) list(all []Act) {
	f.raw(`<h2>Done here, not settled by the cloud</h2>`)
	if len(all) == 0 {
		f.raw(`<p>Nothing.</p>`)
		return
	}
	f.raw(`<div class="wide"><table><thead><tr><th scope="col">Person</th><th scope="col">What</th><th scope="col">By, and why</th><th scope="col">Lift</th></tr></thead><tbody>`)
	for _, a := range all {
		f.raw(`<tr><th scope="row">`)
		f.text(a.Person.called())
		f.raw(`</th><td>`)
		f.text(f.what(a))
		f.raw(`</td><td>`)
		f.text(a.By + ": " + a.Reason)
		f.raw(`</td><td>`)
		f.begin(access.MayLift)
		f.hidden("person", string(a.Person.ID))
		f.raw(`<button type="submit" aria-label="Lift what was done about `)
		f.text(a.Person.called())
		f.raw(`">Lift</button></form></td></tr>`)
	}
	f.raw(`</tbody></table></div>`)
}

func (f *form) what(a Act) string {
	if a.Kind == access.OverlayRevoke {
		return "all access taken away " + f.when(a.From) + ", until it is lifted"
	}
	return "door " + a.Door + " opens until " + f.when(a.Until)
}

// confirmPage shows whom and what an act is about, and asks once more.
func confirmPage(s Site, whom Who, a Ask) string {
	f := newForm("Is this right?", s.Zone)
	yes := "Yes, take all access away"
	words := "All access is taken from " + whom.called() + ", at every door of this gateway, until it is lifted."
	switch a.Do {
	case access.MayGrant:
		yes = "Yes, open it"
		words = "Door " + s.doorName(a.Door) + " opens to " + whom.called() + " until " + f.when(s.Now.Add(time.Duration(a.Hours*float64(time.Hour)))) + "."
	case access.MayLift:
		yes = "Yes, take it back"
		words = "Everything that was done here about " + whom.called() + " is taken back; what the cloud says of them holds again."
	}
	f.raw(`<p><strong>`)
	f.text(words)
	f.raw(`</strong></p>`)
	f.begin(a.Do)
	f.hidden("sure", "yes")
	f.hidden("person", string(whom.ID))
	if a.Do == access.MayGrant {
		f.hidden("door", a.Door)
		f.hidden("hours", strconv.FormatFloat(a.Hours, 'g', -1, 64))
	}
	f.field("reason", "Why; staff at the cloud read it", a.Reason, `maxlength="200"`)
	f.button(yes)
	f.raw(`<a href="/">No, go back</a></form>`)
	return f.end()
}

func (s Site) doorName(id string) string {
	for _, d := range s.Doors {
		if string(d.ID) == id {
			return cmp.Or(d.Name, id)
		}
	}
	return id
}

// called is how the page names a person, so that two of one name are told apart.
func (w Who) called() string {
	words := cmp.Or(w.Name, string(w.ID))
	if w.Unit != "" {
		words += ", " + w.Unit
	}
	return words + " (" + string(w.ID) + ")"
}
