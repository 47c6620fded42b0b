$ORIGIN example.com.
$TTL 3600
@    SOA ns1.example.net. hostmaster.example.net. 2026112501 7200 1800 86400 60
@    NS  ns1.example.net.
@    NS  ns2.example.net.
@    CAA 0 issue "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/123; validationmethods=dns-persist-01"
@    CAA 0 issuewild "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/123; validationmethods=dns-persist-01"
www  A   192.0.2.1
