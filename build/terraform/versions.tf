# The state holds policies, role IDs and the IDs of entities, and no secret: secret
# IDs, tokens, documents and keys are not made here. It lands in terraform.tfstate
# unless you add a backend; nobody else is to write it, for the next apply, by an
# administrator of Vault, goes by it.
terraform {
  required_version = ">= 1.5"

  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 5.0, < 6.0"
    }
  }
}
