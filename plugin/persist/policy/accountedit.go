package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// ReplaceAccount returns the body of an account document that is changed to be of
// the account at uri, whose key has the thumbprint; that may be empty, for the one
// that the admin has approved. The account that it was of stays in an overlap until
// an instant, and goes at once where that is zero. What else the document says stays
// as it is written.
//
// Where the account at uri is the one that an overlap keeps which is not over yet at
// the instant at, both change places, and both stand on. It fails for any other such
// overlap, since what that one keeps would end too early.
func ReplaceAccount(body []byte, uri, thumbprint string, until, at time.Time) ([]byte, error) {
	top, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	o := newObject("", top)
	before := overlap{uri: o.text("account_uri"), thumbprints: firstOf(o.thumbprints())}
	running := o.overlap()
	if len(o.faults.list) > 0 {
		return nil, fmt.Errorf("is not valid: %s: %s", o.faults.list[0].field, o.faults.list[0].reason)
	}
	var keys []string
	if thumbprint != "" {
		keys = []string{thumbprint}
	}
	if running.until.After(at) {
		if reason := running.keepsBack(uri, keys); reason != "" {
			return nil, fmt.Errorf("has an overlap until %s, %s", stamp(running.until), reason)
		}
		keys = running.thumbprints
	}
	top.set("account_uri", textValue(uri))
	top.drop("thumbprints")
	top.drop("overlap")
	if len(keys) > 0 {
		top.set("thumbprints", listValue(keys...))
	}
	if !until.IsZero() {
		kept := value{kind: jsontext.KindBeginObject}
		kept.set("until", textValue(stamp(until)))
		kept.set("account_uri", textValue(before.uri))
		if len(before.thumbprints) > 0 {
			kept.set("thumbprints", listValue(before.thumbprints...))
		}
		top.set("overlap", kept)
	}
	return top.indented(), nil
}

// keepsBack returns why the account at uri, with the keys, which may be none, cannot
// take the place of the current one without a loss of records that v keeps, and what
// to do; empty where it can. An account has records by one key, and an overlap by all
// that it names.
func (v overlap) keepsBack(uri string, keys []string) string {
	const afterwards = ": do it after that, or remove the overlap first if its records are to end"
	switch {
	case v.uri == "":
		return "which this would end" + afterwards
	case v.uri != uri:
		return fmt.Sprintf("which this would end, and the records of %s with it%s", v.uri, afterwards)
	case v.forms != 0:
		return "which has forms too, and those are not to end or to last with the account" + afterwards
	case len(v.thumbprints) > 1:
		return fmt.Sprintf("with several thumbprints of %s, whose records are by one key where it is no overlap%s", uri, afterwards)
	case len(keys) > 0 && !slices.Equal(keys, v.thumbprints):
		return fmt.Sprintf("whose records of %s are by the key that it had: leave out the thumbprint, or do it after that", uri)
	}
	return ""
}

// ApproveAccount returns the body of a team document that approves the account at
// uri besides, with a key of the thumbprint where that is not empty. It is the body
// itself where the document does so already, and where it approves every account.
func ApproveAccount(body []byte, uri, thumbprint string) ([]byte, error) {
	top, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	accounts := top.member("accounts")
	if accounts == nil {
		return body, nil
	}
	if !accounts.isObject() {
		return nil, fmt.Errorf("accounts is %s: write an object, {…}", *accounts)
	}
	account := accounts.member(uri)
	if account == nil {
		account = accounts.set(uri, value{kind: jsontext.KindBeginObject})
	} else if thumbprint == "" || slices.Contains(newObject("", *account).list("thumbprints"), thumbprint) {
		return body, nil
	}
	if thumbprint != "" {
		account.set("thumbprints", listValue(append(newObject("", *account).list("thumbprints"), thumbprint)...))
	}
	return top.indented(), nil
}

func textValue(s string) value { return value{kind: jsontext.KindString, text: s} }

func listValue(list ...string) value {
	v := value{kind: jsontext.KindBeginArray}
	for _, s := range list {
		v.items = append(v.items, textValue(s))
	}
	return v
}
