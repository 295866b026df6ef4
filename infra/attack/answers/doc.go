// Package answers has receivers that answer badly: without end, slowly, in a lie. What they cost is bounded, and the
// record of the attempt says what they did.
package answers
