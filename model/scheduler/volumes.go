package scheduler

import (
	"slices"
	"strconv"

	"orrery/model"
	"orrery/model/store"
)

// volumes is the storage of the cluster as far as the scheduler knows: what it was
// told or has seen, and on top of that what Reserve assumed. A claim that waited
// for its first consumer has a volume kept for it, or a node selected.
type volumes struct {
	claims  map[claimKey]*model.Claim
	volumes map[string]*model.Volume
	byClass map[string][]*model.Volume // in the order in which they were told
	classes map[string]*model.StorageClass
	users   map[claimKey]int // placed pods, ephemeral claims left out
	version uint64           // counts the changes
	// live: claims and volumes are objects of a run, which others bind; else what was
	// chosen is bound at once. Then claims and volumes above are copies that are
	// written, and these the versions last seen.
	live        bool
	seenClaims  store.Table[*model.Claim]
	seenVolumes store.Table[*model.Volume]

	seenAttachments store.Table[*model.VolumeAttachment]

	limits     map[string]map[string]int // by node and driver
	attached   map[string][]string       // volumes by node
	capacities []model.StorageCapacity
	published  map[string]bool // drivers that publish their capacity
}

// claimKey names a claim.
//
//tidy:key compared as a whole
type claimKey struct{ namespace, name string }

func newVolumes() volumes {
	return volumes{
		claims: map[claimKey]*model.Claim{}, volumes: map[string]*model.Volume{}, byClass: map[string][]*model.Volume{},
		classes: map[string]*model.StorageClass{}, users: map[claimKey]int{}, limits: map[string]map[string]int{},
		attached: map[string][]string{}, published: map[string]bool{},
	}
}

// claimsOf is the claims that a pod uses.
func claimsOf(pod *model.Pod) []model.ClaimUse { return pod.Uses() }

func disksOf(pod *model.Pod) []model.Disk {
	if pod.Spec.Placement == nil {
		return nil
	}
	return pod.Spec.Placement.Disks
}

// of is the claim that a pod uses, nil if there is none.
func (v *volumes) of(pod *model.Pod, u model.ClaimUse) *model.Claim {
	return v.claims[claimKey{pod.Namespace, u.Of(pod)}]
}

// waits tells whether a claim has no volume and is given one when a pod is
// placed; its class is not nil then.
func (v *volumes) waits(c *model.Claim) (*model.StorageClass, bool) {
	class := v.classes[c.Class]
	return class, c.Volume == "" && class != nil && class.Wait
}

// use counts a placed pod's claims, or with sign -1 no more.
func (v *volumes) use(pod *model.Pod, sign int) {
	for _, u := range claimsOf(pod) {
		if !u.Ephemeral {
			v.users[claimKey{pod.Namespace, u.Name}] += sign
		}
	}
}

// match is the volume for a claim on a node, or on any if it is nil: the one that is kept for it, or the
// smallest that is large enough, of those not taken. Of equally small ones it is
// the first told; the original finds them in the random order of a map
// (k8s.io/component-helpers/storage/volume/pv_helpers.go FindMatchingVolume).
func (v *volumes) match(c *model.Claim, node *model.Node, taken []*model.Volume) (best *model.Volume) {
	for _, x := range v.byClass[c.Class] {
		if slices.Contains(taken, x) || !c.Suits(x) {
			continue
		}
		reachable := node == nil || matchesAny(x.Affinity, node)
		switch {
		case x.Claim == c.Key() && (x.ClaimID == 0 || x.ClaimID == c.ID):
			if !reachable {
				return nil
			}
			return x
		case !reachable, !c.May(x):
		case best == nil || x.Bytes < best.Bytes:
			best = x
		}
	}
	return best
}

// enough tells whether a volume for the claim can be made for a node, as far as
// its driver says (binder.go hasEnoughCapacity).
func (v *volumes) enough(c *model.Claim, class *model.StorageClass, node *model.Node) bool {
	if !c.Sized || !v.published[class.Provisioner] {
		return true
	}
	return slices.ContainsFunc(v.capacities, func(x model.StorageCapacity) bool {
		return x.Class == class.Name && x.Bytes >= c.Bytes && x.Nodes.Matches(node.Labels)
	})
}

// AddStorage tells what storage there is, before any pod that uses it.
func (p *Planner) AddStorage(s *model.Storage) { p.search.cache.volumes.add(s) }

func (v *volumes) add(s *model.Storage) {
	for _, c := range s.Claims {
		v.claims[claimKey{c.Namespace, c.Name}] = c
	}
	for _, x := range s.Volumes {
		v.volumes[x.Name] = x
		v.byClass[x.Class] = append(v.byClass[x.Class], x)
	}
	for _, c := range s.Classes {
		v.classes[c.Name] = c
	}
	for _, l := range s.Limits {
		if v.limits[l.Node] == nil {
			v.limits[l.Node] = map[string]int{}
		}
		v.limits[l.Node][l.Driver] = int(l.Count)
	}
	for _, a := range s.Attachments {
		if v.live {
			break // they are objects
		}
		v.attached[a.Node] = append(v.attached[a.Node], a.Volume)
	}
	v.capacities = append(v.capacities, s.Capacities...)
	for _, driver := range s.Drivers {
		v.published[driver] = true
	}
}

func signClaims(key []byte, pod *model.Pod) []byte {
	claims := claimsOf(pod)
	key = signNumber(key, int64(len(claims)))
	if len(claims) == 0 {
		return key
	}
	key = signText(key, pod.Namespace)
	for _, u := range claims {
		if key = signText(key, u.Name); u.Ephemeral {
			key = signText(append(key, '!'), pod.Name) // whose it is
		} else {
			key = append(key, '.')
		}
	}
	return key
}

// claimWatch is a view of a class of pods that goes stale when storage changes, if
// those pods use any.
type claimWatch struct {
	all     *volumes
	version uint64
	used    bool
}

func (v *volumes) watch(pod *model.Pod) claimWatch {
	return claimWatch{v, v.version, len(claimsOf(pod)) > 0}
}

// Stale implements Watcher.
func (w *claimWatch) Stale() bool { return w.used && w.version != w.all.version }

func notFound(claim string) string {
	return "persistentvolumeclaim " + strconv.Quote(claim) + " not found"
}
