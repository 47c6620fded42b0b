# A team of persist: writes its own accounts. It cannot erase their history.
path "persist/data/accounts/{{identity.entity.metadata.persist_team}}/+/+"     { capabilities = ["create", "read", "update", "patch", "delete"] }
path "persist/delete/accounts/{{identity.entity.metadata.persist_team}}/+/+"   { capabilities = ["update"] }
path "persist/undelete/accounts/{{identity.entity.metadata.persist_team}}/+/+" { capabilities = ["update"] }
path "persist/metadata/accounts/{{identity.entity.metadata.persist_team}}/*"   { capabilities = ["list", "read"] }

# Sees what it may claim, with which CAs, and what is stopped.
path "persist/data/teams/{{identity.entity.metadata.persist_team}}"  { capabilities = ["read"] }
path "persist/data/issuers/*"        { capabilities = ["read"] }
path "persist/data/control"          { capabilities = ["read"] }
path "persist/metadata/issuers/*"    { capabilities = ["list"] }

# Has servers look again within seconds.
path "persist/data/index" { capabilities = ["create", "read", "update"] }
