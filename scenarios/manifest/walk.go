package manifest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"orrery/model"
	"orrery/scenarios/strict"
)

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// walk goes through an object's values and the API type side by side. It finds
// what the decoder of JSON would find, but with places, and all of it; and it
// finds what the model does not act on.
type walk struct {
	*object
	suggestions int // still to be made; each takes a while
}

func walkType(o *object, t reflect.Type) {
	w := walk{object: o, suggestions: 20}
	w.value(o.v, t, "")
}

func (w *walk) errorf(v strict.Value, format string, a ...any) {
	w.set.decoder.wrong++
	v.Errorf(format, a...)
}

// value checks v against t. The path is the fields that lead to it, without
// indexes; it is "-" below what is known not to be acted on.
func (w *walk) value(v strict.Value, t reflect.Type, path string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v.IsNull() {
		return // to Kubernetes the same as a field not given
	}
	if check := special[t]; check != nil {
		if wrong := check(v); wrong != "" {
			w.errorf(v, "%s", wrong)
		}
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		w.fields(v, t, path)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			w.scalar(v, isBase64)
			return
		}
		if w.shaped(v, v.IsList(), "a list") {
			for _, item := range v.List() {
				w.value(item, t.Elem(), path)
			}
		}
	case reflect.Map:
		if w.shaped(v, v.IsMap(), "a map") {
			for _, e := range v.Entries() {
				w.value(e.Value, t.Elem(), path)
			}
		}
	case reflect.String:
		w.scalar(v, isText)
	case reflect.Bool:
		w.scalar(v, isBool)
	case reflect.Int32, reflect.Int64, reflect.Int:
		w.scalar(v, func(v strict.Value) string { return isInt(v, t.Bits()) })
	}
}

func (w *walk) shaped(v strict.Value, ok bool, want string) bool {
	if !ok {
		w.errorf(v, "want %s, found %s", want, shape(v))
	}
	return ok
}

func shape(v strict.Value) string {
	switch {
	case v.IsList():
		return "a list"
	case v.IsMap():
		return "a map"
	}
	return strict.Quote(v.Raw())
}

func (w *walk) scalar(v strict.Value, check func(strict.Value) string) {
	if !w.shaped(v, v.IsScalar(), "a single value") {
		return
	}
	if wrong := check(v); wrong != "" {
		w.errorf(v, "%s", wrong)
	}
}

// fields checks every field of a map against the struct it is to become.
func (w *walk) fields(v strict.Value, t reflect.Type, path string) {
	if !w.shaped(v, v.IsMap(), "a map") {
		return
	}
	known := w.set.decoder.fieldsOf(t)
	for _, e := range v.Entries() {
		name := lastStep(e)
		ft, ok := known.types[name]
		if !ok {
			w.unknown(e, name, known)
			continue
		}
		below := w.acted(e, path, name)
		w.value(e.Value, ft, below)
	}
}

// lastStep is the key of an entry as it is written.
func lastStep(e strict.Entry) string {
	key, err := strconv.Unquote(string(e.Key.JSON()))
	if err != nil {
		return string(e.Key.JSON()) // of a number or a truth value
	}
	return key
}

// unknown reports a field that the API does not have, as kubectl apply does
// (--validate=strict); what a cluster printed may be newer or older than we are.
func (w *walk) unknown(e strict.Entry, name string, known structFields) {
	if w.set.snapshot {
		w.set.decoder.notes.add("snapshot unknown field "+name, Note{
			Position: e.Value.KeyPos(), Object: w.path(), What: e.Value.Path() + ": no such field in Kubernetes 1.35",
		})
		return
	}
	hint := ""
	if w.suggestions > 0 {
		w.suggestions--
		hint = strict.DidYouMean(name, known.names)
	}
	w.set.decoder.wrong++
	e.Value.KeyErrorf("unknown field%s", hint)
}

// acted is the path of the field e, or "-" if it is not acted on, which is noted.
func (w *walk) acted(e strict.Entry, path, name string) string {
	if path == "-" || path == "+" {
		return path
	}
	if path != "" {
		path += "."
	}
	path += name
	switch m := w.kind.acted.mark(path); {
	case m == wholly, onlyGPUs(path, e.Value), w.kind.kind == model.KindService && onlyTopology(path, e.Value):
		return "+"
	case w.set.state && path == "spec.volumes": // claims are acted on, and no other volume matters where it is
		return "+"
	case m == partly:
		return path
	}
	if w.set.snapshot && (strings.HasPrefix(path, "status")) || isEmpty(e.Value) {
		return "-"
	}
	what := path + ": not modeled"
	w.set.decoder.notes.add(w.kind.typed.kind+" "+what, Note{Position: e.Value.KeyPos(), Object: w.object.path(), What: what})
	return "-"
}

// isEmpty tells whether a field says nothing: null, {} or [].
func isEmpty(v strict.Value) bool {
	return v.IsNull() || v.IsMap() && len(v.Entries()) == 0 || v.IsList() && len(v.List()) == 0
}

// structFields is the fields of an API struct by their names in JSON.
type structFields struct {
	types map[string]reflect.Type
	names []string
}

func (d *Decoder) fieldsOf(t reflect.Type) structFields {
	if f, ok := d.structs[t]; ok {
		return f
	}
	f := structFields{types: map[string]reflect.Type{}}
	collect(t, &f)
	d.structs[t] = f
	return f
}

func collect(t reflect.Type, into *structFields) {
	for i := range t.NumField() {
		field := t.Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case strings.Contains(options, "inline") || field.Anonymous && name == "":
			collect(field.Type, into)
		case name != "" && name != "-":
			into.types[name] = field.Type
			into.names = append(into.names, name)
		}
	}
}

// special checks values of types that read themselves. A check returns what is
// wrong, or "".
var special = map[reflect.Type]func(strict.Value) string{
	typeOf[resource.Quantity]():    isQuantity,
	typeOf[intstr.IntOrString]():   isIntOrText,
	typeOf[metav1.Time]():          isTime,
	typeOf[metav1.MicroTime]():     isTime,
	typeOf[metav1.Duration]():      isText,
	typeOf[metav1.FieldsV1]():      func(strict.Value) string { return "" },
	typeOf[runtime.RawExtension](): func(strict.Value) string { return "" },
}

// text is v if it is a text in JSON.
func text(v strict.Value) (string, bool) {
	data := v.JSON()
	if !v.IsScalar() || len(data) == 0 || data[0] != '"' {
		return "", false
	}
	return unquote(data), true
}

func isText(v strict.Value) string {
	s, ok := text(v)
	if !ok {
		return "want a text, found " + strict.Escape(v.Raw()) + ": put it in quotes"
	}
	return printable(s)
}

// printable refuses what must not reach a terminal or a log. Lines and tabs are
// fine: scripts and configuration are full of them, and we keep none of those.
func printable(s string) string {
	for _, r := range s {
		if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f || unicode.Is(unicode.Bidi_Control, r) || r == utf8.RuneError {
			return fmt.Sprintf("%s holds the character %U, which must not be in a text", strict.Quote(s), r)
		}
	}
	return ""
}

func isBool(v strict.Value) string {
	if s := string(v.JSON()); s != "true" && s != "false" {
		return "want true or false, found " + found(v)
	}
	return ""
}

func isInt(v strict.Value, bits int) string {
	data := string(v.JSON())
	if _, err := strconv.ParseInt(data, 10, bits); err == nil {
		return ""
	}
	if strings.Trim(v.Raw(), "-0123456789") == "" && data != "" && data[0] != '"' {
		return strict.Escape(v.Raw()) + " does not fit into " + strconv.Itoa(bits) + " bits"
	}
	return "want a whole number, found " + found(v)
}

// found is a scalar for people, with a word about quotes that are in the way.
func found(v strict.Value) string {
	if _, ok := text(v); ok {
		return "the text " + strict.Quote(v.Raw())
	}
	return strict.Escape(v.Raw())
}

func isBase64(v strict.Value) string {
	s, ok := text(v)
	if _, err := base64.StdEncoding.DecodeString(s); !ok || err != nil {
		return "want base64"
	}
	return ""
}

func isIntOrText(v strict.Value) string {
	if _, ok := text(v); ok {
		return isText(v)
	}
	if wrong := isInt(v, 32); wrong != "" {
		return "want a whole number or a text such as 25%, found " + shape(v)
	}
	return ""
}

func isTime(v strict.Value) string {
	s, ok := text(v)
	if _, err := time.Parse(time.RFC3339Nano, s); !ok || err != nil {
		return "want a time such as 2026-01-02T15:04:05Z, found " + shape(v)
	}
	return ""
}

func isQuantity(v strict.Value) string {
	const want = " is no amount such as 500m, 64Mi or 2"
	data := v.JSON()
	if !v.IsScalar() {
		return shape(v) + want
	}
	s := unquote(data)
	if len(data) == 0 {
		return "" // not finite, which was said
	}
	if len(s) > 64 {
		return strict.Quote(s) + want
	}
	if _, err := resource.ParseQuantity(s); err == nil {
		return ""
	}
	without := strings.TrimSuffix(s, "B")
	if _, err := resource.ParseQuantity(without); err == nil && without != s && without != "" {
		return strict.Quote(s) + want + "; write " + without + " for powers of ten, " + strings.TrimSuffix(without, "i") + "i for powers of two"
	}
	return strict.Quote(s) + want
}

func unquote(data []byte) string {
	var s string
	if json.Unmarshal(data, &s) != nil {
		return string(data)
	}
	return s
}
