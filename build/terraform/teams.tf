# One policy serves all teams: it reads the team from the metadata of the entity
# that a token belongs to. An entity has one team; whoever is in several has an
# entity for each, or a policy of persistctl vault-policy team --team TEAM.
#
# The entity here is for the team's own pipeline. How it logs in, by AppRole,
# Kubernetes or JWT, is an alias on your auth mount.
#
# Whoever may write the metadata of entities, or their aliases, holds every team.

resource "vault_identity_entity" "team" {
  for_each = var.teams
  name     = "persist-team-${each.key}"

  metadata = {
    persist_team = each.key
  }

  depends_on = [vault_audit.file]
}

resource "vault_identity_group" "teams" {
  name              = "persist-teams"
  type              = "internal"
  policies          = [vault_policy.persist["team"].name, vault_policy.persist["reader"].name]
  member_entity_ids = [for entity in vault_identity_entity.team : entity.id]
}

resource "vault_identity_entity_alias" "team" {
  for_each       = var.team_logins
  name           = each.value.name
  mount_accessor = each.value.mount_accessor
  canonical_id   = vault_identity_entity.team[each.key].id

  lifecycle {
    precondition {
      condition     = contains(var.teams, each.key)
      error_message = "team_logins has ${each.key}, and teams has not: add it there, or remove its login."
    }
  }
}
