package workload_test

import (
	"fmt"
	"time"

	"orrery/model/workload"
)

// A day of a shop, in eight steps: a rate is a step function, so a hundred thousand
// requests a second cost what one costs.
func ExampleDiurnal() {
	day := workload.Diurnal(100_000, 900_000, 24*time.Hour, 18*time.Hour, 3*time.Hour)
	for _, s := range day.Steps {
		fmt.Printf("from %v: %d rps\n", s.At, s.MilliRPS/1000)
	}
	fmt.Println("again after", day.Every)
	// Output:
	// from 0s: 347 rps
	// from 3h0m0s: 130 rps
	// from 9h0m0s: 347 rps
	// from 12h0m0s: 652 rps
	// from 15h0m0s: 869 rps
	// from 21h0m0s: 652 rps
	// again after 24h0m0s
}
