variable "teams" {
  description = "The slugs of the teams. Each gets an identity entity with the team in its metadata, and all of them are members of one group."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for team in var.teams : can(regex("^[a-z0-9-]{1,63}$", team))])
    error_message = "A team is 1 to 63 of a-z, 0-9 and -, as in the path teams/TEAM."
  }
}

variable "server_cidrs" {
  description = "The addresses of the DNS servers, to which logins and tokens are bound. Empty: any address."
  type        = list(string)
  default     = []
}

variable "pipeline_cidrs" {
  description = "The addresses of the pipeline that runs persistctl apply, likewise."
  type        = list(string)
  default     = []
}

variable "audit_file" {
  description = "The file of the audit device. Empty: the Vault has one already."
  type        = string
  default     = ""
}
