package store

// Table is rows by dense ID, growing as IDs appear. The row of an ID never
// seen is the zero value.
//
// Rows lie in pages, which are never copied when the table grows. Only the first
// page starts small, because many tables stay so.
type Table[T any] struct {
	pages [][]T
	n     int
}

const pageRows = 1024

// Row is the row of id, which may be written until the next call of Row.
func (t *Table[T]) Row(id uint32) *T {
	if int(id) >= t.n {
		t.grow(int(id) + 1)
	}
	return &t.pages[id/pageRows][id%pageRows]
}

func (t *Table[T]) grow(n int) {
	t.n = n
	if len(t.pages) == 0 {
		t.pages = append(t.pages, nil)
	}
	if first := min(n, pageRows); first > len(t.pages[0]) {
		t.pages[0] = append(t.pages[0], make([]T, first-len(t.pages[0]))...)
	}
	for len(t.pages)*pageRows < n {
		t.pages = append(t.pages, make([]T, pageRows))
	}
}

// Len is one more than the largest ID seen.
func (t *Table[T]) Len() int { return t.n }
