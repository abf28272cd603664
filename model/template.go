package model

import (
	"reflect"
	"strconv"

	"orrery/sim"
)

// alphabet is without vowels and look-alikes, so that no hash and no end of a name reads
// as a word (k8s.io/apimachinery/pkg/util/rand SafeEncodeString).
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

// ComputeHash is the pod-template-hash of the template: equal for templates
// that print the same, whoever made them and in whatever run. Kubernetes
// hashes the printed template to 32 bits and encodes the decimal digits
// (pkg/util/hash/hash.go, pkg/controller/controller_utils.go ComputeHash); the
// printed form is ours, so the letters differ from a real cluster's.
func (t *Template) ComputeHash() string {
	text := appendValue(nil, reflect.ValueOf(t.Labels))
	text = appendValue(text, reflect.ValueOf(t.Spec))
	if t.Rest != 0 {
		text = strconv.AppendUint(text, t.Rest, 10)
	}
	digits := strconv.FormatUint(sim.HashName(string(text))>>32, 10)
	encoded := make([]byte, len(digits))
	for i := range len(digits) {
		encoded[i] = alphabet[int(digits[i])%len(alphabet)]
	}
	return string(encoded)
}

// derived are the fields that say nothing of their own: sums of other fields, and
// what follows from the rest of a template, or comes from the StatefulSet around it.
var derived = map[string]bool{"Subdomain": true, "Request": true, "ScoredRequest": true, "Security": true, "EphemeralLimit": true, "Ports": true, "Known": true, "AccountKnown": true}

// optional are the fields that say nothing if they are nil or false.
var optional = map[string]bool{
	"Placement": true, "EmptyDirs": true, "ReadinessGates": true, "PodLevel": true, "AsksForNoCPU": true, "AsksForNoMemory": true,
	"NodeName": true, "NeverPreempts": true, "Classed": true, "Workload": true, "GPU": true, "Sysctls": true, "Ndots": true, "Account": true, "NoToken": true, "TokenSaid": true,
	"Made": true, "Timeout": true, "Grace": true, "Handler": true, "NoPort": true, "Restart": true, "RestartForCPU": true, "RestartForMemory": true,
	"Env": true, "Configs": true, "RootDenied": true,
}

// appendValue prints what v holds, field by field and through pointers, so
// that a field added to a spec counts without anybody thinking of it.
func appendValue(to []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return append(to, "nil,"...)
		}
		return appendValue(to, v.Elem())
	case reflect.Struct:
		to = append(to, '{')
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; !derived[name] && !(optional[name] && v.Field(i).IsZero()) {
				to = append(append(to, name...), ':')
				to = appendValue(to, v.Field(i))
			}
		}
		return append(to, '}', ',')
	case reflect.Slice:
		to = append(to, '[')
		for i := range v.Len() {
			if l, ok := v.Index(i).Interface().(Label); ok && l.Key == LabelTemplateHash {
				continue
			}
			to = appendValue(to, v.Index(i))
		}
		return append(to, ']', ',')
	case reflect.String:
		return append(strconv.AppendQuote(to, v.String()), ',')
	case reflect.Bool:
		return append(strconv.AppendBool(to, v.Bool()), ',')
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return append(strconv.AppendInt(to, v.Int(), 10), ',')
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return append(strconv.AppendUint(to, v.Uint(), 10), ',')
	}
	panic("model: a template holds a " + v.Kind().String() + ", which has no printed form")
}
