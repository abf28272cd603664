package controller

import (
	"testing"
	"time"

	"orrery/model"
)

// Source: pkg/controller/volume/persistentvolume/pv_controller.go syncUnboundClaim,
// "User asked for a specific PV": one that is not there yet is waited for, and one
// that does not satisfy the claim is not taken (checkVolumeSatisfyClaim).
func TestAClaimIsBoundToTheVolumeItNamesAlsoIfThatIsSeenLater(t *testing.T) {
	for want, change := range map[string]func(*model.Claim){
		"":                                func(*model.Claim) {},
		"requested PV is too small":       func(c *model.Claim) { c.Bytes = 20 },
		"storageClassName does not match": func(c *model.Claim) { c.Class = "fast" },
		"incompatible volumeMode":         func(c *model.Claim) { c.Block = true },
		"incompatible accessMode":         func(c *model.Claim) { c.Modes = model.ReadWriteMany },
	} {
		for _, volumeFirst := range []bool{true, false} {
			r := newRig(t, rigConfig{storage: &model.Storage{}})
			claim := &model.Claim{
				Meta:   model.Meta{Kind: model.KindPersistentVolumeClaim, Namespace: "default", Name: "data"},
				Volume: "disk", Class: "slow", Bytes: 10, Modes: model.ReadWriteOnce,
			}
			change(claim)
			volume := &model.Volume{Meta: model.Meta{Kind: model.KindPersistentVolume, Name: "disk"}, Class: "slow", Bytes: 10, Modes: model.ReadWriteOnce}
			objects := []model.Object{volume, claim}
			if !volumeFirst {
				objects = []model.Object{claim, volume}
			}
			for _, o := range objects {
				r.store.Create(r.user.id, o)
				r.run(t, 5*time.Second)
			}
			r.run(t, 30*time.Second)
			now := r.store.Get(claim.Ref()).(*model.Claim)
			if now.Bound != (want == "") || (now.Phase == model.ClaimBound) != now.Bound {
				t.Errorf("%q, volume first %v: bound %v, phase %v", want, volumeFirst, now.Bound, now.Phase)
			}
			said := ""
			for _, n := range r.told("VolumeMismatch") {
				said = n.Message
			}
			if volumeFirst && want != "" && said != `Cannot bind to requested volume "disk": `+want {
				t.Errorf("said %q", said)
			}
		}
	}
}
