# The team TEAM: writes its own accounts. It cannot erase their history.
path "persist/data/accounts/TEAM/+/+"     { capabilities = ["create", "read", "update", "patch", "delete"] }
path "persist/undelete/accounts/TEAM/+/+" { capabilities = ["update"] }
path "persist/metadata/accounts/TEAM/*"   { capabilities = ["read", "list"] }

# Has servers look again within seconds.
path "persist/data/index" { capabilities = ["create", "update"] }
