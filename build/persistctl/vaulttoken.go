package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/coredns-persist/persist/plugin/persist/store"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/cliconfig"
)

// openVault returns the Vault that cfg describes, which is sent the token that
// the vault command would send.
func openVault(cfg store.VaultConfig) (*store.Vault, error) {
	if os.Getenv(api.EnvVaultToken) != "" {
		return store.NewVault(cfg)
	}
	held, err := heldToken()
	switch {
	case err != nil:
		return nil, err
	case held != "":
		cfg.Token = held
	case cfg.Address == "" && os.Getenv(api.EnvVaultAgentAddr) != "":
		cfg.Auth = "agent"
	default:
		return nil, fmt.Errorf("there is no token for Vault: log in (vault login), or set %s; where a Vault Agent or Proxy adds its own, set %s to its address", api.EnvVaultToken, api.EnvVaultAgentAddr)
	}
	return store.NewVault(cfg)
}

// heldToken returns what vault login has left with the token helper: in
// ~/.vault-token, unless ~/.vault or VAULT_CONFIG_PATH names another helper.
// Empty: nobody is logged in.
func heldToken() (string, error) {
	helper, err := cliconfig.DefaultTokenHelper()
	if err != nil {
		return "", fmt.Errorf("the settings of the vault command, which say where vault login keeps the token: %w: mend them, or set %s", err, api.EnvVaultToken)
	}
	held, err := helper.Get()
	if err != nil {
		return "", fmt.Errorf("the token that vault login keeps cannot be had from %s: %w: log in again (vault login), or set %s", helper.Path(), err, api.EnvVaultToken)
	}
	return strings.TrimSpace(held), nil
}
