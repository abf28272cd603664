package controller

import (
	"math"
	"slices"
	"time"

	"orrery/model"
	"orrery/sim"
)

// normalize limits what metrics propose, by what they proposed before, by how fast
// the target may be scaled, and by how many replicas it may have
// (normalizeDesiredReplicas, normalizeDesiredReplicasWithBehaviors).
func (s *scaling) normalize(proposal int32) int32 {
	h := s.hpa
	stable, name := s.stabilize(proposal)
	if stable != proposal {
		s.condition(s.now, &h.AbleToScale, model.True, name)
	} else {
		s.condition(s.now, &h.AbleToScale, model.True, "ReadyForNewScale")
	}
	desired, why := s.limit(stable)
	limited := model.False
	if desired != stable {
		limited = model.True
	}
	s.condition(s.now, &h.ScalingLimited, limited, why)
	return desired
}

// stabilize notes a proposal, and takes the highest of the last while if that is
// higher; with a behavior, also the lowest of another while if that is lower.
func (s *scaling) stabilize(proposal int32) (int32, string) {
	h := s.hpa
	up, down, after := time.Duration(0), model.DownscaleWindow, sim.Time(0)
	if h.Behavior != nil {
		up, down, after = h.Behavior.Up.Window, h.Behavior.Down.Window, 1
	}
	lowest, highest := proposal, proposal
	for _, r := range s.row.recommended {
		if h.Behavior != nil && r.last > s.now.Add(-up) {
			lowest = min(lowest, r.replicas)
		}
		if r.last >= s.now.Add(-down)+after {
			highest = max(highest, r.replicas)
		}
		if r.replicas != proposal {
			s.again(r.last.Add(up))
			s.again(r.last.Add(down) + 1 - after)
		}
	}
	s.row.recommend(s.now, proposal, max(up, down))
	if h.Behavior == nil {
		return highest, "ScaleDownStabilized"
	}
	name := "ScaleDownStabilized"
	if proposal >= s.current {
		name = "ScaleUpStabilized"
	}
	return min(max(s.current, lowest), highest), name
}

// recommend notes what a look came to, and forgets what nobody asks for any more.
func (row *autoscalerRow) recommend(now sim.Time, replicas int32, window time.Duration) {
	row.counted = true
	if n := len(row.recommended); row.recommended[n-1].replicas == replicas {
		row.recommended[n-1].last = now
		return
	}
	kept := row.recommended[:0]
	for _, r := range row.recommended {
		if r.last >= now.Add(-window) {
			kept = append(kept, r)
		}
	}
	row.recommended = append(kept, recommendation{replicas, now})
}

// limit limits how many replicas there may be next, and says by what.
func (s *scaling) limit(stable int32) (int32, string) {
	h := s.hpa
	if h.Behavior == nil {
		fastest := max(2*s.current, 4) // calculateScaleUpLimit
		switch {
		case stable < h.Min:
			return h.Min, "TooFewReplicas"
		case h.Max > fastest && stable > fastest:
			return fastest, "ScaleUpLimit"
		case h.Max <= fastest && stable > h.Max:
			return h.Max, "TooManyReplicas"
		}
		return stable, "DesiredWithinRange"
	}
	switch {
	case stable > s.current:
		fastest, why := max(s.limitOf(&h.Behavior.Up, true), s.current), "ScaleUpLimit"
		if h.Max <= fastest {
			fastest, why = h.Max, "TooManyReplicas"
		}
		if stable > fastest {
			return fastest, why
		}
	case stable < s.current:
		fastest, why := min(s.limitOf(&h.Behavior.Down, false), s.current), "ScaleDownLimit"
		if h.Min >= fastest {
			fastest, why = h.Min, "TooFewReplicas"
		}
		if stable < fastest {
			return fastest, why
		}
	}
	return stable, "DesiredWithinRange"
}

// limitOf is as far as rules let the target be scaled now
// (calculateScaleUpLimitWithScalingRules, calculateScaleDownLimitWithBehaviors).
func (s *scaling) limitOf(r *model.ScalingRules, up bool) int32 {
	if r.Select == model.SelectDisabled {
		return s.current
	}
	highest := up == (r.Select == model.SelectMax)
	limit := int32(math.MaxInt32)
	if highest {
		limit = math.MinInt32
	}
	for _, p := range r.Policies {
		start := s.current - s.within(s.row.raised, p.Period) + s.within(s.row.lowered, p.Period)
		n := start - p.Value
		switch {
		case up && p.Percent:
			n = (1 + ratio(p.Value)/100).times(int64(start))
		case up:
			n = start + p.Value
		case p.Percent:
			n = int32(ratio(start) * (1 - ratio(p.Value)/100))
		}
		if highest {
			limit = max(limit, n)
		} else {
			limit = min(limit, n)
		}
	}
	return limit
}

// within is by how much replicas changed in the last period.
func (s *scaling) within(events []scaleEvent, period time.Duration) (sum int32) {
	for _, e := range events {
		if e.at > s.now.Add(-period) {
			sum += e.change
			s.again(e.at.Add(period))
		}
	}
	return sum
}

// scaled notes a change of replicas, if anybody will ask (storeScaleEvent).
func (row *autoscalerRow) scaled(now sim.Time, h *model.HorizontalPodAutoscaler) {
	if h.Behavior == nil {
		return
	}
	if up := h.DesiredReplicas - row.from; up > 0 {
		row.raised = note(row.raised, scaleEvent{up, now}, &h.Behavior.Up)
	} else {
		row.lowered = note(row.lowered, scaleEvent{-up, now}, &h.Behavior.Down)
	}
}

// note adds an event, in place of the last that is older than every period of its own
// direction; one that stays counts in longer periods of the other.
func note(events []scaleEvent, e scaleEvent, r *model.ScalingRules) []scaleEvent {
	var longest time.Duration // getLongestPolicyPeriod
	for _, p := range r.Policies {
		longest = max(longest, p.Period)
	}
	for i := range slices.Backward(events) {
		if events[i].at < e.at.Add(-longest) { // markScaleEventsOutdated
			events[i] = e
			return events
		}
	}
	return append(events, e)
}
