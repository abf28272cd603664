package scenarios

import (
	"orrery/model/runtime"
	"orrery/scenarios/strict"
)

// countUse reads "20 + 1/rps + 0.5/s": how many processes or files a container has from
// the start, and in thousandths for each request per second that arrives, if that may be
// said, and more every second.
func countUse(v strict.Value, what string, byLoad bool) (base, milliPerRPS, milliPerSecond int64) {
	rates := []term{{read: func(text string) (err error) {
		base, err = strict.ParseInt(text, 0, maxCount)
		return err
	}}}
	if byLoad {
		rates = append(rates, milliTerm("/rps", &milliPerRPS))
	}
	terms(v, what, append(rates, milliTerm("/s", &milliPerSecond))...)
	return base, milliPerRPS, milliPerSecond
}

func milliTerm(rate string, into *int64) term {
	return term{rate, func(text string) (err error) {
		*into, err = strict.ParseMilli(text, 0, 1_000_000_000)
		return err
	}}
}

// volumes reads what a container writes into emptyDirs of its pod, by their names.
func (l *loader) volumes(v strict.Value, b *runtime.Behavior) (out []runtime.VolumeUse) {
	if !v.Given() {
		return nil
	}
	for _, e := range v.Entries() {
		u := runtime.VolumeUse{Name: e.Key.DNSLabel()}
		u.Bytes, u.Growth = diskUse(e.Value)
		out = append(out, u)
		if u.Name != "" && !l.hasEmptyDir(b, u.Name) {
			e.Key.Errorf("no pod that it is about has an emptyDir %s%s", strict.Quote(u.Name), strict.DidYouMean(u.Name, l.emptyDirs(b)))
		}
	}
	return out
}

// emptyDirs is the names of all emptyDirs of pods that a behavior may be about.
func (l *loader) emptyDirs(b *runtime.Behavior) (names []string) {
	for _, g := range l.known.pods {
		if g.in(b.Namespace, b.Match) {
			for i := range g.spec.EmptyDirs {
				names = append(names, g.spec.EmptyDirs[i].Name)
			}
		}
	}
	return names
}

func (l *loader) hasEmptyDir(b *runtime.Behavior, name string) bool {
	for _, g := range l.known.pods {
		if !l.compared() || g.in(b.Namespace, b.Match) && g.spec.EmptyDir(name) != nil {
			return true
		}
	}
	return len(l.known.pods) == 0 || l.incomplete() // which is said elsewhere
}
