# Vault Agent logs in by AppRole, keeps the token in vault-token up to date, and
# adds it to requests that come over agent.sock without one.
pid_file = "agent.pid"

auto_auth {
  method "approle" {
    config = {
      role_id_file_path                   = "role-id"
      secret_id_file_path                 = "secret-id"
      remove_secret_id_file_after_reading = false
    }
  }
  sink "file" {
    config = {
      path = "vault-token"
      mode = 0640
    }
  }
}

api_proxy {
  use_auto_auth_token = true
}

listener "unix" {
  address                = "agent.sock"
  tls_disable            = true
  require_request_header = true
}
