package sim

import (
	"math"
	"math/bits"
)

// Logarithm, exponential and normal quantile in integers. Floating point would
// not do: math.Exp differs between processors under one binary, and x*y+z is
// fused on some of them. All numbers here are fixed point; a name that ends in
// x62 has 62 bits behind the point.

// nats is a natural logarithm with 56 bits behind the point, from -64 to 64.
type nats int64

// mostNats is more than the logarithm of the ratio of any two Durations. What
// would be more is cut to it: the result overflows or vanishes all the same.
const mostNats nats = 62 << 56

const (
	onex48   = 1 << 48
	onex62   = 1 << 62
	ln2x64   = 0xb17217f7d1cf79ab // ln 2
	log2ex63 = 0xb8aa3b295c17f0bc // 1/ln 2
)

// The steps between which the series below work: ln(1+i/128) with 56 bits, and
// 2^(i/64) with 62 bits behind the point. They are computed with integers too.
var (
	lnSteps  = lnTable()
	expSteps = expTable()
)

// mulHigh returns the upper half of the product: a times a fraction of 64 bits.
func mulHigh(a, b uint64) uint64 {
	hi, _ := bits.Mul64(a, b)
	return hi
}

func mulx62(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<2 | lo>>62
}

func mulx48(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<16 | lo>>48
}

// ln returns the natural logarithm of x, which must not be 0.
func ln(x uint64) nats {
	exponent := bits.Len64(x) - 1
	m := x << (63 - exponent) >> 1 // from 1 up to 2, 62 bits
	i := m >> 55 % 128
	c := (128 + i) << 55 // the step: 1+i/128, 62 bits
	whole := mulHigh(uint64(exponent)<<56, ln2x64)
	return nats(whole + lnSteps[i] + lnRatio(m-c, m+c))
}

// lnRatio returns ln(m/c) with 56 bits, given m-c and m+c: twice the series of
// the inverse hyperbolic tangent of s = (m-c)/(m+c), which is below 2^-8.
func lnRatio(difference, sum uint64) uint64 {
	s, _ := bits.Div64(difference, 0, sum)
	ss := mulHigh(s, s)
	t := math.MaxUint64/3 + mulHigh(ss, math.MaxUint64/5+ss/7)
	return (s + mulHigh(s, mulHigh(ss, t))) >> 7
}

func lnTable() (table [128]uint64) {
	for i := range uint64(128) {
		s, _ := bits.Div64(i>>2, i<<62, 256+i)
		ss, power, sum := mulx62(s, s), s, uint64(0)
		for k := uint64(1); power > 0; k += 2 {
			sum += power / k
			power = mulx62(power, ss)
		}
		table[i] = (sum + 1<<4) >> 5
	}
	return table
}

// exp returns e to the power of x as mantissa times 2^whole, where the mantissa
// is from 1 up to 2 and has 62 bits behind the point.
func exp(x nats) (mantissa uint64, whole int) {
	hi, lo := bits.Mul64(uint64(max(x, -x)), log2ex63)
	y := int64(hi<<1 | lo>>63) // log2 of the result, 56 bits
	if x < 0 {
		y = -y
	}
	fraction := uint64(y) % (1 << 56)
	t := mulHigh(fraction%(1<<50)<<6, ln2x64) // below ln(2)/64, 62 bits
	p := onex62 + t/6                         // the series of e^t from its inmost factor out
	p = onex62 + mulx62(t, p)/5
	p = onex62 + mulx62(t, p)/4
	p = onex62 + mulx62(t, p)/3
	p = onex62 + mulx62(t, p)/2
	p = onex62 + mulx62(t, p)
	return mulx62(expSteps[fraction>>50], p), int(y >> 56)
}

func expTable() (table [64]uint64) {
	for i := range uint64(64) {
		t := mulHigh(i<<56, ln2x64)
		p := uint64(onex62)
		for k := uint64(24); k > 0; k-- {
			p = onex62 + mulx62(t, p)/k
		}
		table[i] = p
	}
	return table
}

// scaled returns v, which is not negative, times e to the power of x. It is cut
// at the largest int64.
func scaled(v int64, x nats) int64 {
	mantissa, whole := exp(x)
	hi, lo := bits.Mul64(uint64(v), mantissa)
	return shifted(hi, lo, 62-whole)
}

// shifted returns the 128-bit number hi:lo divided by 2^by, cut at the largest
// int64.
func shifted(hi, lo uint64, by int) int64 {
	switch {
	case by >= 128:
		return 0
	case by >= 64:
		hi, lo = 0, hi>>(by-64)
	case by >= 0:
		hi, lo = hi>>by, hi<<(64-by)|lo>>by
	case bits.Len64(lo)-by > 63:
		return math.MaxInt64
	default:
		lo <<= -by
	}
	if hi != 0 || lo > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(lo)
}

// minusLn returns -ln(p/2^64), where p = 0 stands for 2^64. It is never negative.
func minusLn(p uint64) nats {
	if p == 0 {
		return 0
	}
	const ln2to64 = ln2x64 >> 2 // 64 times ln 2, 56 bits
	return max(0, ln2to64-ln(p))
}

// sqrtx48 returns the square root of x, for x from 2 to 45, with 48 bits: Newton's
// method from above, which falls until it is there.
func sqrtx48(x nats) uint64 {
	root := uint64(7 * onex48)
	for {
		quotient, _ := bits.Div64(uint64(x)>>24, uint64(x)<<40, root)
		next := (root + quotient) / 2
		if next >= root {
			return root
		}
		root = next
	}
}

// ratiox48 returns a/b.
func ratiox48(a, b uint64) uint64 {
	quotient, _ := bits.Div64(a>>16, a<<48, b)
	return quotient
}

// normalx48 returns z such that a standard normal variable is below it with a
// probability of u/2^64, with 48 bits behind the point. It is 0 at 2^63 and odd
// around it, and lies between -9.2 and 9.2.
//
// It is the algorithm PPND7 of M. J. Wichura, "Algorithm AS 241: The Percentage
// Points of the Normal Distribution", Applied Statistics 37 (1988), good to about
// one part in 10^7.
func normalx48(u uint64) int64 {
	const central = 425 << 64 / 1000 // |u/2^64 - 1/2| up to here
	if u >= 1<<63 {
		if u-1<<63 <= central {
			return int64(normalCentral(u - 1<<63))
		}
		return int64(normalTail(-u))
	}
	if 1<<63-u <= central {
		return -int64(normalCentral(1<<63 - u))
	}
	return -int64(normalTail(max(u, 1)))
}

// normalCentral is normalx48 of 1/2 + d/2^64, near the middle.
func normalCentral(d uint64) uint64 {
	const (
		a0 = 33871327179 << 48 / 10_000_000_000
		a1 = 50434271938 << 48 / 1_000_000_000
		a2 = 15929113202 << 48 / 100_000_000
		a3 = 59109374720 << 48 / 1_000_000_000
		b1 = 17895169469 << 48 / 1_000_000_000
		b2 = 78757757664 << 48 / 1_000_000_000
		b3 = 67187563600 << 48 / 1_000_000_000
	)
	q := d >> 16
	r := 180625<<48/1_000_000 - mulx48(q, q)
	above := a0 + mulx48(r, a1+mulx48(r, a2+mulx48(r, a3)))
	below := onex48 + mulx48(r, b1+mulx48(r, b2+mulx48(r, b3)))
	return mulx48(q, ratiox48(above, below))
}

// normalTail is the absolute value of normalx48 where p/2^64 of the distribution
// lies beyond.
func normalTail(p uint64) uint64 {
	const (
		c0 = 14234372777 << 48 / 10_000_000_000
		c1 = 27568153900 << 48 / 10_000_000_000
		c2 = 13067284816 << 48 / 10_000_000_000
		c3 = 17023821103 << 48 / 100_000_000_000
		d1 = 73700164250 << 48 / 100_000_000_000
		d2 = 12021132975 << 48 / 100_000_000_000
		e0 = 66579051150 << 48 / 10_000_000_000
		e1 = 30812263860 << 48 / 10_000_000_000
		e2 = 42868294337 << 48 / 100_000_000_000
		e3 = 17337203997 << 48 / 1_000_000_000_000
		f1 = 24197894225 << 48 / 100_000_000_000
		f2 = 12258202635 << 48 / 1_000_000_000_000
	)
	r := sqrtx48(minusLn(p))
	if r <= 5*onex48 {
		r -= 16 * onex48 / 10
		above := c0 + mulx48(r, c1+mulx48(r, c2+mulx48(r, c3)))
		return ratiox48(above, onex48+mulx48(r, d1+mulx48(r, d2)))
	}
	r -= 5 * onex48
	above := e0 + mulx48(r, e1+mulx48(r, e2+mulx48(r, e3)))
	return ratiox48(above, onex48+mulx48(r, f1+mulx48(r, f2)))
}

// LnRatio returns the natural logarithm of a/b, neither of which may be 0, with 56
// bits behind the point.
func LnRatio(a, b uint64) int64 { return int64(ln(a) - ln(b)) }
