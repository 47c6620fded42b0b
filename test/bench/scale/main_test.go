package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/test/parts"
)

func TestRunPrintsTheFigures(t *testing.T) {
	program, err := parts.Program("coredns")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := options{server: program, denial: "compact", installation: installation{teams: 2, accounts: 2, domains: 2, hosts: 2}, scans: 1, refresh: time.Second}
	if err := run(t.Context(), o, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`loading 16 names of 4 documents in 8 zones: [\d.]+ s, of which [\d.]+ s of processor time`,
		`memory then: \d+ MiB resident, \d+ at the most`,
		`a scan of an unchanged store: [\d.]+ s of processor time`,
		`one name more: served -?[\d.]+ s after its document was read`,
		`queries through a scan with one: \d+, of which 50 % waited [\d.]+ ms at the most, .*`,
		`control \{\}: served -?[\d.]+ s after it was read; .*`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(out.String()) {
			t.Errorf("Expected a line like %s, got\n%s", line, &out)
		}
	}
}

func TestWhatCannotBeMeasuredIsRefused(t *testing.T) {
	for want, o := range map[string]options{
		"-server names the program": {denial: "nsec", installation: installation{teams: 1}, scans: 1},
		"must be at least 1":        {server: "false", denial: "nsec"},
		"write compact or nsec":     {server: "false", denial: "none"},
	} {
		if err := o.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Expected an error with %q, got %v", want, err)
		}
	}
}

func TestCutsAreMeasuredBesideOneZone(t *testing.T) {
	program, err := parts.Program("coredns")
	if err != nil {
		t.Fatal(err)
	}
	for _, denial := range []string{"compact", "nsec"} {
		var out bytes.Buffer
		o := options{server: program, denial: denial, installation: installation{teams: 2, accounts: 2, domains: 2, hosts: 2}, scans: 1, refresh: time.Second}
		if err := compareCuts(t.Context(), o, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		expectComparison(t, out.String())
	}
}

func expectComparison(t *testing.T, out string) {
	t.Helper()
	for _, line := range []string{
		`zone:`,
		`cuts:`,
		`loading 16 names of 4 documents, as one zone: [\d.]+ s, of which [\d.]+ s of processor time`,
		`loading 16 names of 4 documents, as 16 cuts: [\d.]+ s, of which [\d.]+ s of processor time`,
		`16 names asked for once, each signed: [\d.]+ s`,
		`100 of them at random: validated by delv, each under the DS record of its own`,
		`a scan of an unchanged store: [\d.]+ s of processor time`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(out) {
			t.Errorf("Expected a line like %s, got\n%s", line, out)
		}
	}
}
