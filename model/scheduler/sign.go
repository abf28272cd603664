package scheduler

import (
	"encoding/binary"

	"orrery/model"
)

// Keys of classes are built from these: each value says where it ends, so two
// different pods never make the same bytes.

func signNumber(key []byte, n int64) []byte { return binary.AppendVarint(key, n) }

func signText(key []byte, s string) []byte { return append(signNumber(key, int64(len(s))), s...) }

func signResources(key []byte, r *model.Resources) []byte {
	for _, n := range [...]int64{r.CPUMilli, r.MemoryBytes, r.EphemeralBytes, int64(len(r.Extended))} {
		key = signNumber(key, n)
	}
	for _, x := range r.Extended {
		key = signNumber(signText(key, x.Name), x.Count)
	}
	return key
}

// signTolerations leaves out for how long: that is another component's affair.
func signTolerations(key []byte, list []model.Toleration) []byte {
	key = signNumber(key, int64(len(list)))
	for i := range list {
		t := &list[i]
		key = signText(signText(key, t.Key), t.Value)
		how := byte(t.Effect) << 1
		if t.Exists {
			how |= 1
		}
		key = append(key, how)
	}
	return key
}

func signTerm(key []byte, t *model.NodeTerm) []byte {
	return signRequirements(signRequirements(key, t.Labels), t.Names)
}

func signRequirements(key []byte, list []model.Requirement) []byte {
	key = signNumber(key, int64(len(list)))
	for i := range list {
		r := &list[i]
		key = append(signText(key, r.Key), byte(r.Op))
		key = signNumber(key, int64(len(r.Values)))
		for _, v := range r.Values {
			key = signText(key, v)
		}
	}
	return key
}
