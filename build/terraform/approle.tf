locals {
  # What Vault refuses half-way through, or would give back in other words, so that
  # every plan found something to change.
  odd_cidrs = [
    for cidr in concat(var.server_cidrs, var.pipeline_cidrs) : cidr
    if try("${cidrhost(cidr, 0)}/${split("/", cidr)[1]}", "") != cidr
  ]
}

resource "vault_auth_backend" "approle" {
  type = "approle"
  path = var.approle_mount

  depends_on = [vault_audit.file]

  lifecycle {
    precondition {
      condition     = length(local.odd_cidrs) == 0
      error_message = "No network in server_cidrs or pipeline_cidrs: ${join(", ", local.odd_cidrs)}. Write each as ADDRESS/LENGTH with no bit set behind the length, and IPv6 as RFC 5952 has it: 192.0.2.1/32, 2001:db8::/32."
    }
  }
}

# The DNS server. It renews its token at two thirds of its life.
resource "vault_approle_auth_backend_role" "server" {
  backend                 = vault_auth_backend.approle.path
  role_name               = "persist-server"
  token_policies          = [vault_policy.persist["server"].name]
  token_period            = 3600
  token_no_default_policy = true
  token_bound_cidrs       = var.server_cidrs
  secret_id_bound_cidrs   = var.server_cidrs
}

# The pipeline that runs persistctl apply. Its tokens are for one run.
resource "vault_approle_auth_backend_role" "apply" {
  backend                 = vault_auth_backend.approle.path
  role_name               = "persist-apply"
  token_policies          = [vault_policy.persist["apply"].name]
  token_ttl               = 900
  token_max_ttl           = 900
  token_no_default_policy = true
  token_bound_cidrs       = var.pipeline_cidrs
  secret_id_bound_cidrs   = var.pipeline_cidrs
}

output "server_role_id" {
  description = "For the file ROLE_ID_FILE of the Corefile. Have the orchestrator deliver the secret ID: in a state it would be for everybody to read."
  value       = vault_approle_auth_backend_role.server.role_id
}

output "apply_role_id" {
  description = "For the pipeline."
  value       = vault_approle_auth_backend_role.apply.role_id
}
