package report

import "testing"

// What is told of one is told in the singular.
func TestWhatIsToldOfOneIsInTheSingular(t *testing.T) {
	one, two := &group{n: 1, subjects: []string{"pod/a"}}, &group{n: 2, subjects: []string{"pod/a", "pod/b"}}
	for _, c := range []struct {
		what     what
		one, two string
	}{
		{happened(podPressed), "1 pod evicted by the kubelet: pod/a", "2 pods evicted by the kubelet: pod/a, pod/b"},
		{happened(podReplaced), "1 pod created in place of what was evicted: pod/a", "2 pods created in place of what was evicted: pod/a, pod/b"},
		{happened(podOOMKilled), "1 OOM kill: pod/a", "2 OOM kills: pod/a, pod/b"},
		{nodeLost, "pod/a not Ready", "2 nodes not Ready: pod/a, pod/b"},
	} {
		say := chapters[c.what].say
		if got := say(one); got != c.one {
			t.Errorf("of one: %s, want %s", got, c.one)
		}
		if got := say(two); got != c.two {
			t.Errorf("of two: %s, want %s", got, c.two)
		}
	}
}
