package strict

import (
	"slices"
	"strings"
)

// DidYouMean is `; did you mean "duration"?` if one of the known words is close
// to word, or "". It is made to end a message.
func DidYouMean(word string, known []string) string {
	if s := Suggest(word, known); s != "" {
		return "; did you mean " + Quote(s) + "?"
	}
	return ""
}

// Suggest is the known word that word is most likely a misspelling of, or "": the
// same but for case, "-" and "_"; else one at most two slips of the finger away
// (one for a short word); else the one that word begins, or that begins word.
// Among equals the first in the alphabet wins.
func Suggest(word string, known []string) string {
	sorted := slices.Sorted(slices.Values(known))
	w := fold(word)
	if len(w) < 2 || len(w) > 64 {
		return ""
	}
	best, slips := "", 3
	if len(w) <= 4 {
		slips = 2
	}
	for _, k := range sorted {
		if d := distance(w, fold(k)); d < slips {
			best, slips = k, d
		}
	}
	if best != "" {
		return best
	}
	for _, k := range sorted {
		f := fold(k)
		if len(f) > 2 && strings.HasPrefix(w, f) || len(w) > 2 && strings.HasPrefix(f, w) {
			return k
		}
	}
	return ""
}

func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s))
}

// distance counts the slips (a letter lost, added or changed, two neighbours
// swapped) from a to b: Damerau-Levenshtein in its restricted form. It works on
// bytes, which is right for the ASCII words we know.
func distance(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	var old, last, row []int
	for j := range len(b) + 1 {
		last = append(last, j)
	}
	for i := 1; i <= len(a); i++ {
		row = append(make([]int, 0, len(b)+1), i)
		for j := 1; j <= len(b); j++ {
			d := last[j-1]
			if a[i-1] != b[j-1] {
				d++
			}
			d = min(d, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, old[j-2]+1)
			}
			row = append(row, d)
		}
		old, last = last, row
	}
	return last[len(b)]
}
