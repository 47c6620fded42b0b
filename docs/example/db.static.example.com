; A zone in which somebody has written records by hand.
$ORIGIN example.com.
$TTL 300
@                         SOA ns1.example.net. hostmaster.example.net. 1 7200 1800 86400 60
@                         NS  ns1.example.net.
www                       A   192.0.2.1
_validation-persist.www   TXT "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/123"
_validation-persist.mail  TXT ( "letsencrypt.org;accounturi=https://acme-v02.api.letsencrypt.org"
                                "/acme/acct/123; policy=wildcard" )
