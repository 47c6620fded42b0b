package answer

import (
	"errors"
	"time"

	"github.com/miekg/dns"
)

func notReady() Response {
	return failure(NotReady, dns.ExtendedErrorCodeNotReady, "the policy or the signing keys are not loaded yet")
}

func stale() Response {
	return failure(Stale, dns.ExtendedErrorCodeInvalidData, "the policy store has been silent for too long")
}

// unknown answers where the store does not vouch for what a denial would say: when
// it did last, zero if a document that may say otherwise was never read.
func unknown(listed time.Time) Response {
	if !listed.IsZero() {
		return stale()
	}
	return failure(NotReady, dns.ExtendedErrorCodeNotReady, "a document that may grant this name has not been read yet")
}

func failed(err error) Response {
	if errors.Is(err, errSpent) {
		return Response{Outcome: Limited}
	}
	r := failure(Failed, dns.ExtendedErrorCodeOther, "signing failed")
	r.Err = err
	return r
}

func failure(o Outcome, code uint16, text string) Response {
	return Response{Outcome: o, Rcode: dns.RcodeServerFailure, EDE: ede(code, text)}
}

func ede(code uint16, text string) *dns.EDNS0_EDE {
	return &dns.EDNS0_EDE{InfoCode: code, ExtraText: text}
}

// What a NODATA at a granted name adds to be understood. There is no code of
// its own for it, and who it was that stopped what is nobody's business.
var (
	withheld   = ede(dns.ExtendedErrorCodeOther, "the policy withholds every grant of this name")
	notInForce = ede(dns.ExtendedErrorCodeOther, "no grant of this name is in force at this time")
)

// refuse answers the types that name no data: meta types and those of
// transactions (RFC 6895 section 3.1). NODATA would claim something about
// them. NXNAME is a signal inside NSEC bitmaps and must not be asked for
// (RFC 9824 section 3.5).
func refuse(qtype uint16) (Response, bool) {
	switch {
	case qtype == dns.TypeNXNAME:
		return Response{Outcome: Refused, Rcode: dns.RcodeFormatError, EDE: ede(dns.ExtendedErrorCodeInvalidQueryType, "NXNAME is a meta type")}, true
	case qtype == dns.TypeNone, qtype == dns.TypeOPT:
		return Response{Outcome: Refused, Rcode: dns.RcodeFormatError}, true
	case qtype == dns.TypeAXFR, qtype == dns.TypeIXFR:
		return Response{Outcome: Refused, Rcode: dns.RcodeRefused, EDE: ede(dns.ExtendedErrorCodeNotSupported, "this zone is not transferred")}, true
	case qtype > 128 && qtype < dns.TypeANY:
		return Response{Outcome: Refused, Rcode: dns.RcodeNotImplemented}, true
	}
	return Response{}, false
}
