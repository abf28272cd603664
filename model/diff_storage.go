package model

import "strings"

func (d *Differ) claim(a, b *Claim) {
	if d.deleted {
		d.text("spec.volumeName", a.Volume, "")
		d.emit("status.phase", a.Phase.String(), "")
		return
	}
	d.flag("metadata.annotations.pv.kubernetes.io/bind-completed", [2]bool{a.Bound, b.Bound})
	d.text("metadata.annotations.volume.kubernetes.io/selected-node", a.SelectedNode, b.SelectedNode)
	d.text("metadata.annotations.volume.kubernetes.io/storage-provisioner", a.Provisioner, b.Provisioner)
	d.meta(&a.Meta, &b.Meta)
	if a.Modes != b.Modes {
		d.emit("spec.accessModes", a.Modes.String(), b.Modes.String())
	}
	d.number("spec.resources.requests.storage", a.Bytes, b.Bytes)
	d.selector(a.Selector, b.Selector)
	d.text("spec.storageClassName", a.Class, b.Class)
	d.text("spec.volumeAttributesClassName", a.Attributes, b.Attributes)
	d.text("spec.volumeMode", mode(a.Block), mode(b.Block))
	d.text("spec.volumeName", a.Volume, b.Volume)
	if d.created || a.Phase != b.Phase {
		d.emit("status.phase", a.Phase.String(), b.Phase.String())
	}
}

func (d *Differ) volume(a, b *Volume) {
	if d.deleted {
		d.text("spec.claimRef", a.Claim, "")
		d.emit("status.phase", a.Phase.String(), "")
		return
	}
	d.meta(&a.Meta, &b.Meta)
	if a.Modes != b.Modes {
		d.emit("spec.accessModes", a.Modes.String(), b.Modes.String())
	}
	d.number("spec.capacity.storage", a.Bytes, b.Bytes)
	d.text("spec.claimRef", a.claimRef(), b.claimRef())
	d.text("spec.csi.driver", a.Driver, b.Driver)
	d.text("spec.csi.volumeHandle", a.Handle, b.Handle)
	if d.created {
		d.text("spec.nodeAffinity", "", nodeTerms(b.Affinity))
	}
	d.text("spec.persistentVolumeReclaimPolicy", reclaim(a.Retain), reclaim(b.Retain))
	d.text("spec.storageClassName", a.Class, b.Class)
	d.text("spec.volumeAttributesClassName", a.Attributes, b.Attributes)
	d.text("spec.volumeMode", mode(a.Block), mode(b.Block))
	if d.created || a.Phase != b.Phase {
		d.emit("status.phase", a.Phase.String(), b.Phase.String())
	}
}

func (d *Differ) attachment(a, b *VolumeAttachment) {
	d.meta(&a.Meta, &b.Meta)
	d.text("spec.attacher", a.Attacher, b.Attacher)
	d.text("spec.nodeName", a.Node, b.Node)
	d.text("spec.source.persistentVolumeName", a.Volume, b.Volume)
	d.text("status.attachError.message", a.Error, b.Error)
	d.flag("status.attached", [2]bool{a.Attached, b.Attached})
}

// claimRef is the claim with the number that tells it from others of its name.
func (x *Volume) claimRef() string {
	if x.ClaimID == 0 {
		return x.Claim
	}
	return x.Claim + " " + uid(Ref{KindPersistentVolumeClaim, x.ClaimID})
}

// mode is volumeMode, of which Filesystem is the default.
func mode(block bool) string {
	if block {
		return "Block"
	}
	return ""
}

// reclaim is a reclaim policy, of which Delete is the default of what is made for
// a claim.
func reclaim(retain bool) string {
	if retain {
		return "Retain"
	}
	return ""
}

// String is the modes as kubectl prints them.
func (m AccessModes) String() string {
	var list []string
	for i, name := range [...]string{"RWO", "ROX", "RWX", "RWOP"} {
		if m&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	return strings.Join(list, ",")
}

// nodeTerms is where a volume can be reached from.
func nodeTerms(terms []NodeTerm) string {
	var list []string
	for _, t := range terms {
		list = append(list, requirementsText(append(t.Labels[:len(t.Labels):len(t.Labels)], t.Names...)))
	}
	return strings.Join(list, " or ")
}
