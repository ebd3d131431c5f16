package akuvoxsim_test

import (
	"testing"

	"gatehouse/agent/internal/driver/akuvox/akuvoxsim"
)

func TestPagesOfTen(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.fill(23)
	for _, tc := range []struct {
		method, path, body string
		rows               int
		first              string
	}{
		{"GET", "/api/user/get?page=1", "", 10, "1"},
		{"GET", "/api/user/get?page=2", "", 10, "11"},
		{"GET", "/api/user/get?page=3", "", 3, "21"},
		{"GET", "/api/user/get?page=4", "", 0, ""},
		{"GET", "/api/user/get?page=999999999", "", 0, ""},
		{"GET", "/api/user/get", "", 23, "1"},
		{"GET", "/api/user/get?page=-1", "", 23, "1"},
		{"POST", "/api/user/get", `{"target":"user","action":"get","data":{"page":-1}}`, 23, "1"},
		{"POST", "/api/user/get", `{"target":"user","action":"get","data":{"page":"2"}}`, 10, "11"},
		{"POST", "/api/user/get", `{"target":"user","action":"get","data":{"page":3}}`, 3, "21"},
		{"POST", "/api/user/get", "", 23, "1"},
	} {
		a := r.do(tc.method, tc.path, tc.body)
		rows := a.items(t)
		if len(rows) != tc.rows || a.Data["num"] != 23.0 || a.Data["curPageNum"] != float64(tc.rows) || a.Retcode != 0 {
			t.Errorf("%s %s %s: %d rows, num %v, curPageNum %v", tc.method, tc.path, tc.body, len(rows), a.Data["num"], a.Data["curPageNum"])
			continue
		}
		if tc.rows > 0 && rows[0]["ID"] != tc.first {
			t.Errorf("%s starts with %v, want %s", tc.path, rows[0]["ID"], tc.first)
		}
	}
}

func TestTheEndOfAFullPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.fill(20)
	if n := len(r.get("/api/user/get?page=2").items(t)); n != 10 {
		t.Errorf("page 2 has %d", n)
	}
	if n := len(r.get("/api/user/get?page=3").items(t)); n != 0 {
		t.Errorf("page 3 has %d", n)
	}
}

func TestPagesThatAreNone(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, page := range []string{"0", "-2", "x", "1.5", "12345678901234567890"} {
		if a := r.get("/api/user/get?page=" + page); a.Retcode != -100 {
			t.Errorf("page %s answered %s", page, a.raw)
		}
	}
}

func TestEmptyListIsAList(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	for _, path := range []string{"/api/user/get", "/api/group/get", "/api/contact/get", "/api/doorlog/get?page=1", "/api/calllog/get"} {
		a := r.get(path)
		if n := len(a.items(t)); n != 0 || a.Data["num"] != 0.0 {
			t.Errorf("%s answered %s", path, a.raw)
		}
	}
}

func TestNameOrPerIDFindsParts(t *testing.T) {
	t.Parallel()
	r := newRig(t, akuvoxsim.Options{})
	r.fill(15)
	r.must("user", "add", person("gh-abc", "Ada Byron", "1234"))
	for filter, want := range map[string]int{
		"gh-abc": 1, "GH-ABC": 1, "byron": 1, "Resident": 15, "u00003": 1, "nobody": 0, "": 16, "u0001": 5,
	} {
		a := r.get("/api/user/get?NameOrPerID=" + filter)
		if got := len(a.items(t)); got != want || a.Data["num"] != float64(want) {
			t.Errorf("%q found %d, num %v, want %d", filter, got, a.Data["num"], want)
		}
	}
	if a := r.get("/api/user/get?NameOrPerID=Resident&page=2"); len(a.items(t)) != 5 || a.Data["num"] != 15.0 {
		t.Errorf("page 2 of a filter: %s", a.raw)
	}
	post := `{"target":"user","action":"get","data":{"NameOrPerID":"byron"}}`
	if a := r.do("POST", "/api/user/get", post); len(a.items(t)) != 1 {
		t.Errorf("the filter in a POST: %s", a.raw)
	}
}
