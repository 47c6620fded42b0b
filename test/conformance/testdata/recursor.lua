clearDS(".")
addDS(".", "{{.DS.KeyTag}} {{.DS.Algorithm}} {{.DS.DigestType}} {{.DS.Digest}}")
