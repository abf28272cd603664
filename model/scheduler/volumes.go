package scheduler

import "orrery/model"

// volumes is the claims, volumes and storage classes of the cluster. They are
// told before the pods that use them and stay as they are, but for the node
// that was selected for a claim that waited for its first consumer.
type volumes struct {
	claims   map[claimKey]*model.Claim
	volumes  map[string]*model.Volume
	classes  map[string]*model.StorageClass
	selected map[claimKey]uint32 // node IDs
}

// claimKey names a claim.
//
//tidy:key compared as a whole
type claimKey struct{ namespace, name string }

func newVolumes() volumes {
	return volumes{map[claimKey]*model.Claim{}, map[string]*model.Volume{}, map[string]*model.StorageClass{}, map[claimKey]uint32{}}
}

// claimsOf is the names of a pod's claims.
func claimsOf(pod *model.Pod) []string {
	if pod.Spec.Placement == nil {
		return nil
	}
	return pod.Spec.Placement.Claims
}

// unbound tells whether a claim has no volume yet and waits for a pod to be
// placed.
func (v *volumes) unbound(c *model.Claim) (*model.StorageClass, bool) {
	class := v.classes[c.Class]
	return class, c.Volume == "" && class != nil && class.Wait
}

// selectNode notes where the volumes of a pod's unbound claims will be made.
func (v *volumes) selectNode(pod *model.Pod, id uint32) {
	for _, name := range claimsOf(pod) {
		key := claimKey{pod.Namespace, name}
		if c := v.claims[key]; c != nil {
			if _, waits := v.unbound(c); waits {
				v.selected[key] = id
			}
		}
	}
}

func signClaims(key []byte, pod *model.Pod) []byte {
	claims := claimsOf(pod)
	key = signNumber(key, int64(len(claims)))
	if len(claims) == 0 {
		return key
	}
	return signWords(signText(key, pod.Namespace), claims)
}
