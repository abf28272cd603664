package report

import "strings"

// suggest is the known word most like the one that was written, or "" if none
// is near: at most two typing mistakes apart (one for words up to four
// letters), or the only one that begins like it.
func suggest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least := "", 3
	if len(word) <= 4 {
		least = 2
	}
	for _, k := range known {
		if d := mistakes(word, k); d < least {
			best, least = k, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	for _, k := range known {
		if strings.HasPrefix(k, word) || strings.HasPrefix(word, k) {
			if best != "" {
				return ""
			}
			best = k
		}
	}
	return best
}

// mistakes is the Damerau-Levenshtein distance with adjacent transpositions:
// how many letters were added, left out, changed or swapped.
func mistakes(a, b string) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// didYouMean is a hint to append to an error about an unknown word, or "".
func didYouMean(word string, known []string) string {
	if s := suggest(word, known); s != "" {
		return "; did you mean " + Escape(s) + "?"
	}
	return ""
}
