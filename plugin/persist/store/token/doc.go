// Package token keeps a token of Vault alive: it decides when to renew it, when
// to log in anew, and which token is sent meanwhile.
//
// Nothing runs in the background. Whoever wants to send a request asks for a
// token, and what is due is done then, by one of those who ask while the others
// go on with the token they have. Requests come more often than tokens run out,
// and where they do not, the next one logs in.
package token
