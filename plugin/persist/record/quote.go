package record

import "strconv"

// quote is s as a message shows it: cut, because a message is no place for
// what somebody pasted by mistake.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}
