# The admin of persist: says which CAs and teams there are, and holds the brakes.
path "persist/data/config"    { capabilities = ["create", "read", "update", "patch"] }
path "persist/data/control"   { capabilities = ["create", "read", "update", "patch"] }
path "persist/data/index"     { capabilities = ["create", "read", "update", "patch"] }
path "persist/data/issuers/*" { capabilities = ["create", "read", "update", "patch", "delete"] }
path "persist/data/teams/*"   { capabilities = ["create", "read", "update", "patch", "delete"] }

# Reads what teams write and can take it back, but writes none of it.
path "persist/data/accounts/*" { capabilities = ["read", "delete"] }

# Deletes versions, undoes deletions, and reads histories, which it cannot erase.
path "persist/delete/issuers/*"  { capabilities = ["update"] }
path "persist/delete/teams/*"    { capabilities = ["update"] }
path "persist/delete/accounts/*" { capabilities = ["update"] }
path "persist/undelete/*"        { capabilities = ["update"] }
path "persist/metadata/*"        { capabilities = ["list", "read"] }

# Its own token, whose name stands beside a stop.
path "auth/token/lookup-self" { capabilities = ["read"] }
