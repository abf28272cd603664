package manifest

import (
	"maps"
	"slices"
	"strings"

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
	o.config(before, &in.ObjectMeta, in.Immutable, bag{"data", o.secretKeys(&in)}, bag{"stringData", sizes(in.StringData)})
}

// typedKeys is what Secrets of some types have to have (pkg/apis/core/validation/validation.go ValidateSecret).
var typedKeys = map[corev1.SecretType][]string{
	corev1.SecretTypeDockercfg:        {corev1.DockerConfigKey},
	corev1.SecretTypeDockerConfigJson: {corev1.DockerConfigJsonKey},
	corev1.SecretTypeSSHAuth:          {corev1.SSHAuthPrivateKey},
	corev1.SecretTypeTLS:              {corev1.TLSCertKey, corev1.TLSPrivateKeyKey},
}

// secretKeys is the data of a Secret, and what a controller adds to one for a token
// (pkg/controller/serviceaccount/tokens_controller.go generateTokenIfNeeded), which here is there at once.
func (o *object) secretKeys(in *corev1.Secret) map[string]int {
	data, all := sizes(in.Data), sizes(in.Data)
	maps.Copy(all, sizes(in.StringData))
	for _, key := range typedKeys[in.Type] {
		if _, there := all[key]; !there {
			o.root().field("type").errorf("%s needs the key %s in data", in.Type, key)
		}
	}
	switch in.Type {
	case corev1.SecretTypeBasicAuth:
		_, user := all[corev1.BasicAuthUsernameKey]
		if _, password := all[corev1.BasicAuthPasswordKey]; !user && !password {
			o.root().field("type").errorf("%s needs the key %s or %s in data", in.Type, corev1.BasicAuthUsernameKey, corev1.BasicAuthPasswordKey)
		}
	case corev1.SecretTypeServiceAccountToken:
		if in.Annotations[corev1.ServiceAccountNameKey] == "" {
			o.root().field("type").errorf("%s needs the annotation %s", in.Type, corev1.ServiceAccountNameKey)
		}
		for _, key := range []string{corev1.ServiceAccountTokenKey, corev1.ServiceAccountRootCAKey, corev1.ServiceAccountNamespaceKey} {
			data[key] = max(data[key], 0)
		}
	}
	return data
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
		u.add(p.fields("configMap", "name"), model.KindConfigMap, c.Name, c.Optional, files(p.fields("configMap"), c.Items, c.DefaultMode)...)
	}
	if c := v.Secret; c != nil {
		u.add(p.fields("secret", "secretName"), model.KindSecret, c.SecretName, c.Optional, files(p.fields("secret"), c.Items, c.DefaultMode)...)
	}
	if v.Projected == nil {
		return
	}
	refuseMode(p.fields("projected", "defaultMode"), v.Projected.DefaultMode)
	for i := range v.Projected.Sources {
		at, from := p.fields("projected", "sources").item(i), &v.Projected.Sources[i]
		if c := from.ConfigMap; c != nil {
			u.add(at.fields("configMap", "name"), model.KindConfigMap, c.Name, c.Optional, files(at.fields("configMap"), c.Items, nil)...)
		}
		if c := from.Secret; c != nil {
			u.add(at.fields("secret", "name"), model.KindSecret, c.Name, c.Optional, files(at.fields("secret"), c.Items, nil)...)
		}
	}
}

// files is the keys that become files, and where (validateKeyToPath).
func files(p *place, items []corev1.KeyToPath, defaultMode *int32) (keys []string) {
	refuseMode(p.field("defaultMode"), defaultMode)
	for i := range items {
		k, at := &items[i], p.field("items").item(i)
		keys = append(keys, k.Key)
		if k.Key == "" {
			at.field("key").errorf("is missing")
		}
		switch first, _, _ := strings.Cut(k.Path, "/"); {
		case k.Path == "":
			at.field("path").errorf("is missing")
		case k.Path[0] == '/' || strings.HasPrefix(first, "..") || slices.Contains(strings.Split(k.Path, "/"), ".."):
			at.field("path").errorf("%s is not within the volume: write one such as app/app.conf", strict.Quote(k.Path))
		}
		refuseMode(at.field("mode"), k.Mode)
	}
	return keys
}

func refuseMode(p *place, mode *int32) {
	if mode != nil && (*mode < 0 || *mode > 0o777) {
		p.errorf("%d is none of 0 to 0777: begin an octal number with 0", *mode)
	}
}

// ofEnvironment has envFrom before env, as a kubelet reads them
// (pkg/kubelet/kubelet_pods.go makeEnvironmentVariables).
func (u *uses) ofEnvironment(p *place, c *corev1.Container) {
	for i := range c.EnvFrom {
		at, from := p.field("envFrom").item(i), &c.EnvFrom[i]
		if (from.ConfigMapRef == nil) == (from.SecretRef == nil) { // ValidateEnvFrom
			at.errorf("must be one of configMapRef and secretRef")
		}
		if r := from.ConfigMapRef; r != nil {
			u.add(at.fields("configMapRef", "name"), model.KindConfigMap, r.Name, r.Optional)
		}
		if r := from.SecretRef; r != nil {
			u.add(at.fields("secretRef", "name"), model.KindSecret, r.Name, r.Optional)
		}
	}
	for i := range c.Env {
		at, from := p.field("env").item(i).field("valueFrom"), c.Env[i].ValueFrom
		if c.Env[i].Name == "" { // ValidateEnv
			p.field("env").item(i).field("name").errorf("is missing")
		}
		if from == nil {
			continue
		}
		refuseValueFrom(at, from, c.Env[i].Value)
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

// refuseValueFrom is about a variable that has its value from nowhere, or from more than one place
// (validateEnvVarValueFrom).
func refuseValueFrom(p *place, from *corev1.EnvVarSource, value string) {
	n := 0
	for _, said := range []bool{from.FieldRef != nil, from.ResourceFieldRef != nil, from.ConfigMapKeyRef != nil, from.SecretKeyRef != nil, from.FileKeyRef != nil} {
		if said {
			n++
		}
	}
	switch {
	case n != 1:
		p.errorf("must be one of fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef and fileKeyRef")
	case value != "":
		p.errorf("must not be there beside a value")
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
