package policy

import (
	"slices"

	"github.com/coredns-persist/persist/plugin/persist/record"
)

// forms is a set of account URI forms. The order they are written in does not
// matter: records are served sorted.
type forms uint8

const (
	formURI forms = 1 << iota
	formHash
	formOpaque
)

// formsPlain are those whose records have the URI as it is.
const formsPlain = formURI | formOpaque

var formBits = map[record.Form]forms{
	record.FormURI:    formURI,
	record.FormHash:   formHash,
	record.FormOpaque: formOpaque,
}

// forms reads a list of forms that is not empty.
func (o *object) forms(outer forms) forms {
	const name = "forms"
	if _, ok := o.take(name); !ok {
		return outer
	}
	var set forms
	for _, s := range o.list(name) {
		form, err := record.ParseForm(s)
		o.check(name, err)
		set |= formBits[form]
	}
	if set == 0 {
		o.fault(name, `names no form: write "uri", "hash" or "opaque"`)
	}
	return set
}

// list returns the forms of the set, sorted.
func (f forms) list() []record.Form {
	var list []record.Form
	for form, bit := range formBits {
		if f&bit != 0 {
			list = append(list, form)
		}
	}
	slices.Sort(list)
	return list
}
