package scheduler

import "orrery/model"

// addRun tells of the storage of a run: a copy, since runs share what they were
// given, with what the PersistentVolume controller would have done before any
// pod is placed.
func (v *volumes) addRun(s *model.Storage) {
	v.provisions = true
	own := *s
	own.Claims, own.Volumes = copies(s.Claims), copies(s.Volumes)
	v.add(&own)
	for _, c := range own.Claims {
		v.bindNow(c)
	}
}

func copies[T any](list []*T) (out []*T) {
	for _, x := range list {
		c := *x
		out = append(out, &c)
	}
	return out
}

// bindNow binds a claim that does not wait for a pod: to the volume that names it
// or the smallest that is large enough, wherever that can be reached, or to one
// made for it where its class lets volumes be made
// (pkg/controller/volume/persistentvolume/pv_controller.go syncUnboundClaim). Here
// it differs: it takes no time, and a class that nobody described makes volumes
// that every node can reach.
func (v *volumes) bindNow(c *model.Claim) {
	class, described := v.classes[c.Class]
	if c.Volume != "" || described && class.Wait {
		return
	}
	if x := v.match(c, nil, nil); x != nil {
		c.Volume, c.Bound = x.Name, true
		x.Claim, x.Available = c.Namespace+"/"+c.Name, false
		return
	}
	if described && (class.Provisioner == "" || class.Provisioner == model.NoProvisioner) || c.Selector != nil {
		return // nobody makes one: it stays unbound
	}
	made := v.provision(c, nil)
	if described {
		made.Affinity = class.Topologies
	}
	c.Volume, c.Bound = made.Name, true
}

// provision makes a volume for a claim that only the zone of a node can reach, as
// the disks of clouds are; only the node if it has no zone, all nodes if it is nil.
func (v *volumes) provision(c *model.Claim, node *model.Node) *model.Volume {
	made := &model.Volume{Name: "pvc-" + c.Namespace + "-" + c.Name, Class: c.Class, Bytes: c.Bytes, Modes: c.Modes, Claim: c.Namespace + "/" + c.Name}
	if class := v.classes[c.Class]; class != nil {
		made.Driver, made.Handle = class.Provisioner, made.Name
	}
	if node != nil {
		where := model.Requirement{Key: model.LabelZone, Op: model.In, Values: []string{node.Labels.Value(model.LabelZone)}}
		if where.Values[0] == "" {
			where = model.Requirement{Key: model.LabelHostname, Op: model.In, Values: []string{node.Labels.Value(model.LabelHostname)}}
		}
		made.Affinity = []model.NodeTerm{{Labels: []model.Requirement{where}}}
	}
	v.volumes[made.Name] = made
	return made
}
