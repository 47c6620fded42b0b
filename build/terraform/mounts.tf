# Documents and keys have mounts of their own: who may read policy need not see
# keys. Terraform takes neither away: with the keys gone no DS record of a parent
# has one any more.

resource "vault_mount" "documents" {
  path        = "persist"
  type        = "kv"
  options     = { version = "2" }
  description = "Policy documents of persist"
  depends_on  = [vault_audit.file]

  lifecycle {
    prevent_destroy = true
  }
}

resource "vault_kv_secret_backend_v2" "documents" {
  mount        = vault_mount.documents.path
  max_versions = 50 # what a rollback can go back to; the trail is an audit device
}

resource "vault_mount" "keys" {
  path        = "persist-keys"
  type        = "kv"
  options     = { version = "2" }
  description = "Key documents of persist"
  depends_on  = [vault_audit.file]

  lifecycle {
    prevent_destroy = true
  }
}

# All else waits for it, so that the trail has all of it. While Vault enables a
# device it also fails requests, some of them when they are done already.
resource "vault_audit" "file" {
  count = var.audit_file == "" ? 0 : 1
  type  = "file"

  options = {
    file_path = var.audit_file
  }
}
