package runtime

import (
	"time"

	"orrery/model"
)

// Period is how long a quota of CPU time is for (pkg/kubelet/cm/helpers_linux.go
// QuotaPeriod).
const Period = 100 * time.Millisecond

// Throttled is how long something takes that runs on so many threads for d, each on a
// free core, under a limit, both in milli-CPU: in each period it may use so much CPU
// time, and when that is gone it stands still until the next, of which the first
// begins with it.
func Throttled(d time.Duration, threads, limit int64) time.Duration {
	limit = max(limit, model.LeastCPULimit)
	if limit >= threads || d <= 0 {
		return d
	}
	// In a period it runs for Period*limit/threads.
	runs := time.Duration(scale(int64(Period), limit, threads))
	full := (d - 1) / runs
	return full*Period + d - full*runs
}

// RequestTime is how long a request keeps a container's threads busy: on free cores;
// spread evenly, as far as the limit allows; and how long it stands still each time it
// has used up a quota. limit is in milli-CPU, 0 for none.
func RequestTime(b *Behavior, limit int64) (alone, even, stall time.Duration) {
	threads := max(b.Threads, 1)
	cost := time.Duration(b.CPUMicroPerRPS) * time.Microsecond
	alone = cost / time.Duration(threads)
	if limit == 0 || limit >= 1000*threads {
		return alone, alone, 0
	}
	limit = max(limit, model.LeastCPULimit)
	return alone, cost * 1000 / time.Duration(limit), Period - time.Duration(scale(int64(Period), limit, 1000*threads))
}
