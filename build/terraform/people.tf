# Who admits CAs and teams, and brakes, and who makes and rolls keys: people whose
# entities there are already, from your own way to log in.

resource "vault_identity_group" "admins" {
  name              = "persist-admins"
  type              = "internal"
  policies          = [vault_policy.persist["admin"].name, vault_policy.persist["reader"].name]
  member_entity_ids = var.admins
}

resource "vault_identity_group" "keys" {
  name              = "persist-keys"
  type              = "internal"
  policies          = [vault_policy.persist["keys"].name]
  member_entity_ids = var.key_makers
}
