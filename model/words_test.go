package model

import "testing"

func TestManyAreSaidInThePluralWithCommasFromAThousandOn(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 pods", 1: "1 pod", -1: "-1 pods", 2: "2 pods", 999: "999 pods",
		1000: "1,000 pods", 12_345: "12,345 pods", -123_456: "-123,456 pods", 1_234_567: "1,234,567 pods",
	} {
		if got := Counted(n, "pod"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
