package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"
)

func TestDigestIsTheHashOfAllRecords(t *testing.T) {
	d := NewDigest()
	var all []byte
	for i := range 5000 {
		record := fmt.Appendf(nil, "%*d", i%300, i)
		d.Add(record)
		all = binary.BigEndian.AppendUint32(all, uint32(len(record)))
		all = append(all, record...)
		if i%700 == 0 {
			d.Sum() // changes nothing
		}
	}
	if got, want := d.Sum(), fmt.Sprintf("sha256:%x", sha256.Sum256(all)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDigestTellsOneRecordMoreAnywhere(t *testing.T) {
	history := func(more int) string {
		d := NewDigest()
		for i := range 10_000 {
			if i == more {
				d.Add([]byte("x"))
			}
			d.Add(fmt.Append(nil, i))
		}
		return d.Sum()
	}
	for _, i := range []int{0, 1, 1023, 1024, 5000, 9000} {
		if history(i) == history(-1) {
			t.Errorf("with one more at %d the sum is the same", i)
		}
	}
}

func TestDigestKeepsRecordsApart(t *testing.T) {
	a, b := NewDigest(), NewDigest()
	a.Add([]byte("ab"))
	a.Add([]byte("c"))
	b.Add([]byte("a"))
	b.Add([]byte("bc"))
	if a.Sum() == b.Sum() {
		t.Error("ab,c is a,bc")
	}
}

func BenchmarkDigest(b *testing.B) {
	d := NewDigest()
	record := make([]byte, 120)
	b.SetBytes(120)
	b.ReportAllocs()
	for range b.N {
		d.Add(record)
	}
}
