package sim

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// Luck is the root of all randomness of a run: its seed. Every stream taken from
// it is named by what it is for and which object it belongs to, so that a draw
// added in one place changes nothing anywhere else, and two policies meet the
// very same workload.
type Luck struct{ seed uint64 }

// NewLuck returns the luck of a seed. A kernel has one already: Kernel.Luck.
func NewLuck(seed uint64) Luck { return Luck{mix(seed ^ golden)} }

// Stream returns the stream of that name, always from its beginning. Use it once
// and keep it; for very many objects take a Lane.
func (l Luck) Stream(name string) Stream {
	return newStream(mix(l.seed ^ HashName(name)))
}

// Lane returns all the streams of one purpose, such as "image pull".
func (l Luck) Lane(purpose string) Lane {
	return Lane{mix(l.seed ^ HashName(purpose) ^ lanes)}
}

// Lane is the streams of one purpose, one for each object and occasion. Nothing
// is stored for them: the n-th stream of an object is computed when asked for, so
// it does not matter who asks first, or whether the n-1 before were ever used.
type Lane struct{ key uint64 }

// Draw returns the n-th stream of an object, from its beginning. The object is
// the HashName of a name that stays the same from run to run, not a dense id.
func (l Lane) Draw(object uint64, n uint64) Stream {
	return newStream(mix(l.key^mix(object)) + n*golden)
}

const (
	golden = 0x9e3779b97f4a7c15 // 2^64 divided by the golden ratio: steps that fill the circle evenly
	lanes  = 0xd1b54a32d192ed03 // keeps lanes apart from the streams of the same name
	half   = 0xa0761d6478bd642f // makes the second half of a generator's state from the same key
)

// HashName maps a name to 64 bits, the same on every machine and in every
// version (FNV-1a, then mixed so that every bit depends on every byte).
func HashName(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := 0; i < len(s); i++ {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return mix(h ^ uint64(len(s)))
}

// mix is the finalizer of SplitMix64: a permutation of the 64-bit numbers in
// which every input bit moves half of the output bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Stream is one sequence of random numbers. It is a value: a copy continues on
// its own from where it was copied. The generator is PCG-DXSM, which uses only
// integers and whose sequence math/rand/v2 promises not to change.
type Stream struct{ pcg rand.PCG }

func newStream(key uint64) Stream {
	var s Stream
	s.pcg.Seed(mix(key), mix(key^half))
	return s
}

// Uint64 returns 64 random bits.
func (s *Stream) Uint64() uint64 { return s.pcg.Uint64() }

// Below returns a number from 0 to n-1, all equally likely; 0 when n is 0.
// It is Lemire's multiplication with rejection, so without bias.
func (s *Stream) Below(n uint64) uint64 {
	hi, lo := bits.Mul64(s.Uint64(), n)
	if lo < n {
		for reject := -n % n; lo < reject; {
			hi, lo = bits.Mul64(s.Uint64(), n)
		}
	}
	return hi
}

// Duration returns a length of time from lo up to, but without, hi, all equally
// likely; lo when hi is not larger.
func (s *Stream) Duration(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(s.Below(uint64(hi)-uint64(lo)))
}

// Chance is true in ppm of a million cases: never for 0, always from 1,000,000 on.
func (s *Stream) Chance(ppm uint64) bool { return s.Below(1_000_000) < ppm }
