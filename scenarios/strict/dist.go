package strict

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"orrery/sim"
)

// forms is how each distribution is written, by its name.
var forms = []struct{ name, form string }{
	{"constant", "constant(2s)"},
	{"empirical", "empirical(1s, 2s, 9s)"},
	{"exponential", "exponential(5s)"},
	{"lognormal", "lognormal(2s, p99 9s)"},
	{"normal", "normal(3s, 1s)"},
	{"uniform", "uniform(2s, 5s)"},
	{"weibull", "weibull(10s, 1.5)"},
}

// ParseDist reads a distribution of lengths of time: a duration such as 2s, which
// is constant; a range such as 2s..5s, which is uniform; or one of
//
//	constant(2s)            always the same
//	uniform(2s, 5s)         from, to
//	exponential(5s)         mean
//	normal(3s, 1s)          mean and standard deviation
//	lognormal(2s, p99 9s)   median and 99th percentile
//	weibull(10s, 1.5)       scale and shape, 0.1 to 20
//	empirical(1s, 2s, 9s)   these, each as likely, and what lies between
func ParseDist(text string) (sim.Dist, error) {
	if from, to, ok := strings.Cut(text, ".."); ok && !strings.Contains(text, "(") {
		return parseUniform(strings.TrimSpace(from), strings.TrimSpace(to))
	}
	name, rest, ok := strings.Cut(text, "(")
	if !ok && !isWord(text) {
		d, err := ParseDuration(text)
		return sim.Constant(d), err
	}
	name = strings.TrimSpace(name)
	form := formOf(name)
	if form == "" {
		return sim.Dist{}, unknownDist(name)
	}
	inner, closed := strings.CutSuffix(rest, ")")
	switch {
	case !ok:
		return sim.Dist{}, fmt.Errorf("%s: write it as in %s", Quote(text), form)
	case !closed:
		return sim.Dist{}, fmt.Errorf("%s has no closing \")\": write %s, in quotes if it stands inside { } or [ ]", Quote(text), form)
	}
	args := strings.Split(inner, ",")
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	d, err := makeDist(name, args)
	if errors.Is(err, errForm) {
		err = fmt.Errorf("%s: write it as in %s", Quote(text), form)
	}
	return d, err
}

// errForm says that the number or the kind of the arguments is wrong.
var errForm = errors.New("wrong form")

func isWord(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == "" && !notFinite.MatchString(text)
}

func formOf(name string) string {
	for _, f := range forms {
		if f.name == name {
			return f.form
		}
	}
	return ""
}

func unknownDist(name string) error {
	var names, all []string
	for _, f := range forms {
		names = append(names, f.name)
		all = append(all, f.form)
	}
	return fmt.Errorf("unknown distribution %s%s; known: 2s, 2s..5s, %s", Quote(name), DidYouMean(name, names), strings.Join(all, ", "))
}

func makeDist(name string, args []string) (sim.Dist, error) {
	switch name {
	case "empirical":
		return parseEmpirical(args)
	case "weibull":
		return parseWeibull(args)
	case "lognormal":
		return parseLognormal(args)
	}
	want := 2
	if name == "constant" || name == "exponential" {
		want = 1
	}
	if len(args) != want {
		return sim.Dist{}, errForm
	}
	if name == "uniform" {
		return parseUniform(args[0], args[1])
	}
	d, err := durations(args)
	switch {
	case err != nil:
		return sim.Dist{}, err
	case name == "constant":
		return sim.Constant(d[0]), nil
	case d[0] == 0:
		return sim.Dist{}, fmt.Errorf("the mean of %s must be more than 0s", name)
	case name == "exponential":
		return sim.Exponential(d[0]), nil
	}
	return sim.Normal(d[0], d[1]), nil
}

func durations(args []string) ([]time.Duration, error) {
	out := make([]time.Duration, len(args))
	for i, a := range args {
		d, err := ParseDuration(a)
		if err != nil {
			return nil, err
		}
		out[i] = d
	}
	return out, nil
}

func parseUniform(from, to string) (sim.Dist, error) {
	d, err := durations([]string{from, to})
	switch {
	case err != nil:
		return sim.Dist{}, err
	case d[0] > d[1]:
		return sim.Dist{}, fmt.Errorf("%s..%s goes backwards: write %s..%s", from, to, to, from)
	}
	return sim.Uniform(d[0], d[1]), nil
}

func parseLognormal(args []string) (sim.Dist, error) {
	if len(args) != 2 || !strings.HasPrefix(args[1], "p99 ") {
		return sim.Dist{}, errForm
	}
	d, err := durations([]string{args[0], strings.TrimSpace(args[1][len("p99 "):])})
	switch {
	case err != nil:
		return sim.Dist{}, err
	case d[0] == 0:
		return sim.Dist{}, errors.New("the median of lognormal must be more than 0s")
	case d[1] <= d[0]:
		return sim.Dist{}, errors.New("the p99 of lognormal must be more than its median")
	}
	return sim.Lognormal(d[0], d[1]), nil
}

func parseWeibull(args []string) (sim.Dist, error) {
	if len(args) != 2 {
		return sim.Dist{}, errForm
	}
	scale, err := ParseDuration(args[0])
	if err != nil {
		return sim.Dist{}, err
	}
	shape, err := ParseMilli(args[1], 100, 20_000)
	switch {
	case err != nil:
		return sim.Dist{}, fmt.Errorf("shape of weibull: %w", err)
	case scale == 0:
		return sim.Dist{}, errors.New("the scale of weibull must be more than 0s")
	}
	return sim.Weibull(scale, shape), nil
}

func parseEmpirical(args []string) (sim.Dist, error) {
	d, err := durations(args)
	if err != nil {
		return sim.Dist{}, err
	}
	return sim.Empirical(d)
}
