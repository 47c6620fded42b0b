# The administrator of the keys: makes key documents. Nobody else writes them.
path "persist-keys/data/*"     { capabilities = ["create", "read", "update"] }
path "persist-keys/metadata/*" { capabilities = ["read", "list"] }
