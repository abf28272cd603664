package sim

// queue: first cut.
type queue struct {
	heap []queued
	seq  uint64
}
type queued struct {
	Event
	seq uint64
}

func (a *queued) less(b *queued) bool {
	return a.At < b.At || a.At == b.At && a.seq < b.seq
}
func (q *queue) len() int { return len(q.heap) }
func (q *queue) push(e Event) {
	q.seq++
	q.heap = append(q.heap, queued{e, q.seq})
	i := len(q.heap) - 1
	for i > 0 && q.heap[i].less(&q.heap[(i-1)/2]) {
		q.heap[i], q.heap[(i-1)/2] = q.heap[(i-1)/2], q.heap[i]
		i = (i - 1) / 2
	}
}
func (q *queue) ready(until Time) bool { return len(q.heap) > 0 && q.heap[0].At <= until }
func (q *queue) first() *Event         { return &q.heap[0].Event }
func (q *queue) drop() {
	n := len(q.heap) - 1
	q.heap[0] = q.heap[n]
	q.heap = q.heap[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			return
		}
		if c+1 < n && q.heap[c+1].less(&q.heap[c]) {
			c++
		}
		if !q.heap[c].less(&q.heap[i]) {
			return
		}
		q.heap[i], q.heap[c] = q.heap[c], q.heap[i]
		i = c
	}
}
