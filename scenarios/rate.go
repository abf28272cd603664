package scenarios

import (
	"fmt"
	"math"
	"slices"
	"time"

	"orrery/model/workload"
	"orrery/scenarios/strict"
)

// mostRPS is how many requests a second anybody may send, and mostSteps how often
// their rate may change before it begins anew; minPace is how long it stays the same at least.
const (
	mostRPS   = 1_000_000_000
	mostSteps = 100_000
	minPace   = time.Millisecond
)

var ofRates = quantity{one: 1000, read: rps, hi: mostRPS * 1000, limits: "0 to 1000000000 requests per second"}

func rps(v strict.Value) int64 { return v.Milli(0, mostRPS*1000) }

// rate reads how many requests there are: a number, or how that changes over time.
func (l *loader) rate(v strict.Value) workload.Rate {
	if !v.IsMap() {
		return workload.Constant(rps(v))
	}
	if v.Peek("file").Given() {
		return l.rateFile(v)
	}
	m := v.Map("rps", append(rateOptions.names(), "file")...)
	which, f := m.OneOf("steps", "ramp", "diurnal")
	every := m.Optional("every")
	if every.Given() && which != "steps" && which != "" {
		every.KeyErrorf("only steps and files begin anew after a while")
	}
	switch which {
	case "ramp":
		return l.ramp(f.Map("a ramp", rampOptions.names()...))
	case "diurnal":
		return l.diurnal(f.Map("a day", diurnalOptions.names()...))
	}
	var r workload.Rate
	for _, item := range f.List() {
		s := item.Map("a step", stepOptions.names()...)
		r.Steps = append(r.Steps, workload.Step{At: s.Required("at").Duration(), MilliRPS: rps(s.Required("rps"))})
		l.inOrder(&r, s.Required("at"))
	}
	l.begins(&r, every, f)
	l.inTime(&r, f, "")
	return r
}

// inTime complains about a rate that only comes to something when the run is over, and adds
// what may be meant.
func (l *loader) inTime(r *workload.Rate, v strict.Value, hint string) {
	end := l.scenario.Config.Duration
	i := slices.IndexFunc(r.Steps, func(s workload.Step) bool { return s.MilliRPS > 0 })
	if i >= 0 && end > 0 && r.Steps[i].At >= end {
		v.Errorf("nobody would send anything: the first request comes at %v, and the run is over at %v%s", r.Steps[i].At, end, hint)
	}
}

// hasty is what is wrong about something at a time after something at another, "" if nothing is.
func hasty(at, before time.Duration) string {
	switch {
	case at <= before:
		return fmt.Sprintf("%v is not after %v: steps are in the order of time", at, before)
	case at-before < minPace:
		return fmt.Sprintf("%v is only %v after %v: a rate stays the same for at least %v", at, at-before, before, minPace)
	}
	return ""
}

// inOrder complains about a step that is not after the one before, or too soon.
func (l *loader) inOrder(r *workload.Rate, at strict.Value) {
	if n := len(r.Steps); n > 1 && at.Given() {
		if wrong := hasty(r.Steps[n-1].At, r.Steps[n-2].At); wrong != "" {
			at.Errorf("%s", wrong)
		}
	}
}

// begins reads after how long steps begin anew.
func (l *loader) begins(r *workload.Rate, every, of strict.Value) {
	if len(r.Steps) == 0 && of.Given() {
		of.Errorf("there are no steps: nobody would send anything")
		return
	}
	if !every.Given() || len(r.Steps) == 0 {
		return
	}
	last := r.Steps[len(r.Steps)-1].At
	switch r.Every = every.DurationIn(minPace, maxDuration); {
	case r.Every == 0:
	case r.Every <= last:
		every.Errorf("%v is not after the last step, at %v", r.Every, last)
		r.Every = 0
	case r.Every-last < minPace:
		every.Errorf("%v is only %v after the last step: a rate stays the same for at least %v", r.Every, r.Every-last, minPace)
		r.Every = 0
	}
}

func (l *loader) ramp(m *strict.Map) workload.Rate {
	from, to := rps(m.Required("from")), rps(m.Required("to"))
	start, end := m.Required("start"), m.Required("end")
	length := end.Duration() - start.Duration()
	if start.Given() && end.Given() && length <= 0 {
		end.Errorf("the end is not after the start")
		return workload.Rate{}
	}
	step := pace(rampOptions.read(m, "step"), length)
	if step == 0 {
		return workload.Rate{}
	}
	return workload.Ramp(from, to, start.Duration(), end.Duration(), step)
}

func (l *loader) diurnal(m *strict.Map) workload.Rate {
	low, high := rps(m.Required("low")), rps(m.Required("high"))
	if low >= high && m.Given() {
		m.Required("high").Errorf("high must be more than low")
		return workload.Rate{}
	}
	period := diurnalOptions.read(m, "period").DurationIn(time.Minute, maxDuration)
	peak := diurnalOptions.read(m, "peak")
	highest := period / 12 * 7
	if peak.Given() {
		highest = peak.Duration()
	}
	step := pace(diurnalOptions.read(m, "step"), period)
	if period == 0 || step == 0 {
		return workload.Rate{}
	}
	if step >= period {
		l.never(m, period, step)
		return workload.Rate{}
	}
	if highest >= period {
		peak.Errorf("the peak must be within the period, %v", period)
	}
	return workload.Diurnal(low, high, period, highest%period, step)
}

// never complains about a day whose rate never changes, as it has but one step.
func (l *loader) never(m *strict.Map, period, step time.Duration) {
	of := m.Optional("step")
	if !of.Given() {
		of = m.Optional("period")
	}
	of.Errorf("a step of %s is not shorter than the period, %s, so the rate would never change: write a step such as %s",
		strict.FormatDuration(step), strict.FormatDuration(period), strict.FormatDuration(max(period/24/time.Second*time.Second, time.Second)))
}

// pace reads how long a rate stays the same; 0 if that makes no sense.
func pace(v strict.Value, length time.Duration) time.Duration {
	step := v.Duration()
	switch {
	case step < minPace && v.Given():
		v.Errorf("a step must take at least %v", minPace)
		return 0
	case step > 0 && length/step > mostSteps:
		v.Errorf("%d steps are more than %d", length/step, mostSteps)
		return 0
	}
	return step
}

// rateFile reads the steps of a table, whose columns say when and how many.
func (l *loader) rateFile(v strict.Value) workload.Rate {
	m := v.Map("rps", append(rateFileOptions.names(), "every")...)
	file := m.Required("file")
	columns := m.Required("columns").Map("the columns of traffic", "at", "rps")
	origin := m.Optional("origin")
	at := columns.Required("at")
	columns.Required("rps")
	given := file.Text()
	if given == "" || !columns.Given() {
		return workload.Rate{}
	}
	if unit := at.Peek("unit"); unit.Given() && unit.Raw() == "date" && !origin.Given() {
		unit.Errorf("a date is no time of the run: say which is its start, with origin: first, or origin: and a date, beside file")
		return workload.Rate{}
	}
	files, err := l.includes.read(given, traceLimits)
	switch {
	case err != nil:
		file.Errorf("%v", err)
		return workload.Rate{}
	case len(files) != 1:
		file.Errorf("%s is %d files: the rate is in one table", strict.Quote(given), len(files))
		return workload.Rate{}
	}
	t := &traceTable{file: files[0].Name, rows: math.MaxInt64, fields: columns, clean: true}
	t.Table = strict.ParseTable(t.file, files[0].Data, ',', true)
	defer l.finish(t)
	if t.Err() != nil {
		return workload.Rate{}
	}
	r := rateRows(t, origin)
	if t.clean && t.Err() == nil { // a line that cannot be read is no step, and says so itself
		l.begins(&r, m.Optional("every"), file)
		hint := ""
		if !origin.Given() {
			hint = "; times that count from another moment need an origin: write origin: first beside file"
		}
		l.inTime(&r, file, hint)
	}
	return r
}

// rateRows is the steps of a table, from the moment on that is the start of the run: what was
// the rate then is so from the start.
func rateRows(t *traceTable, origin strict.Value) (r workload.Rate) {
	q := &ofLengths
	if origin.Given() {
		q = &ofMoments
	}
	begin, first := moment(origin)
	at, many := t.number("at", q), t.number("rps", &ofRates)
	if !t.clean {
		return r
	}
	for n, last := 0, int64(0); t.next(); n++ {
		when, rate := at.must(t.Table, q), many.must(t.Table, &ofRates)
		if n == 0 && first {
			begin = when
		}
		wrong := ""
		if n > 0 {
			wrong = hasty(time.Duration(when-begin), time.Duration(last-begin))
		}
		switch last = when; {
		case len(r.Steps) > mostSteps:
			t.Errorf("more than %d steps", mostSteps)
			return r
		case wrong != "" && t.Err() == nil:
			at.errorf(t.Table, "%s", wrong)
			return r
		case when <= begin && len(r.Steps) > 0:
			r.Steps[0].MilliRPS = rate
		default:
			r.Steps = append(r.Steps, workload.Step{At: max(time.Duration(when-begin), 0), MilliRPS: rate})
		}
	}
	return r
}
