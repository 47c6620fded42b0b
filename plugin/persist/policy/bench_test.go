package policy_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coredns-persist/persist/plugin/persist/policy"
	"github.com/coredns-persist/persist/plugin/persist/store"
)

// A large installation: a million names in a thousand documents. Each of a
// hundred teams has a hundred domains, and ten accounts with a tenth of them each.
const (
	teamCount    = 100
	accountsEach = 10 // of a team
	domainsEach  = 10 // of an account
	hostsEach    = 100
)

func large() documents {
	d := standard()
	delete(d, "accounts/web/ca/a")
	delete(d, "teams/web")
	for team := range teamCount {
		claims := make([]string, 0, accountsEach*domainsEach)
		for account := range accountsEach {
			domains := map[string]struct{}{}
			for i := range domainsEach {
				domain := fmt.Sprintf("zone-%d.example", (team*accountsEach+account)*domainsEach+i)
				claims = append(claims, domain)
				for host := range hostsEach {
					domains[fmt.Sprintf("host-%d.%s", host, domain)] = struct{}{}
				}
			}
			d[fmt.Sprintf("accounts/team-%d/ca/%d", team, account)] = accountOf(domains)
		}
		d[fmt.Sprintf("teams/team-%d", team)] = teamOf(claims...)
	}
	return d
}

func accountOf(domains map[string]struct{}) string {
	list, err := json.Marshal(domains)
	if err != nil {
		panic(err)
	}
	return `{"account_uri": "` + uri + `", "domains": ` + string(list) + `}`
}

func teamOf(claims ...string) string {
	return `{"domains": ["` + strings.Join(claims, `","`) + `"], "issuers": ["ca"]}`
}

// BenchmarkCompile compiles a large installation after one change, each time
// after the same book.
func BenchmarkCompile(b *testing.B) {
	d := large()
	before := heap()
	first := d.Compile(b)
	size := heap() - before
	account := d["accounts/team-0/ca/0"]
	for _, c := range []struct {
		name string
		more documents
	}{
		{"nothing", nil},
		{"one name more", documents{"accounts/team-0/ca/0": strings.Replace(account, `"domains": {`, `"domains": {"new.zone-0.example": {}, `, 1)}},
		{"one name less", documents{"accounts/team-0/ca/0": strings.Replace(account, `"host-0.zone-0.example":{},`, ``, 1)}},
		{"an account less", documents{"accounts/team-0/ca/0": ""}},
		{"a domain stopped", documents{"control": `{"stop": {"domain:zone-0.example": {}}}`}},
		{"a team stopped", documents{"control": `{"stop": {"team:team-0": {}}}`}},
		{"all stopped", documents{"control": `{"stop": {"all": {}}}`}},
		{"a team more", documents{"teams/another": teamOf("zone-1.example")}},
		{"a domain more", documents{"teams/team-0": strings.Replace(d["teams/team-0"], `["`, `["other.example", "`, 1)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := changed(d, c.more)
			for b.Loop() {
				policy.Compile(first, s, policy.Brakes{})
			}
		})
	}
	b.Run("everything", func(b *testing.B) {
		s := d.Snapshot(1, read)
		b.ReportAllocs()
		for b.Loop() {
			policy.Compile(nil, s, policy.Brakes{})
		}
		b.ReportMetric(float64(size)/(1<<20), "MiB/book")
	})
	b.Run("garbage collection", func(b *testing.B) {
		d = nil
		for b.Loop() {
			runtime.GC()
		}
	})
	runtime.KeepAlive(first)
}

// BenchmarkGrowth has a document grow to a thousand names, one with each version.
// What they keep in memory is little more than had they come at once.
func BenchmarkGrowth(b *testing.B) {
	const names = 1000
	for name, step := range map[string]int{"name by name": 1, "at once": names} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d, before := standard(), heap()
				var book *policy.Book
				for have := step; have <= names; have += step {
					domains := map[string]struct{}{}
					for i := range have {
						domains[fmt.Sprintf("host-%d.example.com", i)] = struct{}{}
					}
					d["accounts/web/ca/a"] = accountOf(domains)
					book = policy.Compile(book, changed(d, documents{"accounts/web/ca/a": d["accounts/web/ca/a"]}), policy.Brakes{})
				}
				clear(d)
				b.ReportMetric(float64(heap()-before)/names, "B/name")
				runtime.KeepAlive(book)
			}
		})
	}
}

// changed is the snapshot of d a minute after the first, where only more is
// written anew.
func changed(d, more documents) *store.Snapshot {
	s := d.With(more).Snapshot(1, read.Add(time.Minute))
	for i := range s.Documents {
		if _, isNew := more[s.Documents[i].Path]; isNew {
			s.Documents[i].Version, s.Documents[i].Created = "2", written.Add(time.Minute)
		}
	}
	return s
}

// heap is how much is in use, in octets.
func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
