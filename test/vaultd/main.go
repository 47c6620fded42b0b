// Vaultd is a real Vault server for tests: in memory or in files, initialised and
// unsealed, with the KV and transit secrets engines, the AppRole, cert, JWT,
// Kubernetes and userpass auth methods, and the file audit device. It prints one
// line of JSON on standard output, which says how to reach it, and serves until
// its standard input ends or it is asked to terminate.
//
// It is a module of its own because Vault's dependencies must never be those
// of the plugin. Nothing is built from it but what tests need.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// greeting is the line on standard output.
type greeting struct {
	Address   string `json:"address"`
	RootToken string `json:"root_token,omitempty"`
	UnsealKey string `json:"unseal_key,omitempty"` // in hexadecimal
	CA        string `json:"ca,omitempty"`         // PEM file that vouches for the server
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("vaultd: ")
	listen := flag.String("listen", "127.0.0.1:0", "`address` to serve on")
	tlsDir := flag.String("tls", "", "serve https and write the certificate to `directory`/ca.pem")
	data := flag.String("data", "", "keep what is stored in files of `directory`, to be copied and put back while the server is sealed; one that was used before is served sealed")
	verbose := flag.Bool("v", false, "show the server's log on standard error")
	flag.Parse()
	if err := serve(*listen, *tlsDir, *data, *verbose); err != nil {
		log.Fatal(err)
	}
}

func serve(address, tlsDir, data string, verbose bool) error {
	level := hclog.Off
	if verbose {
		level = hclog.Info
	}
	core, hello, err := start(data, hclog.New(&hclog.LoggerOptions{Level: level, Output: os.Stderr}))
	if err != nil {
		return err
	}
	defer core.Shutdown()
	listener, err := listenOn(address, tlsDir, hello)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler(core),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() {
		awaitEnd()
		server.Close()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(hello); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler is Vault's HTTP API. It asks its listener's settings what to hide,
// and does not ask whether there are any.
func handler(core *vault.Core) http.Handler {
	return vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}})
}

// start makes a Vault that is initialised and unsealed. Over data of before it
// is sealed, as every Vault that is started again: the keys are known to whoever
// started it first.
func start(data string, logger hclog.Logger) (*vault.Core, *greeting, error) {
	storage, err := newStorage(data, logger)
	if err != nil {
		return nil, nil, err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical:           storage,
		LogicalBackends:    secretsEngines,
		CredentialBackends: authMethods,
		AuditBackends:      auditDevices,
		BuiltinRegistry:    registry{},
		DisableMlock:       true,
		Logger:             logger,
	})
	if err != nil {
		return nil, nil, err
	}
	used, err := core.Initialized(context.Background())
	if err != nil || used {
		return core, &greeting{}, err
	}
	hello, err := initialise(core)
	return core, hello, err
}

// initialise makes the keys of a new Vault and unseals it.
func initialise(core *vault.Core) (*greeting, error) {
	shares := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
	made, err := core.Initialize(context.Background(), &vault.InitParams{BarrierConfig: shares, RecoveryConfig: shares})
	if err != nil {
		return nil, fmt.Errorf("initialising: %w", err)
	}
	if _, err := core.Unseal(bytes.Clone(made.SecretShares[0])); err != nil {
		return nil, fmt.Errorf("unsealing: %w", err)
	}
	return &greeting{RootToken: made.RootToken, UnsealKey: hex.EncodeToString(made.SecretShares[0])}, nil
}

// newStorage stores in the directory data, or in memory where none is named.
func newStorage(data string, logger hclog.Logger) (physical.Backend, error) {
	if data == "" {
		return inmem.NewInmem(nil, logger)
	}
	return file.NewFileBackend(map[string]string{"path": data}, logger)
}

// listenOn opens the listener and notes in hello how to reach it.
func listenOn(address, tlsDir string, hello *greeting) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	hello.Address = "http://" + listener.Addr().String()
	if tlsDir == "" {
		return listener, nil
	}
	certificate, file, err := newCertificate(tlsDir)
	if err != nil {
		return nil, err
	}
	hello.Address, hello.CA = "https://"+listener.Addr().String(), file
	return tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequestClientCert, // the cert auth method asks for it
		NextProtos:   []string{"h2", "http/1.1"},
		MinVersion:   tls.VersionTLS12,
	}), nil
}

// awaitEnd returns when standard input ends, as it does when the process that
// holds its other end does, or when the process is asked to terminate.
func awaitEnd() {
	ended := make(chan os.Signal, 2)
	signal.Notify(ended, os.Interrupt, syscall.SIGTERM)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended <- os.Interrupt
	}()
	<-ended
}
