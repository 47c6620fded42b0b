package main

import "fmt"

// counted is n of what is called one where there is one, as people write it.
func counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
