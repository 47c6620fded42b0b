package main

import "testing"

// Two letters of a name of two are another name.
func TestAnotherWordIsNoSlip(t *testing.T) {
	for name, want := range map[string]string{"le": "", "cas": "ca", "ac": "", "letsencrpyt": "letsencrypt", "": ""} {
		if got := alike([]string{"ca", "letsencrypt"}, name); got != want {
			t.Errorf("For %q %q was meant, got %q", name, want, got)
		}
	}
}
