package scheduler

// lane is where an active pod waits: with the others of its tenant, among whom the
// order stays, if tenants are weighed against each other.
func (q *queue) lane(r *podRow) *podHeap {
	if q.sharing == nil {
		return &q.activeQ
	}
	t := int(q.sharing.Tenant(r.pod))
	for t >= len(q.tenants) {
		q.tenants = append(q.tenants, podHeap{less: q.activeQ.less})
	}
	return &q.tenants[t]
}

// nextActive is the heap whose head is the next active pod, and that head; nil if
// there is none.
func (q *queue) nextActive() (*podHeap, *QueuedPodInfo) {
	h := &q.activeQ
	e := q.head(h)
	for i := range q.tenants {
		if x := q.head(&q.tenants[i]); x != nil && (e == nil || q.activeQ.less(x, e)) {
			h, e = &q.tenants[i], x
		}
	}
	return h, e
}
