package model

import (
	"math"
	"testing"
)

// The slow twin is Erlang's formula: B(n) = aB(n-1)/(n+aB(n-1)), C = B/(1-ρ+ρB).
func TestHowLikelyAllCoresAreBusyIsErlangsFormula(t *testing.T) {
	for _, cores := range []int64{1, 2, 4, 16, 32, 128} {
		last := int64(0)
		for rho := 0.05; rho < 1; rho += 0.01 {
			offered, b := rho*float64(cores), 1.0
			for n := 1.0; n <= float64(cores); n++ {
				b = offered * b / (n + offered*b)
			}
			free := int64(math.Round(float64(cores) * (1 - rho) * 1000))
			want := 1 + b/(1-rho+rho*b)/float64(cores)/(1-rho)
			got := Stretch(cores*1000, free)
			if math.Abs(float64(got)/1e6/want-1) > 0.05 {
				t.Errorf("%d cores at %.2f: a request takes %.3f times as long as alone, by Erlang %.3f", cores, rho, float64(got)/1e6, want)
			}
			if got < last {
				t.Errorf("%d cores at %.2f: it takes less than where more is free", cores, rho)
			}
			last = got
		}
	}
	if all, none := AllBusy(4000, 0), AllBusy(4000, 4000); all != 1_000_000 || none != 0 {
		t.Errorf("if nothing is free all are busy with %d, if all is with %d", all, none)
	}
}
