package main

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scriptedCA is an HTTPS server that answers as the handlers of a test say, and
// the file of its root. HTTP/1.1 is enough.
type scriptedCA struct {
	*http.ServeMux

	url, root string
}

func newScriptedCA(t *testing.T) *scriptedCA {
	t.Helper()
	ca := &scriptedCA{ServeMux: http.NewServeMux(), root: filepath.Join(t.TempDir(), "ca.pem")}
	server := httptest.NewTLSServer(ca)
	t.Cleanup(server.Close)
	ca.url = server.URL
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca.root, root, 0o600); err != nil {
		t.Fatal(err)
	}
	return ca
}

// says has the CA answer GET requests for path with text, in which CA is its own
// URL.
func (ca *scriptedCA) says(path, text string) {
	ca.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.ReplaceAll(text, "CA/", ca.url+"/"))
	})
}

// directoryWith is a directory with members of meta.
func directoryWith(meta string) string {
	return `{"newNonce": "CA/nonce", "newAccount": "CA/new-account", "newOrder": "CA/new-order", "meta": {` + meta + `}}`
}
