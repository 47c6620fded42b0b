package store

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/time/rate"
)

// A million names stand in a thousand documents of 88 KB.
const (
	manyDocuments = 1000
	manyNames     = 1000
)

// serveMany is the environment variable that has a test binary be a Vault with
// many documents, so that what it costs is not the scan's.
const serveMany = "PERSIST_TEST_SERVE_MANY"

func init() {
	if os.Getenv(serveMany) == "" {
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	go func() { // it ends with whoever has started it
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	panic(http.Serve(listener, newMany())) // #nosec G114 -- for one client, for a moment
}

// many is a Vault with many documents, that answers as Vault does.
type many struct{ answers map[string][]byte }

func newMany() many {
	m := many{map[string][]byte{}}
	document := func(path, body string) {
		m.answers["/v1/persist/data/"+path] = fmt.Appendf(nil, `{"request_id":"b6b9e0a4-ad6a-4a7f-bb9d-a0a1a2a3a4a5","lease_id":"","renewable":false,"lease_duration":0,`+
			`"data":{"data":%s,"metadata":{"created_time":"2026-11-01T00:00:00.123456789Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":1}},`+
			`"wrap_info":null,"warnings":null,"auth":null,"mount_type":"kv"}`+"\n", body)
	}
	listing := func(folder string, names []string) {
		m.answers["/v1/persist/metadata/"+folder] = fmt.Appendf(nil, `{"data":{"keys":["%s"]}}`, strings.Join(names, `","`))
	}
	document("config", `{"schema":1}`)
	document("control", `{}`)
	document("issuers/ca", `{"issuer_domain_names":["ca.example"],"account_uri_prefixes":["https://ca.example/acct/"],"wildcard":true}`)
	document("teams/web", `{"domains":["."],"issuers":["ca"],"wildcard":true}`)
	listing("issuers", []string{"ca"})
	listing("teams", []string{"web"})
	listing("accounts", []string{"web/"})
	listing("accounts/web", []string{"ca/"})
	names := make([]string, 0, manyDocuments)
	for n := range manyDocuments {
		names = append(names, fmt.Sprint(n))
		domains := make([]string, 0, manyNames)
		for i := range manyNames {
			domains = append(domains, fmt.Sprintf(`"host-%d.zone-%d.example":{"until":{"floor":"96h","mode":"rolling"},"wildcard":true}`, i, n))
		}
		document(fmt.Sprintf("accounts/web/ca/%d", n), fmt.Sprintf(`{"account_uri":"https://ca.example/acct/%d","domains":{%s}}`, n, strings.Join(domains, ",")))
	}
	listing("accounts/web/ca", names)
	return m
}

func (m many) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, ok := m.answers[strings.TrimSuffix(r.URL.Path, "/")]
	w.Header().Set("Content-Type", "application/json")
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		body = []byte(`{"errors":[]}`)
	}
	_, _ = w.Write(body)
}

// startMany runs another process that serves many documents.
func startMany(b *testing.B) (address string) {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$") // #nosec G204 -- this program
	cmd.Env = append(os.Environ(), serveMany+"=1")
	in, err := cmd.StdinPipe()
	check(b, err)
	out, err := cmd.StdoutPipe()
	check(b, err)
	check(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	_, err = fmt.Fscanln(out, &address)
	check(b, err)
	return address
}

// used is the processor time that this process has used.
func used(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkScanOfAnUnchangedStore measures what a scan costs that finds nothing
// new among a million names, at the pace of a server and as fast as may be:
// cpu-ms/op is the processor time.
func BenchmarkScanOfAnUnchangedStore(b *testing.B) {
	address := startMany(b)
	for name, limit := range map[string]rate.Limit{"paced": fullPace, "unpaced": rate.Inf} {
		b.Run(name, func(b *testing.B) {
			b.Setenv("VAULT_TOKEN", "hvs.test")
			v, err := NewVault(VaultConfig{Address: address})
			check(b, err)
			w := NewWatcher(v, Options{Refresh: time.Minute, Index: time.Hour})
			w.pace.limiter.SetLimit(rate.Inf)
			for range 2 {
				check(b, w.Scan(context.Background()))
				w.Release(w.Snapshot())
			}
			w.pace.limiter.SetLimit(limit)
			b.ReportAllocs()
			b.ResetTimer()
			before := used(b)
			for range b.N {
				check(b, w.Scan(context.Background()))
			}
			b.ReportMetric(float64((used(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}
