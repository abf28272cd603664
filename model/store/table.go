package store

// Table is rows by dense ID, growing as IDs appear. The row of an ID never
// seen is the zero value.
type Table[T any] struct{ rows []T }

// Row is the row of id, which may be written until the next call of Row.
func (t *Table[T]) Row(id uint32) *T {
	for int(id) >= len(t.rows) {
		var zero T
		t.rows = append(t.rows, zero)
	}
	return &t.rows[id]
}

// Len is one more than the largest ID seen.
func (t *Table[T]) Len() int { return len(t.rows) }
