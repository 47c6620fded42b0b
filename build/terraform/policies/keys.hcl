# The administrator of the keys: makes and rolls keys. Nobody else writes the
# documents.
path "persist-keys/data/*"     { capabilities = ["create", "read", "update"] }
path "persist-keys/metadata/*" { capabilities = ["list", "read"] }
