# The admin of persist: says which CAs and teams there are, and holds the brakes.
path "persist/data/config"      { capabilities = ["create", "read", "update", "patch"] }
path "persist/data/control"     { capabilities = ["create", "read", "update", "patch"] }
path "persist/data/index"       { capabilities = ["create", "read", "update", "patch"] }
path "persist/data/issuers/*"   { capabilities = ["create", "read", "update", "patch", "delete"] }
path "persist/data/teams/*"     { capabilities = ["create", "read", "update", "patch", "delete"] }

# Reads what teams write and can take it back, but writes none of it.
path "persist/data/accounts/*"  { capabilities = ["read", "delete"] }

# Reads histories, and undoes deletions.
path "persist/metadata/*"       { capabilities = ["read", "list"] }
path "persist/undelete/*"       { capabilities = ["update"] }
