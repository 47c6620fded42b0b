# The pipeline that runs persistctl apply: it writes documents of every kind by
# check-and-set, and deletes versions that it has read.
path "persist/data/config"     { capabilities = ["create", "read", "update"] }
path "persist/data/control"    { capabilities = ["create", "read", "update"] }
path "persist/data/index"      { capabilities = ["create", "read", "update"] }
path "persist/data/issuers/*"  { capabilities = ["create", "read", "update"] }
path "persist/data/teams/*"    { capabilities = ["create", "read", "update"] }
path "persist/data/accounts/*" { capabilities = ["create", "read", "update"] }

path "persist/delete/issuers/*"  { capabilities = ["update"] }
path "persist/delete/teams/*"    { capabilities = ["update"] }
path "persist/delete/accounts/*" { capabilities = ["update"] }

path "persist/metadata/*" { capabilities = ["list"] }
