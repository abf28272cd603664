package report

import (
	"testing"
	"time"

	"orrery/model"
)

// says is a word about the requests of a source to a Service.
func (t *tape) says(x model.Traffic) {
	t.Note(t.by("traffic"), model.Note{Named: "service/web", Reason: model.ReasonTrafficChanged, Traffic: &x})
}

func comesTo(t *testing.T, h *tape, want map[string]string) {
	t.Helper()
	for expr, value := range want {
		e, err := ParseExpect(expr)
		if err != nil {
			t.Fatal(err)
		}
		if v := New(Meta{End: h.now()}, h.History(), []Expect{e}).Verdicts[0]; v.Measured != value {
			t.Errorf("%s: %s, want %s", expr, v.Measured, value)
		}
	}
}

// Of 100 a second for 100 s, 1,000 are lost at one moment: a tenth of all, and no part of
// those before and after.
func TestWhatIsLostUnderWayCountsWhenItIsLost(t *testing.T) {
	h := newTape()
	h.says(model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 100_000})
	h.at(50 * time.Second)
	h.says(model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 100_000, Lost: model.Lost{ResetMilli: 900_000, FailedMilli: 100_000}})
	h.at(60 * time.Second)
	h.says(model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 100_000})
	h.at(100 * time.Second)
	comesTo(t, h, map[string]string{
		"between 0s and 100s: availability(service/web) >= 95%":        "90%",
		"between 0s and 100s: error_rate(service/web) <= 5%":           "10%",
		"between 0s and 49s: availability(service/web) == 100%":        "100%",
		"between 51s and 100s: availability(service/web) == 100%":      "100%",
		"between 48s and 53s: availability(service/web) >= 1%":         "0%", // more than was served
		"between 0s and 100s: always(availability(service/web) >= 1%)": "100%",
	})
}

// What takes 40 s and is sent in the last 40 s of a run is neither served nor failed.
func TestRequestsLongerThanTheRunAreUnfinished(t *testing.T) {
	h := newTape()
	h.says(model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 80_000, P50: 40 * time.Second})
	h.at(60 * time.Second)
	h.says(model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 50_000, P50: 40 * time.Second})
	h.at(100 * time.Second)
	comesTo(t, h, map[string]string{
		"between 0s and 60s: availability(service/web) >= 99%":  "80%",
		"between 60s and 100s: availability(service/web) >= 1%": "0%",
		"between 60s and 100s: error_rate(service/web) <= 1%":   "100%",
	})
	h = newTape()
	h.says(model.Traffic{From: "ingress", OfferedMilliRPS: 100_000, ServedMilliRPS: 100_000, P50: time.Hour})
	h.at(100 * time.Second)
	comesTo(t, h, map[string]string{"between 0s and 100s: availability(service/web) == 100%": "no samples"})
}
