package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// table prints the results for people, as Markdown, so that it can be kept as it is.
func table(w io.Writer, r report) error {
	m := r.Machine
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %d cores; %s; %s; files on %s; %s\n", m.CPU, m.Cores, m.OS, m.Go, m.FileSystem, m.At)
	fmt.Fprintf(&b, "Load (1 minute) at the start %.1f, at the end %.1f; %s in all.\n\n", m.LoadStart, m.LoadEnd, time.Duration(m.Seconds)*time.Second)
	b.WriteString("| name | value | unit | floor | target | n | |\n|---|---:|---|---:|---|---:|---|\n")
	for _, res := range r.Results {
		t := targetOf(res.Name)
		note := res.Note
		if missed(res, r.Results) {
			note = strings.TrimSpace("**missed** " + note)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %d | %s |\n", res.Name, number(res.Value), res.Unit, floorText(res.Floor), t.text, res.N, note)
	}
	if r.Error != nil {
		fmt.Fprintf(&b, "\nNot everything could be measured: %s\n", r.Error.Message)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func floorText(f *float64) string {
	if f == nil {
		return ""
	}
	return number(*f)
}

// number shows three digits, and whole numbers in full.
func number(v float64) string {
	switch {
	case v == float64(int64(v)) || v >= 1000:
		return strconv.FormatInt(int64(v+0.5), 10)
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}
