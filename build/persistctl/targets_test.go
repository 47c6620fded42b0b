package main

import (
	"strings"
	"testing"
)

func TestWhatAServerServedStandsWhereItsZoneHasIt(t *testing.T) {
	var b strings.Builder
	servedThen{At: "then", Records: []servedRecords{
		{"persist.example.net.", "www.example.com", []string{"a"}},
		{"example.com.", "www.example.com", []string{"b"}},
		{"_validation-persist.example.com.", "example.com", []string{"c"}},
		{"persist.example.net.", "1.2.0.192.in-addr.arpa", []string{"d"}},
	}}.text(&b)
	want := `; served at then
www.example.com.persist.example.net. TXT "a"
_validation-persist.www.example.com. TXT "b"
_validation-persist.example.com. TXT "c"
1.2.0.192.in-addr.arpa.persist.example.net. TXT "d"
`
	if got := b.String(); got != want {
		t.Errorf("Expected\n%s, got\n%s", want, got)
	}
}
