package report

import (
	"strings"
	"unicode/utf8"
)

// table is cells to be written below each other. Cells are escaped when they
// are added, so a name can neither break a line nor shift a column.
type table struct {
	rows  [][]string
	right []bool // by column: whether it is set to the right
}

func (t *table) row(cells ...string) {
	for i := range cells {
		cells[i] = Escape(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// lines sets the cells, two spaces apart; nothing ends in a space.
func (t *table) lines() []string {
	var widths []int
	for _, r := range t.rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	var out []string
	for _, r := range t.rows {
		var b strings.Builder
		for i, c := range r {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if i > 0 {
				b.WriteString("  ")
			}
			if i < len(t.right) && t.right[i] {
				b.WriteString(gap + c)
			} else {
				b.WriteString(c + gap)
			}
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return out
}
