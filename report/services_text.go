package report

import (
	"strings"
	"time"

	"orrery/model"
	"orrery/sim"
)

// mostServices is how many Services a report has a line for.
const mostServices = 10

// traffic writes how Services fared, what was promised beside what was measured.
func (p *printer) traffic(r *Report) {
	if len(r.Traffic) == 0 {
		return
	}
	p.line(p.paint(bold, "how requests fared, from "+r.From.String()+" on"))
	t := table{right: []bool{false, true, true, true, true, true, true, true, true, true}}
	t.row("service", "rps", "at most", "served", "worst minute", "p50", "p99", "worst minute", "attempts", "busy at most")
	shown := r.Traffic[:min(len(r.Traffic), mostServices)]
	for i := range shown {
		t.row(shown[i].cells(r.Verdicts)...)
	}
	for i, l := range t.lines() {
		if i == 0 {
			p.line("  " + p.paint(faint, l))
			continue
		}
		p.line("  " + l)
		if more := shown[i-1].more(); more != "" {
			p.line("    " + p.paint(faint, more))
		}
	}
	if left := len(r.Traffic) - mostServices; left > 0 {
		p.line("  and " + model.Counted(int64(left), "more service"))
	}
	p.line("")
}

// cells is a Service's row.
func (t *TrafficEnd) cells(verdicts []Verdict) []string {
	promised := func(metric string) string { return promise(verdicts, metric, t.Name) }
	row := []string{
		t.Name, requests(t.MeanMilliRPS), requests(t.MaxMilliRPS), parts(t.Served) + promised("availability"), "",
		"-", "-", "", value{n: t.Attempts}.times(-1) + promised("amplification"), "-",
	}
	if t.WorstServed < t.Served {
		row[4] = parts(t.WorstServed) + " at " + t.WorstServedAt.String()
	}
	if t.Served > 0 {
		row[5] = brieflyTook(t.P50) + promised("latency_p50")
		row[6] = brieflyTook(t.P99) + promised("latency_p99")
	}
	if t.WorstP99 > t.P99 {
		row[7] = brieflyTook(t.WorstP99) + " at " + t.WorstP99At.String()
	}
	if t.BusyPPM > 0 {
		row[9] = parts(t.BusyPPM*(billion/1_000_000)) + promised("utilization")
	}
	return row
}

// promise is what is promised of an object over the whole run, "" if nothing is.
func promise(verdicts []Verdict, metric, object string) string {
	for i := range verdicts {
		e := &verdicts[i].Expect
		if e.metric.Name == metric && e.Object() == object && !e.when.said && (e.mode == plainly || e.mode == always) {
			return " (" + opText[e.op] + " " + value{n: e.limit}.text(e.metric.Unit, -1) + ")"
		}
	}
	return ""
}

// more is why requests were lost, and where they went.
func (t *TrafficEnd) more() string {
	var out []string
	for i, part := range t.Lost {
		if part > 0 {
			out = append(out, lostPart(part)+" "+causes[i].text)
		}
	}
	if t.Placed {
		out = append(out, "from or through nodes: "+parts(t.SameNode)+" stayed on the node")
	}
	if t.Zoned {
		out = append(out, parts(t.SameZone)+" in the zone", parts(t.Crossed)+" went to another zone")
	}
	return strings.Join(out, ", ")
}

// lostPart is parts, but of less than a thousandth of a per cent no more than that.
func lostPart(n int64) string {
	if n < billion/100_000 {
		return "<0.001%"
	}
	return parts(n)
}

// requests is a rate, of whole requests if it is not a small one.
func requests(milli int64) string {
	if milli >= 10_000 {
		return model.Grouped((milli + 500) / 1000)
	}
	return decimals(milli, 3)
}

// parts is a share, cut to two digits behind the point, or to two of what it is nearly
// nothing or all by.
func parts(n int64) string {
	unit := int64(billion / 10_000)
	for small := min(n, billion-n); unit > 1 && small < 10*unit; unit /= 10 {
	}
	return trimPercent(n / unit * unit)
}

// brieflyTook is a time with three digits.
func brieflyTook(d time.Duration) string {
	for unit := time.Duration(1); ; unit *= 10 {
		if d/unit < 1000 {
			if d = d / unit * unit; d < time.Millisecond {
				return d.String()
			}
			return sim.Time(d).String()
		}
	}
}
