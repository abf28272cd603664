package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// progress draws how far a run is, on a terminal, a few times a second.
type progress struct {
	w       io.Writer
	title   string
	end     sim.Time
	started time.Time
	drawn   time.Time
}

const (
	progressEvery = 100 * time.Millisecond
	progressWidth = 24
)

func newProgress(c *console, title string, end sim.Time) *progress {
	if !c.terminal {
		return nil
	}
	now := time.Now()
	return &progress{w: c.err, title: title, end: end, started: now, drawn: now}
}

// draw is a sim.Progress. Without a terminal p is nil and nothing is drawn.
func (p *progress) draw(now sim.Time, events uint64) {
	if p == nil {
		return
	}
	t := time.Now()
	if t.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn = t
	done := 0
	if p.end > 0 {
		done = int(int64(now) / (int64(p.end)/progressWidth + 1))
	}
	done = min(done, progressWidth)
	rate := float64(events) / max(t.Sub(p.started).Seconds(), 0.001)
	fmt.Fprintf(p.w, "\r\x1b[K%s [%s%s] %v of %v  %s events, %s/s", p.title,
		strings.Repeat("#", done), strings.Repeat(".", progressWidth-done), now, p.end, short(float64(events)), short(rate))
}

// bar draws how many of several runs are done, on a terminal.
type bar struct {
	w     io.Writer
	title string
	total int
}

func newBar(c *console, title string, total int) *bar {
	if !c.terminal {
		return nil
	}
	b := &bar{w: c.err, title: title, total: total}
	b.draw(0)
	return b
}

// draw shows that so many runs are done. Without a terminal b is nil.
func (b *bar) draw(done int) {
	if b == nil {
		return
	}
	n := done * progressWidth / b.total
	fmt.Fprintf(b.w, "\r\x1b[K%s [%s%s] %d of %s", b.title, strings.Repeat("#", n), strings.Repeat(".", progressWidth-n), done, model.Counted(int64(b.total), "run"))
}

func (b *bar) clear() {
	if b != nil {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// clear wipes the line for what is printed next.
func (p *progress) clear() {
	if p != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func short(n float64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.1fM", n/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1fk", n/1e3)
	}
	return fmt.Sprintf("%.0f", n)
}
