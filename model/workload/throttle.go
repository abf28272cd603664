package workload

import "orrery/model"

// quota is the CPU limit of a pod as its requests meet it.
func (w *Work) quota() model.Quota { return model.Quota{MilliRPS: w.QuotaMilliRPS, Stall: w.Stall} }

// moments is the mean of a time and its variance, in microseconds.
type moments struct{ mean, variance int64 }

// throttled is what a quota adds to the time of requests, of which fewer than it allows
// are served.
func (w *Work) throttled(served int64) (m moments) {
	m.mean, m.variance = w.quota().Waits(served)
	return m
}

// alone is what a request stands still because it needs a quota or more by itself.
func (w *Work) alone() (m moments) {
	m.mean, m.variance = w.quota().Alone()
	return m
}
