package scheduler

// prioritySort takes the pod of the highest priority first, and of equal ones
// the one that has waited longest
// (pkg/scheduler/framework/plugins/queuesort/priority_sort.go).
type prioritySort struct{}

func newPrioritySort(*Handle) Plugin { return prioritySort{} }

func (prioritySort) Name() string { return "PrioritySort" }

// Less implements QueueSortPlugin.
func (prioritySort) Less(a, b *QueuedPodInfo) bool {
	return a.Priority > b.Priority || a.Priority == b.Priority && a.Timestamp < b.Timestamp
}
