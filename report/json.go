package report

import (
	"encoding/json"
	"io"
	"unicode/utf8"

	"orrery/sim"
)

// The JSON report. Fields are in alphabetical order, times and durations are
// integers of virtual nanoseconds whose names say so, lists are never null.

type jsonReport struct {
	About     string          `json:"about"`
	Digest    string          `json:"digest"`
	EndNS     sim.Time        `json:"endNs"`
	Events    uint64          `json:"events"`
	Expect    []jsonVerdict   `json:"expect"`
	Failed    int             `json:"failed"`
	Format    string          `json:"format"`
	Held      bool            `json:"held"`
	Jobs      jsonJobs        `json:"jobs"`
	Nodes     jsonNodes       `json:"nodes"`
	Pods      jsonPods        `json:"pods"`
	Records   int             `json:"records"`
	Scenario  string          `json:"scenario"`
	Seed      uint64          `json:"seed"`
	Stopped   string          `json:"stopped"`
	Timeline  []jsonMoment    `json:"timeline"`
	Throttled []jsonThrottled `json:"throttled,omitempty"`
	Traffic   []jsonTraffic   `json:"traffic"`
	Workloads []jsonWorkload  `json:"workloads"`
}

// jsonTraffic is in parts of a billion of the requests that are sent to a Service, or,
// of where they go, of those from nodes that have an endpoint to go to.
type jsonTraffic struct {
	AttemptsPPB        int64            `json:"attemptsPpb"`  // for each request
	BusyPPM            int64            `json:"busyPpm"`      // at most
	CrossZonePPB       *int64           `json:"crossZonePpb"` // null if none come from nodes, or there is one zone
	FromNS             sim.Time         `json:"fromNs"`
	LostPPB            map[string]int64 `json:"lostPpb"` // by cause
	MaxMilliRPS        int64            `json:"maxMilliRPS"`
	MeanMilliRPS       int64            `json:"meanMilliRPS"`
	Name               string           `json:"name"`
	P50NS              int64            `json:"p50Ns"`
	P99NS              int64            `json:"p99Ns"`
	SameNodePPB        *int64           `json:"sameNodePpb"` // null if none come from nodes, or through them
	SameZonePPB        *int64           `json:"sameZonePpb"` // as crossZonePpb
	ServedPPB          int64            `json:"servedPpb"`
	WorstMinuteP99AtNS sim.Time         `json:"worstMinuteP99AtNs"`
	WorstMinuteP99NS   int64            `json:"worstMinuteP99Ns"`
	WorstServedAtNS    sim.Time         `json:"worstServedAtNs"` // the minute
	WorstServedPPB     int64            `json:"worstServedPpb"`
}

func (t *TrafficEnd) json(from sim.Time) jsonTraffic {
	j := jsonTraffic{
		AttemptsPPB: t.Attempts, BusyPPM: t.BusyPPM, FromNS: from, LostPPB: map[string]int64{}, MaxMilliRPS: t.MaxMilliRPS, MeanMilliRPS: t.MeanMilliRPS,
		Name: t.Name, P50NS: int64(t.P50), P99NS: int64(t.P99), ServedPPB: t.Served,
		WorstMinuteP99AtNS: t.WorstP99At, WorstMinuteP99NS: int64(t.WorstP99), WorstServedAtNS: t.WorstServedAt, WorstServedPPB: t.WorstServed,
	}
	for i := range causes {
		j.LostPPB[causes[i].name] = t.Lost[i]
	}
	if t.Placed {
		j.SameNodePPB = &t.SameNode
	}
	if t.Zoned {
		j.CrossZonePPB, j.SameZonePPB = &t.Crossed, &t.SameZone
	}
	return j
}

type jsonWorkload struct {
	Available    int64  `json:"available"`
	Complete     bool   `json:"complete"`
	CrashLooping int64  `json:"crashLooping"`
	Desired      int64  `json:"desired"`
	Evicted      int64  `json:"evicted"`
	Name         string `json:"name"`
	Ready        int64  `json:"ready"`
	Restarts     int64  `json:"restarts"`
	Updated      int64  `json:"updated"`
}

type jsonVerdict struct {
	AtNS     *sim.Time   `json:"atNs"` // null if no moment broke it
	Before   []string    `json:"before"`
	Column   int         `json:"column"`
	Expr     string      `json:"expr"`
	File     string      `json:"file"`
	Held     bool        `json:"held"`
	ID       string      `json:"id"`
	Line     int         `json:"line"`
	Measured string      `json:"measured"`
	Metric   string      `json:"metric"`
	Object   string      `json:"object"`
	Reason   string      `json:"reason"`
	Why      string      `json:"why"`
	WindowNS [2]sim.Time `json:"windowNs"`
}

type jsonNodes struct {
	ControlPlane int64    `json:"controlPlane"`
	NotReady     []string `json:"notReady"`
	Total        int64    `json:"total"`
}

type jsonJobs struct {
	Active    int64 `json:"active"`
	Completed int64 `json:"completed"`
	Failed    int64 `json:"failed"`
}

type jsonPods struct {
	Failed      int64 `json:"failed"`
	Pending     int64 `json:"pending"`
	Ready       int64 `json:"ready"`
	Running     int64 `json:"running"`
	Succeeded   int64 `json:"succeeded"`
	Terminating int64 `json:"terminating"`
}

type jsonMoment struct {
	AtNS    sim.Time `json:"atNs"`
	Text    string   `json:"text"`
	UntilNS sim.Time `json:"untilNs"`
}

// jsonFormat names the layout, so that readers can tell when it changes.
const jsonFormat = "orrery.report/v1"

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	out := jsonReport{
		About: r.About, Digest: r.Digest, EndNS: r.End, Events: r.Events, Failed: r.Failed(), Format: jsonFormat,
		Held: r.Held(), Records: r.Records, Scenario: r.Scenario, Seed: r.Seed, Stopped: r.Stopped,
		Jobs:  jsonJobs{Active: r.Jobs.Active, Completed: r.Jobs.Completed, Failed: r.Jobs.Failed},
		Nodes: jsonNodes{ControlPlane: r.Nodes.ControlPlane, NotReady: append([]string{}, r.Nodes.NotReady...), Total: r.Nodes.Total},
		Pods: jsonPods{Failed: r.Pods.Failed, Pending: r.Pods.Pending, Ready: r.Pods.Ready,
			Running: r.Pods.Running, Succeeded: r.Pods.Succeeded, Terminating: r.Pods.Terminating},
		Workloads: []jsonWorkload{}, Expect: []jsonVerdict{}, Timeline: []jsonMoment{}, Traffic: []jsonTraffic{},
	}
	for i := range r.Traffic {
		out.Traffic = append(out.Traffic, r.Traffic[i].json(r.From))
	}
	for i := range r.Throttled {
		out.Throttled = append(out.Throttled, r.Throttled[i].json())
	}
	for _, d := range r.Workloads {
		out.Workloads = append(out.Workloads, jsonWorkload{
			Available: d.Available, Complete: d.Complete, CrashLooping: d.CrashLooping, Desired: d.Desired, Evicted: d.Evicted,
			Name: d.Name, Ready: d.Ready, Restarts: d.Restarts, Updated: d.Updated,
		})
	}
	for i := range r.Verdicts {
		out.Expect = append(out.Expect, r.Verdicts[i].json())
	}
	for _, m := range r.Timeline {
		out.Timeline = append(out.Timeline, jsonMoment{AtNS: m.At, Text: m.Text, UntilNS: m.Until})
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(escapeHidden(text), '\n'))
	return err
}

// escapeHidden escapes what encoding/json lets pass and a terminal would act
// on. Outside of strings JSON has none of it.
func escapeHidden(text []byte) []byte {
	var out []byte
	for _, r := range string(text) {
		if r != '\n' && hidden(r) {
			out = appendEscaped(out, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func (v *Verdict) json() jsonVerdict {
	e := &v.Expect
	j := jsonVerdict{
		Before: append([]string{}, v.Before...), Column: e.Col, Expr: e.Expr, File: e.File, Held: v.Held, ID: e.ID,
		Line: e.Line, Measured: v.Measured, Metric: e.metric.Name, Object: v.Object, Reason: v.Reason, Why: e.Why,
		WindowNS: [2]sim.Time{v.Window.From, v.Window.To},
	}
	if v.Broken {
		j.AtNS = &v.At
	}
	return j
}
