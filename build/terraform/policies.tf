# The files are what persistctl vault-policy prints, for the mounts persist and
# persist-keys and the key document example. For others print them anew:
#
#   persistctl vault-policy server --keys persist-keys/NAME > policies/server.hcl

locals {
  policies = toset(["admin", "apply", "keys", "reader", "server", "team"])
}

resource "vault_policy" "persist" {
  for_each = local.policies
  name     = "persist-${each.key}"
  policy   = file("${path.module}/policies/${each.key}.hcl")

  depends_on = [vault_audit.file]
}
