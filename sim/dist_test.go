package sim

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite testdata")

func empiricalOf(points ...time.Duration) Dist {
	d, err := Empirical(points)
	if err != nil {
		panic(err)
	}
	return d
}

var measured = empiricalOf(time.Second, 2*time.Second, 2*time.Second, 3*time.Second, 10*time.Second)

// dists are one or more of each kind, with their cumulative distribution
// function by floating point: the slow twin.
var dists = []struct {
	dist Dist
	text string
	cdf  func(x float64) float64 // x in seconds
	mean float64                 // in seconds
}{
	{Uniform(2*time.Second, 5*time.Second), "2s..5s", func(x float64) float64 { return (x - 2) / 3 }, 3.5},
	{Exponential(2 * time.Second), "exponential(mean 2s)", func(x float64) float64 { return 1 - math.Exp(-x/2) }, 2},
	{Normal(10*time.Second, 2*time.Second), "normal(mean 10s, stddev 2s)", normalCDF(10, 2), 10},
	{Normal(24*time.Hour, time.Hour), "normal(mean 24h0m0s, stddev 1h0m0s)", normalCDF(86400, 3600), 86400},
	{Lognormal(2*time.Second, 10*time.Second), "lognormal(median 2s, p99 10s)", lognormalCDF(2, 10), lognormalMean(2, 10)},
	{Lognormal(time.Millisecond, 3*time.Millisecond), "lognormal(median 1ms, p99 3ms)", lognormalCDF(.001, .003), lognormalMean(.001, .003)},
	{Weibull(3*time.Second, 1000), "weibull(scale 3s, shape 1000/1000)", weibullCDF(3, 1), 3},
	{Weibull(3*time.Second, 700), "weibull(scale 3s, shape 700/1000)", weibullCDF(3, .7), 3 * math.Gamma(1+1/.7)},
	{Weibull(3*time.Second, 3500), "weibull(scale 3s, shape 3500/1000)", weibullCDF(3, 3.5), 3 * math.Gamma(1+1/3.5)},
	{measured, "empirical(5 points, 1s..9.999999999s)", measuredCDF, 12.5 / 4},
}

func normalCDF(mean, stddev float64) func(float64) float64 {
	return func(x float64) float64 { return math.Erfc((mean-x)/stddev/math.Sqrt2) / 2 }
}

const z99 = 2.3263478740408408

func lognormalCDF(median, p99 float64) func(float64) float64 {
	return func(x float64) float64 {
		return normalCDF(0, 1)(math.Log(x/median) * z99 / math.Log(p99/median))
	}
}

func lognormalMean(median, p99 float64) float64 {
	sigma := math.Log(p99/median) / z99
	return median * math.Exp(sigma*sigma/2)
}

func weibullCDF(scale, shape float64) func(float64) float64 {
	return func(x float64) float64 { return 1 - math.Exp(-math.Pow(x/scale, shape)) }
}

func measuredCDF(x float64) float64 {
	switch {
	case x < 2:
		return (x - 1) / 4
	case x < 3:
		return .5 + (x-2)/4
	}
	return .75 + (x-3)/28
}

// The quantile at u must be where the distribution function is u/2^64.
func TestQuantilesAreThoseOfFloatingPoint(t *testing.T) {
	for _, c := range dists {
		for p := .0005; p < 1; p += .0005 {
			x := c.dist.quantile(uint64(p * (1 << 64)))
			below, above := c.cdf((x - 1).Seconds()), c.cdf((x + 1).Seconds())
			if p < below-1e-6 || p > above+1e-6 {
				t.Errorf("%v: %v should have %.6f below it, has %.6f", c.dist, x, p, below)
			}
		}
	}
}

func TestMomentsOfDraws(t *testing.T) {
	for _, c := range dists {
		const n = 200_000
		s := NewLuck(1).Stream(c.text)
		sum, below := 0.0, 0
		for range n {
			x := c.dist.Draw(&s)
			if x < 0 || x > c.dist.Max() {
				t.Fatalf("%v: drew %v, the most is %v", c.dist, x, c.dist.Max())
			}
			sum += x.Seconds()
			if x < c.dist.Median() {
				below++
			}
		}
		if mean := sum / n; math.Abs(mean/c.mean-1) > .012 {
			t.Errorf("%v: the mean is %v, should be %v", c.dist, mean, c.mean)
		}
		if share := float64(below) / n; c.dist.kind != empirical && math.Abs(share-.5) > .004 {
			t.Errorf("%v: %v of the draws are below the median", c.dist, share)
		}
	}
}

func TestALargerNumberIsALargerDraw(t *testing.T) {
	s := NewLuck(1).Stream("pairs")
	for _, c := range dists {
		for i := range 50_000 {
			u, v := s.Uint64(), s.Uint64()>>(i%64)
			if i%2 == 0 {
				v = -v
			}
			if i%3 == 0 {
				v = u + s.Below(1<<40)
			}
			u, v = min(u, v), max(u, v)
			// One part in 10^7 where the two halves of the normal quantile meet.
			x, y := c.dist.quantile(u), c.dist.quantile(v)
			if float64(x) > float64(y)*(1+2e-7)+1 {
				t.Fatalf("%v: %d gives %v, %d gives %v", c.dist, u, x, v, y)
			}
		}
	}
}

func TestDistText(t *testing.T) {
	for _, c := range dists {
		if got := c.dist.String(); got != c.text {
			t.Errorf("got %q, want %q", got, c.text)
		}
	}
}

func TestDistIsAValue(t *testing.T) {
	if !(Dist{}).IsZero() || !Constant(0).IsZero() || Constant(1).IsZero() || !Exponential(0).IsZero() {
		t.Error("IsZero is wrong")
	}
	if measured != empiricalOf(time.Second, 2*time.Second, 2*time.Second, 3*time.Second, 10*time.Second) {
		t.Error("the same points are not the same distribution")
	}
	if Weibull(0, 1) != Constant(0) || empiricalOf(5, 5) != Constant(5) || Constant(5).String() != "5ns" {
		t.Error("what is constant is not written so")
	}
	if Uniform(5, 5) != Constant(5) || Lognormal(5, 5) != Constant(5) || Normal(5, 0) != Constant(5) {
		t.Error("no spread is not constant")
	}
	var s, same Stream
	Constant(5).Draw(&s)
	if s == same {
		t.Error("a constant draw takes nothing from the stream")
	}
}

func TestExtremesOfDist(t *testing.T) {
	const most = math.MaxInt64
	for _, c := range []struct {
		dist       Dist
		least, max time.Duration
	}{
		{Constant(7), 7, 7},
		{Uniform(3, 5), 3, 4},
		{Uniform(0, most), 0, most - 1},
		{Exponential(time.Second), 0, 44361419555},
		{Exponential(most), 0, most},
		{Normal(time.Second, time.Hour), 0, 32689560691075},
		{Normal(-time.Hour, time.Minute), 0, 0},
		{Normal(most, most), 0, most},
		{Lognormal(1, most), 0, most},
		{Weibull(time.Second, 1), 0, most},
		{Weibull(time.Second, most), 0, time.Second},
		{empiricalOf(0, most), 0, most - 1},
	} {
		if least := c.dist.quantile(0); least != c.least {
			t.Errorf("%v: the least is %d, want %d", c.dist, least, c.least)
		}
		if got := c.dist.Max(); got != c.max {
			t.Errorf("%v: the most is %d, want %d", c.dist, got, c.max)
		}
	}
}

func TestEmpiricalRefuses(t *testing.T) {
	for want, points := range map[string][]time.Duration{
		"an empirical distribution needs at least one point":                 nil,
		"points of an empirical distribution must ascend: 1s comes after 2s": {2 * time.Second, time.Second},
		"point 2 of an empirical distribution is negative: -1s":              {0, -time.Second},
	} {
		if _, err := Empirical(points); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestDistributionsThatMakeNoSensePanic(t *testing.T) {
	for want, make := range map[string]func(){
		"uniform from 2ns to 1ns":                                    func() { Uniform(2, 1) },
		"exponential with a mean of -1ns":                            func() { Exponential(-1) },
		"lognormal with a median of 0s and a 99th percentile of 1ns": func() { Lognormal(0, 1) },
		"weibull with a scale of 1ns and a shape of 0/1000":          func() { Weibull(1, 0) },
		"normal with a standard deviation of -1ns":                   func() { Normal(0, -1) },
		"constant -1ns is negative":                                  func() { Constant(-1) },
	} {
		if got := panicOf(make); got != "sim: a distribution that makes no sense: "+want {
			t.Errorf("got %q, want %s", got, want)
		}
	}
}

func panicOf(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

// The draws are part of every recorded result: a change here changes them all.
func TestDrawsAreThoseOfEveryMachineAndVersion(t *testing.T) {
	var b strings.Builder
	fmt.Fprintln(&b, "# The first draws with seed 1, from the stream that has the distribution's text as its name.")
	for _, c := range dists {
		s := NewLuck(1).Stream(c.text)
		fmt.Fprintf(&b, "%s:", c.text)
		for range 6 {
			fmt.Fprintf(&b, " %d", c.dist.Draw(&s))
		}
		all := NewDigest()
		for range 20_000 {
			all.Add(fmt.Append(nil, c.dist.Draw(&s)))
		}
		fmt.Fprintf(&b, "; 20000 more %s\n", all.Sum())
	}
	compare(t, "testdata/draws.txt", b.String())
}

// compare compares text with a file that -update rewrites.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; got:\n%s", file, got)
	}
}

// Integers decide: no file of this package may so much as name a floating-point
// type, literal or function.
func TestNoFloatingPoint(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if isFloat(n) {
				t.Errorf("%s: floating point", set.Position(n.Pos()))
			}
			return true
		})
	}
}

func isFloat(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BasicLit:
		return n.Kind == token.FLOAT || n.Kind == token.IMAG
	case *ast.Ident:
		return slices.Contains([]string{"float32", "float64", "complex64", "complex128", "Float64", "Seconds", "NormFloat64", "ExpFloat64"}, n.Name)
	case *ast.SelectorExpr:
		x, ok := n.X.(*ast.Ident)
		return ok && x.Name == "math" && !strings.HasPrefix(n.Sel.Name, "Max")
	}
	return false
}
