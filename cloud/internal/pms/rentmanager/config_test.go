package rentmanager_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/cloud/internal/pms/rentmanager"
	"gatehouse/protocol/access"
	"gatehouse/protocol/access/fault"
)

func sprint(v any) string { return fmt.Sprintf("%v %+v %#v %s", v, v, v, v) }

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://acme.api.rentmanager.com": true, "https://acme.api.rentmanager.com/": true, "https://proxy.example.com/rm/": true,
		"acme.api.rentmanager.com": true, "acme": true, "http://127.0.0.1:8080": true, "http://localhost:8080/": true, "http://[::1]:80": true,
		"": false, "http://acme.api.rentmanager.com": false, "ftp://acme.api.rentmanager.com": false, "https://": false, "https://u:open-sesame@acme.example.com": false,
		"https://acme.example.com/?a=1": false, "https://acme.example.com/#x": false, "https://a b.example.com": false, "http://10.0.0.5": false,
	} {
		cfg := config(url)
		_, err := rentmanager.New(cfg, deps())
		if (err == nil) != ok || err != nil && (fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "url: ") || strings.Contains(err.Error(), "open-sesame")) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func TestConfigNamesEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := rentmanager.New(rentmanager.Config{URL: "http://far.example.com", LocationID: -1, Properties: []string{"12", "Oak", "12", "007"}, PageSize: 5000,
		Defaults: rentmanager.Settings{Zone: "Local", PINField: "A", CardField: " a", PINDigits: 9},
		Property: map[string]rentmanager.Settings{"13": {Zone: "Mars/Olympus"}}}, deps())
	if fault.KindOf(err) != fault.Invalid {
		t.Fatal(err)
	}
	for _, words := range []string{"url: http to far.example.com", "username: is missing", "password_file: holds no password", "location_id: -1", `"Oak" is no PropertyID`,
		"12 stands there twice", `"007" is no PropertyID`, "page size 5000", `zone: "Local"`, "pin_digits: 9", "card_field: is the PIN's field too",
		"per_property.13: is none of the properties", `per_property.13.zone: "Mars/Olympus"`} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("%q is not said:\n%v", words, err)
		}
	}
	if _, err := rentmanager.New(config("acme"), rentmanager.Deps{}); fault.KindOf(err) != fault.Internal {
		t.Errorf("without a clock: %v", err)
	}
	if _, err := rentmanager.New(config("acme"), rentmanager.Deps{Now: now}); err != nil {
		t.Errorf("with a clock alone: %v", err)
	}
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "secret", "open sesame\r\n")
	head := "url = \"acme\"\nusername = \"gatekeeper\"\npassword_file = \"secret\"\n"
	base := rentmanager.Config{File: "pms.toml", URL: "acme", Username: "gatekeeper", Password: access.NewSecret("open sesame"), PageSize: 500, MaxCalls: 500}
	for text, change := range map[string]func(*rentmanager.Config){
		"":                                   func(*rentmanager.Config) {},
		"property = \"12\"\nlocation_id = 1": func(c *rentmanager.Config) { c.Properties, c.LocationID = []string{"12"}, 1 },
		"property = 12\nlocation_id = \"1\"": func(c *rentmanager.Config) { c.Properties, c.LocationID = []string{"12"}, 1 },
		"properties = [12, \"13\"]\nzone = \"America/Chicago\"\npin_field = \"Door PIN\"\ncard_field = \"RF Card\"\npin_digits = 5\n[per_property.13]\nzone = \"America/Denver\"\npin_field = \"P\"\ncard_field = \"C\"\npin_digits = 4": func(c *rentmanager.Config) {
			c.Properties = []string{"12", "13"}
			c.Defaults = rentmanager.Settings{Zone: "America/Chicago", PINField: "Door PIN", CardField: "RF Card", PINDigits: 5}
			c.Property = map[string]rentmanager.Settings{"13": {Zone: "America/Denver", PINField: "P", CardField: "C", PINDigits: 4}}
		},
	} {
		want := base
		change(&want)
		got, err := rentmanager.ReadConfig(write(t, dir, "pms.toml", head+text))
		if diff := cmp.Diff(want, got, cmp.Comparer(access.Secret.Equal)); err != nil || diff != "" {
			t.Errorf("%s\n%v\n-want +got:\n%s", text, err, diff)
		}
		if _, err := rentmanager.New(got, deps()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReadConfigIsStrict(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "secret", "open sesame")
	write(t, dir, "blank", "\n")
	write(t, dir, "huge", strings.Repeat("x", 5000))
	head := "url = \"acme\"\nusername = \"gatekeeper\"\npassword_file = \"secret\"\n"
	for text, says := range map[string]string{
		head + `pasword = "open sesame"`:                           "pasword is not a key here",
		head + `password = "open sesame"`:                          "password is not a key here",
		head + "[per_property.12]\ncolour = 1":                     "per_property.12.colour is not a key here",
		head + "property = 1\nproperties = [2]":                    "property and properties: want one of them",
		head + "property = 1.5":                                    "want a number",
		head + "property = true":                                   "want a number",
		head + "properties = 12":                                   "properties",
		head + "location_id = \"one\"":                             `location_id: "one" is no location`,
		head + "location_id = 0":                                   `location_id: "0" is no location`,
		head + "location_id = \"1 2\"":                             "is no location",
		head + "pin_digits = \"5\"":                                "pin_digits",
		head + "zone = \"Chicago\"":                                `"Chicago" is not a time zone`,
		head + "url = \"again\"":                                   "line 4, url",
		"url = ":                                                   "line 1",
		"":                                                         "url: is missing",
		strings.Replace(head, "secret", "blank", 1):                "password_file: holds no password",
		strings.Replace(head, "secret", "absent", 1):               "no such file",
		strings.Replace(head, "secret", "huge", 1):                 "more than 4096 bytes",
		strings.Replace(head, "password_file = \"secret\"", "", 1): "password_file: holds no password",
		head + "#" + strings.Repeat("x", 1<<20):                    "more than 1048576 bytes",
	} {
		_, err := rentmanager.ReadConfig(write(t, dir, "pms.toml", text))
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%.200q: %v (%s), want %q", text, err, fault.KindOf(err), says)
		}
	}
	if _, err := rentmanager.ReadConfig(filepath.Join(dir, "none.toml")); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "none.toml") {
		t.Error(err)
	}
}
