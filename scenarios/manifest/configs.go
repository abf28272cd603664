package manifest

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"orrery/model"
	"orrery/scenarios/strict"
)

// Of ConfigMaps and Secrets the keys count: whether there is what a pod needs to start. What
// they say is what its processes read, and not kept.

// readConfigMap reads a ConfigMap.
func readConfigMap(o *object) {
	before := o.set.decoder.wrong
	var in corev1.ConfigMap
	if !decode(o, &in) || o.set.state {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(in.Data)) {
		if _, twice := in.BinaryData[key]; twice {
			o.root().fields("data", key).errorf("is in binaryData, too")
		}
	}
	o.config(before, &in.ObjectMeta, in.Immutable, bag{"data", sizes(in.Data)}, bag{"binaryData", sizes(in.BinaryData)})
}

// readSecret reads a Secret.
func readSecret(o *object) {
	before := o.set.decoder.wrong
	var in corev1.Secret
	if !decode(o, &in) || o.set.state {
		return
	}
	o.config(before, &in.ObjectMeta, in.Immutable, bag{"data", sizes(in.Data)}, bag{"stringData", sizes(in.StringData)})
}

// bag is a field that holds values, and how long each is.
type bag struct {
	field string
	sizes map[string]int
}

func sizes[V string | []byte](data map[string]V) map[string]int {
	out := make(map[string]int, len(data))
	for key, value := range data {
		out[key] = len(value)
	}
	return out
}

// maxConfigBytes is how long all values may be together
// (k8s.io/api/core/v1/types.go MaxSecretSize).
const maxConfigBytes = 1 << 20

// config keeps the keys, checked as API servers do (pkg/apis/core/validation/validation.go
// ValidateConfigMap, ValidateSecret).
func (o *object) config(before int, meta *metav1.ObjectMeta, immutable *bool, bags ...bag) {
	c := &model.Config{Meta: o.meta, Immutable: isSet(immutable)}
	c.Labels = o.labels(o.root().fields("metadata", "labels"), meta.Labels)
	total := 0
	for _, b := range bags {
		for _, key := range slices.Sorted(maps.Keys(b.sizes)) {
			checkKey(o.root().fields(b.field, key), key)
			c.Keys = append(c.Keys, key)
			total += b.sizes[key]
		}
	}
	if total > maxConfigBytes {
		o.root().field(bags[0].field).errorf("%d bytes are more than a %s may have: %d", total, o.kind.typed.kind, maxConfigBytes)
	}
	slices.Sort(c.Keys)
	c.Keys = slices.Compact(c.Keys)
	o.keep(before, c)
}

func checkKey(p *place, key string) {
	if wrong := validation.IsConfigMapKey(key); len(wrong) > 0 {
		p.errorf("%s is no key such as app.conf: letters, digits, '-', '_' and '.', at most 253", strict.Quote(key))
	}
}

func isSet(b *bool) bool { return b != nil && *b }

// rootCA is a ConfigMap that every namespace has
// (pkg/controller/certificates/rootcacertpublisher/publisher.go).
const rootCA = "kube-root-ca.crt"

// configUse is a use of a ConfigMap or a Secret, and where it is written.
type configUse struct {
	*model.ConfigUse
	namespace string
	at        *place
}

// configs reads which ConfigMaps, Secrets and ServiceAccount a pod needs: its own, its volumes,
// and the environments of its containers.
func (o *object) configs(p *place, s *corev1.PodSpec, spec *model.PodSpec) {
	o.account(p, s, spec)
	var found uses
	for i := range s.Volumes {
		found.ofVolume(p.field("volumes").item(i), &s.Volumes[i])
	}
	spec.Configs = found.keep(o)
	for _, part := range []struct {
		name string
		of   []corev1.Container
		to   []model.Container
	}{{"initContainers", s.InitContainers, spec.InitContainers}, {"containers", s.Containers, spec.Containers}} {
		for i := range part.to {
			found = uses{}
			found.ofEnvironment(p.field(part.name).item(i), &part.of[i])
			part.to[i].Env = found.keep(o)
		}
	}
}

// uses is what one list of uses is made of.
type uses struct {
	volume string // of the pod, whose sources are read
	list   []model.ConfigUse
	at     []*place
}

// keep has the list looked through when it is known what there is.
func (u *uses) keep(o *object) []model.ConfigUse {
	for i := range u.list {
		if u.list[i].Name != rootCA {
			o.set.decoder.configUses = append(o.set.decoder.configUses, configUse{&u.list[i], o.meta.Namespace, u.at[i]})
		}
	}
	return u.list
}

// add adds a use of what the name at a place says.
func (u *uses) add(at *place, kind model.Kind, name string, optional *bool, keys ...string) {
	if name == "" {
		at.errorf("is missing")
		return
	}
	u.list = append(u.list, model.ConfigUse{Kind: kind, Name: name, Keys: keys, Volume: u.volume, Optional: isSet(optional)})
	u.at = append(u.at, at)
}

func (u *uses) ofVolume(p *place, v *corev1.Volume) {
	u.volume = v.Name
	if c := v.ConfigMap; c != nil {
		u.add(p.fields("configMap", "name"), model.KindConfigMap, c.Name, c.Optional, files(c.Items)...)
	}
	if c := v.Secret; c != nil {
		u.add(p.fields("secret", "secretName"), model.KindSecret, c.SecretName, c.Optional, files(c.Items)...)
	}
	if v.Projected == nil {
		return
	}
	for i := range v.Projected.Sources {
		at, from := p.fields("projected", "sources").item(i), &v.Projected.Sources[i]
		if c := from.ConfigMap; c != nil {
			u.add(at.fields("configMap", "name"), model.KindConfigMap, c.Name, c.Optional, files(c.Items)...)
		}
		if c := from.Secret; c != nil {
			u.add(at.fields("secret", "name"), model.KindSecret, c.Name, c.Optional, files(c.Items)...)
		}
	}
}

// files is the keys that become files.
func files(items []corev1.KeyToPath) (keys []string) {
	for i := range items {
		keys = append(keys, items[i].Key)
	}
	return keys
}

// ofEnvironment has envFrom before env, as a kubelet reads them
// (pkg/kubelet/kubelet_pods.go makeEnvironmentVariables).
func (u *uses) ofEnvironment(p *place, c *corev1.Container) {
	for i := range c.EnvFrom {
		at, from := p.field("envFrom").item(i), &c.EnvFrom[i]
		if r := from.ConfigMapRef; r != nil {
			u.add(at.fields("configMapRef", "name"), model.KindConfigMap, r.Name, r.Optional)
		}
		if r := from.SecretRef; r != nil {
			u.add(at.fields("secretRef", "name"), model.KindSecret, r.Name, r.Optional)
		}
	}
	for i := range c.Env {
		at, from := p.field("env").item(i).field("valueFrom"), c.Env[i].ValueFrom
		if from == nil {
			continue
		}
		if r := from.ConfigMapKeyRef; r != nil {
			checkKey(at.fields("configMapKeyRef", "key"), r.Key)
			u.add(at.fields("configMapKeyRef", "name"), model.KindConfigMap, r.Name, r.Optional, r.Key)
		}
		if r := from.SecretKeyRef; r != nil {
			checkKey(at.fields("secretKeyRef", "key"), r.Key)
			u.add(at.fields("secretKeyRef", "name"), model.KindSecret, r.Name, r.Optional, r.Key)
		}
	}
}

// accountUse is a pod that names a service account, and where.
type accountUse struct {
	spec      *model.PodSpec
	namespace string
	at        *place
}

// account remembers that a pod names a service account; default is always there.
func (o *object) account(p *place, s *corev1.PodSpec, spec *model.PodSpec) {
	if spec.Account == "" || spec.Account == model.DefaultAccount {
		return
	}
	field := "serviceAccountName"
	if s.ServiceAccountName == "" {
		field = "serviceAccount"
	}
	o.set.decoder.accounts = append(o.set.decoder.accounts, accountUse{spec, o.meta.Namespace, p.field(field)})
}

// Assume learns of which ConfigMaps, Secrets and ServiceAccounts the scenario says whether they are there. All
// others are taken to be, as people seldom write them down beside what needs them; that is told of each kind.
func (d *Decoder) Assume(known func(kind model.Kind, namespace, name string) bool) {
	for _, u := range d.configUses {
		if u.Known = known(u.Kind, u.namespace, u.Name); !u.Known {
			u.at.object.note(u.at, u.Kind.String()+"s that are not given: taken to be there, with all keys")
		}
	}
	for _, u := range d.accounts {
		if u.spec.AccountKnown = known(model.KindServiceAccount, u.namespace, u.spec.Account); !u.spec.AccountKnown {
			u.at.object.note(u.at, "ServiceAccounts that are not given: taken to be there")
		}
	}
	d.configUses, d.accounts = nil, nil
}
