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
	if d.Records() != 5000 || len(d.Checkpoints()) != 5000/CheckpointEvery {
		t.Errorf("%d records, %d checkpoints", d.Records(), len(d.Checkpoints()))
	}
}

func TestCheckpointsFindTheBlockOfTheFirstDifference(t *testing.T) {
	history := func(different int) *Digest {
		d := NewDigest()
		for i := range 10_000 {
			if i == different {
				d.Add([]byte("x"))
			}
			d.Add(fmt.Append(nil, i))
		}
		return d
	}
	same := history(-1)
	for _, i := range []int{0, 1, 1023, 1024, 5000, 9000} {
		other := history(i)
		record, parted := Parted(same.Checkpoints(), other.Checkpoints())
		if want := uint64(i / CheckpointEvery * CheckpointEvery); record != want || !parted {
			t.Errorf("differ at %d: found block %d, %v", i, record, parted)
		}
		if other.Sum() == same.Sum() {
			t.Errorf("differ at %d: the sum is the same", i)
		}
	}
	if _, parted := Parted(same.Checkpoints(), history(-1).Checkpoints()); parted {
		t.Error("the same histories part")
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
