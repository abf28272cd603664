package sim

import "testing"

type again struct {
	k  *Kernel
	id ActorID
}

func (a *again) Wake(now Time, why Why, about uint64) { a.k.Post(now.Add(3), a.id, why, about) }

func TestSmoke(t *testing.T) {
	k := New(Config{Limits: Limits{Events: 1000}})
	a := &again{k: k}
	a.id = k.Register("a", a)
	k.Post(0, a.id, 1, 2)
	if err := k.Run(100); err != nil || k.Events() != 34 || k.Now() != 100 {
		t.Fatal(err, k.Events(), k.Now())
	}
	t.Log(k.Run(Never))
}
