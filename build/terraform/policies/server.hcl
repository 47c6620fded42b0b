# The DNS server of persist: it reads documents and keys, and writes nothing.
path "persist/data/config"     { capabilities = ["read"] }
path "persist/data/control"    { capabilities = ["read"] }
path "persist/data/index"      { capabilities = ["read"] }
path "persist/data/issuers/*"  { capabilities = ["read"] }
path "persist/data/teams/*"    { capabilities = ["read"] }
path "persist/data/accounts/*" { capabilities = ["read"] }
path "persist/metadata/*"      { capabilities = ["list"] }

# Its key document, and no other, with the bundles where the KSK is kept away.
path "persist-keys/data/example"         { capabilities = ["read"] }
path "persist-keys/data/example-bundles" { capabilities = ["read"] }

# Its own token, which it renews, and gives back, where it logs in by itself.
path "auth/token/renew-self"  { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
