package pms

import (
	"net/mail"
	"slices"
	"strings"
)

// EmailClass says whether an address can be trusted to reach one person (row S13). Anything but
// ok holds the activation mail until a person looks.
type EmailClass string

// The classes, worst last in the sense that a later one hides an earlier one.
const (
	EmailOK          EmailClass = "ok"
	EmailMissing     EmailClass = "missing"
	EmailPlaceholder EmailClass = "placeholder" // typed to get past a required field
	EmailShared      EmailClass = "shared"      // several people have it
	EmailMalformed   EmailClass = "malformed"   // not one address, or a known misspelling of a mail host
)

// The tables of reference pms.md §8. The domains example.com/.org/.net are not among the
// placeholders here: documentation, demos and tests use them for people who do have mail.
func placeholderLocals() []string {
	return []string{"none", "noemail", "no", "na", "n/a", "nomail", "noreply", "no-reply", "unknown", "test",
		"abc", "xxx", "asdf", "refused", "declined", "not_a_real_email", "notprovided", "donotreply"}
}

func placeholderDomains() []string {
	return []string{"none.com", "nowhere.com", "noemail.com", "nomail.com", "na.com", "no.com", "email.com",
		"test.com", "none.none", "invalid.com"}
}

func misspeltDomains() []string {
	return []string{"jmail.com", "gmial.com", "gmai.com", "gmal.com", "gamil.com", "gmail.co", "gmail.con",
		"yaho.com", "yahooo.com", "yahoo.con", "hotmial.com", "hotmai.com", "hotmail.con", "outlok.com"}
}

// maxEmail is the longest address SMTP can carry (RFC 5321 §4.5.3.1).
const maxEmail = 254

// ReadEmail trims an address, puts its domain in lower case and classes it. Sharing can only be
// seen across people: see MarkSharedEmails.
func ReadEmail(raw string) (string, EmailClass) {
	s := strings.TrimSpace(strings.ReplaceAll(raw, "\u00a0", " "))
	if s == "" || s == "-" {
		return "", EmailMissing
	}
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return s, withoutAt(s)
	}
	local, domain := s[:at], strings.ToLower(s[at+1:])
	s = local + "@" + domain
	return s, classOf(s, strings.ToLower(local), domain)
}

// withoutAt: "none" or "N/A" stands for nothing; other words are not an address.
func withoutAt(s string) EmailClass {
	if slices.Contains(placeholderLocals(), strings.ToLower(s)) {
		return EmailPlaceholder
	}
	return EmailMalformed
}

func classOf(s, local, domain string) EmailClass {
	if slices.Contains(placeholderLocals(), local) || slices.Contains(placeholderDomains(), domain) ||
		strings.Contains(local, "not_a_real_email") {
		return EmailPlaceholder
	}
	a, err := mail.ParseAddress(s)
	dot := strings.LastIndexByte(domain, '.')
	switch {
	case err != nil, a.Address != s, a.Name != "", len(s) > maxEmail:
		return EmailMalformed
	case dot < 1, len(domain)-dot < 3, strings.ContainsAny(s, " /,;<>\""):
		return EmailMalformed // no top-level domain, or several addresses, or words
	case slices.Contains(misspeltDomains(), domain):
		return EmailMalformed
	}
	return EmailOK
}

// MarkSharedEmails classes an address that more than one person has, in one household or in
// several, as shared: a mail to it lets one act as the other. Somebody with two leases is one
// person; so are two records of the same name (a transfer often makes a new id).
func MarkSharedEmails(people []Person) {
	owners := map[string]map[string]bool{}
	for _, p := range people {
		if p.EmailClass != EmailOK {
			continue
		}
		key := strings.ToLower(p.Email)
		if owners[key] == nil {
			owners[key] = map[string]bool{}
		}
		owners[key][nameKey(p)] = true
	}
	for i, p := range people {
		if p.EmailClass == EmailOK && len(owners[strings.ToLower(p.Email)]) > 1 {
			people[i].EmailClass = EmailShared
		}
	}
}

func nameKey(p Person) string {
	if n := strings.ToLower(p.First + "\x00" + p.Last + "\x00" + p.Company); n != "\x00\x00" {
		return n
	}
	return p.Property + "\x00" + p.Ref
}
