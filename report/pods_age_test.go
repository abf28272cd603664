package report

import (
	"testing"
	"time"
)

// TestAgesAreWrittenAsKubectlWritesThem: the cases of
// k8s.io/apimachinery/pkg/util/duration/duration_test.go TestHumanDurationBoundaries.
func TestAgesAreWrittenAsKubectlWritesThem(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second - time.Millisecond: "0s", 2*time.Minute - time.Millisecond: "119s", 2 * time.Minute: "2m",
		2*time.Minute + time.Second: "2m1s", 10*time.Minute - time.Millisecond: "9m59s", 10 * time.Minute: "10m",
		3*time.Hour - time.Millisecond: "179m", 3 * time.Hour: "3h", 3*time.Hour + time.Minute: "3h1m",
		8*time.Hour - time.Millisecond: "7h59m", 8 * time.Hour: "8h", 2*day - time.Millisecond: "47h", 2 * day: "2d",
		2*day + time.Hour: "2d1h", 8*day - time.Millisecond: "7d23h", 8 * day: "8d",
	} {
		if got := age(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
