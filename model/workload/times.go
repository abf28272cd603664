package workload

import (
	"math/bits"
	"time"

	"orrery/sim"
)

// longest is the longest time that anything is said to take, in microseconds: the square
// of two such, a variance, must have place in 63 bits. What adds up to more takes as long.
const longest = 1_000_000_000

// MostWait is the longest that a request may be said to take by itself, and that anybody may
// wait for an answer. It is less than longest, so what adds up to too much is too late.
const MostWait = 15 * time.Minute

// spans is how many kinds of time a timing tells apart.
const spans = 4

// timing is how long something takes that does not take the same every time: a mixture of a
// few kinds of time, the shortest first. Stages one after the other add up (and); requests
// that fare differently are put together (mixture). What comes to more kinds than there is
// place for has those put together that differ least. The zero timing is no time.
type timing [spans]span

// span is a part of all, in millionths, that takes a fixed time and a time by chance, which
// is spread like a gamma distribution of its mean and variance. Times are in microseconds.
type span struct{ share, fixed, mean, variance int64 }

// fixed is a time that is always the same.
func fixed(us int64) timing { return spread(us, 0, 0) }

// spread is one kind of time.
func spread(fixed, mean, variance int64) timing {
	if fixed == 0 && mean == 0 {
		return timing{}
	}
	return timing{{million, min(fixed, longest), min(mean, longest), min(variance, longest*longest)}}
}

// whole is the mean of a kind, what is fixed included.
func (k *span) whole() int64 { return k.fixed + k.mean }

// mean is the mean of all kinds.
func (t *timing) mean() (sum int64) {
	for i := range t {
		sum += t[i].share * t[i].whole() / million
	}
	return sum
}

// variance is that of all kinds together.
func (t *timing) variance() (sum int64) {
	mean := t.mean()
	for i := range t {
		k := &t[i]
		if k.share > 0 {
			off := k.whole() - mean
			sum += product(min(k.variance+off*off, longest*longest), k.share, million)
		}
	}
	return min(sum, longest*longest)
}

// and is one stage after another.
func (t timing) and(next timing) timing {
	switch {
	case t[0].share == 0:
		return next
	case next[0].share == 0:
		return t
	case next[1].share == 0:
		return t.shift(&next[0])
	case t[1].share == 0:
		return next.shift(&t[0])
	}
	var m mixture
	for i := 0; i < spans && t[i].share > 0; i++ {
		for j := 0; j < spans && next[j].share > 0; j++ {
			k := t[i].and(&next[j])
			k.share = t[i].share * next[j].share / 1000
			m.put(k)
		}
	}
	return m.timing()
}

// only is that so many of a million take a time, and others none.
func (t timing) only(ppm int64) timing {
	if ppm == million || t[0].share == 0 {
		return t
	}
	var m mixture
	m.put(span{share: million * (million - ppm)})
	for _, k := range t {
		k.share *= ppm
		m.put(k)
	}
	return m.timing()
}

// stretched is a time that takes so long for each that it took.
func (t timing) stretched(now, was int64) timing {
	if now == 0 || was == 0 {
		return timing{}
	}
	for i := range t {
		k := &t[i]
		k.fixed, k.mean = min(product(k.fixed, now, was), longest), min(product(k.mean, now, was), longest)
		k.variance = min(product(product(k.variance, now, was), now, was), longest*longest)
	}
	return t
}

// shift is and, if what comes after it is of one kind.
func (t timing) shift(by *span) timing {
	for i := 0; i < spans && t[i].share > 0; i++ {
		t[i] = t[i].and(by)
	}
	return t
}

// and is a kind of time after another one.
func (k *span) and(next *span) span {
	return span{k.share, min(k.fixed+next.fixed, longest), min(k.mean+next.mean, longest), min(k.variance+next.variance, longest*longest)}
}

// mixture is the times of requests that fare differently, which are put together.
type mixture struct {
	n     int
	parts [spans*spans + 1]span // ascending by what they take on the average; shares are of any unit
}

// add adds so many requests that take a time, at most limit if that is not 0.
func (m *mixture) add(many int64, t timing, limit time.Duration) {
	if many <= 0 {
		return
	}
	many = min(many, 1_000_000_000_000)
	if limit > 0 {
		var late int64
		t, late = t.within(limit)
		m.put(span{share: product(many, late, 1000), fixed: limit.Microseconds()})
		many = product(many, million-late, million)
	}
	if t[0].share == 0 {
		m.put(span{share: product(many, 1000, 1)})
		return
	}
	for i := 0; i < spans && t[i].share > 0; i++ {
		k := t[i]
		k.share = product(many, k.share, 1000)
		m.put(k)
	}
}

// put adds a kind, as another of its sort if there is one.
func (m *mixture) put(k span) {
	if k.share <= 0 {
		return
	}
	at := m.n
	for at > 0 && m.parts[at-1].whole() > k.whole() {
		at--
	}
	for i := at - 1; i >= 0 && m.parts[i].whole() == k.whole(); i-- {
		if p := &m.parts[i]; p.fixed == k.fixed && p.variance == k.variance {
			p.share += k.share
			return
		}
	}
	copy(m.parts[at+1:m.n+1], m.parts[at:m.n])
	m.parts[at] = k
	m.n++
	if m.n == len(m.parts) {
		m.reduce(spans * spans)
	}
}

// reduce puts neighbours together until there are few enough.
func (m *mixture) reduce(most int) {
	if m.n <= most {
		return
	}
	total := int64(0)
	for i := range m.n {
		total += m.parts[i].share
	}
	unit := max(bits.Len64(uint64(total))-31, 0) // of shares, as a power of two: so all have place in a word
	var costs [len(m.parts)]int64                // of a part and the next
	for i := range m.n - 1 {
		costs[i] = unlike(&m.parts[i], &m.parts[i+1], unit)
	}
	for m.n > most {
		best := 0
		for i := 1; i < m.n-1; i++ {
			if costs[i] < costs[best] {
				best = i
			}
		}
		m.parts[best] = together(&m.parts[best], &m.parts[best+1])
		m.n--
		copy(m.parts[best+1:m.n], m.parts[best+2:m.n+1])
		copy(costs[best+1:m.n], costs[best+2:m.n+1])
		if best > 0 {
			costs[best-1] = unlike(&m.parts[best-1], &m.parts[best], unit)
		}
		if best < m.n-1 {
			costs[best] = unlike(&m.parts[best], &m.parts[best+1], unit)
		}
	}
}

// unlike is how much is wrong if two kinds are taken for one: the square of how far apart they
// are for what they take together. What takes less than a millisecond is much the same. Shares
// are counted in a power of two of which all there are have less than 31 bits.
func unlike(a, b *span, unit int) int64 {
	x, y := a.share>>(unit&63), b.share>>(unit&63)
	if x == 0 || y == 0 {
		return 0
	}
	off := b.whole() - a.whole()
	mean := a.whole() + off*y/(x+y) + 1000
	spreads := max(a.variance-b.variance, b.variance-a.variance)
	far := min(product(min(off*off, longest*longest)+spreads, million, mean*mean), 1000*million)
	return x * y / (x + y) * far
}

// together is two kinds, the shorter first, as one of their mean and variance.
func together(a, b *span) span {
	both := a.share + b.share
	off := b.whole() - a.whole()
	k := span{share: both, fixed: min(a.fixed, b.fixed)}
	k.mean = a.whole() + product(off, b.share, both) - k.fixed
	between := product(product(off*off, a.share, both), b.share, both)
	k.variance = min(product(a.variance, a.share, both)+product(b.variance, b.share, both)+between, longest*longest)
	return k
}

// timing is all of it.
func (m *mixture) timing() (t timing) {
	m.reduce(spans)
	total, largest := int64(0), 0
	for i := range m.n {
		total += m.parts[i].share
	}
	n, rest := 0, int64(million)
	for i := range m.n {
		k := m.parts[i]
		if k.share = product(k.share, million, total); k.share == 0 {
			continue
		}
		t[n], rest = k, rest-k.share
		if k.share > t[largest].share {
			largest = n
		}
		n++
	}
	if n == 0 || n == 1 && t[0].whole() == 0 {
		return timing{}
	}
	t[largest].share += rest
	return t
}

// exceeds is the part of requests that take longer than a limit, in millionths.
func (t *timing) exceeds(limit time.Duration) (sum int64) {
	us := limit.Microseconds()
	for i := 0; i < spans && t[i].share > 0; i++ {
		sum += t[i].share * t[i].exceeds(us) / million
	}
	return sum
}

// within is the times of those that take no longer than a limit, and the part that does,
// in millionths.
func (t timing) within(limit time.Duration) (rest timing, late int64) {
	us := limit.Microseconds()
	var m mixture
	for i := 0; i < spans && t[i].share > 0; i++ {
		k := t[i]
		over := k.exceeds(us)
		late += k.share * over / million
		if over > 0 {
			k = k.below(us, over)
		}
		k.share *= 1000
		m.put(k)
	}
	switch {
	case late == 0:
		return t, 0
	case m.n == 0:
		return fixed(us), million
	}
	return m.timing(), late
}

// below is what takes no longer than us of a kind of which a part does. A gamma
// distribution weighted by its values is one whose shape is greater by one.
func (k span) below(us, over int64) span {
	rest := million - over
	k.share = product(k.share, rest, million)
	if k.share == 0 || k.variance == 0 {
		return k
	}
	us -= k.fixed
	once := span{mean: k.mean + k.variance/max(k.mean, 1), variance: k.variance + product(k.variance, k.variance, max(k.mean*k.mean, 1))}
	twice := span{mean: k.mean + 2*(k.variance/max(k.mean, 1)), variance: k.variance + 2*product(k.variance, k.variance, max(k.mean*k.mean, 1))}
	square := product(k.variance+k.mean*k.mean, million-twice.exceeds(us), rest)
	k.mean = min(product(k.mean, million-once.exceeds(us), rest), us)
	k.variance = min(max(square-k.mean*k.mean, 0), k.mean*(us-k.mean)) // which is the most there can be
	return k
}

// percentiles is within how long half of all are, and 99 of a hundred. Each is found to a
// thousandth for itself, so the first could come out as the larger where both are nearly the same.
func (t *timing) percentiles() (half, most time.Duration) {
	half = t.quantile(million / 2)
	return half, max(half, t.quantile(million/100*99))
}

// quantile is the time that a part of all, in millionths, take no longer than, or up to a
// thousandth more.
func (t *timing) quantile(part int64) time.Duration {
	if t[1].share == 0 {
		k := t[0].shape()
		return time.Duration(k.quantile(part)) * time.Microsecond
	}
	var shapes [spans]shape
	n := 0
	for ; n < spans && t[n].share > 0; n++ {
		shapes[n] = t[n].shape()
	}
	within := func(us int64) int64 {
		sum := int64(million)
		for i := range shapes[:n] {
			sum -= t[i].share * shapes[i].exceeds(us) / million
		}
		return sum
	}
	low, high, below, above := int64(0), int64(-1), part, int64(0)
	for i := range shapes[:n] {
		at := shapes[i].quantile(part)
		if high >= 0 && at >= high || at <= low {
			continue
		}
		if n := within(at); n < part {
			low, below = at, part-n
		} else {
			high, above = at, n-part
		}
	}
	if high < 0 {
		return time.Duration(low) * time.Microsecond
	}
	// As if it were a straight line, but for so little more or less that what is looked for is soon
	// between two that are near.
	for last := int64(0); high-low > high/1000+1; {
		middle, nudge := low+product(high-low, below, below+above), high/2500+1
		if below > above {
			nudge = -nudge
		}
		middle = min(max(middle+nudge, low+1), high-1)
		off := within(middle) - part
		switch again := last != 0 && (off < 0) == (last < 0); {
		case off < 0:
			if low, below = middle, -off; again {
				above /= 2
			}
		default:
			if high, above = middle, off; again {
				below = below/2 + 1
			}
		}
		last = off
	}
	return time.Duration(high) * time.Microsecond
}

// The parts of all, in millionths, of which gammas tells the quantiles.
var parts = [...]int64{
	0, 100, 1000, 5000, 10_000, 25_000, 50_000, 100_000, 150_000, 200_000, 250_000, 300_000, 350_000, 400_000, 450_000, 500_000, 550_000,
	600_000, 650_000, 700_000, 750_000, 800_000, 850_000, 900_000, 925_000, 950_000, 975_000, 990_000, 995_000, 999_000, 999_900, 999_990, 999_999,
}

// gammas is quantiles of gamma distributions, as thousandths of a standard deviation off the
// mean, by how many quarters of the mean the standard deviation is; those of no quarter are
// of a normal distribution. Linear between them is within a hundredth of all requests of the
// truth.
var gammas = [...][len(parts)]int64{
	{-5000, -3719, -3090, -2576, -2326, -1960, -1645, -1282, -1036, -842, -674, -524, -385, -253, -126, 0, 126, 253, 385, 524, 674, 842, 1036, 1282, 1440, 1645, 1960, 2326, 2576, 3090, 3719, 4265, 4753},
	{-4000, -2708, -2399, -2108, -1955, -1714, -1491, -1216, -1019, -857, -712, -578, -451, -328, -206, -83, 42, 173, 310, 458, 622, 808, 1032, 1323, 1516, 1774, 2185, 2686, 3041, 3811, 4821, 5762, 6654},
	{-2000, -1884, -1786, -1664, -1588, -1455, -1317, -1128, -980, -852, -732, -618, -506, -394, -281, -164, -42, 88, 227, 381, 555, 758, 1007, 1340, 1567, 1877, 2384, 3023, 3489, 4531, 5957, 7333, 8675},
	{-1333, -1328, -1313, -1282, -1256, -1201, -1131, -1018, -919, -825, -733, -641, -547, -449, -348, -240, -125, 1, 139, 295, 475, 691, 961, 1333, 1592, 1951, 2552, 3330, 3910, 5234, 7093, 8926, 10742},
	{-1000, -1000, -999, -995, -990, -975, -949, -895, -837, -777, -712, -643, -569, -489, -402, -307, -201, -84, 50, 204, 386, 609, 897, 1303, 1590, 1996, 2689, 3605, 4298, 5908, 8210, 10513, 12816},
	{-800, -800, -800, -800, -799, -797, -790, -771, -744, -711, -671, -625, -571, -510, -440, -360, -268, -161, -37, 111, 292, 518, 817, 1250, 1564, 2012, 2793, 3845, 4652, 6548, 9299, 12078, 14874},
	{-667, -667, -667, -667, -667, -666, -665, -660, -651, -636, -615, -588, -553, -511, -459, -396, -319, -227, -115, 23, 196, 420, 726, 1180, 1516, 2003, 2867, 4051, 4970, 7152, 10354, 13612, 16907},
	{-571, -571, -571, -571, -571, -571, -571, -570, -568, -562, -554, -540, -521, -494, -459, -413, -353, -278, -181, -57, 105, 322, 627, 1096, 1449, 1971, 2913, 4225, 5253, 7720, 11373, 15113, 18908},
	{-500, -500, -500, -500, -500, -500, -500, -500, -499, -498, -495, -489, -480, -465, -443, -413, -370, -312, -232, -125, 21, 226, 525, 1001, 1368, 1920, 2933, 4368, 5504, 8253, 12357, 16579, 20876},
	{-444, -444, -444, -444, -444, -444, -444, -444, -444, -444, -443, -441, -437, -430, -418, -400, -371, -329, -268, -179, -51, 137, 425, 900, 1277, 1853, 2931, 4483, 5724, 8752, 13305, 18010, 22809},
	{-400, -400, -400, -400, -400, -400, -400, -400, -400, -400, -400, -399, -398, -395, -389, -379, -362, -333, -288, -218, -110, 58, 328, 795, 1178, 1773, 2909, 4573, 5916, 9220, 14220, 19407, 24709},
	{-364, -364, -364, -364, -364, -364, -364, -364, -364, -364, -364, -363, -363, -362, -360, -355, -345, -327, -296, -244, -156, -10, 238, 691, 1074, 1683, 2871, 4640, 6083, 9658, 15103, 20772, 26577},
	{-333, -333, -333, -333, -333, -333, -333, -333, -333, -333, -333, -333, -333, -333, -332, -330, -325, -315, -295, -258, -189, -67, 157, 589, 968, 1585, 2817, 4687, 6226, 10068, 15957, 22106, 28413},
	{-308, -308, -308, -308, -308, -308, -308, -308, -308, -308, -308, -308, -308, -308, -307, -306, -304, -299, -287, -262, -211, -111, 86, 492, 862, 1483, 2752, 4715, 6348, 10453, 16782, 23411, 30220},
	{-286, -286, -286, -286, -286, -286, -286, -286, -286, -286, -286, -286, -286, -286, -286, -285, -284, -282, -275, -259, -223, -144, 25, 400, 759, 1377, 2676, 4726, 6449, 10813, 17580, 24688, 31999},
	{-267, -267, -267, -267, -267, -267, -267, -267, -267, -267, -267, -267, -267, -267, -267, -267, -266, -265, -261, -252, -227, -168, -26, 316, 659, 1270, 2592, 4722, 6533, 11152, 18353, 25938, 33750},
	{-250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -250, -249, -248, -242, -226, -182, -67, 239, 564, 1163, 2500, 4705, 6599, 11469, 19102, 27164, 35476},
}

// shape is a kind of time by what is looked up of its distribution.
type shape struct {
	fixed, mean, deviation int64
	row                    int   // of gammas: the whole quarters of the mean that the standard deviation is
	along                  int64 // the millionths of the way to the next one
	column                 int   // of gammas, where it was looked up last: the next time is often near
}

// shapeOf is the shape of a time by its mean and standard deviation.
func shapeOf(fixed, mean, deviation int64) shape {
	k := shape{fixed: fixed, mean: mean, deviation: deviation, row: len(gammas) - 2, along: million}
	if quarters := product(deviation, 4*million, max(mean, 1)); quarters < int64(len(gammas)-1)*million {
		k.row, k.along = int(quarters/million), quarters%million
	}
	return k
}

// exponential is that of a time that is spread like an exponential distribution.
func (k *shape) exponential(us int64) *shape {
	*k = shape{mean: us, deviation: us, row: 4, column: k.column}
	return k
}

func (k *span) shape() shape {
	return shapeOf(k.fixed, k.mean, sim.Root(uint64(k.variance)))
}

// standard is a quantile between two rows of gammas.
func (k *shape) standard(column int) int64 {
	a, b := int64(gammas[k.row][column]), int64(gammas[k.row+1][column])
	return a*1000 + (b-a)*k.along/1000 // millionths
}

// exceeds is the part of a kind that takes longer than us, in millionths.
func (k *span) exceeds(us int64) int64 {
	const far = 36 // deviations, beyond what gammas tells of any
	if off := us - k.whole(); off > 0 && off*off/(far*far) >= k.variance {
		return 0
	}
	s := k.shape()
	return s.exceeds(us)
}

func (k *shape) exceeds(us int64) int64 {
	us -= k.fixed
	switch {
	case us < 0:
		return million
	case k.deviation == 0 && us < k.mean:
		return million
	case k.deviation == 0:
		return 0
	case us == 0:
		return million
	}
	off := us - k.mean
	z := min(product(max(off, -off), million, k.deviation), 40*million)
	if off < 0 {
		z = -z
	}
	low := k.column
	a, b := k.standard(low), k.standard(low+1)
	if z < a || z >= b {
		high := len(parts) - 1
		if z >= k.standard(high) {
			return 0
		}
		for low = 0; high-low > 1; {
			if middle := (low + high) / 2; z < k.standard(middle) {
				high = middle
			} else {
				low = middle
			}
		}
		k.column = low
		a, b = k.standard(low), k.standard(high)
	}
	high := low + 1
	if z <= a {
		return million - parts[low]
	}
	return million - parts[low] - (parts[high]-parts[low])*(z-a)/(b-a)
}

// quantile is the time that a part of a kind, in millionths, take no longer than.
func (k *shape) quantile(part int64) int64 {
	if k.deviation == 0 {
		return k.fixed + k.mean
	}
	i := 1
	for i < len(parts)-1 && part > parts[i] {
		i++
	}
	a, b := k.standard(i-1), k.standard(i)
	z := a + (b-a)*(part-parts[i-1])/(parts[i]-parts[i-1])
	off := product(k.deviation, max(z, -z), million)
	if z < 0 {
		off = -off
	}
	return k.fixed + max(k.mean+off, 0)
}

// product is a times b/c, rounded down, or the most there is.
func product(a, b, c int64) int64 { return sim.Scale(a, b, c) }
