package record

// Normalize is what names are normalised by, and NormalizeAny the same without
// its short cut.
var Normalize, NormalizeAny = normalize, normalizeAny
