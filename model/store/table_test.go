package store

import "testing"

// A table keeps every row, in whatever order IDs appear.
func TestATableKeepsItsRows(t *testing.T) {
	var table Table[int]
	if table.Len() != 0 {
		t.Errorf("an empty table is %d long", table.Len())
	}
	want := map[uint32]int{}
	for i, id := range []uint32{3, 0, 1, pageRows - 1, 7 * pageRows, 5*pageRows + 9, pageRows, 2, 7*pageRows + 1} {
		*table.Row(id) = i + 1
		want[id] = i + 1
	}
	for id := range uint32(table.Len()) {
		if got := *table.Row(id); got != want[id] {
			t.Errorf("row %d is %d, want %d", id, got, want[id])
		}
	}
	if table.Len() != 7*pageRows+2 {
		t.Errorf("the table is %d long, want %d", table.Len(), 7*pageRows+2)
	}
}
