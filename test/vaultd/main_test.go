package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// asServer makes the test binary be the program.
const asServer = "VAULTD_TEST_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// running is the program, started by a test.
type running struct {
	greeting
	stdin io.Closer
	ended chan error
}

func run(t *testing.T, args ...string) *running {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asServer+"=1")
	cmd.Stderr = t.Output()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{stdin: stdin, ended: make(chan error, 1)}
	if err := json.NewDecoder(stdout).Decode(&r.greeting); err != nil {
		t.Fatalf("No greeting: %v", err)
	}
	go func() { r.ended <- cmd.Wait() }()
	t.Cleanup(func() { r.end(t) })
	return r
}

// end closes the program's standard input and waits for its end.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stdin.Close()
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("Ended with %v", err)
		}
		r.ended <- nil
	case <-time.After(time.Minute):
		t.Error("Does not end though its standard input has")
	}
}

// call sends a request with the root token and decodes the answer into v.
func (r *running) call(t *testing.T, client *http.Client, method, path, body string, v any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.Address+"/v1/"+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", r.RootToken)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s, %v: %s", method, path, resp.Status, err, text)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, text)
	}
}

func TestServesTheEnginesAndMethodsThatTestsNeed(t *testing.T) {
	r := run(t)
	for name, mount := range map[string]string{
		"kv":         `{"type": "kv", "options": {"version": "2"}}`,
		"transit":    `{"type": "transit"}`,
		"approle":    "",
		"cert":       "",
		"jwt":        "",
		"kubernetes": "",
		"userpass":   "",
	} {
		if mount != "" {
			r.call(t, http.DefaultClient, http.MethodPost, "sys/mounts/"+name, mount, nil)
		} else {
			r.call(t, http.DefaultClient, http.MethodPost, "sys/auth/"+name, fmt.Sprintf(`{"type": %q}`, name), nil)
		}
	}
	r.call(t, http.DefaultClient, http.MethodPost, "kv/data/config", `{"data": {"schema": 1}}`, nil)
	var read struct {
		Data struct{ Data struct{ Schema int } }
	}
	r.call(t, http.DefaultClient, http.MethodGet, "kv/data/config", "", &read)
	if read.Data.Data.Schema != 1 {
		t.Fatalf("Wrote 1 and read %d", read.Data.Data.Schema)
	}
}

func TestWritesWhatItIsAskedToAFile(t *testing.T) {
	r := run(t)
	log := filepath.Join(t.TempDir(), "audit.log")
	r.call(t, http.DefaultClient, http.MethodPost, "sys/audit/file", fmt.Sprintf(`{"type": "file", "options": {"file_path": %q}}`, log), nil)
	r.call(t, http.DefaultClient, http.MethodGet, "sys/mounts", "", nil)
	text, err := os.ReadFile(log)
	if err != nil || !bytes.Contains(text, []byte(`"path":"sys/mounts"`)) {
		t.Fatalf("Expected the request in the log, got %q, %v", text, err)
	}
}

func TestSealsAndUnsealsWithItsKey(t *testing.T) {
	r := run(t)
	var status struct{ Sealed bool }
	r.call(t, http.DefaultClient, http.MethodPut, "sys/seal", "", nil)
	if r.call(t, http.DefaultClient, http.MethodGet, "sys/seal-status", "", &status); !status.Sealed {
		t.Fatal("Is not sealed")
	}
	r.call(t, http.DefaultClient, http.MethodPut, "sys/unseal", fmt.Sprintf(`{"key": %q}`, r.UnsealKey), &status)
	if status.Sealed {
		t.Fatal("Is still sealed")
	}
}

func TestServesHTTPSWithACertificateToTrust(t *testing.T) {
	r := run(t, "-tls", t.TempDir())
	pem, err := os.ReadFile(r.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", r.CA)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	var health struct{ Initialized, Sealed bool }
	r.call(t, client, http.MethodGet, "sys/health", "", &health)
	if !health.Initialized || health.Sealed {
		t.Fatalf("Is %+v", health)
	}
}

func TestEndsWithItsStandardInput(t *testing.T) {
	r := run(t)
	r.end(t)
	conn, err := http.Get(r.Address + "/v1/sys/health")
	if err == nil {
		conn.Body.Close()
		t.Fatal("Still serves")
	}
}
