package acme

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-acme/lego/v5/challenge/dnspersist01"
)

// What is published of each mode of until, lego takes for its own when it is
// told so: the very value, or none. Each value is known before it is published.
func TestLegoTakesEachModeOfUntilWhenItIsToldTheValue(t *testing.T) {
	patient(t)
	fixed := time.Now().Add(30 * 24 * time.Hour).UTC().Truncate(24 * time.Hour)
	// The next step is half an hour away, whenever the test runs.
	floor := 3*time.Hour + 30*time.Minute - time.Duration(time.Now().Unix()%3600)*time.Second
	for mode, c := range map[string]struct {
		domain   map[string]any
		expected func(at time.Time) time.Time // persistUntil; zero: the record has none
	}{
		"rolling, by default": {map[string]any{}, rolls(96*time.Hour, 24*time.Hour)},
		"rolling, by hours":   {map[string]any{"until": map[string]any{"floor": floor.String(), "step": "1h"}}, rolls(floor, time.Hour)},
		"fixed":               {map[string]any{"until": fixed.Format(time.RFC3339)}, func(time.Time) time.Time { return fixed }},
		"none":                {map[string]any{"until": "none"}, func(time.Time) time.Time { return time.Time{} }},
	} {
		t.Run(mode, func(t *testing.T) {
			s := newSite(t)
			c.domain["wildcard"] = true
			s.allow(map[string]any{"allow_none": true}, nil)
			account := s.register()
			s.grant(account, c.domain)
			record := s.awaits()
			until := c.expected(time.Now())
			for tomorrow := range 3 {
				at := time.Now().Add(time.Duration(tomorrow) * 24 * time.Hour).Truncate(time.Second)
				if got, want := s.until(at), c.expected(at); !got.Equal(want) {
					t.Errorf("Expected persistctl show to say %s of %s, got %s", want, at, got)
				}
			}
			told := []dnspersist01.ChallengeOption{dnspersist01.DisableAuthoritativeNssPropagationRequirement()}
			value := strings.TrimPrefix(record, "pebble.letsencrypt.org; accounturi="+account.uri()+"; policy=wildcard")
			if until.IsZero() {
				if value != "" {
					t.Errorf("Expected no persistUntil, got %q", value)
				}
			} else {
				told = append(told, dnspersist01.WithPersistUntil(until))
				if want := fmt.Sprintf("; persistUntil=%d", until.Unix()); value != want {
					t.Errorf("Expected %q, got %q of %q", want, value, record)
				}
			}
			s.obtains(account, told...)
		})
	}
}

// patient has lego not wait for a record to spread, which it does for each name
// before it looks a second time.
func patient(t *testing.T) {
	t.Helper()
	t.Setenv("DNSPERSIST_MANUAL_POLLING_INTERVAL", "0")
}

// rolls is the persistUntil of a grant that rolls, as docs/policy.md has it:
// ceil((t + floor) / step) · step.
func rolls(floor, step time.Duration) func(time.Time) time.Time {
	f, s := int64(floor/time.Second), int64(step/time.Second)
	return func(at time.Time) time.Time { return time.Unix((at.Unix()+f+s-1)/s*s, 0) }
}

// obtains gets a certificate for the name and those below it.
func (s *site) obtains(c *client, options ...dnspersist01.ChallengeOption) {
	s.t.Helper()
	certificate, err := c.obtainWith(s.t.Context(), s.resolver.Address, []string{name, "*." + name}, options...)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := certificate.VerifyHostname("www." + name); err != nil {
		s.t.Error(err)
	}
}

// Told nothing, lego takes a record that rolls for none of its own, and asks on
// its terminal for another one. Told not to ask and not to look, it leaves the
// judgement to the CA.
func TestLegoTakesARecordThatRollsUntoldWhereItDoesNotLook(t *testing.T) {
	patient(t)
	s := newSite(t)
	s.allow(nil, nil)
	account := s.register()
	s.grant(account, map[string]any{"wildcard": true})
	s.awaits()
	unseen := []dnspersist01.ChallengeOption{
		dnspersist01.DisableAuthoritativeNssPropagationRequirement(),
		dnspersist01.DisableRecursiveNSsPropagationRequirement(),
	}

	nobody, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	terminal := os.Stdin
	os.Stdin = nobody
	t.Cleanup(func() { os.Stdin = terminal; nobody.Close() })
	for what, options := range map[string][]dnspersist01.ChallengeOption{
		"nothing":         unseen,
		"yesterday's":     append(unseen[:2:2], dnspersist01.WithPersistUntil(s.until(time.Now()).Add(-24*time.Hour))),
		"what looks same": append(unseen[:2:2], dnspersist01.WithPersistUntil(s.until(time.Now()).Add(time.Second))),
	} {
		if _, err := account.obtainWith(t.Context(), s.resolver.Address, []string{name}, options...); err == nil || !strings.Contains(err.Error(), "read stdin") {
			t.Errorf("Told %s: expected lego to ask on standard input, got %v", what, err)
		}
	}

	t.Setenv("DNSPERSIST_MANUAL_MODE", "wait")
	t.Setenv("DNSPERSIST_MANUAL_WAIT", "0")
	s.obtains(account, unseen...)
}

// until is the instant at which a record ends, by persistctl show of the
// documents at the instant at.
func (s *site) until(at time.Time) time.Time {
	s.t.Helper()
	var shown struct {
		Grants []struct {
			PersistUntil time.Time `json:"persist_until"`
		} `json:"grants"`
	}
	out := mustPersistctl(s.t, "show", name, s.policies, "--at", at.UTC().Format(time.RFC3339), "-o", "json")
	if err := json.Unmarshal([]byte(out), &shown); err != nil {
		s.t.Fatal(err)
	}
	if len(shown.Grants) != 1 {
		s.t.Fatalf("Expected one grant, got %s", out)
	}
	return shown.Grants[0].PersistUntil
}
