variable "teams" {
  description = "The slugs of the teams. Each gets an identity entity with the team in its metadata, and all of them are members of one group."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for team in var.teams : can(regex("^[a-z0-9-]{1,63}$", team))])
    error_message = "A team is 1 to 63 of a-z, 0-9 and -, as in the path teams/TEAM."
  }
}

variable "team_logins" {
  description = "How the pipelines of teams log in: by team, the accessor of an auth mount, and the name that the method gives who logs in, such as the role ID of AppRole."
  type        = map(object({ mount_accessor = string, name = string }))
  default     = {}
}

variable "admins" {
  description = "The IDs of the entities of persist's admins."
  type        = set(string)
  default     = []
}

variable "key_makers" {
  description = "The IDs of the entities of those who make and roll keys."
  type        = set(string)
  default     = []
}

variable "approle_mount" {
  description = "The path at which AppRole is enabled. Where it is in use already choose another, such as persist-approle, which servers have as mount in their auth."
  type        = string
  default     = "approle"
}

variable "server_cidrs" {
  description = "The addresses of the DNS servers, to which logins and tokens are bound, such as 192.0.2.1/32. Empty: any address."
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
