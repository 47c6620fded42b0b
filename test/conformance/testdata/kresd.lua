net.ipv6 = false
net.listen('127.0.0.1', {{.Port}}, { kind = 'dns' })
cache.open(50 * MB, 'lmdb://{{.Dir}}')
trust_anchors.remove('.')
trust_anchors.add([[{{.DS}}]])
modules = { 'hints', 'bogus_log' }
hints.root_file('{{.Hints}}')
option('ALLOW_LOCAL', true)
-- It would forget everything when its clock moves on.
modules.unload('detect_time_jump')
-- What asks the root of the world.
modules.unload('detect_time_skew')
modules.unload('ta_update')
modules.unload('ta_signal_query')
modules.unload('priming')
