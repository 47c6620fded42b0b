package record

// CanFollow reports whether f, a part of a question that lies below a name with
// an owner, may be validated by what is granted there: its labels are of letters
// in lower case, digits, hyphens and underscores, none is that of an owner, and
// its own owner fits into 255 octets. A reverse name leads to addresses, besides.
// It does not allocate.
func (f FQDN) CanFollow() bool {
	if len(f.label())+1+len(f)+1 > mostOwner {
		return false
	}
	if f.IsReverse() {
		_, ok := f.Prefix()
		return ok
	}
	start := 0
	for i := 0; i <= len(f); i++ {
		if i < len(f) && f[i] != '.' {
			if !isLDH(rune(f[i])) && f[i] != '_' {
				return false
			}
			continue
		}
		if label := f[start:i]; label == "" || label == Label || label == IPLabel {
			return false
		}
		start = i + 1
	}
	return true
}
