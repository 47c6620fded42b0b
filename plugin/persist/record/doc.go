// Package record is the dns-persist-01 record: the names it stands at, its
// text, and what a CA makes of it. Everything in it is pure: an instant is a
// parameter, and nothing is looked up.
//
// What is written is narrower than what is read. Render knows one spelling of
// a record and Parse accepts no other, because validators differ in what they
// tolerate. Judge reads as they do, so that the record of somebody else, or a
// misspelt one, can be explained.
package record
