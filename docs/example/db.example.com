$ORIGIN example.com.
$TTL 3600
@    SOA ns1.example.net. hostmaster.example.net. 2026112501 7200 1800 86400 60
@    NS  ns1.example.net.
@    NS  ns2.example.net.
www  A   192.0.2.1
