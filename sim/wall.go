package sim

import "time"

// stopwatch is the one place in a run that looks at the clock on the wall. It
// can only end a run, never change what happens in it.
type stopwatch struct {
	limit   time.Duration // 0 = none
	started time.Time
	spent   time.Duration // in earlier calls of Run
}

func (w *stopwatch) start() {
	if w.limit > 0 {
		w.started = time.Now() //tidy:wall can only end a run
	}
}

func (w *stopwatch) stop() {
	if w.limit > 0 {
		w.spent += time.Since(w.started) //tidy:wall can only end a run
	}
}

func (w *stopwatch) over() bool {
	return w.limit > 0 && w.spent+time.Since(w.started) > w.limit //tidy:wall can only end a run
}
